"""The network diagram as values: zones in fixed places, what is authorised between them, what is open, what is unknown.

Pure. routes.py finds the lines, zones.py draws them, the same on pages and in packs; `Diagram.as_json()` for programs.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

State = Literal["closed", "authorised", "beyond", "unknown"]
STATES: tuple[State, ...] = ("authorised", "beyond", "unknown", "closed")
# Each state has a sign and a word, so that it is told apart in grey print. `closed` is only said when every
# required point between the two zones was read and denies; a pair nobody judged is `unknown`.
WORDS: Mapping[State, tuple[str, str]] = {
    "closed": ("\u2013", "closed"),
    "authorised": ("✓", "as authorised"),
    "beyond": ("+", "open beyond"),
    "unknown": ("?", "not known"),
}
# Places (column, row) for the first dozen zones, in order: a zone that is added never moves another.
SLOTS = ((0, 0), (1, 0), (2, 0), (0, 1), (1, 1), (2, 1), (3, 0), (3, 1), (0, 2), (1, 2), (2, 2), (3, 2))
COLUMNS_PER_BLOCK = 10  # of the matrix: more do not fit on the page, so they follow below
OTHER_SITES = "Other sites"


@dataclass(frozen=True, slots=True)
class Server:
    """A server as drawn: critical and high-value ones come first and carry a mark (ISM-0516)."""

    name: str
    critical: bool = False
    high_value: bool = False


@dataclass(frozen=True, slots=True)
class Zone:
    """A zone, or with `outside` a network beyond the boundary.

    `read`: servers whose rules were read by the cut-off; None where the drawing says nothing of it.
    """

    name: str
    servers: tuple[Server, ...] = ()
    read: int | None = 0
    site: str = ""
    outside: bool = False


@dataclass(frozen=True, slots=True)
class Link:
    """What is authorised from one zone to another: connections, their services, the enforcement points on the way."""

    source: str
    destination: str
    connections: int
    services: tuple[str, ...] = ()
    points: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Cell:
    """One direction between two zones (or within one): its state, connections, services, findings by severity of word.

    `wider`: findings of more than authorised; `nobody`: open or used with no authorisation at all; `unknown`: not
    decided, not read, stale.
    """

    source: str
    destination: str
    state: State
    connections: int = 0
    services: tuple[str, ...] = ()
    wider: int = 0
    nobody: int = 0
    unknown: int = 0


@dataclass(frozen=True, slots=True)
class Matrix:
    """The zone by zone table, in blocks of columns; `counts` says how many of the cells are in each state."""

    blocks: tuple[tuple[tuple[str, ...], tuple[tuple[str, tuple[Cell, ...]], ...]], ...]
    counts: Mapping[State, int]
    total: int


@dataclass(frozen=True, slots=True)
class Diagram:
    """All of it. Raises ValueError when a link or cell names a zone that is not there or a zone stands twice."""

    zones: tuple[Zone, ...]
    links: tuple[Link, ...]
    cells: tuple[Cell, ...]

    def __post_init__(self) -> None:
        names = [zone.name for zone in self.zones]
        if len(set(names)) != len(names):
            raise ValueError("a zone stands twice in the diagram")
        ends = {(one.source, one.destination) for one in self.links}
        ends |= {(one.source, one.destination) for one in self.cells}
        for zone in sorted({zone for pair in ends for zone in pair} - set(names)):
            raise ValueError(f"the diagram has no zone {zone}")

    def cell(self, source: str, destination: str) -> Cell:
        """The cell of a pair; a pair that was not judged is not known."""
        known = next((c for c in self.cells if (c.source, c.destination) == (source, destination)), None)
        return known or Cell(source, destination, "unknown")

    def matrix(self) -> Matrix:
        """Every pair of zones, the diagonal included."""
        names = tuple(zone.name for zone in self.zones)
        known = {(cell.source, cell.destination): cell for cell in self.cells}
        rows = {source: [known.get((source, to)) or Cell(source, to, "unknown") for to in names] for source in names}
        counts = Counter(cell.state for row in rows.values() for cell in row)
        across = math.ceil(len(names) / max(1, math.ceil(len(names) / COLUMNS_PER_BLOCK)))  # blocks alike, none a rest
        starts = range(0, len(names), max(1, across))
        blocks = tuple(
            (
                names[at : at + across],
                tuple((source, tuple(row[at : at + across])) for source, row in rows.items()),
            )
            for at in starts
        )
        return Matrix(blocks, {state: counts[state] for state in STATES}, len(names) ** 2)

    def flows(self, zone: str) -> tuple[int, int, int]:
        """Authorised connections into the zone from others, out of it to others, and within it."""
        into = sum(link.connections for link in self.links if link.destination == zone != link.source)
        out = sum(link.connections for link in self.links if link.source == zone != link.destination)
        within = sum(link.connections for link in self.links if link.source == zone == link.destination)
        return into, out, within

    def as_json(self) -> dict[str, Any]:
        """The same as plain values for a browser: zones with their places, links, every cell of the matrix."""
        places = slots(len(self.zones))
        cells = [self.cell(a.name, b.name) for a in self.zones for b in self.zones]
        return {
            "zones": [
                {
                    "name": zone.name, "site": zone.site, "outside": zone.outside, "read": zone.read,
                    "column": column, "row": row,
                    "servers": [asdict(one) for one in zone.servers],
                }
                for zone, (column, row) in zip(self.zones, places, strict=True)
            ],
            "links": [
                {**asdict(link), "services": list(link.services), "points": list(link.points)} for link in self.links
            ],
            "cells": [
                {**asdict(cell), "services": list(cell.services)} for cell in cells
            ],
        }  # fmt: skip


def slots(zones: int) -> tuple[tuple[int, int], ...]:
    """Column and row of each zone in order: the fixed dozen, beyond it rows filled from the left."""
    if zones <= len(SLOTS):
        return SLOTS[:zones]
    columns = math.ceil(math.sqrt(zones * 1.2))
    return tuple((at % columns, at // columns) for at in range(zones))


def maps(diagram: Diagram) -> tuple[tuple[str, Diagram], ...]:
    """What to draw: one map, or beyond a dozen zones one per site with all other sites as one box."""
    sites = list(dict.fromkeys(zone.site for zone in diagram.zones))
    if len(diagram.zones) <= len(SLOTS) or len(sites) < 2:
        return (("", diagram),)
    return tuple((site or "No site named", _of_site(diagram, site)) for site in sites)


def _of_site(diagram: Diagram, site: str) -> Diagram:
    """The zones of one site; links and findings to the others end at one box."""
    here = [zone for zone in diagram.zones if zone.site == site]
    away = [zone for zone in diagram.zones if zone.site != site]
    inside = {zone.name for zone in here}
    other = OTHER_SITES
    while other in inside:
        other += " "
    ends = {zone.name: zone.name if zone.name in inside else other for zone in diagram.zones}
    box = Zone(other, tuple(one for zone in away for one in zone.servers), sum(z.read or 0 for z in away), outside=True)
    touching = [one for one in diagram.links if {one.source, one.destination} & inside]
    judged = {(one.source, one.destination): one for one in diagram.cells}
    pairs = [(a.name, b.name) for a in diagram.zones for b in diagram.zones if {a.name, b.name} & inside]
    cells = [judged.get(pair) or Cell(*pair, "unknown") for pair in pairs]
    return Diagram((*here, box), _merged_links(touching, ends), _merged_cells(cells, ends))


def _merged_links(links: Sequence[Link], ends: Mapping[str, str]) -> tuple[Link, ...]:
    pairs: dict[tuple[str, str], list[Link]] = {}
    for link in links:
        pairs.setdefault((ends[link.source], ends[link.destination]), []).append(link)
    return tuple(
        Link(source, to, sum(one.connections for one in group), _union(one.services for one in group),
             _union(one.points for one in group))
        for (source, to), group in pairs.items()
    )  # fmt: skip


def _merged_cells(cells: Sequence[Cell], ends: Mapping[str, str]) -> tuple[Cell, ...]:
    """Several cells as one: open beyond if one is, else not known if one is; closed only when all are."""
    order: tuple[State, ...] = ("beyond", "unknown", "authorised", "closed")
    pairs: dict[tuple[str, str], list[Cell]] = {}
    for cell in cells:
        pairs.setdefault((ends[cell.source], ends[cell.destination]), []).append(cell)
    return tuple(
        Cell(source, to, min((one.state for one in group), key=order.index), sum(one.connections for one in group),
             _union(one.services for one in group), sum(one.wider for one in group),
             sum(one.nobody for one in group), sum(one.unknown for one in group))
        for (source, to), group in pairs.items()
    )  # fmt: skip


def _union(several: Iterable[Iterable[str]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for names in several for name in names))
