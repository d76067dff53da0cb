"""What reviews have to say at a comparison (settings.JUDGED_ABOVE): those that were not held."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from compliance.models import System
from compliance.models.estate import day_of
from evidence.judgement import Judgement
from evidence.rules import Certainty, Verdict
from reviews import minutes
from reviews.models import Review

POINT = "review"  # about a duty, not about a host: no rule shows it
NAMED = 3  # of those that were missed


def missed(at: datetime) -> Iterator[tuple[Judgement, int]]:
    """One judgement for each system with a review that was not held, and none signed off since its day.

    Minutes that were altered past Eastwest are no review that was held.
    """
    for system in System.objects.filter(reviews__state=Review.State.MISSED).distinct().order_by("pk"):
        rows = system.reviews.filter(state=Review.State.CLOSED, closed_at__lte=at)
        doubted = minutes.altered(rows)
        last = rows.exclude(pk__in=doubted).order_by("-closed_at").first()
        lost = system.reviews.filter(state=Review.State.MISSED, due_at__lte=at)
        if last is not None:
            lost = lost.filter(due_at__gt=last.closed_at)
        if names := [told(row) for row in lost.order_by("-due_at")]:
            more = f" and {len(names) - NAMED} before" if len(names) > NAMED else ""
            were = "was" if len(names) == 1 else "were"
            because = f"{', '.join(names[:NAMED])}{more} {were} not held, and no review was signed off since."
            subject = f"reviews of {system.name}"
            yield Judgement(Verdict.review_missed, Certainty.definite, subject, POINT, "", (), None, because), system.pk


def told(review: Review) -> str:
    """A review with its day."""
    day = day_of(review.due_at)
    return f"{review.ref}, due {day.day} {day:%B %Y},"
