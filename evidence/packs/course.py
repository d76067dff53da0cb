"""What happened along the way of a change record, as values for the page: questions, who is waited for, rules seen."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Asked:
    """A question that stands on the record, and its answer: "" and None while nobody answered."""

    person: str
    at: datetime
    text: str
    answered_by: str = ""
    answered_at: datetime | None = None
    answer: str = ""


@dataclass(frozen=True, slots=True)
class Moved:
    """A rule that changed for this record; `because` is "" where it is as the record says."""

    where: str
    at: datetime
    direction: str
    rule: str
    outcome: str
    because: str


@dataclass(frozen=True, slots=True)
class Course:
    """`first`: that it was carried out before its approval, "" when not. `waiting`: needs nobody has met yet.
    `elsewhere`: how many more rules changed for it in systems outside the scope. `ticket`: what its system says."""

    first: str = ""
    waiting: tuple[str, ...] = ()
    asked: tuple[Asked, ...] = ()
    moved: tuple[Moved, ...] = ()
    elsewhere: int = 0
    ticket: str = ""


NOTHING = Course()
