"""What was authorised on a day, from the database into the language of the judge."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime, time
from typing import Any

from django.db.models import Q
from django.utils import timezone

from compliance.models import ConnectionVersion, Endpoint, Group, Server, State, System, Zone
from compliance.register import Wanted, wanted

DONE = (State.IMPLEMENTED, State.VERIFIED, State.DISPUTED, State.RETIRED)
KEPT = (
    "source",
    "destination",
    "services",
    "via",
    "server",
    "path",
    "protocol",
    "access",
    "clients",
    "security",
    "squash",
    "users",
)


def register_on(
    day: date, *, known_at: datetime | None = None, systems: Iterable[System] | None = None
) -> dict[str, Any]:
    """The register as of the end of that day, in the shape of a register file. Connections go by their ids (CON-42)."""
    end = datetime.combine(day, time.max, timezone.get_current_timezone())
    moment = min(end, known_at) if known_at else end
    versions = ConnectionVersion.objects.authorised_at(day, known_at).select_related("connection")
    if systems is not None:
        versions = versions.filter(connection__system__in=list(systems))
    rows = newest(versions)
    return {
        "servers": servers(moment),
        "groups": groups(moment),
        "zones": zones(moment),
        "connections": [row(version) for version in rows if version.material["kind"] == "network"],
        "shares": [row(version) for version in rows if version.material["kind"] == "share"],
    }


def newest(versions: Iterable[ConnectionVersion]) -> list[ConnectionVersion]:
    """One version a connection: on the day of a change the later one stands."""
    found: dict[int, ConnectionVersion] = {}
    for version in versions:
        held = found.get(version.connection_id)
        if held is None or (version.valid_from, version.pk) > (held.valid_from, held.pk):
            found[version.connection_id] = version
    return [found[key] for key in sorted(found)]


def row(version: ConnectionVersion) -> dict[str, Any]:
    """One row of the register file."""
    material = version.material
    said = {"id": version.connection.ref, **{key: material[key] for key in KEPT if material.get(key)}}
    for key in ("review_by", "ends_on", "expected_use", "basis"):
        if material.get(key):
            said[key] = material[key]
    return said


def in_force(moment: datetime, prefix: str = "") -> Q:
    """Rows whose validity holds at that moment."""
    open_end = Q(**{f"{prefix}valid_to__isnull": True}) | Q(**{f"{prefix}valid_to__gt": moment})
    return open_end & Q(**{f"{prefix}valid_from__lte": moment})


def servers(moment: datetime) -> list[dict[str, Any]]:
    """The servers in service with the addresses they held."""
    rows = Server.objects.filter(status=Server.Status.IN_SERVICE).prefetch_related("addresses__zone")
    found = []
    for server in rows:
        held = [
            address
            for address in server.addresses.all()
            if address.valid_from <= moment and (address.valid_to is None or address.valid_to > moment)
        ]
        zone = next((address.zone.name for address in held if address.zone), "")
        found.append(
            {"name": server.name, "addresses": [address.ip for address in held], **({"zone": zone} if zone else {})}
        )
    return found


def groups(moment: datetime) -> list[dict[str, Any]]:
    """The groups with their members then, and parties outside with their prefixes."""
    inside = [
        {"name": group.name, "members": sorted(group.members_on(moment).values_list("name", flat=True))}
        for group in Group.objects.all()
    ]
    outside = [
        {"name": end.name, "members": list(end.prefixes)}
        for end in Endpoint.objects.filter(server__isnull=True, group__isnull=True, zone__isnull=True)
    ]
    return [each for each in [*inside, *outside] if each["members"]]


def zones(moment: datetime) -> list[dict[str, Any]]:
    """The zones with their prefixes then."""
    return [
        {"name": zone.name, "prefixes": list(zone.prefixes.filter(in_force(moment)).values_list("prefix", flat=True))}
        for zone in Zone.objects.all()
    ]


def not_done(day: date) -> set[str]:
    """The ids of connections that are authorised and that nobody has said are carried out."""
    versions = ConnectionVersion.objects.standing_on(day).exclude(change__state__in=DONE)
    return {version.connection.ref for version in versions.select_related("connection")}


def wanted_on(day: date, *, known_at: datetime | None = None, systems: Iterable[System] | None = None) -> Wanted:
    """What the judge is asked about. Raises RegisterError when the register itself does not hold together."""
    found = wanted(register_on(day, known_at=known_at, systems=systems), at=day)
    waiting = not_done(day)
    return replace(found, entries=tuple(replace(entry, implemented=entry.id not in waiting) for entry in found.entries))
