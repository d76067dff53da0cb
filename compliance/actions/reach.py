"""What authorisations reach through a group, a zone or a server: which name it, and what a widening of it would open.

The material of a widening, each with what it newly authorises under `opens` (see `opens`):

    {"kind": "group_member", "group": NAME, "server": NAME}
    {"kind": "zone_prefix", "zone": NAME, "prefix": "10.20.4.0/24"}
    {"kind": "party_prefix", "party": NAME, "prefix": "203.0.113.0/24"}
    {"kind": "server_address", "server": NAME, "address": "10.20.4.12", "zone": NAME or "", "interface": ""}
    {"kind": "group_ceiling", "group": NAME, "ceiling": 12}
    {"kind": "group_observed", "group": NAME, "observed": "aws:tag/123456789012/ap-southeast-2/role=web"}
"""

from __future__ import annotations

import copy
import ipaddress
import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

from django.db.models import Q
from django.utils import timezone

from compliance.models import ChangeRecord, ConnectionVersion, Endpoint, Group, Membership, Server, State, Zone
from compliance.models.estate import day_of
from compliance.register import RegisterError, wanted
from compliance.standing import mentioned, newest, register_on, row
from compliance.traffic.addresses import parse_host
from compliance.traffic.boxes import FAMILIES, Box, Family
from compliance.traffic.residual import difference
from compliance.traffic.witness import Inventory, choose, describe

WIDENINGS: Final = (
    "group_member", "zone_prefix", "party_prefix", "server_address", "group_ceiling", "group_observed",
)  # fmt: skip
BY_LATER: Final = ("group_ceiling", "group_observed")  # who joins by these is not known when they are decided on
Material = Mapping[str, Any]


class Opened(NamedTuple):
    """What one connection authorises that it did not before, in disjoint boxes of both families."""

    version: ConnectionVersion
    boxes: list[tuple[Family, Box]]


def ends_through(material: Material, at: datetime) -> set[str]:
    """The names of ends through which an authorisation reaches what a widening adds."""
    kind = material["kind"]
    if kind in ("group_member", *BY_LATER):
        return {material["group"]}
    if kind == "zone_prefix":
        return {material["zone"]}
    if kind == "party_prefix":
        return {material["party"]}
    return names_of_server(material["server"], at) | zone_by_servers(material["zone"], at)


def names_of_server(name: str, at: datetime) -> set[str]:
    """The server itself, its groups, and the zones that are nothing but their servers."""
    groups = Membership.objects.in_force(at).filter(server__name=name).values_list("group__name", flat=True)
    zones = Zone.objects.filter(addresses__server__name=name, addresses__valid_to__isnull=True).distinct()
    by_servers = {zone.name for zone in zones if not zone.prefixes.all().in_force(at).exists()}
    return {name, *groups, *by_servers}


def zone_by_servers(name: str, at: datetime) -> set[str]:
    """The zone, where it has no prefixes: then it means the servers that name it, and a new one widens it."""
    zone = Zone.objects.filter(name=name).first() if name else None
    return set() if zone is None or zone.prefixes.all().in_force(at).exists() else {name}


def naming(names: Iterable[str], at: datetime) -> list[ConnectionVersion]:
    """What is authorised today and mentions one of these names, one version a connection."""
    wanted_names = set(names)
    if not wanted_names:
        return []
    rows = ConnectionVersion.objects.filter(in_material(wanted_names)).authorised_at(day_of(at))
    rows = rows.select_related("connection__system", "change")
    return [version for version in newest(rows) if wanted_names & set(mentioned(version.material))]


def waiting(names: Iterable[str]) -> list[ChangeRecord]:
    """Submitted requests whose content mentions one of these names: decided on by what the names mean today."""
    wanted_names = set(names)
    rows = ChangeRecord.objects.filter(in_material(wanted_names), state=State.SUBMITTED, connection__isnull=False)
    return [change for change in rows if wanted_names & set(mentioned(change.material))] if wanted_names else []


def in_material(names: Iterable[str]) -> Q:
    """Rows whose JSON may mention a name (PostgreSQL keeps letters as written, SQLite escaped)."""
    found = Q(pk__in=())
    for name in names:
        found |= Q(material__icontains=name)
        if (escaped := json.dumps(name)[1:-1]) != name:
            found |= Q(material__icontains=escaped)
    return found


def in_use(material: Material, at: datetime) -> str:
    """Why this widening takes a change record, in a sentence; "" where nothing is reached through its owner.

    A placeholder that was only named in requests gets its first addresses directly, as long as nobody has agreed to
    one of them.
    """
    names = ends_through(material, at)
    refs = [version.connection.ref for version in naming(names, at)]
    listed = f"{', '.join(refs[:3])}{f' and {len(refs) - 3} more' if len(refs) > 3 else ''}"
    found = [f"{listed} {'is' if len(refs) == 1 else 'are'} authorised by that name"] if refs else []
    asked = waiting(names)
    if material["kind"] == "server_address" and is_placeholder(material["server"]):
        asked = [change for change in asked if change.needs.filter(approval__isnull=False).exists()]
    found += [f"{change.ref} waits for a decision about it" for change in asked]
    return f"{', '.join(found[:3])}{' and more' if len(found) > 3 else ''}." if found else ""


def is_placeholder(name: str) -> bool:
    """Whether a server of that name was only mentioned by an import so far."""
    return Server.objects.filter(name=name, status=Server.Status.PLACEHOLDER).exists()


