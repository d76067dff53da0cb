"""Frameworks as their publishers give them out, and how each control stands at a system as its owner says."""

from __future__ import annotations

from datetime import date
from typing import ClassVar

from django.db import models
from django.utils import timezone

from compliance.models.estate import System
from compliance.models.people import User
from compliance.models.policy import WrittenOnce
from compliance.models.scope import Scoped


class CatalogueRelease(WrittenOnce):
    """One published version of a framework, as somebody brought it. Its text is the publisher's, never ours."""

    framework = models.CharField(max_length=60, help_text="The short name in compliance/catalogue.")
    version = models.CharField(max_length=60)
    published = models.DateField()
    oscal_version = models.CharField(max_length=20, blank=True)
    sha256 = models.CharField(max_length=64, help_text="Of the file.")
    loaded_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    loaded_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering: ClassVar[list[str]] = ["framework", "-published", "-pk"]
        verbose_name = "a release of a framework"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["framework", "version"], name="a_release_is_loaded_once")
        ]

    def __str__(self) -> str:
        return f"{self.framework} {self.version}"


class OfficialControl(WrittenOnce):
    """The official text of one control in one release."""

    release = models.ForeignKey(CatalogueRelease, on_delete=models.PROTECT, related_name="controls")
    control = models.CharField(max_length=40, help_text="ISM-1479, SC-7(5)")
    title = models.CharField(max_length=300, blank=True)
    statement = models.TextField(blank=True)
    revision = models.CharField(max_length=20, blank=True)
    updated = models.CharField(max_length=20, blank=True)
    applies = models.JSONField(default=list)
    topic = models.CharField(max_length=300, blank=True)
    withdrawn = models.BooleanField(default=False)

    class Meta:
        ordering: ClassVar[list[str]] = ["release", "control"]
        verbose_name = "an official control"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["release", "control"], name="a_control_stands_once_in_a_release")
        ]

    def __str__(self) -> str:
        return f"{self.control} of {self.release}"


class ControlStatement(WrittenOnce):
    """How a control stands at a system, as somebody answerable for it says. The last one counts; nothing is rated."""

    class Status(models.TextChoices):
        IMPLEMENTED = "implemented", "Implemented"
        PARTLY = "partly", "Partly implemented"
        ALTERNATE = "alternate", "Met by an alternate control"
        PLANNED = "planned", "Planned"
        NOT_IMPLEMENTED = "not_implemented", "Not implemented"
        NOT_APPLICABLE = "not_applicable", "Not applicable"

    system = models.ForeignKey(System, on_delete=models.PROTECT, related_name="control_statements")
    framework = models.CharField(max_length=60)
    control = models.CharField(max_length=40)
    status = models.CharField(max_length=20, choices=Status.choices)
    comment = models.TextField()
    release = models.ForeignKey(
        CatalogueRelease, on_delete=models.PROTECT, null=True, blank=True, help_text="Whose text was read with it."
    )
    said_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    said_at = models.DateTimeField(default=timezone.now)

    objects: ClassVar[models.Manager[ControlStatement]] = Scoped.as_manager()

    class Meta:
        ordering: ClassVar[list[str]] = ["-pk"]
        verbose_name = "a statement on a control"
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["system", "framework", "control"], name="statements_on_a_control")
        ]

    def __str__(self) -> str:
        return f"{self.control} at {self.system}: {self.get_status_display()}"


class Reattestation(models.Model):
    """A newer release changed a control that our evidence serves: somebody reads it anew and says how it stands."""

    system = models.ForeignKey(System, on_delete=models.PROTECT, related_name="reattestations")
    framework = models.CharField(max_length=60)
    control = models.CharField(max_length=40)
    kind = models.CharField(max_length=20, help_text="See compliance/catalogue/impact.py.")
    before = models.ForeignKey(CatalogueRelease, on_delete=models.PROTECT, related_name="+")
    after = models.ForeignKey(CatalogueRelease, on_delete=models.PROTECT, related_name="+")
    due = models.DateField()
    opened_at = models.DateTimeField(default=timezone.now)
    answer = models.ForeignKey(
        ControlStatement, on_delete=models.PROTECT, null=True, blank=True, related_name="answers"
    )

    objects: ClassVar[models.Manager[Reattestation]] = Scoped.as_manager()

    class Meta:
        ordering: ClassVar[list[str]] = ["due", "control", "pk"]
        verbose_name = "a re-attestation"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["system", "framework", "control", "after"], name="one_reattestation_of_a_release"
            )
        ]

    def __str__(self) -> str:
        return f"{self.control} at {self.system}, {self.kind} in {self.after}"

    def is_late(self, today: date) -> bool:
        """Whether its day is over and nobody answered."""
        return self.answer_id is None and self.due < today
