"""What each new snapshot changed in effect, and which change record each of these changes belongs to."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from compliance.models import ChangeRecord, Server, System
from compliance.models.scope import Scoped
from evidence.models.sources import Snapshot


class Delta(models.Model):
    """That a snapshot was held against what its host showed before it. Without anything before, nothing is compared."""

    snapshot = models.OneToOneField(Snapshot, on_delete=models.PROTECT, related_name="delta")
    before = models.ForeignKey(Snapshot, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    since = models.DateTimeField(null=True, blank=True, help_text="When the source was last seen as it was before.")

    def __str__(self) -> str:
        return f"delta of {self.snapshot}"


class RuleChangeQuerySet(Scoped["RuleChange"]):
    """Rule changes of the systems a person may see."""


class RuleChange(models.Model):
    """One rule's part of a delta: what it opened or closed, and whose change it is."""

    class Direction(models.TextChoices):
        OPENED = "opened", "Opened"
        CLOSED = "closed", "Closed"

    class Outcome(models.TextChoices):
        RECORDED = "recorded", "As a change record says"
        SURPLUS = "surplus", "Beyond its change record"
        UNRECORDED = "unrecorded", "No change record"
        REPAIR = "repair", "Closed what nobody authorised"

    delta = models.ForeignKey(Delta, on_delete=models.PROTECT, related_name="changes")
    system = models.ForeignKey(System, on_delete=models.PROTECT, related_name="rule_changes")
    server = models.ForeignKey(Server, on_delete=models.PROTECT, related_name="rule_changes")
    at = models.DateTimeField(help_text="When the reading that shows it was made.")
    point = models.CharField(max_length=200)
    family = models.PositiveSmallIntegerField()
    direction = models.CharField(max_length=6, choices=Direction.choices)
    rule = models.CharField(max_length=300)
    rule_file = models.CharField(max_length=200, blank=True)
    rule_line = models.PositiveIntegerField(default=0)
    rule_text = models.TextField(blank=True)
    cause = models.CharField(
        max_length=500, blank=True, help_text="The edit of an object that it comes of; empty: the rule itself changed."
    )
    boxes = models.JSONField(default=list)
    sure = models.BooleanField(default=True, help_text="False: whether the rule does so could not be determined.")
    outcome = models.CharField(max_length=10, choices=Outcome.choices)
    change = models.ForeignKey(
        ChangeRecord, on_delete=models.PROTECT, null=True, blank=True, related_name="rule_changes"
    )
    matched = models.JSONField(default=list, help_text="By what it matched: ticket, content, window.")
    surplus = models.JSONField(default=list, help_text="What goes beyond the record, or has none.")
    because = models.TextField()

    objects: ClassVar[models.Manager[RuleChange]] = RuleChangeQuerySet.as_manager()

    class Meta:
        ordering: ClassVar[list[str]] = ["-at", "-pk"]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["outcome", "at"]),
            models.Index(fields=["-at", "-id"]),
        ]

    def __str__(self) -> str:
        return f"{self.server}/{self.point} {self.rule} {self.direction}"
