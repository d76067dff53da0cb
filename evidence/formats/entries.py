"""The entries of access lists: what one side and one service of an entry mean, and the rules they make.

Shared by the formats of devices whose lists name a source, a destination and a service (Cisco IOS, ASA, NX-OS). What an
entry says that is not understood becomes its residue: it may or may not match, and nothing is concluded from it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from compliance.traffic import addresses, intervals
from compliance.traffic.boxes import FAMILIES, FULL, ICMP, ICMP_TOP, PORT_TOP, PROTO_TOP, TOP, Box, Family
from compliance.traffic.intervals import Interval
from compliance.traffic.shares import Origin, Residue
from evidence.rules import Action, Rule

MOST_BOXES = 50_000  # of one rule: beyond, it is not spelt out
LONGEST = 10  # digits of a number
MOST_RANGES = 4096  # of one mask with holes
ANY_PORT: Interval = (0, PORT_TOP)
ANY_PROTOCOL: Interval = (0, PROTO_TOP)
NOWHERE = Origin("", "", 0, 0, "")


class Service(NamedTuple):
    """Protocols, source ports (ICMP: types) and destination ports (ICMP: codes) of one kind of traffic."""

    proto: Interval = ANY_PROTOCOL
    sport: Interval = ANY_PORT
    dport: Interval = ANY_PORT


@dataclass(slots=True)
class Side:
    """The addresses of one side of an entry, by family. With `doubts` it may hold more: what `wide` holds, else any."""

    ranges: dict[Family, list[Interval]] = field(default_factory=dict)
    doubts: list[str] = field(default_factory=list)
    wide: dict[Family, list[Interval]] = field(default_factory=dict)

    def add(self, other: Side) -> None:
        """Everything of another side as well."""
        for family, found in other.ranges.items():
            self.ranges.setdefault(family, []).extend(found)
        self.doubts.extend(one for one in other.doubts if one not in self.doubts)

    def widest(self, family: Family) -> list[Interval]:
        """All that it may hold in a family."""
        if not self.doubts:
            return self.ranges.get(family, [])
        return self.wide.get(family, []) if self.wide else [(0, TOP[family])]


def everybody(families: Iterable[Family] = FAMILIES) -> Side:
    """All addresses of the families."""
    return Side({family: [(0, TOP[family])] for family in families})


def unknown(doubt: str) -> Side:
    """Addresses that nobody can say: any may be meant."""
    return Side({}, [doubt])


def host(text: str) -> Side:
    """One address. Raises ValueError."""
    family, value = addresses.parse_host(text)
    return Side({family: [(value, value)]})


def prefix(text: str) -> Side:
    """`10.0.0.0/8`, `2001:db8::/32`: bits of the host are cut off. Raises ValueError."""
    address, slash, length = text.partition("/")
    family, value = addresses.parse_host(address)
    if not (slash and length.isascii() and length.isdigit() and int(length) <= addresses.BITS[family]):
        raise ValueError(f"{text!r} is no prefix")
    return Side({family: [addresses.prefix_range(family, value, int(length))]})


def between(low: str, high: str) -> Side:
    """All addresses from one to another. Raises ValueError."""
    (family, first), (other, last) = addresses.parse_host(low), addresses.parse_host(high)
    if family != other or first > last:
        raise ValueError(f"{low} to {high} is no range of addresses")
    return Side({family: [(first, last)]})


def masked(address: str, mask: str, *, wildcard: bool) -> Side:
    """An IPv4 address with a mask, or with a wildcard (its ones are free), also with holes. Raises ValueError."""
    family, value = addresses.parse_host(address)
    other, bits = addresses.parse_host(mask)
    if family != 4 or other != 4:
        raise ValueError(f"{address} {mask} is no IPv4 address with a mask")
    free = bits if wildcard else bits ^ TOP[4]
    tail = (~free & (free + 1)).bit_length() - 1  # how many of the lowest bits are free
    low, holes = value & ~free, free >> tail
    if not holes:
        return Side({4: [(low, low | free)]})
    if 1 << holes.bit_count() > MOST_RANGES:
        doubt = f"the mask of {address} {mask} has too many holes"
        return Side({}, [doubt], {4: [(low, low | free)]})
    places = [1 << place for place in range(tail, 32) if free >> place & 1]
    starts = [low]
    for place in places:
        starts += [start | place for start in starts]
    return Side({4: [(start, start | ((1 << tail) - 1)) for start in sorted(starts)]})


def ports(operator: str, values: Sequence[int]) -> list[Interval]:
    """The ports of `eq`, `neq`, `lt`, `gt` or `range`. Raises ValueError."""
    if operator == "eq":
        return intervals.merge((one, one) for one in values)
    if operator == "neq":
        return intervals.complement([(one, one) for one in values], PORT_TOP)
    if operator == "lt":
        return [(0, values[0] - 1)] if values[0] else []
    if operator == "gt":
        return [(values[0] + 1, PORT_TOP)] if values[0] < PORT_TOP else []
    low, high = min(values), max(values)
    return [(low, high)]


def is_number(text: str) -> bool:
    """Whether it is a number that may stand in a configuration: digits of ASCII, not too many."""
    return text.isascii() and text.isdigit() and len(text) <= LONGEST


def icmp_of(kind: int | None, code: int | None, family: Family) -> Service:
    """One type (None: every) and one code of ICMP. Raises ValueError."""
    if max(kind or 0, code or 0) > ICMP_TOP:
        raise ValueError(f"type {kind} code {code} is above {ICMP_TOP}")
    proto = (ICMP[family], ICMP[family])
    return Service(proto, ANY_PORT if kind is None else (kind, kind), ANY_PORT if code is None else (code, code))


@dataclass(slots=True)
class Entry:
    """One entry of a list while it is read. `services`: by family, as ICMP is not the same in both.

    With `doubts` about its services it may be about any of the `families`' services. `perhaps`: by family, services
    that it may be about as well, and why that is not known.
    """

    action: Action
    src: Side
    dst: Side
    services: dict[Family, list[Service]]
    families: tuple[Family, ...] = FAMILIES
    doubts: list[str] = field(default_factory=list)
    states: frozenset[str] | None = None
    residue: list[Residue] = field(default_factory=list)
    enabled: bool = True
    matches_first: bool = True  # whether the first packet of a flow can match it at all
    perhaps: dict[Family, tuple[Service, str]] = field(default_factory=dict)

    def unsure(self) -> list[str]:
        """What of its objects is not known."""
        return list(dict.fromkeys((*self.src.doubts, *self.dst.doubts, *self.doubts)))


class Named(NamedTuple):
    """What the rules of an entry are called and where they stand."""

    id: str
    chain: str
    seq: int
    origin: Origin


def rules_of(entry: Entry, named: Named) -> list[Rule]:
    """The rules of an entry: what it certainly matches, then what it may match. At least one, so that none is lost."""
    found: list[Rule] = []
    for family in entry.families if entry.matches_first else ():
        services = entry.services.get(family, [])
        known = _boxes(entry.src.ranges.get(family, []), entry.dst.ranges.get(family, []), services)
        found += _made_of(entry, named, family, known, [])
    unsure = entry.unsure()
    if unsure and entry.matches_first:
        more = [Residue("object", doubt, named.origin.first) for doubt in unsure]
        for family in entry.families:
            services = [Service()] if entry.doubts else entry.services.get(family, [])
            wide = _boxes(entry.src.widest(family), entry.dst.widest(family), services)
            found += _made_of(entry, named, family, wide, more)
    for family, (service, why) in entry.perhaps.items() if entry.matches_first else ():
        boxes = _boxes(entry.src.widest(family), entry.dst.widest(family), [service])
        found += _made_of(entry, named, family, boxes, [Residue("match", why, named.origin.first)])
    if not found:
        found.append(made(named, entry.families[0], entry.action, (), enabled=entry.enabled))
    return found


def _made_of(entry: Entry, named: Named, family: Family, boxes: list[Box] | Box, more: list[Residue]) -> list[Rule]:
    residue = [*entry.residue, *more]
    if isinstance(boxes, tuple):
        residue.append(Residue("object", "its groups multiply beyond what is spelt out", named.origin.first))
        boxes = [boxes]
    if not boxes:
        return []
    limits = (tuple(boxes), entry.states, tuple(residue), entry.enabled)
    return [made(named, family, entry.action, limits[0], states=limits[1], residue=limits[2], enabled=limits[3])]


def _boxes(sources: list[Interval], targets: list[Interval], services: Sequence[Service]) -> list[Box] | Box:
    """All combinations; where they are too many, the one box around them."""
    if len(sources) * len(targets) * len(services) > MOST_BOXES:
        around = (*intervals.merge(sources), *intervals.merge(targets))
        count = len(intervals.merge(sources))
        return (around[0][0], around[count - 1][1], around[count][0], around[-1][1], *FULL[4][4:])
    return [
        (*source, *target, *service[0], *service[1], *service[2])
        for source in sources
        for target in targets
        for service in services
    ]


def made(
    named: Named,
    family: Family,
    action: Action,
    boxes: tuple[Box, ...],
    *,
    target: str = "",
    iif: str | Iterable[str] | None = None,
    oif: str | Iterable[str] | None = None,
    states: frozenset[str] | None = None,
    residue: tuple[Residue, ...] = (),
    enabled: bool = True,
) -> Rule:
    """One rule; what is not given is not limited."""
    return Rule(
        named.id, named.chain, named.seq, family, action, target, boxes, _names(iif), _names(oif), states, None,
        residue, enabled, named.origin,
    )  # fmt: skip


def _names(given: str | Iterable[str] | None) -> frozenset[str] | None:
    if given is None:
        return None
    return frozenset({given}) if isinstance(given, str) else frozenset(given)


def commented(origin: Origin, remarks: Sequence[str], used: Iterable[str]) -> Origin:
    """The origin with the remarks above an entry and the objects it was made from."""
    objects = ", ".join(dict.fromkeys(used))
    comment = "; ".join([*remarks, *([f"from {objects}"] if objects else [])])
    return replace(origin, comment=comment) if comment else origin
