"""The world the workflow is tried in: people of every role and system, two systems, and a record in every state.

Beside the people every test knows: owners and managers whose role is over, is still to come or is for one system only,
somebody with two roles, one who is deactivated, a superuser who holds the role of an owner, and an authorising
officer who asks as well. It begins two months ago, so that what is done with a time given is told from what takes
the clock's. Every run begins with these records and is taken back to them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import transaction
from django.utils import timezone

from compliance.actions import changes, connections, delegations, estate, questions, risks, stages, widening
from compliance.actions import people as verbs
from compliance.models import (
    ChangeRecord,
    Delegation,
    Group,
    RiskAcceptance,
    Role,
    RoleGrant,
    Server,
    System,
    User,
)
from tests.factories import WHY, asked, network, servers, share
from tests.people import People, everybody
from tests.workflow.beside_audit import Known
from tests.workflow.rights import Grant, Place, Rights
from tests.workflow.rows import Rows, newest_entry, read

AGO: Final = timedelta(days=60)
DAY: Final = timedelta(days=1)
SOON: Final = timedelta(days=5)
EXTENT: Final = [{"family": 4, "box": [1, 1, 2, 2, 6, 6, 0, 65535, 80, 80]}]
MORE: Final[tuple[tuple[str, str, str | None, int, int | None], ...]] = (
    # who, role, system, from and until in days
    ("eve", Role.MANAGER, None, -9, -1),
    ("fay", Role.SYSTEM_OWNER, "payroll", 2, None),
    ("max", Role.MANAGER, "platform", -9, None),
    ("tess", Role.ENGINEER, "platform", -9, None),
    ("ruth", Role.REQUESTER, None, -9, None),
    ("ruth", Role.MANAGER, "payroll", -9, None),
    ("both", Role.SYSTEM_OWNER, "payroll", -9, None),
    ("both", Role.MANAGER, None, -9, None),
    ("gone", Role.SYSTEM_OWNER, "payroll", -9, None),
    ("root", Role.SYSTEM_OWNER, "payroll", -9, None),
    ("otto", Role.REQUESTER, "payroll", -9, None),
    ("otto", Role.ENGINEER, "payroll", -9, None),
)


@dataclass(frozen=True)
class World:
    """Who is there (by id), since when, what may be asked for, and the rows every run begins with."""

    people: People
    ids: tuple[int, ...]
    start: datetime
    materials: tuple[dict[str, Any], ...]
    both: int  # owner and manager of one system
    otto: int  # the authorising officer of Payroll, who asks and carries out as well
    known: Known
    rows: Rows
    records: dict[int, ChangeRecord]
    rights: Rights
    groups: tuple[Group, ...]  # in use, and not
    spare: tuple[Server, ...]  # members of no group


@transaction.atomic
def build() -> World:
    """All of it, made through the verbs."""
    start = timezone.now() - AGO
    people = everybody(at=start - 300 * DAY)
    servers(people, at=start - 300 * DAY)
    someone(people, start)
    otto = User.objects.get(email="otto@example.org")
    System.objects.filter(pk=people.payroll.pk).update(authorising_officer=otto)
    people.payroll.refresh_from_db()
    spare = tuple(
        estate.add_server(f"pay-app-0{number}", system=people.payroll, addresses=[f"10.20.20.{30 + number}"],
                          by=people.alex, at=start - 300 * DAY)
        for number in (2, 3, 4)
    )  # fmt: skip
    first = Server.objects.get(name="pay-app-01")
    groups = tuple(
        estate.add_group(name, system=people.payroll, members=[first], by=people.alex, at=start - 300 * DAY)
        for name in ("web", "idle")
    )
    one_in_every_state(people, start)
    widened = widening.widen(widening.member(groups[0], spare[0]), by=people.rita, at=start, justification=WHY)
    if widened is None:
        raise ValueError("the group is not in use")
    one_risk_in_every_state(people, otto, start)
    delegations.delegate(
        people.erin, capacity="system_owner", system=people.payroll, until=start + 30 * DAY, because="Leave.",
        by=people.dan, at=start,
    )  # fmt: skip
    until = timezone.localdate(start + SOON).isoformat()
    materials = (
        network(),
        network("pay-app-01", "log-01", "tcp/6514"),
        network("pay-app-01", "pay-db-01", "tcp/5433", ends_on=until),
        share(),
        network("idle", "pay-db-01", "tcp/5434"),
    )
    homes = dict.fromkeys(("pay-app-01", "pay-db-01", "file-01", "web", "idle"), people.payroll.pk)
    homes |= {"log-01": people.platform.pk} | {server.name: people.payroll.pk for server in spare}
    known = Known(homes, {group.pk: group.name for group in groups}, {})
    ids = tuple(User.objects.order_by("pk").values_list("pk", flat=True))
    both = User.objects.get(email="both@example.org").pk
    rows, records = read(newest_entry()), ChangeRecord.objects.in_bulk()
    return World(people, ids, start, materials, both, otto.pk, known, rows, records, as_told(), groups, spare)


def someone(people: People, start: datetime) -> None:
    """The others, with their roles; one of them deactivated, one a superuser."""
    alex = people.alex
    for name, role, system, begin, end in MORE:
        email = f"{name}@example.org"
        person = User.objects.filter(email=email).first() or verbs.make_person(email, name.title(), by=alex, at=start)
        until = start + end * DAY if end is not None else None
        where = getattr(people, system) if system else None
        verbs.give(person, role, system=where, by=alex, at=start + begin * DAY, until=until)
    verbs.deactivate(User.objects.get(email="gone@example.org"), by=alex, at=start)
    User.objects.filter(email="root@example.org").update(is_superuser=True)


def one_in_every_state(people: People, start: datetime) -> None:
    """Change records in each of the nine states, one with an agreement already, one urgent, one asked in stages."""

    def ask(port: int, **changed: Any) -> ChangeRecord:
        material = changed.pop("material", None) or network("pay-app-01", "pay-db-01", f"tcp/{port}")
        return asked(people, material, at=start, **changed)

    def agree(change: ChangeRecord) -> ChangeRecord:
        questions.ask(change, text="Why this port?", by=people.mina, at=start)
        for by in (people.omar, people.mina):
            changes.approve(change, by=by, at=start)
        return change

    ask(5441, submit=False)
    questions.ask(ask(5442), text="Why this port?", by=people.mina, at=start)
    changes.approve(ask(0, material=network("pay-app-01", "log-01", "tcp/6515")), by=people.mina, at=start)
    ask(5444, urgency="urgent")
    for port, end in ((5445, changes.reject), (5446, changes.withdraw)):
        change = ask(port)
        questions.ask(change, text="Why this port?", by=people.mina, at=start)
        end(change, by=people.omar, because="Not needed.", at=start)
    agree(ask(0, material=network("web", "pay-db-01", "tcp/5447")))
    for port, steps in ((5448, ""), (5449, "i"), (5450, "iv"), (5451, "id"), (5452, "ivr")):
        change = agree(ask(port))
        if "i" in steps:
            changes.implement(change, by=people.erin, at=start)
        if "v" in steps:
            changes.verify(change, proof="a" * 64, at=start)
        if "d" in steps:
            changes.dispute(change, why="It is not so.", at=start)
        if "r" in steps:
            material = network("pay-app-01", "pay-db-01", "tcp/5453")
            said = {"material": material, "justification": WHY, "title": "Another port"}
            agree(connections.amend(change.of, by=people.rita, at=start, **said))
    ruth = User.objects.get(email="ruth@example.org")
    wanted = [("Officer", None), ("Second look", ruth)]
    stages.set_stages(people.payroll, wanted, because="So.", by=people.alex, at=start)
    ask(5454)
    stages.set_stages(people.payroll, [], because="So.", by=people.alex, at=start)


def one_risk_in_every_state(people: People, otto: User, start: datetime) -> None:
    """An exception that waits, one that was accepted, one refused, one revoked."""
    for key in ("waits", "stands", "refused", "revoked"):
        row = left_open(people.payroll, key, people.erin, start)
        if key in ("stands", "revoked"):
            risks.accept(row, by=otto, because="Seen.", at=start)
        if key == "refused":
            risks.refuse(row, by=otto, because="Mend it.", at=start)
        if key == "revoked":
            risks.revoke(row, by=otto, because="It moved.", at=start)


def left_open(system: System, key: str, by: User, at: datetime) -> RiskAcceptance:
    """Asks that something be left open for ten days."""
    return risks.request(
        system=system, kind="finding", key=key, about="5432 is open", extent=EXTENT, rating="low",
        reason="Until the move.", alternate_control="It is watched.", ends_on=timezone.localdate(at + 10 * DAY),
        by=by, at=at,
    )  # fmt: skip


def as_told() -> Rights:
    """What everybody may, as an account of its own: read once from the tables, kept apart from then on."""
    rights = Rights()
    for person in User.objects.all():
        rights.active[person.pk] = person.is_active
        rights.superusers |= {person.pk} if person.is_superuser else set()
    for row in RoleGrant.objects.all():
        rights.grants.append(
            Grant(row.pk, row.person_id, row.role, row.system_id, row.valid_from, row.valid_to, row.decides_from,
                  row.awaits_second, row.granted_by_id)
        )  # fmt: skip
    for one in Delegation.objects.all():
        rights.places.append(
            Place(one.pk, one.delegator_id, one.delegate_id, one.capacity, one.system_id, one.valid_from, one.valid_to)
        )
    rights.officers = dict(
        System.objects.filter(authorising_officer__isnull=False).values_list("pk", "authorising_officer")
    )
    return rights
