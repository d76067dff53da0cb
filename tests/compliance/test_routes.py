"""Lines of the zone map: what a label meets is looked up by squares, and is what looking at everything says."""

from __future__ import annotations

import random

from compliance.drawing.diagram import slots
from compliance.drawing.routes import Edge, Ground, Rect, lay_out
from tests.steps import steps


def meet(one: Rect, two: Rect) -> bool:
    across = one[0] < two[0] + two[2] and two[0] < one[0] + one[2]
    return across and one[1] < two[1] + two[3] and two[1] < one[1] + one[3]


def test_what_is_met_is_what_looking_at_everything_says() -> None:
    draw = random.Random(7)
    rects = [(draw.uniform(-90, 900), draw.uniform(-90, 900), draw.choice([0.2, 40, 700]), draw.choice([0.2, 10, 300]))
             for _ in range(300)]  # fmt: skip
    ground = Ground()
    for rect in rects:
        ground.add(rect)
    for asked in rects[::7]:
        assert ground.met(asked) == {at for at, rect in enumerate(rects) if meet(asked, rect)}


def test_twice_the_lines_of_a_dozen_zones_are_not_four_times_the_work() -> None:
    """Each spot of each label was held against each piece of each line: eighty lines took seconds."""
    places = slots(12)
    pairs = [(one, two) for one in places for two in places if one != two]
    random.Random(3).shuffle(pairs)

    def work(lines: int) -> int:
        edges = [Edge(*pair, (90.0, 30.0)) for pair in pairs[:lines]]
        return steps(lambda: lay_out(places, edges, width=136, height=92))

    assert work(100) < 4 * work(50)
    assert work(100) < 3_000_000  # 83 million before
