"""The policy in force and the estate, out of the database, for the nightly look at the rules."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from compliance.actions.policy import in_force, read
from compliance.models.estate import day_of
from compliance.policy.shipped import described
from compliance.policy_facts import estate_sides, the_internet
from compliance.register import Wanted
from evidence.case import Case
from evidence.judgement import Judgement
from evidence.policy_verdicts import against
from evidence.rules import Reading


def policy_judgements(wanted: Wanted, now: Mapping[str, Reading], at: datetime) -> list[Judgement]:
    """What the rules as read let through although the policy in force at that time forbids it."""
    sides = estate_sides(at)
    case = Case(wanted, now, None, {})
    return list(against(case, read(in_force(at)), described(), sides, the_internet(sides, at), on=day_of(at)))
