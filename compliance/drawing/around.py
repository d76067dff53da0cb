"""Draws one zone with all that comes in on its left and goes out on its right: for maps with too many lines to follow.

Pure, and of the same shapes and colours as the map of all zones (zones.py).
"""

from __future__ import annotations

from typing import Final

from compliance.drawing.diagram import Cell, Diagram, Link
from compliance.drawing.marks import INK, cut, said, text
from compliance.drawing.routes import Route
from compliance.drawing.zones import HEIGHT, WIDTH, badges, label, label_texts, line, lines, widths, zone_box

MOST_LINES: Final = 30  # that can be followed in one map
NAME, GAP, STEP = 128.0, 196.0, 16.0  # room for the name of the other zone, for the line and its label; between lines
NAME_PX, SIGNS = 8.2, 24
PILL = 10.0
End = tuple[str, Link, Cell]  # the other zone, what is authorised, what was found


def is_dense(diagram: Diagram) -> bool:
    """Whether one map of it has more lines than anybody can follow."""
    return len(lines(diagram)) > MOST_LINES


def drawn_alone(diagram: Diagram) -> list[str]:
    """The zones to draw one by one so that each line stands in some drawing: ours, and parties that send to others."""
    outside = {zone.name for zone in diagram.zones if zone.outside}
    apart = {link.source for link, _ in lines(diagram) if {link.source, link.destination} <= outside}
    return [zone.name for zone in diagram.zones if zone.name not in outside or zone.name in apart]


def zone_around(diagram: Diagram, name: str, *, title: str) -> str:
    """The drawing as one <svg> element with a title for those who cannot see it."""
    into = [(link.source, link, cell) for link, cell in lines(diagram) if link.destination == name]
    out = [(link.destination, link, cell) for link, cell in lines(diagram) if link.source == name]
    tall = max(HEIGHT, STEP * (max(len(into), len(out)) + 1))
    width, left = 2 * (NAME + GAP) + WIDTH, NAME + GAP
    whole = next(zone for zone in diagram.zones if zone.name == name)
    drawn = zone_box(diagram, whole, (left, 2.0, WIDTH, tall))
    for ends, start, end, far, anchor in (
        (into, NAME + 4, left, NAME, "end"),
        (out, left + WIDTH, width - NAME - 4, width - NAME, "start"),
    ):
        for order, one in enumerate(ends, start=1):
            drawn += _end(one, start, end, far, anchor, 2.0 + order * tall / (len(ends) + 1))
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="zm" role="img" viewBox="0 0 {width:.1f} {tall + 4:.1f}" '
        f'width="{width:.1f}" height="{tall + 4:.1f}"><title>{said(title)}</title>'
    )
    return head + "".join(drawn) + "</svg>"


def _end(one: End, start: float, end: float, far: float, anchor: str, y: float) -> list[str]:
    """One line, straight: the other zone's name, the line with its arrow, the label on it."""
    name, link, cell = one
    texts, found = label_texts(link), badges(cell)
    room = end - start - 16
    which = next((at for at, wide in enumerate(widths(texts, found)) if wide <= room), len(texts) - 1)
    route = Route(((start, y), (end, y)), (start + 4, y - PILL / 2, room, PILL), which)
    side = -2.0 if anchor == "end" else 2.0
    named = text(far + side, y + 2.8, cut(name, SIGNS), NAME_PX, "zm-text", INK, anchor=anchor)
    return [*line(link, route), *label(texts[which], found, route), named]
