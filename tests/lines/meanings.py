"""What one line of an access list matches, as a formula: read word by word, and independent of the product's reader.

A line has two formulas: what it may match, and what it surely matches. Where all is understood they are the same. With
a condition that no formula here can say (`dscp`, `ttl` …) it may match all that the rest says, and surely nothing.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import NamedTuple

from tests.lines.formulas import Bits, Formula
from tests.lines.texts import Line, Listing, Text, is_port
from tests.lines.words import ICMP, ICMP6, PORTS, PROTOCOLS

TOP = (1 << 32) - 1
OPERATORS = frozenset({"eq", "neq", "lt", "gt", "range"})
LEVELS = frozenset({"alerts", "critical", "debugging", "disable", "emergencies", "errors", "informational", "default",
                    "notifications", "warnings"})  # fmt: skip
CONDITIONS = {"dscp": 1, "precedence": 1, "tos": 1, "option": 1, "ttl": 2}
FLAGS = frozenset({"syn", "ack", "fin", "psh", "rst", "urg"})
MOST_DEPTH = 16


class LeftOut(ValueError):
    """The line has a form that is not modelled here: its list is left out, for this reason."""


class Meaning(NamedTuple):
    """What a line may match, what it surely matches, and whether anything is said of it at all (`judged`)."""

    may: Formula
    surely: Formula
    judged: bool


class Reference:
    """The lines of one configuration."""

    def __init__(self, text: Text, bits: Bits) -> None:
        self._text, self._bits = text, bits
        both = text.kind == "asa" and text.version >= 9
        self._four = bits.matching("six", 0)
        self._six = bits.matching("six", 1)
        self._both = bits.true if both else self._four
        self._all, self._family = self._both, 4
        self._words: list[str] = []

    def of(self, held: Listing, line: Line) -> Meaning:
        """One line of a list. Raises LeftOut."""
        words = self._words = list(line.words)
        self._family = held.family
        self._all = self._six if held.family == 6 else self._both
        action = words.pop(0)
        if action == "evaluate":  # answers to what a `reflect` saw, and who that was nobody knows
            return Meaning(self._all, self._bits.false, judged=True)
        try:
            found, doubted = (self._standard() if held.is_standard else self._extended()), self._bits.false
            if isinstance(found, tuple):
                found, doubted = found
            return self._options(found, doubted)
        except IndexError as problem:
            raise LeftOut("a line that ends too early") from problem

    def _standard(self) -> Formula:
        is_alone = len(self._words) == 1 or self._words[1] == "log"
        if is_alone and self._words[0] not in {"any", "any4"} and "/" not in self._words[0]:
            return self._host(self._words.pop(0), "src") & self._all
        return self._address("src") & self._all

    def _extended(self) -> Formula | tuple[Formula, Formula]:
        services = self._protocol()
        found = self._all & self._address("src")
        sport = self._ports(services, "sport")
        found &= self._address("dst")
        dport = self._ports(services, "dport")
        icmp = self._icmp(services)
        found &= sport & dport & self._bits.any_of(formula for _, formula in services)
        if icmp is None:
            return found
        doubted = self._bits.false if self._family == 6 or self._all == self._four else found & self._six
        return found & icmp & (self._six if self._family == 6 else self._four), doubted

    # --- What a line is about ------------------------------------------------------------------------------------

    def _protocol(self) -> list[tuple[int, Formula]]:
        """The protocols with the formula of each; -1: every one."""
        word = self._words.pop(0)
        if word in {"object-group", "object"}:
            return self._services(self._words.pop(0), 0)
        return [self._protocol_of(word)]

    def _protocol_of(self, word: str) -> tuple[int, Formula]:
        if word in {"ip", "ipv4", "ipv6"}:
            return -1, self._bits.true
        value = int(word) if word.isdigit() else PROTOCOLS.get(word, 256)
        if word == "icmp" and self._family == 6:
            value = 58
        if value > 255:
            raise LeftOut(f"protocol {word}")
        return value, self._bits.matching("proto", value)

    def _address(self, side: str) -> Formula:
        word = self._words.pop(0)
        if word in {"any", "any4", "any6"}:
            return {"any": self._bits.true, "any4": self._four, "any6": self._six}[word]
        if word == "host":
            return self._host(self._words.pop(0), side)
        if word in {"object-group", "addrgroup", "net-group", "object"}:
            return self._network(self._words.pop(0), side, 0)
        if word == "interface":
            raise LeftOut("the address of an interface")
        if "/" in word:
            return self._prefix(word, side)
        return self._masked(word, self._words.pop(0), side, is_mask=self._text.kind == "asa")

    def _number(self, word: str) -> int:
        parts = self._text.names.get(word, word).split(".")
        if len(parts) != 4 or not all(part.isdigit() and int(part) < 256 for part in parts):
            raise LeftOut(f"address {word}")
        return sum(int(part) << 24 - 8 * place for place, part in enumerate(parts))

    def _number6(self, word: str) -> int:
        try:
            return int.from_bytes(socket.inet_pton(socket.AF_INET6, word), "big")
        except OSError as problem:
            raise LeftOut(f"address {word}") from problem

    def _host(self, word: str, side: str) -> Formula:
        if ":" in word:
            return self._six & self._bits.matching(f"{side}6", self._number6(word))
        return self._four & self._bits.matching(side, self._number(word))

    def _prefix(self, word: str, side: str) -> Formula:
        address, _, length = word.partition("/")
        if ":" in address and length.isdigit() and int(length) <= 128:
            free = (1 << 128 - int(length)) - 1
            return self._six & self._bits.matching(f"{side}6", self._number6(address), free)
        if not length.isdigit() or int(length) > 32:
            raise LeftOut(f"address {word}")
        return self._four & self._bits.matching(side, self._number(address), (1 << 32 - int(length)) - 1)

    def _masked(self, address: str, mask: str, side: str, *, is_mask: bool) -> Formula:
        free = self._number(mask) ^ (TOP if is_mask else 0)
        return self._four & self._bits.matching(side, self._number(address), free)

    def _ports(self, services: list[tuple[int, Formula]], side: str) -> Formula:
        word = self._words[0] if self._words else ""
        if word in OPERATORS:
            self._words.pop(0)
            return self._compared(word, services, side, self._words)
        group = self._text.groups.get(self._words[1]) if len(self._words) > 1 else None
        if word in {"portgroup", "port-group"} or (word == "object-group" and group and group[0][1] == "service"):
            if group is None:
                raise LeftOut("a group that is not defined")
            del self._words[:2]
            return self._bits.any_of(self._member_ports(member, services, side) for member in group[1:])
        return self._bits.true

    def _member_ports(self, member: list[str], services: list[tuple[int, Formula]], side: str) -> Formula:
        left = member[1:] if member[0] in {"port-object"} or member[0].isdigit() else list(member)
        if not left or left[0] not in OPERATORS:
            return self._nothing_but_text(member)
        return self._compared(left[0], services, side, left[1:])

    def _nothing_but_text(self, member: list[str]) -> Formula:
        if member[0] != "description":
            raise LeftOut(f"a member that begins with {member[0]}")
        return self._bits.false

    def _compared(self, operator: str, services: list[tuple[int, Formula]], side: str, left: list[str]) -> Formula:
        protocols = {proto for proto, _ in services}
        if not protocols <= {6, 17, 132}:
            raise LeftOut("ports of a protocol without ports")
        values = [self._port(left.pop(0), protocols)]
        if operator == "range":
            values.append(self._port(left.pop(0), protocols))
            return self._bits.between(side, min(values), max(values))
        while self._text.kind in {"ios", "nxos"} and operator in {"eq", "neq"} and left and is_port(left[0]):
            values.append(self._port(left.pop(0), protocols))
        if operator == "lt":
            return ~self._bits.at_least(side, values[0])
        if operator == "gt":
            return self._bits.at_least(side, values[0] + 1)
        equal = self._bits.any_of(self._bits.matching(side, value) for value in values)
        return equal if operator == "eq" else ~equal

    def _port(self, word: str, protocols: set[int]) -> int:
        if word.isdigit() and int(word) < 1 << 16:
            return int(word)
        known = {PORTS[proto].get(word) for proto in protocols if proto in PORTS} - {None}
        value = known.pop() if len(known) == 1 else None
        if value is None:
            raise LeftOut(f"port {word}")
        return value

    def _icmp(self, services: list[tuple[int, Formula]]) -> Formula | None:
        if [proto for proto, _ in services] != [58 if self._family == 6 else 1] or not self._words:
            return None
        if self._words[0] == "object-group":
            group = self._words[1]
            del self._words[:2]
            return self._bits.any_of(self._types(group, 0))
        return self._type(self._words)

    def _types(self, name: str, depth: int) -> Iterator[Formula]:
        """A group of types: `icmp-object echo`."""
        for first, *rest in self._members(name, depth)[1:]:
            if first == "group-object":
                yield from self._types(rest[0], depth + 1)
            elif first != "description":
                found = self._type(rest) if first == "icmp-object" else None
                if found is None:
                    raise LeftOut(f"a member that begins with {first}")
                yield found

    def _type(self, left: list[str]) -> Formula | None:
        """A type and its code; None: no type stands here."""
        if left[0].isdigit():
            kind, code = int(left.pop(0)), None
            if left and left[0].isdigit():
                code = int(left.pop(0))
        elif left[0] in (known := ICMP6 if self._family == 6 else ICMP):
            kind, code = known[left.pop(0)]
        else:
            return None
        found = self._bits.matching("kind", kind)
        return found if code is None else found & self._bits.matching("code", code)

    # --- Objects and groups --------------------------------------------------------------------------------------

    def _members(self, name: str, depth: int) -> list[list[str]]:
        if name not in self._text.groups or depth > MOST_DEPTH:
            raise LeftOut("a group that is not defined")
        return self._text.groups[name]

    def _network(self, name: str, side: str, depth: int) -> Formula:
        _, *members = self._members(name, depth)
        return self._bits.any_of(self._network_member(list(member), side, depth) for member in members)

    def _network_member(self, words: list[str], side: str, depth: int) -> Formula:
        is_mask = self._text.kind in {"asa", "ios"}
        if words[0].isdigit():
            words.pop(0)
        first = words.pop(0) if words[0] in {"network-object", "subnet"} else words[0]
        if first == "group-object" or words[0] == "object":
            return self._network(words[1], side, depth + 1)
        if words[0] == "host":
            return self._host(words[1], side)
        if words[0] == "range":
            return self._four & self._bits.between(side, self._number(words[1]), self._number(words[2]))
        if words[0][0].isdigit() or words[0] in self._text.names:
            if "/" in "".join(words):
                return self._prefix("".join(words), side)
            return self._masked(words[0], words[1], side, is_mask=is_mask)
        return self._nothing_but_text(words)

    def _services(self, name: str, depth: int) -> list[tuple[int, Formula]]:
        head, *members = self._members(name, depth)
        found: list[tuple[int, Formula]] = []
        for member in members:
            words = list(member)
            first = words.pop(0)
            if first == "description":
                continue
            if first == "group-object":
                found += self._services(words[0], depth + 1)
            elif first == "protocol-object":
                found.append(self._protocol_of(words[0]))
            elif first in {"service-object", "service"} or head[1] == "service":
                found += self._service(words if first in {"service-object", "service"} else list(member))
            else:
                raise LeftOut(f"a member that begins with {first}")
        return found

    def _service(self, words: list[str]) -> list[tuple[int, Formula]]:
        """`tcp source gt 1023 destination eq https`, `tcp eq www`, `gre`, `object NAME`."""
        if words[0] == "object":
            return self._services(words[1], 1)
        names = ["tcp", "udp"] if words[0] == "tcp-udp" else [words[0]]
        found = []
        for name in names:
            proto, formula = self._protocol_of(name)
            left = words[1:]
            while left:
                side = "sport" if left[0] == "source" else "dport"
                if left[0] in {"source", "destination"}:
                    left.pop(0)
                if left[0] not in OPERATORS:
                    raise LeftOut(f"a service with {left[0]}")
                formula &= self._compared(left.pop(0), [(proto, formula)], side, left)
            found.append((proto, formula))
        return found

    # --- What stands at the end ----------------------------------------------------------------------------------

    def _options(self, found: Formula, doubted: Formula) -> Meaning:
        surely, judged = found, True
        while self._words:
            word = self._words.pop(0)
            if word in {"log", "log-input"}:
                self._log()
            elif word == "established":
                answers = self._flag("ack") | self._flag("rst")
                found, surely = found & answers, surely & answers
            elif word in {"match-any", "match-all"} or word.lstrip("+-") in FLAGS:
                self._words.insert(0, word)
                asked = self._flags()
                found, surely = found & asked, surely & asked
            elif word in {"inactive", "time-range", "fragments"}:
                # Not in force, not always, or never of a first packet: the product says nothing of such a line.
                surely, judged = self._bits.false, False
                del self._words[: word == "time-range"]
            elif word == "reflect":
                del self._words[:1]
                if self._words[:1] == ["timeout"]:
                    del self._words[:2]
            elif word in CONDITIONS:
                surely = self._bits.false
                del self._words[: CONDITIONS[word]]
            else:
                raise LeftOut(f"the word {word}")
        return Meaning(found | doubted, surely, judged)

    def _flags(self) -> Formula:
        """`syn`, `match-any +syn +ack`, `match-all +syn -ack`: of flags without a word before them any will do."""
        how = self._words.pop(0) if self._words[0].startswith("match-") else "match-any"
        asked: list[Formula] = []
        while self._words and self._words[0].lstrip("+-") in FLAGS:
            word = self._words.pop(0)
            flag = self._flag(word.lstrip("+-"))
            asked.append(~flag if word.startswith("-") else flag)
        return self._bits.any_of(asked) if how == "match-any" else ~self._bits.any_of(~one for one in asked)

    def _flag(self, name: str) -> Formula:
        return self._bits.matching(name, 1)

    def _log(self) -> None:
        if len(self._words) == 1 and self._words[0][0].isupper():
            self._words.pop()
        if self._words and (self._words[0] in LEVELS or self._words[0].isdigit()):
            self._words.pop(0)
        if self._words[:1] == ["interval"]:
            del self._words[:2]
