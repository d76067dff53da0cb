"""The ledger's inbox: one row for each decision, written in the decision's own transaction."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models
from django.utils import timezone


class LedgerInbox(models.Model):
    """What was done, by whom, to what. Not sealed by this version: sealing into a Merkle log comes later."""

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    data = models.JSONField()
    created = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name_plural = "ledger inbox"
        ordering: ClassVar[list[str]] = ["pk"]

    def __str__(self) -> str:
        return f"{self.data.get('verb')} {self.data.get('object')}"
