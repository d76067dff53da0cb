"""Lines of the zone map: right-angled, each on its own track, each label where it covers nothing else.

Pure. Zones stand in a grid with corridors between columns and rows. A line leaves a zone on its side, runs along
corridors on a track of its own and enters the other zone on its side. The same input gives the same lines.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

Point = tuple[float, float]
Rect = tuple[float, float, float, float]  # x, y, width, height
PORT_STEP, TRACK_STEP, LANE_STEP = 11.0, 9.0, 13.0  # between ports of a side, lines up a corridor, lines along one
LABEL_HEIGHT = 10.0
SQUARE = 40.0  # side of the squares by which the ground is looked up
STEP = 4.0  # how finely a place for a label is looked for


@dataclass(frozen=True, slots=True)
class Edge:
    """A line wanted from one place of the grid to another (column, row); label widths, the wished one first."""

    source: tuple[int, int]
    target: tuple[int, int]
    widths: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Route:
    """A line found: its corners, where its label stands, which of the label widths fitted."""

    corners: tuple[Point, ...]
    label: Rect
    width: int


@dataclass(frozen=True, slots=True)
class Layout:
    """Where everything is: boxes by place, one route per edge in order, the size of the whole."""

    boxes: Mapping[tuple[int, int], Rect]
    routes: tuple[Route, ...]
    size: tuple[float, float]


@dataclass(slots=True)
class _Plan:
    """One edge while it is laid: sides used, corridors used, and the numbers found for each."""

    edge: Edge
    sides: tuple[int, int]  # vertical corridor at the source, at the target (corridor k is left of column k)
    lane: int | None  # horizontal corridor (k is above row k), None when one vertical corridor does
    ports: list[float] = field(default_factory=lambda: [0.0, 0.0])
    tracks: list[float] = field(default_factory=lambda: [0.0, 0.0])
    at: float = 0.0


def lay_out(places: Sequence[tuple[int, int]], edges: Sequence[Edge], *, width: float, height: float) -> Layout:
    """Places boxes of `width` and at least `height` and finds the lines between them. No edge may be a loop."""
    columns = 1 + max((column for column, _ in places), default=0)
    rows = 1 + max((row for _, row in places), default=0)
    plans = [_plan(edge, columns, rows) for edge in edges]
    sides = _sides(plans)
    tall = max([height, *((len(ports) + 1) * PORT_STEP for ports in sides.values())])
    gaps = [_gap(plans, corridor, columns) for corridor in range(columns + 1)]
    lanes = [_lane_order(plans, lane) for lane in range(rows + 1)]
    lefts, tops = _starts(gaps, width), _starts([_lane_height(len(lane)) for lane in lanes], tall)
    boxes = {(column, row): (lefts[column], tops[row], width, tall) for column, row in places}
    for (place, _), ports in sides.items():
        for number, (plan, end) in enumerate(ports, start=1):
            plan.ports[end] = boxes[place][1] + number * tall / (len(ports) + 1)
    for number, lane in enumerate(lanes):
        start = tops[number] - _lane_height(len(lane)) if number < rows else tops[rows - 1] + tall
        for order, plan in enumerate(lane, start=1):
            plan.at = start + order * _lane_height(len(lane)) / (len(lane) + 1)
    for corridor in range(columns + 1):
        start = lefts[corridor] - gaps[corridor] if corridor < columns else lefts[columns - 1] + width
        _set_tracks(plans, corridor, start, gaps[corridor])
    corners = [_corners(plan, boxes) for plan in plans]
    size = (lefts[columns - 1] + width + gaps[columns], tops[rows - 1] + tall + _lane_height(len(lanes[rows])))
    return Layout(boxes, _labelled(corners, edges, list(boxes.values()), size), size)


def _plan(edge: Edge, columns: int, rows: int) -> _Plan:
    """Which corridors an edge uses."""
    (from_column, from_row), (to_column, to_row) = edge.source, edge.target
    if from_column == to_column:
        beside = from_column + 1 if from_column < columns - 1 or from_column == 0 else from_column
        return _Plan(edge, (beside, beside), None)
    right = to_column > from_column
    leaving, entering = (from_column + 1, to_column) if right else (from_column, to_column + 1)
    if abs(to_column - from_column) == 1:
        return _Plan(edge, (leaving, leaving), None)
    if from_row == to_row:
        lane = from_row + 1 if right or from_row > 0 else from_row
    else:
        lane = from_row + 1 if to_row > from_row else from_row
    return _Plan(edge, (leaving, entering), lane)


def _sides(plans: Sequence[_Plan]) -> dict[tuple[tuple[int, int], int], list[tuple[_Plan, int]]]:
    """Ports by (place, corridor), from top to bottom: by where the other end lies, so that lines cross little."""
    sides: dict[tuple[tuple[int, int], int], list[tuple[_Plan, int]]] = {}
    for plan in plans:
        sides.setdefault((plan.edge.source, plan.sides[0]), []).append((plan, 0))
        sides.setdefault((plan.edge.target, plan.sides[1]), []).append((plan, 1))
    for (place, _), ports in sides.items():
        ports.sort(key=lambda port: _port_order(port, place))
    return sides


def _port_order(port: tuple[_Plan, int], place: tuple[int, int]) -> tuple[float, ...]:
    plan, end = port
    other = plan.edge.target if end == 0 else plan.edge.source
    toward: float = other[1] - place[1]
    if plan.lane is not None:
        toward = -0.5 if plan.lane <= place[1] else 0.5
    return (toward, abs(other[0] - place[0]), *plan.edge.source, *plan.edge.target)


def _gap(plans: Sequence[_Plan], corridor: int, columns: int) -> float:
    """Width of a vertical corridor: its tracks, and the widest label of a line that has no other straight piece."""
    using = [plan for plan in plans if corridor in plan.sides]
    if not using:
        return 24.0 if 0 < corridor < columns else 4.0
    direct = [plan.edge.widths for plan in using if plan.lane is None]
    short, wished = max((one[-1] for one in direct), default=0.0), max((one[0] for one in direct), default=0.0)
    return max(28.0 + len(using) * TRACK_STEP + short, 24.0 + wished)


def _lane_order(plans: Sequence[_Plan], lane: int) -> list[_Plan]:
    """The lines of a horizontal corridor from top to bottom: short ones nearest the zones they join."""
    using = [plan for plan in plans if plan.lane == lane]
    return sorted(using, key=lambda plan: (abs(plan.sides[0] - plan.sides[1]), *plan.edge.source, *plan.edge.target))


def _lane_height(lines: int) -> float:
    return 22.0 + lines * LANE_STEP if lines else 16.0


def _starts(gaps: Sequence[float], size: float) -> list[float]:
    """Where each box begins when box i stands after gap i."""
    starts, at = [], 0.0
    for gap in gaps[:-1]:
        at += gap
        starts.append(at)
        at += size
    return starts


def _set_tracks(plans: Sequence[_Plan], corridor: int, start: float, gap: float) -> None:
    """Gives each vertical piece in a corridor its own x, ordered so that most lines need not cross there."""
    using = [(plan, end) for plan in plans for end in (0, 1) if plan.sides[end] == corridor]
    pieces = [(plan, end) for plan, end in using if plan.lane is not None or end == 0]
    pieces.sort(key=lambda piece: _track_order(piece[0], piece[1], corridor))
    for number, (plan, end) in enumerate(pieces, start=1):
        x = start + number * gap / (len(pieces) + 1)
        plan.tracks[end] = x
        if plan.lane is None:
            plan.tracks[1 - end] = x


def _track_order(plan: _Plan, end: int, corridor: int) -> tuple[float, ...]:
    near, far = plan.ports[end], plan.ports[1 - end] if plan.lane is None else plan.at
    place = plan.edge.source if end == 0 else plan.edge.target
    leftwards = place[0] >= corridor  # the box is right of the corridor: its line comes in from the right
    down = far > near
    return (-near if down != leftwards else near, *plan.edge.source, *plan.edge.target)


def _corners(plan: _Plan, boxes: Mapping[tuple[int, int], Rect]) -> tuple[Point, ...]:
    start, end = (
        _edge_of(boxes[plan.edge.source], plan.sides[0], plan.edge.source),
        _edge_of(boxes[plan.edge.target], plan.sides[1], plan.edge.target),
    )
    first, last = plan.tracks
    corners = [(start, plan.ports[0]), (first, plan.ports[0])]
    if plan.lane is not None:
        corners += [(first, plan.at), (last, plan.at)]
    corners += [(last, plan.ports[1]), (end, plan.ports[1])]
    return tuple((round(x, 1), round(y, 1)) for x, y in corners)


def _edge_of(box: Rect, corridor: int, place: tuple[int, int]) -> float:
    return box[0] if corridor <= place[0] else box[0] + box[2]


def _labelled(
    corners: Sequence[tuple[Point, ...]], edges: Sequence[Edge], boxes: list[Rect], size: tuple[float, float]
) -> tuple[Route, ...]:
    """Finds each label a place on its own line, clear of boxes, of arrow heads and of every other label."""
    taken, lines = Ground(), Ground()
    for rect in [*(_grown(box, 1.0) for box in boxes), *map(_head, corners)]:
        taken.add(rect)
    whose: dict[tuple[Point, Point], list[int]] = {}
    for piece in (piece for line in corners for piece in pairwise(line)):
        whose.setdefault(piece, []).append(lines.add(_along(piece)))
    found: dict[int, Route] = {}
    for number in sorted(range(len(edges)), key=lambda at: (-edges[at].widths[0], at)):
        own = {one for piece in pairwise(corners[number]) for one in whose[piece]}
        found[number] = _place(corners[number], edges[number].widths, taken, lines, own, size)
        taken.add(_grown(found[number].label, 1.5))
    return tuple(found[number] for number in range(len(edges)))


def _place(
    line: tuple[Point, ...], widths: tuple[float, ...], taken: Ground, lines: Ground, own: set[int],
    size: tuple[float, float],
) -> Route:  # fmt: skip
    """The spot that crosses the fewest other lines; the wished width first, then the shorter ones."""
    best: tuple[tuple[float, ...], Route] | None = None
    for which, width in enumerate(widths):
        for order, (x, y) in enumerate(_spots(line, width)):
            spot = (x - width / 2, y - LABEL_HEIGHT / 2, width, LABEL_HEIGHT)
            off = spot[0] < 0 or spot[1] < 0 or spot[0] + width > size[0] or spot[1] + LABEL_HEIGHT > size[1]
            covers = len(taken.met(spot)) + off
            if best is not None and (covers, which * 1.5, which, order) >= best[0]:
                continue  # not better, whatever it crosses
            rank = (covers, len(lines.met(_grown(spot, 2.0)) - own) * 2 + which * 1.5, which, order)
            if best is None or rank < best[0]:
                best = (rank, Route(line, spot, which))
        if best is not None and best[0][0] == 0 and best[0][1] <= which * 1.5:
            break
    if best is None:
        raise ValueError("a line of the map has no length")
    return best[1]


class Ground:
    """Rectangles by the squares they lie in: which of them one meets is asked of its own squares, not of all."""

    def __init__(self) -> None:
        self.rects: list[Rect] = []
        self.squares: dict[tuple[int, int], list[int]] = {}

    def add(self, rect: Rect) -> int:
        """Puts one down; gives its number."""
        self.rects.append(rect)
        for square in _squares(rect):
            self.squares.setdefault(square, []).append(len(self.rects) - 1)
        return len(self.rects) - 1

    def met(self, rect: Rect) -> set[int]:
        """The numbers of those it meets."""
        near = {number for square in _squares(rect) for number in self.squares.get(square, ())}
        return {number for number in near if _meet(rect, self.rects[number])}


def _squares(rect: Rect) -> Iterator[tuple[int, int]]:
    left, top, right, bottom = rect[0], rect[1], rect[0] + rect[2], rect[1] + rect[3]
    for column in range(int(left // SQUARE), int(right // SQUARE) + 1):
        for row in range(int(top // SQUARE), int(bottom // SQUARE) + 1):
            yield column, row


def _spots(line: tuple[Point, ...], width: float) -> list[Point]:
    """Places on a line for the middle of a label: level pieces first and their middles first, then upright ones."""
    level, upright = [], []
    for (x1, y1), (x2, y2) in pairwise(line):
        low, high = (min(x1, x2), max(x1, x2)) if y1 == y2 else (min(y1, y2), max(y1, y2))
        reach = int((high - low) / 2 / STEP)
        for away in sorted(range(-reach, reach + 1), key=lambda step: (abs(step), step)):
            middle = (low + high) / 2 + away * STEP
            if y1 == y2 and min(middle - low, high - middle) >= width / 2:
                level.append((middle, y1))
            elif x1 == x2 and y1 != y2:
                upright.append((x1, middle))
    return level + upright or [line[len(line) // 2]]


def _head(line: tuple[Point, ...]) -> Rect:
    """The arrow head's own ground."""
    x, y = line[-1]
    return (x - 7 if line[-2][0] < x else x, y - 4, 7, 8)


def _grown(rect: Rect, by: float) -> Rect:
    return (rect[0] - by, rect[1] - by, rect[2] + 2 * by, rect[3] + 2 * by)


def _meet(one: Rect, two: Rect) -> bool:
    return (
        one[0] < two[0] + two[2] and two[0] < one[0] + one[2] and one[1] < two[1] + two[3] and two[1] < one[1] + one[3]
    )


def _along(piece: tuple[Point, Point]) -> Rect:
    """The ground of a straight piece of a line."""
    (x1, y1), (x2, y2) = piece
    return (min(x1, x2) - 0.1, min(y1, y2) - 0.1, abs(x1 - x2) + 0.2, abs(y1 - y2) + 0.2)
