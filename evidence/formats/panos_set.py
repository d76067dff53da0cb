"""`set` lines of PAN-OS (`set cli config-output-format set`, then `show` in configuration mode) as a tree of words.

A quoted text may go over several lines. Commands that take away or move what was set are not carried out: they are
unread, and nothing is proven of a file that holds one.
"""

from __future__ import annotations

import re

from evidence.formats.panos_known import ROOT
from evidence.formats.panos_tree import LONGEST_WORD, UNREAD, Node, Tree
from evidence.rules import Artefact

WORD = re.compile(r"""\s*(?:"([^"]*)"|'([^']*)'|([^\s]+))""")
PROMPT = re.compile(
    r"(?:[\w.-]{1,64}@[\w.()-]{1,64}[>#](?: .*)?|\[edit[^\]]{0,200}\]|Entering configuration mode"
    r"|Exiting configuration mode)"
)
SILENT = frozenset({"configure", "exit", "quit", "show", "commit", "run", "top", "up", "save", "validate", "check"})
TAKES_AWAY = frozenset({"delete", "move", "rename", "copy", "edit", "override", "load", "revert", "clone"})
# Words of a rule or an address that have one value, or several in brackets
SINGLE = frozenset(
    ("from", "to", "source", "destination", "service", "application", "action", "source-user", "category",
     "negate-source", "negate-destination", "disabled", "log-start", "log-end", "log-setting", "description", "tag",
     "group-tag", "schedule", "rule-type", "source-hip", "destination-hip", "hip-profiles", "icmp-unreachable",
     "uuid", "to-interface", "nat-type", "ip-netmask", "ip-range", "fqdn", "ip-wildcard")
)  # fmt: skip
ADDRESSES = frozenset({"ip-netmask", "ip-range", "fqdn", "ip-wildcard"})
LONGEST = 200  # lines of one quoted text
MOST_WORDS = 100  # of one statement; those in brackets are one
OPEN = "a quotation mark is not closed, or closed after other statements"
NOT_DONE = "it changes what was set, and is not carried out"


def read(artefact: Artefact) -> Tree:
    """The tree of a file of `set` lines."""
    tree = Tree(artefact)
    index: dict[tuple[int, str], Node] = {}
    number = 0
    while number < len(tree.lines):
        number += 1
        text = tree.lines[number - 1].strip()
        first = text.partition(" ")[0].partition("\t")[0]
        if not text or text.startswith(("#", "!")) or PROMPT.fullmatch(text) or first in SILENT:
            tree.owners.append((number, None))
            continue
        if first != "set":
            if text.split()[1:2] and text.split()[1] in ROOT:
                tree.owners.append((number, None))  # of a section that says nothing about traffic
            else:
                _unread(tree, number, NOT_DONE if first in TAKES_AWAY else "it is no `set` statement")
            continue
        last = _ends(tree.lines, number)
        if last is None:
            _unread(tree, number, OPEN)
            continue
        items = _items("\n".join([text, *tree.lines[number:last]]))[1:]
        if len(items) > MOST_WORDS or any(len(word) > LONGEST_WORD for one in items for word in _flat(one)):
            _unread(tree, number, f"it has more than {MOST_WORDS} words, or one of more than {LONGEST_WORD} characters")
            continue
        for path, values in _apart(items):
            _add(tree, index, path, values, number, last)
        number = last
    tree.root.last = len(tree.lines)
    return tree


def _ends(lines: list[str], number: int) -> int | None:
    """The line on which the statement ends that begins on a line; None when a quotation is never closed."""
    quote = _left_open(lines[number - 1], "")
    at = number
    while quote:
        at += 1
        if at > len(lines) or at - number > LONGEST or lines[at - 1].startswith("set "):
            return None
        quote = _left_open(lines[at - 1], quote)
    return at


def _left_open(text: str, quote: str) -> str:
    """The quotation mark that is open at the end of a line. A mark opens where a word begins."""
    at = 0
    while at < len(text):
        sign = text[at]
        if quote:
            end = text.find(quote, at)
            if end < 0:
                return quote
            at, quote = end + 1, ""
        elif sign in "\"'":
            quote, at = sign, at + 1
        elif sign.isspace():
            at += 1
        else:
            while at < len(text) and not text[at].isspace():
                at += 1
    return quote


def _items(text: str) -> list[str | list[str]]:
    """The words of a statement; several in brackets are one item."""
    found: list[str | list[str]] = []
    inside: list[str] | None = None
    for hit in WORD.finditer(text.rstrip()):  # with blanks at its end, each would be tried as a beginning
        word = next(part for part in hit.groups() if part is not None)
        bare = hit[3] is not None
        if bare and word == "[" and inside is None:
            inside = []
        elif bare and word == "]" and inside is not None:
            found.append(inside)
            inside = None
        elif inside is not None:
            inside.append(word)
        else:
            found.append(word)
    return [*found, *(["[", *inside] if inside is not None else [])]


def _apart(items: list[str | list[str]]) -> list[tuple[list[str], list[str]]]:
    """(path, values) of each word that a statement sets: a person may have typed several of one rule or object."""
    base = next((place + 2 for place, one in enumerate(items) if one == "rules"), 0) or next(
        (place + 2 for place, one in enumerate(items[:-2]) if one == "address" and _kind(items[place + 2])), 0
    )
    found: list[tuple[list[str], list[str]]] = []
    rest = items[base:] if base else []
    while len(rest) > 1 and isinstance(rest[0], str) and rest[0] in SINGLE:
        found.append(_path([*items[:base], *rest[:2]]))
        rest = rest[2:]
    return found if found and not rest else [*found, _path([*items[:base], *rest] if base else items)]


def _kind(item: str | list[str]) -> bool:
    """Whether it is a kind of address, and no list in brackets."""
    return isinstance(item, str) and item in ADDRESSES


def _flat(item: str | list[str]) -> list[str]:
    return item if isinstance(item, list) else [item]


def _path(items: list[str | list[str]]) -> tuple[list[str], list[str]]:
    """A path and the values at its end, where those stood in brackets."""
    words = [word for one in items[:-1] for word in _flat(one)]
    last = items[-1] if items else []
    return (words, last) if isinstance(last, list) else ([*words, last], [])


def _add(
    tree: Tree, index: dict[tuple[int, str], Node], path: list[str], values: list[str], number: int, last: int
) -> None:
    """A path of words, at its end several values where they stood in brackets."""
    at = tree.root
    for word in path:
        at = _below(at, word, index, number)
        at.last = max(at.last, last)
    owned = [_below(at, word, index, number) for word in values] or [at]
    for line in range(number, last + 1):
        tree.owners += [(line, node) for node in owned]


def _below(above: Node, word: str, index: dict[tuple[int, str], Node], number: int) -> Node:
    key = (id(above), word)
    found = index.get(key)
    if found is None:
        found = index[key] = Node(word, "word", number, last=number)
        above.children.append(found)
    return found


def _unread(tree: Tree, number: int, why: str) -> None:
    node = Node(tree.lines[number - 1].strip(), "text", number, last=number, state=UNREAD, whole=True, why=why)
    tree.root.children.append(node)
    tree.owners.append((number, node))
