"""The network diagram: zones, what is authorised between them, and for every pair whether more is open, or unknown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from compliance.drawing import diagram
from compliance.models import Server
from compliance.traffic.addresses import parse_host
from compliance.traffic.boxes import Family
from evidence import readings
from evidence.artefacts import Damaged
from evidence.case import INPUT, OUTPUT
from evidence.models import Comparison
from evidence.packs import content
from evidence.packs.section import Cell, Scope, Section, Table
from evidence.packs.section import State as Held
from evidence.packs.sections.gates import Gate, Gates
from evidence.packs.sections.known import Read, Standing, comparison, findings, last_reads, served, standing_at
from evidence.packs.sections.places import Map, Pair, Place, drawn, services
from evidence.packs.verify import NOT_KNOWN
from evidence.rules import Certainty, FormatError, Reading, Verdict

TITLE = "Network diagram"
WIDER = frozenset({Verdict.permits_more, Verdict.share_wider})
NOBODY = frozenset({Verdict.unfiltered, Verdict.changed_without_record, Verdict.used_outside})
COLUMNS = ("id", "from", "to", "services", "path", "access", "zones", "expected_use", "basis", "review_by", "ends_on")
CELLS = ("from", "to", "state", "connections", "services", "wider", "nobody", "not_known",
         "points_on_the_way", "points_read")  # fmt: skip


def build(scope: Scope) -> Section:
    """The diagram with its lists of connections and of every pair of zones."""
    held = comparison(scope)
    found = drawn(scope)
    reads = last_reads(list(servers_of(found.places.values())), held.at if held else scope.as_of)
    gates = gates_of(reads, held)
    cells = judged(found, findings(scope, held), gates)
    whole = diagram.Diagram(tuple(zone(place, reads) for place in found.places.values()), found.links(), cells)
    state, because = held_state(whole, compared=held is not None)
    tables = (
        Table("connections", COLUMNS, [line(found, row) for row in found.listed]),
        Table("zone-pairs", CELLS, [pair_line(cell, *looked_at(found, cell, gates)) for cell in cells]),
    )
    data = content.Network(lead(whole, len(found.listed), compared=held is not None), whole)
    return Section("diagram", TITLE, served("diagram"), state, because, "packs/print/diagram.html", data, tables)


def servers_of(places: Iterable[Place]) -> Iterable[Server]:
    """The servers that stand in these places, each once."""
    return {name: server for place in places for name, server in place.servers.items()}.values()


def gates_of(reads: Mapping[str, Read], held: Comparison | None) -> Gates:
    """The points as the comparison saw them; with nothing compared nothing is known of any."""
    if held is None:
        return Gates({}, {})
    fresh = {name: reading for name, one in reads.items() if (reading := understood(one)) is not None}
    return Gates(fresh, registered(held))


def understood(one: Read) -> Reading | None:
    """The reading of a server, if it is fresh and its stored bytes are whole; else nothing is known of it."""
    if one.snapshot is None or not one.fresh:
        return None
    try:
        return readings.load(one.snapshot)
    except (Damaged, FileNotFoundError, FormatError):
        return None  # the section of the rules names the file


def registered(held: Comparison) -> dict[str, tuple[int, ...]]:
    """The addresses of the servers then."""
    rows = standing_at(held.at)["servers"]
    return {row["name"]: tuple(parse_host(one)[1] for one in row["addresses"]) for row in rows}


def zone(place: Place, reads: Mapping[str, Read]) -> diagram.Zone:
    """A place as it is drawn, its critical and high-value servers first."""
    rows = sorted(place.servers.values(), key=lambda one: (not one.critical, not one.high_value, one.name))
    servers = tuple(diagram.Server(one.name, one.critical, one.high_value) for one in rows)
    read = sum(reads[name].fresh for name in place.servers)
    return diagram.Zone(place.name, servers, read, outside=place.outside)


def judged(found: Map, standing: list[Standing], gates: Gates) -> tuple[diagram.Cell, ...]:
    """A cell for every ordered pair of places, each with itself as well."""
    counts: dict[Pair, Counter[str]] = {}
    for one in standing:
        kind = kind_of(one)
        for pair in touched(one, found) if kind else ():
            counts.setdefault(pair, Counter())[kind] += 1
    return tuple(cell(found, (a, b), counts.get((a, b), Counter()), gates) for a in found.places for b in found.places)


def kind_of(one: Standing) -> str:
    """How a finding counts in a cell: wider, nobody, unknown; "" for one that says nothing about what is open."""
    if one.row.verdict in NOT_KNOWN:
        return "unknown"
    if one.row.verdict not in WIDER | NOBODY:
        return ""
    if one.row.certainty != Certainty.definite:
        return "unknown"
    return "wider" if one.row.verdict in WIDER else "nobody"


def cell(found: Map, pair: Pair, counts: Counter[str], gates: Gates) -> diagram.Cell:
    """One direction: open beyond when a finding proves it, closed when the rules do, else not known if in doubt."""
    rows = found.rows.get(pair, [])
    wider, nobody, unknown = counts["wider"], counts["nobody"], counts["unknown"]
    return diagram.Cell(
        *pair, state_of(found, pair, gates, beyond=bool(wider + nobody), doubt=bool(unknown), linked=bool(rows)),
        len(rows), services(rows), wider, nobody, unknown,
    )  # fmt: skip


def state_of(found: Map, pair: Pair, gates: Gates, *, beyond: bool, doubt: bool, linked: bool) -> diagram.State:
    """The state of a cell."""
    if beyond:
        return "beyond"
    gate = gates.between(found.places[pair[0]], found.places[pair[1]])
    if doubt or gate is Gate.UNKNOWN:
        return "unknown"
    if gate is Gate.DENIES:
        return "closed"
    return "authorised" if linked else "unknown"


def touched(one: Standing, found: Map) -> set[Pair]:
    """The pairs of places a finding is about: by its excess traffic, else its connection, else its server."""
    host, _, point = one.row.point.partition("/")
    homes = [name for name in found.homes.get(host, []) if name in found.places]
    if one.row.excess:
        family: Family = 6 if one.row.family == 6 else 4
        return by_boxes(found, family, one.row.excess, homes, point)
    if one.row.connection is not None and (pairs := found.pairs_of(one.row.connection.ref)):
        return pairs
    every = list(found.places)
    into = {(other, home) for home in homes for other in every}
    out = {(home, other) for home in homes for other in every}
    return into if point == "INPUT" else out if point == "OUTPUT" else into | out


def by_boxes(found: Map, family: Family, boxes: Iterable[list[int]], homes: list[str], point: str) -> set[Pair]:
    """The pairs some box runs between; at a server's own points one end is that server."""
    pairs: set[Pair] = set()
    for box in boxes:
        sources = [name for name, place in found.places.items() if place.touches(family, box[0], box[1])]
        targets = [name for name, place in found.places.items() if place.touches(family, box[2], box[3])]
        if homes and point == "OUTPUT":
            sources = homes
        elif homes and point != "FORWARD":
            targets = homes
        pairs |= {(a, b) for a in sources for b in targets}
    return pairs


