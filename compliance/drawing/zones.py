"""Draws the zone map as SVG: plain shapes and escaped text, no scripts, no styles, nothing fetched.

The colours written are those of print; a page overrides them by class (zm-box, zm-head, zm-name, zm-text, zm-quiet,
zm-line, zm-excess, zm-pill, zm-label, zm-mark, zm-ring, zm-wider, zm-nobody, zm-unknown, zm-on): a dark page needs no
second drawing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from compliance.drawing.diagram import Cell, Diagram, Link, Server, Zone, slots
from compliance.drawing.marks import ACCENT, INK, MONO, NOBODY, PALE, QUIET, UNKNOWN, WIDER
from compliance.drawing.marks import cut as _cut
from compliance.drawing.marks import said as _said
from compliance.drawing.marks import text as _text
from compliance.drawing.routes import Edge, Layout, Route, lay_out

WIDTH, HEIGHT = 136.0, 92.0  # of a zone
HEAD = 17.0
LABEL_PX, SERVER_PX = 6.6, 6.4
SHOWN = 6  # servers named in a zone; the rest are counted
SMALL = 2.5 * WIDTH  # narrower drawings are shown as they are


@dataclass(frozen=True, slots=True)
class Badge:
    """A counted finding on a line: its sign, number and colour class."""

    text: str
    kind: str
    fill: str

    @property
    def width(self) -> float:
        """Its room on the line."""
        return len(self.text) * LABEL_PX * MONO + 5


def zone_map(diagram: Diagram, *, title: str) -> str:
    """The map as one <svg> element with a title for those who cannot see it. Zones keep their places."""
    places = slots(len(diagram.zones))
    where = {zone.name: place for zone, place in zip(diagram.zones, places, strict=True)}
    drawn_lines = lines(diagram)
    labels = [label_texts(link) for link, _ in drawn_lines]
    edges = [
        Edge(where[link.source], where[link.destination], widths(texts, badges(cell)))
        for (link, cell), texts in zip(drawn_lines, labels, strict=True)
    ]
    layout = lay_out(places, edges, width=WIDTH, height=HEIGHT)
    drawn: list[str] = []
    for (link, _), route in zip(drawn_lines, layout.routes, strict=True):
        drawn += line(link, route)
    for zone, place in zip(diagram.zones, places, strict=True):
        drawn += zone_box(diagram, zone, layout.boxes[place])
    for (_, cell), route, texts in zip(drawn_lines, layout.routes, labels, strict=True):
        drawn += label(texts[route.width], badges(cell), route)
    return _svg(layout, title, drawn)


def _svg(layout: Layout, title: str, drawn: Iterable[str]) -> str:
    width, height = layout.size
    size = "zm small" if width < SMALL else "zm"  # one or two zones are not blown up to the width of a page
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="{size}" role="img" viewBox="0 0 {width:.1f} {height:.1f}" '
        f'width="{width:.1f}" height="{height:.1f}"><title>{_said(title)}</title>'
    )
    return head + "".join(drawn) + "</svg>"


def lines(diagram: Diagram) -> list[tuple[Link, Cell]]:
    """A line for each direction with something authorised, and one for each with findings and nothing authorised."""
    linked = {(link.source, link.destination): link for link in diagram.links if link.source != link.destination}
    for cell in diagram.cells:
        pair = (cell.source, cell.destination)
        if cell.source != cell.destination and cell.wider + cell.nobody:
            linked.setdefault(pair, Link(*pair, connections=0))
    order = {zone.name: number for number, zone in enumerate(diagram.zones)}
    pairs = sorted(linked, key=lambda pair: (order[pair[0]], order[pair[1]]))
    return [(linked[pair], diagram.cell(*pair)) for pair in pairs]


def label_texts(link: Link) -> tuple[str, ...]:
    """What a label says, the fuller wording first."""
    count = f"{link.connections:,}"
    if not link.services:
        return (count,)
    more = f" +{len(link.services) - 1}" if len(link.services) > 1 else ""
    return (f"{count} · {_cut(link.services[0], 16)}{more}", count)


def badges(cell: Cell) -> list[Badge]:
    """The findings of a pair that are counted on its line."""
    counted = (("+", cell.wider, "zm-wider", WIDER), ("\u00d7", cell.nobody, "zm-nobody", NOBODY),
               ("?", cell.unknown, "zm-unknown", UNKNOWN))  # fmt: skip
    return [Badge(f"{sign}{number:,}", kind, fill) for sign, number, kind, fill in counted if number]


def widths(texts: tuple[str, ...], found: list[Badge]) -> tuple[float, ...]:
    """The room that a label takes with each of its texts."""
    extra = sum(badge.width + 1.5 for badge in found)
    return tuple(_pill_width(text) + extra for text in texts)


def _pill_width(text: str) -> float:
    return len(text) * LABEL_PX * MONO + 9


def line(link: Link, route: Route) -> list[str]:
    """The line and its arrow head. Nothing authorised: dashed, so that it is told apart without colour."""
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in route.corners)
    x, y = route.corners[-1]
    back = 5.0 if route.corners[-2][0] < x else -5.0
    excess = not link.connections
    kind, colour, dash = ("zm-excess", NOBODY, ' stroke-dasharray="4 2.5"') if excess else ("zm-line", ACCENT, "")
    thick = 1.1 if link.connections < 10 else 1.7 if link.connections < 50 else 2.3
    return [
        f'<polyline class="{kind}" points="{points}" fill="none" stroke="{colour}" stroke-width="{thick}"{dash}/>',
        f'<path class="{kind}" d="M{x:.1f} {y:.1f}l{-back:.1f} -2.8v5.6z" fill="{colour}" stroke="none"/>',
    ]


def label(text: str, found: list[Badge], route: Route) -> list[str]:
    """What stands on a line: its text in a pill, then its counted findings."""
    x, y, _, height = route.label
    wide = _pill_width(text)
    out = [
        f'<rect class="zm-pill" x="{x:.1f}" y="{y:.1f}" width="{wide:.1f}" height="{height:.1f}" rx="5" '
        f'fill="#ffffff" stroke="{ACCENT}" stroke-width="0.7"/>',
        _text(x + wide / 2, y + height - 2.8, text, LABEL_PX, "zm-label", INK, mono=True, anchor="middle"),
    ]
    at = x + wide + 1.5
    for badge in found:
        out.append(
            f'<rect class="{badge.kind}" x="{at:.1f}" y="{y:.1f}" width="{badge.width:.1f}" height="{height:.1f}" '
            f'rx="1.5" fill="{badge.fill}"/>'
        )
        middle = at + badge.width / 2
        out.append(
            _text(
                middle,
                y + height - 2.8,
                badge.text,
                LABEL_PX,
                "zm-on",
                "#ffffff",
                mono=True,
                anchor="middle",
                bold=True,
            )
        )
        at += badge.width + 1.5
    return out


def zone_box(diagram: Diagram, zone: Zone, box: tuple[float, float, float, float]) -> list[str]:
    """The zone's box: name and number of servers, the servers that matter most, what goes in and out, what was read."""
    x, y, wide, tall = box
    dash = ' stroke-dasharray="5 3"' if zone.outside else ""
    number = f"{len(zone.servers):,}" if zone.servers or not zone.outside else "outside"
    out = [
        f'<rect class="zm-box" x="{x:.1f}" y="{y:.1f}" width="{wide:.1f}" height="{tall:.1f}" rx="4" fill="{PALE}" '
        f'stroke="{INK}" stroke-width="0.9"{dash}/>',
        f'<path class="zm-head" d="M{x:.1f} {y + HEAD:.1f}v-13a4 4 0 0 1 4 -4h{wide - 8:.1f}a4 4 0 0 1 4 4v13z" '
        f'fill="{INK}"/>',
        _text(x + 7, y + 12, _cut(zone.name, 20), 8.2, "zm-name", "#ffffff", bold=True),
        _text(x + wide - 7, y + 12, number, 7.4, "zm-name", "#ffffff", anchor="end"),
    ]
    for order, server in enumerate(_foremost(zone.servers)):
        out += _server(server, x + 7 + (order % 2) * (wide - 10) / 2, y + HEAD + 11.5 + (order // 2) * 10)
    into, outward, within = diagram.flows(zone.name)
    if len(zone.servers) > SHOWN:
        out.append(_text(x + 7, y + HEAD + 42, f"+{len(zone.servers) - SHOWN:,} more", 6.4, "zm-quiet", QUIET))
    out.append(
        _text(x + 7, y + tall - 15, f"in {into:,} · out {outward:,} · within {within:,}", 6.6, "zm-quiet", QUIET)
    )
    if zone.servers and not zone.outside and zone.read is not None:
        some_unread = zone.read < len(zone.servers)
        kind, fill = ("zm-text", INK) if some_unread else ("zm-quiet", QUIET)
        read = f"rules read on {zone.read:,} of {len(zone.servers):,}"
        out.append(_text(x + 7, y + tall - 6, read, 6.6, kind, fill, bold=some_unread))
    return out


def _foremost(servers: tuple[Server, ...]) -> list[Server]:
    """Those named in the box: critical, then high-value, then by their order."""
    return sorted(servers, key=lambda one: (not one.critical, not one.high_value))[:SHOWN]


def _server(server: Server, x: float, y: float) -> list[str]:
    """A name, with a filled square when critical and a ring when high-value."""
    out, at = [], x
    if server.critical:
        out.append(f'<rect class="zm-mark" x="{at:.1f}" y="{y - 4.3:.1f}" width="4" height="4" fill="{INK}"/>')
        at += 6
    if server.high_value:
        out.append(
            f'<circle class="zm-ring" cx="{at + 2:.1f}" cy="{y - 2.3:.1f}" r="1.9" fill="none" stroke="{INK}" '
            'stroke-width="0.9"/>'
        )
        at += 6
    room = int((WIDTH / 2 - 8 - (at - x)) / (SERVER_PX * MONO))
    out.append(_text(at, y, _cut(server.name, room), SERVER_PX, "zm-text", INK, mono=True))
    return out
