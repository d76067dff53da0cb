"""Test sheets: pairs drawn by a seed, tried from the hosts themselves in an approved window, and what came of it."""

from __future__ import annotations

from typing import Any, ClassVar, Self

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from compliance.models import Job, Server, System, User
from compliance.models.scope import Scoped
from evidence.models.sources import Source, StoredArtefact


class SheetQuerySet(Scoped["Sheet"]):
    """Sheets of the systems a person may see."""

    def with_results(self) -> Self:
        """With what was brought of them, asked for once for all."""
        results = SheetResult.objects.select_related("server", "brought_by").order_by("pk")
        runs = SheetRun.objects.select_related("server").order_by("pk")
        return self.prefetch_related(
            models.Prefetch("results", queryset=results), models.Prefetch("runs", queryset=runs)
        )


class Sheet(models.Model):
    """What is tried from the hosts of one system: authorised pairs and pairs nobody authorised.

    `pairs`: list of {row, expected (open, closed), connection ("" where nobody authorised it), from, to, source, target
    (addresses), port, said (the verdict that stood when it was planned)}. Nothing of it changes afterwards.
    """

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting for a second person"
        APPROVED = "approved", "Approved"
        REFUSED = "refused", "Refused"

    system = models.ForeignKey(System, on_delete=models.PROTECT, related_name="sheets")
    seed = models.CharField(max_length=100)
    pairs = models.JSONField()
    sha256 = models.CharField("SHA-256 of the pairs", max_length=64)
    because = models.TextField()
    window_from = models.DateTimeField()
    window_to = models.DateTimeField()
    state = models.CharField(max_length=8, choices=State.choices, default=State.WAITING)
    asked_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="sheets_asked")
    asked_at = models.DateTimeField(default=timezone.now)
    decided_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="sheets_decided")
    decided_at = models.DateTimeField(null=True, blank=True)
    note = models.TextField(blank=True)

    objects: ClassVar[models.Manager[Sheet]] = SheetQuerySet.as_manager()

    class Meta:
        ordering: ClassVar[list[str]] = ["-pk"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=~Q(decided_by=F("asked_by")),
                name="nobody_approves_the_test_they_planned",
                violation_error_message="Nobody decides on the test they planned: a second person does.",
            ),
            models.CheckConstraint(
                condition=Q(state="waiting") | Q(decided_by__isnull=False, decided_at__isnull=False),
                name="a_decided_test_was_decided_by_somebody",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.ref} {self.system}"

    @property
    def ref(self) -> str:
        """The id people use."""
        return f"TST-{self.pk}"


class SheetResult(models.Model):
    """What one host's script printed, as somebody brought it or (`source`) as Eastwest heard it over SSH. Written once;
    a later one of the host counts instead.

    `outcomes`: {row: open, refused, silent or untried}.
    """

    sheet = models.ForeignKey(Sheet, on_delete=models.PROTECT, related_name="results")
    server = models.ForeignKey(Server, on_delete=models.PROTECT, related_name="+")
    began_at = models.DateTimeField(help_text="By the host's own clock.")
    outcomes = models.JSONField()
    whole = models.BooleanField(help_text="Whether the script came to its end.")
    stored = models.ForeignKey(StoredArtefact, on_delete=models.PROTECT, related_name="+")
    sha256 = models.CharField("SHA-256 of what it printed", max_length=64)
    source = models.ForeignKey(Source, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    brought_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    brought_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering: ClassVar[list[str]] = ["pk"]

    def __str__(self) -> str:
        return f"{self.sheet.ref} on {self.server}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Once only: what came of a test stays as it came."""
        if not self._state.adding:
            raise ValueError("what came of a test is not changed: a later one stands beside it")
        super().save(*args, **kwargs)


class SheetRunQuerySet(Scoped["SheetRun"]):
    """Runs of the sheets a person may see."""

    system_paths = ("sheet__system",)


class SheetRun(models.Model):
    """One run of a sheet on one host over SSH, as a job. One without a result did not reach it, and shows nothing.

    `said`, `next_step`: why nothing came, and what to do. `told_sha256`: of what the host was told to try.
    """

    class State(models.TextChoices):
        WAITING = "waiting", "Being run"
        CAME = "came", "Its result came"
        NOT_REACHED = "not_reached", "Not reached"

    sheet = models.ForeignKey(Sheet, on_delete=models.PROTECT, related_name="runs")
    server = models.ForeignKey(Server, on_delete=models.PROTECT, related_name="+")
    source = models.ForeignKey(Source, on_delete=models.PROTECT, related_name="+")
    job = models.ForeignKey(Job, on_delete=models.PROTECT, null=True, blank=True)
    asked_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True, blank=True)
    state = models.CharField(max_length=12, choices=State.choices, default=State.WAITING)
    command = models.CharField(max_length=100, blank=True)
    told_sha256 = models.CharField("SHA-256 of what the host was told", max_length=64, blank=True)
    said = models.TextField(blank=True)
    next_step = models.TextField(blank=True)

    objects: ClassVar[models.Manager[SheetRun]] = SheetRunQuerySet.as_manager()

    class Meta:
        ordering: ClassVar[list[str]] = ["pk"]

    def __str__(self) -> str:
        return f"{self.sheet.ref} over SSH on {self.server}"
