"""Messages to people: what kinds there are, how each person wants to be told of each, and the messages themselves."""

from __future__ import annotations

from typing import Any, ClassVar, Self

from django.db import models
from django.utils import timezone

from compliance.models.people import User


class Notice(models.TextChoices):
    """What a message is about. Whichever way somebody chooses, every message stands under their notices."""

    DECISION = "decision", "A decision is asked of you"
    SECURITY = "security", "Access: who decides in whose place, and what you take over"
    QUESTION = "question", "Questions to you, and answers"
    WORK = "work", "Something is to be carried out"
    OUTCOME = "outcome", "What became of what you asked for"
    DUE = "due", "Reviews, ends and accepted risks that fall due"
    REVIEW = "review", "Review meetings and actions"
    PACK = "pack", "Evidence packs"


class How(models.TextChoices):
    """How a person is told, beside the message in Eastwest."""

    AT_ONCE = "at_once", "Mail at once"
    DIGEST = "digest", "In one mail a day"
    IN_APP = "in_app", "In Eastwest only"


class NoticePreference(models.Model):
    """How one person wants to be told of one kind. Without a row: by mail at once."""

    person = models.ForeignKey(User, on_delete=models.PROTECT, related_name="notice_preferences")
    kind = models.CharField(max_length=10, choices=Notice.choices)
    how = models.CharField(max_length=8, choices=How.choices)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["person", "kind"], name="one_way_for_a_kind_of_notice"),
        ]

    def __str__(self) -> str:
        return f"{self.person}: {self.kind} {self.how}"


class OutboundQuerySet(models.QuerySet["Outbound"]):
    """Messages, by whom they are for."""

    def for_user(self, person: Any) -> Self:
        """One's own."""
        return self.filter(to=person) if isinstance(person, User) and person.is_active else self.none()

    def for_digest(self, at: Any) -> Self:
        """Those that wait for their mail of the day at that time, for people who are mailed at all."""
        rows = self.filter(how=How.DIGEST, sent_at__isnull=True, created_at__lte=at)
        return rows.filter(to__is_active=True, to__is_service=False)


class Outbound(models.Model):
    """A message to a person, kept once by its key: in Eastwest always, and by mail as they chose then."""

    key = models.CharField(max_length=200, unique=True)
    to = models.ForeignKey(User, on_delete=models.PROTECT, related_name="messages")
    kind = models.CharField(max_length=10, choices=Notice.choices, default=Notice.OUTCOME)
    how = models.CharField(max_length=8, choices=How.choices, default=How.AT_ONCE)
    subject = models.CharField(max_length=200)
    body = models.TextField()
    path = models.CharField("page it points to", max_length=200, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    sent_at = models.DateTimeField("mailed", null=True, blank=True)
    read_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[models.Manager[Outbound]] = OutboundQuerySet.as_manager()

    class Meta:
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=["to", "read_at"])]

    def __str__(self) -> str:
        return self.subject
