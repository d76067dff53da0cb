"""What runs and nobody authorised, in groups that are decided on at once; and what no register can hold."""

from __future__ import annotations

from typing import Any, ClassVar, Self

from django.db import models

from compliance.models import Server, System
from compliance.models.scope import Scoped
from evidence.models.findings import Comparison


def last() -> models.QuerySet[Any]:
    """The key of the last published comparison, as a query."""
    return Comparison.objects.filter(published=True).values("pk")[:1]


class BaselineGroupQuerySet(Scoped["BaselineGroup"]):
    """Groups of the systems a person may see."""

    def current(self) -> Self:
        """Those of the last published comparison."""
        return self.filter(comparison__in=last())


class BaselineGroup(models.Model):
    """Connections of one kind that rules let through or flow logs saw: the same services, from ends of one kind to ends
    of one kind.

    `rows`: [{"source", "destination", "rules": [[HOST/POINT, rule], …], "seen": {service: {first, last, days, flows,
    bytes, sure}}}], at most a hundred; all for `services`. `seen` is empty where no flow log saw it.
    """

    comparison = models.ForeignKey(Comparison, on_delete=models.CASCADE, related_name="baseline_groups")
    system = models.ForeignKey(System, on_delete=models.PROTECT)
    key = models.CharField(max_length=64, help_text="The same for the same group in every comparison.")
    source = models.CharField(max_length=200, help_text="What the sources have in common.")
    destination = models.CharField(max_length=200)
    services = models.JSONField(default=list)
    severity = models.CharField(max_length=6)
    part = models.PositiveSmallIntegerField(default=1, help_text="Of a group of more than a hundred.")
    rows = models.JSONField(default=list)
    rules = models.PositiveIntegerField(default=0, help_text="How many rules let it through.")

    objects: ClassVar[models.Manager[BaselineGroup]] = BaselineGroupQuerySet.as_manager()

    class Meta:
        ordering: ClassVar[list[str]] = ["-rules", "key", "part"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["comparison", "key", "part"], name="one_group_of_a_kind")
        ]

    def __str__(self) -> str:
        return f"{self.source} → {self.destination} {', '.join(self.services)}"


class UnlearnedQuerySet(Scoped["Unlearned"]):
    """Rules of the systems a person may see."""

    def current(self) -> Self:
        """Those of the last published comparison."""
        return self.filter(comparison__in=last())


class Unlearned(models.Model):
    """A rule that lets through what nobody authorised, or a flow of it (its point: HOST/flows), and why (some of) it
    makes no entry of the register."""

    comparison = models.ForeignKey(Comparison, on_delete=models.CASCADE, related_name="unlearned")
    system = models.ForeignKey(System, on_delete=models.PROTECT)
    server = models.ForeignKey(Server, on_delete=models.PROTECT, related_name="+")
    point = models.CharField(max_length=200)
    rule = models.CharField(max_length=300)
    wholly = models.BooleanField(help_text="Nothing of it is learned.")
    because = models.TextField()

    objects: ClassVar[models.Manager[Unlearned]] = UnlearnedQuerySet.as_manager()

    class Meta:
        ordering: ClassVar[list[str]] = ["-wholly", "point", "rule", "pk"]

    def __str__(self) -> str:
        return f"{self.point} {self.rule}"
