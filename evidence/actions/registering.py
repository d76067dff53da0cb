"""Registering a server that was seen: from the list of strangers into the register, with where it was seen."""

from __future__ import annotations

from datetime import datetime

from django.utils import timezone

from compliance.actions import estate
from compliance.models import Server, System, User, Zone
from compliance.permissions import check
from evidence.actions.outside import seen


def register_seen(
    key: str,
    *,
    name: str,
    system: System,
    zone: Zone | None = None,
    role: str = "",
    environment: str = "production",
    by: User,
    at: datetime | None = None,
) -> Server:
    """A server with the address (or the name alone) that something showed. Nothing is authorised by it.

    Refused, as in every other door, where its address would widen what is authorised: then it is asked for.
    """
    moment = at or timezone.now()
    check(by, "add_server", system, at=moment)
    row = seen(key)
    row_said = {"seen": row.where, "first_seen": row.first_seen.isoformat(), "kind": str(row.kind)}
    return estate.add_server(
        name, system=system, addresses=[str(row.ip)] if row.ip else [], zone=zone, role=role, environment=environment,
        source_row=row_said, by=by, at=moment,
    )  # fmt: skip
