"""What the names in PAN-OS rules stand for: addresses, groups static and by tag, lists from outside, regions, services.

A name is looked up where the rule stands, then in the places above it, last in shared. A group means what its own
place knows by its members' names; where a place below has another object of that name, it is not certain which one is
meant.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from compliance.traffic.boxes import FAMILIES, PORT_TOP, Family
from compliance.traffic.intervals import Interval
from evidence.formats import entries
from evidence.formats.entries import ANY_PORT, Service, Side
from evidence.formats.object_groups import Expanded, Group, Meaning, Member, ReadMember
from evidence.formats.panos_known import OBJECT
from evidence.formats.panos_sections import Scope
from evidence.formats.panos_tags import satisfied
from evidence.formats.panos_tree import Node

PROTOCOLS = {"tcp": 6, "udp": 17, "sctp": 132}
PREDEFINED: dict[str, tuple[tuple[int, int], ...]] = {
    "service-http": ((6, 80), (6, 8080)),
    "service-https": ((6, 443),),
}
VALUES = frozenset({"ip-netmask", "ip-range", "ip-wildcard", "fqdn"})
REGION = re.compile(r"[A-Z]{2}")
REGISTERED = "addresses may be given its tags while it runs"
KINDS = {
    "addresses": ("address", "address-group", "external-list", "region"),
    "services": ("service", "service-group"),
}  # fmt: skip


class Book:
    """The objects that rules of one place can name: its own, then those of the place above it."""

    def __init__(self, scope: Scope, above: Book | None) -> None:
        self._above = above
        self._tagged: dict[str, frozenset[str]] = dict(self._above._tagged) if self._above is not None else {}
        self._own: dict[str, set[str]] = {}
        self._expanded: dict[str, Expanded] = {}
        self._groups: dict[str, dict[str, Group]] = {}
        for space, kinds in KINDS.items():
            own = _read(scope, kinds)
            self._own[space] = set(own)
            inherited = self._above._groups[space] if self._above is not None else {}
            self._groups[space] = {**inherited, **own}
            self._expanded[space] = Expanded(self._groups[space], self._reader(space))
        for entry in scope.objects.get("address", []):
            self._tagged[entry.word] = frozenset(_tags(entry))

    def _reader(self, space: str) -> ReadMember:
        def read(group: Group, member: Member, made: Meaning) -> str:
            if self._above is not None and group.name not in self._own[space]:
                if member is group.members[0]:
                    self._from_above(space, group, made)
                return ""
            return _address(self, group, member, made) if space == "addresses" else _service(group, member, made)

        return read

    def _from_above(self, space: str, group: Group, made: Meaning) -> None:
        """What a group of a place above means there; in doubt where a name in it means something else here."""
        if self._above is None:
            return
        meaning = self._above._expanded[space].meaning(group.name)
        made.side.add(Side(meaning.side.ranges))
        made.add_services(meaning.services)
        for doubt in meaning.doubts:
            made.doubt(doubt)
        made.ways.extend(meaning.ways)
        names = {name for way in meaning.ways for name in way.split(" > ")[1:]}
        for name in sorted(names & self._own[space]):
            made.doubt(f"{group.name} names {name}, which is defined here as well")

    def addresses(self, names: Iterable[str]) -> Side:
        """The addresses of a list of names, ranges and prefixes."""
        found = Side()
        for name in names:
            found.add(self._addresses_of(name))
        return found

    def _addresses_of(self, name: str) -> Side:
        if name == "any":
            return entries.everybody()
        if name in self._groups["addresses"]:
            return self._expanded["addresses"].network(name)
        literal = _literal(name)
        if literal is not None:
            return literal
        if REGION.fullmatch(name):
            return entries.unknown(f"the addresses of the region {name} are not in the file")
        return entries.unknown(f"{name} is not defined")

    def services(self, names: Iterable[str]) -> tuple[dict[Family, list[Service]], list[str]]:
        """The services of a list of names by family, and what of them is not known."""
        found: dict[Family, list[Service]] = {family: [] for family in FAMILIES}
        doubts: list[str] = []
        for name in names:
            if name not in self._groups["services"] and name in PREDEFINED:
                for family in FAMILIES:
                    found[family] += _predefined(name)
                continue
            meant, unknown = self._expanded["services"].services(name)
            for family, services in meant.items():
                found[family] += services
            doubts += unknown
        return found, doubts

    def tagged(self, expression: str) -> list[str] | None:
        """The address objects whose tags satisfy a filter; None when the filter is not understood."""
        try:
            return [name for name, tags in self._tagged.items() if satisfied(expression, tags)]
        except ValueError:
            return None

    def shadows(self, names: Iterable[str], *, below: Book) -> list[str]:
        """The names that a place below defines as something else, where it is not certain which one is meant."""
        if below is self:
            return []
        return [
            f"{name} is defined below the place of the rule as well"
            for name in names
            if any(below.defines(space, name, above=self) for space in KINDS)
        ]

    def defines(self, space: str, name: str, *, above: Book) -> bool:
        """Whether this place, or one between it and `above`, defines a name."""
        at: Book | None = self
        while at is not None and at is not above:
            if name in at._own[space]:
                return True
            at = at._above
        return False

    def own(self) -> list[Group]:
        """The objects and groups of this place alone, as they are written."""
        return [self._groups[space][name] for space, names in self._own.items() for name in sorted(names)]

    def take_used(self) -> list[str]:
        """The names asked for since the last call, each with the way to its members."""
        return [one for expanded in self._expanded.values() for one in expanded.take_used()]


def _read(scope: Scope, kinds: Sequence[str]) -> dict[str, Group]:
    found: dict[str, Group] = {}
    for kind in kinds:
        for entry in scope.objects.get(kind, []):
            known = found.get(entry.word)
            group = Group(entry.word, kind, entry.line)
            if known is not None:
                known.again.append(entry.line)
                group = known
            else:
                found[entry.word] = group
            group.members += _members(kind, entry)
    for group in found.values():
        if group.again:  # which of them counts is not known
            group.members = [Member(["again", group.name], group.again[0])]
    return found


def _members(kind: str, entry: Node) -> list[Member]:
    """What an object holds, each with the word that says how; all of it is used, whether understood or not."""
    found: list[Member] = []
    for child in entry.children:
        if child.word in OBJECT and child.kind != "member":
            child.use()
        elif kind == "address-group" and child.word == "static":
            found += [Member(["static", value], child.line) for value in child.use().values()]
        elif kind == "address-group" and child.word == "dynamic":
            found.append(Member(["dynamic", child.use().says("filter")], child.line))
        elif kind == "address-group" and not child.children and child.kind != "tag":
            found.append(Member(["static", child.word], child.line))  # before PAN-OS 6 members stood here
            child.use()
        elif kind == "service-group" and (child.word == "members" or not child.children):
            values = child.use().values() if child.word == "members" else [child.word]
            found += [Member(["members", value], child.line) for value in values]
        elif kind == "service" and child.word == "protocol":
            child.use()
            found += [Member(["protocol", one.word, *_ports_of(one)], one.line) for one in child.children]
        elif kind == "region" and child.word == "address":
            found += [Member(["region", value], child.line) for value in child.use().values()]
        elif kind == "region" and child.word == "geo-location":
            child.use()
        else:
            child.use()
            found.append(Member([child.word, *(child.values() or [child.said()])], child.line))
    return found


def _ports_of(node: Node) -> list[str]:
    """`port`, its ports, `source-port`, its ports; another word is kept, and so not understood."""
    found: list[str] = []
    for child in node.children:
        if child.word in {"port", "source-port"}:
            found += [child.word, ",".join(child.values())]
        elif child.word != "override":  # how long a session may be silent
            found += ["?", child.said()]
    return found


def _tags(entry: Node) -> list[str]:
    held = next((one for one in entry.children if one.word == "tag" and one.kind != "member"), None)
    return [one.word for one in held.children] if held is not None else []


def _literal(text: str) -> Side | None:
    try:
        if "/" in text:
            return entries.prefix(text)
        low, dash, high = text.partition("-")
        return entries.between(low.strip(), high.strip()) if dash else entries.host(text)
    except ValueError:
        return None


def _address(book: Book, group: Group, member: Member, made: Meaning) -> str:
    """One line of an address object, group, list or region. Raises ValueError, IndexError."""
    kind, value = member.words[0], member.words[1]
    if kind == "static":
        return value
    if kind in {"ip-netmask", "region", "ip-range"}:
        found = _literal(value)
        if found is None:
            raise ValueError(value)
        made.side.add(found)
    elif kind == "ip-wildcard":
        address, slash, mask = value.partition("/")
        made.side.add(entries.masked(address, mask if slash else "0.0.0.0", wildcard=True))  # noqa: S104
    elif kind == "fqdn":
        made.doubt(f"{group.name} is {value}, a name that the device looks up")
    elif kind == "dynamic":
        names = book.tagged(value)
        for name in names or ():
            made.side.add(Side(book._expanded["addresses"].meaning(name).side.ranges))
            made.ways.append(f"{group.name} > {name}")
        unread = f"its filter {value!r} is not understood" if names is None else REGISTERED
        made.doubt(f"{group.name} is dynamic: {unread}")
    elif group.kind == "external-list":
        made.doubt(f"{group.name} is a list that the device fetches")
    else:
        raise ValueError(kind)
    return ""


def _service(group: Group, member: Member, made: Meaning) -> str:
    """One line of a service or a group of them. Raises ValueError, IndexError."""
    kind = member.words[0]
    if kind == "members":
        if member.words[1] in PREDEFINED:
            made.add_services(dict.fromkeys(FAMILIES, _predefined(member.words[1])))
            return ""
        return member.words[1]
    if kind != "protocol":
        raise ValueError(kind)
    proto = PROTOCOLS[member.words[1]] if member.words[1] in PROTOCOLS else _unknown(member.words[1])
    said = dict(zip(member.words[2::2], member.words[3::2], strict=True))
    if "?" in said:
        raise ValueError(said["?"])
    sources, targets = ports(said.get("source-port", "")), ports(said.get("port", ""))
    services = [Service((proto, proto), source, target) for source in sources for target in targets]
    made.add_services(dict.fromkeys(FAMILIES, services))
    return ""


def _unknown(text: str) -> int:
    raise ValueError(text)


def ports(text: str) -> list[Interval]:
    """`80,443,1000-2000`; nothing said is every port. Raises ValueError."""
    if not text.strip():
        return [ANY_PORT]
    found: list[Interval] = []
    for part in text.split(","):
        low, _, high = part.strip().partition("-")
        first, last = int(_number(low)), int(_number(high or low))
        if first > last or last > PORT_TOP:
            raise ValueError(part)
        found.append((first, last))
    return found


def _number(text: str) -> str:
    if not entries.is_number(text.strip()):
        raise ValueError(text)
    return text.strip()


def _predefined(name: str) -> list[Service]:
    return [Service((proto, proto), ANY_PORT, (port, port)) for proto, port in PREDEFINED[name]]
