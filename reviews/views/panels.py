"""What reviews add to the pages of other rooms: counts, a step of set-up, the month (settings.PANELS and its like)."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.utils import timezone

from compliance.models import System, User
from compliance.setting_up import DUTY, Step, several
from evidence.views.month import Year, shift, span
from reviews import minutes
from reviews.models import Review, ReviewAction, ReviewSchedule


def next_review(person: User) -> dict[str, Any] | None:
    """The next review that is to be held."""
    rows = Review.objects.for_user(person).filter(state__in=["planned", "open"]).order_by("due_at")
    row = rows.first()
    if row is None:
        return None
    items = row.agenda.count()
    detail = f"{items} items on the agenda" if items else "The agenda is drawn up when the review opens"
    return {"ref": row.ref, "url": f"/reviews/{row.ref}/", "on": row.due_at, "detail": f"{row.system}. {detail}."}


def counts(person: User) -> dict[str, int]:
    """For the navigation: reviews that are due."""
    rows = Review.objects.for_user(person).filter(state__in=["planned", "open", "signing"], due_at__lte=timezone.now())
    return {"reviews": rows.count()}


def setup_tasks() -> list[Step]:
    """The step of set-up about reviews: done when each system has its dates."""
    systems, planned = System.objects.count(), ReviewSchedule.objects.filter(enabled=True).values("system").count()
    missing = systems - planned
    wrong = f"{several(missing, 'system')} that nobody reviews" if planned and missing > 0 else ""
    return [
        Step("review", DUTY, "The first review", "A date, a chair and who comes: for each system, every month.",
             "/reviews/schedules/new/", ("plan_review",), 0 < systems <= planned,
             f"{planned} of {systems} systems" if planned else "", wrong)
    ]  # fmt: skip


def minutes_held(year: Year) -> list[str]:
    """Whether every review due in a month was held and its minutes frozen, of each month."""
    spans = year.spans
    rows = list(Review.objects.for_user(year.person).filter(due_at__gte=spans[0][0], due_at__lt=spans[-1][1]))
    altered = minutes.altered(rows)
    found = []
    for since, until in spans:
        due = [row for row in rows if since <= row.due_at < until]
        signed = [row.state == Review.State.CLOSED and row.pk not in altered for row in due]
        found.append("missing" if not any(signed) else "complete" if all(signed) else "partial")
    return found


def month(first: date, person: User) -> dict[str, Any]:
    """The fifth thing: the last review's minutes, its row of the grid, and the next review."""
    when = span(first)
    closed = Review.objects.for_user(person).filter(state=Review.State.CLOSED, closed_at__lt=when[1])
    last = closed.order_by("-closed_at").first()
    missed = (
        Review.objects.for_user(person)
        .filter(state=Review.State.MISSED, due_at__gte=when[0], due_at__lt=when[1])
        .count()
    )
    undone = last.actions.filter(state=ReviewAction.State.OPEN).count() if last else 0
    recent = last is not None and last.closed_at is not None and last.closed_at >= span(shift(first, -1))[0]
    doubted = (
        f"the minutes of {last.ref} are not those that were signed off" if last and minutes.altered([last]) else ""
    )
    held = "missing" if last is None else "complete" if recent and not missed and not doubted else "partial"
    return {
        "ask": {
            "icon": "notebook-pen",
            "title": "Last review minutes",
            "detail": f"{last.ref} of {timezone.localtime(last.closed_at):%d %b}, "
            f"{last.attendees.filter(present=True).count()} present"
            if last and last.closed_at
            else "No review was held yet",
            "because": doubted or f"{missed} review missed in this month"
            if missed or doubted
            else f"{undone} actions still open"
            if last
            else "",
            "held": held,
            "exceptions": missed + undone if last else None,
            "not_known": 0,
            "url": f"/reviews/{last.ref}/" if last else "/reviews/",
            "action": "Open",
        },
        "grid": ("Minutes", minutes_held),
        "next_review": next_review(person),
    }
