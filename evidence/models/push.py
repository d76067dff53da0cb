"""Tokens with which a host pushes its own dumps. Each opens one source, and nothing but pushing to it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import ClassVar, Final

from django.db import models
from django.utils import timezone

from compliance.models import User
from compliance.models.scope import Scoped
from evidence.models.sources import Source

LONGEST: Final = timedelta(days=366)


class PushTokenQuerySet(Scoped["PushToken"]):
    """Tokens of the sources a person may see."""

    system_paths = ("source__system",)


class PushToken(models.Model):
    """The token of one source. Only its SHA-256 is kept: 256 random bits are not guessed, so no slow hash is needed."""

    source = models.ForeignKey(Source, on_delete=models.PROTECT, related_name="push_tokens")
    digest = models.CharField(max_length=64, unique=True)
    made_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[models.Manager[PushToken]] = PushTokenQuerySet.as_manager()

    class Meta:
        ordering: ClassVar[list[str]] = ["-pk"]

    def __str__(self) -> str:
        return f"push token {self.pk} of {self.source}"

    def holds_at(self, at: datetime) -> bool:
        """Whether it opens anything at that moment. A longer life than a year was written past the verb."""
        return self.revoked_at is None and at < self.expires_at <= self.made_at + LONGEST
