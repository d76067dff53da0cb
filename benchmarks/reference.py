"""The straightforward way to compare rules with a register, to measure the real one against in the same run.

Boxes in a dictionary of source prefixes holding dictionaries of destination prefixes, and mirrored; what overlaps is
found by masking (prefixes around) and bisection (prefixes inside), each time anew; what is left of a box is found by
cutting one dimension at a time at every bound. Every answer is the same as that of compliance.traffic.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence

from compliance.traffic.boxes import DIMENSIONS, Box, contains, limited, overlaps
from compliance.traffic.policy import Listed

Prefix = tuple[int, int]  # first address, bits that are free


def prefix_of(low: int, high: int) -> Prefix:
    """The smallest prefix that holds a range."""
    bits = (low ^ high).bit_length()
    return low >> bits << bits, bits


class Side:
    """Prefixes of one side, each with the prefixes of the other side it is paired with."""

    def __init__(self) -> None:
        self.paired: dict[Prefix, dict[Prefix, list[int]]] = {}
        self.bits: list[int] = []
        self.order: list[Prefix] = []

    def close(self) -> None:
        """Call it once after the last box."""
        self.bits = sorted({bits for _, bits in self.paired})
        self.order = sorted(self.paired)

    def near(self, wanted: Prefix) -> list[Prefix]:
        """The prefixes that overlap one."""
        start, bits = wanted
        around = [
            (start >> more << more, more)
            for more in self.bits
            if more >= bits and (start >> more << more, more) in self.paired
        ]
        first = bisect_left(self.order, (start, 0))
        last = bisect_right(self.order, (start + (1 << bits) - 1, 999))
        return around + [one for one in self.order[first:last] if one[1] < bits]


class Reference:
    """Boxes that can be asked for what overlaps one."""

    def __init__(self, boxes: Sequence[Box]) -> None:
        self.boxes = boxes
        self.by_source, self.by_target = Side(), Side()
        for number, box in enumerate(boxes):
            source, target = prefix_of(*box[0:2]), prefix_of(*box[2:4])
            self.by_source.paired.setdefault(source, {}).setdefault(target, []).append(number)
            self.by_target.paired.setdefault(target, {}).setdefault(source, []).append(number)
        self.by_source.close()
        self.by_target.close()

    def numbers(self, box: Box, before: int | None = None) -> list[int]:
        """The places of the boxes that overlap `box`, ascending."""
        sources = self.by_source.near(prefix_of(*box[0:2]))
        targets = self.by_target.near(prefix_of(*box[2:4]))
        if len(sources) <= len(targets):
            side, few, many = self.by_source, sources, set(targets)
        else:
            side, few, many = self.by_target, targets, set(sources)
        found = []
        for one in few:
            line = side.paired[one]
            for other in many if len(many) < len(line) else line:
                if other in line and other in many:
                    found += [number for number in line[other] if overlaps(self.boxes[number], box)]
        return sorted(number for number in found if before is None or number < before)


def left_over(box: Box, cuts: list[Box]) -> Iterator[Box]:
    """`box` without the cuts: one dimension after the other is cut at every bound."""
    cuts = [cut for cut in cuts if overlaps(box, cut)]
    if not cuts:
        yield box
    elif not any(contains(cut, box) for cut in cuts):
        at, starts = min(
            ((at, starts) for at in DIMENSIONS if len(starts := _starts(box, cuts, at)) > 1),
            key=lambda one: len(one[1]),
        )
        for low, end in zip(starts, [*starts[1:], box[at + 1] + 1], strict=True):
            yield from left_over(limited(box, at, low, end - 1), cuts)


def _starts(box: Box, cuts: list[Box], at: int) -> list[int]:
    low, high = box[at], box[at + 1]
    starts = {
        low,
        *(cut[at] for cut in cuts if cut[at] > low),
        *(cut[at + 1] + 1 for cut in cuts if cut[at + 1] < high),
    }
    return sorted(starts)


def counts(rules: Sequence[Listed], authorised: Sequence[Box]) -> tuple[int, int, int]:
    """(rules with excess, authorised with something missing, shadowed rules)."""
    every, wanted = Reference([box for box, _ in rules]), Reference(authorised)
    places = [number for number, (_, permit) in enumerate(rules) if not permit]
    denies = Reference([rules[number][0] for number in places])
    excess = missing = shadowed = 0
    for number, (box, permit) in enumerate(rules):
        if permit:
            cuts = [authorised[one] for one in wanted.numbers(box)]
            cuts += [denies.boxes[one] for one in denies.numbers(box) if places[one] < number]
            excess += next(left_over(box, cuts), None) is not None
        shadowed += next(left_over(box, [rules[one][0] for one in every.numbers(box, number)]), None) is None
    for box in authorised:
        missing += _stopped(box, [rules[one] for one in every.numbers(box)])
    return excess, missing, shadowed


def _stopped(box: Box, rules: list[Listed]) -> bool:
    """Whether some packet of the box meets a deny first, or nothing."""
    earlier: list[Box] = []
    for matched, permit in rules:
        if permit and contains(matched, box):
            return False
        if not permit and any(overlaps(piece, matched) for piece in left_over(box, earlier)):
            return True
        earlier.append(matched)
    return next(left_over(box, earlier), None) is not None
