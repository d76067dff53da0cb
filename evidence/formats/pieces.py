"""Parts of traffic with what is decided about them, and what two of several possible ways have in common."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from compliance.traffic.boxes import Box, Budget, intersect
from compliance.traffic.index import Index
from compliance.traffic.shares import Origin

Decided = Literal["permit", "deny", "unproven"]
TOO_MANY = "not decided: too many pieces"
ASLEEP = "it is not seen that such packets are tracked, and the kernel asks a chain that translates about no others"
PASSES_BY = "it does not come to this point"


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a box with its decision, the responsible rule, the jumps that led there and the reason in words.

    The box is the traffic as its sender sends it, whatever is translated on the way; `path` names the rules that
    translated it as well as those that jumped.
    """

    box: Box
    decision: Decided
    rule: str
    origin: Origin | None
    path: tuple[str, ...]
    because: str


def overlay(a: Sequence[Piece], b: Sequence[Piece], names: tuple[str, str], budget: Budget) -> Iterator[Piece]:
    """Two ways of cutting the same box into one: decided where both decide alike. `names`: the ways in words.

    Raises TooManyPieces.
    """
    index = Index(piece.box for piece in b)
    for piece in a:
        for number in index.numbers(piece.box):
            budget.spend()
            part = intersect(piece.box, b[number].box)
            if part is not None:
                yield both(part, piece, b[number], names)


def both(box: Box, a: Piece, b: Piece, names: tuple[str, str]) -> Piece:
    """What holds of `box` when it may go either way."""
    if a.decision == b.decision and (a.because == PASSES_BY) == (b.because == PASSES_BY):
        return Piece(box, a.decision, a.rule, a.origin, a.path, a.because)
    if PASSES_BY in {a.because, b.because}:
        other = b if a.because == PASSES_BY else a
        because = f"on one of {names[0]} and {names[1]} only: {other.because}"
        return Piece(box, "unproven", other.rule, other.origin, other.path, because)
    unsure = next((one for one in (a, b) if one.decision == "unproven"), None)
    if unsure is not None:
        return Piece(box, "unproven", unsure.rule, unsure.origin, unsure.path, unsure.because)
    named = a if a.decision == "permit" else b
    because = f"{a.decision} on {names[0]} by {a.rule}, {b.decision} on {names[1]} by {b.rule}"
    return Piece(box, "unproven", named.rule, named.origin, named.path, because)
