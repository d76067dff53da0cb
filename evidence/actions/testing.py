"""Test connection: tries to reach a source and to sign in, step by step. Nothing of it becomes evidence."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from compliance.actions.jobs import enqueue
from compliance.actions.ledger import record
from compliance.errors import Refused
from compliance.models import Job, User
from compliance.permissions import check
from compliance.run import Run
from evidence.actions import knowing
from evidence.actions.devices import talk
from evidence.actions.sources import asked_to_wait
from evidence.collectors.collected import Step
from evidence.collectors.keys import Shown
from evidence.collectors.limited import LeftBehind
from evidence.collectors.table import PROBES, probe
from evidence.collectors.way_in import way_in
from evidence.models import Source, SourceTest

Outcome = SourceTest.Outcome


def ask(source: Source, *, by: User, at: datetime | None = None) -> SourceTest:
    """A test of the connection, done by a job. A paused source is tested as well: that is how a cause is found."""
    check(by, "pull", source, at=at)
    if source.kind not in PROBES:
        raise Refused(
            f"{source.name} has no connection.", "Its files are brought by a person.", "Upload them, and look at them."
        )
    if asked_to_wait(source, at or timezone.now()):
        raise Refused(f"{source.name} was not tried.", "It asked to be left alone for a while.", "Try it later.")
    waiting = source.tests.filter(outcome=Outcome.WAITING).first()
    if waiting is not None:
        return waiting
    with transaction.atomic():
        row = SourceTest.objects.create(source=source, by=by, asked_at=at or timezone.now())
        row.job = enqueue("test_source", key=f"test_source:{row.pk}", args={"source": source.pk}, by=by)
        row.save(update_fields=["job"])
        record("test_source", source, by=by, at=at)
    return row


def test(row: SourceTest, *, run: Run) -> SourceTest:
    """Carries it out, alone with the device and within the limit of a reading. Raises Later while others talk to it."""
    source, limit = row.source, float(settings.PULL_LIMIT_S)
    strange = knowing.unknown(source)
    deadline = time.monotonic() + limit

    shown: list[Shown] = []
    way = way_in(source)

    def work() -> tuple[Step, ...]:
        if strange:
            step, key = knowing.looked(source, deadline)
            shown.extend([key] if key else [])
            return (step,)
        return probe(source.kind, way.config, held=way.held, deadline=deadline)

    def beat() -> None:
        run.step(f"Trying {source.name}")

    try:
        steps = talk(source, work, seconds=limit, began=beat, beat=beat)
    except LeftBehind:
        said = f"It was not through after {limit:g} seconds, and did not stop by itself."
        steps = (Step("Reach it", "failed", said, "Look whether the host, or the disk it lies on, still answers."),)
    with run.finish():
        publish(row, steps)
        for key in shown:
            knowing.asked_about(source, key, by=row.by)
    row.refresh_from_db()
    return row


def publish(row: SourceTest, steps: Iterable[Step]) -> None:
    """The steps and what they come to. In the caller's transaction."""
    said = [asdict(step) for step in steps]
    reached = bool(said) and all(step["outcome"] == "ok" for step in said)
    SourceTest.objects.filter(pk=row.pk).update(
        steps=said, outcome=Outcome.REACHED if reached else Outcome.FAILED, finished_at=timezone.now()
    )


def abandoned(job: Job) -> None:
    """The try ended without an answer: it says so, and another one can be asked for."""
    cancelled = job.state == Job.State.CANCELLED
    said = "It was cancelled." if cancelled else f"It failed {job.tries} times. {job.said}"
    for row in SourceTest.objects.filter(job=job, outcome=Outcome.WAITING):
        publish(row, (Step("Try it", "failed", said.strip(), "Try it again."),))
