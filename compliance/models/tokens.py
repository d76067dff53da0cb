"""Service tokens: how a program comes in. Each is a person of its own with roles for a time, and decides nothing."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import ClassVar, Final

from django.db import models
from django.utils import timezone

from compliance.models.people import Role, User

LONGEST: Final = timedelta(days=366)
# What a program may be: it asks, carries out and reads. Owners, managers and administrators are people.
SERVICE_ROLES: Final = (Role.REQUESTER, Role.ENGINEER, Role.AUDITOR)


class ServiceToken(models.Model):
    """The token of a program. Only its SHA-256 is kept: 256 random bits are not guessed, so no slow hash is needed."""

    person = models.OneToOneField(User, on_delete=models.PROTECT, related_name="service_token")
    name = models.CharField(max_length=80)
    digest = models.CharField(max_length=64, unique=True)
    made_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["-pk"]

    def __str__(self) -> str:
        return self.name

    def holds_at(self, at: datetime) -> bool:
        """Whether it opens anything at that moment. A longer life than a year was written past the verb."""
        return self.revoked_at is None and at < self.expires_at <= self.made_at + LONGEST
