"""How each verb is said on a record that somebody has before them: by whom, when, and in which version they read it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from compliance.actions import changes, drafts, ledger, questions, risks
from compliance.models import ChangeRecord, RiskAcceptance
from tests.factories import WHY, network

Act = Callable[[Any, Any, int, datetime], Any]  # by, the record, the version read, when


def edit(by: Any, row: ChangeRecord, seen: int, at: datetime) -> Any:
    """The draft says something else."""
    said = {"material": network("pay-app-01", "pay-db-01", "tcp/5460"), "justification": WHY, "title": "Better said"}
    return drafts.edit(row, by=by, at=at, seen_version=seen, **said)


def retire(by: Any, row: ChangeRecord, seen: int, at: datetime) -> None:
    """By hand: no such verb is offered to anybody, so it is put together from what the others are made of."""
    with changes.step(row, "retire", by=by, at=at) as one:
        changes.move(one, "retire")
        ledger.record("retire", one, by=by, at=at)


VERBS: Final[dict[str, Act]] = {
    "edit": edit,
    "submit": lambda by, row, seen, at: changes.submit(row, by=by, at=at, seen_version=seen),
    "approve": lambda by, row, seen, at: changes.approve(row, by=by, at=at, seen_version=seen),
    "reject": lambda by, row, seen, at: changes.reject(row, by=by, because="No.", at=at),
    "act_first": lambda by, row, seen, at: changes.act_first(row, by=by, because="It cannot wait.", at=at),
    "withdraw": lambda by, row, seen, at: changes.withdraw(row, by=by, because="No.", at=at),
    "implement": lambda by, row, seen, at: changes.implement(row, by=by, at=at),
    "verify": lambda by, row, seen, at: changes.verify(row, proof="a" * 64, by=by, at=at),
    "dispute": lambda by, row, seen, at: changes.dispute(row, why="It is not so.", by=by, at=at),
    "retire": retire,
    "ask_again": lambda by, row, seen, at: drafts.ask_again(row, by=by, at=at),
    "ask_question": lambda by, row, seen, at: questions.ask(row, text="Why?", by=by, at=at),
}


def accept_risk(by: Any, row: RiskAcceptance, seen: int, at: datetime) -> Any:
    """It is left open until its day."""
    return risks.accept(row, by=by, because="So.", seen_version=seen, at=at)


def refuse_risk(by: Any, row: RiskAcceptance, seen: int, at: datetime) -> Any:
    """It is to be mended."""
    return risks.refuse(row, by=by, because="So.", seen_version=seen, at=at)


def revoke_risk(by: Any, row: RiskAcceptance, seen: int, at: datetime) -> Any:
    """It is not left open any more."""
    return risks.revoke(row, by=by, because="It moved.", at=at)


ON_RISKS: Final[dict[str, Act]] = {
    "accept_risk": accept_risk, "refuse_risk": refuse_risk, "revoke_risk": revoke_risk,
}  # fmt: skip
