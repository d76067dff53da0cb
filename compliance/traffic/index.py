"""Finds, among many boxes of one family, those that overlap or hold one box.

Every range is filed under the smallest aligned block that holds it (a prefix, for what people write), so the blocks
of one dimension nest or lie apart. A box is filed under the pair of its source and destination blocks; those that
can overlap a box are found by climbing to the blocks around its own (masking) and descending to those inside
(bisection). Pairs that hold many boxes are parted once more, by destination port.
"""

from __future__ import annotations

import gc
from array import array
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain

from compliance.traffic.boxes import Box, contains

CROWD = 24  # a pair with more boxes than this is parted by destination port
LENGTH = 8  # bits of a block's key that hold its length, 0..128
MASK = (1 << LENGTH) - 1
TOP_LENGTH = 128


@contextmanager
def undisturbed() -> Iterator[None]:
    """Holds the garbage collector back: what is built here has no cycles, and it would walk all of it many times."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


class Nest:
    """The blocks of one dimension, numbered in the order they came."""

    __slots__ = ("_around", "_inside", "_order", "lengths", "numbers")

    def __init__(self) -> None:
        self.numbers: dict[int, int] = {}  # key of a block (its start and length) -> its number
        self.lengths: list[int] = []
        self._order: list[int] | None = None
        self._around: dict[int, tuple[int, ...]] = {}
        self._inside: dict[int, tuple[int, ...]] = {}

    def put(self, low: int, high: int) -> int:
        """The number of the block of a range; a new one if need be."""
        length = (low ^ high).bit_length()
        key = low >> length << length << LENGTH | length
        number = self.numbers.get(key)
        if number is None:
            number = self.numbers[key] = len(self.numbers)
            if length not in self.lengths:
                self.lengths.append(length)
                self.lengths.sort()
            self._unlearn(low, key, length)
        return number

    def _unlearn(self, low: int, key: int, length: int) -> None:
        """Drops what was remembered without the new block."""
        if self._order is not None:
            insort(self._order, key)
        if length:
            self._around.clear()
        else:
            self._around.pop(key, None)
        for bits in range(length + 1, TOP_LENGTH + 1) if self._inside else ():
            self._inside.pop(low >> bits << bits << LENGTH | bits, None)

    def around(self, low: int, high: int) -> tuple[int, ...]:
        """The blocks that hold the block of the range, itself among them, the smallest first."""
        length = (low ^ high).bit_length()
        key = low >> length << length << LENGTH | length
        found = self._around.get(key)
        if found is None:
            numbers = self.numbers
            keys = (low >> bits << bits << LENGTH | bits for bits in self.lengths if bits >= length)
            found = self._around[key] = tuple(numbers[one] for one in keys if one in numbers)
        return found

    def inside(self, low: int, high: int) -> tuple[int, ...]:
        """The blocks strictly inside the block of the range."""
        length = (low ^ high).bit_length()
        if not length:
            return ()
        key = low >> length << length << LENGTH | length
        found = self._inside.get(key)
        if found is None:
            order = self._order
            if order is None:
                order = self._order = sorted(self.numbers)
            start = key >> LENGTH
            first = bisect_left(order, start << LENGTH)
            last = bisect_right(order, (start + (1 << length) - 1) << LENGTH | MASK, first)
            numbers = self.numbers
            found = self._inside[key] = tuple(numbers[one] for one in order[first:last] if one & MASK < length)
        return found


class Index:
    """Boxes that can be asked for by a box. They have numbers, which are their places in the list."""

    __slots__ = ("_columns", "_dst", "_ports", "_rows", "_src", "boxes")

    def __init__(self, boxes: Iterable[Box]) -> None:
        self.boxes = list(boxes)
        # Destination ports by number, packed and side by side: most of what is near has another port, and looking into
        # its box would cost several visits to far memory.
        self._ports = array("I", [box[8] << 16 | box[9] for box in self.boxes])
        self._src, self._dst = Nest(), Nest()
        self._rows: dict[int, Line] = {}  # source block -> destination block -> the boxes filed there
        self._columns: dict[int, Line] = {}  # the same, by destination block
        # Filed by their place in the address space: what is asked for together then lies together in memory.
        targets = [box[2] for box in self.boxes]
        with undisturbed():
            for number in sorted(range(len(targets)), key=targets.__getitem__):
                self._file(number, self.boxes[number])

    def add(self, box: Box) -> int:
        """Files one more box and gives its number."""
        self.boxes.append(box)
        self._ports.append(box[8] << 16 | box[9])
        self._file(len(self.boxes) - 1, box)
        return len(self.boxes) - 1

    def _file(self, number: int, box: Box) -> None:
        source, target = self._src.put(box[0], box[1]), self._dst.put(box[2], box[3])
        row = self._rows.get(source)
        if row is None:
            row = self._rows[source] = {}
        column = self._columns.get(target)
        if column is None:
            column = self._columns[target] = {}
        held = row.get(target)
        if held is None:
            row[target] = column[source] = number
        elif isinstance(held, int):
            row[target] = column[source] = Crowd((held, number))
        else:
            held.append(number)

    def discard(self, number: int) -> None:
        """Forgets a box; the numbers of the others stay. Raises KeyError when it is not filed."""
        box = self.boxes[number]
        source, target = self._src.put(box[0], box[1]), self._dst.put(box[2], box[3])
        held = self._rows[source][target]
        rest = [one for one in (held if isinstance(held, Crowd) else (held,)) if one != number]
        if rest:
            self._rows[source][target] = self._columns[target][source] = Crowd(rest)
        else:
            del self._rows[source][target], self._columns[target][source]

    def holder(self, box: Box, before: int | None = None, places: Sequence[int] | None = None) -> int | None:
        """The number of a box that holds every packet of `box`, if there is one.

        With `before` only those count whose number is lower; with `places` (number -> place) whose place is.
        """
        boxes, columns = self.boxes, self._columns
        sources = self._src.around(box[0], box[1])
        for target in self._dst.around(box[2], box[3]):
            column = columns.get(target)
            if column is None:
                continue
            for source in sources:
                held = column.get(source)
                if held is None:
                    continue
                for number in (held,) if isinstance(held, int) else held.around(box, boxes):
                    if before is not None and (places[number] if places else number) >= before:
                        continue
                    if contains(boxes[number], box):
                        return number
        return None

    def numbers(self, box: Box, start: int = 0) -> list[int]:
        """The places (from `start` on, ascending) of the boxes that overlap `box`."""
        src_lo, src_hi, dst_lo, dst_hi, proto_lo, proto_hi, sp_lo, sp_hi, dp_lo, dp_hi = box
        boxes, ports, found = self.boxes, self._ports, []
        for number in self._near(box):
            port = ports[number]
            if port >> 16 > dp_hi or port & 0xFFFF < dp_lo:
                continue
            b = boxes[number]
            if (
                b[2] <= dst_hi and dst_lo <= b[3] and b[0] <= src_hi
                and src_lo <= b[1] and b[4] <= proto_hi and proto_lo <= b[5] and b[6] <= sp_hi and sp_lo <= b[7]
            ):  # fmt: skip
                found.append(number)
        found.sort()
        return found[bisect_left(found, start) :] if start else found

    def overlapping(self, box: Box) -> list[Box]:
        """The boxes that overlap `box`, in the order of the list."""
        return [self.boxes[number] for number in self.numbers(box)]

    def _near(self, box: Box) -> list[int]:
        """The numbers of boxes that may overlap `box`, by the side with fewer blocks."""
        # Kept apart: what lies inside "any source" is all there is, and it would be copied for each such question.
        sources = self._src.around(box[0], box[1]), self._src.inside(box[0], box[1])
        targets = self._dst.around(box[2], box[3]), self._dst.inside(box[2], box[3])
        if len(targets[0]) + len(targets[1]) <= len(sources[0]) + len(sources[1]):
            lines, few, many = self._columns, targets, sources
        else:
            lines, few, many = self._rows, sources, targets
        count = len(many[0]) + len(many[1])
        near: list[int] = []
        for one in chain(*few):
            line = lines.get(one)
            if line is None:
                continue
            crowds = line.values() if len(line) <= count else [line[other] for other in chain(*many) if other in line]
            for held in crowds:
                if isinstance(held, int):
                    near.append(held)
                else:
                    near += held.near(box, self.boxes)
        return near


class Crowd(list[int]):
    """The numbers of the boxes of one pair of blocks; when they are many, parted by destination port."""

    __slots__ = ("_known", "_nest", "_parts")

    def __init__(self, numbers: Iterable[int]) -> None:
        super().__init__(numbers)
        self._known = 0  # how many of the numbers are in the parts
        self._nest: Nest | None = None
        self._parts: list[list[int]] = []

    def _part(self, boxes: Sequence[Box]) -> Nest:
        nest = self._nest
        if nest is None:
            nest = self._nest = Nest()
        for number in self[self._known :]:
            place = nest.put(boxes[number][8], boxes[number][9])
            if place == len(self._parts):
                self._parts.append([])
            self._parts[place].append(number)
        self._known = len(self)
        return nest

    def around(self, box: Box, boxes: Sequence[Box]) -> list[int]:
        """Numbers of those that may hold `box`."""
        if len(self) <= CROWD:
            return self
        nest = self._part(boxes)
        return [number for place in nest.around(box[8], box[9]) for number in self._parts[place]]

    def near(self, box: Box, boxes: Sequence[Box]) -> list[int]:
        """Numbers of those that may overlap `box`."""
        if len(self) <= CROWD:
            return self
        nest = self._part(boxes)
        places = nest.around(box[8], box[9]) + nest.inside(box[8], box[9])
        return [number for place in places for number in self._parts[place]]


Line = dict[int, int | Crowd]  # most pairs hold one box: its number stands for the crowd
