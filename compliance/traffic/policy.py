"""Ordered lists of rules against lists of authorised traffic: the first match decides, what no rule matches is denied.

    excess      what a permit lets through that is not authorised and that no earlier rule stops
    passes      authorised traffic that is let through; else its first piece that is denied, or that no rule matches
    shadow      rules that no packet reaches, because earlier rules match everything they match
    redundant   rules that decide nothing: without them every packet fares the same
    differences what two lists decide differently, as sets

Nothing is brought into a normal form. A rule is compared only with what overlaps it; one holder of the whole box, or
one packet outside of everything, mostly settles it; else the rest is cut lazily and its first piece is the proof.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from compliance.traffic.alignment import unmatched
from compliance.traffic.boxes import Box, Budget, contains, intersect, subtract
from compliance.traffic.index import Index
from compliance.traffic.residual import residual

STEPS = 200_000  # of one question; above it the answer is "not decided"


Listed = tuple[Box, bool]  # one rule of a list: its traffic, and whether it lets it through


class Decided(NamedTuple):
    """A piece of traffic with the number of the rule it meets first; None: no rule matches it, it is denied."""

    box: Box
    rule: int | None
    permit: bool


class Shadow(NamedTuple):
    """The earlier rule that holds all of a rule; None: several do together."""

    rule: int | None


def lowest(box: Box) -> Box:
    """The packet in the lowest corner of a box."""
    return (box[0], box[0], box[2], box[2], box[4], box[4], box[6], box[6], box[8], box[8])


class Policy:
    """A list of rules that can be asked and edited. A rule keeps its number when others come and go."""

    def __init__(self, rules: Iterable[Listed]) -> None:
        self.rules = list(rules)
        self.places = list(range(len(self.rules)))  # number -> place in the list; only those in `order` mean something
        self.order = list(self.places)  # place -> number
        self._edited = False
        self.index = Index(box for box, _ in self.rules)
        self._denies = [number for number, (_, permit) in enumerate(self.rules) if not permit]
        self._deny_index = Index(self.rules[number][0] for number in self._denies)

    def edit(self, rules: Iterable[Listed]) -> tuple[list[int], list[int]]:
        """Takes over a newer list: (numbers that are gone, numbers that are new). A moved rule is both."""
        now = list(rules)
        gone, come = unmatched([self.rules[number] for number in self.order], now)
        removed = [self.order[place] for place in gone]
        dead = set(removed)
        kept = iter([number for number in self.order if number not in dead])
        for number in removed:
            self.index.discard(number)
        for place in [place for place, number in enumerate(self._denies) if number in dead]:
            self._deny_index.discard(place)
        added = [self._append(now[place]) for place in come]
        fresh = dict(zip(come, added, strict=True))
        self.order = [fresh[place] if place in fresh else next(kept) for place in range(len(now))]
        for place, number in enumerate(self.order):
            self.places[number] = place
        self._edited = True
        return removed, added

    def _append(self, rule: Listed) -> int:
        number = self.index.add(rule[0])
        self.rules.append(rule)
        self.places.append(0)
        if not rule[1]:
            self._deny_index.add(rule[0])
            self._denies.append(number)
        return number

    def meeting(self, box: Box) -> list[int]:
        """The numbers of the rules that overlap `box`, in the order of the list."""
        numbers = self.index.numbers(box)
        return sorted(numbers, key=self.places.__getitem__) if self._edited else numbers

    def earlier_denies(self, number: int) -> list[Box]:
        """The denies before a rule that overlap it."""
        limit, index = self.places[number], self._deny_index
        near = index.numbers(self.rules[number][0])
        return [index.boxes[one] for one in near if self.places[self._denies[one]] < limit]

    def excess(self, number: int, authorised: Index, *, budget: Budget | None = None) -> Iterator[Box]:
        """What the rule lets through beyond the authorised, in disjoint boxes. Raises TooManyPieces."""
        box, permit = self.rules[number]
        if not permit or authorised.holder(box) is not None:
            return iter(())
        cuts = authorised.overlapping(box)
        cuts += self.earlier_denies(number)
        return residual(box, cuts, budget=budget or Budget(STEPS)) if cuts else iter((box,))

    def passes(self, box: Box, *, budget: Budget | None = None) -> Decided:
        """How `box` fares as a whole. Raises TooManyPieces.

        permit: all of it is let through, by `rule` alone (None: by several). Else the first piece that is not let
        through, with the rule that stops it.
        """
        numbers = self.meeting(box)
        if not numbers:
            return Decided(box, None, permit=False)
        first, permit = self.rules[numbers[0]]
        if permit and contains(first, box):
            return Decided(box, numbers[0], permit=True)
        found = self._decide(box, numbers, budget or Budget(STEPS))
        return next((one for one in found if not one.permit), Decided(box, None, permit=True))

    def decide(self, box: Box, *, budget: Budget | None = None) -> Iterator[Decided]:
        """The box in disjoint pieces, each with the rule that it meets first. Raises TooManyPieces."""
        return self._decide(box, self.meeting(box), budget)

    def _decide(self, box: Box, numbers: Sequence[int], budget: Budget | None) -> Iterator[Decided]:
        rules = self.rules
        waiting = [(box, numbers)]
        while waiting:
            box, numbers = waiting.pop()
            if budget is not None:
                budget.spend(1 + len(numbers) // 64)
            hit = None
            for place, number in enumerate(numbers):
                matched, permit = rules[number]
                if (hit := intersect(box, matched)) is None:
                    continue
                yield Decided(hit, number, permit)
                if hit != box:
                    later = numbers[place + 1 :]
                    waiting.extend((rest, later) for rest in subtract(box, matched))
                break
            if hit is None:
                yield Decided(box, None, permit=False)

    def shadow(self, number: int, *, budget: Budget | None = None) -> Shadow | None:
        """What hides the rule from every packet: one earlier rule that holds it, or several. Raises TooManyPieces."""
        box, index, place = self.rules[number][0], self.index, self.places[number]
        places = self.places if self._edited else None
        holder = index.holder(box, place, places)
        if holder is not None:
            return Shadow(holder)
        if index.holder(lowest(box), place, places) is None:
            return None
        left = residual(box, self._earlier(number), budget=budget or Budget(STEPS))
        return Shadow(None) if next(left, None) is None else None

    def redundant(self, number: int, *, budget: Budget | None = None) -> bool:
        """Whether every packet fares the same without the rule: shadowed rules, and those that later ones repeat."""
        budget = budget or Budget(STEPS)
        box, permit = self.rules[number]
        place = self.places[number]
        later = Policy(self.rules[one] for one in self.meeting(box) if self.places[one] > place)
        return all(
            decided.permit is permit
            for piece in residual(box, self._earlier(number), budget=budget)
            for decided in later.decide(piece, budget=budget)
        )

    def _earlier(self, number: int) -> list[Box]:
        place = self.places[number]
        return [self.rules[one][0] for one in self.index.numbers(self.rules[number][0]) if self.places[one] < place]


class Difference(NamedTuple):
    """A piece that two lists decide differently, and by which of their rules."""

    box: Box
    before: Decided
    after: Decided


def differences(old: Policy, new: Policy, *, budget: Budget | None = None) -> Iterator[Difference]:
    """All that two lists decide differently, in disjoint pieces; only traffic of changed rules is looked at.

    Raises TooManyPieces.
    """
    before, after = [old.rules[one] for one in old.order], [new.rules[one] for one in new.order]
    gone, come = unmatched(before, after)
    seen = Index(())
    for box in dict.fromkeys([*(after[place][0] for place in come), *(before[place][0] for place in gone)]):
        for piece in residual(box, seen.overlapping(box), budget=budget):
            for now in new.decide(piece, budget=budget):
                for then in old.decide(now.box, budget=budget):
                    if now.permit is not then.permit:
                        yield Difference(then.box, then, now)
        seen.add(box)
