"""The policy in force and the estate, out of the database, for the nightly look at the rules."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from compliance.actions.policy import in_force, read
from compliance.exceptions import boxes, of_rules, rules_of
from compliance.models.estate import day_of
from compliance.policy.shipped import described
from compliance.policy_facts import estate_sides, internet_ends, the_internet
from compliance.register import Wanted
from compliance.traffic.boxes import FAMILIES
from compliance.traffic.services import Span
from evidence.admin_flows import Reached
from evidence.admin_path import AdminPath, administration, paths
from evidence.case import Case
from evidence.judgement import Judgement
from evidence.policy_verdicts import LeftOpen, against
from evidence.rules import Reading


def policy_judgements(wanted: Wanted, now: Mapping[str, Reading], at: datetime) -> list[Judgement]:
    """What the rules as read let through although the policy in force at that time forbids it."""
    sides = estate_sides(at)
    case, on = Case(wanted, now, None, {}), day_of(at)
    ends = internet_ends(sides, at)
    policy, outside = read(in_force(at)), the_internet(sides, at)
    said = against(case, policy, described(), sides, outside, on=on, internet=ends, exceptions=left_open(at))
    return list(said)


def admin_paths(case: Case, at: datetime, reached: Reached | None = None) -> list[AdminPath]:
    """How each server is administered, by the roles and services that the policy in force names. `reached`: what flow
    logs saw of it."""
    return list(paths(case, read(in_force(at)), estate_sides(at), reached))


def administration_services(now: Mapping[str, Reading], at: datetime) -> list[Span]:
    """The services of administration of all servers together."""
    return administration(read(in_force(at)), now.values())


def left_open(at: datetime) -> list[LeftOpen]:
    """The exceptions from rules of the policy that hold at that moment."""
    return [
        LeftOpen(rule, row.ref, row.ends_on, {family: boxes(row.extent, family) for family in FAMILIES})
        for row in of_rules(at)
        for rule in rules_of(row)
    ]
