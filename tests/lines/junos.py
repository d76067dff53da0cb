"""Firewall filters of Junos for the reference: found in braces or `set` lines, each term as a formula.

A term is known by the line that first names it. A form that is not known here leaves its filter out, with the reason.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from tests.lines.formulas import Bits, Formula
from tests.lines.meanings import LeftOut, Meaning
from tests.lines.words import JUNOS_ICMP, JUNOS_ICMP6, JUNOS_PORTS, JUNOS_PROTOCOLS

WORD = re.compile(r'"(?:[^"\\]|\\.)*"|[{};\[\]]|[^\s{};\[\]"]+')
COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
HEADS = ("set", "deactivate", "activate")
STOPS = frozenset({"accept", "discard", "reject"})
QUIET = frozenset({"interface-specific"})  # of a filter: says nothing of packets
SOMETIMES = frozenset({  # a condition that no formula here can say: the term may match all that the rest says
    "dscp", "dscp-except", "precedence", "precedence-except", "ttl", "ttl-except", "packet-length", "interface",
    "packet-length-except", "interface-group", "forwarding-class", "ip-options", "traffic-class", "hop-limit",
    "loss-priority", "source-class", "destination-class", "interface-set",
})  # fmt: skip
FRAGMENTS = frozenset({"first-fragment", "is-fragment", "fragment-offset", "fragment-flags"})
WITH_PORTS = frozenset({6, 17, 132})


@dataclass(slots=True)
class Node:
    """A word with what stands below it, in order. `line`: where it was first said."""

    line: int
    kids: dict[str, Node] = field(default_factory=dict)
    inactive: bool = False

    def at(self, *path: str) -> Node | None:
        """What stands below these words, one below the other."""
        found: Node | None = self
        for word in path:
            found = found.kids.get(word) if found is not None else None
        return found

    def add(self, path: list[str], line: int) -> Node:
        """Below itself, one word below the other."""
        found = self
        for word in path:
            found = found.kids.setdefault(word, Node(line))
        return found

    def words(self) -> Iterator[str]:
        """Every word below."""
        for word, kid in self.kids.items():
            yield word
            yield from kid.words()


@dataclass(slots=True)
class Filter:
    """One filter. `chain`: as Eastwest names it; `of`: what each term means, by its line. Raises LeftOut."""

    name: str
    chain: str
    family: int
    of: Callable[[], dict[int, Meaning]]


def is_junos(text: str) -> bool:
    """Whether it is a configuration of Junos, in either form."""
    return bool(re.search(r"^\s*firewall\s*\{|^set firewall ", text, re.MULTILINE))


def filters(text: str, bits: Bits) -> list[Filter]:
    """Every filter of IPv4 and IPv6 that stands outside of groups."""
    root = _braces(text) if re.search(r"^\s*firewall\s*\{", text, re.MULTILINE) else _lines(text)
    firewall = root.at("firewall")
    if firewall is None:
        return []
    found: list[Filter] = []
    for family, holder in ((4, firewall), (4, firewall.at("family", "inet")), (6, firewall.at("family", "inet6"))):
        listed = holder.at("filter") if holder is not None else None
        for name, node in listed.kids.items() if listed is not None else ():
            chain = f"filter{6 if family == 6 else ''}/{name}"
            found.append(Filter(name, chain, family, _Terms(root, node, family, bits).meanings))
    return found


def _braces(text: str) -> Node:
    root = Node(0)
    blank = COMMENT.sub(lambda found: "\n" * found[0].count("\n"), text)
    stack, words, lists = [root], list[tuple[str, int]](), list[str]()
    inside = inactive = False
    for number, line in enumerate(blank.splitlines(), start=1):
        for word in WORD.findall(line.partition("#")[0]):
            if word in "[]":
                inside = word == "["
            elif inside:
                lists.append(word.strip('"'))
            elif word == "}":
                stack.pop()
            elif word in "{;":
                made = stack[-1].add([one for one, _ in words], words[0][1]) if words else stack[-1]
                for one in lists:
                    made.add([one], number)
                made.inactive |= inactive
                if word == "{":
                    stack.append(made)
                words, lists, inactive = [], [], False
            elif word == "inactive:" or (word == "protect:" and not words):
                inactive = inactive or word == "inactive:"
            else:
                words.append((word.strip('"'), number))
    return root


def _lines(text: str) -> Node:
    root = Node(0)
    for number, line in enumerate(text.splitlines(), start=1):
        head, *path = WORD.findall(line) or [""]
        if head not in HEADS:
            continue
        plain = [one.strip('"') for one in path if one not in "[]"]
        opened = path.index("[") if "[" in path else -1
        if head == "set" and opened >= 0:
            for one in plain[opened:]:
                root.add([*plain[:opened], one], number)
        elif head == "set":
            root.add(plain, number)
        elif (named := root.at(*plain)) is not None:
            named.inactive = head == "deactivate"
    return root


class _Terms:
    """The terms of one filter."""

    def __init__(self, root: Node, node: Node, family: int, bits: Bits) -> None:
        self._root, self._node, self._bits = root, node, bits
        self._six = family == 6
        self._all = bits.matching("six", int(self._six))

    def meanings(self) -> dict[int, Meaning]:
        """The line of each term -> what it means. Raises LeftOut."""
        groups = self._root.at("groups")
        if "apply-groups" in self._root.kids and groups is not None and "firewall" in set(groups.words()):
            raise LeftOut("groups that hold parts of a firewall")
        firewall = self._root.at("firewall")
        if firewall is not None and {"replace:", "delete:"} & set(firewall.words()):
            raise LeftOut("parts that replace others")
        if {"apply-groups", "apply-groups-except"} & set(self._node.words()):
            raise LeftOut("groups that are applied within")
        strange = self._node.kids.keys() - {"term"} - QUIET
        if strange or self._node.inactive:
            raise LeftOut(f"a filter with {min(strange, default='nothing in force')}")
        terms = self._node.at("term")
        return {one.line: self._term(one) for one in (terms.kids.values() if terms is not None else ())}

    def _term(self, term: Node) -> Meaning:
        if term.inactive:
            return Meaning(self._bits.false, self._bits.false, judged=False)
        if term.kids.keys() - {"from", "then"} or any(one.inactive for one in _below(term)):
            raise LeftOut("a term with parts that are not known or not in force")
        may, sure, judged = self._all, True, True
        from_, does = term.at("from"), term.at("then")
        values = [value for kind in (from_.kids.values() if from_ is not None else ()) for value in kind.kids.values()]
        acts = [value for one in (does.kids.values() if does is not None else ()) for value in one.kids.values()]
        if any(one.kids.keys() - {"except"} for one in values) or any(one.kids for one in acts):
            raise LeftOut("several statements on one line")
        asked = {kind: list(node.kids) for kind, node in from_.kids.items()} if from_ is not None else {}
        protocols = self._protocols(asked)
        for kind in asked:
            if kind in SOMETIMES:
                sure = False
            elif kind in FRAGMENTS:
                sure = judged = False
            else:
                may &= self._condition(kind, asked, protocols, from_.kids[kind] if from_ is not None else term)
        then = set(does.kids) if does is not None else set()
        if "next" in then and not then & STOPS:
            sure = False
        return Meaning(may, may if sure else self._bits.false, judged)

    def _condition(self, kind: str, asked: dict[str, list[str]], protocols: set[int], node: Node) -> Formula:
        name = kind.removesuffix("-except")
        if name in {"source-address", "destination-address", "address"}:
            if {name.replace("address", "prefix-list"), kind} <= asked.keys():
                raise LeftOut("addresses beside a list of prefixes")
            return self._sides(name, [(one, "except" in kid.kids) for one, kid in node.kids.items()])
        if name in {"source-prefix-list", "destination-prefix-list", "prefix-list"}:
            return self._sides(name, [pair for one, kid in node.kids.items() for pair in self._listed(one, kid)])
        if name in {"protocol", "next-header", "payload-protocol"}:
            found = self._bits.any_of(self._numbers("proto", one, JUNOS_PROTOCOLS) for one in asked[kind])
        elif name in {"source-port", "destination-port", "port"}:
            if not protocols or not protocols <= WITH_PORTS:
                raise LeftOut("ports of a protocol without ports")
            sides = {"source-port": ["sport"], "destination-port": ["dport"]}.get(name, ["sport", "dport"])
            if len(sides) > 1 and kind != name:
                raise LeftOut("port-except")
            found = self._bits.any_of(self._numbers(side, one, JUNOS_PORTS) for side in sides for one in asked[kind])
        elif name in {"icmp-type", "icmp-code"}:
            if protocols != {58 if self._six else 1}:
                raise LeftOut("types of ICMP without the protocol")
            table = {} if name == "icmp-code" else JUNOS_ICMP6 if self._six else JUNOS_ICMP
            found = self._bits.any_of(
                self._numbers("code" if name == "icmp-code" else "kind", one, table) for one in asked[kind]
            )
        elif kind in {"tcp-established", "tcp-initial"}:
            if protocols != {6}:
                raise LeftOut("flags of TCP without the protocol")
            flag = {one: self._bits.matching(one, 1) for one in ("ack", "rst", "syn")}
            return flag["ack"] | flag["rst"] if kind == "tcp-established" else flag["syn"] & ~flag["ack"]
        else:
            raise LeftOut(f"the condition {kind}")
        return ~found if kind != name else found

    def _protocols(self, asked: dict[str, list[str]]) -> set[int]:
        found = set[int]()
        for kind in ("protocol", "next-header", "payload-protocol"):
            for word in asked.get(kind, ()):
                low, high = _span(word, JUNOS_PROTOCOLS, 255)
                found |= set(range(low, high + 1))
        return found

    def _numbers(self, field_: str, word: str, table: dict[str, int]) -> Formula:
        low, high = _span(word, table, {"sport": 65535, "dport": 65535}.get(field_, 255))
        return self._bits.between(field_, low, high)

    def _sides(self, name: str, prefixes: list[tuple[str, bool]]) -> Formula:
        """The longest prefix that holds an address says whether it is meant."""
        if not prefixes or all(except_ for _, except_ in prefixes):
            raise LeftOut("nothing but exceptions")
        if len({one for one, _ in prefixes}) != len(prefixes):
            raise LeftOut("a prefix that comes twice")
        sides = ["src"] * name.startswith("source") + ["dst"] * name.startswith("destination") or ["src", "dst"]
        if len(sides) > 1 and any(except_ for _, except_ in prefixes):
            raise LeftOut("exceptions of either end")
        found = self._bits.false
        for side in sides:
            one = self._bits.false
            for prefix, except_ in sorted(prefixes, key=lambda pair: _length(pair[0], self._six)):
                held = self._prefix(prefix, side)
                one = one & ~held if except_ else one | held
            found |= one
        return found

    def _listed(self, name: str, kid: Node) -> Iterator[tuple[str, bool]]:
        held = self._root.at("policy-options", "prefix-list", name)
        if held is None or kid.kids or "apply-path" in held.kids:
            raise LeftOut("a list of prefixes that is not written out, or an exception")
        for prefix in held.kids:
            if (":" in prefix) == self._six:
                yield prefix, False

    def _prefix(self, prefix: str, side: str) -> Formula:
        address, _, _ = prefix.partition("/")
        length, width = _length(prefix, self._six), 128 if self._six else 32
        try:
            value = int.from_bytes(socket.inet_pton(socket.AF_INET6 if self._six else socket.AF_INET, address), "big")
        except OSError as problem:
            raise LeftOut(f"address {prefix}") from problem
        return self._bits.matching(f"{side}6" if self._six else side, value, (1 << width - length) - 1)


def _below(node: Node) -> Iterator[Node]:
    for kid in node.kids.values():
        yield kid
        yield from _below(kid)


def _length(prefix: str, six: bool) -> int:
    _, _, length = prefix.partition("/")
    width = 128 if six else 32
    if length and not (length.isdigit() and int(length) <= width):
        raise LeftOut(f"address {prefix}")
    return int(length) if length else width


def _span(word: str, table: dict[str, int], top: int) -> tuple[int, int]:
    low, dash, high = word.partition("-")
    if dash and low.isdigit() and high.isdigit() and int(low) <= int(high) <= top:
        return int(low), int(high)
    value = int(word) if word.isdigit() else table.get(word, -1)
    if not 0 <= value <= top:
        raise LeftOut(f"the value {word}")
    return value, value
