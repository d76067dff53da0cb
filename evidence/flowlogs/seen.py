"""What flow logs of a span showed, as values: who used what, what nobody authorised, which hours were watched. Pure.

Hours count from 1970. A set of hours is one integer, a bit an hour from the first of the span: unions and intersections
of thousands of places are single operations.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from compliance.traffic.boxes import Box, Family
from compliance.traffic.intervals import Interval
from evidence.flowlogs.shapes import Gap

UNSEEN: Final = frozenset({"skipdata", "cut", "unread", "aside", "clock", "sampling"})  # a flow may be missed in them


@dataclass(frozen=True, slots=True)
class Use:
    """One source's use of one authorised connection. `whole` False: it may be a use of it (a port was not kept)."""

    family: Family
    source: int
    whole: bool
    first: int
    last: int
    flows: int
    packets: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Tally:
    """What two ends exchanged on one service in all of the span, and nobody authorised. Port None: the log has none.

    `sure`: how sure it is who began, in a hundred. `passed`: some of it got through. `sensor`: one place that saw it.
    `days`: on how many it was seen.
    """

    family: Family
    src: int
    dst: int
    proto: int
    port: int | None
    other: int | None
    sure: int
    passed: bool
    flows: int
    packets: int
    bytes: int
    first: int
    last: int
    sensor: str
    days: int = 1

    @property
    def pair(self) -> tuple[int, int, int, int, int | None]:
        """What stays the same from month to month."""
        return (self.family, self.src, self.dst, self.proto, self.port)


@dataclass(frozen=True, slots=True)
class Holding:
    """Whose an address was: from the first second to the last, both included."""

    family: Family
    address: int
    server: str
    first: int
    last: int


class Coverage:
    """Which hours which addresses were watched: when each place that logs was `live`, and what it stands beside.

    `live`: the hours since 1970 of each place, or their bits from `first_hour` on.
    """

    def __init__(
        self,
        first_hour: int,
        last_hour: int,
        live: Mapping[str, Iterable[int] | int],
        watches: Mapping[str, Mapping[Family, Sequence[Interval]]],
        gaps: Iterable[Gap] = (),
    ) -> None:
        self.first_hour, self.last_hour = first_hour, last_hour
        self.every = (1 << (last_hour - first_hour + 1)) - 1
        self.live = {name: hours if isinstance(hours, int) else self._bits(hours) for name, hours in live.items()}
        self.gaps = tuple(gaps)
        blind: dict[str, int] = {}
        for gap in self.gaps:
            if gap.kind in UNSEEN:
                hours = self._bits(range(max(gap.first_hour, first_hour), min(gap.last_hour, last_hour) + 1))
                blind[gap.sensor] = blind.get(gap.sensor, 0) | hours
        of_all = blind.get("", 0)
        self.watched = {name: bits & ~(blind.get(name, 0) | of_all) for name, bits in self.live.items()}
        self._single: dict[tuple[Family, int], int] = {}
        self._wide: list[tuple[Family, int, int, int]] = []
        for name, ranges in watches.items():
            for family, spans in ranges.items():
                for low, high in spans:
                    if low == high:
                        key = (family, low)
                        self._single[key] = self._single.get(key, 0) | self.watched.get(name, 0)
                    else:
                        self._wide.append((family, low, high, self.watched.get(name, 0)))
        self._sorted = sorted(self._single)

    def _bits(self, hours: Iterable[int]) -> int:
        found = 0
        for hour in hours:
            if self.first_hour <= hour <= self.last_hour:
                found |= 1 << (hour - self.first_hour)
        return found

    def of_range(self, family: Family, low: int, high: int) -> int:
        """The hours in which every address of the range was watched."""
        wide = [one for one in self._wide if one[0] == family and one[1] <= high and one[2] >= low]
        at = bisect_left(self._sorted, (family, low))
        singles: list[int] = []
        while at < len(self._sorted) and self._sorted[at] <= (family, high):
            singles.append(self._sorted[at][1])
            at += 1
        cuts = {low, high + 1}
        for _, start, end, _bits in wide:
            cuts |= {max(start, low), min(end, high) + 1}
        for value in singles:
            cuts |= {value, value + 1}
        edges = sorted(cuts)
        found = self.every
        for start, end in pairwise(edges):
            bits = self._single.get((family, start), 0) if end == start + 1 else 0
            for _, begin, stop, hours in wide:
                if begin <= start and end - 1 <= stop:
                    bits |= hours
            found &= bits
            if not found:
                return 0
        return found

    def of_boxes(self, family: Family, boxes: Iterable[Box]) -> int:
        """The hours in which no packet of the boxes could pass unseen: for every pair one of its ends was watched."""
        found = self.every
        for box in boxes:
            found &= self.of_range(family, box[0], box[1]) | self.of_range(family, box[2], box[3])
        return found

    def from_hour(self, bits: int, hour: int) -> int:
        """The hours of `bits` that lie after an hour."""
        shift = hour + 1 - self.first_hour
        return bits if shift <= 0 else bits >> shift << shift

    def missing(self) -> Iterator[Gap]:
        """The hours in which a place said nothing at all, not even that it saw nothing."""
        for name, bits in sorted(self.live.items()):
            for first, last in runs(self.every & ~bits):
                why = f"{name or 'the log'} wrote nothing for {last - first + 1} hours"
                yield Gap("missing", name, self.first_hour + first, self.first_hour + last, 0, why)


def runs(bits: int) -> Iterator[tuple[int, int]]:
    """The first and last place of each row of ones."""
    at = 0
    while bits:
        skip = (bits & -bits).bit_length() - 1
        bits >>= skip
        at += skip
        length = (~bits & (bits + 1)).bit_length() - 1
        yield at, at + length - 1
        bits >>= length
        at += length


def longest(bits: int) -> int:
    """The most hours in a row."""
    return max((last - first + 1 for first, last in runs(bits)), default=0)


@dataclass(frozen=True)
class FlowEvidence:
    """All that flow logs of one span say about one register, in one address space.

    `uses`: connection -> who used it; `elsewhere`: flows between ends that are no servers, counted only; `seen`: the
    addresses in scope that took part; `holdings`: whose an address was, where that changed; `since`: connection -> the
    hour from which it was in force, where that lies in the span; `duties`: connection -> what every server in its
    source must show (`time`, `logs`): one that never does is a silent baseline.
    """

    coverage: Coverage
    uses: Mapping[str, tuple[Use, ...]] = field(default_factory=dict)
    outside: tuple[Tally, ...] = ()
    elsewhere: int = 0
    seen: tuple[tuple[Family, int], ...] = ()
    holdings: tuple[Holding, ...] = ()
    since: Mapping[str, int] = field(default_factory=dict)
    duties: Mapping[str, str] = field(default_factory=dict)
    space: str = "default"

    def last_used(self, connection: str) -> int | None:
        """The second of the last proven use."""
        return max((one.last for one in self.uses.get(connection, ()) if one.whole), default=None)


def unexpected(now: Iterable[Tally], before: Iterable[Tally]) -> list[Tally]:
    """What this span shows that the spans before it did not, the fullest first."""
    known = {one.pair for one in before}
    return sorted((one for one in now if one.pair not in known), key=lambda one: (-one.bytes, one.pair[:4]))
