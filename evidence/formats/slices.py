"""Which interfaces a packet can come in by and go out by, where neither the packet nor the register says.

Interfaces stay outside the boxes (contracts: "Interfaces are slices outside Box"). `lo` is outside altogether:
what a host says to itself is not judged. From `ip -j route show table all` (Reading.routes) it is taken where a packet
leaves (routes.py). From `ip -j addr` (Reading.addresses) it is taken that

* a neighbour on a connected network is reached by the interface of that network;
* what comes from further away to a host's address comes in by the interface that holds the address
  (or, for a neighbour on another connected network, by that one as well);
* without routes, what a host sends further away leaves by the interface that holds the source address.

Without addresses every interface that a rule names, and "any other", stays possible.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from compliance.traffic import addresses, intervals
from compliance.traffic.boxes import FAMILIES, Box, Family, limited
from evidence.formats.routes import Routes
from evidence.rules import Reading, Rule

LOOPBACK = "lo"
OTHER = "any other interface"  # stands for every interface that no rule names
NO_INTERFACE = ""  # the side that does not exist at a hook: out on INPUT, in on OUTPUT
LOOPBACK_NET: dict[Family, tuple[int, int]] = {4: (0x7F000000, 0x7FFFFFFF), 6: (1, 1)}
Names = tuple[str, ...]
Side = Literal["in", "out"]
IN: Side = "in"
OUT: Side = "out"
Limit = frozenset[str]


@dataclass(frozen=True, slots=True)
class Slice:
    """A part of a box with the interfaces it may come in by (`iif`) and go out by (`oif`)."""

    box: Box
    iif: Names
    oif: Names


def matches(wanted: frozenset[str] | None, name: str) -> bool:
    """Whether a rule limited to the interfaces `wanted` (None = any, `+` ends a prefix, `!` excludes) sees `name`."""
    if wanted is None:
        return True
    excluded = [one[1:] for one in wanted if one.startswith("!")]
    named = [one for one in wanted if not one.startswith("!")]
    if any(_covers(one, name) for one in excluded):
        return False
    return not named or any(_covers(one, name) for one in named)


def _covers(pattern: str, name: str) -> bool:
    if not pattern.endswith("+"):
        return pattern == name
    prefix = pattern[:-1]
    if name == OTHER or not name:
        return not prefix
    return name.removesuffix("+").startswith(prefix)


class Limits:
    """What the rules of a host ask of one side, looked up by interface: dumps name thousands of them."""

    def __init__(self, limits: Iterable[Limit | None]) -> None:
        asked = sorted({limit for limit in limits if limit is not None}, key=sorted)
        self._mentioned = sorted({name.removeprefix("!") for limit in asked for name in limit} - {LOOPBACK, "+"})
        self._by_name: dict[str, list[int]] = {}  # what asks for one of a few whole names
        self._others: list[tuple[int, Limit]] = []  # what excludes names, or asks for all that begin alike
        for number, limit in enumerate(asked):
            if any(name.startswith("!") or name.endswith("+") for name in limit):
                self._others.append((number, limit))
            else:
                for name in limit:
                    self._by_name.setdefault(name, []).append(number)

    def mentioned(self) -> Names:
        """Every interface that is named, and one that stands for all others."""
        return (*self._mentioned, OTHER)

    def met_by(self, name: str) -> tuple[int, ...]:
        """The numbers of the limits that see an interface: interfaces with the same ones are alike to all rules."""
        others = [number for number, limit in self._others if matches(limit, name)]
        return tuple(sorted([*self._by_name.get(name, ()), *others]))


class Interfaces:
    """The interfaces and addresses of one host, as read, and the names its rules use."""

    def __init__(self, reading: Reading, rules: Iterable[Rule]) -> None:
        mine = list(rules)
        self._addresses = reading.addresses
        self._segments: dict[Family, tuple[list[int], list[Names]]] = {}
        self._told_apart: dict[tuple[Names, Side], Names] = {}
        # A redirected packet goes to an address of the interface it came in by: then no two of them are alike.
        self._redirects = any(rule.nat is not None and rule.nat.kind == "redirect" for rule in mine)
        self._limits = {IN: Limits(rule.iif for rule in mine), OUT: Limits(rule.oif for rule in mine)}
        known = tuple(sorted(name for name in reading.addresses if name != LOOPBACK))
        self._names = {side: self._distinct(known or self._limits[side].mentioned(), side) for side in (IN, OUT)}
        self._routes: dict[Family, Routes] = {family: Routes(reading.routes, family) for family in FAMILIES}

    def _distinct(self, names: Names, side: Side) -> Names:
        """One of all interfaces that no rule tells apart on a side."""
        known = self._told_apart.get((names, side))
        if known is None:  # asked for every region of every rule, and the answers are few
            told_apart: dict[tuple[object, ...], str] = {}
            for name in names:
                told_apart.setdefault(self._signature(name, side), name)
            known = self._told_apart[names, side] = tuple(told_apart.values())
        return known

    def _signature(self, name: str, side: Side) -> tuple[object, ...]:
        held = self._addresses.get(name, ()) if self._redirects and side == IN else ()
        return held, *self._limits[side].met_by(name)

    def own(self, family: Family) -> dict[int, Names]:
        """The host's addresses with the interfaces that hold them; empty when they are not known."""
        held: dict[int, Names] = {}
        for name, entries in self._addresses.items():
            for one, value, _length in entries:
                if one != family or LOOPBACK_NET[family][0] <= value <= LOOPBACK_NET[family][1]:
                    continue
                held[value] = (*held.get(value, ()), *(() if name == LOOPBACK else (name,)))
        return held

    def cuts(self, family: Family) -> list[int]:
        """The addresses, sorted, between which nothing here tells one address from another."""
        own = self.own(family)
        places = {0, *own, *(value + 1 for value in own), *self._routes[family].cuts()}
        for first, last, _name in self._networks(family):
            places.update((first, last + 1))
        return sorted(places)

    def held(self, family: Family, interface: str) -> list[int]:
        """The host's addresses on one interface."""
        return [value for one, value, _length in self._addresses.get(interface, ()) if one == family]

    def ways_out(self, family: Family, low: int, high: int) -> Names:
        """By which interfaces packets to an address of the range may leave, `lo` for the host itself."""
        own = [value for value in self.own(family) if low <= value <= high]
        found = {LOOPBACK} if own else set()
        if len(own) <= high - low:
            found.update(name for _, _, names in self.outgoing(family, low, high) for name in names or self._names[OUT])
        return tuple(sorted(found))

    def outgoing(self, family: Family, low: int, high: int) -> list[tuple[int, int, Names]]:
        """A range of destinations cut where packets leave by other interfaces; no names = it is not known."""
        routes = self._routes[family]
        if not routes.known:
            return self.segments(family, low, high, OUT)
        found: list[tuple[int, int, Names]] = []
        for start, end, names in routes.parts(low, high):
            telling = self._distinct(names, OUT)
            if found and found[-1][2] == telling:
                found[-1] = (found[-1][0], end, telling)
            else:
                found.append((start, end, telling))
        return found

    def segments(self, family: Family, low: int, high: int, side: Side) -> list[tuple[int, int, Names]]:
        """A range cut at the connected networks: each part with the interfaces of the longest one that holds it.

        Where no rule tells interfaces apart, one uncut range with no names.
        """
        if len(self._names[side]) <= 1:
            return [(low, high, ())]
        starts, names = self._segments_of(family)
        first, last = bisect_right(starts, low) - 1, bisect_right(starts, high)
        begins = [low, *starts[first + 1 : last]]
        ends = [*(start - 1 for start in begins[1:]), high]
        return list(zip(begins, ends, names[first:last], strict=True))

    def _segments_of(self, family: Family) -> tuple[list[int], list[Names]]:
        """All addresses cut at the connected networks, found once: where the parts begin, and their interfaces."""
        found = self._segments.get(family)
        if found is None:
            networks = self._networks(family)
            starts = sorted({0, *(place for low, high, _ in networks for place in (low, high + 1))})
            found = self._segments[family] = (starts, [_longest(networks, start) for start in starts])
        return found

    def _networks(self, family: Family) -> list[tuple[int, int, str]]:
        return [
            (*addresses.prefix_range(family, value, length), name)
            for name, entries in self._addresses.items()
            if name != LOOPBACK
            for one, value, length in entries
            if one == family and 0 < length < addresses.BITS[family]
        ]

    def slices(self, point: str, family: Family, box: Box, iif: str | None, oif: str | None) -> list[Slice]:
        """The parts of `box` that pass the point, each with its possible interfaces (what is given is taken as it is).

        INPUT is cut to destinations the host owns and OUTPUT to its own sources, where the addresses are known.
        """
        if point == "INPUT" and iif == LOOPBACK:
            return [Slice(box, (LOOPBACK,), (NO_INTERFACE,))]
        if point == "OUTPUT" and oif == LOOPBACK:
            return [Slice(box, (NO_INTERFACE,), (LOOPBACK,))]
        if point == "INPUT":
            return [
                Slice(part, self._pick(IN, iif, names), (NO_INTERFACE,))
                for part, names in self._towards_own(family, box, own_at=2, peer_at=0)
            ]
        if point == "OUTPUT":
            return [
                Slice(part, (NO_INTERFACE,), self._pick(OUT, oif, names))
                for part, names in self._towards_own(family, box, own_at=0, peer_at=2, given=oif)
            ]
        return [
            Slice(
                limited(limited(box, 0, src, src_end), 2, dst, dst_end),
                self._pick(IN, iif, via),
                self._pick(OUT, oif, to),
            )
            for src, src_end, via in self.segments(family, box[0], box[1], IN)
            for dst, dst_end, to in ([(box[2], box[3], ())] if oif else self.outgoing(family, box[2], box[3]))
        ]

    def foreign(self, family: Family, box: Box, iif: str | None) -> list[Slice]:
        """The parts of `box` that are not sent to the host, with the interfaces they may come in by."""
        own = self.own(family)
        if not own:
            return []
        places = intervals.subtract([(box[2], box[3])], [(value, value) for value in own])
        return [
            Slice(limited(limited(box, 0, src, src_end), 2, low, high), self._pick(IN, iif, via), (NO_INTERFACE,))
            for src, src_end, via in self.segments(family, box[0], box[1], IN)
            for low, high in places
        ]

    def _pick(self, side: Side, given: str | None, possible: Names) -> Names:
        if given is not None:
            return (given,)
        return self._distinct(possible, side) if possible else self._names[side]

    def _towards_own(
        self, family: Family, box: Box, *, own_at: int, peer_at: int, given: str | None = None
    ) -> list[tuple[Box, Names]]:
        own = self.own(family)
        incoming = peer_at == 0
        if not own and (incoming or not self._routes[family].known or given):
            return [(box, ())]
        places_of = _by_holders(own) or {(): [(box[own_at], box[own_at + 1])]}
        found: list[tuple[Box, Names]] = []
        for holders, places in places_of.items():
            for low, high in intervals.intersect([(box[own_at], box[own_at + 1])], places):
                for start, end, link in self._peers(family, box[peer_at], box[peer_at + 1], incoming, given):
                    part = limited(limited(box, own_at, low, high), peer_at, start, end)
                    found.append((part, self._path(family, (start, end), link, holders, incoming=incoming)))
        return found

    def _peers(
        self, family: Family, low: int, high: int, incoming: bool, given: str | None
    ) -> list[tuple[int, int, Names]]:
        if given:
            return [(low, high, ())]
        return self.segments(family, low, high, IN) if incoming else self.outgoing(family, low, high)

    def _path(self, family: Family, peer: tuple[int, int], link: Names, holders: Names, *, incoming: bool) -> Names:
        if link and incoming:
            return tuple(sorted({*link, *holders}))
        if link or self._routes[family].known:
            return link
        return holders


def _by_holders(own: dict[int, Names]) -> dict[Names, list[tuple[int, int]]]:
    places: dict[Names, list[tuple[int, int]]] = {}
    for value, holders in own.items():
        places.setdefault(holders, []).append((value, value))
    return places


def _longest(networks: list[tuple[int, int, str]], value: int) -> Names:
    holding = [(last - first, name) for first, last, name in networks if first <= value <= last]
    if not holding:
        return ()
    narrowest = min(size for size, _ in holding)
    return tuple(sorted({name for size, name in holding if size == narrowest}))
