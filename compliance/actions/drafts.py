"""Drafts: a request that is not sent yet is edited by who asks for it; after a no, a new draft is made from the old."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from django.db import transaction
from django.utils import timezone

from compliance.actions import changes as workflow
from compliance.actions.connections import ask, refuse_second, refuse_wrong
from compliance.actions.ledger import record
from compliance.actions.material import ends_of
from compliance.actions.versions import hold_register
from compliance.errors import Refused
from compliance.models import ChangeRecord, Connection, Endpoint, Justification, System, User
from compliance.models.approvals import content_hash
from compliance.permissions import check

REASONS: Final = ("business_need", "security_implications", "data_carried")
CARRIED: Final = ("urgency", "window", "rollback", "ticket")  # from a record that ended to the draft made from it


def edit(
    change: ChangeRecord,
    *,
    material: Mapping[str, Any],
    justification: Mapping[str, str],
    title: str,
    by: User,
    system: System | None = None,
    seen_version: int | None = None,
    at: datetime | None = None,
    submit: bool = False,
    **details: Any,
) -> ChangeRecord:
    """What the draft says is replaced, hashed anew, and sent when `submit` says so; all of it or nothing.

    `seen_version`: the version the person began with; a later one is refused and nothing is overwritten unread.
    `details`: urgency, window, rollback, ticket, due. A connection that is being changed keeps its kind and system.
    """
    moment = at or timezone.now()
    with workflow.step(change, "edit", by=by, at=moment, seen=seen_version) as row:
        refuse_wrong(material, justification, title, details)
        home = system or row.system
        refuse_other_thing(row, material, home)
        check(by, "request", home, at=moment)
        before, said = row.content_hash, dict(material)
        workflow.move(
            row, "edit", system=home, material=said, content_hash=content_hash(said), title=title.strip()[:200],
            last_edited_by=by, **details,
        )  # fmt: skip
        Justification.objects.filter(change=row).update(
            business_need=justification["business_need"].strip(),
            security_implications=justification["security_implications"].strip(),
            data_carried=justification.get("data_carried", "").strip(),
            written_by=by,
            written_at=moment,
        )
        if row.kind == ChangeRecord.Kind.NEW:
            connect(row.of.pk, said, home)
        record("edit", row, by=by, at=moment, before=before, after=row.content_hash)
        if submit:
            workflow.submit(row, by=by, at=moment)
    return change


def ask_again(change: ChangeRecord, *, by: User, at: datetime | None = None) -> ChangeRecord:
    """A new draft that says what the rejected or withdrawn request said. The old record stays as it is."""
    moment = at or timezone.now()
    check(by, "ask_again", change, at=moment)
    reasons = {key: getattr(change.justification, key) for key in REASONS}
    with transaction.atomic():
        hold_register()
        refuse_second(change.of)
        return ask(
            change.of,
            change.kind,
            change.material,
            reasons,
            change.title,
            by=by,
            at=moment,
            submit=False,
            details={key: getattr(change, key) for key in CARRIED},
        )


def refuse_other_thing(change: ChangeRecord, material: Mapping[str, Any], system: System) -> None:
    """A draft about a connection that stands stays about it; only one for a new connection may become another."""
    same = material["kind"] == change.of.kind and system.pk == change.of.system_id
    if change.kind == ChangeRecord.Kind.NEW or (change.kind == ChangeRecord.Kind.AMEND and same):
        return
    raise Refused(
        f"{change.ref} cannot become something else.",
        f"It is about {change.of.ref}, whose kind and system stay.",
        "Withdraw it, and ask for a new one.",
    )


def connect(number: int, material: Mapping[str, Any], system: System) -> None:
    """The connection that was only asked for so far is between the ends that the draft names now."""
    sources, destination = ends_of(material)
    ends = Endpoint.objects.in_bulk([sources[0], destination], field_name="name")
    Connection.objects.filter(pk=number).update(
        system=system, kind=material["kind"], source=ends[sources[0]], destination=ends[destination]
    )
