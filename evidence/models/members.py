"""The servers a finding of one cause stands for, and the decisions to switch something off."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from compliance.models import Server, User
from evidence.models.findings import CERTAINTIES, Finding


class FindingMemberQuerySet(models.QuerySet["FindingMember"]):
    """Members of findings."""

    def standing(self) -> FindingMemberQuerySet:
        """Those that still show it, or could not be looked at."""
        return self.filter(gone_at=None)


class FindingMember(models.Model):
    """One server of a finding that several have for one cause: its own words, place and example."""

    finding = models.ForeignKey(Finding, on_delete=models.CASCADE, related_name="members")
    server = models.ForeignKey(Server, on_delete=models.PROTECT, related_name="memberships_of_findings")
    subject = models.CharField(max_length=300)
    point = models.CharField(max_length=200)
    certainty = models.CharField(max_length=10, choices=CERTAINTIES)
    rule = models.CharField(max_length=300, blank=True)
    extent = models.JSONField(default=list)
    witness = models.JSONField(null=True, blank=True)
    because = models.TextField()
    commands = models.TextField(blank=True, help_text="What to type there to mend it.")
    first_seen = models.DateTimeField()
    last_seen = models.DateTimeField()
    unseen_since = models.DateTimeField(null=True, blank=True)
    unseen_because = models.TextField(blank=True)
    gone_at = models.DateTimeField(null=True, blank=True)
    gone_because = models.TextField(blank=True)

    objects: ClassVar[FindingMemberQuerySet] = FindingMemberQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering: ClassVar[list[str]] = ["subject", "pk"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["finding", "subject"], name="one_member_a_subject")
        ]

    def __str__(self) -> str:
        return f"{self.finding.ref}: {self.subject}"

    @property
    def verdict(self) -> str:
        """The verdict of its finding."""
        return self.finding.verdict


class Removal(models.Model):
    """Somebody decided that what a finding shows is to be switched off by a day; nothing is switched off from here."""

    finding = models.ForeignKey(Finding, on_delete=models.PROTECT, related_name="removals")
    because = models.TextField()
    due = models.DateField()
    commands = models.TextField(help_text="What was to be typed, as it was shown.")
    decided_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="removals_decided")
    decided_at = models.DateTimeField()

    class Meta:
        ordering: ClassVar[list[str]] = ["-pk"]

    def __str__(self) -> str:
        return f"{self.finding.ref} to be switched off by {self.due:%Y-%m-%d}"
