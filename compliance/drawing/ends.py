"""Draws who may reach what, end by end: whoever asks on the left, what is offered on the right, a line for each.

Pure, and plain shapes with escaped text like the map of zones (zones.py). What is offered is told with its services, so
that no line needs a label; ends stand together by their place, and near those they are connected with.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from compliance.drawing.marks import ACCENT, INK, MONO, NOBODY, QUIET, UNKNOWN, WIDER, cut, said, text

Tone = Literal["ok", "warn", "bad", "off"]
ROW, HEAD = 21.0, 26.0  # height of an end, of the name of a place
LEFT, GAP, RIGHT = 236.0, 250.0, 404.0
NAME_PX, HEAD_PX = 11.0, 10.5
PAD: Final = 10.0
# Told apart without colour as well: how the line is broken
LINES: Final[Mapping[Tone, tuple[str, str, str]]] = {
    "ok": ("zm-ok", ACCENT, ""),
    "warn": ("zm-warn", WIDER, "7 3"),
    "bad": ("zm-excess", NOBODY, "2.5 2.5"),
    "off": ("zm-off", UNKNOWN, "1 4"),
}
End = tuple[str, str]  # place, name; on the right the name is the end with its services


@dataclass(frozen=True, slots=True)
class Flow:
    """One line: from an end, to an end with services; the places are what they stand together by."""

    source: str
    source_place: str
    target: str
    target_place: str
    services: str
    tone: Tone = "off"


@dataclass(slots=True)
class _Side:
    """One column: where each end stands, and what is drawn of it."""

    rows: dict[End, float] = field(default_factory=dict)
    heads: list[tuple[str, float]] = field(default_factory=list)
    height: float = 0.0


def ends_map(flows: Sequence[Flow], *, title: str) -> str:
    """The drawing as one <svg> element with a title for those who cannot see it."""
    sources = _ordered({(one.source_place, one.source): _targets(flows, one) for one in flows})
    left = _column(sources)
    right = _column(_ordered({_offer(one): _middle(flows, one, left) for one in flows}))
    if left.height < right.height:
        left = _beside(sources, flows, right)
    width, height = LEFT + GAP + RIGHT, max(left.height, right.height)
    drawn = [_curve(one, left, right) for one in sorted(flows, key=lambda one: one.tone != "ok")]
    drawn += _named(left, 0.0, LEFT, anchor="end") + _named(right, LEFT + GAP, RIGHT, anchor="start")
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="zm ends" role="img" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'width="{width:.0f}" height="{height:.0f}"><title>{said(title)}</title>'
    )
    return head + "".join(drawn) + "</svg>"


def _offer(one: Flow) -> End:
    return one.target_place, f"{one.target}\0{one.services}"


def _targets(flows: Iterable[Flow], one: Flow) -> float:
    """Where on the left an end is drawn: by the names of what it reaches, so that lines cross less."""
    places = sorted({each.target_place for each in flows})
    mine = [places.index(each.target_place) for each in flows if each.source == one.source]
    return sum(mine) / len(mine)


def _middle(flows: Iterable[Flow], one: Flow, left: _Side) -> float:
    """The middle of those who reach it."""
    mine = [left.rows[each.source_place, each.source] for each in flows if _offer(each) == _offer(one)]
    return sum(mine) / len(mine)


def _ordered(ends: Mapping[End, float]) -> list[End]:
    """The ends by place, the places and the ends of each by where their lines lead."""
    weights: dict[str, list[float]] = {}
    for (place, _), weight in ends.items():
        weights.setdefault(place, []).append(weight)
    middle = {place: sum(found) / len(found) for place, found in weights.items()}
    return sorted(ends, key=lambda end: (middle[end[0]], end[0], ends[end], end[1]))


def _column(ends: Iterable[End]) -> _Side:
    side, place, at = _Side(), None, PAD
    for end in ends:
        if end[0] != place:
            place = end[0]
            side.heads.append((place, at))
            at += HEAD
        side.rows[end] = at + ROW / 2
        at += ROW
    side.height = at + PAD
    return side


def _beside(ends: Iterable[End], flows: Sequence[Flow], right: _Side) -> _Side:
    """The shorter column with each place beside what its ends reach, none over another and none below the end."""
    blocks: dict[str, list[End]] = {}
    for end in ends:
        blocks.setdefault(end[0], []).append(end)
    wanted: dict[str, float] = {}
    for place in blocks:
        mine = [right.rows[_offer(one)] for one in flows if one.source_place == place]
        wanted[place] = sum(mine) / len(mine)
    order = sorted(blocks, key=lambda place: (wanted[place], place))
    tall = {place: HEAD + ROW * len(blocks[place]) for place in order}
    side, at = _Side(height=right.height), PAD
    for number, place in enumerate(order):
        below = sum(tall[other] for other in order[number:])
        at = min(max(at, wanted[place] - tall[place] / 2), right.height - PAD - below)
        side.heads.append((place, at))
        for row, end in enumerate(blocks[place]):
            side.rows[end] = at + HEAD + ROW * row + ROW / 2
        at += tall[place]
    return side


def _curve(one: Flow, left: _Side, right: _Side) -> str:
    y1, y2 = left.rows[one.source_place, one.source], right.rows[_offer(one)]
    x1, x2, bend = LEFT, LEFT + GAP, GAP * 0.45
    kind, colour, dash = LINES[one.tone]
    broken = f' stroke-dasharray="{dash}"' if dash else ""
    path = f"M{x1:.1f} {y1:.1f}C{x1 + bend:.1f} {y1:.1f} {x2 - bend:.1f} {y2:.1f} {x2 - 6:.1f} {y2:.1f}"
    return (
        f'<path class="{kind}" d="{path}" fill="none" stroke="{colour}" stroke-width="1.4"{broken}/>'
        f'<path class="{kind} zm-tip" d="M{x2:.1f} {y2:.1f}l-6 -3v6z" fill="{colour}" stroke="none"/>'
    )


def _named(side: _Side, x: float, width: float, *, anchor: str) -> list[str]:
    """The names of places and ends of one column."""
    drawn = []
    for place, y in side.heads:
        at = x + width - 8 if anchor == "end" else x + 8
        drawn.append(text(at, y + HEAD - 8, cut(place, 34), HEAD_PX, "zm-quiet", QUIET, bold=True, anchor=anchor))
    for (_, name), y in side.rows.items():
        end, _, services = name.partition("\0")
        drawn.append(
            f'<rect class="zm-box" x="{x + 1:.1f}" y="{y - ROW / 2 + 1.5:.1f}" width="{width - 2:.1f}" '
            f'height="{ROW - 3:.1f}" rx="3" fill="#f3f7fa" stroke="{INK}" stroke-width="0.5"/>'
        )
        if not services:
            room = int((width - 18) / (NAME_PX * MONO))
            drawn.append(text(x + 9, y + 3.8, cut(end, room), NAME_PX, "zm-text", INK, mono=True))
            continue
        half = int((width - 24) / 2 / (NAME_PX * MONO))
        drawn.append(text(x + 9, y + 3.8, cut(end, half), NAME_PX, "zm-text", INK, mono=True))
        drawn.append(
            text(x + width - 9, y + 3.8, cut(services, half), NAME_PX, "zm-label", INK, mono=True, anchor="end")
        )
    return drawn
