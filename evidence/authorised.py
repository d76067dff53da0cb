"""What was authorised on a day, from the database into the language of the judge."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime

from compliance.models import ConnectionVersion, State, System
from compliance.register import Wanted, wanted
from compliance.standing import register_on

DONE = (State.IMPLEMENTED, State.VERIFIED, State.DISPUTED, State.RETIRED)


def not_done(day: date) -> set[str]:
    """The ids of connections that are authorised and that nobody has said are carried out."""
    versions = ConnectionVersion.objects.standing_on(day).exclude(change__state__in=DONE)
    return {version.connection.ref for version in versions.select_related("connection")}


def wanted_on(day: date, *, known_at: datetime | None = None, systems: Iterable[System] | None = None) -> Wanted:
    """What the judge is asked about. Raises RegisterError when the register itself does not hold together."""
    found = wanted(register_on(day, known_at=known_at, systems=systems), at=day)
    waiting = not_done(day)
    return replace(found, entries=tuple(replace(entry, implemented=entry.id not in waiting) for entry in found.entries))
