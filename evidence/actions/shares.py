"""The shares that servers offer, written with each comparison and published with it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

from compliance.models import Server
from evidence.models import Comparison, ServedShare
from evidence.share_register import EVERYONE, Served

BATCH = 200


def write(comparison: Comparison, found: Iterable[Served], servers: Mapping[str, Server]) -> int:
    """The rows of an unpublished comparison. Gives how many there are."""
    rows = [row(comparison, one, servers[one.server]) for one in found if one.server in servers]
    ServedShare.objects.bulk_create(rows, batch_size=BATCH)
    return len(rows)


def row(comparison: Comparison, one: Served, server: Server) -> ServedShare:
    """One share as a row."""
    mark = "\0".join((one.server, one.protocol, one.name)).encode("utf-8", "backslashreplace")
    return ServedShare(
        key=hashlib.sha256(mark).hexdigest()[:16], comparison=comparison, system_id=server.system_id, server=server,
        protocol=one.protocol, name=one.name[:300], path=one.path, access=one.access, who=", ".join(one.who),
        everyone=EVERYONE in one.who, guest=one.guest, security=one.security[:60], through=one.through,
        users_now=len(one.mounts), authorised=bool(one.refs), verdict=one.verdict, certainty=one.certainty,
        because=one.because, refs=one.refs, lines=one.lines, mounts=one.mounts,
    )  # fmt: skip


def forget_others(comparison: Comparison) -> None:
    """Removes what earlier comparisons wrote: the list shows what runs now; findings and packs keep what was."""
    ServedShare.objects.exclude(comparison=comparison).filter(comparison__published=True).delete()
