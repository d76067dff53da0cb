"""The kinds of jobs of this room, and its schedules. Each schedule only enqueues, under keys that cannot double."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from compliance.actions.jobs import enqueue
from compliance.models import ChangeRecord, Job
from compliance.run import Run
from evidence.actions import compare as comparing
from evidence.actions import packs, pulls, sources, verification
from evidence.models import Comparison, Pack, Pull, Source

SETTLE = timedelta(seconds=20)  # after a reading: others of the same night are waited for
AT_LEAST = timedelta(hours=24)  # a comparison a day, whether anything was read or not: evidence grows stale by itself


def pull(run: Run) -> None:
    """Reads one source."""
    source = Source.objects.select_related("server", "last_good").get(pk=run.args["source"])
    pulls.take(source, pulls.pull_of(run, source), run=run, publish=run.finish)


def compare(run: Run) -> None:
    """Compares the whole register with all that was read."""
    comparing.sweep(timezone.now())
    comparing.compare(run=run)


def reconcile(run: Run) -> None:
    """The same: reconciliation is part of each comparison."""
    compare(run)


def verify_change(run: Run) -> None:
    """Checks whether one change was carried out as approved."""
    verification.verify(ChangeRecord.objects.get(pk=run.args["change"]), run=run)


def build_pack(run: Run) -> None:
    """Builds, signs and publishes one pack."""
    packs.build(Pack.objects.get(pk=run.args["pack"]), run=run)


def pull_abandoned(job: Job) -> None:
    """The readings the job was to bring end as failed: the source is free for the next one."""
    pulls.abandoned(job)


def pack_abandoned(job: Job) -> None:
    """The pack the job was to build ends as failed, with a sentence."""
    packs.abandoned(job)


def systems_of_pull(job: Job) -> list[int]:
    """The system whose host is read."""
    return list(Source.objects.filter(pk=job.args["source"]).values_list("server__system_id", flat=True))


def systems_of_change(job: Job) -> list[int]:
    """The system of the change, and those of the other ends."""
    rows = ChangeRecord.objects.filter(pk=job.args["change"]).values_list("system_id", "needs__system_id")
    return sorted({key for row in rows for key in row if key})


def systems_of_pack(job: Job) -> list[int]:
    """The systems a pack is about."""
    return list(Pack.objects.filter(pk=job.args["pack"]).values_list("systems", flat=True))


def due_pulls(now: datetime) -> None:
    """One reading a source and interval."""
    rows = Source.objects.filter(enabled=True).exclude(kind=Source.Kind.UPLOAD)
    for source in rows:
        slot = int(now.timestamp() // (source.every_minutes * 60))
        key = f"pull:{source.pk}:slot:{source.every_minutes}:{slot}"
        waiting = Pull.objects.filter(source=source, state__in=[Pull.State.QUEUED, Pull.State.RUNNING]).exists()
        recent = source.last_pull and source.last_pull.finished_at
        if waiting or (recent and now - recent < timedelta(minutes=source.every_minutes)):
            continue
        with transaction.atomic():
            if not Pull.objects.filter(job__key=key).exists():
                sources.ask(source, by=None, at=now, key=key)


def due_comparisons(now: datetime) -> None:
    """After readings have settled, and at least once a day."""
    newest = Pull.objects.filter(published=True, finished_at__lte=now - SETTLE).order_by("-finished_at").first()
    last = Comparison.objects.filter(published=True).first()
    read_at = newest.finished_at if newest else None
    if newest is None or read_at is None or (last and last.at >= read_at and now - last.at < AT_LEAST):
        return
    if Pull.objects.filter(state__in=[Pull.State.QUEUED, Pull.State.RUNNING]).exists() and last:
        return
    with transaction.atomic():
        enqueue("compare", key=f"compare:{newest.pk}:{now:%Y-%m-%d}", args={})


def due_packs(now: datetime) -> None:
    """The pack of the month that ended."""
    packs.due(now)
