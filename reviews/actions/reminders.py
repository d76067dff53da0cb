"""Reminders of reviews and actions: 14, 7 and 1 day ahead, and when they are overdue; then those above are told.

Each message has a key of what, which date, which of the steps, and whom: however often this runs, on whatever worker
and by whatever clock, it is one row and said once. A step less urgent than one already said is not said any more.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Final

from django.db import transaction

from compliance.actions.jobs import enqueue
from compliance.models import Notice, Outbound, Role, RoleGrant, System, User
from compliance.models.estate import day_of
from compliance.notices import tell
from reviews.models import Review, ReviewAction, ReviewSchedule

STEPS: Final = (1, 7, 14)  # days ahead
OVERDUE: Final = 0
ESCALATED: Final = -7  # days: what is overdue for longer is told to those who manage the system
URGENCY: Final = ("14", "7", "1", "overdue", "escalated")  # from early to late


def step_of(days: int, first: int = STEPS[-1]) -> str:
    """Which reminder it is time for, so many days ahead: "14", "7", "1", "overdue", "escalated", or "" for none.

    `first`: how many days ahead the first one is sent. A day on which nothing ran is made up for by the step it is now.
    """
    if days < OVERDUE:
        return "escalated" if days <= ESCALATED else "overdue"
    return next((str(step) for step in STEPS if days <= step), "") if days <= max(first, STEPS[0]) else ""


def of_review(review: Review, *, at: datetime) -> None:
    """Enqueues the reminder of a planned review that it is time for. Call it inside atomic()."""
    step = step_now(review, at)
    if step:
        key = f"remind:{review.ref}:{review.due_at:%Y%m%dT%H%MZ}:{step}"
        enqueue("remind", key=key, args={"review": review.pk, "step": step})


def step_now(review: Review, at: datetime) -> str:
    """The step of a review at that moment: by days, and overdue from the minute it was due."""
    if review.state != Review.State.PLANNED:
        return ""
    if review.due_at <= at:
        return "overdue"
    first = ReviewSchedule.objects.filter(system_id=review.system_id).values_list("remind_days", flat=True).first()
    return step_of((day_of(review.due_at) - day_of(at)).days, STEPS[-1] if first is None else first)


def remind_of_review(review: Review, step: str, *, at: datetime) -> int:
    """Tells chair and invited, where it is still so; when it is overdue, the chair and the system's owner.

    In the caller's transaction. Gives how many messages were new.
    """
    if step != step_now(review, at):
        return 0
    when = f"{review.due_at:%Y%m%dT%H%MZ}"
    name = f"{review.ref}: review of {review.system}"
    schedule = ReviewSchedule.objects.filter(system=review.system).first()
    if step == "overdue":
        people = {review.chair, review.system.owner}
        subject = f"{name} was due on {day_of(review.due_at):%d %B} and is not open"
        body = "Open it today, or it was missed: that is a finding, and the pack says so."
    else:
        people = {review.chair, *(schedule.invited.all() if schedule else ())}
        subject = f"{name} on {day_of(review.due_at):%d %B}"
        body = "The agenda is drawn up from that day's findings, changes and open actions."
    return sum(
        once(person, f"remind:{review.ref}:{when}", step, subject, body, f"/reviews/{review.ref}/", at)
        for person in sorted(people, key=lambda one: one.pk)
    )


def of_actions(at: datetime) -> int:
    """Reminds of every open action that is near or overdue; what is overdue for a week goes to those who manage the
    system as well. In the caller's transaction. Gives how many messages were new."""
    today, told = day_of(at), 0
    rows = ReviewAction.objects.filter(state=ReviewAction.State.OPEN, due__lte=today + timedelta(days=STEPS[-1]))
    for action in rows.select_related("owner", "review__system").order_by("pk"):
        step = step_of((action.due - today).days)
        subject, key = f"{action.review.ref}: {action.text}", f"act:{action.pk}:{action.due}"
        path = f"/reviews/{action.review.ref}/"
        late = "It was due" if step in ("overdue", "escalated") else "It is due"
        body = f"{late} on {spelt(action.due)}."
        told += once(action.owner, key, "overdue" if step == "escalated" else step, subject, body, path, at)
        if step == "escalated":
            above = managers(action.review.system, at) - {action.owner}
            body = f"{action.owner} was to do it by {spelt(action.due)}, and it is open."
            told += sum(once(person, key, step, subject, body, path, at) for person in by_key(above))
    return told


def managers(system: System, at: datetime) -> set[User]:
    """Those who manage a system now, and are here."""
    grants = RoleGrant.objects.in_force(at).filter(role=Role.MANAGER, person__is_active=True, person__is_service=False)
    mine = grants.filter(system=system) | grants.filter(system=None)
    return set(User.objects.filter(pk__in=mine.values("person")))


def by_key(people: Iterable[User]) -> list[User]:
    """In an order that is the same each time."""
    return sorted(people, key=lambda one: one.pk)


def spelt(day: date) -> str:
    """A day for people."""
    return f"{day.day} {day:%B %Y}"


def once(
    person: User,
    key: str,
    step: str,
    subject: str,
    body: str,
    path: str,
    at: datetime,
    about: Iterable[System] | None = None,
) -> bool:
    """One message, and whether it was new. Who is deactivated is told nothing; nor is anybody told of an earlier step
    when a later one was said already (a clock that was set back)."""
    if not person.is_active or not step:
        return False
    later = [f"{key}:{more}:{person.pk}" for more in URGENCY[URGENCY.index(step) :]]
    if Outbound.objects.filter(key__in=later).exists():
        return False
    with transaction.atomic():
        mine = later[0]
        row = tell(
            person, key=mine, subject=subject[:200], body=body, path=path, kind=Notice.REVIEW, at=at, about=about
        )
    return row.created_at == at
