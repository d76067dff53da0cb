"""Jobs as rows: the database is the truth, Celery only carries the word that there is something to do."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone

from compliance.models.people import User


class Job(models.Model):
    """A piece of work with a key (the same key is the same work), a lease and its progress."""

    class State(models.TextChoices):
        QUEUED = "queued", "Waiting"
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        CANCELLED = "cancelled", "Cancelled"
        DEAD = "dead", "Given up"

    key = models.CharField(max_length=200, unique=True)
    kind = models.CharField(max_length=40)
    args = models.JSONField(default=dict)
    state = models.CharField(max_length=10, choices=State.choices, default=State.QUEUED)
    run_at = models.DateTimeField(default=timezone.now)
    lease_until = models.DateTimeField(null=True, blank=True)
    token = models.UUIDField(null=True, blank=True)
    dispatched_at = models.DateTimeField("when a worker was told", null=True, blank=True)
    tries = models.PositiveIntegerField(default=0)
    last_error = models.TextField(blank=True)
    step = models.CharField(max_length=200, blank=True)
    done = models.PositiveIntegerField(default=0)
    of = models.PositiveIntegerField(default=0)
    cancel_asked = models.BooleanField(default=False)
    requested_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["run_at"], condition=Q(state__in=["queued", "running"]), name="jobs_to_look_at"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.key}"

    @property
    def said(self) -> str:
        """The last error in its own words, as one sentence for a person; "" when there was none."""
        first = self.last_error.splitlines()[0] if self.last_error else ""
        return f"The last time: {first.rstrip('.')}." if first else ""


def fresh_token() -> uuid.UUID:
    """A token for one claim of a job."""
    return uuid.uuid4()
