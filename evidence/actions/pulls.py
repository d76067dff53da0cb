"""Reading a source: the bytes are kept first, parsed second, and published in one short moment.

A failed, partial or shrunken pull never takes the place of the last good snapshot; an unchanged one is a heartbeat.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from compliance.errors import Lost
from compliance.models import Job
from compliance.run import Run
from evidence import reading_json
from evidence.actions import smaller
from evidence.artefacts import keep, read_back
from evidence.collectors.collected import PullError
from evidence.collectors.table import collect
from evidence.formats.table import detect
from evidence.models import ErrorCode, Pull, PulledArtefact, Snapshot, Source
from evidence.parse import read_in_child
from evidence.points import summary
from evidence.rules import Artefact, FormatError, Reading

PULL_S = 300.0  # the longest one host may take
# What changes by itself between two dumps of the same rules: times, counters, address lifetimes.
VOLATILE = re.compile(
    rb"^# (?:Generated|Completed).*$|\[\d+:\d+\]|\"(?:packets|bytes|valid_life_time|preferred_life_time)\": ?\d+",
    re.MULTILINE,
)
AN_HOUR = timedelta(hours=1)  # what collectors take to bring files is no age
# Whom a host met changes by the minute and says nothing about its rules: the same rules beside it are unchanged.
IN_PASSING = frozenset({"ip-neigh"})
AGAIN = "Read it again; if it fails the same way, run ./run doctor."
FIRST_WORDS = {"truncat": ErrorCode.TRUNCATED, "cut": ErrorCode.TRUNCATED, "empty": ErrorCode.EMPTY}
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


def take(source: Source, row: Pull, *, run: Run, publish: Publish, at: datetime | None = None) -> Pull:
    """Reads a source into `row` and publishes what came of it. A failing source ends in the row, not in an error."""
    moment = seen = at or timezone.now()
    if row.accepts:
        if smaller.refused(source) != row.accepts:
            gone = "Another reading came in between: nothing was accepted."
            return failed(source, row, publish, moment, ErrorCode.UNEXPECTED_SHRINK, gone, "Look at the last reading.")
        seen = row.accepts.finished_at or moment  # what it shows is as old as it was
    Pull.objects.filter(pk=row.pk).update(state=Pull.State.RUNNING, token=run.token)
    try:
        run.step(f"Reading {source.name}")
        artefacts, complete, missing, shown = brought(source, row, moment)
        seen = min(seen, shown or seen)
        digest = digest_of(artefacts)
        if complete and source.last_good and source.last_good.digest == digest:
            return unchanged(source, row, publish, moment, seen, missing)
        refuse_empty(artefacts)
        run.step(f"Understanding {source.name}")
        reading = read_in_child(artefacts)
        if complete and not row.accepts:
            smaller.refuse(source, row, reading)
    except PullError as error:
        return failed(source, row, publish, moment, error.code, error.what, error.next_step)
    except FormatError as error:
        said = error.why[:1].upper() + error.why[1:]
        return failed(source, row, publish, moment, code_of(error), f"{error.what}: {said}.", error.next_step)
    if not complete:
        what = f"Some of what was asked for did not come: {', '.join(missing)}."
        return failed(
            source, row, publish, moment, ErrorCode.PERMISSION, what, "Give the right to run it.", Pull.State.PARTIAL
        )
    return good(source, row, publish, moment, seen, digest, reading, missing)


def brought(
    source: Source, row: Pull, at: datetime
) -> tuple[tuple[Artefact, ...], bool, tuple[str, ...], datetime | None]:
    """The artefacts of this pull, kept, whether all came, what did not, and the moment they speak for if not now.

    An upload's were kept when a person brought them, an accepted one's before.
    """
    if source.kind == Source.Kind.UPLOAD or row.accepts:
        rows = row.artefacts.select_related("stored").order_by("pk")
        kept = tuple(Artefact(each.name, read_back(each.stored), each.command, each.observed_at) for each in rows)
        if not kept:
            raise PullError(ErrorCode.EMPTY, "No file was brought.", "Upload the dumps of the host.")
        return kept, True, (), None
    collected = collect(source.kind, source.config, secret=None, since=None, deadline=time.monotonic() + PULL_S)
    stored = [(artefact, keep(artefact.content)) for artefact in collected.artefacts]
    with transaction.atomic():
        PulledArtefact.objects.filter(pull=row).delete()  # of an attempt that was killed: its bytes stay kept
        PulledArtefact.objects.bulk_create(
            PulledArtefact(
                pull=row,
                stored=kept,
                name=artefact.name[:200],
                command=artefact.command[:300],
                observed_at=artefact.observed_at or at,
                format=format_of(artefact),
            )
            for artefact, kept in stored
        )
    return collected.artefacts, collected.complete, collected.missing, collected.seen_at


def format_of(artefact: Artefact) -> str:
    """The format by which a file will be read; "" for one that none of them knows."""
    try:
        return str(detect(artefact).NAME)
    except FormatError:
        return ""


def digest_of(artefacts: Sequence[Artefact]) -> str:
    """SHA-256 over names and contents without counters, times and neighbours, which say nothing about the rules."""
    whole = hashlib.sha256()
    lasting = [each for each in artefacts if format_of(each) not in IN_PASSING]
    for artefact in sorted(lasting, key=lambda each: each.name):
        said = VOLATILE.sub(b"", artefact.content)
        whole.update(f"{artefact.name}\0{artefact.command}\0{len(said)}\0".encode())
        whole.update(said)
    return whole.hexdigest()


def refuse_empty(artefacts: Sequence[Artefact]) -> None:
    """Files without a byte say nothing, and nothing is not "no rules"."""
    if not any(artefact.content for artefact in artefacts):
        raise PullError(ErrorCode.EMPTY, "Every file is empty.", "Look at what writes the dumps.")


def code_of(error: FormatError) -> ErrorCode:
    """Truncated and empty dumps have codes of their own."""
    said = f"{error.what} {error.why}".lower()
    return next((code for word, code in FIRST_WORDS.items() if word in said), ErrorCode.PARSE)


def unchanged(
    source: Source, row: Pull, publish: Publish, at: datetime, seen: datetime, missing: Sequence[str]
) -> Pull:
    """A heartbeat: the evidence that nothing changed."""
    with publish():
        end(row, Pull.State.UNCHANGED, at, what=f"Nothing changed.{as_of(seen, at)}{left_out(missing)}")
        Source.objects.filter(pk=source.pk).update(last_pull=row, last_seen_at=seen)
    row.refresh_from_db()
    return row


def failed(
    source: Source,
    row: Pull,
    publish: Publish,
    at: datetime,
    code: ErrorCode,
    what: str,
    next_step: str,
    state: Pull.State = Pull.State.FAILED,
) -> Pull:
    """The failure is kept with what to do about it; the last good snapshot stays."""
    with publish():
        end(row, state, at, error_code=code, what=what, next_step=next_step)
        Source.objects.filter(pk=source.pk).update(last_pull=row)
    row.refresh_from_db()
    return row


def good(
    source: Source,
    row: Pull,
    publish: Publish,
    at: datetime,
    seen: datetime,
    digest: str,
    reading: Reading,
    missing: Sequence[str],
) -> Pull:
    """A new snapshot of what was seen at `seen`: published in one moment with the source's pointer to it."""
    stored = keep(reading_json.dump(reading))
    total = sum(lines.total for lines in reading.lines.values())
    unread = [
        {"name": u.name, "line": u.line, "text": u.text[:500], "reason": u.reason, "point": u.point}
        for u in reading.unread
    ]
    by_point = {point.name: point.unread for point in reading.points}
    points = [{**said, "unread": by_point.get(said["name"], 0)} for said in summary(reading)]
    observed = min(row.artefacts.values_list("observed_at", flat=True), default=at)
    with publish():
        snapshot = Snapshot.objects.create(
            source=source,
            server=source.server,
            pull=row,
            digest=digest,
            reading=stored,
            observed_at=min(observed, seen) if source.kind == Source.Kind.LOCAL else seen,
            tier=Snapshot.Tier.GOOD if source.kind == Source.Kind.LOCAL else Snapshot.Tier.FAIR,
            lines_total=total,
            lines_unread=sum(lines.unread for lines in reading.lines.values()),
            points=points,
            unread=unread,
            published=True,
        )
        files = f"{row.artefacts.count()} files, {total} lines{f', {len(unread)} unread' if unread else ''}."
        said = f"{files}{as_of(seen, at)}{left_out(missing)}"
        end(row, Pull.State.OK, at, what=said)
        Source.objects.filter(pk=source.pk).update(last_pull=row, last_good=snapshot, last_seen_at=seen)
    row.refresh_from_db()
    return row


def abandoned(job: Job) -> None:
    """The job ended without a result: its pulls end as failed with a sentence, the last good snapshots stay."""
    cancelled = job.state == Job.State.CANCELLED
    what = "The reading was cancelled." if cancelled else f"The reading failed {job.tries} times. {job.said}"
    for row in Pull.objects.filter(job=job, state__in=[Pull.State.QUEUED, Pull.State.RUNNING]):
        end(row, Pull.State.FAILED, job.finished_at or timezone.now(), what=what.strip(), next_step=AGAIN)
        Source.objects.filter(pk=row.source_id).update(last_pull=row)


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
