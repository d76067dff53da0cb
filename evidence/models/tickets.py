"""What the ticket system of others says of a change record's ticket: read now and then, and decides nothing here."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils import timezone

from compliance.models import ChangeRecord


class TicketReading(models.Model):
    """One thing it said of a ticket, from `at` until it was last heard again. A new row where it says something else.

    `problem`: why it could not be read; then title and status are those of nobody.
    """

    change = models.ForeignKey(ChangeRecord, on_delete=models.PROTECT, related_name="ticket_readings")
    key = models.CharField(max_length=60)
    found = models.CharField("the key it has now", max_length=60, blank=True)
    title = models.CharField(max_length=300, blank=True)
    status = models.CharField(max_length=100, blank=True)
    problem = models.CharField(max_length=300, blank=True)
    at = models.DateTimeField(default=timezone.now)
    heard_at = models.DateTimeField(default=timezone.now)
    next_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["-pk"]

    def __str__(self) -> str:
        return f"{self.key}: {self.problem or self.status}"
