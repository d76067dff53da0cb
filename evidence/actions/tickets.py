"""What Jira says of the tickets that change records name: read by a job, kept, shown beside them, and never obeyed."""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import F, OuterRef, Q, QuerySet, Subquery
from django.utils import timezone

from compliance.actions.jobs import enqueue
from compliance.models import ChangeRecord, Job, State
from compliance.run import Run
from evidence.actions.attempts import wait_s
from evidence.actions.pulls import Fence
from evidence.collectors import jira
from evidence.collectors.collected import PullError
from evidence.models import ErrorCode, TicketReading
from evidence.tickets import latest

EVERY: Final = timedelta(hours=1)
ENDED_EVERY: Final = timedelta(days=1)
ENDED_FOR: Final = timedelta(days=30)  # after its last word here a record's ticket is asked after no more
ENDED: Final = (State.REJECTED, State.WITHDRAWN, State.VERIFIED, State.RETIRED)
MOST: Final = 50  # tickets a job
TRY_S: Final = 10.0
SLOT_S: Final = 60
ASKED_AT_MOST_S: Final = 24 * 3600.0
# Whatever the next ticket is, it would end the same way: it is not tried, so that no account is locked
ALL_OF_THEM: Final = frozenset({
    ErrorCode.AUTH, ErrorCode.RATE_LIMITED, ErrorCode.UNREACHABLE, ErrorCode.TIMEOUT, ErrorCode.TLS, ErrorCode.CONFIG,
    ErrorCode.DEPENDENCY,
})  # fmt: skip


def wanted(now: datetime) -> QuerySet[ChangeRecord]:
    """The change records whose ticket is to be read now, those that wait longest first."""
    newest = TicketReading.objects.filter(change=OuterRef("pk"), key=OuterRef("ticket")).order_by("-pk")
    rows = ChangeRecord.objects.filter(ticket__regex=rf"^ *{jira.KEY.pattern} *$")
    rows = rows.annotate(known=Subquery(newest.values("pk")[:1]), next_read=Subquery(newest.values("next_at")[:1]))
    due_now = rows.filter(Q(known__isnull=True) | Q(next_read__lte=now))
    return due_now.order_by(F("next_read").asc(nulls_first=True), "pk")


def due(now: datetime) -> None:
    """From `tick`: one job, where a Jira is set up, tickets are to be read, and none is at it."""
    if not jira.set_up():
        return
    at_it = Job.objects.filter(kind="read_tickets", state__in=[Job.State.QUEUED, Job.State.RUNNING])
    if at_it.exists() or not wanted(now).exists():
        return
    with transaction.atomic():
        enqueue("read_tickets", key=f"read_tickets:{int(now.timestamp()) // SLOT_S}", args={}, run_at=now)


def read_all(run: Run) -> None:
    """Reads what is due, one after another. Where Jira itself does not answer the others are not tried."""
    now = timezone.now()
    rows = list(wanted(now)[:MOST])
    for number, row in enumerate(rows):
        run.step(f"Reading {row.ticket}", number, len(rows))
        try:
            said = jira.read(row.ticket.strip(), deadline=time.monotonic() + TRY_S)
        except PullError as error:
            several = rows[number:] if error.code in ALL_OF_THEM else [row]
            with Fence(run):
                could_not(several, error, timezone.now())
            if len(several) > 1 or error.code in ALL_OF_THEM:
                return
        else:
            with Fence(run):
                heard(row, timezone.now(), found=said.key, title=said.title, status=said.status)


def could_not(rows: Iterable[ChangeRecord], error: PullError, at: datetime) -> None:
    """Notes for each that it could not be read, and when it is tried again: never before Jira asked for."""
    for row in rows:
        last = latest(row)
        failing = (at - last.at) if last and last.problem else timedelta()
        wait = wait_s(300.0, 1 + int(failing / EVERY))
        wait = max(wait, min(error.retry_after or 0.0, ASKED_AT_MOST_S))
        heard(row, at, problem=f"{error.what} {error.next_step}".strip()[:300], again=at + timedelta(seconds=wait))


def heard(
    row: ChangeRecord, at: datetime, *, found: str = "", title: str = "", status: str = "", problem: str = "",
    again: datetime | None = None,
) -> None:  # fmt: skip
    """One reading: the last row goes on where it said the same, else there is a new one."""
    last, next_at = latest(row), again or next_reading(row, at)
    same = last is not None and (last.found, last.title, last.status) == (found, title, status)
    if last is not None and same and bool(last.problem) == bool(problem):
        TicketReading.objects.filter(pk=last.pk).update(heard_at=at, next_at=next_at, problem=problem)
        return
    TicketReading.objects.create(
        change=row, key=row.ticket, found=found, title=title, status=status, problem=problem, at=at, heard_at=at,
        next_at=next_at,
    )  # fmt: skip


def next_reading(row: ChangeRecord, at: datetime) -> datetime | None:
    """When it is asked after again; None for what ended here long ago."""
    if row.state not in ENDED:
        return at + EVERY
    ended = max(one for one in (row.created_at, row.decided_at, row.verified_at) if one is not None)
    return at + ENDED_EVERY if at - ended < ENDED_FOR else None
