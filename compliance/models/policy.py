"""The policy's versions, who took them into force, and what each said of a request when it was sent and approved."""

from __future__ import annotations

import hmac
from datetime import datetime
from typing import Any, ClassVar, Final, NoReturn, Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from compliance.models.changes import ChangeRecord
from compliance.models.people import User

KEPT: Final = "is kept as it was written: a change of policy is a new version"


class Kept(models.QuerySet[Any]):
    """Rows that are written once. What edits them past this is found by their hash and seal."""

    def update(self, **_: Any) -> NoReturn:
        """Refused."""
        raise TypeError(f"{self.model._meta.verbose_name} {KEPT}")

    def delete(self) -> NoReturn:
        """Refused."""
        raise TypeError(f"{self.model._meta.verbose_name} {KEPT}")


class WrittenOnce(models.Model):
    """A row that is written once."""

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Only what is not there yet."""
        if not self._state.adding:
            raise TypeError(f"{self._meta.verbose_name} {KEPT}")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Refused."""
        raise TypeError(f"{self._meta.verbose_name} {KEPT}")


class PolicyVersionQuerySet(Kept):
    """Versions, by what makes them count."""

    def adopted(self, at: datetime | None = None) -> Self:
        """Those that somebody adopted by then, the newest decision first. Whether it counts: `PolicyVersion.fault`."""
        rows = self.filter(decision__outcome=PolicyDecision.Outcome.ADOPTED, decision__at__lte=at or timezone.now())
        return rows.select_related("decision").order_by("-decision__at", "-number")

    def open(self) -> Self:
        """Those proposed and not decided."""
        return self.filter(decision__isnull=True, shipped=False)


class PolicyVersion(WrittenOnce):
    """The whole policy as it was proposed once, or as Eastwest ships it. In force only by somebody else's decision."""

    number = models.PositiveIntegerField(unique=True)
    content = models.JSONField(help_text="See compliance/policy/content.py for its shape.")
    content_hash = models.CharField(max_length=64)
    because = models.TextField()
    shipped = models.BooleanField(default=False, help_text="Kept because a request was checked against it.")
    base = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, help_text="What it was made from."
    )
    proposed_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    proposed_at = models.DateTimeField(default=timezone.now)

    objects: ClassVar[PolicyVersionQuerySet] = PolicyVersionQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering: ClassVar[list[str]] = ["-number"]
        verbose_name = "a version of the policy"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=Q(shipped=True, proposed_by__isnull=True) | Q(shipped=False, proposed_by__isnull=False),
                name="a_policy_is_shipped_or_proposed_by_somebody",
            ),
        ]

    def __str__(self) -> str:
        return self.ref

    @property
    def ref(self) -> str:
        """As people write it."""
        if self.shipped:
            return "the policy as shipped"
        return f"policy version {self.number}"

    def fault(self) -> str:
        """Why this adopted version does not count, in a sentence; "" when it does."""
        from compliance.models.approvals import content_hash

        decision = self.decision
        if content_hash(self.content) != self.content_hash or decision.content_hash != self.content_hash:
            return "its content was altered after it was adopted"
        if decision.decided_by_id == self.proposed_by_id or decision.proposed_by_id != self.proposed_by_id:
            return "who proposed it also adopted it"
        if not hmac.compare_digest(decision.seal, decision.right_seal()):
            return "it was not adopted through Eastwest: its seal is wrong"
        return ""


class PolicyDecision(WrittenOnce):
    """Somebody else's yes or no to a proposed version, bound to its content and sealed with the installation's key."""

    class Outcome(models.TextChoices):
        ADOPTED = "adopted", "Adopted"
        REJECTED = "rejected", "Rejected"

    version = models.OneToOneField(PolicyVersion, on_delete=models.PROTECT, related_name="decision")
    outcome = models.CharField(max_length=8, choices=Outcome.choices)
    proposed_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    decided_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)
    because = models.TextField(blank=True)
    content_hash = models.CharField(max_length=64)
    seal = models.CharField(max_length=64, help_text="HMAC over all of the above; its key is not in the database.")

    objects: ClassVar[models.Manager[PolicyDecision]] = Kept.as_manager()

    class Meta:
        verbose_name = "a decision on the policy"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=~Q(decided_by=F("proposed_by")),
                name="nobody_adopts_their_own_policy",
                violation_error_message="Nobody decides on a policy they proposed: a second person does.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_outcome_display()}: {self.version}"

    def right_seal(self) -> str:
        """The seal this row must have."""
        from compliance.models.approvals import canonical

        said = {
            "policy": self.version_id,
            "outcome": self.outcome,
            "proposed_by": self.proposed_by_id,
            "decided_by": self.decided_by_id,
            "at": self.at.timestamp(),
            "because": self.because,
            "content_hash": self.content_hash,
        }
        return hmac.new(settings.APPROVAL_KEY.encode(), canonical(said), "sha256").hexdigest()


class PolicyCheck(WrittenOnce):
    """What the policy in force said of a change record when it was sent, or when the last person agreed."""

    class When(models.TextChoices):
        SUBMITTED = "submitted", "When it was sent"
        APPROVED = "approved", "When it was approved"

    change = models.ForeignKey(ChangeRecord, on_delete=models.PROTECT, related_name="policy_checks")
    version = models.ForeignKey(PolicyVersion, on_delete=models.PROTECT, related_name="checks")
    when = models.CharField(max_length=9, choices=When.choices)
    content_hash = models.CharField("hash of the request it is about", max_length=64)
    hits = models.JSONField(help_text="Every rule that was met, as people read it; see compliance/policy/check.py.")
    at = models.DateTimeField(default=timezone.now)

    objects: ClassVar[models.Manager[PolicyCheck]] = Kept.as_manager()

    class Meta:
        ordering: ClassVar[list[str]] = ["pk"]
        verbose_name = "a check against the policy"

    def __str__(self) -> str:
        return f"{self.change.ref} {self.get_when_display().lower()}"
