"""What is left of a box when others are taken away: lazily, as disjoint boxes, the first one a counter-example.

The box is halved at a bound of the cuts, again and again, until a part meets no cut (it is left over), is one of
them (it is gone) or meets so few that they can be taken away one by one. Bounds are chosen by a sample: few cuts
should lie on both sides. Cuts that cross the box in every dimension but one (stripes) are dealt with at once.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from typing import cast

from compliance.traffic import intervals
from compliance.traffic.boxes import DIMENSIONS, Box, Budget, intersect, is_real, limited, subtract

FEW = 8  # cuts that are taken away one by one
SAMPLE = 24  # cuts that are looked at to choose a bound
GLANCE = 8  # of these, how many are looked at to see whether there are stripes
CROSSING = 4  # one in so many must be one
Part = tuple[Box, list[Box]]  # a box with the cuts that touch it, clipped to it


def residual(box: Box, cuts: Iterable[Box], *, budget: Budget | None = None) -> Iterator[Box]:
    """`box` without all of `cuts`, lazily, as disjoint boxes. Raises TooManyPieces above the budget."""
    touching = [inside for cut in cuts if (inside := intersect(box, cut)) is not None]
    if box in touching:
        return
    waiting: list[Iterator[Part]] = [iter([(box, touching)])]
    while waiting:
        part = next(waiting[-1], None)
        if part is None:
            waiting.pop()
            continue
        box, touching = part
        if budget is not None:
            budget.spend(1 + len(touching) // 64)
        if len(touching) <= FEW:
            yield from _one_by_one(box, touching)
        else:
            waiting.append(_parts(box, touching))


def _parts(box: Box, cuts: list[Box]) -> Iterator[Part]:
    some = cuts if len(cuts) <= SAMPLE else cuts[:: len(cuts) // SAMPLE]
    stripes = [at for cut in some[:GLANCE] if (at := _crosses_but(box, cut)) is not None]
    if len(stripes) * CROSSING >= min(len(some), GLANCE):
        return _between(box, cuts, max(set(stripes), key=stripes.count))
    return _halves(box, cuts, *_bound(box, some))


def _one_by_one(box: Box, cuts: list[Box]) -> Iterator[Box]:
    left = [box]
    for cut in cuts:
        left = [rest for piece in left for rest in subtract(piece, cut)]
    return (piece for piece in left if is_real(piece))


def _halves(box: Box, cuts: list[Box], at: int, split: int) -> Iterator[Part]:
    """The box below and above a bound, without a half that is one of the cuts."""
    end = at + 1
    low: list[Box] = []
    high: list[Box] = []
    for cut in cuts:
        if cut[end] < split:
            low.append(cut)
        elif cut[at] >= split:
            high.append(cut)
        else:
            low.append(cast(Box, (*cut[:end], split - 1, *cut[at + 2 :])))
            high.append(cast(Box, (*cut[:at], split, *cut[end:])))
    halves = ((limited(box, at, box[at], split - 1), low), (limited(box, at, split, box[end]), high))
    return ((half, touching) for half, touching in halves if half not in touching)


def _bound(box: Box, some: Sequence[Box]) -> tuple[int, int]:
    """The dimension and the bound that part the sample best. Every cut here ends somewhere inside the box."""
    best: tuple[int, int, int] | None = None
    for at in DIMENSIONS:
        low, high = box[at], box[at + 1]
        starts = sorted([cut[at] for cut in some])
        ends = sorted([cut[at + 1] for cut in some])
        bounds = starts[bisect_right(starts, low) :] + [end + 1 for end in ends[: bisect_left(ends, high)]]
        if not bounds:
            continue
        bounds.sort()
        for split in {bounds[len(bounds) // 4], bounds[len(bounds) // 2], bounds[len(bounds) * 3 // 4]}:
            below, above = bisect_left(starts, split), len(ends) - bisect_left(ends, split)
            score = below * below + above * above
            if best is None or score < best[0]:
                best = (score, at, split)
    if best is None:
        raise ValueError("no cut ends inside the box: it is covered")
    return best[1], best[2]


def _crosses_but(box: Box, cut: Box) -> int | None:
    """The only dimension in which a cut does not cross the whole box, if there is just one."""
    found: int | None = None
    for at in DIMENSIONS:
        if cut[at] != box[at] or cut[at + 1] != box[at + 1]:
            if found is not None:
                return None
            found = at
    return found


def _between(box: Box, cuts: list[Box], at: int) -> Iterator[Part]:
    """The parts of the box between the stripes of one dimension, each with the cuts that touch it."""
    stripes: list[Box] = []
    others: list[Box] = []
    for cut in cuts:
        (stripes if _crosses_but(box, cut) == at else others).append(cut)
    gaps = intervals.subtract([(box[at], box[at + 1])], intervals.merge((cut[at], cut[at + 1]) for cut in stripes))
    for low, high in gaps:
        part = limited(box, at, low, high)
        near = [cut for cut in others if cut[at] <= high and low <= cut[at + 1]]
        touching = [limited(cut, at, max(low, cut[at]), min(high, cut[at + 1])) for cut in near]
        if part not in touching:
            yield part, touching


def covered(box: Box, cuts: Iterable[Box], *, budget: Budget | None = None) -> bool:
    """Whether the union of `cuts` holds every packet of `box`."""
    return next(residual(box, cuts, budget=budget), None) is None


def disjoint(boxes: Iterable[Box]) -> list[Box]:
    """The same packets as boxes that do not overlap (the earlier box keeps what two share)."""
    kept: list[Box] = []
    for box in boxes:
        kept.extend(list(residual(box, kept)))
    return kept


def difference(a: Iterable[Box], b: Iterable[Box], *, budget: Budget | None = None) -> list[Box]:
    """What is in a box of `a` and in none of `b`, as disjoint boxes. For long lists see difference.py."""
    cuts = list(b)
    return [piece for box in disjoint(a) for piece in residual(box, cuts, budget=budget)]


def same_traffic(a: Sequence[Box], b: Sequence[Box]) -> bool:
    """Whether two lists of boxes hold the same packets."""
    return all(covered(box, b) for box in a) and all(covered(box, a) for box in b)
