"""Rows that every authorisation naming their owner is read through: members of groups, prefixes of zones, addresses.

Each is sealed with the installation's key when Eastwest writes it, and was either put there before anything named its
owner, or is carried by an approved change record. A row that is neither authorises nothing.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Self, TypeVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

Row = TypeVar("Row", bound="Carried", covariant=True)


class CarriedQuerySet(models.QuerySet[Row]):
    """Rows with a validity, and by what makes them count."""

    def in_force(self, at: datetime) -> Self:
        """Those whose validity holds at that time, whoever wrote them."""
        return self.filter(Q(valid_to__isnull=True) | Q(valid_to__gt=at), valid_from__lte=at)

    def authorised_at(self, at: datetime, known_at: datetime | None = None) -> Self:
        """Those in force that Eastwest wrote, and whose change record, where one carries them, was approved."""
        rows = self.in_force(at)
        return rows.exclude(pk__in=list(faults(rows, known_at)))


class Carried(models.Model):
    """A validity, the change record that carries the row (None: put there before anything named it), and the seal."""

    valid_from = models.DateTimeField(default=timezone.now)
    valid_to = models.DateTimeField(null=True, blank=True)
    change = models.OneToOneField(
        "compliance.ChangeRecord", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    seal = models.CharField(max_length=64, blank=True, help_text="HMAC over the row; its key is not in the database.")

    class Meta:
        abstract = True

    def what(self) -> dict[str, Any]:
        """What the seal covers beside the validity and the change."""
        raise NotImplementedError

    def said(self) -> dict[str, Any]:
        """What the material of a change record says that carries this row."""
        raise NotImplementedError

    def sealed(self) -> Self:
        """The row with the seal of what it says now. Only verbs call this."""
        self.seal = seal(self._meta.label_lower, self.what(), self.valid_from, self.valid_to, self.change_id)
        return self

    def seal_holds(self) -> bool:
        """Whether the row says what it said when Eastwest wrote it."""
        right = seal(self._meta.label_lower, self.what(), self.valid_from, self.valid_to, self.change_id)
        return hmac.compare_digest(self.seal, right)


def seal(
    table: str, what: Mapping[str, Any], valid_from: datetime, valid_to: datetime | None, change: int | None
) -> str:
    """HMAC-SHA256 over a row; `what` are its own columns."""
    from compliance.models.approvals import canonical

    said = {
        "table": table,
        "what": dict(what),
        "from": valid_from.timestamp(),
        "to": valid_to.timestamp() if valid_to else None,
        "change": change,
    }
    return hmac.digest(settings.APPROVAL_KEY.encode(), canonical(said), "sha256").hex()  # at once: five times quicker


def faults(rows: Iterable[Carried], known_at: datetime | None = None) -> dict[int, str]:
    """For each of these rows that authorises nothing: why, in a sentence."""
    from compliance.models.approvals import shortfalls
    from compliance.models.changes import ChangeRecord

    listed = list(rows)
    carried = {row.change_id for row in listed if row.change_id is not None}
    unproven = shortfalls(sorted(carried), known_at) if carried else {}
    records = {one.pk: one for one in ChangeRecord.objects.filter(pk__among=carried)}
    found = {}
    for row in listed:
        if not row.seal_holds():
            found[row.pk] = "it was not written through Eastwest: its seal is wrong"
        elif row.change_id in unproven:
            found[row.pk] = f"{records[row.change_id].ref} carries it, but {unproven[row.change_id]}"
        elif row.change_id is not None and not row.said().items() <= records[row.change_id].material.items():
            found[row.pk] = f"{records[row.change_id].ref} says something else"
    return found
