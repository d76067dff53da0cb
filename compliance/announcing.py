"""What happened, said to programs: one message for each receiver that asked for it, in the decision's transaction.

The message is a row; a job carries only its number. What is sent, and how, stands in evidence/collectors/messages.py.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from django.conf import settings
from django.utils import timezone

from compliance.actions.jobs import enqueue_all
from compliance.classification import is_reserved, ref_of, systems_named
from compliance.models import ChangeRecord, Delivery, Receiver, System
from compliance.notices import NEWS

# name → what a person reads beside it. The names are a promise to programs: none is renamed or taken away.
EVENTS: Final[Mapping[str, str]] = {
    "change.submitted": "A change waits for its decision",
    "change.decided": "A change was approved, rejected or withdrawn",
    "change.verified": "The rules as read show a change done",
    "change.disputed": "What was done is not what was approved",
    "finding.opened": "A finding was opened",
    "finding.cured": "A finding is cured by evidence",
    "review.missed": "A review was not held",
    "review.signed": "Minutes of a review were signed by two people",
    "pack.ready": "An evidence pack is ready",
    "pack.failed": "An evidence pack could not be built",
    "source.failing": "A source could not be read three times in a row, or paused by itself",
    "source.recovered": "A source that was failing was read again",
}
TEST: Final = "test"  # sent by hand, whatever was chosen
MOST_AT_ONCE: Final = 20  # of one kind, from one comparison: beyond that they are said in one message
VERSION: Final = 1


@dataclass(frozen=True)
class News:
    """One thing that happened. `path`: its page, from the root of the site. `data`: what is particular to the event."""

    event: str
    title: str
    path: str
    about: tuple[System, ...]
    data: Mapping[str, Any] = field(default_factory=dict)


def announce(
    event: str, *, title: str, path: str, about: Iterable[System], at: datetime, **data: Any
) -> list[Delivery]:
    """One thing that happened, to every receiver that asked for it. Call it inside atomic()."""
    return announce_all([News(event, title, path, tuple(about), data)], at=at)


def announce_change(event: str, change: ChangeRecord, *, at: datetime, **data: Any) -> None:
    """What became of a change record, about every system it touches."""
    if not Receiver.objects.filter(ended_at__isnull=True).exists():
        return  # most installations tell no program, and a bulk decision asks this for each record
    path = f"/changes/{change.ref}/"
    about = System.objects.filter(pk__in=systems_named(path) or {change.system_id})
    announce(event, title=change.title, path=path, about=about, at=at, kind=change.kind, **data)


def announce_all(news: Sequence[News], *, at: datetime) -> list[Delivery]:
    """Several things of one moment. What is history when it is written down is told to nobody."""
    if not news or at <= timezone.now() - NEWS:
        return []
    receivers = list(Receiver.objects.filter(ended_at__isnull=True).prefetch_related("systems"))
    return deliver([(each, one) for each in receivers for one in heard_by(each, news)], at=at)


def heard_by(receiver: Receiver, news: Sequence[News]) -> list[News]:
    """What of it a receiver asked for; where that is too much of one kind, one message that counts it."""
    scope = {system.pk for system in receiver.systems.all()}
    wanted = [
        one for one in news
        if one.event in receiver.events and (not scope or scope & {system.pk for system in one.about})
    ]  # fmt: skip
    found: list[News] = []
    for event in dict.fromkeys(one.event for one in wanted):
        of_it = [one for one in wanted if one.event == event]
        found += of_it if len(of_it) <= MOST_AT_ONCE else [counted(of_it, scope)]
    return found


def counted(news: Sequence[News], scope: set[int]) -> News:
    """Many of one kind in one message: how many, of which systems, and the list where they stand."""
    event, about = news[0].event, {system.pk: system for one in news for system in one.about}
    shown = tuple(system for key, system in about.items() if not scope or key in scope)
    path = f"/{news[0].path.strip('/').partition('/')[0]}/"
    return News(event, f"{EVENTS[event]}: {len(news)} at once", path, shown, {"count": len(news)})


def deliver(messages: Sequence[tuple[Receiver, News]], *, at: datetime, asked_by: Any = None) -> list[Delivery]:
    """The rows and their jobs, in the caller's transaction."""
    if not messages:
        return []
    rows = []
    for receiver, one in messages:
        uid = uuid.uuid4()
        body = written(uid, one, at, scope={system.pk for system in receiver.systems.all()})
        rows.append(Delivery(receiver=receiver, uid=uid, event=one.event, body=body, made_at=at, asked_by=asked_by))
    made = Delivery.objects.bulk_create(rows)
    enqueue_all("deliver", {job_key(row): {"delivery": row.pk} for row in made})
    return made


def job_key(row: Delivery) -> str:
    """Each round of a message is one job."""
    return f"deliver:{row.uid.hex}:{row.round}"


def written(uid: uuid.UUID, one: News, at: datetime, *, scope: set[int]) -> str:
    """The body. Of a system that is PROTECTED or above it says no more than what, the id and the link.

    `scope`: the systems the receiver is told of (none: all); others that it is about as well are not named.
    """
    reserved = is_reserved(one.path, one.about or None)
    said: dict[str, Any] = {
        "version": VERSION,
        "id": str(uid),
        "event": one.event,
        "at": at.isoformat(),
        "ref": ref_of(one.path),
        "link": f"{settings.SITE_URL.rstrip('/')}{one.path}",
        "reserved": reserved,
        "systems": [] if reserved else sorted(one_of.name for one_of in one.about if not scope or one_of.pk in scope),
        "title": "" if reserved else " ".join(one.title.split())[:300],
        "data": {} if reserved else dict(one.data),
    }
    return json.dumps(said, ensure_ascii=False, separators=(",", ":"))
