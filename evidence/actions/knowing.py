"""Getting to know a host: what a test of the connection shows of its key, and who is asked to confirm it."""

from __future__ import annotations

from datetime import datetime

from compliance.models import User
from compliance.permissions import may
from evidence.actions.access import propose_pin
from evidence.collectors import device_https, git, ssh
from evidence.collectors.collected import PullError, Step
from evidence.collectors.keys import Shown
from evidence.collectors.way_in import confirmed_pin, place_of
from evidence.models import ErrorCode, Pin, Source
from evidence.models.sources import BY_CERTIFICATE, OVER_HTTPS, OVER_SSH

LOOK = {
    **dict.fromkeys(OVER_SSH, ("Look at its host key", ssh.look)),
    **dict.fromkeys(OVER_HTTPS, ("Look at its certificate", device_https.look)),
    Source.Kind.GIT: ("Look at the certificate of its server", git.look),
}
COMPARE = "Somebody else compares it with what the host's console says, and confirms it on the page of the source."


def unknown(source: Source) -> bool:
    """Whether nobody has confirmed by which key this host is known, or it showed another one when it was asked last.

    A repository's server, or a device over HTTPS, is known by the authorities until its certificate was refused.
    """
    code = source.last_pull.error_code if source.last_pull is not None else ""
    if source.kind in BY_CERTIFICATE:
        return code == ErrorCode.TLS and bool(place_of(source))
    return source.kind in OVER_SSH and (code == ErrorCode.HOSTKEY_CHANGED or confirmed_pin(source) is None)


def looked(source: Source, deadline: float) -> tuple[Step, Shown | None]:
    """The key or certificate that the host shows now. Nobody signs in."""
    step, look = LOOK[Source.Kind(source.kind)]
    try:
        shown = look(source.config, deadline=deadline)
    except PullError as error:
        return Step(step, "failed", error.what, error.next_step), None
    known = confirmed_pin(source)
    if known is not None and known.fingerprint == shown.fingerprint:
        said = f"It shows {shown.algorithm} {shown.fingerprint}, which was confirmed."
        return Step(step, "ok", said, "If it is refused all the same, look at its end and at the names in it."), shown
    return Step(step, "ok", f"It shows {shown.algorithm} {shown.fingerprint}.", COMPARE), shown


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
