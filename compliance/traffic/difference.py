"""What one long list of boxes permits and another does not: only what overlaps is subtracted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from compliance.traffic.boxes import Box, Budget, intersect
from compliance.traffic.index import Index
from compliance.traffic.residual import residual


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
