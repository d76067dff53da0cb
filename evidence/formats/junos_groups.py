"""What a Junos configuration inherits: groups with their wildcards, and ranges of interfaces.

What is configured at a place holds before what is inherited there; of several groups the first named one does, and a
group applied further inside before one applied further out. Rules that are inherited stand behind a list's own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from evidence.formats.cursor import Account
from evidence.formats.junos_text import DEEPEST, Node

APPLY, EXCEPT = "apply-groups", "apply-groups-except"
NODES = {"${node}": re.compile(r"node\d+"), "${re}": re.compile(r"re\d+")}
NO_NAMES = frozenset({APPLY, EXCEPT, "groups", "interface-range", "interface-set", "traceoptions"})
MOST = 300_000  # inherited words
RANGE = re.compile(r"(.*?)(\d+)$")
MOST_MEMBERS = 4096
LONGEST_NAME = 1000  # characters; Junos takes 255


class Inheritance:
    """Brings into a tree what it inherits."""

    def __init__(self, root: Node, account: Account) -> None:
        self._root, self._account = root, account
        held = root.children.get("groups")
        self._groups = held.children if held is not None and not held.inactive else {}
        self._made = 0
        self._places: list[tuple[int, tuple[str, ...], Node, list[str]]] = []
        for name, group in self._groups.items():
            self._check(name, group)
        self._find(root, ())
        for depth, path, node, names in sorted(self._places, key=lambda one: -one[0]):
            for place, name in enumerate(names, start=1):
                self._apply(name, path, node, (DEEPEST - depth) * 1000 + place)
        _ranges(root, self, account)
        self._strip()

    def _check(self, name: str, group: Node) -> None:
        for number in {number for node in group.every() for number in node.lines}:
            self._account.consume(number)
        for node in group.every():
            if node.word in {APPLY, EXCEPT, "when"} and not group.inactive:
                for number in node.numbers()[:1]:
                    said = "a group holds under conditions, or applies another"
                    self._account.fail(number, f"{name} {node.says()}", said)

    def _find(self, node: Node, path: tuple[str, ...]) -> None:
        for child in node.live():
            if child.word == APPLY:
                names = [name for one in child.live() for name in self._named(one)]
                self._places.append((len(path), path, node, names))
            elif path or child.word != "groups":
                self._find(child, (*path, child.word))

    def _strip(self) -> None:
        """What only said from where to inherit is no statement to anybody else."""
        for node in self._root.every():
            for word in {APPLY, EXCEPT} & node.children.keys():
                gone = node.children.pop(word)
                for number in gone.numbers():
                    self._account.consume(number)
                node.lend(gone)

    def _named(self, one: Node) -> list[str]:
        for number in one.lines:
            self._account.consume(number)
        for number in one.numbers() if one.children else ():
            self._account.fail(number, one.says(), "a name of a group is the last word of its statement")
        pattern = NODES.get(one.word)
        if pattern is not None:
            return [name for name in self._groups if pattern.fullmatch(name)]
        if one.word in self._groups:
            return [one.word]
        if one.word != "junos-defaults":
            for number in one.lines:
                self._account.fail(number, one.word, f"group {one.word} is not defined: what it says is not known")
        return []

    def _apply(self, name: str, path: Sequence[str], node: Node, rank: int) -> None:
        group = self._groups[name]
        found = [group] if not group.inactive else []
        for word in path:
            found = [below for one in found for below in one.live() if below.word == word or _fits(below.word, word)]
        for source in found:
            self.merge(node, source, rank, name)

    def merge(self, target: Node, source: Node, rank: int, group: str = "") -> None:
        """Everything below `source` into `target`, behind and below what it says itself."""
        except_ = target.children.get(EXCEPT)
        if except_ is not None and group in except_.children:
            return
        below = [child for child in source.live() if child.word not in {APPLY, EXCEPT, "when"}]
        for child in below:
            if _is_wild(child.word):
                continue
            if self._is_too_much(source):
                return
            held = target.children.get(child.word)
            if held is None:
                held = target.children[child.word] = Node(child.word, lines=list(child.lines), rank=rank)
            if not held.inactive:
                self.merge(held, child, rank, group)
        for child in below:
            for word, held in list(target.children.items()) if _is_wild(child.word) else ():
                if not _fits(child.word, word) or held.inactive or word in NO_NAMES:
                    continue
                if self._is_too_much(source):
                    return
                self.merge(held, child, rank, group)

    def _is_too_much(self, source: Node) -> bool:
        self._made += 1
        if self._made == MOST:
            for number in source.numbers()[:1]:
                self._account.fail(number, source.says(), "more is inherited than is spelt out")
        return self._made >= MOST


def _is_wild(word: str) -> bool:
    return word.startswith("<") and word.endswith(">")


def _fits(pattern: str, word: str) -> bool:
    return _is_wild(pattern) and matches(word, pattern[1:-1])


def matches(name: str, pattern: str) -> bool:
    """Whether a name fits a pattern. One longer than any name fits none: brackets that nothing closes would be looked
    for as many times as there are of them."""
    return len(pattern) <= LONGEST_NAME and fnmatchcase(name, pattern)


def below(root: Node, words: Iterable[str]) -> list[Node]:
    """What stands at a path with wildcards (`apply-path`)."""
    found = [root]
    for word in words:
        found = [child for one in found for child in one.live() if child.word == word or _fits(word, child.word)]
    return found


def _ranges(root: Node, inheritance: Inheritance, account: Account) -> None:
    """`interface-range R { member ge-0/0/1; member-range ge-0/0/2 to ge-0/0/5; … }`."""
    interfaces = root.at("interfaces")
    held = interfaces.at("interface-range") if interfaces is not None else None
    if interfaces is None or held is None:
        return
    for one in held.live():
        source = Node(one.word, {word: child for word, child in one.children.items()
                                 if not word.startswith("member") and word != "description"})  # fmt: skip
        for member in _members(one, interfaces):
            target = interfaces.children.setdefault(member, Node(member, lines=one.lines[:1], rank=1))
            inheritance.merge(target, source, 1)
        for node in one.every():
            for number in node.lines:
                account.consume(number)
    interfaces.children.pop("interface-range")


def _members(one: Node, interfaces: Node) -> list[str]:
    found: list[str] = []
    for word in one.words("member"):
        if any(sign in word for sign in "*?["):
            found += [name for name in interfaces.children if matches(name, word)]
        else:
            found.append(word)
    for low in one.words("member-range"):
        high = one.chosen("member-range", low, "to")
        ends = (RANGE.fullmatch(low), RANGE.fullmatch(high))
        if ends[0] is None or ends[1] is None or ends[0][1] != ends[1][1] or max(len(low), len(high)) > 40:
            found.append(low)
            continue
        first, last = int(ends[0][2]), int(ends[1][2])
        found += [f"{ends[0][1]}{number}" for number in range(first, min(last, first + MOST_MEMBERS) + 1)]
    return [name for name in dict.fromkeys(found) if name != "interface-range"]
