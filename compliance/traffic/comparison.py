"""A list of rules held against a register, kept up to date: a newer list costs only what changed.

What a change can touch is found by asking for what overlaps it. An answer that rests on one rule (its holder, the
piece that is its proof) is asked again only when that rule went or something earlier came.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from compliance.traffic.boxes import Box, TooManyPieces, overlaps
from compliance.traffic.index import Index, undisturbed
from compliance.traffic.policy import Decided, Listed, Policy, Shadow

Question = Literal["excess", "missing", "shadowed"]


class Comparison:
    """The answers about a list of rules and a register. Numbers of rules are the policy's, see `policy.places`.

    excess      rule -> its first piece beyond the authorised
    missing     place in `authorised` -> its first piece that is not let through
    shadowed    rule that no packet reaches -> what hides it
    undecided   (question, number) of what took too many steps: it is in none of the others
    """

    def __init__(self, rules: Iterable[Listed], authorised: Sequence[Box]) -> None:
        self.policy, self.authorised = Policy(rules), Index(authorised)
        self.excess: dict[int, Box] = {}
        self.missing: dict[int, Decided] = {}
        self.shadowed: dict[int, Shadow] = {}
        self.undecided: set[tuple[Question, int]] = set()
        self._hidden_by: dict[int | None, set[int]] = {None: set()}  # the other way round; None: by several
        self._carrier: dict[int, int | None] = {}  # place in `authorised` -> the one rule that lets all of it through
        with undisturbed():
            order = self._neighbours(range(len(self.policy.rules)))
            for number in order:
                self._ask_excess(number)
            for number in order:
                self._ask_shadowed(number)
            for place in sorted(range(len(authorised)), key=lambda one: authorised[one][2]):
                self._ask_missing(place)

    def follow(self, rules: Iterable[Listed]) -> None:
        """Brings every answer to a newer list of rules."""
        removed, added = self.policy.edit(rules)
        stale: dict[Question, set[int]] = {"excess": set(added), "shadowed": set(added), "missing": set()}
        for number in removed:
            self.excess.pop(number, None)
            self._unhide(number)
            self.undecided -= {("excess", number), ("shadowed", number)}
        for number in self._neighbours(removed):
            self._without(number, stale)
        for number in self._neighbours(added):
            self._with(number, stale)
        for number in stale["excess"]:
            self._ask_excess(number)
        for number in stale["shadowed"]:
            self._ask_shadowed(number)
        for place in stale["missing"]:
            self._ask_missing(place)

    def _neighbours(self, numbers: Iterable[int]) -> list[int]:
        """Rules by their destination: one after another they meet the same others, which are still at hand."""
        rules = self.policy.rules
        return sorted(numbers, key=lambda one: rules[one][0][2])

    def _without(self, number: int, stale: dict[Question, set[int]]) -> None:
        """What must be asked again because a rule is gone."""
        box, permit = self.policy.rules[number]
        stale["shadowed"] |= self._hidden_by.pop(number, set())
        stale["shadowed"] |= {one for one in self._hidden_by[None] if overlaps(self.policy.rules[one][0], box)}
        stale["shadowed"] |= {one for question, one in self.undecided if question == "shadowed"}
        if not permit:
            stale["excess"].update(one for one in self.policy.index.numbers(box) if one not in self.excess)
        for entry in self.authorised.numbers(box):
            missing = self.missing.get(entry)
            resting = self._carrier.get(entry) in {number, None} if missing is None else missing.rule == number
            if resting or ("missing", entry) in self.undecided:
                stale["missing"].add(entry)

    def _with(self, number: int, stale: dict[Question, set[int]]) -> None:
        """What must be asked again because a rule came."""
        box, permit = self.policy.rules[number]
        places, place = self.policy.places, self.policy.places[number]
        for other in self.policy.index.numbers(box):
            if places[other] <= place:
                continue
            if other not in self.shadowed:
                stale["shadowed"].add(other)
            piece = self.excess.get(other)
            if not permit and (overlaps(piece, box) if piece is not None else ("excess", other) in self.undecided):
                stale["excess"].add(other)
        for entry in self.authorised.numbers(box):
            missing, carrier = self.missing.get(entry), self._carrier.get(entry)
            if missing is not None:
                touched = overlaps(missing.box, box)
            else:
                touched = not permit and (carrier is None or place < places[carrier])
            if touched or ("missing", entry) in self.undecided:
                stale["missing"].add(entry)

    def _ask_excess(self, number: int) -> None:
        self.excess.pop(number, None)
        self.undecided.discard(("excess", number))
        try:
            piece = next(self.policy.excess(number, self.authorised), None)
        except TooManyPieces:
            self.undecided.add(("excess", number))
        else:
            if piece is not None:
                self.excess[number] = piece

    def _unhide(self, number: int) -> None:
        shadow = self.shadowed.pop(number, None)
        if shadow is not None and shadow.rule in self._hidden_by:
            self._hidden_by[shadow.rule].discard(number)

    def _ask_shadowed(self, number: int) -> None:
        self._unhide(number)
        self.undecided.discard(("shadowed", number))
        try:
            shadow = self.policy.shadow(number)
        except TooManyPieces:
            self.undecided.add(("shadowed", number))
        else:
            if shadow is not None:
                self.shadowed[number] = shadow
                self._hidden_by.setdefault(shadow.rule, set()).add(number)

    def _ask_missing(self, place: int) -> None:
        self.missing.pop(place, None)
        self._carrier.pop(place, None)
        self.undecided.discard(("missing", place))
        try:
            found = self.policy.passes(self.authorised.boxes[place])
        except TooManyPieces:
            self.undecided.add(("missing", place))
        else:
            if found.permit:
                self._carrier[place] = found.rule
            else:
                self.missing[place] = found
