"""Programs that are told what happened: who they are, and every message to them with what became of it."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone

from compliance.models.estate import System
from compliance.models.people import User


class Receiver(models.Model):
    """Where messages go: an address of a program (webhook), or a channel of people who talk (chat).

    `events`: names of compliance.announcing.EVENTS. No systems: all of them. What signs a webhook, and a chat's whole
    address, is a secret: a reference to where it lies, or sealed under a key outside the database.
    """

    class Kind(models.TextChoices):
        WEBHOOK = "webhook", "Signed webhook"
        SLACK = "slack", "Slack"
        TEAMS = "teams", "Microsoft Teams"

    name = models.CharField(max_length=80)
    kind = models.CharField(max_length=8, choices=Kind.choices)
    address = models.CharField(max_length=500, blank=True, help_text="https://…, of a webhook; a chat's is its secret.")
    pin = models.CharField(max_length=60, blank=True, help_text="SHA256:… of its certificate, else an authority's.")
    events = models.JSONField(default=list)
    systems = models.ManyToManyField(System, blank=True, related_name="+")
    reference = models.CharField(max_length=300, blank=True, help_text="env:NAME, file:/path or vault:path#key")
    sealed = models.TextField(blank=True, default="", help_text="The value under MultiFernet; its key is in var/keys.")
    sealed_with = models.CharField(max_length=16, blank=True, default="", help_text="Id of the key that sealed it.")
    serial = models.UUIDField(default=uuid.uuid4, unique=True, help_text="Stands inside the sealed value as well.")
    made_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField(default=timezone.now)
    paused_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["name", "pk"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=(Q(reference="") & ~Q(sealed=""))
                | (~Q(reference="") & Q(sealed=""))
                | Q(ended_at__isnull=False, reference="", sealed=""),
                name="a_receivers_secret_is_referred_to_or_sealed",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Delivery(models.Model):
    """One message to one receiver: its bytes as they are sent, and each try. `uid` is the same at every try."""

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        SENT = "sent", "Taken"
        DEAD = "dead", "Given up"
        DROPPED = "dropped", "Not sent"

    receiver = models.ForeignKey(Receiver, on_delete=models.PROTECT, related_name="deliveries")
    uid = models.UUIDField(default=uuid.uuid4, unique=True)
    event = models.CharField(max_length=40)
    body = models.TextField(help_text="JSON, exactly as it is signed and sent.")
    made_at = models.DateTimeField(default=timezone.now)
    state = models.CharField(max_length=8, choices=State.choices, default=State.WAITING)
    round = models.PositiveIntegerField(default=0, help_text="How often a person asked for it again.")
    tries = models.PositiveIntegerField(default=0)
    tried_at = models.DateTimeField(null=True, blank=True)
    next_at = models.DateTimeField(null=True, blank=True)
    status = models.PositiveIntegerField(null=True, blank=True, help_text="Of the last answer.")
    answer = models.CharField(max_length=400, blank=True, help_text="How the last answer began.")
    problem = models.CharField(max_length=400, blank=True)
    asked_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")

    class Meta:
        ordering: ClassVar[list[str]] = ["-pk"]
        verbose_name_plural = "deliveries"
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=["receiver", "state"])]

    def __str__(self) -> str:
        return f"{self.event} to {self.receiver_id}"
