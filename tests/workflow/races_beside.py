"""Races about what is read through groups, about asking twice, and about risks: who is first is heard, the other told.

Each leaves its place as it found it, through the verbs, so that the next one costs as much.
"""

from __future__ import annotations

from datetime import timedelta
from functools import partial

from django.utils import timezone

from compliance.actions import changes, connections, estate, risks, widening
from compliance.models import (
    ChangeRecord,
    Connection,
    Group,
    LedgerInbox,
    Membership,
    RiskAcceptance,
    Server,
    State,
    User,
)
from tests.factories import WHY, agreed, asked, authorised, network
from tests.people import People
from tests.workflow.crowd import Crowd


def group_of(people: People, name: str) -> Group:
    """The group of that name with one member; made when it is first asked for."""
    found = Group.objects.filter(name=name).first()
    first = Server.objects.get(name="pay-app-01")
    return found or estate.add_group(name, system=people.payroll, members=[first], by=people.alex)


def joiners(people: People) -> list[Server]:
    """Two servers that are members of nothing."""
    return [
        Server.objects.filter(name=name).first()
        or estate.add_server(name, system=people.payroll, addresses=[ip], by=people.alex)
        for name, ip in (("pay-app-08", "10.20.20.38"), ("pay-app-09", "10.20.20.39"))
    ]


def removed(people: People, connection: Connection, group: Group) -> None:
    """The connection is removed, and who joined the group is taken out."""
    agreed(people, connections.retire(connection, because="The race is over.", by=people.rita))
    joined = [server.pk for server in joiners(people)]
    for row in Membership.objects.filter(group=group, server__in=joined, valid_to__isnull=True):
        widening.take_out(row, by=people.omar, because="The race is over.")


def widen_and_widen(people: People, among: Crowd, number: int) -> str:
    """The last agreement to two widenings of one group of servers that talk among each other: with the first the
    second opens more than was asked for, so exactly one is heard."""
    group = group_of(people, "pay-cluster")
    connection = authorised(people, network(group.name, group.name, "tcp/7000"))
    asks = [ask_for(people, group, server) for server in joiners(people)]
    for change in asks:
        changes.approve(change, by=people.mina)
    by = iter((people.omar, people.dan))
    heard = among.click_each([(change, partial(approve, next(by))) for change in asks])
    wrong = "" if sum(heard) == 1 else f"heard {heard}"
    for change, was in zip(asks, heard, strict=True):
        change.refresh_from_db()
        carried = Membership.objects.filter(change=change).count()
        if (change.state == State.APPROVED) != was or carried != was:
            wrong = wrong or f"{change.ref} is {change.state} with {carried} members, heard {heard}"
        if change.state == State.SUBMITTED:
            changes.withdraw(change, by=people.rita, because="The race is over.")
    removed(people, connection, group)
    return wrong


def approve(by: User, row: ChangeRecord) -> None:
    """One person's agreement."""
    changes.approve(row, by=by)


def ask_for(people: People, group: Group, server: Server) -> ChangeRecord:
    """A widening that takes a decision."""
    change = widening.widen(widening.member(group, server), by=people.rita, justification=WHY)
    if change is None:
        raise ValueError(f"{group} is not in use")
    return change


def ask_and_ask(people: People, among: Crowd, number: int) -> str:
    """Two people ask for the same member of a group in use: one record waits, and the other is told."""
    group = group_of(people, "pay-asked")
    if not connections_through(group):
        authorised(people, network(group.name, "pay-db-01", "tcp/7001"))
    said = widening.member(group, joiners(people)[0])
    heard = among.all([partial(widening.widen, said, by=by, justification=WHY) for by in (people.rita, people.erin)])
    waiting = [one for one in ChangeRecord.objects.filter(state=State.SUBMITTED, kind="widen")
               if one.material["group"] == group.name]  # fmt: skip
    for change in waiting:
        changes.withdraw(change, by=people.omar, because="The race is over.")
    return "" if (sum(heard), len(waiting)) == (1, 1) else f"heard {heard}, {len(waiting)} wait"


