"""How a source is come by: what it signs in with, and the keys by which it is known. Nothing here can be read back."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import ClassVar, Self

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from compliance.models import User
from evidence.models.sources import Source


class SourceSecret(models.Model):
    """What a source signs in with: a reference to where it lies, or a value sealed under a key outside the database."""

    class Use(models.TextChoices):
        KEY = "key", "Private key"
        PASSWORD = "password", "Password"

    source = models.OneToOneField(Source, on_delete=models.PROTECT, related_name="secret")
    use = models.CharField(max_length=8, choices=Use.choices)
    reference = models.CharField(max_length=300, blank=True, help_text="env:NAME, file:/path or vault:path#key")
    sealed = models.TextField(blank=True, default="", help_text="The value under MultiFernet; its key is in var/keys.")
    sealed_with = models.CharField(max_length=16, blank=True, default="", help_text="Id of the key that sealed it.")
    serial = models.UUIDField(default=uuid.uuid4, help_text="Stands inside the sealed value as well.")
    public = models.TextField(blank=True, help_text="The public half of a private key, as authorized_keys has it.")
    set_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    set_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=(Q(reference="") & ~Q(sealed="") & ~Q(sealed_with=""))
                | (~Q(reference="") & Q(sealed="") & Q(sealed_with="")),
                name="a_secret_is_referred_to_or_sealed",
            ),
        ]

    def __str__(self) -> str:
        return self.reference or f"{self.get_use_display()}, kept by Eastwest"


class PinQuerySet(models.QuerySet["Pin"]):
    """Pins by whether they count."""

    def open(self) -> Self:
        """Shown and proposed; nobody else has confirmed or refused them."""
        return self.filter(confirmed_at__isnull=True, ended_at__isnull=True)

    def in_force(self) -> Self:
        """Confirmed by a second person, and not replaced since."""
        return self.filter(confirmed_by__isnull=False, ended_at__isnull=True).exclude(confirmed_by=F("proposed_by"))


class Pin(models.Model):
    """The key by which a source's host is known. One person says that it is shown, another that it is the host's."""

    class Kind(models.TextChoices):
        SSH = "ssh", "SSH host key"
        TLS = "tls", "TLS certificate"

    source = models.ForeignKey(Source, on_delete=models.PROTECT, related_name="pins")
    kind = models.CharField(max_length=3, choices=Kind.choices)
    address = models.CharField(max_length=300, help_text="Where it was shown, host and port.")
    algorithm = models.CharField(max_length=60)
    public = models.TextField(help_text="The key or certificate itself, base64.")
    fingerprint = models.CharField(max_length=100, help_text="SHA256:… as ssh-keygen -lf says it.")
    proposed_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    proposed_at = models.DateTimeField(default=timezone.now)
    confirmed_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    confirmed_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True, help_text="Refused, or replaced by another.")
    ended_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")

    objects: ClassVar[PinQuerySet] = PinQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering: ClassVar[list[str]] = ["-pk"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=~Q(confirmed_by=F("proposed_by")),
                name="nobody_confirms_the_pin_they_proposed",
                violation_error_message="Nobody confirms a key they proposed: a second person compares it.",
            ),
            models.CheckConstraint(
                condition=Q(confirmed_by__isnull=True, confirmed_at__isnull=True)
                | Q(confirmed_by__isnull=False, confirmed_at__isnull=False),
                name="a_confirmed_pin_says_by_whom_and_when",
            ),
            models.UniqueConstraint(
                fields=["source", "kind"],
                condition=Q(ended_at__isnull=True, confirmed_at__isnull=False),
                name="a_source_has_one_pin_of_a_kind_in_force",
            ),
            models.UniqueConstraint(
                fields=["source", "kind"],
                condition=Q(ended_at__isnull=True, confirmed_at__isnull=True),
                name="a_source_has_one_open_pin_of_a_kind",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.algorithm} {self.fingerprint}"

    @property
    def shown_at(self) -> datetime:
        """When it was seen at the host."""
        return self.proposed_at
