"""The kinds of jobs of this room and its schedule."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from compliance.actions.jobs import enqueue
from compliance.models import Job
from compliance.notices import tell
from compliance.run import Run
from reviews import actions
from reviews.models import Review, ReviewSchedule


def due_reviews(now: datetime) -> None:
    """Once a day the reviews ahead are planned, reminders go out, and what was missed is said."""
    key = f"reviews:{timezone.localtime(now):%Y-%m-%d}"
    if ReviewSchedule.objects.filter(enabled=True).exists() and not Job.objects.filter(key=key).exists():
        with transaction.atomic():
            enqueue("plan_reviews", key=key, args={})


def plan(run: Run) -> None:
    """Plans what is ahead, and enqueues the reminders of the day."""
    now = timezone.now()
    for schedule in ReviewSchedule.objects.filter(enabled=True).select_related("system", "chair"):
        actions.plan(schedule, now=now)
    for review in Review.objects.filter(state=Review.State.PLANNED):
        actions.mark_missed(review, at=now)
    with run.finish():
        for review in soon(now):
            enqueue("remind", key=f"remind:{review.ref}", args={"review": review.pk})


def soon(now: datetime) -> list[Review]:
    """The reviews whose reminder is due."""
    rows = Review.objects.filter(state=Review.State.PLANNED, due_at__gt=now).select_related("system__review_schedule")
    return [row for row in rows if row.due_at - now <= timedelta(days=remind_days(row))]


def remind_days(review: Review) -> int:
    """How many days before it people are reminded."""
    schedule = getattr(review.system, "review_schedule", None)
    return schedule.remind_days if schedule else 7


def remind(run: Run) -> None:
    """Reminds chair and invited once and only once."""
    review = Review.objects.select_related("system", "chair").get(pk=run.args["review"])
    schedule = ReviewSchedule.objects.filter(system=review.system).first()
    people = {review.chair, *(schedule.invited.all() if schedule else ())}
    with run.finish():
        if review.state != Review.State.PLANNED:
            return
        for person in people:
            tell(
                person,
                key=f"remind:{review.ref}:{person.pk}",
                subject=f"{review.ref}: review of {review.system} on {timezone.localtime(review.due_at):%d %B}",
                body="The agenda is drawn up from that day's findings, changes and open actions.",
                path=f"/reviews/{review.ref}/",
            )