def connections_through(group: Group) -> int:
    """How many connections name it."""
    return Connection.objects.filter(source__name=group.name).count()


def add_and_use(people: People, among: Crowd, number: int) -> str:
    """A member is added to a group that nothing is read through, while a connection is asked for that names it, and
    approved: who decides has seen every member, or the member waits for a decision of its own."""
    group, server = group_of(people, "pay-unused"), joiners(people)[0]
    change = asked(people, network(group.name, "pay-db-01", "tcp/7002"), submit=False)

    def use() -> None:
        changes.submit(change, by=people.rita)
        agreed(people, change)

    add = partial(widening.widen, widening.member(group, server), by=people.omar, justification=WHY)
    heard = among.all([add, use])
    change.refresh_from_db()
    row = Membership.objects.filter(group=group, server=server, valid_to__isnull=True).first()
    said = LedgerInbox.objects.filter(object_type="compliance.changerecord", object_id=change.pk, verb="submit")
    added = LedgerInbox.objects.filter(verb="add_membership").order_by("-pk").first()
    wrong = "" if change.state == State.APPROVED and heard[1] else f"{change.ref} is {change.state}, heard {heard}"
    if row is not None and row.change_id is None and added is not None and added.pk > said.get().pk:
        wrong = wrong or f"{server} was added to {group} after {change.ref} had been sent"
    for late in ChangeRecord.objects.filter(state=State.SUBMITTED, kind="widen"):
        changes.withdraw(late, by=people.dan, because="The race is over.")
    removed(people, change.of, group)
    return wrong


def amend_and_amend(people: People, among: Crowd, number: int) -> str:
    """Two people ask for something else in the place of one connection: one request is open, and the other is told."""
    connection = Connection.objects.filter(source__name="pay-app-01", destination__name="pay-db-01").first()
    if connection is None or connection.version_on(timezone.localdate()) is None:
        connection = authorised(people, network("pay-app-01", "pay-db-01", "tcp/7003"))
    material = network("pay-app-01", "pay-db-01", "tcp/7004")

    amend = partial(connections.amend, connection, material=material, justification=WHY, title="Other")
    heard = among.all([partial(amend, by=by) for by in (people.rita, people.omar)])
    waiting = list(connection.changes.filter(state=State.SUBMITTED))
    for change in waiting:
        changes.withdraw(change, by=people.dan, because="The race is over.")
    return "" if (sum(heard), len(waiting)) == (1, 1) else f"heard {heard}, {len(waiting)} wait"


def risk_and_risk(people: People, among: Crowd, number: int) -> str:
    """Two people ask that the same be left open: one request waits. Then it is accepted and refused at once."""
    officer(people)

    ask = partial(
        risks.request, system=people.payroll, kind="finding", key=f"race {number}", about="5432 is open", rating="low",
        reason="Until the move.", alternate_control="It is watched.", ends_on=timezone.localdate() + timedelta(days=9),
    )  # fmt: skip
    heard = among.all([partial(ask, by=by) for by in (people.erin, people.omar)])
    rows = list(RiskAcceptance.objects.filter(key=f"race {number}", state="requested"))
    if (sum(heard), len(rows)) != (1, 1):
        return f"heard {heard}, {len(rows)} wait"
    row = rows[0]
    heard = among.all([partial(verb, row, by=people.olga, because="So.") for verb in (risks.accept, risks.refuse)])
    row.refresh_from_db()
    right = "accepted" if heard[0] else "refused"
    return "" if sum(heard) == 1 and row.state == right else f"heard {heard}, {row.ref} is {row.state}"


def officer(people: People) -> None:
    """Olga accepts risks of Payroll."""
    if people.payroll.authorising_officer_id != people.olga.pk:
        people.payroll.authorising_officer = people.olga
        people.payroll.save(update_fields=["authorising_officer"])
