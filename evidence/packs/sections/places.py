"""The zones of the diagram with their servers and addresses, and what is authorised between them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, Final

from django.db.models import Q

from compliance.drawing import diagram
from compliance.models import Connection, Endpoint, Server, Zone
from compliance.standing import Standing
from compliance.traffic import addresses, intervals
from compliance.traffic.boxes import FAMILIES, Family
from compliance.traffic.intervals import Interval
from evidence.packs.section import Scope
from evidence.packs.sections.known import standing_at

NO_ZONE: Final = "No zone named"
OUTSIDE: Final = "Outside the estate"  # all parties as one, where they are too many to draw each
ELSEWHERE: Final = "Other addresses"  # ends written as addresses that lie in no zone
Pair = tuple[str, str]


@dataclass
class Place:
    """A zone, a party outside, or the servers without a zone. `ranges`: its addresses by family."""

    name: str
    servers: dict[str, Server] = field(default_factory=dict)
    ranges: dict[Family, list[Interval]] = field(default_factory=lambda: {family: [] for family in FAMILIES})
    outside: bool = False

    def add(self, text: str) -> None:
        """Adds an address or prefix."""
        one = addresses.parse(text)
        self.ranges[one.family] = intervals.merge([*self.ranges[one.family], (one.low, one.high)])

    def touches(self, family: Family, low: int, high: int) -> bool:
        """Whether some address of it lies in that range."""
        return any(start <= high and low <= end for start, end in self.ranges[family])


@dataclass
class Map:
    """All places in the order they are drawn, the places of each server, and the authorised connections by pair."""

    places: dict[str, Place]
    homes: dict[str, list[str]]
    rows: dict[Pair, list[dict[str, Any]]]
    listed: list[dict[str, Any]]

    def links(self) -> tuple[diagram.Link, ...]:
        """One link for each pair of places with authorised connections."""
        return tuple(
            diagram.Link(source, target, len(rows), services(rows), points(self.places[source], self.places[target]))
            for (source, target), rows in self.rows.items()
        )

    @cached_property
    def by_ref(self) -> dict[str, set[Pair]]:
        """Connection → the pairs it runs between."""
        found: dict[str, set[Pair]] = defaultdict(set)
        for pair, rows in self.rows.items():
            for row in rows:
                found[row["id"]].add(pair)
        return dict(found)

    def pairs_of(self, ref: str) -> set[Pair]:
        """The pairs a connection runs between."""
        return self.by_ref.get(ref, set())


def drawn(scope: Scope) -> Map:
    """The map at the cut-off: the zones of the systems, and those (and the parties outside) they are connected to."""
    every, homes = all_places(scope.as_of)
    mine = set(Connection.objects.filter(system__name__in=scope.systems).values_list("pk", flat=True))
    register = standing_at(scope.as_of)
    said = [row for row in [*register["connections"], *map(as_flow, register["shares"])] if number(row["id"]) in mine]
    ends = Ends(every, homes, scope.as_of)
    rows: dict[Pair, list[dict[str, Any]]] = defaultdict(list)
    for row in said:
        for source in ends.of(row["source"]):
            for target in ends.of(row["destination"]):
                rows[source, target].append(row)
    wanted = {name for pair in rows for name in pair} | own(scope, every)
    places = {name: place for name, place in every.items() if name in wanted}
    found = Map(places, homes, dict(rows), said)
    return found if len(places) <= len(diagram.SLOTS) else gathered(found)


def gathered(found: Map) -> Map:
    """The same with all parties outside as one place, in which they stand by name in the list of connections."""
    names = {name: OUTSIDE if place.outside else name for name, place in found.places.items()}
    one = Place(OUTSIDE, outside=True)
    for place in found.places.values():
        if place.outside:
            one.ranges = {each: intervals.merge([*one.ranges[each], *place.ranges[each]]) for each in FAMILIES}
    inside = {name: place for name, place in found.places.items() if not place.outside}
    rows: dict[Pair, list[dict[str, Any]]] = defaultdict(list)
    for (source, target), held in found.rows.items():
        pair = names[source], names[target]
        rows[pair].extend(row for row in held if row not in rows[pair])
    return Map({**inside, OUTSIDE: one}, found.homes, dict(rows), found.listed)


def own(scope: Scope, every: Mapping[str, Place]) -> set[str]:
    """The places of the systems: their zones, and those in which a server of theirs stands."""
    zones = set(Zone.objects.filter(system__name__in=scope.systems).values_list("pk", flat=True))
    names = {label(zone) for zone in Zone.objects.select_related("space") if zone.pk in zones}
    held = {
        name
        for name, place in every.items()
        if any(server.system.name in scope.systems for server in place.servers.values())
    }
    return names | held


def all_places(moment: datetime) -> tuple[dict[str, Place], dict[str, list[str]]]:
    """Every zone with its servers then, the servers without one, the parties outside; and where each server stands."""
    estate = Standing(moment)
    places: dict[str, Place] = {}
    homes: dict[str, list[str]] = defaultdict(list)
    labels: dict[int, str] = {}
    for zone in Zone.objects.select_related("space").order_by("slot", "name", "pk"):
        labels[zone.pk] = label(zone)
        place = places.setdefault(label(zone), Place(label(zone)))
        for one in estate.prefixes.get(zone.pk, []):
            place.add(one.prefix)
    stray = Place(NO_ZONE)
    here = Q(status=Server.Status.IN_SERVICE) | Q(retired_at__gt=moment)
    for server in Server.objects.filter(here).select_related("system").order_by("name"):
        held = estate.addresses.get(server.pk, [])
        for one in held:
            place = places[labels[one.zone_id]] if one.zone_id else stray
            place.servers[server.name] = server
            place.add(one.ip)
        if not held:
            stray.servers[server.name] = server
    places[NO_ZONE] = stray
    for end in Endpoint.objects.filter(server__isnull=True, group__isnull=True, zone__isnull=True).order_by("name"):
        place = places.setdefault(end.name, Place(end.name, outside=True))
        for held in estate.parties.get(end.pk, []):
            place.add(held.prefix)
    places[ELSEWHERE] = Place(ELSEWHERE, outside=True)
    keep_outside(places)
    for name, place in places.items():
        for server_name in place.servers:
            homes[server_name].append(name)
    return places, dict(homes)


def keep_outside(places: Mapping[str, Place]) -> None:
    """What a party outside may hold (0.0.0.0/0) without the addresses of our zones: those are not outside."""
    for family in FAMILIES:
        ours = [one for place in places.values() if not place.outside for one in place.ranges[family]]
        for place in places.values():
            if place.outside:
                place.ranges[family] = intervals.subtract(place.ranges[family], ours)


def label(zone: Zone) -> str:
    """A zone's name; with its address space where another zone has the same."""
    twice = Zone.objects.filter(name=zone.name).exclude(pk=zone.pk).exists()
    return f"{zone.name} ({zone.space.name})" if twice else zone.name


