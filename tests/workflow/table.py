"""Which verb leads on from which state, written down once more, and how much of the table a play went through."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final

STATES: Final = (
    "draft", "submitted", "approved", "rejected", "withdrawn", "implemented", "verified", "disputed", "retired",
)  # fmt: skip
RISK_STATES: Final = ("requested", "accepted", "refused", "revoked")
SENT: Final = STATES[1:]  # a draft is nobody else's yet: nothing can be asked about it
WALKED: Final[dict[str, tuple[str, ...]]] = {
    "edit": ("draft",),
    "submit": ("draft",),
    "approve": ("submitted",),
    "reject": ("submitted",),
    "act_first": ("submitted",),
    "withdraw": ("draft", "submitted"),
    "implement": ("approved", "disputed"),
    "verify": ("implemented", "disputed"),
    "dispute": ("implemented", "verified"),
    "retire": ("approved", "implemented", "verified", "disputed"),
    "ask_again": ("rejected", "withdrawn"),
    "ask_question": ("submitted", "approved", "implemented", "disputed"),
    "answer_question": SENT,
}
RISKS: Final[dict[str, tuple[str, ...]]] = {
    "accept_risk": ("requested",), "refuse_risk": ("requested",), "revoke_risk": ("accepted",),
}  # fmt: skip
# From where to where a change record may go in one step
EDGES: Final = {
    ("draft", "submitted"), ("draft", "withdrawn"), ("submitted", "approved"), ("submitted", "rejected"),
    ("submitted", "implemented"), ("submitted", "withdrawn"),
    ("approved", "implemented"), ("disputed", "implemented"), ("implemented", "verified"),
    ("disputed", "verified"), ("implemented", "disputed"), ("verified", "disputed"), ("approved", "retired"),
    ("implemented", "retired"), ("verified", "retired"), ("disputed", "retired"),
}  # fmt: skip
RISK_EDGES: Final = {("requested", "accepted"), ("requested", "refused"), ("accepted", "revoked")}


def pairs() -> Iterator[tuple[str, str]]:
    """Every verb on every state it can be tried in."""
    for verb in WALKED:
        yield from ((verb, state) for state in (SENT if verb == "answer_question" else STATES))
    for verb in RISKS:
        yield from ((verb, state) for state in RISK_STATES)


def edges() -> Iterator[tuple[str, str]]:
    """Every verb on every state from which it leads on."""
    for table in (WALKED, RISKS):
        for verb, states in table.items():
            yield from ((verb, state) for state in states)


def tried(counts: Counter[str]) -> set[tuple[str, str]]:
    """The pairs that were tried, done or refused."""
    return {pair for pair in pairs() if any(counts[f"{said} {pair[0]} {pair[1]}"] for said in ("done", "refused"))}


def walked(counts: Counter[str]) -> set[tuple[str, str]]:
    """The pairs that were done."""
    return {pair for pair in pairs() if counts[f"done {pair[0]} {pair[1]}"]}


def coverage(counts: Counter[str]) -> dict[str, int]:
    """How many pairs there are and were tried; how many lead on and were done."""
    every = list(edges())
    return {
        "pairs": len(list(pairs())), "pairs_tried": len(tried(counts)),
        "steps_of_table": len(every), "steps_walked": len(walked(counts) & set(every)),
    }  # fmt: skip


def missing(counts: Counter[str]) -> list[str]:
    """The pairs nobody tried and the steps nobody did, in words."""
    left = [f"{verb} while {state} was not tried" for verb, state in sorted(set(pairs()) - tried(counts))]
    return left + [f"{verb} while {state} was not done" for verb, state in sorted(set(edges()) - walked(counts))]
