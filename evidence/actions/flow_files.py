"""The files of flow logs: keeping what came, and rolling each up in a job of its own.

Nothing counts twice: the same bytes are one row, a digest of the rolled-up records tells the same log packed anew, and
a version that holds all of an earlier one takes its place. Nothing is lost: the bytes are kept before anything reads
them, days are written under names made of those bytes, and a row counts from one short, fenced moment on.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final, NamedTuple

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from compliance.actions.jobs import enqueue
from compliance.errors import Later
from compliance.models import Job
from compliance.run import Run
from evidence.artefacts import keep_file, place_of
from evidence.flowlogs.child import Brought, rolled_in_child
from evidence.flowlogs.days import live_path
from evidence.models import FlowDay, FlowFile, FlowGap, FlowLog, FlowPull, StoredArtefact
from evidence.rules import FormatError

State = FlowFile.State
HEAD_BYTES: Final = 256  # two versions of one file that grows begin alike
EPOCH: Final = date(1970, 1, 1)
BATCH: Final = 500
SOON: Final = timedelta(seconds=1)
DAMAGED: Final = "Restore its bytes from a backup, then read it again."


class Kept(NamedTuple):
    """The bytes of an object, on the disk. `head`: the digest of their beginning."""

    name: str
    stored: StoredArtefact
    head: str


class Noted(NamedTuple):
    """A file that came. `new`: its bytes were not here yet."""

    file: FlowFile
    new: bool


def incoming() -> Path:
    """Where objects lie while they are fetched: on the same disk as what is kept."""
    return _folder("incoming")


def days_folder() -> Path:
    """Where the days lie that files were rolled up to."""
    return _folder("days")


def results_folder() -> Path:
    """Where the results of whole days lie."""
    return _folder("results")


def _folder(name: str) -> Path:
    place = Path(settings.FLOWS) / name
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    return place


def place_of_day(row: FlowDay) -> Path:
    """The Parquet of one day of one file, by the bytes it was made of."""
    return day_path((row.day - EPOCH).days, row.file.stored.sha256)


def day_path(day: int, sha256: str) -> Path:
    """The same by the day since 1970, as `evidence.flowlogs.rollup` names it."""
    return days_folder() / f"{day}-{sha256[:32]}.parquet"


def keep(name: str, path: Path) -> Kept:
    """Keeps the bytes at `path`, which is moved, before anything reads them."""
    with path.open("rb") as source:
        head = hashlib.sha256(source.read(HEAD_BYTES)).hexdigest()
    return Kept(name[:1024], keep_file(path), head)


def note(pull: FlowPull, kept: Kept, *, mark: str, received: datetime, at: datetime) -> Noted:
    """The file's row, and the job that reads it where its bytes were not here yet."""
    with transaction.atomic():
        file, new = FlowFile.objects.get_or_create(
            log=pull.log, stored=kept.stored,
            defaults={"pull": pull, "name": kept.name, "mark": mark[:200], "head": kept.head,
                      "received_at": min(received, at), "kept_at": at},
        )  # fmt: skip
        if new:
            file.job = enqueue("roll_up_flows", key=f"roll_up_flows:{file.pk}", args={"file": file.pk}, by=pull.by)
            file.save(update_fields=["job"])
        elif mark and (file.name, file.mark) != (kept.name, mark[:200]):
            # renamed, or touched: known under what it is called now, so that it is not fetched each time
            FlowFile.objects.filter(pk=file.pk).update(name=kept.name, mark=mark[:200])
    return Noted(file, new)


def roll_up(file: FlowFile, *, run: Run, at: datetime | None = None) -> FlowFile:
    """Reads one file and publishes its days. A file nobody understands ends in its row, not in an error."""
    if file.state != State.WAITING:  # a second job for the same file has nothing to do
        return file
    run.step(f"Reading {file.name[:150]}")
    seen = {row.pk: [place_of_day(day) for day in row.days.all()] for row in versions(file)}
    there = {key: [path for path in days if path.exists()] for key, days in seen.items()}
    try:
        brought = rolled_in_child(
            place_of(file.stored.sha256), days_folder(), name=file.name,
            received=int(file.received_at.timestamp()),
            others={key: days for key, days in there.items() if days}, scratch=incoming(),
        )  # fmt: skip
    except FormatError as error:
        why = error.why[:1].upper() + error.why[1:]
        return _ended(file, State.REFUSED, run, at, what=f"{error.what}: {why}.", next_step=error.next_step)
    if brought.rolled.sha256 != file.stored.sha256:
        what = f"The kept bytes of {file.name} were altered: they do not have the digest any more that they came with."
        return _ended(file, State.FAILED, run, at, what=what, next_step=DAMAGED)
    return _published(file, brought, frozenset(seen), run, at or timezone.now())


