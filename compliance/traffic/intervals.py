"""Sorted lists of inclusive integer ranges: the one-dimensional ground of addresses and ports."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence

Interval = tuple[int, int]


def merge(intervals: Iterable[Interval]) -> list[Interval]:
    """The same numbers as sorted ranges that neither overlap nor touch. Raises ValueError on an empty range."""
    merged: list[Interval] = []
    for low, high in sorted(intervals):
        if low > high:
            raise ValueError(f"empty range {low}..{high}")
        if merged and low <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], high))
        else:
            merged.append((low, high))
    return merged


def intersect(a: Iterable[Interval], b: Iterable[Interval]) -> list[Interval]:
    """The numbers in both."""
    left, right = merge(a), merge(b)
    shared: list[Interval] = []
    i = j = 0
    while i < len(left) and j < len(right):
        low, high = max(left[i][0], right[j][0]), min(left[i][1], right[j][1])
        if low <= high:
            shared.append((low, high))
        if left[i][1] < right[j][1]:
            i += 1
        else:
            j += 1
    return shared


def subtract(a: Iterable[Interval], b: Iterable[Interval]) -> list[Interval]:
    """The numbers of `a` that are not in `b`."""
    left: list[Interval] = []
    cuts = merge(b)
    for low, high in merge(a):
        for cut_low, cut_high in meeting(cuts, low, high):
            if low < cut_low:
                left.append((low, cut_low - 1))
            low = cut_high + 1
        if low <= high:
            left.append((low, high))
    return left


def meeting(merged: Sequence[Interval], low: int, high: int) -> Sequence[Interval]:
    """Those of the ranges that share a number with low..high; they must come from merge()."""
    start = bisect_left(merged, low, key=_end)
    return merged[start : bisect_right(merged, high, lo=start, key=_start)]


def _start(one: Interval) -> int:
    return one[0]


def _end(one: Interval) -> int:
    return one[1]


def complement(intervals: Iterable[Interval], top: int) -> list[Interval]:
    """The numbers 0..top that are in none of the ranges (what a negated match means)."""
    return subtract([(0, top)], intervals)


def holds(merged: Sequence[Interval], value: int) -> bool:
    """Whether `value` lies in one of the ranges; they must come from merge()."""
    place = bisect_right(merged, (value, float("inf"))) - 1
    return place >= 0 and merged[place][0] <= value <= merged[place][1]
