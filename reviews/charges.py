"""What somebody is responsible for in reviews: those they chair, the plans that name them, and open actions."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from compliance.actions.ledger import record
from compliance.charges import Charge
from compliance.errors import Refused
from compliance.models import Role, User
from reviews.models import Review, ReviewAction, ReviewSchedule

Row = Review | ReviewAction | ReviewSchedule
GOING_ON: Final = (Review.State.PLANNED, Review.State.OPEN)
MODELS: Final[dict[str, tuple[type[Row], str]]] = {
    "schedule": (ReviewSchedule, "chair"),
    "review": (Review, "chair"),
    "action": (ReviewAction, "owner"),
}


def held(person: User, at: datetime) -> Iterator[Charge]:
    """Plans first: the reviews they make from then on have the new chair."""
    for plan in ReviewSchedule.objects.filter(chair=person).select_related("system").order_by("pk"):
        yield Charge(f"schedule:{plan.pk}", "Chairs the reviews of", plan.system.name, "/reviews/", "required")
    for review in Review.objects.filter(chair=person, state__in=GOING_ON).select_related("system").order_by("due_at"):
        text = f"{review.ref} of {review.system}"
        yield Charge(f"review:{review.pk}", "Chairs", text, f"/reviews/{review.ref}/", "required")
    rows = ReviewAction.objects.filter(owner=person, state=ReviewAction.State.OPEN).select_related("review__system")
    for action in rows.order_by("due", "pk"):
        url = f"/reviews/{action.review.ref}/"
        yield Charge(f"action:{action.pk}", "Has to do", action.text[:120], url, "required")


def pass_on(charge: Charge, person: User, successor: User | None, *, by: User, at: datetime) -> None:
    """One line to its successor. In the caller's transaction."""
    kind, _, number = charge.key.partition(":")
    if kind not in MODELS or successor is None:
        return
    model, field = MODELS[kind]
    row: Row = model._default_manager.get(pk=number)
    system = row.review.system if isinstance(row, ReviewAction) else row.system
    if not successor.holds(Role.values, system.pk, at):
        raise Refused("Nothing was passed on.", f"{successor} has no role in {system}.", "Choose somebody of it.")
    if isinstance(row, Review) and row.second_id == successor.pk:
        raise Refused(
            "Nothing was passed on.", f"{successor} signs {row.ref} as the second.", "Choose somebody else as chair."
        )
    setattr(row, field, successor)
    row.save(update_fields=[field])
    if isinstance(row, ReviewSchedule):
        row.invited.remove(person)
    record("hand_over", row, by=by, at=at, post=field, was=person.pk, to=successor.pk)
