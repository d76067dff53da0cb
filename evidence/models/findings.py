"""What was compared and what came of it: comparisons, their verdicts, findings and verifications."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.utils import timezone

from compliance.models import ChangeRecord, Connection, Job, Server, System, User
from compliance.models.scope import Scoped
from compliance.models.written import written
from evidence.models.sources import Snapshot
from evidence.rules import Certainty, Verdict

VERDICTS = [(verdict.value, verdict.value.replace("_", " ")) for verdict in Verdict]
STANDING = ("open", "acknowledged", "accepted")  # states of findings that are not cured; named, an index finds them
CERTAINTIES = [(certainty.value, certainty.value) for certainty in Certainty]


class Comparison(models.Model):
    """One run of the judge over all that was authorised and all that was read, at one moment."""

    at = models.DateTimeField(default=timezone.now)
    job = models.ForeignKey(Job, on_delete=models.PROTECT, null=True, blank=True)
    token = models.UUIDField(null=True, blank=True)
    register_digest = models.CharField(max_length=64)
    counts = models.JSONField(
        default=dict, help_text="{verdict: subjects}: one for each connection or share, and each extra."
    )
    trend = models.JSONField(
        default=dict, help_text="{system: [individually justified, provisional, permitted and not authorised]}."
    )
    burned = models.JSONField(
        default=dict, help_text="{system: how far its provisional baseline is worked off}; see compliance/baseline.py."
    )
    heads = models.JSONField(
        default=dict, help_text="{system: {verdict: [counted ones about a connection, about something else]}}."
    )
    published = models.BooleanField(default=False)

    class Meta:
        ordering: ClassVar[list[str]] = ["-at", "-pk"]

    def __str__(self) -> str:
        return f"comparison of {self.at:%Y-%m-%d %H:%M}"


class VerdictQuerySet(Scoped["VerdictRow"]):
    """Verdicts of the systems a person may see."""

    def added_up(self, *by: str) -> models.QuerySet[Any, Any]:
        """(…`by`, verdict, counted ones, those of them about a connection)."""
        rows = self.filter(headline=True).order_by(*by, "verdict").values_list(*by, "verdict")
        return rows.annotate(all=models.Count("pk"), about=models.Count("connection"))


class VerdictRow(models.Model):
    """One judgement of a comparison: about a connection at a point, or an extra (a rule, a host, a listener)."""

    comparison = models.ForeignKey(Comparison, on_delete=models.CASCADE, related_name="verdicts")
    system = models.ForeignKey(System, on_delete=models.PROTECT)
    verdict = models.CharField(max_length=24, choices=VERDICTS)
    certainty = models.CharField(max_length=10, choices=CERTAINTIES)
    subject = models.CharField(max_length=300)
    connection = models.ForeignKey(Connection, on_delete=models.PROTECT, null=True, blank=True)
    server = models.ForeignKey(Server, on_delete=models.PROTECT, null=True, blank=True)
    point = models.CharField(max_length=200, blank=True)
    rule = models.CharField(max_length=300, blank=True)
    family = models.PositiveSmallIntegerField(default=4)
    excess = models.JSONField(default=list)
    witness = models.JSONField(null=True, blank=True)
    because = models.TextField()
    headline = models.BooleanField(default=False, help_text="Counted: the worst of a connection's points, or an extra.")

    objects: ClassVar[models.Manager[VerdictRow]] = VerdictQuerySet.as_manager()

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["comparison", "verdict"]),
            models.Index(
                fields=["comparison", "headline", "system", "verdict", "connection"], name="verdicts_as_counted"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.verdict} {self.subject}"


class FindingQuerySet(Scoped["Finding"]):
    """Findings of the systems a person may see."""

    def standing(self) -> FindingQuerySet:
        """Those that are not cured."""
        return self.filter(state__in=STANDING)

    def worst_first(self) -> FindingQuerySet:
        """By severity, which no alphabet knows the order of; the newest first among equals."""
        return self.order_by("rank", "-first_seen", "pk")


class Finding(models.Model):
    """Something that differs, followed from the comparison that found it to the one that no longer did."""

    class State(models.TextChoices):
        OPEN = "open", "Open"
        ACKNOWLEDGED = "acknowledged", "Acknowledged"
        ACCEPTED = "accepted", "Accepted risk"
        CURED = "cured", "Cured"

    class Severity(models.TextChoices):
        HIGH = "high", "High"
        MEDIUM = "medium", "Medium"
        LOW = "low", "Low"

    fingerprint = models.CharField(max_length=64, unique=True)
    system = models.ForeignKey(System, on_delete=models.PROTECT, related_name="findings")
    verdict = models.CharField(max_length=24, choices=VERDICTS)
    certainty = models.CharField(max_length=10, choices=CERTAINTIES)
    severity = models.CharField(max_length=6, choices=Severity.choices, default=Severity.MEDIUM)
    subject = models.CharField(max_length=300)
    connection = models.ForeignKey(Connection, on_delete=models.PROTECT, null=True, blank=True, related_name="findings")
    server = models.ForeignKey(Server, on_delete=models.PROTECT, null=True, blank=True, related_name="findings")
    point = models.CharField(max_length=200, blank=True)
    rule = models.CharField(max_length=300, blank=True)
    rule_file = models.CharField(max_length=200, blank=True)
    rule_line = models.PositiveIntegerField(default=0)
    rule_text = models.TextField(blank=True)
    family = models.PositiveSmallIntegerField(default=4)
    extent = models.JSONField(default=list, help_text="The excess boxes, apart from the fingerprint.")
    witness = models.JSONField(null=True, blank=True)
    because = models.TextField()
    proposal = models.TextField(blank=True, help_text="What to do: in words, and below the commands to type.")
    state = models.CharField(max_length=12, choices=State.choices, default=State.OPEN)
    first_seen = models.DateTimeField()
    last_seen = models.DateTimeField()
    cured_at = models.DateTimeField(null=True, blank=True)
    cured_because = models.TextField(blank=True)
    cured_by = models.ManyToManyField(Snapshot, blank=True, related_name="cures", help_text="The snapshots that cure.")
    unseen_since = models.DateTimeField(
        null=True, blank=True, help_text="It stands, but since then nothing could be looked at that would show it."
    )
    unseen_because = models.TextField(blank=True)
    comparison = models.ForeignKey(Comparison, on_delete=models.SET_NULL, null=True, blank=True)
    accepted_by = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, blank=True, related_name="risks_accepted"
    )
    accepted_until = models.DateField(null=True, blank=True)
    accepted_extent = models.JSONField(default=list)
    accepted_rating = models.CharField(max_length=20, blank=True)
    alternate_control = models.TextField(blank=True)
    rank = models.GeneratedField(
        expression=models.Case(
            *(models.When(severity=value, then=place) for place, value in enumerate(Severity.values)),
            default=len(Severity.values),
        ),
        output_field=models.PositiveSmallIntegerField(),
        db_persist=True,
    )
    words = written("because", "subject", "point", "rule_text", "witness")

    objects: ClassVar[models.Manager[Finding]] = FindingQuerySet.as_manager()

    class Meta:
        ordering: ClassVar[list[str]] = ["state", "severity", "-first_seen"]
        indexes: ClassVar[list[models.Index]] = [
            # all that a list sorts and counts by, so that it reads the rows of one page alone
            models.Index(
                fields=["system", "state", "verdict", "severity", "first_seen", "id"], name="findings_as_listed"
            ),
            # for who sees all systems, and for the worst of them
            models.Index(fields=["state", "verdict"], name="findings_of_everybody"),
            models.Index(
                fields=["rank", "-first_seen", "id", "state", "system", "verdict"], name="findings_worst_first"
            ),
            models.Index(fields=["state", "rank", "-first_seen", "id", "system"], name="findings_that_wait"),
        ]

    def __str__(self) -> str:
        return f"{self.ref} {self.verdict} {self.subject}"

    @property
    def ref(self) -> str:
        """The id people use."""
        return f"FND-{self.pk}"


class Verification(models.Model):
    """The proof that a change was, or was not, carried out as approved."""

    class Outcome(models.TextChoices):
        VERIFIED = "verified", "As approved"
        DISPUTED = "disputed", "Not as approved"
        UNDECIDED = "undecided", "Could not be determined"

    change = models.ForeignKey(ChangeRecord, on_delete=models.PROTECT, related_name="verifications")
    at = models.DateTimeField(default=timezone.now)
    outcome = models.CharField(max_length=10, choices=Outcome.choices)
    because = models.TextField()
    missing = models.JSONField(default=list)
    extra = models.JSONField(default=list)
    witness = models.JSONField(null=True, blank=True)
    snapshots = models.ManyToManyField(Snapshot, blank=True)
    proof = models.CharField(max_length=64)

    class Meta:
        ordering: ClassVar[list[str]] = ["-pk"]

    def __str__(self) -> str:
        return f"{self.change.ref} {self.outcome}"
