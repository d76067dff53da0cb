"""What is kept of set-up: which steps were left out, and which were tried. Whether one is done is never kept."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils import timezone

from compliance.models.people import User


class SetUpMark(models.Model):
    """A step of set-up that somebody skipped for now, or tried with success (the mail). At most one of a kind."""

    class What(models.TextChoices):
        SKIPPED = "skipped", "Skipped for now"
        TRIED = "tried", "Tried"

    step = models.CharField(max_length=20)
    what = models.CharField(max_length=8, choices=What.choices)
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["step", "what"], name="one_mark_of_a_kind_on_a_step"),
        ]

    def __str__(self) -> str:
        return f"{self.step}: {self.get_what_display()}"
