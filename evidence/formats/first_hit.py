"""The first of many boxes that holds one packet, by sets of numbers kept as the bits of integers.

For each dimension the values are parted where a box begins or ends, and for every part it is kept which boxes hold it;
the boxes that hold a packet are the conjunction over the dimensions. Worth it for many packets.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from compliance.traffic.boxes import DIMENSIONS, Box

Values = tuple[int, int, int, int, int]  # source, destination, protocol, source port or type, destination port or code
NONE = -1
MOST_BITS = 8 * 48_000_000  # of one dimension; where it takes more, nothing is prepared


class FirstHit:
    """The boxes of a list, prepared. `whole`: all traffic of their family.

    `usable`: False where they would need too much memory.
    """

    __slots__ = ("_dimensions", "_every", "usable")

    def __init__(self, boxes: Sequence[Box], whole: Box) -> None:
        self._every = (1 << len(boxes)) - 1
        self._dimensions: list[tuple[int, list[int], list[int]]] = []
        self.usable = True
        for axis, at in enumerate(DIMENSIONS):
            starts = sorted({0, *(box[at] for box in boxes), *(box[at + 1] + 1 for box in boxes)})
            if len(starts) * len(boxes) > MOST_BITS:
                self.usable = False
                return
            if starts != [0, whole[at + 1] + 1]:
                self._dimensions.append((axis, starts, _masks(boxes, at, starts)))

    def after(self, values: Values, start: int) -> int:
        """The number of the first box from `start` on that holds the packet, or NONE."""
        hits = self._every
        for axis, starts, masks in self._dimensions:
            hits &= masks[bisect_right(starts, values[axis]) - 1]
            if not hits:
                return NONE
        hits >>= start
        return start + (hits & -hits).bit_length() - 1 if hits else NONE


def _masks(boxes: Sequence[Box], at: int, starts: Sequence[int]) -> list[int]:
    """For each part of a dimension the boxes that hold it."""
    changes = dict.fromkeys(starts, 0)
    for number, box in enumerate(boxes):
        changes[box[at]] ^= 1 << number
        changes[box[at + 1] + 1] ^= 1 << number
    masks, held = [], 0
    for start in starts:
        held ^= changes[start]
        masks.append(held)
    return masks
