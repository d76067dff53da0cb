"""The verbs of a meeting: open, attend, decide, act, close."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta

from django.db import transaction
from django.utils import timezone

from compliance.actions import checkpoints
from compliance.actions.ledger import record
from compliance.errors import NotAllowed, Refused
from compliance.models import Notice, User
from compliance.models.estate import day_of
from compliance.notices import tell
from compliance.permissions import check
from reviews import agenda, minutes
from reviews.actions.decisions import undone
from reviews.actions.session import refuse_closed
from reviews.models import AgendaItem, Attendee, Decision, Review, ReviewAction

QUORUM = 2
ERRAND = timedelta(days=14)  # within which the owner asks for what was decided


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
        errands(review, by=by, at=moment)
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


def errands(review: Review, *, by: User, at: datetime) -> None:
    """What was decided and nobody asked for becomes an action of the system's owner, in the caller's transaction."""
    for item in undone(review):
        text = f"Ask for it: {item.decision.get_what_display().lower()}, {item.title}"
        due = day_of(at + ERRAND)
        add_action(review, item=item, text=text, owner=review.system.owner, due=due, by=by, at=at)


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
