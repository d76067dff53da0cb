"""How often rules were met: counters of devices and hosts, apart from the rules they count."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from compliance.models.scope import Scoped
from evidence.models.sources import Source


class RuleUseQuerySet(Scoped["RuleUse"]):
    """Counters of the sources a person may see."""

    system_paths = ("source__system",)


class RuleUse(models.Model):
    """One rule's counter as it was read last, and since when it shows no use."""

    source = models.ForeignKey(Source, on_delete=models.PROTECT, related_name="uses")
    rule = models.CharField(max_length=300)
    hits = models.BigIntegerField()
    quiet_since = models.DateTimeField(help_text="Its counter shows no use from then until the source was read last.")
    told = models.BooleanField(default=False, help_text="The device itself says that it was met last at that moment.")
    counted_since = models.DateTimeField(
        null=True, help_text="The first reading that counted it; none: before that was kept."
    )
    set_back_at = models.DateTimeField(
        null=True, help_text="The last reading by which its counter stood lower than before."
    )

    objects: ClassVar[models.Manager[RuleUse]] = RuleUseQuerySet.as_manager()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["source", "rule"], name="a_rule_of_a_source_has_one_counter")
        ]

    def __str__(self) -> str:
        return f"{self.rule}: {self.hits}"
