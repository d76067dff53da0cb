"""Delegates decide in somebody's place, and a system's further stages are asked one after the other."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from compliance.actions import changes, delegations, risks, stages
from compliance.actions.people import deactivate, grant
from compliance.actions.reconcile import reconcile
from compliance.errors import Refused
from compliance.models import (
    Approval,
    ApprovalNeeded,
    ChangeRecord,
    Connection,
    Delegation,
    LedgerInbox,
    Outbound,
    RiskAcceptance,
    State,
    System,
    User,
)
from compliance.models.estate import day_of
from compliance.permissions import may
from tests.factories import asked, network, servers
from tests.people import People, everybody

pytestmark = [pytest.mark.django_db, pytest.mark.both]


@pytest.fixture
def people(db: None) -> People:
    them = everybody()
    servers(them)
    return them


def named(people: People, by: User, to: User, capacity: str = "system_owner", **changed: object) -> Delegation:
    until = timezone.now() + timedelta(days=5)
    said = {"capacity": capacity, "system": people.payroll, "until": until, "because": "On leave.", "by": by}
    return delegations.delegate(to, **(said | changed))  # type: ignore[arg-type]


def stands(change: ChangeRecord) -> bool:
    return Connection.objects.authorised_at(day_of(timezone.now())).filter(pk=change.connection_id).exists()


def test_a_delegate_decides_in_somebodys_place_and_the_record_says_so(people: People) -> None:
    change = asked(people)
    assert may(people.erin, "approve", change) is not None
    named(people, people.omar, people.erin)
    assert list(ChangeRecord.objects.waiting_for(people.erin)) == [change]
    changes.approve(change, by=people.erin, because="For Omar.")
    approval = Approval.objects.get(approver=people.erin)
    assert (approval.in_place_of, approval.capacity) == (people.omar, "system_owner")
    assert not ChangeRecord.objects.waiting_for(people.erin).exists()
    with pytest.raises(Refused, match="already"):
        changes.approve(change, by=people.erin)
    changes.approve(change, by=people.mina)
    assert change.state == State.APPROVED
    assert stands(change)
    assert reconcile() == []
    Approval.objects.filter(pk=approval.pk).update(in_place_of=people.dan)
    assert not stands(change)
    said = LedgerInbox.objects.filter(data__verb="approve").order_by("pk").first()
    assert said is not None
    assert said.data["payload"]["in_place_of"] == people.omar.pk


def test_it_ends_by_itself_early_and_with_what_the_delegator_holds(people: People) -> None:
    now = timezone.now()
    row = named(people, people.omar, people.erin)
    change = asked(people)
    assert may(people.erin, "approve", change) is None
    assert may(people.erin, "approve", change, at=now + timedelta(days=6)) is not None
    assert may(people.erin, "approve", change, at=now - timedelta(hours=1)) is not None
    delegations.end(row, by=people.omar)
    assert may(people.erin, "approve", change) is not None
    with pytest.raises(Refused, match="over already"):
        delegations.end(row, by=people.omar)
    named(people, people.omar, people.erin)
    deactivate(people.omar, by=people.alex)
    assert may(people.erin, "approve", change) is not None
    assert not ChangeRecord.objects.waiting_for(people.erin).exists()


def test_not_in_the_place_of_who_asked_and_not_as_a_second_voice(people: People) -> None:
    own = asked(people, by=people.omar)
    named(people, people.omar, people.erin)
    assert may(people.erin, "approve", own) is not None
    assert not ChangeRecord.objects.waiting_for(people.erin).exists()
    mine = asked(people, network("pay-app-01", "pay-db-01", "tcp/1"), by=people.erin)
    assert may(people.erin, "approve", mine) is not None
    both = asked(people, network("pay-app-01", "pay-db-01", "tcp/2"))
    changes.approve(both, by=people.omar)
    with pytest.raises(Refused):
        changes.approve(both, by=people.erin)
    assert both.state == State.SUBMITTED


def test_who_can_be_named_by_whom(people: People) -> None:
    wrong: list[tuple[User, User, str, dict[str, object]]] = [
        (people.omar, people.omar, "system_owner", {}),
        (people.omar, people.alex, "system_owner", {}),
        (people.omar, people.ada, "system_owner", {}),
        (people.omar, people.sam, "system_owner", {}),
        (people.omar, people.olga, "system_owner", {}),
        (people.omar, people.erin, "manager", {}),
        (people.rita, people.erin, "system_owner", {}),
        (people.omar, people.erin, "system_owner", {"because": " "}),
        (people.omar, people.erin, "system_owner", {"until": timezone.now() + timedelta(days=200)}),
        (people.omar, people.erin, "system_owner", {"until": timezone.now() - timedelta(days=1)}),
        (people.omar, people.erin, "system_owner", {"since": timezone.now() - timedelta(days=1)}),
        (people.omar, people.erin, "authorising_officer", {}),
    ]
    for by, to, capacity, more in wrong:
        with pytest.raises(Refused):
            named(people, by, to, capacity, **more)
    named(people, people.omar, people.erin)
    with pytest.raises(Refused, match="own right"):
        named(people, people.erin, people.rita)
    assert Delegation.objects.count() == 1
    with pytest.raises(IntegrityError), transaction.atomic():
        Delegation.objects.update(delegate=people.omar)
    grant(people.erin, "administrator", by=people.alex)
    assert may(people.erin, "approve", asked(people)) is not None


def test_a_delegate_of_the_officer_decides_on_risks(people: People) -> None:
    System.objects.filter(pk=people.payroll.pk).update(authorising_officer=people.olga)
    people.payroll.refresh_from_db()
    risk = risks.request(
        system=people.payroll, kind="rule", key="x", about="x", rating="low", reason="y", alternate_control="z",
        ends_on=timezone.localdate() + timedelta(days=9), by=people.omar,
    )  # fmt: skip
    named(people, people.olga, people.mina, "authorising_officer")
    risks.accept(risk, by=people.mina)
    assert (risk.decided_by, risk.decided_for) == (people.mina, people.olga)
    named(people, people.olga, people.omar, "authorising_officer")
    other = RiskAcceptance.objects.get(pk=risk.pk)
    other.pk, other.key, other.state, other.decided_by = None, "own", "requested", None
    other.decided_for, other.decided_at, other.seal = None, None, ""
    other.save()
    with pytest.raises(Refused, match="they asked for"):
        risks.accept(other, by=people.omar)


def three_stages(people: People) -> None:
    System.objects.filter(pk=people.payroll.pk).update(authorising_officer=people.olga)
    people.payroll.refresh_from_db()
    wanted = [("Security officer", people.erin), ("Authorising officer", None)]
    stages.set_stages(people.payroll, wanted, because="PROTECTED since July.", by=people.alex)


def test_later_stages_are_asked_after_earlier_ones_and_each_needs_another_person(people: People) -> None:
    three_stages(people)
    change = asked(people)
    assert list(change.needs.order_by("stage", "pk").values_list("stage", "capacity", "person__name")) == [
        (1, "system_owner", None), (1, "manager", None), (2, "named", "Erin Walsh"), (3, "authorising_officer", None),
    ]  # fmt: skip
    waits = ChangeRecord.objects.waiting_for
    order = [(people.omar, people.erin), (people.mina, people.olga), (people.erin, people.olga), (people.olga, None)]
    for person, early in order:
        assert waits(person).exists()
        if early is not None:
            assert not waits(early).exists()
            with pytest.raises(Refused):
                changes.approve(change, by=early)
        assert not stands(change)
        changes.approve(change, by=person)
        assert not waits(person).exists()
    assert change.state == State.APPROVED
    assert stands(change)
    assert reconcile() == []
    told = Outbound.objects.filter(key__startswith=f"decide:{change.pk}:").values_list("to__name", flat=True)
    assert set(told) >= {"Omar Haddad", "Mina Kowalski", "Erin Walsh", "Olga Lind"}


def test_stages_are_frozen_when_it_is_sent_and_forging_them_authorises_nothing(people: People) -> None:
    three_stages(people)
    change = asked(people)
    stages.set_stages(people.payroll, [], because="Too slow.", by=people.alex)
    changes.approve(change, by=people.omar)
    changes.approve(change, by=people.mina)
    assert change.state == State.SUBMITTED
    later = asked(people, network("pay-app-01", "pay-db-01", "tcp/1"))
    assert later.needs.count() == 2
    changes.approve(change, by=people.erin)
    changes.approve(change, by=people.olga)
    assert stands(change)
    third = Approval.objects.get(needed__change=change, needed__stage=3)
    for what in ("order", "stage", "gone"):
        with transaction.atomic():
            if what == "order":
                Approval.objects.filter(pk=third.pk).update(at=third.at - timedelta(days=1))
            elif what == "stage":
                ApprovalNeeded.objects.filter(pk=third.needed_id).update(stage=1)
            else:
                third.delete()
                ApprovalNeeded.objects.filter(pk=third.needed_id).delete()
            assert not stands(change), what
            transaction.set_rollback(True)
    assert stands(change)


def test_who_sets_stages_and_what_is_no_stage(people: People) -> None:
    for person in (people.omar, people.mina, people.erin, people.rita, people.sam):
        with pytest.raises(Refused):
            stages.set_stages(people.payroll, [], because="So.", by=person)
    wrong: list[list[tuple[str, User | None]]] = [
        [("Officer", None)], [(" ", people.erin)], [("Stranger", people.sam)], [("One", people.erin)] * 4,
    ]  # fmt: skip
    for each in wrong:
        with pytest.raises(Refused):
            stages.set_stages(people.payroll, each, because="So.", by=people.alex)
    first = stages.set_stages(people.payroll, [("Security", people.erin)], because="So.", by=people.alex)
    seen = [row.pk for row in first]
    stages.set_stages(people.payroll, [("Security", people.dan)], because="Erin left.", by=people.alex, seen=seen)
    with pytest.raises(Refused, match=r"changed by Alex Tran at .* since you opened them: now Security"):
        stages.set_stages(people.payroll, [], because="Mine.", by=people.alex, seen=seen)
    at: datetime = timezone.now()
    assert [row.person for row in people.payroll.approval_stages.all().in_force(at)] == [people.dan]
