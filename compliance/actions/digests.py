"""The mail of the day: what somebody wants to hear of once, in one message of links. It decides nothing.

Each link opens the page it is about. What is about a system at PROTECTED or above, when it was said or by now, carries
its id and link alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from compliance.actions.jobs import enqueue
from compliance.actions.ledger import record
from compliance.classification import is_reserved, ref_of, systems_named
from compliance.errors import Refused
from compliance.models import How, Job, Notice, NoticePreference, Outbound, User

LISTED: Final = 60  # notices of one mail; what is more is counted, and stands in Eastwest


class Mail(NamedTuple):
    """One mail of the day, and the messages that it brings."""

    subject: str
    body: str
    messages: tuple[int, ...]


def due(now: datetime) -> None:
    """From the hour of settings on, once a day: the key is the day's, so that two schedulers ask for it once."""
    local = timezone.localtime(now)
    key = f"digests:{local:%Y-%m-%d}"
    if local.hour >= settings.DIGEST_HOUR and not Job.objects.filter(key=key).exists():
        with transaction.atomic():
            enqueue("digests", key=key, args={})


def ask_for_each(day: str, at: datetime) -> int:
    """One job for each person something waits for: one mailbox that refuses holds up nobody else. Gives how many."""
    people = Outbound.objects.all().for_digest(at).values_list("to", flat=True).order_by("to").distinct()
    with transaction.atomic():
        for key in people:
            enqueue("digest", key=f"digest:{day}:{key}", args={"person": key})
    return len(people)


def written(person: User, at: datetime) -> Mail | None:
    """The mail of what waits for a person; None when nothing does."""
    rows = list(Outbound.objects.for_user(person).for_digest(at).order_by("pk"))
    if not rows:
        return None
    number = f"{len(rows)} notice{'' if len(rows) == 1 else 's'}"
    local = timezone.localtime(at)
    parts = [f"{number} for you in Eastwest. Each link opens a page; nothing is decided by opening it."]
    parts += [part(kind, rows[:LISTED]) for kind in Notice.values if any(row.kind == kind for row in rows[:LISTED])]
    if len(rows) > LISTED:
        parts.append(f"And {len(rows) - LISTED} more.")
    parts.append(
        f"All of them: {settings.SITE_URL}/notices/\nHow you are told: {settings.SITE_URL}/notices/preferences/"
    )
    return Mail(f"{number} in Eastwest, {local.day} {local:%B}", "\n\n".join(parts), tuple(row.pk for row in rows))


def part(kind: str, rows: Iterable[Outbound]) -> str:
    """The lines of one kind."""
    lines = [f"- {said(row)}\n  {settings.SITE_URL}{row.path}" for row in rows if row.kind == kind]
    return "\n".join([f"{Notice(kind).label}:", *lines])


def said(row: Outbound) -> str:
    """A message in one line; its id alone where a system it is about is PROTECTED or above by now."""
    named = systems_named(row.path)
    if named and is_reserved(row.path):
        return f"{ref_of(row.path)} in Eastwest"
    return row.subject


def mailed(messages: Sequence[int], at: datetime) -> None:
    """Notes that these were in a mail. In the job's closing transaction."""
    Outbound.objects.filter(pk__in=messages, sent_at__isnull=True).update(sent_at=at)


def prefer(person: User, ways: dict[str, str], *, by: User, at: datetime | None = None) -> None:
    """How a person wants to be told of each kind from now on. Everybody sets their own."""
    if person.pk != by.pk:
        raise Refused("Nothing was changed.", "How somebody is told is their own choice.", "Ask them to set it.")
    wrong = [kind for kind, how in ways.items() if kind not in Notice.values or how not in How.values]
    if wrong:
        raise Refused("Nothing was changed.", f"There is no such choice: {', '.join(wrong)}.", "Open the page again.")
    moment = at or timezone.now()
    with transaction.atomic():
        for kind, how in ways.items():
            NoticePreference.objects.update_or_create(person=person, kind=kind, defaults={"how": how})
        record("set_notices", person, by=by, at=moment, ways=dict(sorted(ways.items())))


def read(person: User, messages: Sequence[int] | None = None, *, at: datetime | None = None) -> int:
    """Marks one's own messages as read: these, or all. Gives how many were not read before."""
    rows = Outbound.objects.for_user(person).filter(read_at__isnull=True)
    return (rows if messages is None else rows.filter(pk__in=messages)).update(read_at=at or timezone.now())
