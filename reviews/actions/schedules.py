"""The verbs of the standing duty: plan, set, move, keep the holidays; and saying that a review was missed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from compliance.actions.jobs import enqueue
from compliance.actions.ledger import record
from compliance.announcing import announce
from compliance.errors import Refused
from compliance.models import LedgerInbox, Notice, System, User
from compliance.models.estate import day_of
from compliance.notices import tell
from compliance.permissions import check
from reviews import calendar
from reviews.actions import reminders
from reviews.models import Holiday, Review, ReviewSchedule

AHEAD = 2  # months that are planned ahead
GRACE = timedelta(days=3)  # after this a review that nobody opened was missed
MONTH = timedelta(days=31)
YEAR = timedelta(days=366)
AT_MOST = 400  # holidays


def plan(schedule: ReviewSchedule, *, now: datetime | None = None) -> list[Review]:
    """The reviews of this month and the months ahead, each made once.

    A month (or week) of the duty that went by while nothing ran is made as well: it was missed, and that is said.
    """
    moment = now or timezone.now()
    last = schedule.system.reviews.order_by("-due_at").values_list("due_at", flat=True).first()
    since = max(begun(schedule, moment), min(last, moment)) if last else begun(schedule, moment)
    made = []
    for due in calendar.dues(schedule, since, moment, holidays(), ahead=AHEAD):
        if due.at < since or is_there(schedule, due, past=due.at < moment):
            continue
        with transaction.atomic():
            row, fresh = Review.objects.get_or_create(
                system=schedule.system, named_day=due.named, defaults={"chair": schedule.chair, "due_at": due.at}
            )
            if fresh:
                planned(row, by=None, at=moment)
                made.append(row)
    return made


def holidays() -> set[date]:
    """The days on which nothing is held."""
    return set(Holiday.objects.values_list("day", flat=True))


def begun(schedule: ReviewSchedule, moment: datetime) -> datetime:
    """Since when the duty stands: what was before it was not missed."""
    said = LedgerInbox.objects.filter(data__verb="set_schedule", data__object__type="reviews.reviewschedule")
    rows = said.filter(data__object__id=schedule.pk).order_by("created").values_list("created", flat=True)
    return min(rows.first() or moment, moment)


def is_there(schedule: ReviewSchedule, due: calendar.Due, *, past: bool) -> bool:
    """Whether a review stands for that named day; for one that is past any of the same month (or week) answers."""
    rows = schedule.system.reviews.filter(
        Q(due_at__range=(due.at - MONTH, due.at + MONTH)) | Q(named_day__range=(due.named - MONTH, due.named + MONTH))
    )
    if rows.filter(Q(named_day=due.named) | Q(due_at=due.at)).exists():
        return True
    wanted = calendar.period(schedule, due.named)
    return past and any(calendar.period(schedule, named(schedule, row)) == wanted for row in rows)


def named(schedule: ReviewSchedule, review: Review) -> date:
    """The day a review answers for: the one the schedule named, or its own where it is held."""
    return review.named_day or review.due_at.astimezone(ZoneInfo(schedule.time_zone)).date()


def planned(review: Review, *, by: User | None, at: datetime) -> None:
    """Notes a new review, in the caller's transaction; where it is close already, people are reminded now."""
    record("plan_review", review, by=by, at=at)
    reminders.of_review(review, at=at)


def set_schedule(
    system: System,
    *,
    chair: User,
    invited: Iterable[User] | None = None,
    by: User,
    at: datetime | None = None,
    **fields: Any,
) -> ReviewSchedule:
    """The standing duty of a system. `fields`: those of ReviewSchedule (week, weekday, rule, starts_on, hour, minute,
    on_holiday, time_zone, remind_days, enabled).

    `invited` None leaves those who are invited. What was planned and is still to come moves to the new dates.
    """
    moment = at or timezone.now()
    check(by, "plan_review", system, at=moment)
    refuse_odd(fields, day_of(moment))
    with transaction.atomic():
        before = ReviewSchedule.objects.select_for_update().filter(system=system).first()
        said = {"chair": chair, **fields}
        row, _ = ReviewSchedule.objects.update_or_create(
            system=system, defaults=said, create_defaults={"time_zone": settings.TIME_ZONE, **said}
        )
        if invited is not None:
            row.invited.set(invited)
        record("set_schedule", row, by=by, at=moment, chair=chair.pk, **{k: spelt(v) for k, v in fields.items()})
        if before is not None:
            days = holidays()
            move(row, scheduled(before, moment, days), days, by=by, at=moment)
    return row


def spelt(value: Any) -> Any:
    """A field as the ledger writes it."""
    return value.isoformat() if isinstance(value, date) else value


def refuse_odd(fields: Mapping[str, Any], today: date) -> None:
    """Refuses a week, a day, an hour, a place or a rule that there is not."""
    what = "The schedule was not kept"
    for name, least, last in (
        ("week", 1, calendar.LAST_WEEK), ("weekday", 0, 6), ("hour", 0, 23), ("minute", 0, 59),
        ("remind_days", 0, 27), ("quorum", 2, 20),
    ):  # fmt: skip
        if name in fields and not least <= fields[name] <= last:
            raise Refused(what, f"{name} is from {least} to {last}.", "Choose again.")
    if fields.get("time_zone", settings.TIME_ZONE) not in available_timezones():
        raise Refused(what, f"There is no time zone {fields['time_zone']}.", "Choose again.")
    if fields.get("on_holiday", "next") not in ReviewSchedule.OnHoliday.values:
        raise Refused(what, "On a holiday it is held on the next day, on the one before, or kept.", "Choose one.")
    starts = fields.get("starts_on")
    if starts is not None and abs(starts - today) > YEAR:
        raise Refused(what, "It starts within a year.", "Choose a nearer day.")
    wrong = calendar.problem(fields["rule"], starts) if fields.get("rule") else ""
    if wrong:
        raise Refused(what, wrong, "Correct the rule, or choose one of those offered.")


