"""What somebody keeps for themselves: the filters of a list under a name."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from compliance.models.people import User


class SavedFilter(models.Model):
    """The filters of one list as one person saved them. Nobody else sees it, and it shows nothing they may not see."""

    person = models.ForeignKey(User, on_delete=models.PROTECT, related_name="saved_filters")
    path = models.CharField(max_length=200, help_text="The list, from the root of the site.")
    query = models.CharField(max_length=1000, help_text="Its filters, as the address has them.")
    name = models.CharField(max_length=60)

    class Meta:
        ordering: ClassVar[list[str]] = ["name", "pk"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["person", "path", "name"], name="one_saved_filter_of_a_name")
        ]

    def __str__(self) -> str:
        return f"{self.name} of {self.path}"

    @property
    def url(self) -> str:
        """The list with these filters."""
        return f"{self.path}?{self.query}"
