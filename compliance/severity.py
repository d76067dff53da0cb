"""How much a connection or a change could do if it were wrong: high, medium or low. What bulk decisions never mix.

high    an end is a zone or lies outside the estate, the destination is a critical or high-value server, more than a
        hundred ports or all of a protocol, or a widening by a prefix or of several connections
medium  an end is a group, a share that may be written, any other widening
low     one server to one server, and what only takes away
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal

from compliance.models import ChangeRecord, Endpoint
from compliance.standing import mentioned
from compliance.traffic import services

Severity = Literal["high", "medium", "low"]
MANY_PORTS: Final = 100
TAKES_AWAY: Final = (ChangeRecord.Kind.RETIRE, ChangeRecord.Kind.DECOMMISSION)
WIDE: Final = ("zone_prefix", "party_prefix", "group_observed")  # whoever is in there now or later
OUTSIDE: Final = (
    Endpoint.Kind.ZONE, Endpoint.Kind.EXTERNAL_PARTY, Endpoint.Kind.MANAGED_SERVICE, Endpoint.Kind.USER_NETWORK,
)  # fmt: skip
GROUPS: Final = (Endpoint.Kind.STATIC_GROUP, Endpoint.Kind.DYNAMIC_GROUP)
Ends = Mapping[str, Endpoint]


def of_changes(changes: Iterable[ChangeRecord]) -> dict[int, Severity]:
    """The severity of each change, by its id."""
    rows = list(changes)
    ends = ends_named(change.material for change in rows if change.connection_id is not None)
    return {change.pk: of_change(change, ends) for change in rows}


def of_change(change: ChangeRecord, ends: Ends) -> Severity:
    """The severity of one change, with the ends it names."""
    if change.kind in TAKES_AWAY:
        return "low"
    if change.kind == ChangeRecord.Kind.WIDEN:
        opens = change.material["opens"]
        return "high" if change.material["kind"] in WIDE or len(opens) > 1 else "medium"
    return of_material(change.material, ends)


def of_materials(materials: Mapping[int, Mapping[str, Any]]) -> dict[int, Severity]:
    """The severity of each connection or share by what is authorised of it, by its id."""
    ends = ends_named(materials.values())
    return {key: of_material(material, ends) for key, material in materials.items()}


def ends_named(materials: Iterable[Mapping[str, Any]]) -> dict[str, Endpoint]:
    """Every end that these mention, by name."""
    names = {name for material in materials for name in mentioned(material)}
    rows = Endpoint.objects.filter(name__in=names).select_related("server")
    return {end.name: end for end in rows.only("name", "kind", "server__critical", "server__high_value")}


def of_material(material: Mapping[str, Any], ends: Ends) -> Severity:
    """The severity of a connection or share. An end that nobody knows counts as outside."""
    found = [ends.get(name) for name in mentioned(material)]
    last = ends.get(material.get("destination", material.get("server", "")))
    precious = last is not None and last.server is not None and (last.server.critical or last.server.high_value)
    if precious or any(end is None or end.kind in OUTSIDE for end in found) or is_wide(material):
        return "high"
    if any(end is not None and end.kind in GROUPS for end in found) or material.get("access") == "rw":
        return "medium"
    return "low"


def is_wide(material: Mapping[str, Any]) -> bool:
    """Whether it opens more than a hundred ports, or all of a protocol; what cannot be read counts as wide."""
    ports = 0
    for text in material.get("services", []):
        try:
            span = services.parse(str(text)).span
        except ValueError:
            return True
        every = span[0] != span[1]  # any protocol
        ports += MANY_PORTS + 1 if every else span[5] - span[4] + 1 if span[0] in services.WITH_PORTS else 1
    return ports > MANY_PORTS
