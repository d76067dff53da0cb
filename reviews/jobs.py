"""The kinds of jobs of this room and its schedule."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils import timezone

from compliance.actions.jobs import enqueue
from compliance.models import Job
from compliance.run import Run
from reviews import actions
from reviews.actions import campaigns, reminders
from reviews.models import Campaign, Review, ReviewSchedule


def due_reviews(now: datetime) -> None:
    """Once a day the reviews ahead are planned, reminders go out, and what was missed is said."""
    key = f"reviews:{timezone.localtime(now):%Y-%m-%d}"
    if Job.objects.filter(key=key).exists():
        return
    waiting = Review.objects.filter(state=Review.State.PLANNED)
    going_on = Campaign.objects.filter(state=Campaign.State.OPEN)
    if waiting.exists() or going_on.exists() or ReviewSchedule.objects.filter(enabled=True).exists():
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
            reminders.of_review(review, at=now)
        reminders.of_actions(now)
        campaigns.remind(now)


def remind(run: Run) -> None:
    """Reminds of one review, once and only once; not of one that began, moved or whose step went by meanwhile."""
    review = Review.objects.select_related("system__owner", "chair").get(pk=run.args["review"])
    with run.finish():
        reminders.remind_of_review(review, run.args.get("step", ""), at=timezone.now())
