"""The verbs of a review: plan, open, attend, decide, act, close; and saying that one was missed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from compliance.actions import checkpoints
from compliance.actions.jobs import enqueue
from compliance.actions.ledger import record
from compliance.errors import NotAllowed, Refused
from compliance.models import LedgerInbox, Notice, System, User
from compliance.models.estate import day_of
from compliance.notices import tell
from compliance.permissions import check
from reviews import agenda, calendar, minutes
from reviews.models import AgendaItem, Attendee, Decision, Review, ReviewAction, ReviewSchedule

AHEAD = 2  # months that are planned ahead
GRACE = timedelta(days=3)  # after this a review that nobody opened was missed
QUORUM = 2
REMIND_DAYS = 7  # of a review beside any schedule
MONTH = timedelta(days=31)


def plan(schedule: ReviewSchedule, *, now: datetime | None = None) -> list[Review]:
    """The reviews of this month and the months ahead, each made once.

    A month of the duty that went by while nothing ran is made as well: it was missed, and that is said.
    """
    moment = now or timezone.now()
    last = schedule.system.reviews.order_by("-due_at").values_list("due_at", flat=True).first()
    since = max(begun(schedule, moment), min(last, moment)) if last else begun(schedule, moment)
    made = []
    for year, month in calendar.months(schedule, since, moment, ahead=AHEAD):
        due = calendar.due_at(schedule, year, month)
        if due < since or (due < moment and has_review_in(schedule, due)):
            continue
        with transaction.atomic():
            row, fresh = Review.objects.get_or_create(
                system=schedule.system, due_at=due, defaults={"chair": schedule.chair}
            )
            if fresh:
                planned(row, by=None, at=moment)
                made.append(row)
    return made


def begun(schedule: ReviewSchedule, moment: datetime) -> datetime:
    """Since when the duty stands: what was before it was not missed."""
    said = LedgerInbox.objects.filter(data__verb="set_schedule", data__object__type="reviews.reviewschedule")
    rows = said.filter(data__object__id=schedule.pk).order_by("created").values_list("created", flat=True)
    return min(rows.first() or moment, moment)


def has_review_in(schedule: ReviewSchedule, due: datetime) -> bool:
    """Whether any review of the system was due in the same month, where the duty is held."""
    zone = ZoneInfo(schedule.time_zone)
    month = due.astimezone(zone).replace(day=1)
    near = schedule.system.reviews.filter(due_at__range=(due - MONTH, due + MONTH)).values_list("due_at", flat=True)
    return any(each.astimezone(zone).date().replace(day=1) == month.date() for each in near)


def planned(review: Review, *, by: User | None, at: datetime) -> None:
    """Notes a new review, in the caller's transaction; where it is close already, people are reminded now."""
    record("plan_review", review, by=by, at=at)
    remind_in_time(review, at=at)


def remind_in_time(review: Review, *, at: datetime) -> None:
    """Enqueues the one reminder of a review for its day, once that day is near. Call it inside atomic()."""
    schedule = ReviewSchedule.objects.filter(system_id=review.system_id).first()
    days = timedelta(days=schedule.remind_days if schedule else REMIND_DAYS)
    if review.state == Review.State.PLANNED and at < review.due_at <= at + days:
        enqueue("remind", key=f"remind:{review.ref}:{review.due_at:%Y%m%dT%H%MZ}", args={"review": review.pk})


def set_schedule(
    system: System,
    *,
    chair: User,
    invited: Iterable[User] | None = None,
    by: User,
    at: datetime | None = None,
    **fields: Any,
) -> ReviewSchedule:
    """The standing monthly duty of a system. `fields`: week, weekday, hour, time_zone, remind_days, enabled.

    `invited` None leaves those who are invited. What was planned and is still to come moves to the new dates.
    """
    moment = at or timezone.now()
    check(by, "plan_review", system, at=moment)
    refuse_odd(fields)
    with transaction.atomic():
        before = ReviewSchedule.objects.select_for_update().filter(system=system).first()
        said = {"chair": chair, **fields}
        row, _ = ReviewSchedule.objects.update_or_create(
            system=system, defaults=said, create_defaults={"time_zone": settings.TIME_ZONE, **said}
        )
        if invited is not None:
            row.invited.set(invited)
        record("set_schedule", row, by=by, at=moment, chair=chair.pk, **fields)
        if before is not None:
            move(before, row, by=by, at=moment)
    return row


