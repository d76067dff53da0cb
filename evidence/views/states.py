"""How a source stands today and stood on each of the last days, in words and signs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final

from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone

from evidence.collectors.ssh import where
from evidence.models import Pin, Pull, Source
from evidence.models.sources import OVER_SSH
from evidence.readings import NO_ANSWER

DAYS: Final = 30
# what a day was → the class of its cell, the sign in it, and the word
CELLS: Final[dict[str, tuple[str, str, str]]] = {
    "changed": ("complete", "pencil", "read, something had changed"),
    "same": ("complete", "check", "read, unchanged"),
    "old": ("partial", "clock", "asked, nothing newer had come"),
    "mixed": ("partial", "minus", "read, after failing"),
    "failed": ("missing", "x", "failed"),
    "none": ("none", "", "not read"),
    "before": ("before", "", "before it was added"),
}
WAITS: Final = "Its host key waits for a second person; nothing is sent to it."
UNSEEN: Final = "Nobody has looked at its host key yet: test the connection."
AN_HOUR: Final = timedelta(hours=1)


def state(source: Source) -> str:
    """The word of compliance.words.SOURCES."""
    if not source.enabled:
        return "stopped" if source.paused_code else "paused"
    pull = source.last_pull
    silent = pull is not None and pull.error_code in NO_ANSWER
    if source.last_good is None:
        return "unreachable" if silent else "never"
    if silent and pull and pull.state == Pull.State.FAILED:
        return "unreachable"
    if is_late(source):
        return "stale"
    if pull and pull.state in (Pull.State.FAILED, Pull.State.PARTIAL):
        return "failing"
    return "partial" if source.last_good.lines_unread else "fresh"


def is_late(source: Source) -> bool:
    """Whether what we hold is older than this source allows."""
    seen = source.last_seen_at
    return seen is None or timezone.now() - seen > timedelta(hours=source.fresh_hours)


def needing_a_look(rows: QuerySet[Source]) -> QuerySet[Source]:
    """Those whose state is stale, unreachable, never or stopped, asked of the database: what `state` says of one."""
    now, limits = timezone.now(), rows.order_by().values_list("fresh_hours", flat=True).distinct()
    late = Q(last_seen_at__isnull=True)
    for hours in limits:
        late |= Q(fresh_hours=hours, last_seen_at__lt=now - timedelta(hours=hours))
    failed = Pull.objects.filter(pk=OuterRef("last_pull"), state=Pull.State.FAILED, error_code__in=NO_ANSWER)
    rows = rows.alias(unanswered=Subquery(failed.values("pk")[:1]))  # a join would read every reading there ever was
    silent = Q(unanswered__isnull=False)
    stopped = Q(enabled=False) & ~Q(paused_code="")
    return rows.filter(stopped | Q(enabled=True) & (Q(last_good__isnull=True) | silent | late))


def strips(rows: Sequence[Source], *, days: int = DAYS) -> dict[int, dict[str, Any]]:
    """Source → its last days, oldest first, and the same as one sentence. Asks the database once."""
    today = timezone.localdate()
    first = today - timedelta(days=days - 1)
    since = timezone.make_aware(datetime.combine(first, datetime.min.time()))
    pulls = Pull.objects.filter(source__in=rows, finished_at__gte=since, published=True)
    seen: dict[tuple[int, date], list[str]] = defaultdict(list)
    told = pulls.annotate(seen=Coalesce("seen_at", "finished_at")).order_by("finished_at", "pk")
    for source, state_, finished, shown in told.values_list("source_id", "state", "finished_at", "seen"):
        seen[source, timezone.localdate(finished)].append(outcome(state_, finished - shown))
    return {row.pk: strip(row, [first + timedelta(days=number) for number in range(days)], seen) for row in rows}


def outcome(state_: str, age: timedelta) -> str:
    """What one reading made of its day."""
    if state_ in (Pull.State.FAILED, Pull.State.PARTIAL):
        return "failed"
    if age > AN_HOUR * 26:
        return "old"
    return "changed" if state_ == Pull.State.OK else "same"


def strip(row: Source, days: Iterable[date], seen: dict[tuple[int, date], list[str]]) -> dict[str, Any]:
    """The cells of one source."""
    added = timezone.localdate(row.created_at)
    kinds = [
        (day, "before" if day < added and (row.pk, day) not in seen else of_day(seen.get((row.pk, day), ())))
        for day in days
    ]
    counts: dict[str, int] = defaultdict(int)
    for _, kind in kinds:
        counts[kind] += 1
    told = [f"{counts[kind]} {CELLS[kind][2]}" for kind in CELLS if counts[kind]]
    cells = [
        {"held": CELLS[kind][0], "icon": CELLS[kind][1], "title": f"{day.day} {day:%b}: {CELLS[kind][2]}", "day": day}
        for day, kind in kinds
    ]
    return {"cells": cells, "said": f"Last {len(cells)} days: {'; '.join(told)}"}


def of_day(kinds: Sequence[str]) -> str:
    """All readings of a day as one word."""
    good = [kind for kind in kinds if kind != "failed"]
    if not good:
        return "failed" if kinds else "none"
    best = next(kind for kind in ("changed", "same", "old") if kind in good)
    return "mixed" if best != "old" and len(good) < len(kinds) else best


def next_try(row: Source) -> str:
    """When it is read next, as a sentence; "" for what is never read by itself."""
    if not row.enabled:
        return "Nobody asks it until a person resumes it." if row.paused_code else "Paused by a person."
    if row.next_at is None:
        return ""
    at = f"{timezone.localtime(row.next_at):%-d %B, %H:%M}"
    if row.next_at <= timezone.now():
        return f"Due since {at}."
    if not row.failures:
        return f"Read next at {at}."
    times = "once" if row.failures == 1 else f"{row.failures} times in a row"
    return f"It failed {times}; next try at {at}."


def strangers(rows: Iterable[Source]) -> dict[int, str]:
    """Of hosts whose key two people have not agreed on: what is waited for, as a sentence. Asks the database once."""
    hosts = [row for row in rows if row.kind in OVER_SSH and row.enabled]
    pins = list(Pin.objects.filter(source__in=hosts, kind=Pin.Kind.SSH, ended_at__isnull=True)) if hosts else []
    places = {row.pk: where(row.config) for row in hosts}
    known = {pin.source_id for pin in pins if pin.confirmed_by_id and pin.address == places[pin.source_id]}
    waiting = {pin.source_id for pin in pins if not pin.confirmed_by_id}
    return {key: WAITS if key in waiting else UNSEEN for key in places if key not in known}
