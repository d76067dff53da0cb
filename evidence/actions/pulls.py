"""Reading a source: the bytes are kept first, parsed second, and published in one short moment.

A failed, partial or shrunken pull never takes the place of the last good snapshot; an unchanged one is a heartbeat.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import chain
from typing import Any, Final

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from compliance.errors import Lost
from compliance.models import Job
from compliance.run import Run
from evidence import reading_json
from evidence.actions import smaller
from evidence.actions.attempts import came_back, did_not, noted, worked
from evidence.actions.counting import anew, note_hits
from evidence.actions.devices import talk
from evidence.actions.sightings import note_met
from evidence.artefacts import keep
from evidence.collectors.collected import BOOT_ID, Collected, PullError
from evidence.collectors.limited import LeftBehind
from evidence.collectors.redaction import spans
from evidence.collectors.table import COLLECTORS, NO_SESSION, collect
from evidence.collectors.way_in import way_in
from evidence.gates import Trouble, complaints, digest_of, format_of, torn_in_passing, unended
from evidence.hits import met
from evidence.models import ErrorCode, Pull, PulledArtefact, Snapshot, Source
from evidence.parse import read_in_child
from evidence.perimeter import networks
from evidence.points import summary
from evidence.rules import Artefact, FormatError, Neighbour, Reading

# Reading a dump keeps a processor busy, waiting for a device does not: no more at once than there are processors
READERS: Final = threading.BoundedSemaphore(os.cpu_count() or 1)
NEIGHBOURS: Final = "ip-neigh"
AN_HOUR = timedelta(hours=1)  # what collectors take to bring files is no age
# How a reader says that a dump is not whole
ENDS: Final = (
    (" is cut off", ErrorCode.TRUNCATED),
    (" is cut short", ErrorCode.TRUNCATED),
    (" is empty", ErrorCode.EMPTY),
    (" lists nothing", ErrorCode.EMPTY),
)
AGAIN = "Read it again; if it fails the same way, run ./run doctor."
Publish = Callable[[], AbstractContextManager[None]]


def pull_of(run: Run, source: Source) -> Pull:
    """The pull this job stands for: made with the job, or now."""
    row = Pull.objects.filter(job=run.job).first()
    return row or Pull.objects.create(source=source, job=run.job, queued_at=run.job.created_at)


def fenced(run: Run) -> Publish:
    """A publish for a job that reads several sources before its own end: fenced by the same claim."""

    def publish() -> AbstractContextManager[None]:
        return Fence(run)

    return publish


class Fence(AbstractContextManager[None]):
    """One transaction that begins by making sure the claim still holds; raises Lost otherwise."""

    def __init__(self, run: Run) -> None:
        self.run, self.atomic = run, transaction.atomic()

    def __enter__(self) -> None:
        self.atomic.__enter__()
        held = Job.objects.filter(pk=self.run.job.pk, token=self.run.token, state=Job.State.RUNNING)
        if not held.update(step=self.run.job.step):
            error = Lost(f"{self.run.job.key}: another worker holds it")
            self.atomic.__exit__(type(error), error, None)
            raise error

    def __exit__(self, *error: Any) -> None:
        self.atomic.__exit__(*error)


@dataclass(frozen=True)
class Attempt:
    """One reading while it runs. `at`: the moment it is said to happen, for what is played back; None: the clock."""

    source: Source
    row: Pull
    run: Run
    publish: Publish
    at: datetime | None = None

    @property
    def now(self) -> datetime:
        """The moment."""
        return self.at or timezone.now()


def take(source: Source, row: Pull, *, run: Run, publish: Publish, at: datetime | None = None) -> Pull:
    """Reads a source into `row` and publishes what came of it. A failing source ends in the row, not in an error.

    Raises Later while somebody else talks to the device.
    """
    attempt = Attempt(source, row, run, publish, at)
    moment = seen = attempt.now
    if row.accepts:
        if smaller.refused(source) != row.accepts:
            gone = "Another reading came in between: nothing was accepted."
            over = PullError(ErrorCode.UNEXPECTED_SHRINK, gone, "Look at the last reading.")
            return failed(attempt, over, tried=False)
        seen = row.accepts.finished_at or moment  # what it shows is as old as it was
    elif source.paused_code and source.kind in COLLECTORS:
        return failed(attempt, paused(source), tried=False)
    Pull.objects.filter(pk=row.pk).update(token=run.token)
    try:
        run.step(f"Reading {source.name}")
        came = brought(attempt)
        seen = min(seen, came.seen_at or seen)
        digest = digest_of(came.artefacts)
        torn = list(torn_in_passing(came.artefacts))
        if came.complete and not torn and source.last_good and source.last_good.digest == digest:
            return unchanged(attempt, came, digest, seen, met_by(came.artefacts))
        keep_all(attempt, came)
        refuse_broken(came, torn)
        run.step(f"Understanding {source.name}")
        with READERS:
            reading = read_in_child(came.artefacts)
        if came.complete and not row.accepts:
            smaller.refuse(source, row, reading, came)
    except PullError as error:
        return failed(attempt, error)
    except FormatError as error:
        said = error.why[:1].upper() + error.why[1:]
        return failed(attempt, PullError(code_of(error), f"{error.what}: {said}.", error.next_step))
    if not came.complete:
        what = f"Some of what was asked for did not come: {', '.join(came.missing)}."
        part = PullError(ErrorCode.PERMISSION, what, "Give the right to run it.")
        return failed(attempt, part, state=Pull.State.PARTIAL)
    return good(attempt, came, reading, digest, seen)


def paused(source: Source) -> PullError:
    """Nothing is tried at a source that paused by itself, whoever asks: a person resumes it."""
    since = f" since {timezone.localtime(source.paused_at):%-d %B %Y, %H:%M}" if source.paused_at else ""
    code = ErrorCode(source.paused_code)
    return PullError(
        code,
        f"{source.name} is paused{since} and was not asked: {code.label.lower()}.",
        "Look at its page, mend the cause, and resume it there.",
    )


def brought(attempt: Attempt) -> Collected:
    """What this pull brings. An upload's files were kept when a person brought them, an accepted one's before."""
    source, row = attempt.source, attempt.row
    if source.kind not in COLLECTORS or row.accepts:
        begun(attempt)
        files = smaller.kept(row)
        if not files:
            raise PullError(ErrorCode.EMPTY, "No file was brought.", "Upload the dumps of the host.")
        return Collected(files, cursor="", complete=True)
    limit = float(settings.PULL_LIMIT_S)
    deadline = time.monotonic() + limit
    way, since = way_in(source), seen_up_to(source)

    def work() -> Collected:
        return collect(source.kind, way.config, held=way.held, since=since, deadline=deadline)

    def beat() -> None:
        attempt.run.step(f"Reading {source.name}")

    try:
        return talk(source, work, seconds=limit, began=lambda: begun(attempt), beat=beat)
    except LeftBehind:
        what = f"{source.name} was not through after {limit:g} seconds, and did not stop by itself."
        look = "Look whether the host, or the disk it lies on, still answers."
        raise PullError(ErrorCode.TIMEOUT, what, look) from None


def begun(attempt: Attempt) -> None:
    """Its turn has come: from here on it runs."""
    Pull.objects.filter(pk=attempt.row.pk).update(state=Pull.State.RUNNING, started_at=attempt.now)


def seen_up_to(source: Source) -> str | None:
    """Where the last reading that went well ended, in the words of its collector (a commit); None before the first."""
    went_well = source.pulls.filter(published=True, state__in=[Pull.State.OK, Pull.State.UNCHANGED])
    device = went_well.order_by("-finished_at", "-pk").values_list("device", flat=True).first()
    return str(device["tip"]) if device and "tip" in device else None


def keep_all(attempt: Attempt, came: Collected) -> None:
    """Keeps the bytes before anything reads them. What lies here already is not kept again."""
    row = attempt.row
    if attempt.source.kind not in COLLECTORS or row.accepts:
        return
    brought = [*((each, False) for each in came.artefacts), *((each, True) for each in came.beside)]
    stored = [(artefact, beside, keep(artefact.content)) for artefact, beside in brought]
    with transaction.atomic():
        PulledArtefact.objects.filter(pull=row).delete()  # of an attempt that was killed: its bytes stay kept
        PulledArtefact.objects.bulk_create(
            PulledArtefact(
                pull=row,
                stored=kept,
                name=artefact.name[:200],
                command=artefact.command[:300],
                observed_at=artefact.observed_at or attempt.now,
                format="" if beside else format_of(artefact),
                beside=beside,
                redacted=spans(artefact.content),
            )
            for artefact, beside, kept in stored
        )


def met_by(artefacts: Sequence[Artefact]) -> tuple[Neighbour, ...]:
    """Whom the host met, by the artefacts that show that alone. Raises FormatError."""
    passing = [each for each in artefacts if format_of(each) == NEIGHBOURS]
    if not passing:
        return ()
    with READERS:
        return read_in_child(passing).neighbours


def refuse_broken(came: Collected, torn: Sequence[Trouble]) -> None:
    """What shows by itself that it is not whole. Files without a byte say nothing, and nothing is not "no rules"."""
    if not any(artefact.content for artefact in came.artefacts):
        raise PullError(ErrorCode.EMPTY, "Every file is empty.", "Look at what writes the dumps.")
    refuse(chain(torn, complaints(came.artefacts), unended(came.artefacts, whole=came.whole)))


def refuse(troubles: Iterable[Trouble]) -> None:
    """Raises the first of them."""
    for trouble in troubles:
        raise PullError(ErrorCode(trouble.code), trouble.what, trouble.next_step)


def code_of(error: FormatError) -> ErrorCode:
    """Truncated and empty dumps have codes of their own."""
    return next((code for words, code in ENDS if error.what.endswith(words)), ErrorCode.PARSE)


def unchanged(
    attempt: Attempt, came: Collected, digest: str, seen: datetime, neighbours: Sequence[Neighbour]
) -> Pull:  # fmt: skip
    """A heartbeat: the evidence that nothing changed. Nothing is stored anew, but whom the host met, and how often its
    rules were met, is noted."""
    source, now = attempt.source, attempt.now
    counters = met((*came.artefacts, *came.beside))
    with attempt.publish():
        said = f"Nothing changed.{restarted(source, came)}{as_of(seen, now)}{left_out(came.missing)}"
        end(attempt.row, Pull.State.UNCHANGED, now, what=said, digest=digest, seen_at=seen, device=dict(came.device))
        Source.objects.filter(pk=source.pk).update(last_pull=attempt.row, last_seen_at=seen, **worked(source, now))
        note_met(source.server, neighbours, seen)
        note_hits(source, counters, seen)
        came_back(source, now)
    attempt.row.refresh_from_db()
    return attempt.row


def failed(attempt: Attempt, error: PullError, *, state: Pull.State = Pull.State.FAILED, tried: bool = True) -> Pull:
    """The failure is kept with what to do about it, and what follows is set; the last good snapshot stays.

    `tried` False: nobody was asked, so nothing new is known of the source.
    """
    source, row, now = attempt.source, attempt.row, attempt.now
    with attempt.publish():
        said = did_not(source, error.code, now, retry_after=error.retry_after) if tried else {}
        end(row, state, now, error_code=error.code, what=error.what, next_step=error.next_step)
        if tried:
            noted(source, {"last_pull": row, **said}, now)
    row.refresh_from_db()
    return row


def good(attempt: Attempt, came: Collected, reading: Reading, digest: str, seen: datetime) -> Pull:
    """A new snapshot of what was seen at `seen`: published in one moment with the source's pointer to it."""
    source, row, now = attempt.source, attempt.row, attempt.now
    stored = keep(reading_json.dump(replace(reading, neighbours=())))  # whom it met is kept beside it
    total = sum(lines.total for lines in reading.lines.values())
    unread = [
        {"name": u.name, "line": u.line, "text": u.text[:500], "reason": u.reason, "point": u.point}
        for u in reading.unread
    ]
    by_point = {point.name: point.unread for point in reading.points}
    points = [{**said, "unread": by_point.get(said["name"], 0)} for said in summary(reading)]
    observed = min(row.artefacts.values_list("observed_at", flat=True), default=now)
    live = source.kind not in NO_SESSION
    counters = met((*came.artefacts, *came.beside))
    begun = anew(source, reading) if counters else frozenset()
    with attempt.publish():
        snapshot = Snapshot.objects.create(
            source=source,
            server=source.server,
            pull=row,
            digest=digest,
            reading=stored,
            observed_at=min(observed, seen) if live else seen,
            tier=Snapshot.Tier.GOOD if live else Snapshot.Tier.FAIR,
            lines_total=total,
            lines_unread=sum(lines.unread for lines in reading.lines.values()),
            points=points,
            unread=unread,
            networks=networks(reading),
            published=True,
        )
        files = f"{row.artefacts.count()} files, {total} lines{f', {len(unread)} unread' if unread else ''}."
        said = f"{files}{restarted(source, came)}{as_of(seen, now)}{left_out(came.missing)}"
        end(row, Pull.State.OK, now, what=said, digest=digest, seen_at=seen, device=dict(came.device))
        Source.objects.filter(pk=source.pk).update(
            last_pull=row, last_good=snapshot, last_seen_at=seen, **worked(source, now)
        )
        note_met(source.server, reading.neighbours, seen)
        note_hits(source, counters, seen, begun)
        came_back(source, now)
    row.refresh_from_db()
    return row


