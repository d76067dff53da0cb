"""What falls due: said 30, 7 and 1 day ahead and once when it is past, to who asked for it and the system's owner.

Each message has a key of what, which day and which of the four it is: however often this runs, it is said once.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import Final, NamedTuple

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from compliance.actions import notices
from compliance.business_days import last_moment
from compliance.exceptions import is_decided
from compliance.models import ChangeRecord, ConnectionVersion, Notice, RiskAcceptance, State, User
from compliance.models.estate import day_of
from compliance.notices import tell

AHEAD: Final = (1, 7, 30)  # days
PAST: Final = -1
LONGEST_AGO: Final = 30  # days: what ended before that is not brought up by a first run


class Due(NamedTuple):
    """One thing with a day: what it is called, what becomes of it then, and who is told."""

    key: str
    day: date
    ahead: str
    past: str
    path: str
    people: frozenset[User]


def remind(*, at: datetime | None = None) -> int:
    """Tells everybody what falls due, as of the day of `at`. Gives how many messages were new."""
    moment = at or timezone.now()
    today, told = day_of(moment), 0
    for due in (*versions(today), *risks(today)):
        step = bracket((due.day - today).days)
        if step is None:
            continue
        said = due.past if step == PAST else due.ahead
        when = f"{due.day.day} {due.day:%B %Y}"
        for person in sorted(due.people, key=lambda one: one.pk):
            key = f"due:{due.key}:{due.day}:{step}"
            told += once(person, key, f"{said} {when}", due.path, moment, kind=Notice.DUE)
    for change in late(moment):
        told += remind_late(change, moment)
    return told


def bracket(days: int) -> int | None:
    """Which reminder it is time for: 30, 7 or 1 (the nearest not yet past), PAST, or None while it is far off.

    A day on which nothing ran is made up for; of several that were missed the last one is said.
    """
    if days < 0:
        return PAST if days >= -LONGEST_AGO else None
    return next((step for step in AHEAD if days <= step), None)


def versions(today: date) -> Iterator[Due]:
    """Connections and shares: to be reviewed (still authorised when overdue), and ending (not authorised after).

    Those that rest on one accepted risk end with it: it is said of the risk, once for all of them.
    """
    standing = ConnectionVersion.objects.filter(Q(review_by__isnull=False) | Q(ends_on__isnull=False), valid_to=None)
    counted = ConnectionVersion.objects.authorised_at(today).values_list("pk", flat=True)
    authorised = set(counted)
    rows = standing.select_related("connection__system__owner", "connection__source", "connection__destination")
    for row in rows.filter(change__rests_on=None).select_related("change__requested_by"):
        people = frozenset({row.change.requested_by, row.connection.system.owner})
        name, path = str(row.connection), f"/connections/{row.connection.ref}/"
        if row.review_by is not None and row.pk in authorised:
            ahead, past = f"{name} is to be reviewed by", f"{name} is overdue: it was to be reviewed by"
            yield Due(f"review:{row.pk}", row.review_by, ahead, past, path, people)
        if row.ends_on is not None and (row.pk in authorised or row.ends_on < today):
            ahead, past = f"{name} is authorised until", f"{name} is not authorised any more; it ended on"
            yield Due(f"end:{row.pk}", row.ends_on, ahead, past, path, people)


def risks(today: date) -> Iterator[Due]:
    """Accepted risks: until when they hold. Who decided is told as well."""
    rows = RiskAcceptance.objects.filter(state=RiskAcceptance.State.ACCEPTED)
    for row in rows.select_related("system__owner", "requested_by", "decided_by"):
        newer = row.renewals.filter(state=RiskAcceptance.State.ACCEPTED, ends_on__gt=row.ends_on).exists()
        if newer or not is_decided(row):
            continue
        people = frozenset(one for one in (row.requested_by, row.system.owner, row.decided_by) if one is not None)
        ahead, past = f"{row.ref} is accepted until", f"{row.ref} is not accepted any more; it ended on"
        if row.kind == RiskAcceptance.Kind.BASIS:
            ahead = f"What rests on {row.ref} is to be justified, or is not authorised any more, by"
            past = f"What rested on {row.ref} is not authorised any more; it ended on"
        yield Due(f"risk:{row.pk}", row.ends_on, ahead, past, f"/risks/{row.ref}/", people)


def late(at: datetime) -> list[ChangeRecord]:
    """Urgent changes that were carried out first and not decided within two business days."""
    rows = ChangeRecord.objects.filter(state=State.SUBMITTED, implemented_at__isnull=False)
    return [
        row
        for row in rows.select_related("system__owner")
        if row.implemented_at and last_moment(row.implemented_at) < at
    ]


def remind_late(change: ChangeRecord, at: datetime) -> int:
    """Those who decide, and the owner, are told once that it is late."""
    people = {change.system.owner, *notices.deciders(change, at)}
    said = f"{change.ref} was carried out first and is not approved within two business days"
    key, path = f"late:{change.pk}", f"/inbox/{change.ref}/"
    return sum(once(one, key, said, path, at, kind=Notice.DECISION) for one in people)


def once(person: User, key: str, subject: str, path: str, at: datetime, *, kind: str) -> bool:
    """One message, and whether it was new. Who is deactivated is told nothing."""
    if not person.is_active:
        return False
    with transaction.atomic():
        key, body = f"{key}:{person.pk}", f"{subject}."
        row = tell(person, key=key, subject=subject[:200], body=body, path=path, kind=kind, at=at)
    return row.created_at == at
