"""Work that is never lost and never doubled: jobs as rows, claimed by a conditional update, held by a lease.

The database is the truth. Losing a worker costs one lease (settings.JOB_LEASE_S), losing the broker costs a delay.
"""

from __future__ import annotations

import secrets
import traceback
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone
from django.utils.module_loading import import_string

from compliance.errors import Cancelled, Later, Lost, Refused
from compliance.ledger.context import Origin, done_from
from compliance.models import Job, User
from compliance.models.jobs import fresh_token
from compliance.permissions import check
from compliance.run import Run, beating, lease_end

State = Job.State
ERROR_KEPT: Final = 4000  # characters of a traceback that the row keeps: the end says most
LONGEST_WAIT_S: Final = 300.0
_chance = secrets.SystemRandom()


def enqueue(
    kind: str, *, key: str, args: dict[str, Any], run_at: datetime | None = None, by: User | None = None
) -> Job:
    """A job to be done at `run_at` (default now). The same key is the same work: it gives the row that is there.

    Called in the transaction that makes the work necessary, so that both are kept, or neither.
    """
    if kind not in settings.JOB_KINDS:
        raise LookupError(f"no such kind of job: {kind}")
    row, _ = Job.objects.get_or_create(
        key=key, defaults={"kind": kind, "args": args, "run_at": run_at or timezone.now(), "requested_by": by}
    )
    return row


def enqueue_all(kind: str, wanted: Mapping[str, dict[str, Any]]) -> None:
    """Several jobs of one kind to be done now, by their keys: what is there already stays as it is."""
    if kind not in settings.JOB_KINDS:
        raise LookupError(f"no such kind of job: {kind}")
    there, now = set(Job.objects.filter(key__in=list(wanted)).values_list("key", flat=True)), timezone.now()
    rows = [Job(key=key, kind=kind, args=args, run_at=now) for key, args in wanted.items() if key not in there]
    Job.objects.bulk_create(rows, ignore_conflicts=True)


def claim(now: datetime, *, only: int | None = None) -> Job | None:
    """The next due job, leased to the caller under a fresh token; None when there is none (or `only` is not free)."""
    due = Job.objects.filter(state=State.QUEUED, run_at__lte=now).order_by("run_at", "pk")
    for key in [only] if only is not None else due.values_list("pk", flat=True)[:50]:
        taken = Job.objects.filter(pk=key, state=State.QUEUED, run_at__lte=now).update(
            state=State.RUNNING,
            token=fresh_token(),
            lease_until=lease_end(now),
            tries=F("tries") + 1,
            step="",
            done=0,
            of=0,
        )
        if taken:
            return Job.objects.get(pk=key)
    return None


def run_job(job_id: int, *, now: datetime | None = None) -> bool:
    """Claims one job and does it. True when it is done now; False when another has it, it waits, or was cancelled.

    An error puts the job back with a pause (or gives it up after JOB_MAX_TRIES) and goes on to the caller.
    """
    job = claim(now or timezone.now(), only=job_id)
    if job is None:
        return False
    run = Run(job)
    try:
        with beating(job), done_from(Origin("job", job.key[:120])):
            work = import_string(settings.JOB_KINDS[job.kind])
            work(run)
        if not run.finished:
            with run.finish():
                pass
    except Lost:
        return False
    except Later as waits:
        put_off(job, waits)
        return False
    except Cancelled:
        abandon(_mine(job), State.CANCELLED, timezone.now())
        return False
    except BaseException:
        give_back(job, traceback.format_exc(), timezone.now())
        raise
    return True


def give_back(job: Job, error: str, now: datetime) -> None:
    """After an error: once more after a pause, or dead after the last try. Nothing when the lease is not ours."""
    said = error.strip()[-ERROR_KEPT:]
    told = f"{said.splitlines()[-1] if said else ''}\n{said}"
    if job.tries >= settings.JOB_MAX_TRIES:
        abandon(_mine(job), State.DEAD, now, last_error=told)
        return
    again = now + timedelta(seconds=pause(job.tries))
    _mine(job).update(
        state=State.QUEUED, run_at=again, lease_until=None, token=None, dispatched_at=None, last_error=told
    )


