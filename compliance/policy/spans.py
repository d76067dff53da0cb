"""The algebra of services: spans as boxes without addresses."""

from __future__ import annotations

from collections.abc import Iterable

from compliance.traffic import residual
from compliance.traffic.boxes import Box, intersect_all
from compliance.traffic.services import ANY_SPAN, Span, say

NOWHERE = (0, 0, 0, 0)
EVERY: tuple[Span, ...] = (ANY_SPAN,)


def boxed(spans: Iterable[Span]) -> list[Box]:
    """Spans as boxes of one address, so that the algebra of boxes does the work."""
    return [(*NOWHERE, *span) for span in spans]


def common(spans: Iterable[Span], others: Iterable[Span]) -> tuple[Span, ...]:
    """What lies in both."""
    return tuple(dict.fromkeys(box[4:] for box in intersect_all(boxed(spans), boxed(others))))


def without(spans: Iterable[Span], others: Iterable[Span]) -> tuple[Span, ...]:
    """What lies in the first and not in the second, in disjoint pieces."""
    return tuple(box[4:] for box in residual.difference(boxed(spans), boxed(others)))


def said(spans: Iterable[Span], most: int = 4) -> str:
    """Services in a sentence."""
    texts = list(dict.fromkeys(say(span) for span in spans))
    more = len(texts) - most
    return ", ".join(texts[:most]) + (f" and {more} more" if more > 0 else "")
