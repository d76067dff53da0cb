"""What tests have to say at a comparison: an authorised pair that did not get through, and one that did and may not.

A test is the evidence that no rule can talk away: where it differs, that stands until a later test of the same pair
gives something else, or a decision makes it right.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from compliance.register import Wanted
from compliance.traffic.witness import EPHEMERAL, Witness
from evidence.actions.sheets import approved, came_of
from evidence.judgement import TESTED, Judgement
from evidence.models import Sheet
from evidence.rules import Certainty, Verdict
from evidence.sheet_pairs import TCP, Pair, covered
from evidence.sheet_script import DIFFERS, OPEN, UNDECIDED, Told

IN_ORDER: Final = frozenset({"implemented", "not found open"})  # what the last comparison said when all looked well


def tested(wanted: Wanted, at: datetime) -> Iterator[tuple[Judgement, int]]:
    """One judgement for each pair whose last decided test differs, and the system whose test it was."""
    last: dict[str, tuple[Sheet, dict[str, Any], Told]] = {}
    for sheet in approved(by=at):
        for pair, _, outcome in came_of(sheet, at):
            if outcome.verdict != UNDECIDED:
                key = f"{pair['connection']} {pair['from']} {pair['target']} {pair['port']}"
                last[key] = (sheet, dict(pair), outcome)
    four = [entry for entry in wanted.entries if entry.family == 4]
    for sheet, pair, outcome in last.values():
        one = as_pair(pair)
        stands = covered([entry for entry in four if entry.id == one.connection] if one.connection else four, one)
        if outcome.verdict == DIFFERS and stands is (pair["expected"] == OPEN):
            yield judged(sheet, pair, one, outcome), sheet.system_id


def as_pair(said: dict[str, Any]) -> Pair:
    """A pair as it was drawn."""
    return Pair(said["from"], said["to"], said["source_value"], said["target_value"], said["port"], said["connection"])


def judged(sheet: Sheet, pair: dict[str, Any], one: Pair, outcome: Told) -> Judgement:
    """A test that differs, in a sentence; loudest where the rules had looked well."""
    what = f"{one.source} to {one.target} ({pair['target']}), tcp/{one.port}"
    said = pair["said"].replace("_", " ")
    against = f" The rules as read say otherwise ({said})." if pair["said"] in IN_ORDER else ""
    because = f"{sheet.ref} tried {what} from the host itself: {outcome.why}.{against}"
    witness = Witness(4, one.source_ip, one.ip, TCP, EPHEMERAL, one.port)
    if pair["expected"] == OPEN:
        subject, verdict = one.connection, Verdict.not_implemented
    else:
        subject, verdict = f"tested {what}", Verdict.used_outside
    return Judgement(verdict, Certainty.definite, subject, TESTED, sheet.ref, (), witness, because)
