"""The verbs of reviews, by noun: the standing duty, the meeting. What others call stands here."""

from __future__ import annotations

from reviews.actions.decisions import carry_out, decide, note_rest
from reviews.actions.meetings import (
    add_action,
    attend,
    blockers,
    close_action,
    confirm,
    countersign,
    open_review,
    send_back,
    sign,
)
from reviews.actions.schedules import (
    add_review,
    mark_missed,
    plan,
    set_holidays,
    set_schedule,
)

__all__ = [
    "add_action",
    "add_review",
    "attend",
    "blockers",
    "carry_out",
    "close_action",
    "confirm",
    "countersign",
    "decide",
    "mark_missed",
    "note_rest",
    "open_review",
    "plan",
    "send_back",
    "set_holidays",
    "set_schedule",
    "sign",
]
