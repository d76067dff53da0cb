"""The people every test knows: Rita requests, Omar owns, Mina approves, Erin does it, Ada audits, Sam is a stranger.

Olga owns another system, Dan is Omar's deputy, Alex administers. Made through the same verbs as everybody else.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from compliance.actions import estate
from compliance.actions import people as verbs
from compliance.models import Role, System, User
from tests.remembered import remembered

LONG_AGO = datetime.now(UTC) - timedelta(days=400)
PASSWORD = "a lantern on the harbour wall"


@dataclass(frozen=True)
class People:
    """Who is there, and the two systems they work for: `payroll` (Omar's) and `platform` (Olga's)."""

    alex: User
    rita: User
    omar: User
    dan: User
    olga: User
    mina: User
    erin: User
    ada: User
    sam: User
    payroll: System
    platform: System


def everybody(*, at: datetime = LONG_AGO, mfa: bool = False) -> People:
    """All of them, with their roles from `at` on. `mfa`: whether the organisation asks those who decide for it."""
    return remembered(("everybody", at, mfa), lambda: _everybody(at, mfa))


def _everybody(at: datetime, mfa: bool) -> People:
    alex = verbs.make_person("alex@example.org", "Alex Tran", roles=[Role.ADMINISTRATOR], by=None, at=at)
    named = {
        name: verbs.make_person(f"{name}@example.org", full, by=alex, at=at)
        for name, full in (
            ("rita", "Rita Rahman"), ("omar", "Omar Haddad"), ("dan", "Dan Okafor"), ("olga", "Olga Lind"),
            ("mina", "Mina Kowalski"), ("erin", "Erin Walsh"), ("ada", "Ada Byrne"), ("sam", "Sam Stone"),
        )
    }  # fmt: skip
    ours = estate.add_organisation("Sample Affairs", approvers_need_mfa=mfa, by=alex, at=at)
    payroll = estate.add_system("Payroll", organisation=ours, owner=named["omar"], deputy=named["dan"], by=alex, at=at)
    platform = estate.add_system("Platform", organisation=ours, owner=named["olga"], by=alex, at=at)
    roles = {"rita": Role.REQUESTER, "mina": Role.MANAGER, "erin": Role.ENGINEER, "ada": Role.AUDITOR}
    for name, role in roles.items():
        verbs.grant(named[name], role, by=alex, at=at, until=datetime.now(UTC) + timedelta(days=90))
    return People(alex=alex, payroll=payroll, platform=platform, **named)
