"""Exceptions and accepted risks: one object, asked for by one person and decided by the authorising officer."""

from __future__ import annotations

from datetime import date
from typing import Any, ClassVar, Self

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from compliance.models.estate import System
from compliance.models.people import User
from compliance.models.scope import Scoped


class RiskQuerySet(Scoped["RiskAcceptance"]):
    """Risks of the systems a person may see, or authorises."""

    def for_user(self, person: Any) -> Self:
        """Those of the person's systems, and of the systems whose authorising officer they are."""
        rows = super().for_user(person)
        if not isinstance(person, User) or not person.is_active:
            return rows
        return self.filter(Q(pk__in=rows.values("pk")) | Q(system__authorising_officer=person))


class RiskAcceptance(models.Model):
    """What is open and is left open until a day: a finding with exactly its traffic, a rule of the policy, an
    address that need not be registered, or connections that stand on a provisional basis.

    `extent`: list of {"family": 4 or 6, "box": ten ints}; it holds for that traffic and for nothing wider. Whether it
    holds is worked out each time (compliance/exceptions.py), never read from `state`.
    """

    class Kind(models.TextChoices):
        FINDING = "finding", "Finding"
        RULE = "rule", "Rule of the policy"
        SCOPE = "scope", "Address outside the scope"
        BASIS = "basis", "Provisional baseline"

    class Rating(models.TextChoices):
        LOW = "low", "Low"
        MEDIUM = "medium", "Medium"
        HIGH = "high", "High"

    class State(models.TextChoices):
        REQUESTED = "requested", "Waiting for a decision"
        ACCEPTED = "accepted", "Accepted"
        REFUSED = "refused", "Not accepted"
        REVOKED = "revoked", "Revoked"

    system = models.ForeignKey(System, on_delete=models.PROTECT, related_name="risks")
    kind = models.CharField(max_length=7, choices=Kind.choices)
    key = models.CharField(max_length=200, help_text="Fingerprint; rule and hash of the material; or address.")
    about = models.CharField(max_length=300)
    path = models.CharField(max_length=200, blank=True, help_text="The page of what it is about.")
    extent = models.JSONField(default=list)
    rating = models.CharField(max_length=6, choices=Rating.choices)
    reason = models.TextField()
    alternate_control = models.TextField()
    plan = models.CharField("plan of action", max_length=60, blank=True)
    ends_on = models.DateField()
    state = models.CharField(max_length=9, choices=State.choices, default=State.REQUESTED)
    version = models.PositiveIntegerField(default=1)
    requested_by = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, related_name="risks_requested",
        help_text="None: taken over from a finding that one person accepted before two were asked for.",
    )  # fmt: skip
    requested_at = models.DateTimeField(default=timezone.now)
    decided_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="risks_decided")
    decided_for = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, blank=True, related_name="+",
        help_text="The authorising officer in whose place a delegate decided.",
    )  # fmt: skip
    decided_at = models.DateTimeField(null=True, blank=True)
    decision_note = models.TextField(blank=True)
    revoked_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    revoked_at = models.DateTimeField(null=True, blank=True)
    revoked_note = models.TextField(blank=True)
    renews = models.ForeignKey("self", on_delete=models.PROTECT, null=True, blank=True, related_name="renewals")
    seal = models.CharField(max_length=64, blank=True)

    objects: ClassVar[models.Manager[RiskAcceptance]] = RiskQuerySet.as_manager()

    class Meta:
        ordering: ClassVar[list[str]] = ["-pk"]
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=["kind", "key"])]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=Q(requested_by__isnull=True) | ~Q(decided_by=F("requested_by")),
                name="nobody_accepts_the_risk_they_asked_for",
                violation_error_message="Nobody decides on the risk they asked for: the authorising officer does.",
            ),
            models.CheckConstraint(
                condition=~Q(state="accepted") | Q(decided_by__isnull=False, decided_at__isnull=False),
                name="an_accepted_risk_was_decided_by_somebody",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.ref} {self.about}"

    @property
    def ref(self) -> str:
        """The id people use."""
        return f"RSK-{self.pk}"

    def shown_state(self, today: date) -> str:
        """The state for people: what is accepted and past its day has ended."""
        return "ended" if self.state == self.State.ACCEPTED and self.ends_on < today else str(self.state)
