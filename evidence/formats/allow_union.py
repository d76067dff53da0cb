"""Lists that only permit: security groups, network policies. Whatever any rule of any list permits passes.

A point that no list is attached to is not isolated and lets everything through; one with a list denies the rest. Both
defaults are synthetic rules with ids. A rule of which it is not known whether it matches may permit.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from compliance.traffic.boxes import Box, Budget, Family, TooManyPieces, intersect, subtract
from evidence.formats.lanes import Ladder, Step, has, texts
from evidence.formats.pieces import TOO_MANY, Piece
from evidence.rules import Action, Chain, Rule

DEFAULT, NOT_ISOLATED = "#default", "#not-isolated"


class Union:
    """The lists of one point as packets of one family on one pair of interfaces see them."""

    def __init__(
        self, point: str, chains: Mapping[str, Chain], stages: Sequence[str], family: Family, iif: str, oif: str
    ) -> None:
        self._point, self._isolated = point, bool(stages)
        self._missing = [name for name in stages if name not in chains]
        rules = [rule for name in stages if name in chains for rule in chains[name].rules]
        # What is sure comes first: a box that one rule permits is permitted, whatever others may do.
        ordered = [*(rule for rule in rules if _is_sure(rule)), *(rule for rule in rules if not _is_sure(rule))]
        self._ladder = Ladder(Chain(point, "", "", 0, None, tuple(ordered)), family, iif, oif)

    def pieces(self, box: Box, budget: Budget) -> Iterator[Piece]:
        """The box in pieces, each permitted, denied by default, or unproven."""
        waiting = [(box, 0)]
        while waiting:
            rest, start = waiting.pop()
            try:
                budget.spend()
            except TooManyPieces:
                for left in (rest, *(one for one, _ in waiting)):
                    yield Piece(left, "unproven", "", None, (), TOO_MANY)
                return
            number = self._ladder.next_hit(rest, start)
            if number is None:
                yield self._default(rest)
                continue
            step = self._ladder.steps[number]
            waiting.extend((part, number + 1) for part in subtract(rest, step.box))
            part = intersect(rest, step.box)
            if part is not None:
                yield _met(part, step)

    def _default(self, box: Box) -> Piece:
        if not self._isolated:
            because = f"nothing is attached to {self._point}: it is not isolated"
            return Piece(box, "permit", self._point + NOT_ISOLATED, None, (), because)
        if self._missing:
            return Piece(box, "unproven", self._missing[0], None, (), f"chain {self._missing[0]} is not defined")
        return Piece(box, "deny", self._point + DEFAULT, None, (), "no rule permits it")


def _is_sure(rule: Rule) -> bool:
    return rule.action is Action.PERMIT and not rule.residue and rule.enabled and rule.nat is None


def _met(box: Box, step: Step) -> Piece:
    rule = step.rule
    if _is_sure(rule):
        return Piece(box, "permit", rule.id, rule.origin, (), f"permitted by {rule.id}")
    because = step.doubt
    if not because and has(rule, "action", "nat"):
        because = f"unknown effect of `{texts(rule.residue, 'action', 'nat')}`"
    if not because:
        because = f"{rule.action.value} has no meaning in a list that only permits"
    return Piece(box, "unproven", rule.id, rule.origin, (), because)
