"""Who may ask about a change, and who may answer: the rules beside the roles of permissions.py."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from compliance.errors import NotAllowed, Refused
from compliance.models import ChangeRecord, Question, Role, State, User

# While somebody decides on it or carries it out: a draft is nobody else's yet, and what has ended does not go on.
ASKED_WHILE: Final = (State.SUBMITTED, State.APPROVED, State.IMPLEMENTED, State.DISPUTED)


def why_not_ask(person: User, change: ChangeRecord) -> Refused | None:
    """Why this person cannot ask about this change, whose role would do; None when they can."""
    what = f"You cannot ask about {change.ref}."
    if change.state not in ASKED_WHILE:
        return Refused(
            what, f"It is {change.get_state_display().lower()}.", "A question is asked while it is going on."
        )
    if change.requested_by_id == person.pk:
        return NotAllowed(what, "You asked for it yourself.", "Withdraw it if it should say something else.")
    return None


def why_not_answer(person: User, question: Question, at: datetime) -> Refused | None:
    """Why this person cannot answer this question; None when they can: who asked for the change, or an owner."""
    change = question.change
    what = f"You cannot answer this question about {change.ref}."
    if question.asked_by_id == person.pk:
        return NotAllowed(what, "You asked it.", f"{change.requested_by} or an owner of {change.system} answers.")
    if hasattr(question, "answer"):
        return Refused(what, f"{question.answer.answered_by} answered it.", "Read the answer; ask again for more.")
    if change.requested_by_id != person.pk and not person.holds([Role.SYSTEM_OWNER], change.system_id, at):
        who = f"They or an owner of {change.system} can."
        return NotAllowed(what, f"{change.requested_by} asked for the change.", who)
    return None


def refused(person: User, verb: str, obj: Any, at: datetime) -> Refused | None:
    """The rule of either verb."""
    return why_not_ask(person, obj) if verb == "ask_question" else why_not_answer(person, obj, at)
