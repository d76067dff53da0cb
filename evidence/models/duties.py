"""What people state of duties that no rule shows, and what the hosts said of themselves at the last comparison."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q

from compliance.models import Server, System, User
from compliance.models.scope import Scoped
from evidence.models.findings import Comparison
from evidence.models.sources import StoredArtefact


class AttestationQuerySet(Scoped["Attestation"]):
    """Statements about servers of the systems a person may see."""


class Attestation(models.Model):
    """One statement by one person about one duty of one server. Written once: a newer one stands beside it."""

    class Kind(models.TextChoices):
        PATCHED = "patched", "Patched"
        RESTORED = "restored", "Restore tested"
        LOGS = "logs", "Logs forwarded"
        TIME = "time", "Time source"
        SERVICES = "services", "Services inspected"
        BASTION_MFA = "bastion_mfa", "Second factor at the bastion"

    system = models.ForeignKey(System, on_delete=models.PROTECT)
    server = models.ForeignKey(Server, on_delete=models.PROTECT, related_name="attestations")
    kind = models.CharField(max_length=12, choices=Kind.choices)
    held_on = models.DateField(help_text="The day on which it was so.")
    in_order = models.BooleanField(help_text="Whether it was as it should be.")
    offline = models.BooleanField("an offline copy is kept", null=True, blank=True)
    says = models.TextField()
    stored = models.ForeignKey(StoredArtefact, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    file = models.CharField("file name, as it was brought", max_length=200, blank=True)
    sha256 = models.CharField("SHA-256 of the file", max_length=64, blank=True)
    host_sign = models.CharField("whether the host agreed, when it was stated", max_length=8)
    host_said = models.TextField("what the host said, when it was stated")
    attested_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="attestations")
    attested_at = models.DateTimeField()

    objects: ClassVar[models.Manager[Attestation]] = AttestationQuerySet.as_manager()

    class Meta:
        ordering: ClassVar[list[str]] = ["-pk"]
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=["server", "kind"])]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=Q(kind="restored", offline__isnull=False) | (~Q(kind="restored") & Q(offline__isnull=True)),
                name="a_restore_says_whether_a_copy_is_offline",
            ),
            models.CheckConstraint(
                condition=Q(stored__isnull=True, sha256="") | (Q(stored__isnull=False) & ~Q(sha256="")),
                name="a_file_is_named_by_its_hash",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.server}, {self.held_on:%Y-%m-%d}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Once only: what was stated stays as it was stated."""
        if not self._state.adding:
            raise ValueError("a statement is not changed: a newer one stands beside it")
        super().save(*args, **kwargs)


class HostSaid(models.Model):
    """What one host said of updates, logs, time and sockets when it was compared last (evidence/duties.py)."""

    comparison = models.ForeignKey(Comparison, on_delete=models.CASCADE, related_name="hosts_said")
    server = models.ForeignKey(Server, on_delete=models.PROTECT, related_name="said")
    said = models.JSONField(default=dict)
    read_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["comparison", "server"], name="one_host_says_once_a_comparison")
        ]

    def __str__(self) -> str:
        return f"what {self.server} said"
