"""The records as they were known at a past moment: read from immutable versions, approvals and the ledger, never from
today's state columns.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from compliance.models import TRANSITIONS, ChangeRecord, Connection, ConnectionVersion, LedgerInbox, State
from compliance.models.estate import day_of


@dataclass(slots=True)
class Stood:
    """Where a change record stood: its state, and when it had been said to be done and seen to be."""

    state: str = ""
    implemented_at: datetime | None = None
    verified_at: datetime | None = None


def stood_at(changes: Collection[int], at: datetime) -> dict[int, Stood]:
    """Where each of these change records stood at that moment, by the ledger; one it does not know is left out."""
    rows = LedgerInbox.objects.filter(
        object_type=ChangeRecord._meta.label_lower, object_id__in=list(changes), created__lte=at, refused=False
    )
    found: dict[int, Stood] = defaultdict(Stood)
    for row in rows.order_by("created", "pk"):
        if row.object_id is not None:
            step(found[row.object_id], row.verb, str(row.data.get("payload", {}).get("state", "")), row.created)
    return {key: stood for key, stood in found.items() if stood.state}


def step(stood: Stood, verb: str, decided: str, at: datetime) -> None:
    """One entry of the ledger, applied."""
    if verb == "request":
        stood.state = State.DRAFT
    elif verb == "decide":
        stood.state = decided or State.APPROVED
    elif verb in TRANSITIONS and verb != "approve":  # one approval of several decides nothing
        stood.state = TRANSITIONS[verb].target
    if verb in ("implement", "act_first"):
        stood.implemented_at, stood.verified_at = at, None
    elif verb == "verify":
        stood.verified_at = at
    elif verb == "dispute":
        stood.verified_at = None


def versions_at(at: datetime, connections: Iterable[Connection] | None = None) -> dict[int, ConnectionVersion]:
    """Connection → what was authorised at that moment as known then: by the approvals given by then and no others."""
    rows = ConnectionVersion.objects.authorised_at(day_of(at), at).select_related("connection", "change")
    if connections is not None:
        rows = rows.filter(connection__in=connections)
    found: dict[int, ConnectionVersion] = {}
    for version in rows.order_by("valid_from", "pk"):
        found[version.connection_id] = version
    return found