def refuse_odd(fields: dict[str, Any]) -> None:
    """Refuses a week, a day, an hour or a place that there is not."""
    for name, last in (("week", calendar.LAST_WEEK), ("weekday", 6), ("hour", 23), ("remind_days", 27)):
        least = 1 if name == "week" else 0
        if name in fields and not least <= fields[name] <= last:
            raise Refused("The schedule was not kept", f"{name} is from {least} to {last}.", "Choose again.")
    if fields.get("time_zone", settings.TIME_ZONE) not in available_timezones():
        raise Refused("The schedule was not kept", f"There is no time zone {fields['time_zone']}.", "Choose again.")


def move(before: ReviewSchedule, after: ReviewSchedule, *, by: User, at: datetime) -> None:
    """What was planned and is still to come goes to the new date and chair, in the caller's transaction."""
    for year, month in calendar.months(before, at, at, ahead=AHEAD):
        old, new = calendar.due_at(before, year, month), calendar.due_at(after, year, month)
        rows = Review.objects.filter(system_id=after.system_id, due_at=old, due_at__gt=at, state=Review.State.PLANNED)
        for review in rows:
            taken = Review.objects.filter(system_id=after.system_id, due_at=new).exclude(pk=review.pk).exists()
            to = old if new <= at or taken else new
            if (to, after.chair_id) != (review.due_at, review.chair_id):
                rows.filter(pk=review.pk).update(due_at=to, chair=after.chair_id)
                record("move_review", review, by=by, at=at, before=old.isoformat(), after=to.isoformat())
                review.refresh_from_db()
                remind_in_time(review, at=at)


def add_review(system: System, *, due_at: datetime, chair: User, by: User, at: datetime | None = None) -> Review:
    """A review beside the schedule: an extra one, or one of before Eastwest kept the calendar."""
    moment = at or timezone.now()
    check(by, "plan_review", system, at=moment)
    with transaction.atomic():
        row = Review.objects.create(system=system, due_at=due_at, chair=chair)
        planned(row, by=by, at=moment)
    return row


def open_review(review: Review, *, by: User, at: datetime | None = None) -> Review:
    """Opens it: the agenda is written now. Who opens it is there; the others are recorded or confirm themselves."""
    moment = at or timezone.now()
    check(by, "run_review", review, at=moment)
    with transaction.atomic():
        moved = Review.objects.filter(pk=review.pk, state=Review.State.PLANNED).update(
            state=Review.State.OPEN, opened_at=moment, comparison=agenda.comparison_at(moment)
        )
        if not moved:
            raise Refused(
                f"{review.ref} was not opened", "It is not waiting to be held.", "Open its page to see where it stands."
            )
        review.refresh_from_db()
        agenda.write(review, at=moment)
        Attendee.objects.get_or_create(review=review, person=by, defaults={"recorded_by": by, "confirmed_at": moment})
        record("open_review", review, by=by, at=moment, items=review.agenda.count())
    return review


def attend(review: Review, *, people: Iterable[User], by: User, at: datetime | None = None) -> None:
    """Who is here. For oneself it is a confirmation; for others it says who recorded them."""
    moment = at or timezone.now()
    check(by, "run_review", review, at=moment)
    here = {person.pk: person for person in people}
    with transaction.atomic():
        refuse_closed(review)
        for person in here.values():
            seat, _ = Attendee.objects.get_or_create(review=review, person=person, defaults={"recorded_by": by})
            seat.present = True
            if person == by:
                seat.confirmed_at = seat.confirmed_at or moment
            seat.save()
        review.attendees.exclude(person__in=here).update(present=False)
        record("attend", review, by=by, at=moment, present=sorted(here))


def confirm(review: Review, *, by: User, at: datetime | None = None) -> Attendee:
    """A person confirms that they were there."""
    moment = at or timezone.now()
    with transaction.atomic():
        refuse_closed(review)
        seat = Attendee.objects.filter(review=review, person=by).first()
        if seat is None:
            raise Refused("You were not recorded as present", "Only people of the review confirm.", "Ask the chair.")
        seat.present, seat.confirmed_at = True, moment
        seat.save()
        record("confirm_attendance", review, by=by, at=moment)
    return seat


def decide(
    item: AgendaItem, *, what: str, note: str = "", until: date | None = None, by: User, at: datetime | None = None
) -> Decision:
    """What was decided on an item. It can be put better until the review is closed; each wording is in the ledger.

    `what` "" keeps what was said, and decides nothing.
    """
    moment = at or timezone.now()
    check(by, "run_review", item.review, at=moment)
    if what and what not in Decision.What.values:
        raise Refused("The decision was not kept", f"{what} is no decision.", "Choose one of those offered.")
    if what == Decision.What.ACCEPT and (until is None or until < day_of(moment)):
        raise Refused("The decision was not kept", "A risk is accepted until a day to come.", "Say until when.")
    with transaction.atomic():
        refuse_closed(item.review)
        row, _ = Decision.objects.update_or_create(
            item=item, defaults={"what": what, "note": note.strip(), "until": until, "by": by, "at": moment}
        )
        record("decide", item.review, by=by, at=moment, after=what, because=note, item=item.position)
    return row


