"""Jobs: enqueue with the business change, claim by conditional update, run, give back, give up."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import DatabaseError, transaction
from django.db.models import F, Q
from django.utils import timezone
from django.utils.module_loading import import_string

from compliance.errors import Cancelled, Lost, Refused
from compliance.models import Job, User
from compliance.models.jobs import fresh_token
from compliance.permissions import check
from compliance.run import Run

log = logging.getLogger(__name__)
FIRST_WAIT_S = 5
LONGEST_WAIT_S = 900


def enqueue(
    kind: str, *, key: str, args: dict[str, Any], run_at: datetime | None = None, by: User | None = None
) -> Job:
    """A row for work to be done, inside the caller's transaction. The same key is the same work: its row is returned."""
    if kind not in settings.JOB_KINDS:
        raise KeyError(f"{kind} is no kind of job: settings.JOB_KINDS has {', '.join(sorted(settings.JOB_KINDS))}")
    with transaction.atomic():
        job, fresh = Job.objects.get_or_create(
            key=key, defaults={"kind": kind, "args": args, "run_at": run_at or timezone.now(), "requested_by": by}
        )
    if fresh:
        transaction.on_commit(lambda: call(job.pk))
    return job


def call(number: int) -> None:
    """Rings for a worker. When nobody hears it, the next tick does: losing the broker is a delay, never a loss."""
    if not settings.JOBS_RING:
        return
    from kombu.exceptions import OperationalError
    from redis.exceptions import RedisError

    from compliance.tasks import run_job as task

    try:
        task.apply_async((number,), retry=False)
    except (OperationalError, RedisError, OSError) as error:
        log.warning("job %s waits for the next tick: the broker does not answer (%s)", number, error)


def due(now: datetime) -> Q:
    """What may be claimed: waiting and due, or held by a worker whose lease ran out."""
    waiting = Q(state=Job.State.QUEUED, run_at__lte=now)
    return waiting | Q(state=Job.State.RUNNING, lease_until__lt=now)


def claim(now: datetime | None = None, *, number: int | None = None) -> Job | None:
    """Takes one due job (or that one) by a conditional update: two workers never hold the same claim."""
    moment = now or timezone.now()
    rows = Job.objects.filter(due(moment))
    rows = rows.filter(pk=number) if number is not None else rows.order_by("run_at", "pk")
    for job in rows[:5]:
        token = fresh_token()
        lease = moment + timedelta(seconds=settings.JOB_LEASE_S)
        taken = Job.objects.filter(due(moment), pk=job.pk, token=job.token).update(
            state=Job.State.RUNNING, token=token, lease_until=lease, tries=F("tries") + 1
        )
        if taken:
            return Job.objects.get(pk=job.pk)
    return None


def run_job(number: int) -> bool:
    """Claims and runs one job. True when it ran to its end here; False when it was not ours to run, or failed."""
    job = claim(number=number)
    return job is not None and carry_out(job)


def carry_out(job: Job) -> bool:
    """Runs a claimed job. A failure gives it back for later, with jitter; after JOB_MAX_TRIES it is given up."""
    work: Callable[[Run], None] = import_string(settings.JOB_KINDS[job.kind])
    run = Run(job)
    if job.tries > settings.JOB_MAX_TRIES:
        give_up(run, job.last_error or "It was begun too often and never ended: its worker dies each time.")
        return False
    try:
        work(run)
    except Lost:
        log.info("%s was taken over by another worker", job.key)
        return False
    except Cancelled:
        held(run).update(state=Job.State.CANCELLED, finished_at=timezone.now(), lease_until=None)
        return False
    except FAILURES as error:
        failed(run, error)
        return False
    return Job.objects.filter(pk=job.pk, state=Job.State.DONE, token=run.token).exists() or close(run)


# What a job may fail with and be tried again. A programming error (NameError, TypeError …) is among them on purpose:
# the job must not stay "running" for ever; it is logged with its traceback.
FAILURES = (Refused, DatabaseError, OSError, ValueError, ArithmeticError, LookupError, RuntimeError, TypeError, AttributeError, NameError, AssertionError)


def close(run: Run) -> bool:
    """A job that had nothing to publish is done as well."""
    with run.finish():
        pass
    return True


def held(run: Run) -> Any:
    """The job's row as long as this claim holds it."""
    return Job.objects.filter(pk=run.job.pk, token=run.token, state=Job.State.RUNNING)


def failed(run: Run, error: BaseException) -> None:
    """Back into the queue with a growing, uneven wait; or given up."""
    log.warning("%s failed at try %s", run.job.key, run.job.tries, exc_info=error)
    said = str(error) or type(error).__name__
    if run.job.tries >= settings.JOB_MAX_TRIES:
        give_up(run, said)
        return
    wait = min(FIRST_WAIT_S * 2 ** (run.job.tries - 1), LONGEST_WAIT_S) * random.uniform(0.5, 1.5)  # noqa: S311 - spreads retries
    later = timezone.now() + timedelta(seconds=wait)
    held(run).update(state=Job.State.QUEUED, run_at=later, lease_until=None, last_error=said[:2000])


def give_up(run: Run, said: str) -> None:
    """Dead: a person looks at it. Its row stays, with the last error."""
    held(run).update(state=Job.State.DEAD, finished_at=timezone.now(), lease_until=None, last_error=said[:2000])


def cancel(job: Job, *, by: User) -> Job:
    """Asks a job to stop: one that waits is cancelled at once, one that runs stops at its next step."""
    if job.requested_by_id != by.pk:
        check(by, "see_jobs", job)
    Job.objects.filter(pk=job.pk).update(cancel_asked=True)
    Job.objects.filter(pk=job.pk, state=Job.State.QUEUED).update(
        state=Job.State.CANCELLED, finished_at=timezone.now()
    )
    job.refresh_from_db()
    return job


def tick(now: datetime | None = None) -> list[int]:
    """Every two seconds: what the schedules want is enqueued, and what is due is rung for. Twice at once does no harm."""
    moment = now or timezone.now()
    for dotted in settings.SCHEDULES:
        import_string(dotted)(moment)
    return list(Job.objects.filter(due(moment)).order_by("run_at", "pk").values_list("pk", flat=True)[:100])


def work_off(limit: int = 1000, *, now: datetime | None = None) -> int:
    """Runs due jobs in this process, one after another, until none is left. Gives how many ended well."""
    done = 0
    for _ in range(limit):
        job = claim(now)
        if job is None:
            break
        done += carry_out(job)
    return done
