"""What a job is given while it runs: its arguments, a way to say how far it is, and the fenced end."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import OperationalError, connection, transaction
from django.utils import timezone

from compliance.errors import Cancelled, Lost
from compliance.models import Job

log = logging.getLogger(__name__)


class Run:
    """One claim of one job. `token` marks rows that are staged but not published; they count only after `finish`."""

    def __init__(self, job: Job) -> None:
        if job.token is None:
            raise ValueError("a run needs a claimed job")
        self.job = job
        self.token = job.token
        self.args: dict[str, Any] = dict(job.args)
        self.finished = False

    def step(self, text: str, done: int = 0, of: int = 0) -> None:
        """Says how far it is and keeps the lease. Raises Lost when another worker has it, Cancelled when asked to."""
        held = self._held().update(step=text[:200], done=done, of=of, lease_until=lease_end(timezone.now()))
        if not held:
            raise Lost(f"job {self.job.pk} belongs to another worker")
        if Job.objects.filter(pk=self.job.pk, cancel_asked=True).exists():
            raise Cancelled(f"job {self.job.pk} was cancelled")

    @contextmanager
    def finish(self) -> Iterator[None]:
        """Publishes: in one transaction the job is done and what the body writes is there, or neither. Under a second.

        Raises Lost before the body runs when the job is not ours any more.
        """
        with transaction.atomic():
            now = timezone.now()
            if not self._held().update(state=Job.State.DONE, finished_at=now, lease_until=None, last_error=""):
                raise Lost(f"job {self.job.pk} belongs to another worker")
            yield
        self.finished = True

    def _held(self) -> Any:
        """The row, as long as it is this claim's."""
        return Job.objects.filter(pk=self.job.pk, token=self.token, state=Job.State.RUNNING)


def lease_end(now: datetime) -> datetime:
    """Until when a worker that spoke just now holds its job."""
    return now + timedelta(seconds=settings.JOB_LEASE_S)


@contextmanager
def beating(job: Job) -> Iterator[None]:
    """Keeps the lease of a claimed job while the body runs, also through a step that takes longer than the lease.

    A killed process beats no more, so its job is free after one lease. A lost lease ends the beat; `finish` finds out.
    """
    over = threading.Event()

    def beat() -> None:
        try:
            while not over.wait(settings.JOB_LEASE_S / 3) and keep_lease(job):
                pass
        finally:
            connection.close()

    heart = threading.Thread(target=beat, name=f"lease of job {job.pk}", daemon=True)
    heart.start()
    try:
        yield
    finally:
        over.set()
        heart.join()


def keep_lease(job: Job) -> bool:
    """One beat: the lease begins anew. False when the job is not this claim's any more."""
    held = Job.objects.filter(pk=job.pk, token=job.token, state=Job.State.RUNNING)
    try:
        return bool(held.update(lease_until=lease_end(timezone.now())))
    except OperationalError as busy:  # a long write of somebody else: the next beat may do
        log.warning("the lease of job %s was not renewed: %s", job.pk, busy)
        connection.close()  # where the server went away the next beat begins on a fresh connection
        return True
