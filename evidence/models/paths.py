"""Which device stands between two zones, as one person says and a second one confirms: never by one person alone."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Self

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from compliance.models import Server, System, User, Zone
from compliance.models.scope import Scoped


class DevicePathQuerySet(Scoped["DevicePath"]):
    """What is said of the devices of the systems a person may see."""

    def in_force(self, at: datetime) -> Self:
        """Confirmed by then, and not ended."""
        return self.filter(Q(ended_at__isnull=True) | Q(ended_at__gt=at), confirmed_at__lte=at)


class DevicePath(models.Model):
    """Traffic from one zone to another passes this device. No zone: what comes from, or goes to, no registered zone."""

    system = models.ForeignKey(System, on_delete=models.PROTECT, related_name="device_paths")
    device = models.ForeignKey(Server, on_delete=models.PROTECT, related_name="device_paths")
    source = models.ForeignKey(Zone, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    target = models.ForeignKey(Zone, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    because = models.TextField()
    proposed_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    proposed_at = models.DateTimeField(default=timezone.now)
    confirmed_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    confirmed_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    ended_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[models.Manager[DevicePath]] = DevicePathQuerySet.as_manager()

    class Meta:
        ordering: ClassVar[list[str]] = ["-pk"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=Q(confirmed_by__isnull=True) | ~Q(confirmed_by=F("proposed_by")),
                name="a_path_is_confirmed_by_somebody_else",
                violation_error_message="Somebody else than who said it confirms it.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.source or 'anywhere else'} to {self.target or 'anywhere else'} passes {self.device}"
