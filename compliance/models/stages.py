"""Further stages of approval that a system asks for, after the two people that every change needs."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone

from compliance.models.estate import System
from compliance.models.people import User


class StageQuerySet(models.QuerySet["ApprovalStage"]):
    """Stages, by time."""

    def in_force(self, at: datetime) -> StageQuerySet:
        """Those that are asked for at that time, in their order."""
        rows = self.filter(Q(valid_to__isnull=True) | Q(valid_to__gt=at), valid_from__lte=at)
        return rows.order_by("position", "pk")


class ApprovalStage(models.Model):
    """One further stage of a system: its title, and who decides in it. Never edited: a new set takes its place.

    `person` None: the system's authorising officer. A change keeps the stages that were asked for when it was sent.
    """

    system = models.ForeignKey(System, on_delete=models.PROTECT, related_name="approval_stages")
    position = models.PositiveSmallIntegerField(help_text="2 comes first: 1 are the owner and a manager.")
    title = models.CharField(max_length=60)
    person = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    valid_from = models.DateTimeField(default=timezone.now)
    valid_to = models.DateTimeField(null=True, blank=True)
    set_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    because = models.TextField()

    objects: ClassVar[models.Manager[ApprovalStage]] = StageQuerySet.as_manager()

    class Meta:
        ordering: ClassVar[list[str]] = ["system_id", "position", "pk"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=Q(position__gte=2), name="a_further_stage_comes_after_the_first"),
            models.UniqueConstraint(
                fields=["system", "position"], condition=Q(valid_to__isnull=True), name="one_stage_at_a_place"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.system} {self.position}: {self.title}"
