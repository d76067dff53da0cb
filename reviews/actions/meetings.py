"""The verbs of a meeting: open, attend, decide, act, close."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta

from django.db import transaction
from django.utils import timezone

from compliance.actions import checkpoints
from compliance.actions.ledger import record
from compliance.announcing import announce
from compliance.errors import NotAllowed, Refused
from compliance.models import Notice, User
from compliance.models.estate import day_of
from compliance.notices import tell
from compliance.permissions import check
from reviews import agenda, minutes
from reviews.actions.decisions import undone
from reviews.actions.session import refuse_closed
from reviews.models import AgendaItem, Attendee, Decision, Review, ReviewAction, ReviewSchedule

QUORUM = 2
ASK_FOR_IT = "Ask for it: "
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
            seat, fresh = Attendee.objects.get_or_create(review=review, person=person, defaults={"recorded_by": by})
            seat.present = True
            if person == by:
                seat.confirmed_at = seat.confirmed_at or moment
            seat.save()
            if fresh and person != by:
                tell(
                    person,
                    key=f"present:{review.ref}:{person.pk}",
                    subject=f"You are recorded as present at {review.ref}",
                    body=f"{by} recorded it. Open the page to confirm it.",
                    path=f"/reviews/{review.ref}/",
                    kind=Notice.REVIEW,
                    at=moment,
                )
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
    """What is missing before it can be signed, in sentences."""
    missing = []
    needed = quorum(review)
    if review.attendees.filter(present=True).count() < needed:
        missing.append(f"Say who was present: it takes {'two' if needed == QUORUM else needed} people at least.")
    decided = Decision.objects.filter(item__review=review).exclude(what="")
    undecided = review.agenda.filter(kind=AgendaItem.Kind.FINDING).exclude(decision__in=decided).count()
    if undecided:
        missing.append(f"{undecided} finding{'s have' if undecided > 1 else ' has'} no decision yet.")
    return missing


def quorum(review: Review) -> int:
    """How many have to be there, by the schedule of the system; two where there is none."""
    rows = ReviewSchedule.objects.filter(system_id=review.system_id).values_list("quorum", flat=True)
    return max(QUORUM, rows.first() or QUORUM)


def sign(review: Review, *, by: User, notes: str = "", at: datetime | None = None) -> Review:
    """The chair signs: the minutes are frozen with their hash, and wait for a second who was there."""
    moment = at or timezone.now()
    check(by, "run_review", review, at=moment)
    with transaction.atomic():
        refuse_closed(review)
        refuse_signing(review, by)
        review.notes = notes.strip()
        errands(review, by=by, at=moment)
        text = minutes.render(review, signed_at=moment)
        digest = minutes.digest(text)
        Review.objects.filter(pk=review.pk).update(
            state=Review.State.SIGNING, signed_at=moment, notes=review.notes, minutes=text, minutes_hash=digest
        )
        record("sign_review", review, by=by, at=moment, after=digest)
        for seat in review.attendees.filter(present=True).exclude(person=by).select_related("person"):
            tell(
                seat.person,
                key=f"second:{review.ref}:{digest[:16]}:{seat.person_id}",
                subject=f"{review.ref} waits for a second signature",
                body=f"{by} signed the minutes of the review of {review.system}. You were there: read and sign them.",
                path=f"/reviews/{review.ref}/",
                kind=Notice.REVIEW,
                at=moment,
            )
    review.refresh_from_db()
    return review


def countersign(review: Review, *, by: User, seen: str, at: datetime | None = None) -> Review:
    """A second person who was there signs exactly the minutes they read (`seen`: their hash), which closes them."""
    moment = at or timezone.now()
    check(by, "see", review, at=moment)
    with transaction.atomic():
        review.refresh_from_db(from_queryset=Review.objects.select_for_update())
        refuse_second(review, by)
        if seen != review.minutes_hash or minutes.digest(review.minutes) != seen:
            raise Refused(f"{review.ref} was not signed", "These are not the minutes you read.", "Read them again.")
        Review.objects.filter(pk=review.pk, state=Review.State.SIGNING, minutes_hash=seen).update(
            state=Review.State.CLOSED, closed_at=moment, second=by
        )
        checkpoints.ask(f"minutes {review.pk}")
        record("close_review", review, by=by, at=moment, after=seen, second=by.pk)
        title = f"The minutes of the review of {review.system} were signed by two people."
        announce("review.signed", title=title, path=f"/reviews/{review.ref}/", about=[review.system], at=moment)
    review.refresh_from_db()
    return review


def send_back(review: Review, *, by: User, because: str, at: datetime | None = None) -> Review:
    """Who was there does not sign: the minutes are open again, and the chair signs anew."""
    moment = at or timezone.now()
    check(by, "see", review, at=moment)
    with transaction.atomic():
        review.refresh_from_db(from_queryset=Review.objects.select_for_update())
        if by.pk != review.chair_id:
            refuse_second(review, by)
        if not because.strip():
            raise Refused(f"{review.ref} was not sent back", "Nobody knows what is wrong with it.", "Say why.")
        moved = Review.objects.filter(pk=review.pk, state=Review.State.SIGNING).update(
            state=Review.State.OPEN, signed_at=None, minutes="", minutes_hash=""
        )
        if not moved:
            raise Refused(f"{review.ref} was not sent back", "It does not wait for a signature.", "Open it again.")
        record("send_back", review, by=by, at=moment, before=review.minutes_hash, because=because)
        tell(
            review.chair,
            key=f"back:{review.ref}:{review.minutes_hash[:16]}:{by.pk}",
            subject=f"The minutes of {review.ref} came back",
            body=because.strip(),
            path=f"/reviews/{review.ref}/",
            kind=Notice.REVIEW,
            at=moment,
        )
    review.refresh_from_db()
    return review


def refuse_second(review: Review, person: User) -> None:
    """Refuses a second signature by the chair, by who was not there, and where none is waited for."""
    what = f"{review.ref} was not signed"
    if person.pk == review.chair_id:
        raise NotAllowed(what, "The chair has signed; a second signature is somebody else's.", "Ask who was there.")
    if not review.attendees.filter(present=True, person=person).exists():
        raise NotAllowed(what, "You are not recorded as present.", "Somebody who was there signs.")
    if review.state != Review.State.SIGNING:
        raise Refused(what, f"It is {review.get_state_display().lower()}.", "Open it to see where it stands.")


def errands(review: Review, *, by: User, at: datetime) -> None:
    """What was decided and nobody asked for becomes an action of the system's owner, in the caller's transaction."""
    for item in undone(review):
        if item.actions.filter(text__startswith=ASK_FOR_IT).exists():
            continue  # the minutes came back once
        text = f"{ASK_FOR_IT}{item.decision.get_what_display().lower()}, {item.title}"
        due = day_of(at + ERRAND)
        add_action(review, item=item, text=text, owner=review.system.owner, due=due, by=by, at=at)


def refuse_signing(review: Review, chair: User) -> None:
    """Refuses a signature of somebody else than the chair, and one that comes too early."""
    what, present = f"{review.ref} was not signed", review.attendees.filter(present=True)
    if chair.pk != review.chair_id:
        raise NotAllowed(what, f"Its chair is {review.chair}.", f"Ask {review.chair} to sign it.")
    if not present.filter(person=chair).exists():
        raise Refused(what, "Its chair is not recorded as present.", "Say who was present, then sign.")
    missing = blockers(review)
    if missing:
        raise Refused(what, " ".join(missing), "Complete it, then sign.")