def opens(material: Material, at: datetime) -> list[Opened]:
    """What each authorised connection would let through that it does not today. Raises RegisterError when it would
    not hold together."""
    versions = naming(ends_through(material, at), at)
    if not versions:
        return []
    if material["kind"] in BY_LATER:
        return [Opened(version, []) for version in versions]
    before = {**register_on(day_of(at)), "connections": [], "shares": []}
    return changed_by(before, widened(before, material), versions, at)


def changed_by(
    before: dict[str, Any], after: dict[str, Any], versions: Iterable[ConnectionVersion], at: datetime
) -> list[Opened]:
    """What these connections authorise in the register `after` and not in `before`."""
    found = []
    for version in versions:
        then, now = (boxes_of(register, version, at, strict=register is after) for register in (before, after))
        boxes = [(family, box) for family in FAMILIES for box in difference(now[family], then[family])]
        found.append(Opened(version, boxes))
    return found


def boxes_of(
    register: dict[str, Any], version: ConnectionVersion, at: datetime, *, strict: bool
) -> dict[Family, list[Box]]:
    """The traffic a connection authorises in this register, by family; none where it means nothing and not `strict`."""
    kind = "shares" if version.material["kind"] == "share" else "connections"
    try:
        entries = wanted({**register, kind: [row(version)]}, at=day_of(at)).entries
    except RegisterError:
        if strict and not names_nobody(version):
            raise
        entries = ()
    return {family: [box for entry in entries if entry.family == family for box in entry.boxes] for family in FAMILIES}


def names_nobody(version: ConnectionVersion) -> bool:
    """Whether it names a group whose members are observed and that has none now: it means nothing until one is seen."""
    groups = Group.objects.filter(name__in=mentioned(version.material)).exclude(observed="")
    return any(not group.members_on(timezone.now()).exists() for group in groups)


def widened(register: dict[str, Any], material: Material) -> dict[str, Any]:
    """The register with what the widening adds."""
    after = copy.deepcopy(register)
    kind = material["kind"]
    if kind == "group_member":
        held = addresses_of(material["server"])
        owner_of(after, "servers", material["server"], {"addresses": held})
        if held:
            owner_of(after, "groups", material["group"], {"members": []})["members"].append(material["server"])
    elif kind == "zone_prefix":
        owner_of(after, "zones", material["zone"], {"prefixes": []})["prefixes"].append(material["prefix"])
    elif kind == "party_prefix":
        owner_of(after, "groups", material["party"], {"members": []})["members"].append(material["prefix"])
    elif kind == "server_address":
        place(after, material)
    return after


def place(register: dict[str, Any], material: Material) -> None:
    """A server's new address, and the groups that held it back because it had none."""
    server = owner_of(register, "servers", material["server"], {"addresses": []})
    server["addresses"].append(material["address"])
    if material["zone"]:
        server.setdefault("zone", material["zone"])
    rows = Membership.objects.filter(server__name=material["server"], valid_to__isnull=True).select_related("group")
    for one in rows:
        members = owner_of(register, "groups", one.group.name, {"members": []})["members"]
        if material["server"] not in members:
            members.append(material["server"])


def addresses_of(name: str) -> list[str]:
    """The addresses a server holds."""
    server = Server.objects.filter(name=name).first()
    return [one.ip for one in server.addresses.all() if one.valid_to is None] if server else []


def owner_of(register: dict[str, Any], part: str, name: str, empty: dict[str, Any]) -> dict[str, Any]:
    """The row of that name in a part of the register, added when it is not there."""
    rows: list[dict[str, Any]] = register[part]
    found = next((each for each in rows if each["name"] == name), None)
    if found is None:
        found = {"name": name, **empty}
        rows.append(found)
    return found


def told(opened: Iterable[Opened], servers: Iterable[str]) -> list[dict[str, Any]]:
    """What a widening opens as it stands in the material: words, an example packet, and the version it widens.

    [{"connection": "CON-42", "says": HASH, "traffic": [{"src", "dst", "service"}], "example": "A → B tcp/443",
      "servers": ["web-03"]}]
    """
    known = Inventory(addresses_in(servers))
    return [
        {
            "connection": one.version.connection.ref,
            "says": one.version.material_hash,
            "traffic": [describe(family, box) for family, box in one.boxes],
            "example": str(choose(*one.boxes[0], known)) if one.boxes else "",
            "servers": sorted(servers),
        }
        for one in opened
    ]


def addresses_in(servers: Iterable[str]) -> list[int]:
    """The addresses of these servers as numbers."""
    rows = Server.objects.filter(name__in=list(servers)).prefetch_related("addresses")
    return [parse_host(one.ip)[1] for server in rows for one in server.addresses.all() if one.valid_to is None]


def joining(material: Material) -> list[str]:
    """The servers that a widening brings in."""
    if material["kind"] in ("group_member", "server_address"):
        return [material["server"]]
    if material["kind"] in ("zone_prefix", "party_prefix"):
        net = ipaddress.ip_network(material["prefix"])
        rows = Server.objects.filter(status=Server.Status.IN_SERVICE).prefetch_related("addresses")
        return sorted(
            server.name
            for server in rows
            if any(ipaddress.ip_address(one.ip) in net for one in server.addresses.all() if one.valid_to is None)
        )
    return []


def effect(material: Material, at: datetime) -> list[dict[str, Any]]:
    """`opens` in words, as it is bound to the approvals."""
    return told(opens(material, at), joining(material))


def ends_named(names: Iterable[str]) -> list[Endpoint]:
    """The ends of these names, with their owners' systems."""
    rows = Endpoint.objects.filter(name__in=list(names))
    return list(rows.select_related("server__system", "group__system", "zone__system"))
