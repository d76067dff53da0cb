"""Asking for a connection or a share, for another one in its place, for its removal; and stamping what was seen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from django.db import transaction
from django.utils import timezone

from compliance.actions import changes as workflow
from compliance.actions.ledger import record
from compliance.actions.material import check_material, ends_of
from compliance.actions.versions import hold_register
from compliance.errors import Refused
from compliance.models import ChangeRecord, Connection, Endpoint, Justification, State, System, User
from compliance.models.approvals import content_hash
from compliance.models.estate import day_of
from compliance.permissions import check

Kind = ChangeRecord.Kind
Stamp = tuple[int, str, datetime | None]
DETAILS: Final = frozenset({"urgency", "window", "rollback", "ticket", "due", "rests_on"})
AT_ONCE: Final = 500  # rows of one UPDATE


def request(
    *,
    system: System,
    material: Mapping[str, Any],
    justification: Mapping[str, str],
    title: str,
    by: User,
    at: datetime | None = None,
    submit: bool = True,
    source_row: Any = None,
    standard_service: bool = False,
    **details: Any,
) -> ChangeRecord:
    """A new connection or share is asked for: its record, its reasons and, unless told not to, its submission.

    `justification`: business_need, security_implications, data_carried. `details`: urgency, window, rollback,
    ticket, due, rests_on (the risk that its material names). All of it in one transaction.
    """
    moment = at or timezone.now()
    check(by, "request", system, at=moment)
    refuse_wrong(material, justification, title, details)
    sources, destination = ends_of(material)
    ends = Endpoint.objects.in_bulk([sources[0], destination], field_name="name")
    with transaction.atomic():
        connection = Connection.objects.create(
            system=system,
            kind=material["kind"],
            source=ends[sources[0]],
            destination=ends[destination],
            standard_service=standard_service,
            created_at=moment,
            source_row=source_row,
        )
        return ask(
            connection, Kind.NEW, material, justification, title, by=by, at=moment, submit=submit, details=details
        )


def amend(
    connection: Connection,
    *,
    material: Mapping[str, Any],
    justification: Mapping[str, str],
    title: str,
    by: User,
    at: datetime | None = None,
    submit: bool = True,
    **details: Any,
) -> ChangeRecord:
    """Something else is asked for in its place. What stands goes on standing until the new is approved."""
    moment = at or timezone.now()
    check(by, "amend", connection, at=moment)
    refuse_wrong(material, justification, title, details)
    if material["kind"] != connection.kind:
        raise Refused(
            f"{connection.ref} cannot become something else.",
            "A network connection and a file share are two things.",
            "Ask for a new one, and for the removal of this one.",
        )
    with transaction.atomic():
        hold_register()  # of two who ask at once the second sees the first
        refuse_second(connection)
        return ask(
            connection, Kind.AMEND, material, justification, title, by=by, at=moment, submit=submit, details=details
        )


def retire(
    connection: Connection, *, because: str, by: User, at: datetime | None = None, **details: Any
) -> ChangeRecord:
    """Its removal is asked for. It stays authorised until this change is approved as well."""
    moment = at or timezone.now()
    check(by, "retire_connection", connection, at=moment)
    standing = connection.version_on(day_of(moment))
    if standing is None:
        raise Refused(
            f"{connection.ref} cannot be removed.", "It is not authorised today.", "Look at its change records."
        )
    justification = {
        "business_need": because,
        "security_implications": "Removal: nothing is let through that was not before.",
        "data_carried": "",
    }
    title = f"Remove {connection}"[:200]
    refuse_wrong(None, justification, title, details)
    with transaction.atomic():
        hold_register()  # of two who ask at once the second sees the first
        refuse_second(connection)
        return ask(
            connection, Kind.RETIRE, standing.said, justification, title, by=by, at=moment, submit=True, details=details
        )


def refuse_wrong(
    material: Mapping[str, Any] | None, justification: Mapping[str, str], title: str, details: Mapping[str, Any]
) -> None:
    """Refuses what breaks a rule of the material or lacks a reason; all sentences at once."""
    unknown = set(details) - DETAILS
    if unknown:
        raise TypeError(f"a change record has no {', '.join(sorted(unknown))}")
    said = [sentence for _, sentence in check_material(material)] if material is not None else []
    if not justification.get("business_need", "").strip():
        said.append("Say what stops working without it.")
    if not justification.get("security_implications", "").strip():
        said.append("Say what it means for security.")
    if not title.strip():
        said.append("Give it a title in a few words.")
    if said:
        raise Refused("This cannot be asked for yet.", " ".join(dict.fromkeys(said)), "Complete it and send it again.")


def refuse_second(connection: Connection) -> None:
    """One open request for a connection at a time: two would be approved without seeing each other."""
    open_one = connection.changes.filter(state__in=[State.DRAFT, State.SUBMITTED]).first()
    if open_one is not None:
        raise Refused(
            f"{connection.ref} has a request open already.",
            f"{open_one.ref} is {open_one.get_state_display().lower()}.",
            f"Wait for its decision, or withdraw {open_one.ref} first.",
        )


def ask(
    connection: Connection,
    kind: str,
    material: Mapping[str, Any],
    justification: Mapping[str, str],
    title: str,
    *,
    by: User,
    at: datetime,
    submit: bool,
    details: Mapping[str, Any],
) -> ChangeRecord:
    """The change record with its reasons, submitted in the same step when it is to be. In the caller's transaction."""
    change = ChangeRecord.objects.create(
        system=connection.system,
        connection=connection,
        kind=kind,
        title=title.strip()[:200],
        material=dict(material),
        content_hash=content_hash(dict(material)),
        requested_by=by,
        last_edited_by=by,
        created_at=at,
        **details,
    )
    Justification.objects.create(
        change=change,
        business_need=justification["business_need"].strip(),
        security_implications=justification["security_implications"].strip(),
        data_carried=justification.get("data_carried", "").strip(),
        written_by=by,
        written_at=at,
    )
    record("request", change, by=by, at=at, after=change.content_hash, connection=connection.pk, kind=str(kind))
    return workflow.submit(change, by=by, at=at) if submit else change


def stamp(rows: Iterable[Stamp], *, at: datetime | None = None) -> int:
    """Writes (connection id, drift, last seen) where it differs from what stands. Gives how many were written.

    Not a decision: no ledger row, no new version. A last seen of None leaves the one that is there.
    """
    moment = at or timezone.now()
    wanted = {key: (drift, seen) for key, drift, seen in rows}
    changed = []
    for connection in Connection.objects.filter(pk__in=list(wanted)):
        drift, seen = wanted[connection.pk]
        if drift != connection.drift or (seen is not None and seen != connection.last_seen_at):
            connection.drift, connection.drift_at = drift, moment
            connection.last_seen_at = seen or connection.last_seen_at
            changed.append(connection)
    Connection.objects.bulk_update(changed, ["drift", "drift_at", "last_seen_at"], batch_size=AT_ONCE)
    return len(changed)
