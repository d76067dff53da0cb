"""Links by which somebody without an account reads one pack for a time, and what assessors ask for and are given."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, ClassVar, Final

from django.db import models
from django.db.models import Q
from django.utils import timezone

from compliance.models import User
from evidence.models.packs import Pack
from evidence.models.sources import StoredArtefact

LONGEST: Final = timedelta(days=31)  # of a link


class PackLink(models.Model):
    """Opens one pack, and nothing else, until a day. Only the token's SHA-256 is kept: it has 256 random bits."""

    pack = models.ForeignKey(Pack, on_delete=models.PROTECT, related_name="links")
    name = models.CharField("who it is for", max_length=120)
    digest = models.CharField(max_length=64, unique=True)
    made_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")

    class Meta:
        ordering: ClassVar[list[str]] = ["-pk"]

    def __str__(self) -> str:
        return f"link to {self.pack.ref} for {self.name}"

    def holds_at(self, at: datetime) -> bool:
        """Whether it opens anything at that moment. A longer life than the verb gives was written past it."""
        return self.ended_at is None and at < self.expires_at <= self.made_at + LONGEST


class EvidenceAsk(models.Model):
    """Something an assessor wants to see beside a pack. Said once; the answers stand below it."""

    pack = models.ForeignKey(Pack, on_delete=models.PROTECT, related_name="asks")
    link = models.ForeignKey(PackLink, on_delete=models.PROTECT, null=True, blank=True, related_name="asks")
    asked_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    asked_at = models.DateTimeField(default=timezone.now)
    text = models.TextField()

    class Meta:
        ordering: ClassVar[list[str]] = ["pk"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=Q(link__isnull=True, asked_by__isnull=False) | Q(link__isnull=False, asked_by__isnull=True),
                name="evidence_is_asked_for_by_a_person_or_through_a_link",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.pack.ref}: {self.text[:80]}"

    @property
    def who(self) -> str:
        """Who asked, as people call them."""
        return str(self.asked_by) if self.asked_by else f"{self.link.name if self.link else ''}, by a link"


class EvidenceReply(models.Model):
    """What was answered: words, and a file or the id of a pack. Written once; another stands beside it."""

    ask = models.ForeignKey(EvidenceAsk, on_delete=models.PROTECT, related_name="replies")
    text = models.TextField()
    stored = models.ForeignKey(StoredArtefact, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    file = models.CharField("file name, as it was brought", max_length=200, blank=True)
    sha256 = models.CharField("SHA-256 of the file", max_length=64, blank=True)
    other = models.ForeignKey(Pack, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    answered_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    answered_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering: ClassVar[list[str]] = ["pk"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=Q(stored__isnull=True, sha256="") | (Q(stored__isnull=False) & ~Q(sha256="")),
                name="a_file_of_an_answer_is_named_by_its_hash",
            ),
        ]

    def __str__(self) -> str:
        return self.text[:80]

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Once only: what was answered stays as it was answered."""
        if not self._state.adding:
            raise ValueError("an answer is not changed: another stands beside it")
        super().save(*args, **kwargs)
