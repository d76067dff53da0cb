"""What one long list of boxes permits and another does not: an index, so that only what overlaps is subtracted."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence

from compliance.traffic.boxes import Box, Budget, intersect, overlaps, residual

INDEXED = (0, 2, 8)  # source, destination, destination port: what rules are told apart by
NARROW = 8  # a box over more segments than this is kept in the dimension's list of wide ones
WIDEST_QUERY = 64  # a query over more segments than this is not narrowed by the dimension


class _Dimension:
    """One dimension cut into segments at the bounds of all boxes; each segment knows the narrow boxes on it."""

    __slots__ = ("at", "buckets", "starts", "wide")

    def __init__(self, boxes: Sequence[Box], at: int) -> None:
        self.at = at
        self.starts = sorted({bound for box in boxes for bound in (box[at], box[at + 1] + 1)} | {0})
        self.buckets: list[list[int]] = [[] for _ in self.starts]
        self.wide: list[int] = []
        for number, box in enumerate(boxes):
            first, last = self._segments(box)
            if last - first >= NARROW:
                self.wide.append(number)
                continue
            for segment in range(first, last + 1):
                self.buckets[segment].append(number)

    def _segments(self, box: Box) -> tuple[int, int]:
        return bisect_right(self.starts, box[self.at]) - 1, bisect_right(self.starts, box[self.at + 1]) - 1

    def cost(self, box: Box) -> int | None:
        """How many candidates this dimension would give, or None when it does not narrow the query."""
        first, last = self._segments(box)
        if last - first >= WIDEST_QUERY:
            return None
        return len(self.wide) + sum(len(bucket) for bucket in self.buckets[first : last + 1])

    def candidates(self, box: Box) -> list[int]:
        first, last = self._segments(box)
        found = set(self.wide)
        for bucket in self.buckets[first : last + 1]:
            found.update(bucket)
        return sorted(found)


class Index:
    """Finds, among many boxes of one family, those that overlap one box; in the order of the list."""

    __slots__ = ("_dimensions", "boxes")

    def __init__(self, boxes: Iterable[Box]) -> None:
        self.boxes = tuple(boxes)
        self._dimensions = tuple(_Dimension(self.boxes, at) for at in INDEXED)

    def _narrowest(self, box: Box) -> _Dimension | None:
        best: tuple[int, _Dimension] | None = None
        for dimension in self._dimensions:
            cost = dimension.cost(box)
            if cost is not None and (best is None or cost < best[0]):
                best = (cost, dimension)
        return best[1] if best else None

    def numbers(self, box: Box, start: int = 0) -> Iterator[int]:
        """The places (from `start` on, ascending) of the boxes that overlap `box`."""
        boxes = self.boxes
        dimension = self._narrowest(box)
        candidates: Iterable[int] = range(start, len(boxes)) if dimension is None else dimension.candidates(box)
        return (number for number in candidates if number >= start and overlaps(boxes[number], box))

    def overlapping(self, box: Box) -> list[Box]:
        """The boxes that overlap `box`."""
        return [self.boxes[number] for number in self.numbers(box)]


def beyond(
    permitted: Iterable[Box], authorised: Index | Iterable[Box], *, budget: Budget | None = None
) -> Iterator[Box]:
    """What is in a box of `permitted` and in no box of `authorised`, lazily; disjoint where `permitted` is.

    Thousands against thousands: each box meets only those that overlap it. Raises TooManyPieces above the budget.
    """
    index = authorised if isinstance(authorised, Index) else Index(authorised)
    for box in permitted:
        yield from residual(box, index.overlapping(box), budget=budget)


def shared(a: Iterable[Box], b: Index | Iterable[Box]) -> Iterator[tuple[Box, int]]:
    """Each part of a box of `a` that lies in a box of `b`, with the place of that box in `b`."""
    index = b if isinstance(b, Index) else Index(b)
    for box in a:
        for number in index.numbers(box):
            part = intersect(box, index.boxes[number])
            if part is not None:
                yield part, number
