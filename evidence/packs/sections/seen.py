"""The register against what was seen by the cut-off: addresses nobody registered, servers that nothing showed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db.models import Q
from django.utils import timezone

from compliance.models import Address
from compliance.traffic.addresses import to_text
from evidence.inventory_lists import HOST_KINDS
from evidence.models import Inventory, InventoryReading, Sighting, VerdictRow
from evidence.packs import content
from evidence.packs.section import Cell, Scope, Table
from evidence.packs.sections.known import Read
from evidence.rules import Verdict
from evidence.unknown_verdicts import SUBJECT

COLUMNS = ("address", "network", "name", "seen by", "where", "first seen", "not seen since")
CAME = (InventoryReading.State.OK, InventoryReading.State.PARTIAL, InventoryReading.State.UNCHANGED)


def inventory(scope: Scope, reads: dict[str, Read], every: Iterable[VerdictRow]) -> content.Inventory:
    """The registered servers against what showed them, and each address of a zone that nobody registered."""
    shown = Sighting.objects.filter(first_seen__lte=scope.as_of)
    held = Address.objects.in_force(scope.as_of).filter(server__name__in=list(reads), ip__in=shown.values("ip"))
    seen = set(held.values_list("server__name", flat=True)) | {name for name, one in reads.items() if one.snapshot}
    never = sorted(set(reads) - seen)
    return content.Inventory(
        len(reads), len(reads) - len(never), len(never), tuple(strangers(scope, every)), tuple(never)
    )


def strangers(scope: Scope, every: Iterable[VerdictRow]) -> list[content.Unregistered]:
    """Each address by the comparison of the pack, with where it stands, what shows it and since when."""
    found = {}
    for row in every:
        if row.verdict == Verdict.unknown_server:
            for box in row.excess:
                found[to_text(6 if row.family == 6 else 4, box[2])] = row.subject.removeprefix(SUBJECT)
    rows: dict[str, list[Sighting]] = defaultdict(list)
    shown = Sighting.objects.filter(ip__in=list(found), first_seen__lte=scope.as_of).select_related("inventory")
    for one in shown.filter(Q(gone_at__isnull=True) | Q(gone_at__gt=scope.as_of)):
        rows[str(one.ip)].append(one)
    return [content.Unregistered(ip, f"{place}: {by(rows[ip])}", since(rows[ip])) for ip, place in found.items()]


def by(rows: Iterable[Sighting]) -> str:
    """What shows it, in words."""
    labels = (str(row.inventory) if row.inventory else HOST_KINDS[row.kind][0].lower() for row in rows)
    return ", ".join(dict.fromkeys(labels)) or "not kept"


def since(rows: Iterable[Sighting]) -> str:
    """Since when it is seen."""
    first = min((row.first_seen for row in rows), default=None)
    return f"since {said(first)}" if first else "not kept"


def said(moment: datetime) -> str:
    """A day in words."""
    local = timezone.localtime(moment)
    return f"{local.day} {local:%B %Y}"


def listed(scope: Scope) -> Table:
    """Everything that was seen and stood in the register of no system, complete, for the ZIP."""
    rows = Sighting.objects.filter(system__name__in=scope.systems, first_seen__lte=scope.as_of)
    rows = rows.filter(Q(gone_at__isnull=True) | Q(gone_at__gt=scope.as_of - timedelta(days=92)))
    rows = rows.exclude(ip__in=Address.objects.in_force(scope.as_of).values("ip"))
    kept = rows.select_related("inventory").order_by("place", "ip", "name", "pk")
    return Table("seen-not-registered", COLUMNS, [line(row) for row in kept])


def line(row: Sighting) -> tuple[Cell, ...]:
    """One sighting as a row of the list."""
    gone = timezone.localtime(row.gone_at).date().isoformat() if row.gone_at else ""
    first = timezone.localtime(row.first_seen).date().isoformat()
    return (str(row.ip or ""), row.place or "outside the scope", row.name, by([row]), row.where, first, gone)


def lists_read(scope: Scope) -> tuple[int, int, list[str]]:
    """(inventories of others, those with a fresh list, the others with the reason) by the cut-off."""
    old = []
    rows = Inventory.objects.filter(system__name__in=scope.systems, created_at__lte=scope.as_of).order_by("name")
    for row in rows:
        came = row.readings.filter(state__in=CAME, finished_at__lte=scope.as_of).order_by("-finished_at").first()
        if came is None or came.finished_at is None:
            old.append(f"{row.name} (never read)")
        elif scope.as_of - came.finished_at > timedelta(hours=row.fresh_hours):
            old.append(f"{row.name} (last read {said(came.finished_at)})")
        elif came.lines_unread:
            old.append(f"{row.name} ({came.lines_unread} lines not understood)")
    return len(rows), len(rows) - len(old), old
