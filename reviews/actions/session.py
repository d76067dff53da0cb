"""What all verbs of a meeting ask first: whether it is in session."""

from __future__ import annotations

from compliance.errors import Refused
from reviews.models import Review


def refuse_closed(review: Review) -> None:
    """Closed minutes are closed, and a review that has not begun has none.

    Call it inside atomic(): the review is held until the end, so that nothing is said while somebody signs it off.
    """
    review.refresh_from_db(from_queryset=Review.objects.select_for_update())
    if review.state != Review.State.OPEN:
        raise Refused(
            f"{review.ref} was not changed",
            f"It is {review.get_state_display().lower()}.",
            "Only an open review is minuted.",
        )
