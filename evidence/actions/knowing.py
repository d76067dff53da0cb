"""Getting to know a host: what a test of the connection shows of its key, and who is asked to confirm it."""

from __future__ import annotations

from datetime import datetime

from compliance.models import User
from compliance.permissions import may
from evidence.actions.access import propose_pin
from evidence.collectors import ssh
from evidence.collectors.collected import PullError, Step
from evidence.collectors.keys import Shown
from evidence.collectors.way_in import confirmed_pin
from evidence.models import Pin, Source

LOOK = "Look at its host key"
COMPARE = "Somebody else compares it with what the host's console says, and confirms it on the page of the source."


def unknown(source: Source) -> bool:
    """Whether nobody has confirmed by which key this host is known, or it showed another one when it was asked last."""
    if source.kind != Source.Kind.SSH:
        return False
    changed = source.last_pull is not None and source.last_pull.error_code == "hostkey_changed"
    return changed or confirmed_pin(source) is None


def looked(source: Source, deadline: float) -> tuple[Step, Shown | None]:
    """The key that the host shows now. Nobody signs in."""
    try:
        shown = ssh.look(source.config, deadline=deadline)
    except PullError as error:
        return Step(LOOK, "failed", error.what, error.next_step), None
    return Step(LOOK, "ok", f"It shows {shown.algorithm} {shown.fingerprint}.", COMPARE), shown


def asked_about(source: Source, shown: Shown, *, by: User | None, at: datetime | None = None) -> Pin | None:
    """The proposal to know the host by that key, where whoever asked may make one and it is not known already.

    In the caller's transaction.
    """
    known = confirmed_pin(source)
    if known is not None and known.fingerprint == shown.fingerprint:
        return None
    waiting = Pin.objects.open().filter(source=source, kind=shown.kind, fingerprint=shown.fingerprint).first()
    if waiting is not None and waiting.address == shown.address:
        return waiting
    if by is None or may(by, "edit_source", source, at=at) is not None:
        return None
    return propose_pin(source, shown, by=by, at=at)
