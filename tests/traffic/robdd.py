"""Sets of packets as reduced ordered binary decision diagrams: a second way to reckon, which shares nothing with boxes.

A packet is 104 bits (IPv4): source, destination, protocol, source port, destination port, highest bit first. Two sets
are equal exactly when their diagrams are the same number.
"""

from __future__ import annotations

from compliance.traffic.boxes import ICMP, ICMP_TOP, PORT_TOP, Box

WIDTHS = (32, 32, 8, 16, 16)
STARTS = (0, 32, 64, 72, 88)
BITS = sum(WIDTHS)
NOTHING, EVERYTHING = 0, 1


class Diagrams:
    """All diagrams of one test; a diagram is the number of its top node."""

    def __init__(self) -> None:
        self._nodes: list[tuple[int, int, int]] = [(BITS, 0, 0), (BITS, 1, 1)]  # (bit, if 0, if 1)
        self._numbers: dict[tuple[int, int, int], int] = {}
        self._known: dict[tuple[int, int, int], int] = {}
        self._ranges: dict[tuple[int, int, int], int] = {}

    def _node(self, bit: int, low: int, high: int) -> int:
        if low == high:
            return low
        key = (bit, low, high)
        found = self._numbers.get(key)
        if found is None:
            found = self._numbers[key] = len(self._nodes)
            self._nodes.append(key)
        return found

    def choose(self, first: int, then: int, other: int) -> int:
        """The packets of `first` that are in `then`, and the others that are in `other`."""
        if first < 2:
            return then if first else other
        if then == other:
            return then
        if (then, other) == (1, 0):
            return first
        key = (first, then, other)
        found = self._known.get(key)
        if found is None:
            bit = min(self._nodes[one][0] for one in key)
            low, high = (self.choose(*(self._side(one, bit, side) for one in key)) for side in (1, 2))
            found = self._known[key] = self._node(bit, low, high)
        return found

    def _side(self, node: int, bit: int, side: int) -> int:
        return self._nodes[node][side] if self._nodes[node][0] == bit else node

    def both(self, a: int, b: int) -> int:
        """In `a` and in `b`."""
        return self.choose(a, b, NOTHING)

    def either(self, a: int, b: int) -> int:
        """In `a` or in `b`."""
        return self.choose(a, EVERYTHING, b)

    def without(self, a: int, b: int) -> int:
        """In `a` and not in `b`."""
        return self.choose(b, NOTHING, a)

    def between(self, dimension: int, low: int, high: int) -> int:
        """The packets whose value in one dimension lies in a range."""
        key = (dimension, low, high)
        if key not in self._ranges:
            width, start = WIDTHS[dimension], STARTS[dimension]
            at_least = at_most = EVERYTHING
            for place in range(width - 1, -1, -1):
                bit = start + place
                in_low, in_high = (value >> (width - 1 - place) & 1 for value in (low, high))
                at_least = self._node(bit, NOTHING, at_least) if in_low else self._node(bit, at_least, EVERYTHING)
                at_most = self._node(bit, EVERYTHING, at_most) if in_high else self._node(bit, at_most, NOTHING)
            self._ranges[key] = self.both(at_least, at_most)
        return self._ranges[key]

    def box(self, box: Box) -> int:
        """The packets of a box."""
        found = EVERYTHING
        for dimension in range(4, -1, -1):
            found = self.both(self.between(dimension, box[2 * dimension], box[2 * dimension + 1]), found)
        return found

    def real(self) -> int:
        """Every packet there can be: ICMP types and codes end at 255."""
        found = EVERYTHING
        for proto in ICMP.values():
            for dimension in (3, 4):
                wrong = self.between(dimension, ICMP_TOP + 1, PORT_TOP)
                found = self.without(found, self.both(self.between(2, proto, proto), wrong))
        return found

    def union(self, sets: list[int]) -> int:
        """The packets of any of the sets: halves first, so that the diagrams stay small."""
        if not sets:
            return NOTHING
        while len(sets) > 1:
            pairs = [self.either(one, other) for one, other in zip(sets[::2], sets[1::2], strict=False)]
            sets = [*pairs, *sets[len(pairs) * 2 :]]
        return sets[0]
