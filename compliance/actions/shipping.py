"""Sealed entries, one JSON line each, to a file and to a log server: in order, at least once, and no request waits.

How far each place is stands in the database, so a restart goes on where it was. A place that does not take them is
tried again for as long as it takes; nothing is skipped, and what is missing shows by the numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from compliance.actions.jobs import enqueue
from compliance.errors import Later
from compliance.ledger import lines
from compliance.ledger.places import NotPublished
from compliance.models import Job, LedgerEntry, LedgerHead, LedgerShipment
from compliance.run import Run

BATCH: Final = 500
AT_MOST: Final = 40  # batches a job; what is left the next one takes
SLOT_S: Final = 10
FIRST_S: Final = 10.0
LONGEST_S: Final = 300.0
Put = Callable[[Sequence[LedgerEntry]], None]


def targets() -> dict[str, Put]:
    """The places of this installation by name, each a function of some entries."""
    found: dict[str, Put] = {}
    path = settings.AUDIT_FILE
    if path is not None:
        found["file"] = lambda entries: lines.to_file(entries, path)
    if settings.AUDIT_SYSLOG:
        found["syslog"] = lambda entries: lines.to_syslog(entries, settings.AUDIT_SYSLOG)
    return found


def due(now: datetime) -> None:
    """From `tick`: asks for a job for each place that does not have the whole log, where none is on its way."""
    wanted = targets()
    if not wanted:
        return
    size = LedgerHead.objects.values_list("size", flat=True).first() or 0
    there = dict(LedgerShipment.objects.values_list("place", "seq"))
    for place in wanted:
        under_way = Job.objects.filter(
            key__startswith=f"ship:{place}:", state__in=[Job.State.QUEUED, Job.State.RUNNING]
        )
        if there.get(place, 0) < size and not under_way.exists():
            with transaction.atomic():
                key = f"ship:{place}:{int(now.timestamp()) // SLOT_S}"
                enqueue("ship_ledger", key=key, args={"place": place}, run_at=now)


def job(run: Run) -> None:
    """The job of kind `ship_ledger`: what one place (args: `place`) does not have yet. Raises Later where it fails."""
    put = targets().get(str(run.args["place"]))
    if put is None:
        return  # nobody wants it there any more
    row, _ = LedgerShipment.objects.get_or_create(place=run.args["place"])
    try:
        for _ in range(AT_MOST):
            run.step(f"Sending what follows #{row.seq}")
            entries = list(LedgerEntry.objects.filter(seq__gt=row.seq).order_by("seq")[:BATCH])
            if not entries:
                break
            refuse_gap(row, entries)
            put(entries)
            went_on(row, entries[-1].seq, timezone.now())
    except NotPublished as wrong:
        raise Later(failed(row, str(wrong), timezone.now()), "The place does not take the log") from None


def refuse_gap(row: LedgerShipment, entries: Sequence[LedgerEntry]) -> None:
    """Nothing is sent past an entry that is not there."""
    wanted = row.seq + 1
    for entry in entries:
        if entry.seq != wanted:
            raise NotPublished(f"entry #{wanted} is not in the log: it was taken away; verify the ledger")
        wanted += 1


def went_on(row: LedgerShipment, seq: int, at: datetime) -> None:
    """The place has them up to `seq`. Whoever was quicker with more is not set back."""
    LedgerShipment.objects.filter(pk=row.pk, seq__lt=seq).update(
        seq=seq, at=at, problem="", problem_since=None, failures=0
    )
    row.refresh_from_db()


def failed(row: LedgerShipment, why: str, at: datetime) -> datetime:
    """Notes why, and since when; gives when it is tried again."""
    row.refresh_from_db()
    row.problem, row.problem_since, row.failures = why[:300], row.problem_since or at, row.failures + 1
    row.save(update_fields=["problem", "problem_since", "failures"])
    return at + timedelta(seconds=min(FIRST_S * 2.0 ** min(row.failures - 1, 10), LONGEST_S))


def standing() -> list[tuple[str, str, int, int, LedgerShipment | None]]:
    """For the page: each place with where it is, how far it has the log, how long that is, and its row."""
    size = LedgerHead.objects.values_list("size", flat=True).first() or 0
    rows = {row.place: row for row in LedgerShipment.objects.all()}
    where = {"file": str(settings.AUDIT_FILE), "syslog": settings.AUDIT_SYSLOG}
    return [(name, where[name], rows[name].seq if name in rows else 0, size, rows.get(name)) for name in targets()]
