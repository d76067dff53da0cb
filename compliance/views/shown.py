"""Connections and changes in the words of the pages: the one place that turns material into text."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Final
from urllib.parse import quote

from compliance.models import ChangeRecord, Connection, ConnectionVersion
from compliance.observed import said as said_as

USES = {
    "continuous": "all the time",
    "daily": "daily",
    "weekly": "weekly",
    "monthly": "monthly",
    "quarterly": "each quarter",
    "yearly": "yearly",
    "standby": "only on standby",
}


# a change to the estate: what is added (or goes), in words
ESTATE: Final = {
    "group_member": "{server}",
    "zone_prefix": "{prefix}",
    "party_prefix": "{prefix}",
    "server_address": "{address}",
    "group_ceiling": "up to {ceiling} members",
    "group_observed": "members known by {by}",
    "decommission": "decommission",
}
OWNERS: Final = {
    "group_member": "group", "group_ceiling": "group", "group_observed": "group", "zone_prefix": "zone",
    "party_prefix": "party",
}  # fmt: skip
PLURALS: Final = {"group": "groups", "zone": "zones", "party": "parties", "server": "servers"}
NOTHING_NEW: Final = "nothing that it does not let through already"
LATER: Final = "whatever it lets through, for each server that {who}, up to the ceiling"
LISTED: Final = 12  # lines of traffic of one connection


def owner_of(material: Mapping[str, Any]) -> tuple[str, str]:
    """The group, zone or server of a change to the estate: as it is spoken of, and its page."""
    kind = OWNERS.get(str(material["kind"]), "server")
    name = str(material[kind])
    return (name if kind == "server" else f"{kind} {name}"), f"/{PLURALS[kind]}/{quote(name, safe='')}/"


def owner_link(material: Mapping[str, Any]) -> dict[str, Any]:
    """The link to it."""
    text, url = owner_of(material)
    return {"ref": text, "url": url}


def widens(material: Mapping[str, Any]) -> str:
    """How many connections a change to the estate is about."""
    number = len(material.get("opens", material.get("retires", [])))
    verb = "retires" if "retires" in material else "widens"
    return f"{verb} {number} connection{'' if number == 1 else 's'}" if number else f"{verb} no connection"


def estate_facts(material: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A change to the estate line by line: what is added to what, and what each connection lets through by it."""
    what, owner = ends(material)
    rows = [
        ("Adds" if "opens" in material else "Step", what, True),
        ("To" if "opens" in material else "Of", owner, True),
    ]
    if material.get("zone") and material["kind"] == "server_address":
        rows.append(("In the zone", material["zone"], True))
    joining = sorted({name for one in material.get("opens", []) for name in one["servers"]})
    if joining:
        others = f" and {len(joining) - LISTED} more" if len(joining) > LISTED else ""
        rows.append(("Servers that join", f"{len(joining)}: {', '.join(joining[:LISTED])}{others}", False))
    for one in material.get("opens", []):
        lines = [f"{each['src']} → {each['dst']} {each['service']}" for each in one["traffic"]]
        more = [f"and {len(lines) - LISTED} more"] if len(lines) > LISTED else []
        said = "; ".join([*lines[:LISTED], *more]) or nothing_new(material)
        rows.append((f"{one['connection']} newly authorises", said, True))
        if one["example"]:
            rows.append((f"Example packet of {one['connection']}", one["example"], True))
    for one in material.get("retires", []):
        rows.append((f"{one['connection']} is retired", one["says"], True))
    for key, label in (
        ("narrows", "Becomes narrower"),
        ("addresses", "Addresses freed"),
        ("groups", "Leaves the groups"),
    ):
        if material.get(key):
            rows.append((label, ", ".join(material[key]), True))
    return [{"label": label, "text": text, "mono": mono, "url": ""} for label, text, mono in rows]


def nothing_new(material: Mapping[str, Any]) -> str:
    """What is said of a connection that lets nothing more through by it today."""
    if material["kind"] != "group_observed":
        return NOTHING_NEW
    return LATER.format(who="is seen there" if material["observed"] else "people add without asking")


def services(material: Mapping[str, Any]) -> str:
    """The services, or for a share what is shared and how."""
    if material.get("kind") in ESTATE:
        return widens(material)
    if material.get("kind") == "share":
        return f"{material.get('protocol', '').upper()} {material.get('path', '')} {material.get('access', '')}".strip()
    return ", ".join(str(service) for service in material.get("services", []))


def ends(material: Mapping[str, Any]) -> tuple[str, str]:
    """From whom to whom, as the register names them; for a change to the estate what joins what."""
    if material.get("kind") in ESTATE:
        owner, _ = owner_of(material)
        by = said_as(str(material.get("observed", "")))
        return ESTATE[str(material["kind"])].format(**material, by=by), owner
    if material.get("kind") == "share":
        return ", ".join(material.get("clients", [])), str(material.get("server", ""))
    return str(material.get("source", "")), str(material.get("destination", ""))


def day(value: Any) -> date | None:
    """A date of the material."""
    return date.fromisoformat(value) if value else None


def facts(material: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The material line by line, for reading back before a click and for the page of a connection."""
    if material.get("kind") in ESTATE:
        return estate_facts(material)
    source, destination = ends(material)
    rows = [("From", source, True), ("To", destination, True), ("Service", services(material), True)]
    if material.get("kind") == "share":
        rows += [
            ("Security", str(material.get("security") or "not stated"), True),
            ("Squash", str(material.get("squash") or "not stated"), True),
            ("Users", ", ".join(material.get("users", [])) or "not stated", True),
        ]
    if material.get("via"):
        rows.append(("Via", " → ".join(material["via"]), True))
    rows += [
        ("Expected use", USES.get(str(material.get("expected_use")), "not stated"), False),
        (
            "Basis",
            basis(material),
            False,
        ),
        ("To be reviewed by", said_day(material.get("review_by")), False),
        ("Ends on", said_day(material.get("ends_on")), False),
    ]
    return [{"label": label, "text": text, "mono": mono, "url": ""} for label, text, mono in rows]


def basis(material: Mapping[str, Any]) -> str:
    """On what it stands."""
    if material.get("basis") != "provisional":
        return "individually justified"
    return f"provisional baseline, resting on {material['risk']}" if "risk" in material else "provisional baseline"


def said_day(value: Any) -> str:
    """A date as people here write it, or that there is none."""
    when = day(value)
    return f"{when.day} {when:%B %Y}" if when else "no date"


def connection_state(connection: Connection, version: ConnectionVersion | None, today: date) -> str:
    """The word of compliance.words.CONNECTIONS for this connection today."""
    if version is not None:
        if version.review_by and version.review_by < today:
            return "overdue"
        return "provisional" if version.material.get("basis") == "provisional" else "authorised"
    # From the rows the list fetched for all its connections at once, where it did
    newest = max(connection.changes.all(), key=lambda change: change.pk, default=None)
    if newest is not None and newest.state in ("draft", "submitted"):
        return "requested"
    past = max(connection.versions.all(), key=lambda row: row.pk, default=None)
    if past is None:
        return "not_authorised"
    if past.valid_to:
        return "retired"
    return "ended" if past.ends_on and past.ends_on < today else "not_authorised"


def change_material(change: ChangeRecord) -> dict[str, Any]:
    """What the change is about, as a dict."""
    return dict(change.material)
