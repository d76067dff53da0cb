"""A test sheet run on its hosts over SSH: asked for by a person, done by a job, judged again when it runs.

What was approved is what runs: that a second person approved it, the window, the pairs and the asker's right are all
looked at again in the job. Whatever keeps a result from coming ends as "not reached", which shows nothing.
"""

from __future__ import annotations

import hashlib
import time
from datetime import datetime
from typing import Final

from django.db import transaction
from django.utils import timezone

from compliance.actions.jobs import enqueue
from compliance.actions.ledger import record
from compliance.errors import Refused
from compliance.models import Job, Server, User
from compliance.models.approvals import canonical
from compliance.permissions import check, may
from compliance.run import Run
from evidence.actions.devices import talk
from evidence.actions.sheets import hosts, kept, understood
from evidence.collectors.collected import PullError
from evidence.collectors.limited import LeftBehind
from evidence.collectors.trying import MOST, PROGRAM, seconds_for, tried, wish
from evidence.collectors.way_in import way_in
from evidence.models import Sheet, SheetRun, Source

State = SheetRun.State
BY_HAND: Final = "Run its script on the host, and bring what it prints."


def ask(sheet: Sheet, server: Server, *, by: User, at: datetime | None = None) -> SheetRun:
    """A run on one host, done by a job. One that waits already is that one."""
    moment = at or timezone.now()
    check(by, "plan_test", sheet, at=moment)
    refuse(sheet, moment)
    source = source_of(sheet, server)
    waiting = sheet.runs.filter(server=server, state=State.WAITING).first()
    if waiting is not None:
        return waiting
    told = told_of(sheet, server)
    with transaction.atomic():
        row = SheetRun.objects.create(
            sheet=sheet, server=server, source=source, asked_by=by, asked_at=moment, command=PROGRAM,
            told_sha256=hashlib.sha256(told).hexdigest(),
        )  # fmt: skip
        row.job = enqueue("run_sheet", key=f"run_sheet:{row.pk}", args={"run": row.pk}, by=by)
        row.save(update_fields=["job"])
        record("run_test", sheet, by=by, at=moment, after=row.told_sha256, server=server.name, over=source.name,
               command=PROGRAM)  # fmt: skip
    return row


def refuse(sheet: Sheet, at: datetime) -> None:
    """What is not run: nothing that a second person did not approve, nothing else than that, and at no other time."""
    nothing = f"{sheet.ref} was not run."
    if sheet.state != Sheet.State.APPROVED or sheet.decided_by_id in (None, sheet.asked_by_id):
        raise Refused(nothing, "No second person has approved it.", "A second person decides on it first.")
    if hashlib.sha256(canonical(sheet.pairs)).hexdigest() != sheet.sha256:
        raise Refused(nothing, "Its pairs are not those that were approved.", "Plan it again, and look who changed it.")
    if not sheet.window_from <= at < sheet.window_to:
        raise Refused(nothing, "It is not its window now.", "Run it in its window, or plan it again.")


def source_of(sheet: Sheet, server: Server) -> Source:
    """The SSH source of a host of the sheet. Refused where there is none to run it over."""
    nothing = f"{sheet.ref} was not run on {server.name}."
    if server.name not in hosts(sheet) or server.system_id != sheet.system_id:
        raise Refused(nothing, "It is no host of this sheet.", "Choose one of its hosts.")
    source = Source.objects.filter(server=server, kind=Source.Kind.SSH).order_by("pk").first()
    if source is None:
        raise Refused(nothing, "The host is not read over SSH.", BY_HAND)
    if source.paused_code:
        raise Refused(nothing, f"Its source {source.name} is paused.", "Mend what paused it, or run the script there.")
    if rows_of(sheet, server) > MOST:
        raise Refused(nothing, f"It has more than {MOST} pairs on this host.", BY_HAND)
    return source


def rows_of(sheet: Sheet, server: Server) -> int:
    """How many pairs are tried from a host."""
    return sum(pair["from"] == server.name for pair in sheet.pairs)


def told_of(sheet: Sheet, server: Server) -> bytes:
    """What the host is told to try."""
    return wish(sheet.ref, sheet.sha256, server.name, sheet.pairs, (sheet.window_from, sheet.window_to))


def run(row: SheetRun, *, run: Run) -> SheetRun:
    """Carries it out, alone with the host. Raises Later while others talk to it; all else ends in the row."""
    sheet, server = row.sheet, row.server
    rows = rows_of(sheet, server)

    def beat() -> None:
        run.step(f"Trying {rows} connections from {server.name}", 1, 3)

    try:
        now = timezone.now()
        run.step(f"Looking whether {sheet.ref} may be run now", 0, 3)
        refused = may(row.asked_by, "plan_test", sheet, at=now)
        if refused is not None:
            raise refused
        refuse(sheet, now)
        source, told = source_of(sheet, server), told_of(sheet, server)
        if source.pk != row.source_id or hashlib.sha256(told).hexdigest() != row.told_sha256:
            raise Refused(f"{sheet.ref} was not run.", "It is not what was asked for any more.", "Ask for it again.")
        seconds = min(seconds_for(rows), (sheet.window_to - now).total_seconds())
        deadline = time.monotonic() + seconds
        way = way_in(source)

        def work() -> bytes:
            return tried(way, told, deadline=deadline)

        content = talk(source, work, seconds=seconds, began=beat, beat=beat)
        run.step(f"Understanding what {server.name} said", 2, 3)
        said = understood(sheet, server, content, timezone.now())
    except PullError as error:
        return missed(row, run, error.what, error.next_step)
    except LeftBehind:
        return missed(row, run, "The host was not through in time, and did not stop by itself.", "Look at its load.")
    except Refused as error:
        return missed(row, run, f"{error.what} {error.why}", error.next_step)
    with run.finish():
        kept(sheet, server, content, said, by=row.asked_by, at=timezone.now(), source=source)
        SheetRun.objects.filter(pk=row.pk).update(state=State.CAME, finished_at=timezone.now())
    row.refresh_from_db()
    return row


def missed(row: SheetRun, run: Run, said: str, next_step: str) -> SheetRun:
    """Nothing came, and that is what it says."""
    with run.finish():
        not_reached(row, said, next_step)
    row.refresh_from_db()
    return row


def not_reached(row: SheetRun, said: str, next_step: str) -> None:
    """The end of a run without a result, in the caller's transaction."""
    SheetRun.objects.filter(pk=row.pk).update(
        state=State.NOT_REACHED, said=said.strip(), next_step=next_step, finished_at=timezone.now()
    )
    record(
        "run_test", row.sheet, by=row.asked_by, server=row.server.name, state=State.NOT_REACHED, because=said.strip()
    )


def abandoned(job: Job) -> None:
    """The job ended without an answer: so does the run."""
    said = "It was cancelled." if job.state == Job.State.CANCELLED else f"It failed {job.tries} times. {job.said}"
    for row in SheetRun.objects.filter(job=job, state=State.WAITING).select_related("sheet", "server", "asked_by"):
        not_reached(row, said, "Ask for it again in the window, or run its script on the host.")
