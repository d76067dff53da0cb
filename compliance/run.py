"""What a job holds in its hands while it runs: its arguments, its heartbeat, and the one moment in which it publishes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from compliance.errors import Cancelled, Lost
from compliance.models import Job


class Run:
    """One claim of one job. Rows written before `finish` carry `token` and stay unpublished until then."""

    def __init__(self, job: Job) -> None:
        if job.token is None:
            raise ValueError("a job runs only once it is claimed")
        self.job = job
        self.token: UUID = job.token
        self.args: dict[str, Any] = dict(job.args)

    def step(self, text: str, done: int = 0, of: int = 0) -> None:
        """Heartbeat and progress. Raises Lost when another worker holds the job, Cancelled when a person asked so."""
        now = timezone.now()
        held = Job.objects.filter(pk=self.job.pk, token=self.token, state=Job.State.RUNNING)
        lease = now + timedelta(seconds=settings.JOB_LEASE_S)
        if not held.update(step=text[:200], done=done, of=of, lease_until=lease):
            raise Lost(f"{self.job.key}: another worker holds it")
        if Job.objects.filter(pk=self.job.pk, cancel_asked=True).exists():
            raise Cancelled(f"{self.job.key}: cancelled by a person")

    @contextmanager
    def finish(self) -> Iterator[None]:
        """The fenced publish: its first statement takes the job's end, or raises Lost. Keep what is inside short."""
        with transaction.atomic():
            now = timezone.now()
            held = Job.objects.filter(pk=self.job.pk, token=self.token, state=Job.State.RUNNING)
            if not held.update(state=Job.State.DONE, finished_at=now, lease_until=None, step="", last_error=""):
                raise Lost(f"{self.job.key}: another worker holds it")
            yield
