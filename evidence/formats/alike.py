"""Which pairs of interfaces some traffic cannot tell apart, so that one of them answers for all.

A host with dozens of interfaces has thousands of pairs, but what a few addresses may do rests on the few rules that
their packets meet. Two pairs are alike for a box when each of those rules sees both or neither. Packets that get
another source may meet the rules of any; of those that get another destination it says nothing: they are routed anew.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product

from compliance.traffic.boxes import FULL, Box, Family, limited
from compliance.traffic.index import Index
from evidence.formats.lanes import has
from evidence.formats.matching import SPORT, SRC
from evidence.formats.routes import NOWHERE
from evidence.formats.slices import LOOPBACK, NO_INTERFACE, Names, matches
from evidence.formats.translation import OF_DESTINATION
from evidence.rules import Rule

APART = frozenset({NOWHERE, LOOPBACK})  # what these are does not depend on rules alone
Limits = tuple[frozenset[str] | None, frozenset[str] | None]


class Alike:
    """The rules of a host that ask for interfaces, by their boxes, for one family."""

    def __init__(self, rules: Iterable[Rule], family: Family) -> None:
        self._limits: dict[Limits, int] = {}  # what a rule asks of both sides -> its bit
        self._asks: list[int] = []  # box -> the bits of its rule
        self._seen: tuple[dict[str, int], dict[str, int]] = ({}, {})  # for each side: interface -> the bits that see it
        asking: list[Box] = []
        of_source: list[Box] = []
        of_destination: list[Box] = []
        for rule in (one for one in rules if one.family == family):
            boxes = rule.boxes or ((FULL[family],) if rule.residue else ())
            if has(rule, "nat") or (rule.nat is not None and rule.nat.kind in OF_DESTINATION):
                of_destination.extend(boxes)
            elif rule.nat is not None:
                of_source.extend(boxes)
            if rule.iif is not None or rule.oif is not None:
                bits = self._bits(rule)
                asking.extend(boxes)
                self._asks.extend([bits] * len(boxes))
        self._asking, self._of_source, self._of_destination = Index(asking), Index(of_source), Index(of_destination)
        self._any = FULL[family]

    def _bits(self, rule: Rule) -> int:
        bits = self._bit((rule.iif, rule.oif))
        if matches(rule.oif, NO_INTERFACE):  # before routing it is seen whatever the outgoing interface will be
            bits |= self._bit((rule.iif, None))
        return bits

    def _bit(self, limits: Limits) -> int:
        return 1 << self._limits.setdefault(limits, len(self._limits))

    def pairs(self, box: Box, come: Names, go: Names) -> list[tuple[str, str]]:
        """One pair of each kind, in the order of the names."""
        if len(come) * len(go) == 1 or self._of_destination.numbers(box):
            return list(product(come, go))
        if self._of_source.numbers(box):
            for at in (SRC, SPORT):
                box = limited(box, at, self._any[at], self._any[at + 1])
        wanted = 0
        for number in self._asking.numbers(box):
            wanted |= self._asks[number]
        kinds: dict[tuple[int, Names], tuple[str, str]] = {}
        firsts = [self._first(side, names, wanted) for side, names in ((0, come), (1, go))]
        for one, other in product(*firsts):
            apart = tuple(name if name in APART else "" for name in (one, other))
            kinds.setdefault((self._mask(0, one) & self._mask(1, other) & wanted, apart), (one, other))
        return list(kinds.values())

    def _first(self, side: int, names: Names, wanted: int) -> Names:
        """The first interface of each kind on one side."""
        kinds: dict[tuple[int, str], str] = {}
        for name in names:
            kinds.setdefault((self._mask(side, name) & wanted, name if name in APART else ""), name)
        return tuple(kinds.values())

    def _mask(self, side: int, name: str) -> int:
        seen = self._seen[side]
        if name not in seen:
            seen[name] = sum(1 << bit for limits, bit in self._limits.items() if matches(limits[side], name))
        return seen[name]
