"""Which entries of one list stand in another one, in the same order: what an edit left alone.

Blocks of equal entries are found by walking both lists side by side. Where they part, the nearest place is looked
for at which they run together again; far moves are settled by the longest rising row of places.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Hashable, Sequence
from typing import NamedTuple

STRIDE = 256  # entries compared at once
REACH = 12  # how far is looked for the place where two lists run together again
TOGETHER = 2  # entries in a row that must agree there
ALONE = 4  # after so many places without one the rest is settled by rising places


class Block(NamedTuple):
    """`length` entries that stand from `old` on in one list and from `new` on in the other."""

    old: int
    new: int
    length: int


def aligned(old: Sequence[Hashable], new: Sequence[Hashable]) -> list[Block]:
    """The blocks that both lists share, in order. Entries outside of them were removed, added or moved."""
    blocks: list[Block] = []
    i = j = 0
    lost: list[tuple[int, int]] = []
    while i < len(old) and j < len(new):
        length = _equal(old, new, i, j)
        if length:
            blocks.append(Block(i, j, length))
            i, j = i + length, j + length
            lost.clear()
            continue
        step = _meeting(old, new, i, j)
        if step is None:
            lost.append((i, j))
            if len(lost) == ALONE:
                return blocks + _rising(old, new, *lost[0])
            step = (1, 1)
        i, j = i + step[0], j + step[1]
    return blocks


def unmatched(old: Sequence[Hashable], new: Sequence[Hashable]) -> tuple[list[int], list[int]]:
    """(places of the old list, places of the new list) outside of the blocks that both share."""
    gone: list[int] = []
    come: list[int] = []
    i = j = 0
    for block in [*aligned(old, new), Block(len(old), len(new), 0)]:
        gone += range(i, block.old)
        come += range(j, block.new)
        i, j = block.old + block.length, block.new + block.length
    return gone, come


def _equal(old: Sequence[Hashable], new: Sequence[Hashable], i: int, j: int) -> int:
    start = i
    while old[i : i + STRIDE] == new[j : j + STRIDE] and i < len(old) and j < len(new):
        step = min(STRIDE, len(old) - i, len(new) - j)
        i, j = i + step, j + step
    while i < len(old) and j < len(new) and old[i] == new[j]:
        i, j = i + 1, j + 1
    return i - start


def _meeting(old: Sequence[Hashable], new: Sequence[Hashable], i: int, j: int) -> tuple[int, int] | None:
    for far in range(1, REACH):
        for ahead in range(far + 1):
            a, b = i + ahead, j + far - ahead
            if a < len(old) and b < len(new) and old[a : a + TOGETHER] == new[b : b + TOGETHER]:
                return ahead, far - ahead
    return None


def _rising(old: Sequence[Hashable], new: Sequence[Hashable], i: int, j: int) -> list[Block]:
    """The longest row of entries from places i and j on that keeps its order (patience sorting)."""
    places: dict[Hashable, list[int]] = {}
    for place in range(len(old) - 1, i - 1, -1):
        places.setdefault(old[place], []).append(place)
    pairs = [(places[entry].pop(), b) for b, entry in enumerate(new[j:], start=j) if places.get(entry)]
    tops: list[int] = []
    top_pairs: list[int] = []
    before: list[int] = []
    for number, (a, _) in enumerate(pairs):
        pile = bisect_left(tops, a)
        before.append(top_pairs[pile - 1] if pile else -1)
        if pile == len(tops):
            tops.append(a)
            top_pairs.append(number)
        else:
            tops[pile], top_pairs[pile] = a, number
    found: list[Block] = []
    number = top_pairs[-1] if top_pairs else -1
    while number >= 0:
        found.append(Block(*pairs[number], 1))
        number = before[number]
    return found[::-1]