def versions(file: FlowFile) -> QuerySet[FlowFile]:
    """What is read already and may be another version of the file: the same object, or one that begins alike."""
    rows = FlowFile.objects.filter(log=file.log_id, state=State.READ).filter(Q(name=file.name) | Q(head=file.head))
    return rows.exclude(pk=file.pk).select_related("stored").prefetch_related("days__file__stored")


def _published(file: FlowFile, brought: Brought, seen: frozenset[int], run: Run, at: datetime) -> FlowFile:
    """In one fenced moment the file counts, and what it takes the place of does not any more."""
    rolled = brought.rolled
    with run.finish():
        FlowLog.objects.select_for_update().get(pk=file.log_id)  # one file of a log after another
        if set(versions(file).values_list("pk", flat=True)) - seen:
            raise Later(timezone.now() + SOON, "Another version of it was read meanwhile")
        twin = FlowFile.objects.filter(state=State.READ, alike=rolled.alike).exclude(pk=file.pk).first()
        held_by = FlowFile.objects.filter(pk__in=brought.held_by, state=State.READ).first()
        same = (twin if rolled.records else None) or held_by
        FlowDay.objects.filter(file=file).delete()
        FlowGap.objects.filter(file=file).delete()
        state = State.AGAIN if twin and same == twin else State.REPLACED if same else State.READ
        if state == State.READ:
            FlowFile.objects.filter(pk__in=brought.holds, state=State.READ).update(state=State.REPLACED, same_as=file)
            _days(file, brought)
        hours = [day * 24 + bit for day, bits in brought.hours.items() for bit in range(24) if bits >> bit & 1]
        FlowFile.objects.filter(pk=file.pk).update(
            state=state, same_as=same, read_at=at, format=rolled.format,
            alike=rolled.alike if rolled.records else "", records=rolled.records,
            lines_total=rolled.lines.total, lines_ignored=rolled.lines.ignored, lines_unread=rolled.lines.unread,
            unread=[{"line": one.line, "text": one.text, "reason": one.reason} for one in rolled.unread],
            unknown=list(rolled.unknown), first_at=moment(min(hours)) if hours else None,
            last_at=moment(max(hours)) if hours else None, what="", next_step="",
        )  # fmt: skip
    if not FlowFile.objects.filter(stored=file.stored, state=State.READ).exists():  # of another flow log it may be read
        for day in brought.hours:
            day_path(day, rolled.sha256).unlink(missing_ok=True)
            live_path(days_folder(), day, rolled.sha256).unlink(missing_ok=True)
    file.refresh_from_db()
    return file


def _days(file: FlowFile, brought: Brought) -> None:
    rows = []
    for day, bits in sorted(brought.hours.items()):
        path = brought.rolled.days.get(day)
        rows.append(
            FlowDay(
                file=file, day=EPOCH + timedelta(days=day), hours=bits, rows=path is not None,
                size=path.stat().st_size if path else 0,
            )
        )  # fmt: skip
    FlowDay.objects.bulk_create(rows, batch_size=BATCH)
    gaps = [
        FlowGap(
            file=file, kind=gap.kind, sensor=gap.sensor[:200], first_hour=gap.first_hour, last_hour=gap.last_hour,
            records=gap.records, because=gap.because,
        )
        for gap in brought.rolled.gaps
        if gap.kind != "nodata"  # that is no gap: those hours stand with the days, place by place
    ]  # fmt: skip
    FlowGap.objects.bulk_create(gaps, batch_size=BATCH)


def moment(hour: int) -> datetime:
    """The beginning of an hour since 1970."""
    return datetime.fromtimestamp(hour * 3600, UTC)


def _ended(
    file: FlowFile, state: FlowFile.State, run: Run, at: datetime | None, *, what: str, next_step: str
) -> FlowFile:
    """It is not used, and says why. Its bytes stay, and what was read before stays."""
    with run.finish():
        FlowFile.objects.filter(pk=file.pk).update(
            state=state, what=what, next_step=next_step, read_at=at or timezone.now()
        )
    file.refresh_from_db()
    return file


def abandoned(job: Job) -> None:
    """The job ended without a result: so does the file, with a sentence. Its bytes stay kept."""
    cancelled = job.state == Job.State.CANCELLED
    what = "The reading was cancelled." if cancelled else f"The reading failed {job.tries} times. {job.said}"
    now = job.finished_at or timezone.now()
    FlowFile.objects.filter(job=job, state=State.WAITING).update(
        state=State.FAILED, what=what.strip(), next_step="Read it again from its page.", read_at=now
    )
