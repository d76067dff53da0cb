"""A meeting's end, in two signatures."""

from __future__ import annotations

from datetime import datetime

from reviews import actions
from reviews.models import Review
from tests.people import People


def signed_off(review: Review, people: People, *, notes: str = "", at: datetime | None = None) -> Review:
    """Mina signs as the chair, and Omar as the second."""
    actions.sign(review, by=people.mina, notes=notes, at=at)
    return actions.countersign(review, by=people.omar, seen=review.minutes_hash, at=at)
