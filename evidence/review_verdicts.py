"""Reviews that are overdue: what is authorised, and nobody has looked at again by the day it was promised for. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from evidence.case import Case
from evidence.judgement import Judgement
from evidence.rules import Certainty, Verdict

POINT = "review"  # about a decision, not about a host: no rule shows it


def overdue(case: Case, at: date) -> Iterator[Judgement]:
    """One judgement for each connection or share whose `review_by` is past on that day. It stays authorised."""
    late = {one.id: one.review_by for one in case.wanted.entries if one.review_by is not None and one.review_by < at}
    for name, day in late.items():
        because = (
            f"{name} was to be looked at again by {day.day} {day:%B %Y}, and nobody has. "
            "It stays authorised until somebody decides."
        )
        yield Judgement(Verdict.review_overdue, Certainty.definite, name, POINT, "", (), None, because)