def put_off(job: Job, waits: Later) -> None:
    """The job waits for its turn, and what it waits for is said. Nothing when the lease is not ours."""
    _mine(job).update(
        state=State.QUEUED, run_at=waits.at, lease_until=None, token=None, dispatched_at=None, tries=F("tries") - 1,
        step=waits.because[:200],
    )  # fmt: skip


def abandon(rows: QuerySet[Job], state: str, now: datetime, **said: Any) -> int:
    """Ends these jobs without what they were to bring, and says so where it is waited for, in one transaction each.

    settings.JOB_ABANDONED names, by kind, who is told. Gives how many jobs ended.
    """
    gone = 0
    for key in list(rows.values_list("pk", flat=True)):
        with transaction.atomic():
            if not rows.filter(pk=key).update(state=state, finished_at=now, lease_until=None, token=None, **said):
                continue  # somebody was quicker
            job = Job.objects.get(pk=key)
            if job.kind in settings.JOB_ABANDONED:
                import_string(settings.JOB_ABANDONED[job.kind])(job)
            gone += 1
    return gone


def pause(tries: int) -> float:
    """Seconds until the next try: twice as long each time up to five minutes, give or take half of it."""
    return float(min(2.0**tries, LONGEST_WAIT_S) * _chance.uniform(0.5, 1.5))


def free_lost(now: datetime) -> int:
    """Jobs whose worker has not been heard of for a lease wait again, or are given up. Gives how many."""
    silent = Job.objects.filter(state=State.RUNNING, lease_until__lt=now)
    told = "Its worker stopped in the middle and was not heard of again."
    again = silent.filter(cancel_asked=False, tries__lt=settings.JOB_MAX_TRIES)
    gone = again.update(state=State.QUEUED, token=None, lease_until=None, dispatched_at=None, last_error=told)
    gone += abandon(silent.filter(cancel_asked=True), State.CANCELLED, now)
    return gone + abandon(silent.filter(cancel_asked=False), State.DEAD, now, last_error=told)


def due(now: datetime, *, most: int = 100) -> list[tuple[int, str]]:
    """The due jobs (id, kind) that a worker should be told of now: each once in a lease, so that none is flooded."""
    again = now - timedelta(seconds=settings.JOB_LEASE_S)
    fresh = Q(dispatched_at__isnull=True) | Q(dispatched_at__lt=again)
    waiting = Job.objects.filter(fresh, state=State.QUEUED, run_at__lte=now).order_by("run_at", "pk")
    rows = list(waiting.values_list("pk", "kind")[:most])
    told = Job.objects.filter(fresh, state=State.QUEUED)
    return [(key, kind) for key, kind in rows if told.filter(pk=key).update(dispatched_at=now)]


def work_off(*, now: datetime | None = None, most: int = 1000) -> int:
    """Does due jobs in this process, one after another, until none is left. Gives how many. An error goes on."""
    for number in range(most):
        moment = now or timezone.now()
        first = Job.objects.filter(state=State.QUEUED, run_at__lte=moment).order_by("run_at", "pk").first()
        if first is None:
            return number
        run_job(first.pk, now=moment)
    return most


def cancel(job: Job, *, by: User) -> Job:
    """A waiting job is cancelled at once; a running one stops at its next step. Who asked may, or an operator."""
    if job.requested_by_id != by.pk:
        check(by, "cancel_job", job)
    with transaction.atomic():
        waiting = Job.objects.filter(pk=job.pk, state=State.QUEUED)
        asked = abandon(waiting, State.CANCELLED, timezone.now(), cancel_asked=True)
        asked = asked or Job.objects.filter(pk=job.pk, state=State.RUNNING).update(cancel_asked=True)
    job.refresh_from_db()
    if not asked and job.state != State.CANCELLED:
        raise Refused("There is nothing to cancel.", f"The job is {job.get_state_display().lower()} already.")
    return job


def _mine(job: Job) -> QuerySet[Job]:
    """The row, as long as it is still this claim's."""
    return Job.objects.filter(pk=job.pk, token=job.token, state=State.RUNNING)
