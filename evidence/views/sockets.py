"""What a server listens on, as it says itself: each service, and what is taken for a client and by which evidence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from compliance.models import Server
from compliance.traffic.addresses import to_text
from evidence import readings
from evidence.case import Estate, Host
from evidence.host import merge
from evidence.models import FindingMember, Snapshot, Source
from evidence.rules import FormatError, Reading
from evidence.sockets import POINT, Service, services, sort

LARGEST = 2_000_000  # bytes of a kept reading that a page waits for
WILDCARDS = {4: "every IPv4 address", 6: "every IPv6 address"}
SORTS = {"service": "service", "client": "client, not counted", "undecided": "client or service"}


def listening(subject: Server) -> dict[str, Any] | None:
    """The services of the last good reading of a server; None where its sockets were not read."""
    held = [newest(subject, back=back) for back in (0, 1)]
    if any(one.reading.size > LARGEST for snapshots in held for one in snapshots):
        return {"unread": 0, "rows": [], "too_large": True}
    now = host_of(subject, held[0])
    if now is None or POINT not in now.points:
        return None
    before = host_of(subject, held[1])
    found = {one.subject: one.finding.ref for one in _members(subject)}
    return {
        "too_large": False,
        "unread": len(now.unread(POINT)),
        "rows": [_row(one, now, before, found, subject.name) for one in services(now.reading.listeners)],
    }


def newest(subject: Server, *, back: int) -> list[Snapshot]:
    """The last good snapshot of each source of a server, or (`back` 1) the one before it."""
    found: list[Snapshot] = []
    for source in Source.objects.filter(server=subject).exclude(last_good=None):
        rows = Snapshot.objects.filter(source=source, published=True).select_related("reading")
        found += rows.order_by("-observed_at", "-pk")[back : back + 1]
    return found


def host_of(subject: Server, snapshots: Sequence[Snapshot]) -> Host | None:
    """The server as these snapshots show it; None without any, or where they cannot be loaded any more."""
    try:
        read: list[Reading] = [readings.load(one) for one in snapshots]
    except (FormatError, OSError):
        return None
    if not read:
        return None
    return Host(subject.name, merge(read) if len(read) > 1 else read[0], Estate({}))


def _members(subject: Server) -> list[FindingMember]:
    rows = FindingMember.objects.standing().filter(server=subject, finding__verdict="listener_unauthorised")
    return list(rows.select_related("finding"))


def _row(one: Service, now: Host, before: Host | None, found: dict[str, str], name: str) -> dict[str, Any]:
    taken = sort(one, now, before)
    at = [WILDCARDS[each.family] if each.address == 0 else to_text(each.family, each.address) for each in one.sockets]
    ref = found.get(f"{name} {one.name}", "")
    return {
        "service": one.name,
        "process": one.process or "not shown",
        "at": ", ".join(dict.fromkeys(at)),
        "sort": SORTS[taken.sort],
        "because": taken.because if taken.sort != "service" else "",
        "ref": ref,
        "url": f"/findings/{ref}/" if ref else "",
    }