class Ends:
    """Where the ends of a connection lie."""

    def __init__(self, places: Mapping[str, Place], homes: Mapping[str, list[str]], at: datetime) -> None:
        self.places, self.homes, self.at = places, homes, at
        self.groups = {
            end.name: end.group for end in Endpoint.objects.filter(group__isnull=False).select_related("group")
        }

    def of(self, said: str | list[str]) -> list[str]:
        """The places of one end, as the register writes it."""
        texts = [said] if isinstance(said, str) else said
        return list(dict.fromkeys(place for text in texts for place in self._one(str(text))))

    def _one(self, text: str) -> list[str]:
        if text in self.homes:
            return self.homes[text]
        if text in self.places:
            return [text]
        group = self.groups.get(text)
        if group is not None:
            members = group.members_on(self.at).values_list("name", flat=True)
            return list(dict.fromkeys(place for name in members for place in self.homes.get(name, [])))
        return self._addresses(text)

    def _addresses(self, text: str) -> list[str]:
        ranges = addresses.parse_any(text) if text == "any" or addresses.looks_like_address(text) else ()
        found = [
            name
            for name, place in self.places.items()
            if not place.outside and any(place.touches(one.family, one.low, one.high) for one in ranges)
        ]
        return found or [ELSEWHERE]


def as_flow(share: Mapping[str, Any]) -> dict[str, Any]:
    """A share as a connection from its clients to its server."""
    return {
        "id": share["id"], "source": share.get("clients") or [], "destination": share["server"],
        "services": [str(share["protocol"])], "path": share.get("path", ""), "access": share.get("access", ""),
    }  # fmt: skip


def number(ref: str) -> int:
    """The key in an id (CON-42)."""
    return int(ref.rpartition("-")[2])


def services(rows: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """The services of several connections, each once."""
    return tuple(dict.fromkeys(str(one) for row in rows for one in row["services"]))


def points(source: Place, target: Place) -> tuple[str, ...]:
    """The enforcement points on the way: a party outside has none of ours."""
    return (*(() if source.outside else ("OUTPUT",)), *(() if target.outside else ("INPUT",)))
