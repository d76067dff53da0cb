"""Finds, among many boxes of one family, those that overlap or hold one box.

Every range is filed under the smallest aligned block that holds it (a prefix, for what people write), so the blocks
of one dimension nest or lie apart. A box is filed under the pair of its source and destination blocks; those that
can overlap a box are found by climbing to the blocks around its own (masking) and descending to those inside
(bisection). Pairs that hold many boxes are parted once more, by destination port.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence

from compliance.traffic.boxes import Box, contains, overlaps

CROWD = 24  # a pair with more boxes than this is parted by destination port
LENGTH = 8  # bits of a block's key that hold its length, 0..128
MASK = (1 << LENGTH) - 1


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
            self._order = None
            self._around.clear()
            self._inside.clear()
        return number

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

    __slots__ = ("_by_port", "_columns", "_dst", "_pairs", "_rows", "_src", "boxes")

    def __init__(self, boxes: Iterable[Box]) -> None:
        self.boxes: list[Box] = []
        self._src, self._dst = Nest(), Nest()
        self._pairs: dict[tuple[int, int], list[int]] = {}
        self._rows: dict[int, list[int]] | None = None
        self._columns: dict[int, list[int]] | None = None
        self._by_port: dict[tuple[int, int], _Ports] = {}
        for box in boxes:
            self.add(box)

    def add(self, box: Box) -> int:
        """Files one more box and gives its number."""
        number = len(self.boxes)
        self.boxes.append(box)
        pair = (self._src.put(box[0], box[1]), self._dst.put(box[2], box[3]))
        held = self._pairs.get(pair)
        if held is None:
            self._pairs[pair] = [number]
            self._rows = self._columns = None
        else:
            held.append(number)
            self._by_port.pop(pair, None)
        return number

    def holder(self, box: Box, before: int | None = None) -> int | None:
        """The number of a box that holds every packet of `box` (of those before a number, where one is given)."""
        boxes, pairs = self.boxes, self._pairs
        targets = self._dst.around(box[2], box[3])
        for source in self._src.around(box[0], box[1]):
            for target in targets:
                held = pairs.get((source, target))
                if held is None:
                    continue
                if len(held) > CROWD:
                    held = self._crowd((source, target), held).around(box)
                for number in held:
                    if before is not None and number >= before:
                        break
                    if contains(boxes[number], box):
                        return number
        return None

    def numbers(self, box: Box, start: int = 0) -> Iterator[int]:
        """The places (from `start` on, ascending) of the boxes that overlap `box`."""
        boxes = self.boxes
        found = [
            number
            for held in self._near(box)
            for number in held
            if number >= start and overlaps(boxes[number], box)
        ]  # fmt: skip
        found.sort()
        return iter(found)

    def overlapping(self, box: Box) -> list[Box]:
        """The boxes that overlap `box`, in the order of the list."""
        return [self.boxes[number] for number in self.numbers(box)]

    def _near(self, box: Box) -> Iterator[Sequence[int]]:
        """The groups of boxes that may overlap `box`."""
        source, target = self._src, self._dst
        sources = source.around(box[0], box[1]) + source.inside(box[0], box[1])
        targets = target.around(box[2], box[3]) + target.inside(box[2], box[3])
        pairs = self._pairs
        for pair in self._meeting(sources, targets):
            held = pairs.get(pair)
            if held is not None:
                yield self._crowd(pair, held).near(box) if len(held) > CROWD else held

    def _meeting(self, sources: tuple[int, ...], targets: tuple[int, ...]) -> Iterator[tuple[int, int]]:
        """Pairs of the two sides that may exist, by the shorter way."""
        if len(sources) * len(targets) <= CROWD:
            yield from ((source, target) for source in sources for target in targets)
        elif len(sources) <= len(targets):
            yield from self._along(self._by_source(), sources, targets, turned=False)
        else:
            yield from self._along(self._by_target(), targets, sources, turned=True)

    def _along(
        self, lines: dict[int, list[int]], few: tuple[int, ...], many: tuple[int, ...], *, turned: bool
    ) -> Iterator[tuple[int, int]]:
        wanted: set[int] = set()
        for one in few:
            line = lines.get(one, ())
            if len(line) > len(many):
                crossing: Iterable[int] = many
            else:
                wanted = wanted or set(many)
                crossing = (other for other in line if other in wanted)
            yield from ((other, one) if turned else (one, other) for other in crossing)

    def _by_source(self) -> dict[int, list[int]]:
        if self._rows is None:
            self._rows = {}
            for source, target in self._pairs:
                self._rows.setdefault(source, []).append(target)
        return self._rows

    def _by_target(self) -> dict[int, list[int]]:
        if self._columns is None:
            self._columns = {}
            for source, target in self._pairs:
                self._columns.setdefault(target, []).append(source)
        return self._columns

    def _crowd(self, pair: tuple[int, int], held: list[int]) -> _Ports:
        found = self._by_port.get(pair)
        if found is None:
            found = self._by_port[pair] = _Ports(held, self.boxes)
        return found


class _Ports:
    """The boxes of one crowded pair, by destination port."""

    __slots__ = ("_held", "_nest")

    def __init__(self, numbers: Sequence[int], boxes: Sequence[Box]) -> None:
        self._nest = Nest()
        self._held: list[list[int]] = []
        for number in numbers:
            place = self._nest.put(boxes[number][8], boxes[number][9])
            if place == len(self._held):
                self._held.append([])
            self._held[place].append(number)

    def around(self, box: Box) -> list[int]:
        """Numbers, ascending, of those that may hold `box`."""
        return sorted(number for place in self._nest.around(box[8], box[9]) for number in self._held[place])

    def near(self, box: Box) -> list[int]:
        """Numbers of those that may overlap `box`."""
        places = self._nest.around(box[8], box[9]) + self._nest.inside(box[8], box[9])
        return [number for place in places for number in self._held[place]]
