"""The world the workflow is tried in: people of every role and system, two systems, and what may be asked for.

Beside the people every test knows: owners and managers whose role is over, is still to come or is for one system only,
somebody with two roles, one who is deactivated, and a superuser who holds the role of an owner.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import transaction
from django.utils import timezone

from compliance.actions import people as verbs
from compliance.models import Role, RoleGrant, User
from tests.factories import network, servers, share
from tests.people import People, everybody
from tests.workflow.rights import Grant, Rights

SOON: Final = timedelta(days=5)


@dataclass(frozen=True)
class World:
    """Who is there (by id), since when, and what may be asked for."""

    people: People
    ids: tuple[int, ...]
    start: datetime
    materials: tuple[dict[str, Any], ...]
    both: int  # owner and manager of one system

    def rights(self) -> Rights:
        """What everybody may, as an account of its own: read once from the tables, kept apart from then on."""
        rights = Rights()
        for row in User.objects.all():
            rights.active[row.pk] = row.is_active
            rights.superusers |= {row.pk} if row.is_superuser else set()
        for grant in RoleGrant.objects.all():
            rights.grants.append(Grant(grant.person_id, grant.role, grant.system_id, grant.valid_from, grant.valid_to))
        return rights


@transaction.atomic
def build() -> World:
    """Everybody, their roles and two systems with servers, made through the verbs."""
    people, now = everybody(), timezone.now()
    servers(people)
    alex, day = people.alex, timedelta(days=1)
    more = (
        ("eve", Role.MANAGER, None, now - 9 * day, now - day),
        ("fay", Role.SYSTEM_OWNER, people.payroll, now + 2 * day, None),
        ("max", Role.MANAGER, people.platform, now - 9 * day, None),
        ("tess", Role.ENGINEER, people.platform, now - 9 * day, None),
        ("ruth", Role.REQUESTER, None, now - 9 * day, None),
        ("ruth", Role.MANAGER, people.payroll, now - 9 * day, None),
        ("both", Role.SYSTEM_OWNER, people.payroll, now - 9 * day, None),
        ("both", Role.MANAGER, None, now - 9 * day, None),
        ("gone", Role.SYSTEM_OWNER, people.payroll, now - 9 * day, None),
        ("root", Role.SYSTEM_OWNER, people.payroll, now - 9 * day, None),
    )
    for name, role, system, start, end in more:
        email = f"{name}@example.org"
        person = User.objects.filter(email=email).first() or verbs.make_person(email, name.title(), by=alex, at=now)
        verbs.give(person, role, system=system, by=alex, at=start, until=end)
    verbs.deactivate(User.objects.get(email="gone@example.org"), by=alex, at=now)
    User.objects.filter(email="root@example.org").update(is_superuser=True)
    until = timezone.localdate(now + SOON).isoformat()
    materials = (
        network(),
        network("pay-app-01", "log-01", "tcp/6514"),
        network("pay-app-01", "pay-db-01", "tcp/5433", ends_on=until),
        share(),
    )
    ids = tuple(User.objects.order_by("pk").values_list("pk", flat=True))
    return World(people, ids, now, materials, User.objects.get(email="both@example.org").pk)