def add_action(
    review: Review,
    *,
    text: str,
    owner: User,
    due: date,
    by: User,
    item: AgendaItem | None = None,
    at: datetime | None = None,
) -> ReviewAction:
    """Somebody undertakes something by a day, and is told so."""
    moment = at or timezone.now()
    check(by, "run_review", review, at=moment)
    with transaction.atomic():
        refuse_closed(review)
        row = ReviewAction.objects.create(review=review, item=item, text=text.strip()[:300], owner=owner, due=due)
        record("add_action", review, by=by, at=moment, because=text, owner=owner.pk, due=due.isoformat())
        tell(
            owner,
            key=f"action:{row.pk}",
            subject=f"An action for you: {row.text}",
            body=f"By {due:%d %B %Y}.",
            path=f"/reviews/{review.ref}/",
            kind=Notice.REVIEW,
            at=moment,
        )
    return row


def close_action(action: ReviewAction, *, by: User, note: str = "", at: datetime | None = None) -> ReviewAction:
    """It is done. Its owner says so, or who runs reviews."""
    moment = at or timezone.now()
    if action.owner_id != by.pk:
        check(by, "close_action", action.review, at=moment)
    with transaction.atomic():
        rows = ReviewAction.objects.filter(pk=action.pk, state=ReviewAction.State.OPEN)
        if not rows.update(state=ReviewAction.State.DONE, closed_at=moment, closed_note=note):
            raise Refused("The action was not changed", "It is done already.", "Open the review again.")
        record("close_action", action.review, by=by, at=moment, because=note, action=action.pk)
    action.refresh_from_db()
    return action


def blockers(review: Review) -> list[str]:
    """What is missing before it can be signed off, in sentences."""
    missing = []
    if review.attendees.filter(present=True).count() < QUORUM:
        missing.append("Say who was present: it takes two people at least.")
    decided = Decision.objects.filter(item__review=review).exclude(what="")
    undecided = review.agenda.filter(kind=AgendaItem.Kind.FINDING).exclude(decision__in=decided).count()
    if undecided:
        missing.append(f"{undecided} finding{'s have' if undecided > 1 else ' has'} no decision yet.")
    return missing


def close(review: Review, *, by: User, second: User, notes: str = "", at: datetime | None = None) -> Review:
    """Signed off by the chair and one more, both present: the minutes are frozen with their hash."""
    moment = at or timezone.now()
    check(by, "run_review", review, at=moment)
    with transaction.atomic():
        refuse_closed(review)
        refuse_signing(review, by, second)
        review.notes = notes.strip()
        text = minutes.render(review, closed_at=moment, second=str(second))
        digest = minutes.digest(text)
        Review.objects.filter(pk=review.pk).update(
            state=Review.State.CLOSED,
            closed_at=moment,
            second=second,
            notes=review.notes,
            minutes=text,
            minutes_hash=digest,
        )
        checkpoints.ask(f"minutes {review.pk}")
        record("close_review", review, by=by, at=moment, after=digest, second=second.pk)
    review.refresh_from_db()
    return review


def refuse_signing(review: Review, chair: User, second: User) -> None:
    """Refuses a signature of somebody else than the chair and another who was there, and one that comes too early."""
    what, present = f"{review.ref} was not closed", review.attendees.filter(present=True)
    if chair.pk != review.chair_id:
        raise NotAllowed(what, f"Its chair is {review.chair}.", f"Ask {review.chair} to sign it off.")
    if not present.filter(person=chair).exists():
        raise Refused(what, "Its chair is not recorded as present.", "Say who was present, then sign off.")
    if second.pk == chair.pk or not present.filter(person=second).exists():
        raise Refused(what, "A second person who was present signs it too.", "Choose somebody else.")
    missing = blockers(review)
    if missing:
        raise Refused(what, " ".join(missing), "Complete it, then sign off.")


def mark_missed(review: Review, *, at: datetime | None = None) -> bool:
    """Nobody opened it within the grace: that is evidence too."""
    moment = at or timezone.now()
    with transaction.atomic():
        rows = Review.objects.filter(pk=review.pk, state=Review.State.PLANNED, due_at__lt=moment - GRACE)
        if not rows.update(state=Review.State.MISSED):
            return False
        record("miss_review", review, by=None, at=moment)
        for person in {review.chair, review.system.owner}:
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
