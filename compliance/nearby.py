"""What stands near a request: the authorised connections that can touch it, without reading all the others.

Two connections touch only where the addresses of their ends do. So the names of ends whose addresses overlap those of
the request are looked for in the estate, and the connections that mention one of these names are read, each with its
seals. With a hundred thousand connections these are some hundreds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from django.db.models import Q

from compliance.models import ConnectionVersion, Endpoint
from compliance.models.connections import FEW
from compliance.models.written import names_beside
from compliance.register_estate import Estate
from compliance.register_rows import Problems, Row
from compliance.standing import estate_on, mentioned, newest
from compliance.traffic.addresses import Range, family_of_value


def register_near(material: Mapping[str, Any], day: date) -> dict[str, Any]:
    """The register of that day: the whole estate, and the connections that can touch what is asked for."""
    estate = estate_on(day)
    keys = mentioning(names_near(mentioned(material), estate.register([])), day)
    return estate.register(authorised_of(keys, day))


def authorised_of(keys: Iterable[int], day: date) -> list[ConnectionVersion]:
    """The versions of these keys that are authorised on that day, each with its connection, in parts for a database."""
    listed = sorted(keys)
    parts = (listed[start : start + FEW] for start in range(0, len(listed), FEW))
    # The keys first: of rows among two lists of keys at once PostgreSQL reads the whole table
    good = [ConnectionVersion.objects.filter(pk__among=part).keys_authorised_at(day) for part in parts]
    found = (ConnectionVersion.objects.filter(pk__among=part).select_related("connection") for part in good)
    return [version for part in found for version in part]


def naming_by_ends(names: Iterable[str], day: date) -> list[ConnectionVersion]:
    """What is authorised on that day and mentions one of these names, one version a connection: as `reach.naming`,
    found by the ends of connections instead of by their words."""
    wanted = set(names)
    versions = newest(authorised_of(mentioning(wanted, day), day))
    return [version for version in versions if wanted & set(mentioned(version.material))]


def mentioning(names: set[str], day: date) -> set[int]:
    """The versions that stand and may mention one of these names: by their ends, as clients of a share, or on the way.

    Asked apart, as an index answers for each of the ends, and nothing for all of it at once.
    """
    standing = ConnectionVersion.objects.standing_on(day).order_by()
    ends = list(Endpoint.objects.filter(name__in=names).values_list("pk", flat=True))
    ways = (
        Q(connection__source__in=ends),
        Q(connection__destination__in=ends),
        names_beside(names),
    )
    return {key for way in ways for key in standing.filter(way).values_list("pk", flat=True)}


def names_near(names: Iterable[str], register: Mapping[str, Any]) -> set[str]:
    """These names, and every server, group, zone and party of the register whose addresses overlap one of theirs."""
    problems = Problems()
    estate = Estate.read(register, problems)
    row = Row("connections", 1, "what is asked for", {}, problems)
    asked = list(names)
    parts = [part for name in asked if (part := estate.endpoint(row, "source", only=name)) is not None]
    mine = [one for part in parts for one in part.ranges]
    found = set(asked)
    for name, values in estate.servers.items():
        if any(_overlap(Range(family_of_value(value), value, value), one) for value in values for one in mine):
            found.add(name)
    for name in estate.groups:
        part = estate.endpoint(row, "source", only=name)
        if part is None or any(_overlap(one, other) for one in part.ranges for other in mine):
            found.add(name)  # what cannot be told is looked at
    for name, ranges in estate.zones.items():
        inside = ranges or tuple(
            Range(family_of_value(value), value, value)
            for server, zone in estate.zone_of.items() if zone == name for value in estate.servers[server]
        )  # fmt: skip
        if any(_overlap(one, other) for one in inside for other in mine):
            found.add(name)
    return found


def _overlap(one: Range, other: Range) -> bool:
    return one.family == other.family and one.low <= other.high and other.low <= one.high
