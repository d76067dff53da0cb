"""What somebody had typed when their session was over: kept for them alone, for a day."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils import timezone

from compliance.models.people import User


class KeptForm(models.Model):
    """A form that was sent after the session had ended: nothing was done with it, and nobody else sees it.

    `page`: where it stood. `action`: where it was sent. `typed`: {field: [values]}, never a file or a secret.
    """

    person = models.ForeignKey(User, on_delete=models.PROTECT, related_name="kept_forms")
    page = models.CharField(max_length=500)
    action = models.CharField(max_length=500)
    typed = models.JSONField(default=dict)
    kept_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering: ClassVar[list[str]] = ["-kept_at", "-pk"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["person", "page", "action"], name="one_kept_form_of_a_page"),
        ]

    def __str__(self) -> str:
        return f"{self.action} of {self.kept_at:%Y-%m-%d %H:%M}"
