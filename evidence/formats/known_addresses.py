"""Addresses known from two sides: those that are held for sure, and those that may be held at most.

A name that a device looks up holds nothing for sure and may hold anything. So a group of which one member is not known
still tells of the others, and a negated one is wider by what is not known, never narrower.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from compliance.traffic import intervals
from compliance.traffic.boxes import TOP, Family
from compliance.traffic.intervals import Interval
from evidence.formats.entries import Side


@dataclass(slots=True)
class Known:
    """Addresses of one family: those that are held for sure, and those that may be held (never fewer)."""

    sure: list[Interval] = field(default_factory=list)
    may: list[Interval] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)
    ways: list[str] = field(default_factory=list)

    def add(self, other: Known) -> None:
        """Everything of another as well."""
        self.sure = intervals.merge([*self.sure, *other.sure])
        self.may = intervals.merge([*self.may, *other.may])
        self.doubts += [one for one in other.doubts if one not in self.doubts]

    def without(self, other: Known) -> None:
        """All but what another holds."""
        self.sure, self.may = intervals.subtract(self.sure, other.may), intervals.subtract(self.may, other.sure)
        self.doubts += [one for one in other.doubts if one not in self.doubts]


def certain(ranges: Iterable[Interval]) -> Known:
    """Addresses that are known."""
    merged = intervals.merge(ranges)
    return Known(merged, list(merged))


def unknown(family: Family, doubt: str) -> Known:
    """Addresses of which nobody knows."""
    return Known([], [(0, TOP[family])], [doubt])


def everybody(family: Family) -> Known:
    """All addresses of a family."""
    return certain([(0, TOP[family])])


def negated(family: Family, held: Known) -> Known:
    """All other addresses."""
    top = TOP[family]
    return Known(intervals.complement(held.may, top), intervals.complement(held.sure, top), held.doubts, held.ways)


def side_of(family: Family, held: Known) -> Side:
    """The same as one side of an entry of a list."""
    return Side({family: held.sure}, held.doubts, {family: held.may} if held.doubts else {})
