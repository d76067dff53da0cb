"""The kinds of jobs of this room, and its schedules. Each schedule only enqueues, under keys that cannot double."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from compliance.actions.jobs import enqueue
from compliance.errors import Later
from compliance.models import ChangeRecord, Delivery, Job
from compliance.run import Run
from evidence.actions import compare as comparing
from evidence.actions import (
    delivering,
    inventories,
    inventory_reading,
    pack_pieces,
    packs,
    pulls,
    sheet_runs,
    sources,
    testing,
    tickets,
    verification,
)
from evidence.models import Comparison, FlowFile, Inventory, InventoryReading, Pack, Pull, SheetRun, Source, SourceTest

SETTLE = timedelta(seconds=20)  # after a reading: others of the same night are waited for
SOON = timedelta(seconds=5)
FLOWS_EVERY = timedelta(hours=1)  # files of flow logs come all the time
AT_LEAST = timedelta(hours=24)  # a comparison a day, whether anything was read or not: evidence grows stale by itself


def pull(run: Run) -> None:
    """Reads one source. Those that failed the last time never hold more than half of the places."""
    source = Source.objects.select_related("server", "last_pull", "last_good").get(pk=run.args["source"])
    if source.failures and doubtful(source, run) >= max(settings.PULL_SLOTS // 2, 1):
        raise Later(timezone.now() + SOON, "Waiting behind sources that answered the last time")
    pulls.take(source, pulls.pull_of(run, source), run=run, publish=run.finish)


def doubtful(source: Source, run: Run) -> int:
    """How many sources that failed the last time are being read now."""
    running = Job.objects.filter(kind=run.job.kind, state=Job.State.RUNNING).exclude(pk=run.job.pk)
    return Pull.objects.filter(job__in=running, source__failures__gt=0).exclude(source=source).count()


def run_sheet(run: Run) -> None:
    """Runs a test sheet on one host over SSH."""
    row = SheetRun.objects.select_related("sheet", "server", "source", "asked_by").get(pk=run.args["run"])
    sheet_runs.run(row, run=run)


def sheet_abandoned(job: Job) -> None:
    """The run ended without an answer, and says so."""
    sheet_runs.abandoned(job)


def systems_of_sheet(job: Job) -> list[int]:
    """The system whose hosts are tried."""
    return list(SheetRun.objects.filter(pk=job.args["run"]).values_list("sheet__system_id", flat=True))


def read_inventory(run: Run) -> None:
    """Reads one inventory that somebody else keeps."""
    inventory = Inventory.objects.select_related("last_good", "system").get(pk=run.args["inventory"])
    row = InventoryReading.objects.select_related("stored", "accepts").get(pk=run.args["reading"])
    inventory_reading.take(inventory, row, run=run)


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


def set_pages(run: Run) -> None:
    """Some pages of one pack whose lists are printed."""
    pack_pieces.make(run)


def pull_abandoned(job: Job) -> None:
    """The readings the job was to bring end as failed: the source is free for the next one."""
    pulls.abandoned(job)


def test_source(run: Run) -> None:
    """Tries whether a source can be reached."""
    testing.test(SourceTest.objects.select_related("source__server").get(job=run.job), run=run)


def test_abandoned(job: Job) -> None:
    """The try ended without an answer, and says so."""
    testing.abandoned(job)


def inventory_abandoned(job: Job) -> None:
    """The reading ends as failed: the inventory is free for the next one."""
    inventory_reading.abandoned(job)


def pack_abandoned(job: Job) -> None:
    """The pack the job was to build ends as failed, with a sentence."""
    packs.abandoned(job)


def pages_abandoned(job: Job) -> None:
    """The pack whose pages they were ends as failed, with a sentence."""
    pack_pieces.abandoned(job)


def deliver(run: Run) -> None:
    """One message to one receiver: one try."""
    delivering.attempt(Delivery.objects.select_related("receiver").get(pk=run.args["delivery"]), run=run)


def read_tickets(run: Run) -> None:
    """What the ticket system says of the tickets that are due."""
    tickets.read_all(run)


def delivery_abandoned(job: Job) -> None:
    """The message was given up with its job, and says so."""
    delivering.abandoned(job)


def systems_of_pull(job: Job) -> list[int]:
    """The system whose host is read."""
    return list(Source.objects.filter(pk=job.args["source"]).values_list("server__system_id", flat=True))


def systems_of_inventory(job: Job) -> list[int]:
    """The system whose inventory it is."""
    return list(Inventory.objects.filter(pk=job.args["inventory"]).values_list("system_id", flat=True))


def systems_of_change(job: Job) -> list[int]:
    """The system of the change, and those of the other ends."""
    rows = ChangeRecord.objects.filter(pk=job.args["change"]).values_list("system_id", "needs__system_id")
    return sorted({key for row in rows for key in row if key})


def systems_of_pack(job: Job) -> list[int]:
    """The systems a pack is about."""
    return list(Pack.objects.filter(pk=job.args["pack"]).values_list("systems", flat=True))


def due_pulls(now: datetime) -> None:
    """The readings whose time has come, each once."""
    sources.due(now)


def due_inventories(now: datetime) -> None:
    """One reading an inventory with a folder and interval."""
    for row in Inventory.objects.exclude(config={}).select_related("last_reading"):
        recent = row.last_reading and row.last_reading.finished_at
        waiting = row.readings.filter(state__in=inventories.WAITING).exists()
        if waiting or (recent and now - recent < timedelta(minutes=row.every_minutes)):
            continue
        slot = int(now.timestamp() // (row.every_minutes * 60))
        key = f"read_inventory:{row.pk}:slot:{row.every_minutes}:{slot}"
        with transaction.atomic():
            if not InventoryReading.objects.filter(job__key=key).exists():
                inventories.ask(row, by=None, at=now, key=key)


def due_comparisons(now: datetime) -> None:
    """After readings have settled, and at least once a day."""
    newest = Pull.objects.filter(published=True, finished_at__lte=now - SETTLE).order_by("-finished_at").first()
    last = Comparison.objects.filter(published=True).first()
    listed = InventoryReading.objects.filter(finished_at__lte=now - SETTLE).order_by("-finished_at").first()
    read_at = max((one.finished_at for one in (newest, listed) if one and one.finished_at), default=None)
    telling = FlowFile.objects.filter(state__in=[FlowFile.State.READ, FlowFile.State.ASIDE])
    flows = telling.filter(read_at__lte=now - SETTLE).order_by("-read_at").first()
    fresh = bool(flows and last and flows.read_at and flows.read_at > last.at and now - last.at >= FLOWS_EVERY)
    if (newest is None or read_at is None) and flows is None:
        return
    if last and not fresh and (read_at is None or last.at >= read_at) and now - last.at < AT_LEAST:
        return
    if Pull.objects.filter(state__in=[Pull.State.QUEUED, Pull.State.RUNNING]).exists() and last:
        return
    with transaction.atomic():
        of_flows = f"-f{flows.pk}:{now:%H}" if fresh and flows else ""
        listed_key = f"-{listed.pk}" if listed else ""
        key = f"compare:{newest.pk if newest else 0}{listed_key}{of_flows}:{now:%Y-%m-%d}"
        enqueue("compare", key=key, args={})


def due_packs(now: datetime) -> None:
    """The pack of the month that ended."""
    packs.due(now)
