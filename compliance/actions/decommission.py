"""Asking for the decommissioning of a server: one record retires all that goes with it (compliance.actions.leaving)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from compliance.actions.leaving import plan, refuse_blocked
from compliance.actions.versions import hold_register
from compliance.actions.widening import refuse_unsaid, submitted
from compliance.errors import Refused
from compliance.models import ChangeRecord, Server, State, User
from compliance.permissions import check


def ask(server: Server, *, justification: Mapping[str, str], by: User, at: datetime | None = None) -> ChangeRecord:
    """The record of its decommissioning, submitted: the owner and a manager of its system decide, and the owner of
    every other system whose connections end."""
    moment = at or timezone.now()
    check(by, "decommission", server, at=moment)
    if server.status == Server.Status.RETIRED:
        raise Refused(f"{server} stays as it is.", "It is decommissioned already.", "Look at its page.")
    refuse_unsaid(justification)
    with transaction.atomic():
        hold_register()
        refuse_asked(server)
        found = plan(server, moment)
        refuse_blocked(server, found)
        title = f"Decommission {server}"
        kind = ChangeRecord.Kind.DECOMMISSION
        return submitted(kind, server.system, found.material(server), title, justification, by=by, at=moment)


def refuse_asked(server: Server) -> None:
    """One open request for it at a time."""
    rows = ChangeRecord.objects.filter(kind=ChangeRecord.Kind.DECOMMISSION, state=State.SUBMITTED)
    same = next((one for one in rows if one.material["server"] == server.name), None)
    if same is not None:
        raise Refused("It is asked for already.", f"{same.ref} waits for a decision.", f"See {same.ref}.")
