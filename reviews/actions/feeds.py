"""The address of somebody's own calendar: made, shown once, ended; and what stands in it."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from typing import Final

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from compliance.actions import reminders
from compliance.actions.ledger import record
from compliance.actions.tokens import NOTED_EVERY, digest_of
from compliance.classification import is_reserved, ref_of
from compliance.errors import Refused
from compliance.models import Connection, RiskAcceptance, User
from compliance.models.estate import day_of
from reviews import ics
from reviews.models import CalendarFeed, Review, ReviewAction

PREFIX: Final = "ewc_"  # so that an address found in a log is known for what it is
BEHIND: Final = timedelta(days=62)  # what is past stays for so long


def make_feed(*, by: User, at: datetime | None = None) -> str:
    """The token of a new address, shown once. The one before opens nothing from now on."""
    moment = at or timezone.now()
    if by.is_service or not by.is_active:
        raise Refused("No address was made.", "A calendar is a person's.", "A person makes it.")
    token = PREFIX + secrets.token_urlsafe(32)
    with transaction.atomic():
        CalendarFeed.objects.filter(person=by, ended_at=None).update(ended_at=moment)
        row = CalendarFeed.objects.create(person=by, digest=digest_of(token), made_at=moment)
        record("make_feed", row, by=by, at=moment)
    return token


def end_feed(*, by: User, at: datetime | None = None) -> None:
    """One's own address opens nothing from now on."""
    moment = at or timezone.now()
    with transaction.atomic():
        row = CalendarFeed.objects.filter(person=by, ended_at=None).first()
        if row is None:
            raise Refused("Nothing was ended.", "You have no address of a calendar.", "There is nothing to do.")
        CalendarFeed.objects.filter(pk=row.pk).update(ended_at=moment)
        record("end_feed", row, by=by, at=moment)


def person_of(token: str, *, at: datetime | None = None) -> User | None:
    """Whose calendar it opens, if it still opens any. Its use is noted, at most once a minute."""
    moment = at or timezone.now()
    if not token.startswith(PREFIX):
        return None
    row = CalendarFeed.objects.filter(digest=digest_of(token), ended_at=None).select_related("person").first()
    if row is None or not row.person.is_active:
        return None
    unnoted = Q(last_used_at__isnull=True) | Q(last_used_at__lt=moment - NOTED_EVERY)
    CalendarFeed.objects.filter(unnoted, pk=row.pk).update(last_used_at=moment)
    return row.person


def text_for(person: User, *, at: datetime | None = None) -> str:
    """The reviews of the systems a person may see now, what they undertook, and what of theirs falls due.

    About systems at PROTECTED and above an entry carries its id and the link alone: a calendar lies on phones and with
    providers.
    """
    moment = at or timezone.now()
    events = []
    rows = Review.objects.for_user(person).filter(due_at__gt=moment - BEHIND)
    for review in rows.select_related("system", "chair").order_by("due_at", "pk"):
        url = f"{settings.SITE_URL}/reviews/{review.ref}/"
        title, text = f"{review.ref}: review of {review.system}", f"Chair: {review.chair}"
        if review.state == Review.State.MISSED:
            title = f"Not held: {title}"
        if is_reserved("", [review.system]):
            title, text = review.ref, ""
        stamp = review.closed_at or review.signed_at or review.opened_at or review.due_at
        events.append(ics.Event(uid(review.ref), review.due_at, title, text, url, stamp))
    seen = Review.objects.for_user(person)
    mine = ReviewAction.objects.filter(owner=person, state=ReviewAction.State.OPEN, review__in=seen)
    for action in mine.select_related("review__system").order_by("due", "pk"):
        ref, title = action.review.ref, action.text
        if is_reserved("", [action.review.system]):
            title = ref
        url = f"{settings.SITE_URL}/reviews/{ref}/"
        stamp = action.review.opened_at or action.review.due_at
        events.append(ics.Event(uid(f"action-{action.pk}"), action.due, f"Due: {title}", "", url, stamp))
    return ics.written("Eastwest reviews and expiries", [*events, *expiries(person, moment)])


def expiries(person: User, at: datetime) -> Iterator[ics.Event]:
    """The days that fall due of what a person asked for, owns or decided, and may still see: as they are reminded."""
    today, seen = day_of(at), {f"CON-{key}" for key in Connection.objects.for_user(person).values_list("pk", flat=True)}
    seen |= {f"RSK-{key}" for key in RiskAcceptance.objects.for_user(person).values_list("pk", flat=True)}
    for due in (*reminders.versions(today), *reminders.risks(today)):
        if person not in due.people or ref_of(due.path) not in seen or due.day <= today - BEHIND:
            continue
        said = due.past if due.day < today else due.ahead
        title = ref_of(due.path) if is_reserved(due.path) else f"{said} {due.day.day} {due.day:%B %Y}"
        stamp = datetime.combine(due.day, time(), UTC)
        yield ics.Event(uid(due.key.replace(":", "-")), due.day, title, "", f"{settings.SITE_URL}{due.path}", stamp)


def uid(name: str) -> str:
    """A name of an entry that is no other installation's."""
    return f"{name}@{settings.SITE_URL.partition('://')[2].partition('/')[0].partition(':')[0] or 'eastwest'}"
