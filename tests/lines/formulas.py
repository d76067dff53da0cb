"""Packets as bits, and sets of them as binary decision diagrams of OxiDD (MIT or Apache-2.0; one wheel of 0.6 MB).

It knows nothing of boxes, ranges or prefixes: an address with a wildcard is a conjunction of its fixed bits, a range of
ports a comparison bit by bit. z3-solver decides the same and weighs 39 MB; dd needs a package that is not to be had.
"""

from __future__ import annotations

from collections.abc import Iterable

import oxidd.bdd

# Name -> bits. `six`: the packet is IPv6, its addresses are `src6` and `dst6`; `kind` and `code`: of ICMP.
FIELDS = {
    "six": 1, "proto": 8, "src": 32, "dst": 32, "sport": 16, "dport": 16, "kind": 8, "code": 8,
    "src6": 128, "dst6": 128, "syn": 1, "ack": 1, "fin": 1, "psh": 1, "rst": 1, "urg": 1,
}  # fmt: skip
NODES, CACHE = 1 << 20, 1 << 18

Formula = oxidd.bdd.BDDFunction


class Bits:
    """The variables of one packet, and the formulas that name them."""

    def __init__(self) -> None:
        self._manager = oxidd.bdd.BDDManager(NODES, CACHE, 1)
        self._manager.add_vars(sum(FIELDS.values()))
        self._first: dict[str, int] = {}
        place = 0
        for name, width in FIELDS.items():
            self._first[name] = place
            place += width

    @property
    def true(self) -> Formula:
        """Every packet."""
        return self._manager.true()

    @property
    def false(self) -> Formula:
        """No packet."""
        return self._manager.false()

    def matching(self, name: str, value: int, free: int = 0) -> Formula:
        """Packets whose field has the bits of `value` wherever `free` has none."""
        width, found = FIELDS[name], self.true
        for bit in range(width):
            if not free >> bit & 1:
                found &= self._bit(name, bit, on=bool(value >> bit & 1))
        return found

    def at_least(self, name: str, value: int) -> Formula:
        """Packets whose field is `value` or more; none above what the field can hold."""
        width = FIELDS[name]
        if value >> width:
            return self.false
        found = self.true
        for bit in range(width):  # from the lowest: a bit decides where those above it are equal
            on = self._bit(name, bit, on=True)
            found = on & found if value >> bit & 1 else on | found
        return found

    def between(self, name: str, low: int, high: int) -> Formula:
        """Packets whose field is `low` to `high`."""
        return self.at_least(name, low) & ~self.at_least(name, high + 1)

    def any_of(self, formulas: Iterable[Formula]) -> Formula:
        """Packets of one of them or more."""
        found = self.false
        for one in formulas:
            found |= one
        return found

    def _bit(self, name: str, bit: int, *, on: bool) -> Formula:
        place = self._first[name] + FIELDS[name] - 1 - bit  # the highest bit stands first in the order
        return self._manager.var(place) if on else self._manager.not_var(place)


def unreachable(lines: Iterable[tuple[int, Formula, Formula]], bits: Bits) -> tuple[set[int], set[int]]:
    """Of lines in order, each (number, what it may match, what it surely matches): those that matching packets never
    come to as earlier lines surely match them all, and those that nothing can match.
    """
    hidden, empty = set[int](), set[int]()
    before = bits.false
    for number, may, surely in lines:
        if not may.satisfiable():
            empty.add(number)
        elif not (may & ~before).satisfiable():
            hidden.add(number)
        before |= surely
    return hidden, empty
