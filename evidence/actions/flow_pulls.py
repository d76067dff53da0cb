"""Fetching a flow log: each new object is kept at once and read by a job of its own, so nothing that came is lost.

A fetching that fails says so with what to do about it, keeps what it brought, and takes nothing away.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.utils import timezone

from compliance.actions.ledger import record
from compliance.models import Job
from compliance.run import Run
from evidence.actions.attempts import AFTER, ASKED_AT_MOST_S, PAUSED, next_slot, wait_s
from evidence.actions.flow_files import incoming, keep, note
from evidence.actions.flow_logs import said
from evidence.collectors.arrivals import Arrival
from evidence.collectors.collected import PullError
from evidence.collectors.flow_table import arrivals
from evidence.collectors.limited import Aside, LeftBehind, within
from evidence.models import ErrorCode, FlowFile, FlowLog, FlowPull

State = FlowPull.State
# What is wrong with one object is no reason to leave the others; what is wrong with their place is
OF_ONE_OBJECT: Final = frozenset({ErrorCode.CONFIG, ErrorCode.TRUNCATED, ErrorCode.PERMISSION, ErrorCode.EMPTY})
MOST_TROUBLES: Final = 20
KNOWN_AT_ONCE: Final = 500
AT_ONCE: Final = timedelta(seconds=1)
AGAIN: Final = "Fetch it again; if it fails the same way, run ./run doctor."


def fetch(log: FlowLog, row: FlowPull, *, run: Run, at: datetime | None = None) -> FlowPull:
    """Fetches what is new into files of `row`. A failing place ends in the row, not in an error."""
    if log.paused_code:
        code = ErrorCode(log.paused_code)
        what = f"{log.name} is paused and was not fetched: {code.label.lower()}."
        return _failed(log, row, run, PullError(code, what, "Mend the cause, and resume it."), at, tried=False)
    FlowPull.objects.filter(pk=row.pk).update(state=State.RUNNING)
    fetching = Fetching(log, row, run, at or timezone.now())
    limit = float(settings.PULL_LIMIT_S)
    try:
        finished = fetching.all_of_it(time.monotonic() + limit, limit)
    except PullError as error:
        return _failed(log, row, run, error, at, fetching=fetching)
    return _ended(log, row, run, at or timezone.now(), fetching, finished=finished)


class Fetching:
    """One fetching while it runs: how much was new, how much known, and which objects could not be had."""

    def __init__(self, log: FlowLog, row: FlowPull, run: Run, at: datetime) -> None:
        self.log, self.row, self.run, self.at = log, row, run, at
        self.fresh, self.every, self.cursor = 0, 0, log.cursor
        self.troubles: list[PullError] = []

    def all_of_it(self, deadline: float, limit: float) -> bool:
        """Goes through the objects; False when the time was over first: the next fetching goes on.

        Listing and fetching may hang with the disk or the line they use, so both are done aside, and waited for no
        longer than the limit. Raises PullError.
        """
        listing = arrivals(self.log, deadline=deadline)
        while batch := self._aside(lambda: _some(listing), limit):
            known = self._known(batch)
            for one in batch:
                self.every += 1
                if (one.name, one.mark) not in known:
                    self._take(one, limit)
                if not self.troubles:
                    self.cursor = one.cursor or self.cursor
                if time.monotonic() > deadline:
                    return False
        return True

    def _known(self, batch: list[Arrival]) -> set[tuple[str, str]]:
        rows = FlowFile.objects.filter(log=self.log, name__in=[one.name[:1024] for one in batch])
        return set(rows.values_list("name", "mark"))

    def _take(self, one: Arrival, limit: float) -> None:
        with tempfile.TemporaryDirectory(dir=incoming()) as folder:
            path = Path(folder) / "object"
            self.run.step(f"Fetching {one.name[:150]}", done=self.every)
            try:
                self._aside(lambda: one.fetch(path), limit)
                if not path.stat().st_size:
                    return  # nothing was written into it yet
                kept = keep(one.name, path)
                self.fresh += note(self.row, kept, mark=one.mark, received=one.received, at=self.at).new
            except PullError as error:
                self.troubles.append(error)
                if error.code not in OF_ONE_OBJECT or len(self.troubles) >= MOST_TROUBLES:
                    raise

    def _aside(self, work: Any, limit: float) -> Any:
        try:
            return within(limit, Aside(work), beat=lambda: self.run.step(f"Fetching {self.log.name}", done=self.every))
        except LeftBehind:
            what = f"{self.log.name} was not through after {limit:g} seconds, and did not stop by itself."
            raise PullError(ErrorCode.TIMEOUT, what, "Look whether the place still answers.") from None


def _some(listing: Any) -> list[Arrival]:
    return list(islice(listing, KNOWN_AT_ONCE))


def _ended(log: FlowLog, row: FlowPull, run: Run, now: datetime, fetching: Fetching, *, finished: bool) -> FlowPull:
    """It went well, or as far as the time and the objects let it."""
    state = State.OK if fetching.fresh else State.UNCHANGED
    what, next_step = said(fetching.fresh, fetching.every), ""
    code = ""
    if fetching.troubles:
        first = fetching.troubles[0]
        number = len(fetching.troubles)
        state, code, next_step = State.PARTIAL, str(first.code), first.next_step
        what += f" {number} could not be had, the first because: {first.what}"
    elif not finished:
        state, what = State.PARTIAL, f"{what} More wait: the next fetching goes on."
    every = timedelta(minutes=log.every_minutes)
    after = next_slot(log.next_at, log.every_minutes, now) if log.next_at and not log.failures else now + every
    with run.finish():
        FlowPull.objects.filter(pk=row.pk).update(
            state=state, finished_at=now, what=what, next_step=next_step, error_code=code
        )
        FlowLog.objects.filter(pk=log.pk).update(
            last_pull=row, failures=0, cursor=fetching.cursor[:1000],
            next_at=after if finished else now + AT_ONCE,
            **({"last_seen_at": now} if finished and not fetching.troubles else {}),
        )  # fmt: skip
    row.refresh_from_db()
    return row


def _failed(
    log: FlowLog, row: FlowPull, run: Run, error: PullError, at: datetime | None, *, tried: bool = True,
    fetching: Fetching | None = None,
) -> FlowPull:  # fmt: skip
    """The failure is kept with what to do about it, and what follows is set. What came before it stays."""
    now = at or timezone.now()
    came = f" {said(fetching.fresh, fetching.fresh)}" if fetching and fetching.fresh else ""
    with run.finish():
        FlowPull.objects.filter(pk=row.pk).update(
            state=State.FAILED, finished_at=now, error_code=error.code, what=f"{error.what}{came}",
            next_step=error.next_step,
        )  # fmt: skip
        after = _after(log, error.code, now, error.retry_after) if tried else {}
        FlowLog.objects.filter(pk=log.pk).update(
            last_pull=row, **after, **({"cursor": fetching.cursor[:1000]} if fetching else {})
        )
        if after.get("paused_code"):
            record("pause", log, by=None, at=now, because=PAUSED[after["paused_code"]])
    row.refresh_from_db()
    return row


def _after(log: FlowLog, code: ErrorCode | None, now: datetime, retry_after: float | None = None) -> Mapping[str, Any]:
    """When it is tried next, or that it pauses: the same waits as for sources (evidence/actions/attempts.py)."""
    failures = log.failures + 1
    first = AFTER[code] if code else AFTER[ErrorCode.UNREACHABLE]
    before = log.pulls.filter(finished_at__isnull=False).values_list("error_code", flat=True)[: log.failures]
    same = 1 + next((number for number, each in enumerate(before) if each != code), len(before))
    if first.pauses_at and same >= first.pauses_at:
        return {"failures": failures, "enabled": False, "paused_code": code, "paused_at": now, "next_at": None}
    wait = max(wait_s(first.first_s, failures), min(retry_after or 0.0, ASKED_AT_MOST_S))
    return {"failures": failures, "next_at": now + timedelta(seconds=wait)}


def abandoned(job: Job) -> None:
    """The job ended without a result: so does the fetching, with a sentence. What it kept is read all the same."""
    cancelled, now = job.state == Job.State.CANCELLED, job.finished_at or timezone.now()
    what = "The fetching was cancelled." if cancelled else f"The fetching failed {job.tries} times. {job.said}"
    waiting = [State.QUEUED, State.RUNNING]
    for row in FlowPull.objects.filter(job=job, state__in=waiting).select_related("log"):
        FlowPull.objects.filter(pk=row.pk).update(
            state=State.FAILED, finished_at=now, what=what.strip(), next_step=AGAIN
        )
        after = {} if cancelled else _after(row.log, None, now)
        FlowLog.objects.filter(pk=row.log_id).update(last_pull=row, **after)
