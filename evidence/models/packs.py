"""Audit packs: what was built, for whom and from when, and who took it away."""

from __future__ import annotations

from collections.abc import Collection
from typing import ClassVar

from django.db import models
from django.utils import timezone

from compliance.models import Job, System, User
from compliance.models.scope import Scoped
from evidence.models.findings import Comparison


class PackQuerySet(Scoped["Pack"]):
    """Packs a person may see: all of whose systems are theirs."""

    system_paths = ("systems",)

    def of_systems(self, systems: Collection[int]) -> PackQuerySet:
        """A pack of several systems is for those who may see every one of them; it is one row however many they are."""
        mine = Pack.objects.filter(systems__in=systems)
        others = Pack.objects.filter(systems__in=System.objects.exclude(pk__in=systems))
        return self.filter(pk__in=mine.values("pk")).exclude(pk__in=others.values("pk"))


class Pack(models.Model):
    """A signed pack, as of its cut-off. The file lies in var/packs by its digest."""

    class State(models.TextChoices):
        QUEUED = "queued", "Waiting"
        BUILT = "built", "Built and signed"
        FAILED = "failed", "Failed"

    class Profile(models.TextChoices):
        FULL = "full", "Full"
        REDACTED = "redacted", "Redacted, for a third party (ISM-1178)"
        EXECUTIVE = "executive", "Executive, a short document over the same lists"
        PRINTED = "printed", "Full, with every list printed as an appendix"

    systems = models.ManyToManyField(System, related_name="packs")
    since = models.DateField()
    until = models.DateField()
    as_of = models.DateTimeField()
    profile = models.CharField(max_length=20, choices=Profile.choices, default=Profile.FULL)
    marking = models.CharField(max_length=60)
    sample = models.BooleanField(default=False)
    state = models.CharField(max_length=8, choices=State.choices, default=State.QUEUED)
    job = models.ForeignKey(Job, on_delete=models.PROTECT, null=True, blank=True)
    comparison = models.ForeignKey(Comparison, on_delete=models.PROTECT, null=True, blank=True)
    asked_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True)
    asked_at = models.DateTimeField(default=timezone.now)
    built_at = models.DateTimeField(null=True, blank=True)
    zip_sha256 = models.CharField(max_length=64, blank=True)
    pdf_sha256 = models.CharField(max_length=64, blank=True)
    manifest_sha256 = models.CharField(max_length=64, blank=True)
    fingerprint = models.CharField(max_length=64, blank=True)
    zip_size = models.PositiveBigIntegerField(default=0)
    sections = models.JSONField(default=list, help_text="[{slug, title, state, because}]")
    counts = models.JSONField(default=dict)
    problem = models.TextField(blank=True)

    objects: ClassVar[models.Manager[Pack]] = PackQuerySet.as_manager()

    class Meta:
        ordering: ClassVar[list[str]] = ["-pk"]

    def __str__(self) -> str:
        return f"{self.ref} {self.since} – {self.until}"

    @property
    def ref(self) -> str:
        """The id people use."""
        return f"PCK-{self.pk}"


class PackDownload(models.Model):
    """Who took which pack away, and when."""

    pack = models.ForeignKey(Pack, on_delete=models.PROTECT, related_name="downloads")
    person = models.ForeignKey(User, on_delete=models.PROTECT)
    at = models.DateTimeField(default=timezone.now)
    what = models.CharField(max_length=4, default="zip")

    class Meta:
        ordering: ClassVar[list[str]] = ["-at"]

    def __str__(self) -> str:
        return f"{self.person} took {self.pack.ref}"
