"""The kinds of jobs of this room and its schedule."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils import timezone

from compliance.actions.jobs import enqueue
from compliance.models import Job, Notice
from compliance.notices import tell
from compliance.run import Run
from reviews import actions
from reviews.models import Review, ReviewSchedule


def due_reviews(now: datetime) -> None:
    """Once a day the reviews ahead are planned, reminders go out, and what was missed is said."""
    key = f"reviews:{timezone.localtime(now):%Y-%m-%d}"
    if Job.objects.filter(key=key).exists():
        return
    waiting = Review.objects.filter(state=Review.State.PLANNED)
    if waiting.exists() or ReviewSchedule.objects.filter(enabled=True).exists():
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
        for review in Review.objects.filter(state=Review.State.PLANNED):
            actions.remind_in_time(review, at=now)


def remind(run: Run) -> None:
    """Reminds chair and invited once and only once; not of a review that began, or whose time went by."""
    review = Review.objects.select_related("system", "chair").get(pk=run.args["review"])
    schedule = ReviewSchedule.objects.filter(system=review.system).first()
    people = {review.chair, *(schedule.invited.all() if schedule else ())}
    with run.finish():
        if review.state != Review.State.PLANNED or review.due_at <= timezone.now():
            return
        for person in people:
            tell(
                person,
                key=f"remind:{review.ref}:{review.due_at:%Y%m%dT%H%MZ}:{person.pk}",
                subject=f"{review.ref}: review of {review.system} on {timezone.localtime(review.due_at):%d %B}",
                body="The agenda is drawn up from that day's findings, changes and open actions.",
                path=f"/reviews/{review.ref}/",
                kind=Notice.REVIEW,
            )