def held_state(whole: diagram.Diagram, *, compared: bool) -> tuple[Held, str]:
    """Held only when no pair is unknown."""
    if not whole.zones:
        return "missing", "no zone is registered and no server stands in one"
    if not compared:
        return "partial", "nothing was compared by the cut-off: the pairs of zones are not known"
    ours = of_ours(whole)
    unknown = sum(one.state == "unknown" for one in ours)
    if unknown:
        return "partial", f"{unknown} of {len(ours)} pairs of zones are not known"
    return "held", ""


def of_ours(whole: diagram.Diagram) -> list[diagram.Cell]:
    """The cells with a zone of ours at one end: what parties outside do among themselves is nobody's question here."""
    outside = {zone.name for zone in whole.zones if zone.outside}
    return [one for one in whole.cells if not {one.source, one.destination} <= outside]


def lead(whole: diagram.Diagram, connections: int, *, compared: bool) -> str:
    """The answer in two sentences."""
    ours = of_ours(whole)
    said = f"{connections} authorised connections and shares run on {len(whole.links)} of {len(ours)} pairs of zones."
    if not compared:
        return f"{said} Nothing was compared: whether more is open is not known."
    counts = Counter(one.state for one in ours)
    return f"{said} Open beyond that: {counts['beyond']} pairs. Not known: {counts['unknown']}."


def line(found: Map, row: Mapping[str, object]) -> tuple[Cell, ...]:
    """A connection as a row of the list."""
    ref = str(row["id"])
    zones = "; ".join(f"{a} to {b}" for a, b in sorted(found.pairs_of(ref)))
    return (
        ref, text(row["source"]), text(row["destination"]), text(row["services"]), text(row.get("path")),
        text(row.get("access")), zones, text(row.get("expected_use")), text(row.get("basis")),
        text(row.get("review_by")), text(row.get("ends_on")),
    )  # fmt: skip


def text(value: object) -> str:
    """A value of the register as a cell."""
    if isinstance(value, list):
        return " ".join(str(one) for one in value)
    return "" if value is None else str(value)


def looked_at(found: Map, one: diagram.Cell, gates: Gates) -> tuple[int, int]:
    """(points of our servers between the two, how many of them were read and understood): the coverage of a pair."""
    source, target = found.places[one.source], found.places[one.destination]
    ways = [(name, OUTPUT) for name in source.servers] + [(name, INPUT) for name in target.servers]
    return len(ways), sum(name in gates.hosts and point in gates.hosts[name].points for name, point in ways)


def pair_line(one: diagram.Cell, points: int, read: int) -> tuple[Cell, ...]:
    """A cell as a row of the list."""
    return (
        one.source, one.destination, diagram.WORDS[one.state][1], one.connections, " ".join(one.services),
        one.wider, one.nobody, one.unknown, points, read,
    )  # fmt: skip
