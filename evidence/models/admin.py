"""How servers are administered: what the last comparison saw, and what a person attested where nothing can be read."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from compliance.models import Server, System, User
from compliance.models.scope import Scoped
from evidence.models.findings import Comparison


class AdminPathQuerySet(Scoped["AdminPathRow"]):
    """Ways of administration of the systems a person may see."""

    def current(self) -> AdminPathQuerySet:
        """Those of the last published comparison."""
        return self.filter(comparison__in=Comparison.objects.filter(published=True).values("pk")[:1])


class AdminPathRow(models.Model):
    """One server: the services it is administered by, from where its packet filter lets them come, and who came."""

    class Reach(models.TextChoices):
        OTHERS = "others", "Others than bastions come through"
        POSSIBLE = "possible", "Not proven that only bastions do"
        UNKNOWN = "unknown", "Not known"
        BASTIONS = "bastions", "Bastions only"
        NOBODY = "nobody", "Nobody comes through"

    class Seen(models.TextChoices):
        OTHERS = "others", "Others than bastions"
        BASTIONS = "bastions", "Bastions only"
        NOBODY = "nobody", "Nobody, in the hours watched"
        UNKNOWN = "unknown", "Not watched"

    comparison = models.ForeignKey(Comparison, on_delete=models.CASCADE, related_name="admin_paths")
    system = models.ForeignKey(System, on_delete=models.PROTECT)
    server = models.ForeignKey(Server, on_delete=models.PROTECT, related_name="admin_paths")
    bastion = models.BooleanField(default=False)
    reach = models.CharField(max_length=10, choices=Reach.choices)
    services = models.JSONField(default=list)
    sockets_read = models.BooleanField(default=False, help_text="Whether it is known who listens.")
    bastions = models.JSONField(default=list)
    others = models.JSONField(default=list)
    outside = models.BooleanField(default=False)
    rule = models.CharField(max_length=300, blank=True)
    place = models.CharField(max_length=300, blank=True, help_text="Line and file of that rule.")
    example = models.CharField(max_length=200, blank=True)
    because = models.TextField(blank=True)
    login = models.JSONField(default=dict, help_text="keyword → values, as the SSH server prints them.")
    seen = models.JSONField(default=dict, help_text="What flow logs saw (evidence/admin_flows.py); {}: none is read.")
    seen_from = models.CharField(max_length=10, choices=Seen.choices, blank=True)

    objects: ClassVar[models.Manager[AdminPathRow]] = AdminPathQuerySet.as_manager()

    class Meta:
        ordering: ClassVar[list[str]] = ["server__name"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["comparison", "server"], name="one_admin_path_a_server")
        ]

    def __str__(self) -> str:
        return f"{self.server}: {self.reach}"


class LoginAttestationQuerySet(Scoped["LoginAttestation"]):
    """Attestations of the systems a person may see."""


class LoginAttestation(models.Model):
    """What a person says of how one logs in to a server, where nothing of it could be read; never changed."""

    system = models.ForeignKey(System, on_delete=models.PROTECT)
    server = models.ForeignKey(Server, on_delete=models.PROTECT, related_name="login_attestations")
    says = models.TextField()
    seen_on = models.DateField(help_text="When it was looked at.")
    attested_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="logins_attested")
    attested_at = models.DateTimeField()

    objects: ClassVar[models.Manager[LoginAttestation]] = LoginAttestationQuerySet.as_manager()

    class Meta:
        ordering: ClassVar[list[str]] = ["-pk"]

    def __str__(self) -> str:
        return f"log-in to {self.server}, seen on {self.seen_on:%Y-%m-%d}"