def scheduled(duty: ReviewSchedule, at: datetime, days: Collection[date]) -> list[Review]:
    """What the duty planned and is still to come."""
    dues = {due.at for due in calendar.dues(duty, at, at, days, ahead=AHEAD)}
    rows = Review.objects.filter(system_id=duty.system_id, due_at__gt=at, state=Review.State.PLANNED)
    return list(rows.filter(Q(named_day__isnull=False) | Q(due_at__in=dues)).order_by("due_at"))


def move(duty: ReviewSchedule, rows: Iterable[Review], days: Collection[date], *, by: User, at: datetime) -> None:
    """What was planned goes to the date the duty has now, and to its chair, in the caller's transaction.

    To the new date of the same month (or week) only: where that has been, or is taken, a review stays where it was
    promised. No change of a schedule takes one away.
    """
    for review in rows:
        old = named(duty, review)
        new = next((due for due in near(duty, old, days) if due.at > at and is_free(review, due)), None)
        to = new or calendar.Due(old, review.due_at)
        if (to.at, duty.chair_id) == (review.due_at, review.chair_id):
            continue
        before = review.due_at
        fresh = {"named_day": new.named} if new else {}
        Review.objects.filter(pk=review.pk, state=Review.State.PLANNED).update(
            due_at=to.at, chair=duty.chair_id, **fresh
        )
        record("move_review", review, by=by, at=at, before=before.isoformat(), after=to.at.isoformat())
        review.refresh_from_db()
        reminders.of_review(review, at=at)


def near(duty: ReviewSchedule, named_day: date, days: Collection[date]) -> list[calendar.Due]:
    """What the duty names in the same month (or week), the same day first."""
    around = calendar.named_days(duty, named_day - MONTH, named_day + MONTH)
    wanted = calendar.period(duty, named_day)
    same = [day for day in around if calendar.period(duty, day) == wanted]
    return [calendar.dated(duty, day, days) for day in sorted(same, key=lambda day: (day != named_day, day))]


def is_free(review: Review, due: calendar.Due) -> bool:
    """Whether no other review of the system has that day, or that moment."""
    others = Review.objects.filter(system_id=review.system_id).exclude(pk=review.pk)
    return not others.filter(Q(named_day=due.named) | Q(due_at=due.at)).exists()


def set_holidays(rows: Mapping[date, str], *, by: User, at: datetime | None = None) -> int:
    """The whole list of holidays, in place of the one before: {day: name}. Reviews that are planned move.

    What was a holiday in the past stays one. Gives how many days differ.
    """
    moment = at or timezone.now()
    check(by, "set_holidays", None, at=moment)
    if len(rows) > AT_MOST:
        raise Refused("The holidays were not kept", f"{len(rows)} days are more than {AT_MOST}.", "Name fewer.")
    with transaction.atomic():
        before = {row.day: row.name for row in Holiday.objects.select_for_update()}
        today = day_of(moment)
        after = {day: name for day, name in before.items() if day < today}
        after |= {day: name for day, name in rows.items() if day >= today}
        differ = {day for day in {*before, *after} if before.get(day) != after.get(day)}
        if not differ:
            return 0
        duties = list(ReviewSchedule.objects.select_related("system").order_by("pk"))
        theirs = {duty.pk: scheduled(duty, moment, set(before)) for duty in duties}
        Holiday.objects.filter(day__in=differ).delete()
        Holiday.objects.bulk_create(Holiday(day=day, name=after[day][:100]) for day in sorted(differ) if day in after)
        added = sorted(day.isoformat() for day in differ if day in after)
        gone = sorted(day.isoformat() for day in differ if day not in after)
        record("set_holidays", None, by=by, at=moment, added=added, removed=gone)
        for duty in duties:
            move(duty, theirs[duty.pk], set(after), by=by, at=moment)
    return len(differ)


def add_review(system: System, *, due_at: datetime, chair: User, by: User, at: datetime | None = None) -> Review:
    """A review beside the schedule: an extra one, or one of before Eastwest kept the calendar."""
    moment = at or timezone.now()
    check(by, "plan_review", system, at=moment)
    with transaction.atomic():
        row = Review.objects.create(system=system, due_at=due_at, chair=chair)
        planned(row, by=by, at=moment)
    return row


def mark_missed(review: Review, *, at: datetime | None = None) -> bool:
    """Nobody opened it within the grace: that is evidence too, and a finding at the comparison that follows."""
    moment = at or timezone.now()
    with transaction.atomic():
        rows = Review.objects.filter(pk=review.pk, state=Review.State.PLANNED, due_at__lt=moment - GRACE)
        if not rows.update(state=Review.State.MISSED):
            return False
        record("miss_review", review, by=None, at=moment)
        enqueue("compare", key=f"compare:missed:{review.ref}", args={})
        title = f"The review of {review.system}, due on {day_of(review.due_at):%d %B %Y}, was not held."
        announce("review.missed", title=title, path=f"/reviews/{review.ref}/", about=[review.system], at=moment)
        for person in {review.chair, review.system.owner, *reminders.managers(review.system, moment)}:
            tell(
                person,
                key=f"missed:{review.ref}:{person.pk}",
                subject=f"{review.ref} was not held",
                body=f"The review of {review.system} was due on {day_of(review.due_at):%d %B %Y}. The pack says so.",
                path=f"/reviews/{review.ref}/",
                kind=Notice.REVIEW,
                at=moment,
            )
    return True
