"""What the names in security policies of Junos stand for: address books of zones and of all, applications, their sets.

A name is looked for in the books that are attached to the zone, then in the global one. What is missing, leads back to
itself, is looked up by name or filled from outside may be anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from compliance.traffic import intervals
from compliance.traffic.boxes import FAMILIES, ICMP, ICMP_TOP, PORT_TOP, PROTO_TOP, Family
from compliance.traffic.intervals import Interval
from evidence.formats import entries, junos_names, names
from evidence.formats.entries import ANY_PORT, Service, Side
from evidence.formats.junos_lines import Placed, held_by
from evidence.formats.junos_names import Application
from evidence.formats.junos_text import Node, paths
from evidence.rules import OBJECTS, Statement

DEEPEST = 64  # sets that may stand in one another
EVERYBODY: Mapping[str, tuple[Family, ...]] = {
    "any": (4, 6), "any-ipv4": (4,), "any-ipv6": (6,), "all": (4, 6), "0.0.0.0/0": (4,), "::/0": (6,),
}  # fmt: skip
PORTED = (6, 17, 132)
SAYS_NOTHING = frozenset({"description", "attach"})
# Of an application: how long it is kept and what else is done to it, which opens nothing by itself
ASIDE = frozenset({"inactivity-timeout", "alg", "application-protocol", "description", "ether-type", "ttl-threshold",
                   "snmp-command"})  # fmt: skip
NO_VALUE = frozenset({"do-not-translate-A-query-to-AAAA-query", "do-not-translate-AAAA-query-to-A-query"})
MOST_WAYS = 500  # to the members of one set that a rule names


class Books:
    """The address books of one system. `books`: those attached to each zone; "" is the global one."""

    def __init__(self) -> None:
        self._books: dict[str, list[Node]] = {}
        self._known: dict[tuple[str, str], Side] = {}
        self._ways: dict[tuple[str, str], list[str]] = {}
        self._used: list[str] = []

    def add(self, zone: str, book: Node) -> None:
        """One more book of a zone ("": of all)."""
        self._books.setdefault(zone, []).append(book)

    def take_used(self) -> list[str]:
        """The names asked for since the last call, each with the way to its members."""
        taken, self._used = self._used, []
        return list(dict.fromkeys(taken))

    def side(self, name: str, zone: str) -> Side:
        """What a name in a policy of that zone stands for."""
        if name in EVERYBODY:
            return entries.everybody(EVERYBODY[name])
        key = (zone, name)
        if key not in self._known:
            self._known[key] = self._meaning(name, zone, ())
        self._used.extend(self._ways.get(key, [name]))
        return self._known[key]

    def nodes(self) -> list[Node]:
        """Every address and set of every book."""
        books = [book for held in self._books.values() for book in held]
        return [node for book in books for kind in ("address", "address-set") for node in held_by(book.at(kind))]

    def _held(self, name: str, zone: str, kind: str) -> list[Node]:
        for place in dict.fromkeys((zone, "")):
            found = [node for book in self._books.get(place, []) if (node := book.at(kind, name)) is not None]
            if found:
                return found
        return []

    def _meaning(self, name: str, zone: str, above: tuple[str, ...]) -> Side:
        way = " > ".join((*above, name))
        if name in above or len(above) >= DEEPEST:
            return entries.unknown(f"{way} leads back to itself" if name in above else f"{way} is nested too deep")
        single, several = self._held(name, zone, "address"), self._held(name, zone, "address-set")
        if not single and not several:
            return entries.unknown(f"{way} is not defined")
        if len(single) + len(several) > 1:
            return entries.unknown(f"{way} is defined twice")
        if single:
            return _address(single[0], way)
        made = Side()
        ways: list[str] = []
        members = [child for child in several[0].live() if child.word not in SAYS_NOTHING]
        for kind in members:
            for one in kind.live():
                if kind.word not in {"address", "address-set"}:
                    made.add(entries.unknown(f"{way}: {kind.says()}"))
                elif one.word in EVERYBODY:
                    made.add(entries.everybody(EVERYBODY[one.word]))
                else:
                    made.add(self._meaning(one.word, zone, (*above, name)))
                    inner = self._ways.get((zone, one.word), [one.word])
                    ways = [*ways, *(f"{name} > {each}" for each in inner)][:MOST_WAYS]
        self._ways[zone, name] = ways
        if not members:
            return entries.unknown(f"{way} is empty")
        return Side({family: intervals.merge(found) for family, found in made.ranges.items()}, made.doubts)


def _address(node: Node, way: str) -> Side:
    said = [child for child in node.live() if child.word not in SAYS_NOTHING]
    best = min((child.rank for child in said), default=0)
    said = [child for child in said if child.rank == best]
    if len(said) != 1 or any(child.begun > 1 for child in said) or node.begun > 1:
        return entries.unknown(f"{way} is defined twice" if said else f"{way} says no address")
    kind, values = said[0].word, [child.word for child in said[0].live()]
    try:
        if kind == "range-address":
            return _range(said[0])
        if kind == "wildcard-address" and len(values) == 1:
            address, _, mask = values[0].partition("/")
            return entries.masked(address, mask, wildcard=False)
        if kind == "dns-name":
            return entries.unknown(f"{' '.join(values[:1])} is a name that the device looks up")
        text = values[0] if kind == "ip-prefix" and len(values) == 1 else kind
        if values and text is kind:
            return entries.unknown(f"{way}: {said[0].says()}")
        return entries.prefix(text) if "/" in text else entries.host(text)
    except (ValueError, IndexError):
        return entries.unknown(f"{way}: {said[0].says()}")


def _range(node: Node) -> Side:
    [low] = node.live()
    return entries.between(low.word, low.chosen("to"))


@dataclass(slots=True)
class Meant:
    """The services of an application by family, and what of them is not known."""

    services: dict[Family, list[Service]] = field(default_factory=lambda: {4: [], 6: []})
    doubts: list[str] = field(default_factory=list)

    def add(self, other: Meant) -> None:
        """Those of another as well."""
        for family, found in other.services.items():
            self.services[family].extend(found)
        self.doubts.extend(one for one in other.doubts if one not in self.doubts)


def said(nodes: Iterable[Node], placed: Placed) -> list[Statement]:
    """What each object holds as it is written, so that two readings show which of them was edited."""
    return [
        Statement(OBJECTS, node.word, "; ".join(" ".join(path) for path in paths(node)), (),
                  placed.account.origin(placed.line(node)))
        for node in nodes
    ]  # fmt: skip


class Applications:
    """`applications` with its sets, and the predefined ones."""

    def __init__(self, *sections: Node | None) -> None:
        self._sections = [one for one in sections if one is not None]
        self._known: dict[str, Meant] = {}

    def nodes(self) -> list[Node]:
        """Every application and set that is defined."""
        kinds = ("application", "application-set")
        return [node for section in self._sections for kind in kinds for node in held_by(section.at(kind))]

    def ways(self, name: str, above: tuple[str, ...] = ()) -> list[str]:
        """A name with the way to each of its members; nothing for what is predefined."""
        several = [one for section in self._sections if (one := section.at("application-set", name)) is not None]
        if name in above or len(above) >= DEEPEST:
            return []
        inner = [way for one in several for kind in one.live() if kind.word not in SAYS_NOTHING
                 for member in kind.words() for way in self.ways(member, (*above, name))[:MOST_WAYS]]  # fmt: skip
        if any(section.at("application", name) is not None for section in self._sections):
            return [name]
        return [f"{name} > {way}" for way in inner][:MOST_WAYS]

    def meaning(self, name: str, above: tuple[str, ...] = ()) -> Meant:
        """What a name in a policy stands for."""
        if name == "any":
            return Meant({4: [Service()], 6: [Service()]})
        if name in self._known:
            return self._known[name]
        found = self._meaning(name, above)
        if not any("leads back" in doubt for doubt in found.doubts):
            self._known[name] = found
        return found

    def _meaning(self, name: str, above: tuple[str, ...]) -> Meant:
        way = " > ".join((*above, name))
        if name in above or len(above) >= DEEPEST:
            return Meant(doubts=[f"{way} leads back to itself" if name in above else f"{way} is nested too deep"])
        single = [one for section in self._sections if (one := section.at("application", name)) is not None]
        several = [one for section in self._sections if (one := section.at("application-set", name)) is not None]
        if len(single) + len(several) > 1 or any(one.begun > 1 for one in (*single, *several)):
            return Meant(doubts=[f"{way} is defined twice"])
        if single:
            return application(single[0], way)
        if several:
            made = Meant()
            for kind in several[0].live():
                for one in kind.live() if kind.word not in SAYS_NOTHING else ():
                    if kind.word in {"application", "application-set"}:
                        made.add(self.meaning(one.word, (*above, name)))
                    else:
                        made.doubts.append(f"{way}: {kind.says()}")
            if not any(made.services.values()) and not made.doubts:
                made.doubts.append(f"{way} is empty")
            return made
        known = junos_names.APPLICATIONS.get(name)
        if known is not None:
            return predefined(known)
        what = "is no predefined application that this version knows" if name.startswith("junos-") else "is not defined"
        return Meant(doubts=[f"{way} {what}"])


def predefined(known: Sequence[Application]) -> Meant:
    """What predefined applications or services are about."""
    made = Meant()
    for one in known:
        spans = dict.fromkeys(FAMILIES, (one.low, one.high) if one.high >= one.low else ANY_PORT)
        for family in FAMILIES:
            proto = (one.proto, one.proto)
            if one.proto in ICMP.values():
                if one.proto == ICMP[family]:
                    made.services[family].append(Service(proto, spans[family]))
            else:
                made.services[family].append(Service(proto, ANY_PORT, spans[family]))
    return made


def application(node: Node, way: str) -> Meant:
    """An application as it is defined: one kind of traffic, or several as terms."""
    made = Meant()
    plain = Node(node.word, {word: one for word, one in node.children.items() if word not in {"term", "description"}})
    if plain.live():
        made.add(_chained(plain, way))
    for term in node.at("term").live() if node.at("term") is not None else ():  # type: ignore[union-attr]
        made.add(_chained(term, f"{way} {term.word}"))
    if not plain.live() and node.at("term") is None:
        made.doubts.append(f"{way} says no protocol")
    return made


def _chained(term: Node, way: str) -> Meant:
    """`term t1 protocol tcp destination-port 443`: keywords and values in a row."""
    said: dict[str, list[str]] = {}
    for path in paths(term):
        words = [word for word in path if word not in NO_VALUE]
        if len(words) % 2:
            return Meant(doubts=[f"{way}: {' '.join(path)}"])
        for key, value in zip(words[::2], words[1::2], strict=True):
            if value not in said.setdefault(key, []):
                said[key].append(value)
    return _term(said, way)


def _term(said: Mapping[str, Sequence[str]], way: str) -> Meant:
    made = Meant()
    try:
        protocols = [_value(text, junos_names.PROTOCOLS, PROTO_TOP) for text in said.get("protocol", ())]
        sources = _ports(said.get("source-port", ()))
        targets = _ports(said.get("destination-port", ()))
        odd = [key for key in said if key not in ASIDE and not _is_known(key)]
        if odd or len(protocols) != 1 or protocols[0][0] != protocols[0][1]:
            made.doubts.append(f"{way}: {', '.join(odd) or 'its protocol'}")
            return made
        proto = protocols[0]
        if proto[0] in ICMP.values():
            _icmp(said, proto[0], made)
        elif proto[0] in PORTED:
            services = [Service(proto, source, target) for source in sources for target in targets]
            made.services = {4: list(services), 6: list(services)}
        elif sources == targets == [ANY_PORT]:
            made.services = {4: [Service(proto)], 6: [Service(proto)]}
        else:
            made.doubts.append(f"{way}: ports of a protocol without ports")
    except ValueError as problem:
        made.doubts.append(f"{way}: {problem}")
    return made


def _is_known(key: str) -> bool:
    return key in {"protocol", "source-port", "destination-port", "icmp-type", "icmp-code", "icmp6-type", "icmp6-code"}


def _icmp(said: Mapping[str, Sequence[str]], proto: int, made: Meant) -> None:
    family: Family = 4 if proto == ICMP[4] else 6
    kinds = [*said.get("icmp-type", ()), *said.get("icmp6-type", ())]
    codes = [*said.get("icmp-code", ()), *said.get("icmp6-code", ())]
    types_ = [_value(text, junos_names.TYPES[family], ICMP_TOP) for text in kinds] or [ANY_PORT]
    codes_ = [_value(text, junos_names.CODES[family], ICMP_TOP) for text in codes] or [ANY_PORT]
    made.services[family] = [Service((proto, proto), kind, code) for kind in types_ for code in codes_]


def _ports(said: Sequence[str]) -> list[Interval]:
    return [_value(text, junos_names.PORTS, PORT_TOP) for text in said] or [ANY_PORT]


def _value(text: str, known: Mapping[str, int], top: int) -> Interval:
    """One number, name or range. Raises ValueError."""
    low, dash, high = text.partition("-")
    if dash and text not in known:
        ends = names.number(low, known, top), names.number(high, known, top)
        if ends[0] > ends[1]:
            raise ValueError(f"{text} is no range")
        return ends
    value = names.number(text, known, top)
    return value, value
