"""What is known of the ticket a change record names: what its system said last, or since when it says nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from compliance.models import ChangeRecord
from evidence.collectors import jira
from evidence.models import TicketReading


@dataclass(frozen=True)
class Said:
    """What a page or a pack shows of a ticket. `since`: from when on it could not be read, else None."""

    key: str
    url: str
    title: str
    status: str
    read_at: datetime | None
    problem: str
    since: datetime | None


def latest(row: ChangeRecord) -> TicketReading | None:
    """The newest reading of the ticket it names now."""
    return row.ticket_readings.filter(key=row.ticket).first()


def says(row: ChangeRecord, *, by: datetime | None = None) -> Said | None:
    """What the ticket system said of it, as known at `by` (default now). None where it names none, or none is asked."""
    if not row.ticket or not (jira.set_up() or row.ticket_readings.exists()):
        return None
    key, readings = row.ticket.strip(), row.ticket_readings.filter(key=row.ticket)
    if by is not None:
        readings = readings.filter(at__lte=by)
    last = readings.first()
    good = readings.filter(problem="").first()
    since = last.at if last and last.problem else None
    read_at = min(good.heard_at, by) if good and by else good.heard_at if good else None
    if not jira.KEY.fullmatch(key):
        return Said(key, "", "", "", None, f"{key} is no key of Jira: nothing was asked.", None)
    shown = good.found if good else key
    return Said(
        shown, jira.link(shown), good.title if good else "", good.status if good else "", read_at,
        last.problem if last else "It has not been read yet.", since,
    )  # fmt: skip
