"""What a search finds in this room: actions of reviews."""

from __future__ import annotations

from collections.abc import Iterable

from compliance.models import User
from compliance.views.search import Hit, Part, Sought, part
from reviews.models import Review, ReviewAction


def find(person: User, sought: Sought) -> Iterable[Part]:
    """Actions by their words. Named in settings.SEARCHES."""
    mine = Review.objects.for_user(person).values("pk")
    rows = ReviewAction.objects.filter(review__in=mine, text__icontains=sought.words)
    rows = rows.select_related("owner", "review")
    yield part("Actions of reviews", "list-checks", rows.order_by("-pk"), shown)


def shown(row: ReviewAction) -> Hit:
    """An action, with who does it."""
    return Hit(row.review.ref, f"/reviews/{row.review.ref}/", f"{row.text} · {row.owner}")
