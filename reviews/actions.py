"""The verbs of a review: plan, open, attend, decide, act, close; and saying that one was missed."""

from __future__ import annotations

import hashlib
from calendar import monthrange
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction
from django.utils import timezone

from compliance.actions.ledger import record
from compliance.errors import Refused
from compliance.models import System, User
from compliance.notices import tell
from compliance.permissions import check
from reviews import agenda, minutes
from reviews.models import AgendaItem, Attendee, Decision, Review, ReviewAction, ReviewSchedule

AHEAD = 2  # months that are planned ahead
GRACE = timedelta(days=3)  # after this a review that nobody opened was missed
QUORUM = 2
LAST_WEEK = 5


def day_in(schedule: ReviewSchedule, year: int, month: int) -> date:
    """The n-th such weekday of the month; week 5 means the last one."""
    first = (schedule.weekday - date(year, month, 1).weekday()) % 7 + 1
    days = list(range(first, monthrange(year, month)[1] + 1, 7))
    return date(year, month, days[-1] if schedule.week >= LAST_WEEK else days[schedule.week - 1])


def due_at(schedule: ReviewSchedule, year: int, month: int) -> datetime:
    """The moment of a month's review: a time of day where it is held, so that summer time moves nothing."""
    zone = ZoneInfo(schedule.time_zone)
    return datetime.combine(day_in(schedule, year, month), time(schedule.hour), zone).astimezone(UTC)


def plan(schedule: ReviewSchedule, *, now: datetime | None = None) -> list[Review]:
    """The reviews of this month and the months ahead, each made once."""
    moment = now or timezone.now()
    made = []
    local = moment.astimezone(ZoneInfo(schedule.time_zone))
    for ahead in range(AHEAD + 1):
        number = local.year * 12 + local.month - 1 + ahead
        due = due_at(schedule, number // 12, number % 12 + 1)
        if due < moment - GRACE:
            continue
        with transaction.atomic():
            row, fresh = Review.objects.get_or_create(
                system=schedule.system, due_at=due, defaults={"chair": schedule.chair}
            )
            if fresh:
                record("plan_review", row, by=None, at=moment)
                made.append(row)
    return made


def set_schedule(
    system: System, *, chair: User, invited: Iterable[User] = (), by: User, at: datetime | None = None, **fields: Any
) -> ReviewSchedule:
    """The standing monthly duty of a system. `fields`: week, weekday, hour, time_zone, remind_days."""
    check(by, "plan_review", system, at=at)
    with transaction.atomic():
        row, _ = ReviewSchedule.objects.update_or_create(system=system, defaults={"chair": chair, **fields})
        row.invited.set(invited)
        record("set_schedule", row, by=by, at=at, chair=chair.pk)
    return row


def add_review(system: System, *, due_at: datetime, chair: User, by: User, at: datetime | None = None) -> Review:
    """A review beside the schedule: an extra one, or one of before Eastwest kept the calendar."""
    check(by, "plan_review", system, at=at)
    with transaction.atomic():
        row = Review.objects.create(system=system, due_at=due_at, chair=chair)
        record("plan_review", row, by=by, at=at)
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
    refuse_closed(review)
    here = {person.pk: person for person in people}
    with transaction.atomic():
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
    refuse_closed(review)
    with transaction.atomic():
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
    """What was decided on an item. It can be put better until the review is closed; each wording is in the ledger."""
    moment = at or timezone.now()
    check(by, "run_review", item.review, at=moment)
    refuse_closed(item.review)
    if what not in Decision.What.values:
        raise Refused("The decision was not kept", f"{what} is no decision.", "Choose one of those offered.")
    if what == Decision.What.ACCEPT and until is None:
        raise Refused("The decision was not kept", "A risk is accepted until a day.", "Say until when.")
    with transaction.atomic():
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
    refuse_closed(review)
    with transaction.atomic():
        row = ReviewAction.objects.create(review=review, item=item, text=text.strip()[:300], owner=owner, due=due)
        record("add_action", review, by=by, at=moment, because=text, owner=owner.pk, due=due.isoformat())
        tell(
            owner,
            key=f"action:{row.pk}",
            subject=f"An action for you: {row.text}",
            body=f"By {due:%d %B %Y}.",
            path=f"/reviews/{review.ref}/",
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
    undecided = review.agenda.filter(decision__isnull=True, kind=AgendaItem.Kind.FINDING).count()
    if undecided:
        missing.append(f"{undecided} finding{'s have' if undecided > 1 else ' has'} no decision yet.")
    return missing


def close(review: Review, *, by: User, second: User, notes: str = "", at: datetime | None = None) -> Review:
    """Signed off by the chair and one more who was present: the minutes are frozen with their hash."""
    moment = at or timezone.now()
    check(by, "run_review", review, at=moment)
    refuse_closed(review)
    if by.pk != review.chair_id:
        raise Refused(
            f"{review.ref} was not closed", f"Its chair is {review.chair}.", f"Ask {review.chair} to sign it off."
        )
    if second.pk == by.pk or not review.attendees.filter(person=second, present=True).exists():
        raise Refused(
            f"{review.ref} was not closed", "A second person who was present signs it too.", "Choose somebody else."
        )
    missing = blockers(review)
    if missing:
        raise Refused(f"{review.ref} was not closed", " ".join(missing), "Complete it, then sign off.")
    with transaction.atomic():
        review.notes = notes.strip()
        text = minutes.render(review, closed_at=moment, second=str(second))
        digest = hashlib.sha256(text.encode()).hexdigest()
        moved = Review.objects.filter(pk=review.pk, state=Review.State.OPEN).update(
            state=Review.State.CLOSED,
            closed_at=moment,
            second=second,
            notes=review.notes,
            minutes=text,
            minutes_hash=digest,
        )
        if not moved:
            raise Refused(f"{review.ref} was not closed", "It was closed in the meantime.", "Open it again.")
        record("close_review", review, by=by, at=moment, after=digest, second=second.pk)
    review.refresh_from_db()
    return review


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
                body=f"The review of {review.system} was due on {review.due_at:%d %B %Y}. The pack says so.",
                path=f"/reviews/{review.ref}/",
            )
    return True


def refuse_closed(review: Review) -> None:
    """Closed minutes are closed, and a review that has not begun has none."""
    review.refresh_from_db()
    if review.state != Review.State.OPEN:
        raise Refused(
            f"{review.ref} was not changed",
            f"It is {review.get_state_display().lower()}.",
            "Only an open review is minuted.",
        )
