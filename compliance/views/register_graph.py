"""The register as a drawing: who is authorised to reach what, as fine as its size lets anybody read it.

Few connections are drawn end by end, more of them by zone, and beyond a dozen zones by system. By zone, one of them may
be open: its ends are boxes of their own. What is left out is said, and all that is drawn stands in a table as well.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, NamedTuple

from django.utils import timezone
from django.utils.safestring import SafeString, mark_safe

from compliance.actions.material import ends_of
from compliance.drawing.diagram import SLOTS, Cell, Diagram, Link, Server, Zone
from compliance.drawing.ends import Flow, ends_map
from compliance.drawing.zones import zone_map
from compliance.models import Address, Connection, ConnectionVersion, Endpoint, Membership
from compliance.views.shown import connection_state, services
from compliance.words import status

LEVELS: Final = (("ends", "by end"), ("zones", "by zone"), ("systems", "by system"))
FEW: Final = 60  # connections that are drawn end by end
MOST_ENDS: Final = 160  # lines of a drawing end by end, when that is asked for all the same
MOST_PAIRS: Final = 30  # lines of a drawing by zone or system: the fullest
NO_ZONE: Final = "No zone named"
OUTSIDE: Final = "Outside the estate"
STANDING: Final = ("authorised", "provisional", "overdue")
NOT_KNOWN: Final = ("", "not_verifiable", "stale", "unreachable")


class Line(NamedTuple):
    """One authorised connection between two ends; a share has one for each of its clients."""

    ref: str
    source: str
    target: str
    services: str
    verdict: str


@dataclass(frozen=True)
class Place:
    """Where an end stands: in which zones (several for a group), and of which system."""

    zones: tuple[str, ...]
    system: str
    outside: bool = False


def drawn(
    rows: Sequence[Connection], authorised: set[int], today: date, asked: str, opened: str = ""
) -> dict[str, Any]:
    """Context of compliance/register_graph.html for the rows that fit the filters. `asked`: a level, or "" for ours;
    `opened`: the one zone whose ends are drawn, where it is drawn by zone.
    """
    lines = [line for row in rows for line in lines_of(row, authorised, today)]
    refs = {line.ref for line in lines}
    places = places_of({name for line in lines for name in (line.source, line.target)})
    level = asked if asked in dict(LEVELS) else fitting(len(refs), places)
    zones = sorted({zone for place in places.values() if not place.outside for zone in place.zones})
    inner = opened if level == "zones" and opened in zones else ""
    said = by_ends(lines, places) if level == "ends" else by_places(lines, places, level, inner)
    idle = len(rows) - len(refs)
    left_out = [
        *([f"{counted(idle)} not authorised today: requested, ended or retired. The table has them."] if idle else []),
        *said["left_out"],
    ]
    return {
        **said,
        "level": level,
        "level_label": dict(LEVELS)[level],
        "levels": [{"name": name, "label": label, "current": name == level} for name, label in LEVELS],
        "connections": len(refs),
        "opened": inner,
        "zones": [{"name": one, "current": one == inner, "opens": "" if one == inner else one} for one in zones]
        if level == "zones"
        else [],
        "left_out": left_out,
    }


def counted(number: int) -> str:
    """`1 connection is`, `3 connections are`."""
    return "1 connection is" if number == 1 else f"{number:,} connections are"


def lines_of(row: Connection, authorised: set[int], today: date) -> list[Line]:
    """The lines of one connection, none where nothing of it is authorised today."""
    version = next((each for each in row.versions.all() if each.pk in authorised), None)
    if version is None or connection_state(row, version, today) not in STANDING:
        return []
    return of_version(row, version)


def of_version(row: Connection, version: ConnectionVersion) -> list[Line]:
    """From each source to the end it leads to."""
    sources, target = ends_of(version.material)
    what = services(version.material)
    return [Line(row.ref, source, target, what, row.drift) for source in sources]


def fitting(connections: int, places: Mapping[str, Place]) -> str:
    """The finest level that can be read."""
    if connections <= FEW:
        return "ends"
    zones = {zone for place in places.values() if not place.outside for zone in place.zones}
    return "zones" if len(zones) < len(SLOTS) else "systems"


def places_of(names: set[str]) -> dict[str, Place]:
    """Where each of these ends stands today; an end outside is its own place."""
    rows = Endpoint.objects.filter(name__in=names).select_related("server__system", "group__system", "zone__system")
    ends = {row.name: row for row in rows}
    members: dict[int, list[int]] = defaultdict(list)
    groups = [row.group_id for row in ends.values() if row.group_id]
    held = Membership.objects.in_force(timezone.now()).filter(group_id__in=groups)
    for group, server in held.values_list("group_id", "server_id"):
        members[group].append(server)
    servers = {row.server_id for row in ends.values() if row.server_id}
    servers |= {one for each in members.values() for one in each}
    zones: dict[int, list[str]] = defaultdict(list)
    addresses = Address.objects.in_force(timezone.now()).filter(server_id__in=servers, zone__isnull=False)
    for server, zone in addresses.order_by("pk").values_list("server_id", "zone__name"):
        zones[server].append(zone)
    found = {}
    for name in names:
        end = ends.get(name)
        if end is None or end.system is None:
            found[name] = Place((name,), OUTSIDE, outside=True)
            continue
        inside = [end.server_id] if end.server_id else members[end.group_id] if end.group_id else []
        mine = [end.zone.name] if end.zone else [zone for key in inside if key for zone in zones[key]]
        found[name] = Place(tuple(dict.fromkeys(mine)) or (NO_ZONE,), end.system.name)
    return found


def tone(verdict: str) -> Any:
    """How a line is drawn by what the rules show of it; nothing compared is nothing known."""
    return status("verdict", verdict).tone if verdict else "off"


def by_ends(lines: Sequence[Line], places: Mapping[str, Place]) -> dict[str, Any]:
    """Every end on its own."""

    def where(name: str) -> str:
        place = places[name]
        return OUTSIDE if place.outside else ", ".join(place.zones)

    kept, cut = lines[:MOST_ENDS], lines[MOST_ENDS:]
    flows = [
        Flow(line.source, where(line.source), line.target, where(line.target), line.services, tone(line.verdict))
        for line in kept
    ]
    title = f"{len(kept)} lines from {len({one.source for one in kept})} ends to {len({one.target for one in kept})}"
    dropped = len({line.ref for line in cut} - {line.ref for line in kept})
    return {
        "svg": made(ends_map(flows, title=title)) if flows else "",
        "title": title,
        "rows": [
            {"source": line.source, "target": line.target, "services": line.services, "count": 1,
             "ref": line.ref, "verdict": line.verdict}
            for line in kept
        ],
        "left_out": [f"{counted(dropped)} not drawn: narrow the list, or group it by zone."] if dropped else [],
    }  # fmt: skip


def by_places(lines: Sequence[Line], places: Mapping[str, Place], level: str, opened: str = "") -> dict[str, Any]:
    """Zones (or systems) as boxes, with what is authorised between them; the `opened` zone as one box for each end."""
    ends = {name: where(place, level) for name, place in places.items()}
    inner = {name for name, boxes in ends.items() if opened and not places[name].outside and opened in boxes}
    taken = {box for boxes in ends.values() for box in boxes} - {opened}
    own = {name: f"{name} (end)" if name in taken else name for name in inner}
    ends |= {name: tuple(own[name] if box == opened else box for box in ends[name]) for name in inner}
    crowded = len({box for boxes in ends.values() for box in boxes}) > len(SLOTS)
    if crowded:  # all parties outside as one, as on the diagram of a pack
        ends = {name: (OUTSIDE,) if places[name].outside else boxes for name, boxes in ends.items()}
    refs: dict[tuple[str, str], dict[str, Line]] = defaultdict(dict)
    for line in lines:
        for a in ends[line.source]:
            for b in ends[line.target]:
                refs[a, b][line.ref] = line
    first = {*own.values()}  # what the open zone holds is drawn before the rest
    order = sorted(refs, key=lambda pair: (not first & set(pair), -len(refs[pair]), pair))
    between = [pair for pair in order if pair[0] != pair[1]]
    kept, cut = between[:MOST_PAIRS], between[MOST_PAIRS:]
    boxes = boxes_of(ends, places)
    title = f"{len({line.ref for line in lines})} connections between {len(boxes)} places"
    within = [pair for pair in order if pair[0] == pair[1]]
    left_out = [f"{len(cut)} pairs with {sum(len(refs[pair]) for pair in cut)} connections are in the table only: the "
                f"{MOST_PAIRS} fullest are drawn."] if cut else []  # fmt: skip
    if crowded and any(place.outside for place in places.values()):
        left_out.append("All parties outside are drawn as one.")
    whole = Diagram(boxes, links(refs, [*kept, *within]), cells(refs, kept))
    return {
        "svg": made(zone_map(whole, title=title)) if boxes else "",
        "title": title,
        "rows": [
            {"source": a, "target": b, "services": listed(refs[a, b].values()), "count": len(refs[a, b]),
             "ref": "", "verdict": ""}
            for a, b in order
        ],
        "left_out": left_out,
    }  # fmt: skip


def where(place: Place, level: str) -> tuple[str, ...]:
    """The boxes an end stands in."""
    return place.zones if place.outside or level == "zones" else (place.system,)


def boxes_of(ends: Mapping[str, tuple[str, ...]], places: Mapping[str, Place]) -> tuple[Zone, ...]:
    """Each place with the ends that are named in it; those outside last."""
    inside: dict[str, list[str]] = defaultdict(list)
    outside: set[str] = set()
    for name in sorted(ends):
        for box in ends[name]:
            inside[box].append(name)
            outside |= {box} if places[name].outside else set()
    names = sorted(inside, key=lambda box: (box in outside, box == NO_ZONE, box))
    return tuple(
        Zone(box, () if box in outside else tuple(map(Server, inside[box])), read=None, outside=box in outside)
        for box in names
    )


def links(refs: Mapping[tuple[str, str], Mapping[str, Line]], pairs: Iterable[tuple[str, str]]) -> tuple[Link, ...]:
    """What is authorised between each pair."""
    return tuple(Link(a, b, len(refs[a, b]), each_once(refs[a, b].values())) for a, b in pairs)


def cells(refs: Mapping[tuple[str, str], Mapping[str, Line]], pairs: Iterable[tuple[str, str]]) -> tuple[Cell, ...]:
    """How many of a pair's connections are not as authorised, and of how many that is not known."""
    found = []
    for a, b in pairs:
        mine = Counter("unknown" if one.verdict in NOT_KNOWN else tone(one.verdict) for one in refs[a, b].values())
        wrong, unknown = mine["bad"] + mine["warn"], mine["unknown"] + mine["off"]
        found.append(Cell(a, b, "beyond" if wrong else "unknown" if unknown else "authorised", len(refs[a, b]),
                          wider=wrong, unknown=unknown))  # fmt: skip
    return tuple(found)


def each_once(lines: Iterable[Line]) -> tuple[str, ...]:
    """The services of several connections, each once."""
    return tuple(dict.fromkeys(text for one in lines for text in one.services.split(", ")))


def listed(lines: Iterable[Line], most: int = 4) -> str:
    """Services, each once."""
    texts = each_once(lines)
    more = len(texts) - most
    return ", ".join(texts[:most]) + (f" and {more} more" if more > 0 else "")


def made(svg: str) -> SafeString:
    """A drawing of ours: every text in it is escaped where it is drawn (compliance/drawing/marks.py)."""
    return mark_safe(svg)  # noqa: S308