def abandoned(job: Job) -> None:
    """The job ended without a result: its pulls end as failed with a sentence, the last good snapshots stay."""
    cancelled, now = job.state == Job.State.CANCELLED, job.finished_at or timezone.now()
    what = "The reading was cancelled." if cancelled else f"The reading failed {job.tries} times. {job.said}"
    for row in Pull.objects.filter(job=job, state__in=[Pull.State.QUEUED, Pull.State.RUNNING]).select_related("source"):
        end(row, Pull.State.FAILED, now, what=what.strip(), next_step=AGAIN)
        after = {} if cancelled else did_not(row.source, None, now)
        Source.objects.filter(pk=row.source_id).update(last_pull=row, **after)


def restarted(source: Source, came: Collected) -> str:
    """That the host was started anew since it was read last, as the end of a sentence; "" when it was not."""
    now = came.device.get(BOOT_ID, "")
    known = source.pulls.filter(published=True).exclude(device={}).order_by("-finished_at", "-pk")
    before = (known.values_list("device", flat=True).first() or {}).get(BOOT_ID, "")
    return " The host was started anew since it was read before." if now and before and now != before else ""


def as_of(seen: datetime, at: datetime) -> str:
    """How old what was read is, as the end of a sentence; "" when it is of the hour."""
    if at - seen < AN_HOUR:
        return ""
    return f" It shows the host as of {timezone.localtime(seen):%d %b %Y, %H:%M}: nothing newer has come."


def left_out(missing: Sequence[str]) -> str:
    """What did not come, as the end of a sentence; "" when nothing is missing."""
    return f" Not read: {', '.join(missing)}." if missing else ""


def end(row: Pull, state: Pull.State, at: datetime, **said: Any) -> None:
    """The pull's end."""
    Pull.objects.filter(pk=row.pk).update(state=state, finished_at=at, published=True, **said)
