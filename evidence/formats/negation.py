"""Negated lists of addresses: everything that none of their objects holds."""

from __future__ import annotations

from compliance.traffic import intervals
from compliance.traffic.boxes import FAMILIES, TOP
from evidence.formats.entries import Side


def negated(side: Side) -> Side:
    """All addresses outside of a side, of both families; where it is not all known, none for certain."""
    rest = {
        family: intervals.complement(intervals.merge(side.ranges.get(family, [])), TOP[family]) for family in FAMILIES
    }
    if not side.doubts:
        return Side(rest)
    return Side({}, [f"all but {doubt}" for doubt in side.doubts], rest)
