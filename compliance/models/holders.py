"""Who holds which address, read by columns where a page looks at thousands: as `carried.faults` believes them."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import Final, NamedTuple

from django.conf import settings
from django.db.models import QuerySet

from compliance.models.carried import faults
from compliance.models.estate import Address

KEPT: Final = 20_000  # rows whose seals a process knows to be right: some ten megabytes


class Holder(NamedTuple):
    """An address and the server that holds it, by the columns that its seal covers."""

    pk: int
    server_id: int
    space_id: int
    ip: str
    zone_id: int | None
    valid_from: datetime
    valid_to: datetime | None
    change_id: int | None
    seal: str


def believed(rows: QuerySet[Address]) -> tuple[list[Holder], set[int]]:
    """(those of these addresses that Eastwest wrote and that were approved where they had to be, keys of the others).

    One that a change record carries, or whose seal is wrong, is looked at as `carried.faults` does it.
    """
    found = [Holder._make(row) for row in rows.order_by("pk").values_list(*Holder._fields)]
    odd = [row.pk for row in found if row.change_id is not None or not _holds(row, settings.APPROVAL_KEY)]
    if not odd:
        return found, set()
    again = list(Address.objects.filter(pk__among=odd).select_related("server", "zone"))
    bad, asked = set(faults(again)), set(odd)
    plain = [row for row in found if row.pk not in asked]
    good = [Holder._make(getattr(row, name) for name in Holder._fields) for row in again if row.pk not in bad]
    return sorted([*plain, *good]), bad


@lru_cache(maxsize=KEPT)
def _holds(row: Holder, key: str) -> bool:
    """Whether its seal is that of what the row says. The same row under the same key always gives the same."""
    return Address(**row._asdict()).seal_holds()
