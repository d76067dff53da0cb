"""The shares that servers offer, as the last comparison saw them."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from compliance.models import Server, System
from compliance.models.scope import Scoped
from evidence.models.findings import CERTAINTIES, VERDICTS, Comparison


class ServedShareQuerySet(Scoped["ServedShare"]):
    """Shares of the systems a person may see."""

    def current(self) -> ServedShareQuerySet:
        """Those of the last published comparison."""
        last = Comparison.objects.filter(published=True).values("pk")[:1]
        return self.filter(comparison__in=last)


class ServedShare(models.Model):
    """One share of one server as it was read: who may come, what they may do, what the network and the register say."""

    class Through(models.TextChoices):
        OPEN = "open", "Open to all its clients"
        SOME = "some", "Open to some of its clients"
        CLOSED = "closed", "Closed: contained by the packet filter"
        UNKNOWN = "unknown", "Not known"

    key = models.CharField(max_length=16, help_text="The same share in every comparison: its place in the address.")
    comparison = models.ForeignKey(Comparison, on_delete=models.CASCADE, related_name="shares")
    system = models.ForeignKey(System, on_delete=models.PROTECT)
    server = models.ForeignKey(Server, on_delete=models.PROTECT, related_name="served_shares")
    protocol = models.CharField(max_length=3)
    name = models.CharField(max_length=300)
    path = models.TextField()
    access = models.CharField(max_length=2)
    who = models.TextField()
    everyone = models.BooleanField(default=False)
    guest = models.BooleanField(default=False)
    security = models.CharField(max_length=60, blank=True)
    through = models.CharField(max_length=8, choices=Through.choices)
    users_now = models.PositiveIntegerField(default=0, help_text="How many say that it is mounted.")
    authorised = models.BooleanField(default=False, help_text="Whether any authorisation names it.")
    verdict = models.CharField(max_length=24, choices=VERDICTS)
    certainty = models.CharField(max_length=10, choices=CERTAINTIES)
    because = models.TextField(blank=True)
    refs = models.JSONField(default=list)
    lines = models.JSONField(default=list)
    mounts = models.JSONField(default=list)

    objects: ClassVar[models.Manager[ServedShare]] = ServedShareQuerySet.as_manager()

    class Meta:
        ordering: ClassVar[list[str]] = ["server__name", "protocol", "name"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["comparison", "key"], name="one_row_a_share")
        ]
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=["comparison", "system"])]

    def __str__(self) -> str:
        return f"{self.server}:{self.name}"
