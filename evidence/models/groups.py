"""What the last comparison saw of the members of each dynamic group: by which reading, and whom nobody knows."""

from __future__ import annotations

from django.db import models

from compliance.models import Group
from evidence.models.sources import Snapshot, Source


class GroupObservation(models.Model):
    """One a group, written anew by each comparison. Who is in the group stands in its memberships, never here.

    Where nothing current shows its members (`because`), the rest is of the last time that something did.
    """

    group = models.OneToOneField(Group, on_delete=models.PROTECT, related_name="+")
    observed = models.CharField(max_length=500, help_text="By what its members were known then.")
    at = models.DateTimeField(help_text="The comparison that looked.")
    because = models.TextField(blank=True, help_text="Why they are not known as of now; empty: they are.")
    source = models.ForeignKey(Source, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    snapshot = models.ForeignKey(Snapshot, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    seen_at = models.DateTimeField(null=True, blank=True, help_text="The last moment for which somebody saw them.")
    above = models.JSONField(default=list, help_text="Servers beyond the ceiling, by name.")
    others = models.JSONField(default=list, help_text="Servers of other systems, by name.")
    strangers = models.JSONField(default=list, help_text="[[words, [address]]] that no registered server has.")

    def __str__(self) -> str:
        return f"members of {self.group}"
