"""Spreadsheets on their way in: the file between two steps, and the columns that were matched last time."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils import timezone

from compliance.models.people import User


class ImportedTable(models.Model):
    """A file somebody brought: its header and rows as text, kept word for word with its hash.

    A register file (kind "register") is one row of one cell.
    """

    class Kind(models.TextChoices):
        SERVERS = "servers", "Servers"
        CONNECTIONS = "connections", "Connections"
        SHARES = "shares", "File shares"

    kind = models.CharField(max_length=11, choices=Kind.choices)
    file = models.CharField("file name", max_length=200)
    digest = models.CharField("SHA-256 of the file", max_length=64)
    header = models.JSONField(default=list)
    rows = models.JSONField(default=list, help_text="[[number of the row in the file, [cells]]]")
    brought_by = models.ForeignKey(User, on_delete=models.PROTECT)
    brought_at = models.DateTimeField(default=timezone.now)
    imported_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.file


class ColumnMapping(models.Model):
    """Which column of a file of this header is which of ours, as somebody matched them."""

    kind = models.CharField(max_length=11, choices=ImportedTable.Kind.choices)
    header_digest = models.CharField(max_length=64)
    mapping = models.JSONField(default=dict, help_text="{our name: the file's}")

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["kind", "header_digest"], name="one_mapping_of_a_header"),
        ]

    def __str__(self) -> str:
        return f"{self.kind}: {', '.join(self.mapping.values())}"
