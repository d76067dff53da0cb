"""A server leaves service: one record, every owner concerned, everything in one moment; what is left over is found."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from compliance.actions import changes, connections, decommission, estate, leaving, widening
from compliance.actions.reconcile import reconcile
from compliance.errors import Refused
from compliance.models import Address, Connection, Membership, Server, State
from compliance.models.estate import day_of
from compliance.standing import register_on
from tests.compliance.test_widening import WHY, World
from tests.factories import agreed, asked, authorised, network, share

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> World:
    return World()


def standing() -> set[str]:
    """The ids of what is authorised today."""
    return {row.ref for row in Connection.objects.authorised_at(day_of(timezone.now()))}


@pytest.mark.both
def test_one_record_ends_everything_both_ways_in_one_moment(world: World) -> None:
    people, out = world.people, world.servers["pay-app-01"]
    ends = [world.use("pay-app-01", "pay-db-01"), world.use("log-01", "pay-app-01")]
    ends.append(authorised(people, share()))
    only = world.use("web", "file-01")  # pay-app-01 is its only member
    stays = world.use("pay-db-01", "file-01")
    whole = world.use("app", "pay-db-01")  # a zone is its prefixes: it stays as wide as it is
    both = estate.add_group("both", system=people.payroll, members=[out, world.second], by=people.alex)
    narrower = world.use("both", "pay-db-01")
    change = decommission.ask(out, justification=WHY, by=people.rita)
    assert set(change.refs) == {con.ref for con in (*ends, only)}
    assert change.material["narrows"] == [narrower.ref]
    assert {(n.capacity, str(n.system)) for n in change.needs.all()} == {
        ("system_owner", "Payroll"), ("manager", "Payroll"), ("other_owner", "Platform"),
    }  # fmt: skip
    changes.approve(change, by=people.omar)
    changes.approve(change, by=people.mina)
    assert standing() >= set(change.refs), "until the last one has agreed, everything stands"
    changes.approve(change, by=people.olga)
    out.refresh_from_db()
    assert standing() == {stays.ref, whole.ref, narrower.ref}
    assert (out.status, change.state) == (Server.Status.RETIRED, State.APPROVED)
    assert not Address.objects.filter(server=out, valid_to=None).exists()
    assert not Membership.objects.filter(server=out, valid_to=None).exists()
    assert [each.name for each in both.members_on(timezone.now())] == ["pay-app-02"]
    assert all(con.changes.get().state == State.RETIRED for con in (*ends, only))
    assert "pay-app-01" not in str(register_on(day_of(timezone.now())))
    yesterday = timezone.now() - timedelta(minutes=1)
    assert "pay-app-01" in str(register_on(day_of(yesterday), known_at=out.retired_at - timedelta(seconds=1)))
    assert reconcile() == []
    with pytest.raises(Refused, match="pay-app-01 held it until"):
        estate.add_server("new-01", system=people.payroll, addresses=["10.20.20.31"], by=people.alex)
    Server.objects.filter(pk=out.pk).update(status="in_service")
    assert "is in service again" in reconcile()[0].sentence


def test_what_others_need_is_settled_first(world: World) -> None:
    people, out = world.people, world.servers["pay-app-01"]
    shared = authorised(people, share(clients=["pay-app-01", "pay-db-01"]))
    by_way = authorised(people, network("pay-app-02", "pay-db-01", via=["pay-app-01"]))
    waits = asked(people, network("pay-app-01", "file-01"))
    found = leaving.plan(out, timezone.now())
    assert {text.split(" ")[0] for text, _ in found.blockers} == {shared.ref, by_way.ref, waits.ref}
    with pytest.raises(Refused, match="cannot be decommissioned yet"):
        decommission.ask(out, justification=WHY, by=people.rita)


@pytest.mark.both
def test_what_came_since_is_not_ended_unread(world: World) -> None:
    people, out = world.people, world.servers["pay-app-01"]
    first = world.use("pay-app-01", "pay-db-01")
    change = decommission.ask(out, justification=WHY, by=people.erin)
    with pytest.raises(Refused, match="asked for already"):
        decommission.ask(out, justification=WHY, by=people.rita)
    changes.approve(change, by=people.omar)
    later = world.use("pay-app-01", "file-01")
    with pytest.raises(Refused, match="has changed since it was asked for"):
        changes.approve(change, by=people.mina)
    assert standing() == {first.ref, later.ref}
    assert Server.objects.get(pk=out.pk).status == Server.Status.IN_SERVICE
    changes.withdraw(change, by=people.erin, because="One more is in use.")
    agreed(people, connections.retire(later, because="Not any more.", by=people.rita))
    assert decommission.ask(out, justification=WHY, by=people.rita).refs == [first.ref]


def test_a_server_that_is_out_gets_nothing_any_more(world: World) -> None:
    change = decommission.ask(world.second, justification=WHY, by=world.people.rita)
    assert change.refs == []
    agreed(world.people, change)
    world.second.refresh_from_db()
    with pytest.raises(Refused, match="decommissioned"):
        widening.widen(widening.address(world.second, "10.20.20.99"), by=world.people.omar)
    with pytest.raises(Refused, match="decommissioned already"):
        decommission.ask(world.second, justification=WHY, by=world.people.rita)
