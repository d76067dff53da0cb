"""Which pairs of servers no required point denies anything, by place: found by server and place, not pair by pair.

A site with 2,000 servers has four million pairs, and most of them fare alike: of two servers without a reading nothing
is known, whoever they are. So sources are listed once for each place, and looked at one by one only where a point of
the pair denies something, or where something in the register may hold everything between them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from compliance.traffic import intervals
from compliance.traffic.addresses import prefix_range, to_text
from compliance.traffic.boxes import TOP, Box, Budget, Family, TooManyPieces, box_of
from compliance.traffic.index import Index
from compliance.traffic.intervals import Interval
from compliance.traffic.residual import covered
from evidence.attachments import IN, OUT
from evidence.case import FORWARD, INPUT, OUTPUT, Case
from evidence.sightings import NETWORK

STEPS = 20_000
UNUSUAL = 253  # a protocol kept for experiments (RFC 3692): in what holds everything, and else in next to nothing


class Stance:
    """What one point of a host does: the peers it denies something, and the traffic it certainly permits."""

    def __init__(self, denies: list[Interval], permitted: Iterable[Box]) -> None:
        self.denies = denies
        self._permitted = Index(permitted)

    @property
    def permits(self) -> bool:
        """Whether anything is certainly permitted."""
        return bool(self._permitted.boxes)

    def permits_all(self, boxes: Sequence[Box]) -> bool:
        """Whether all of the boxes is certainly permitted."""
        near = self._permitted.overlapping
        try:
            return self.permits and all(covered(box, near(box), budget=Budget(STEPS)) for box in boxes)
        except TooManyPieces:
            return False


@dataclass(slots=True)
class Group:
    """The open pairs between two places (or within one).

    `rows`: a target with the sources that reach it; a target among its own sources does not count.
    """

    rows: list[tuple[str, Sequence[str]]] = field(default_factory=list)
    count: int = 0
    proven: int = 0
    pair: tuple[str, str] | None = None  # the first one
    sure_pair: tuple[str, str] | None = None  # the first proven one

    def add(self, target: str, sources: Sequence[str], count: int) -> None:
        """One more row of so many pairs."""
        self.rows.append((target, sources))
        self.count += count
        self.pair = self.pair or next((source, target) for source in sources if source != target)

    def prove(self, source: str, target: str) -> None:
        """A pair of it is proven."""
        self.proven += 1
        self.sure_pair = self.sure_pair or (source, target)

    def sources(self) -> Iterator[str]:
        """Every source, some of them more than once."""
        times: Counter[int] = Counter()
        for target, sources in self.rows:
            times[id(sources)] += 1
            if times[id(sources)] == 1:
                yield from (source for source in sources if source != target)
            elif times[id(sources)] == 2:
                yield from sources  # with two targets, each of them is a source of the other

    def targets(self) -> Iterator[str]:
        """Every target, some of them more than once."""
        return (target for target, _ in self.rows)

    def names(self) -> list[str]:
        """Every server of it, in the order of the pairs."""
        found: dict[str, None] = {}
        seen: set[int] = set()
        for target, sources in self.rows:
            for source in () if id(sources) in seen else sources:
                if source != target:
                    found[source] = found[target] = None
            found[target] = None
            seen.add(id(sources))
        return list(found)


class Pairs:
    """The open pairs of one family."""

    def __init__(self, case: Case, family: Family) -> None:
        self._case, self._family = case, family
        self._own = {name: own for name in case.estate.servers if (own := case.estate.of(name, family))}
        self._place = {name: self._place_of(name) for name in self._own}
        self._comes_in = {name: self._stance(name, INPUT) for name in self._own}
        self._goes_out = {name: self._stance(name, OUTPUT) for name in self._own}
        # What holds everything between two addresses holds this packet between them: most registers have no such box.
        self._wide = Index(
            box for box in case.authorised[family].boxes
            if box[4] <= UNUSUAL <= box[5] and box[6] == box[8] == 0
        )  # fmt: skip
        self._in_place: dict[str, list[str]] = {}
        for name, place in self._place.items():
            self._in_place.setdefault(place, []).append(name)
        self._plain = {
            place: all(not self._goes_out[name].denies for name in names) for place, names in self._in_place.items()
        }
        self._barred = Barred(case, family)

    def groups(self) -> dict[str, Group]:
        """The open pairs by the label of their places."""
        found: dict[str, Group] = {}
        everyone = [(0, TOP[self._family])]
        for target, own in self._own.items():
            stance = self._comes_in[target]
            if stance.denies == everyone:
                continue
            wide = any(self._wide.overlapping(box_of(self._family, dst=(one, one))) for one in own)
            for place, names in self._in_place.items():
                alike = self._plain[place] and not stance.denies and not wide and not self._case.paths
                sources = names if alike else [name for name in names if self._is_open(name, target, wide=wide)]
                count = len(sources) - (alike and self._place[target] == place)
                if count:
                    group = found.setdefault(_label(place, self._place[target]), Group())
                    group.add(target, sources, count)
                    self._prove(group, target, sources)
        return found

    def addresses(self, names: Iterable[str]) -> list[Interval]:
        """The addresses of some servers as ranges."""
        return intervals.merge((one, one) for name in set(names) for one in self._own[name])

    def between(self, source: str, target: str) -> list[Box]:
        """All traffic of a pair."""
        return [
            box_of(self._family, src=(src, src), dst=(dst, dst))
            for src in self._own[source]
            for dst in self._own[target]
        ]

    def _is_open(self, source: str, target: str, *, wide: bool) -> bool:
        if source == target:
            return False
        if _meets(self._comes_in[target].denies, self._own[source]):
            return False
        if _meets(self._goes_out[source].denies, self._own[target]):
            return False
        if all(self._barred.denies(src, dst) for src in self._own[source] for dst in self._own[target]):
            return False
        return not (wide and all(covered(box, self._authorised(box)) for box in self.between(source, target)))

    def _authorised(self, box: Box) -> list[Box]:
        return self._case.authorised[self._family].overlapping(box)

    def _prove(self, group: Group, target: str, sources: Sequence[str]) -> None:
        stance = self._comes_in[target]
        for source in sources if stance.permits else ():
            if source != target and self._goes_out[source].permits:
                boxes = self.between(source, target)
                open_here = stance.permits_all(boxes) and self._goes_out[source].permits_all(boxes)
                if open_here and all(self._barred.permits(box) for box in boxes):
                    group.prove(source, target)

    def _stance(self, name: str, point: str) -> Stance:
        """What stands at one end: the host's own point, and the interfaces of accounts that it stands behind.

        Of several interfaces only what each of them denies is denied: a packet needs one of them. Behind an interface
        nothing is proven open: the host may deny what the account lets through.
        """
        own = self._own_stance(name, point)
        attached = self._case.attached.get(name)
        if not attached:
            return own
        way = IN if point == INPUT else OUT
        denied: list[Interval] = [(0, TOP[self._family])]
        for one in attached:
            facts = self._case.hosts[one.account].facts(f"{one.interface}/{way}", self._family)
            denied = intervals.intersect(denied, facts.denied)
        return Stance(intervals.merge([*own.denies, *denied]), ())

    def _own_stance(self, name: str, point: str) -> Stance:
        host = self._case.hosts.get(name)
        if host is None or point not in host.rule_points:
            return Stance([], ())
        facts = host.facts(point, self._family)
        return Stance(facts.denied, () if host.unread(point) else facts.permitted)

    @cached_property
    def _zones(self) -> Mapping[str, str]:
        """Server -> the first zone that has it."""
        found: dict[str, str] = {}
        for zone, names in self._case.wanted.zones.items():
            for name in names:
                found.setdefault(name, zone)
        return found

    def _place_of(self, name: str) -> str:
        zone = self._zones.get(name, "")
        if zone:
            return f"zone {zone}"
        length = NETWORK[self._family]
        return f"network {to_text(self._family, prefix_range(self._family, self._own[name][0], length)[0])}/{length}"


class Barred:
    """What devices do to the traffic between two addresses."""

    def __init__(self, case: Case, family: Family) -> None:
        self._case, self._family = case, family
        self._denied: dict[tuple[str, Interval, Interval], Index] = {}

    def denies(self, src: int, dst: int) -> bool:
        """Whether some of the traffic is denied whichever way it takes: a way that is not known denies nothing."""
        ways = self._case.paths.between(self._family, src, dst)
        if not ways.devices or ways.kind == "perhaps":
            return False
        said = [self._stops(name, src, dst) for name in ways.devices]
        return any(said) if ways.kind == "between" else all(said)

    def permits(self, box: Box) -> bool:
        """Whether every device that may be passed certainly lets all of it through."""
        ways = self._case.paths.between(self._family, box[0], box[2])
        return all(self._lets_through(name, box) for name in ways.devices)

    def _stops(self, device: str, src: int, dst: int) -> bool:
        """Asked of the two networks at once, and kept: of whole zones there are millions of pairs."""
        host, family = self._case.hosts.get(device), self._family
        if host is None or FORWARD not in host.rule_points:
            return False
        here, there = self._case.paths.segment(family, src), self._case.paths.segment(family, dst)
        if (device, here, there) not in self._denied:
            found = host.pieces(FORWARD, family, box_of(family, src=here, dst=there), overlook_unread=True)
            self._denied[device, here, there] = Index(one.box for one in found if one.decision == "deny")
        pair = box_of(family, src=(src, src), dst=(dst, dst))
        return bool(self._denied[device, here, there].overlapping(pair))

    def _lets_through(self, device: str, box: Box) -> bool:
        host = self._case.hosts.get(device)
        if host is None or FORWARD not in host.rule_points:
            return False
        return all(piece.decision == "permit" for piece in host.pieces(FORWARD, self._family, box))


def _meets(spans: Sequence[Interval], values: Iterable[int]) -> bool:
    return bool(spans) and any(intervals.holds(spans, value) for value in values)


def _label(a: str, b: str) -> str:
    return a if a == b else " and ".join(sorted((a, b)))
