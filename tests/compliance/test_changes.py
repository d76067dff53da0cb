"""The workflow: every state with every verb, four eyes in all layers, and what an approval brings about."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, connections, transaction
from django.test import Client
from django.utils import timezone

from compliance.actions import changes, drafts
from compliance.actions import connections as asking
from compliance.actions.reconcile import reconcile
from compliance.errors import Refused
from compliance.models import (
    TRANSITIONS,
    Approval,
    ApprovalNeeded,
    ChangeRecord,
    Connection,
    ConnectionVersion,
    LedgerInbox,
    Outbound,
    State,
    User,
)
from compliance.models.estate import day_of
from compliance.permissions import may
from tests.factories import WHY, agreed, asked, authorised, network, seen, servers, share
from tests.people import People, everybody

VERBS = [verb for verb in TRANSITIONS if verb != "retire"]  # retire is no step of a person's or a job's own


@pytest.fixture
def people(db: None) -> People:
    them = everybody()
    servers(them)
    return them


def in_state(people: People, state: str) -> ChangeRecord:
    """A change brought to a state by verbs alone."""
    change = asked(people, submit=state not in (State.DRAFT,))
    if state == State.REJECTED:
        return changes.reject(change, by=people.mina, because="Use the report instead.")
    if state == State.WITHDRAWN:
        return changes.withdraw(change, by=people.rita, because="Not needed any more.")
    if state in (State.DRAFT, State.SUBMITTED):
        return change
    agreed(people, change)
    if state == State.RETIRED:
        agreed(people, asking.retire(change.connection, because="Switched off.", by=people.rita))
        change.refresh_from_db()
    if state in (State.IMPLEMENTED, State.VERIFIED, State.DISPUTED):
        changes.implement(change, by=people.erin)
    if state == State.VERIFIED:
        changes.verify(change, proof="a" * 64)
    if state == State.DISPUTED:
        changes.dispute(change, why="The rule lets 10.0.0.0/8 through.")
    return change


def attempt(people: People, verb: str, change: ChangeRecord) -> None:
    """The verb, by somebody who may do it."""
    if verb == "edit":
        drafts.edit(change, material=network(), justification=WHY, title="The same, better said", by=people.rita)
    elif verb == "submit":
        changes.submit(change, by=people.rita)
    elif verb == "approve":
        changes.approve(change, by=people.omar)
        changes.approve(change, by=people.mina)
    elif verb == "reject":
        changes.reject(change, by=people.omar, because="No.")
    elif verb == "withdraw":
        changes.withdraw(change, by=people.rita, because="No.")
    elif verb == "act_first":
        ChangeRecord.objects.filter(pk=change.pk).update(urgency="urgent")
        changes.act_first(change, by=people.erin, because="The pay run stands still.")
    elif verb == "implement":
        changes.implement(change, by=people.erin)
    elif verb == "verify":
        changes.verify(change, proof="b" * 64)
    else:
        changes.dispute(change, why="It is not so.", by=people.erin)


@pytest.mark.parametrize("state", State.values)
@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_from_every_state_does_what_the_table_says(people: People, state: str, verb: str) -> None:
    change = in_state(people, state)
    assert change.state == state
    noted, version = LedgerInbox.objects.count(), change.version
    if state in TRANSITIONS[verb].sources:
        attempt(people, verb, change)
        assert change.state == TRANSITIONS[verb].target
        assert LedgerInbox.objects.count() > noted
    else:
        with pytest.raises(Refused) as refused:
            attempt(people, verb, change)
        assert change.ref in str(refused.value)
        assert (change.state, change.version, LedgerInbox.objects.count()) == (state, version, noted)
    assert reconcile() == []


@pytest.mark.parametrize("verb", VERBS)
def test_a_stranger_an_auditor_and_an_administrator_may_do_none_of_it(people: People, verb: str) -> None:
    change = in_state(people, TRANSITIONS[verb].sources[0])
    for person in (people.sam, people.ada, people.alex):
        assert may(person, verb, change) is not None


def test_two_people_agree_and_it_is_authorised(people: People) -> None:
    change = asked(people)
    today = day_of(timezone.now())
    assert [need.capacity for need in change.needs.order_by("pk")] == ["system_owner", "manager"]
    changes.approve(change, by=people.omar, because="Needed for the pay run.")
    assert change.state == State.SUBMITTED
    assert not Connection.objects.authorised_at(today).exists()
    changes.approve(change, by=people.mina)
    assert change.state == State.APPROVED
    assert list(Connection.objects.authorised_at(today)) == [change.connection]
    assert change.connection.version_on(today).material == network()


def test_the_owner_of_the_other_end_must_agree_too(people: People) -> None:
    change = asked(people, network("pay-app-01", "log-01", "tcp/6514"))
    assert set(change.needs.values_list("capacity", "system__name")) == {
        ("system_owner", "Payroll"), ("manager", "Payroll"), ("other_owner", "Platform"),
    }  # fmt: skip
    changes.approve(change, by=people.omar)
    changes.approve(change, by=people.mina)
    assert change.state == State.SUBMITTED
    changes.approve(change, by=people.olga)
    assert change.state == State.APPROVED


def test_an_urgent_change_comes_first_and_takes_the_same_two_people_before_it_is_done(people: People) -> None:
    """ISM-0912 knows routine and urgent changes. Urgent is sooner; it is never approved after the fact."""
    routine = asked(people, at=timezone.now() - timedelta(days=3))
    change = asked(people, network("pay-app-01", "pay-db-01", "tcp/5433"), urgency="urgent")
    assert list(change.needs.values_list("capacity", flat=True)) == list(
        routine.needs.values_list("capacity", flat=True)
    )
    subjects = Outbound.objects.filter(to=people.omar).values_list("subject", flat=True)
    assert [text.startswith("Urgent: ") for text in subjects.order_by("pk")] == [False, True]
    omar = Client()
    omar.force_login(people.omar, backend="allauth.account.auth_backends.AuthenticationBackend")
    page = omar.get("/inbox/")
    assert [(item["ref"], item["urgent"]) for item in page.context["items"]] == [
        (change.ref, True), (routine.ref, False),
    ]  # fmt: skip
    assert "Urgent change" in omar.get(f"/changes/{change.ref}/").content.decode()
    assert "Urgent change" in omar.get(f"/changes/{change.ref}/approve/").content.decode()
    changes.approve(change, by=people.omar)
    with pytest.raises(Refused, match="cannot be marked as done now"):
        changes.implement(change, by=people.erin)
    with pytest.raises(Refused, match="agreed to it already"):
        changes.approve(change, by=people.omar)
    assert not stands(change)
    changes.approve(change, by=people.mina)
    assert stands(change)


def test_nobody_decides_on_their_own_request(people: People) -> None:
    change = asked(people, by=people.omar)
    for verb in ("approve", "reject"):
        refused = may(people.omar, verb, change)
        assert refused is not None
        assert "own" in refused.why
    with pytest.raises(Refused):
        changes.approve(change, by=people.omar)
    changes.approve(change, by=people.dan)  # the deputy can
    changes.approve(change, by=people.mina)
    assert change.state == State.APPROVED


def test_one_person_meets_one_need_whatever_roles_they_hold(people: People) -> None:
    from compliance.actions.people import grant

    grant(people.omar, "manager", by=people.alex)
    change = asked(people)
    changes.approve(change, by=people.omar)
    with pytest.raises(Refused, match="already"):
        changes.approve(change, by=people.omar)
    assert change.state == State.SUBMITTED


def test_an_administrator_never_approves_even_with_the_role(people: People) -> None:
    from compliance.actions.people import grant

    grant(people.mina, "administrator", by=people.alex)
    with pytest.raises(Refused, match="Administrators"):
        changes.approve(asked(people), by=people.mina)


def test_those_who_decide_need_a_second_factor_where_the_organisation_asks_for_it(people: People) -> None:
    from allauth.mfa.models import Authenticator

    organisation = people.payroll.organisation
    organisation.approvers_need_mfa = True
    organisation.save()
    change = asked(people)
    with pytest.raises(Refused, match="second factor"):
        changes.approve(change, by=people.omar)
    Authenticator.objects.create(user=people.omar, type=Authenticator.Type.RECOVERY_CODES, data={})
    with pytest.raises(Refused, match="second factor"):
        changes.approve(change, by=people.omar)
    Authenticator.objects.create(user=people.omar, type=Authenticator.Type.TOTP, data={"secret": "x"})
    changes.approve(change, by=people.omar)
    assert change.needs.filter(approval__approver=people.omar).count() == 1


def test_a_page_opened_before_a_change_decides_nothing(people: People) -> None:
    change = asked(people)
    with pytest.raises(Refused, match="changed since"):
        changes.approve(change, by=people.omar, seen_version=change.version - 1)


def test_an_amendment_takes_the_place_and_a_removal_ends_it(people: People) -> None:
    then = timezone.now() - timedelta(days=10)
    first = authorised(people, at=then)
    today = day_of(timezone.now())
    amended = asking.amend(
        first, material=network("pay-app-01", "pay-db-01", "tcp/5433"), justification=WHY, title="Move", by=people.rita
    )
    assert first.version_on(today).material["services"] == ["tcp/5432"]
    agreed(people, amended)
    assert first.version_on(today).material["services"] == ["tcp/5433"]
    assert first.version_on(today - timedelta(days=1)).material["services"] == ["tcp/5432"]
    gone = asking.retire(first, because="The server is switched off.", by=people.rita)
    assert first.version_on(today) is not None
    agreed(people, gone)
    assert first.version_on(today) is None
    assert first.version_on(today - timedelta(days=1)) is not None
    assert reconcile() == []


def test_what_is_temporary_ends_and_what_is_overdue_stands(people: People) -> None:
    last = day_of(timezone.now()) + timedelta(days=30)
    overdue = day_of(timezone.now()) - timedelta(days=30)
    terms = share(ends_on=last.isoformat(), review_by=overdue.isoformat())
    connection = authorised(people, terms, at=timezone.now() - timedelta(days=300))
    assert connection.version_on(day_of(timezone.now())) is not None
    assert connection.version_on(last) is not None
    assert connection.version_on(last + timedelta(days=1)) is None


# Forgeries: past the verbs, through the QuerySet, the manager and raw SQL


def stands(change: ChangeRecord) -> bool:
    return Connection.objects.authorised_at(day_of(timezone.now())).filter(pk=change.connection_id).exists()


def with_version(change: ChangeRecord) -> None:
    ConnectionVersion.objects.create(
        connection=change.connection, change=change, material=change.material, material_hash=change.content_hash,
        valid_from=day_of(timezone.now()), review_by="2027-05-31",
    )  # fmt: skip


def named(change: ChangeRecord) -> set[str]:
    return {one.kind for one in reconcile() if one.obj in (change, change.connection)}


@pytest.mark.both
def test_a_state_written_by_update_authorises_nothing_and_is_named(people: People) -> None:
    change = asked(people)
    ChangeRecord.objects.filter(pk=change.pk).update(state=State.APPROVED)
    with_version(change)
    assert not stands(change)
    assert named(change) == {"state", "version"}


@pytest.mark.both
def test_approvals_made_by_create_authorise_nothing_and_are_named(people: People) -> None:
    change = asked(people)
    for need, person in zip(change.needs.order_by("pk"), (people.omar, people.mina), strict=True):
        Approval.objects.create(
            needed=need, requested_by=people.rita, approver=person, capacity=need.capacity,
            content_hash=change.content_hash, seal="0" * 64,
        )  # fmt: skip
    assert named(change) == {"approval"}
    ChangeRecord.objects.filter(pk=change.pk).update(state=State.APPROVED)
    with_version(change)
    assert not stands(change)
    assert named(change) == {"state", "version"}


@pytest.mark.both
def test_the_database_itself_refuses_an_approval_of_ones_own(people: People) -> None:
    change = asked(people)
    need = change.needs.first()
    with pytest.raises(IntegrityError), transaction.atomic():
        Approval.objects.create(
            needed=need, requested_by=people.rita, approver=people.rita, capacity=need.capacity,
            content_hash=change.content_hash, seal="0" * 64,
        )  # fmt: skip


@pytest.mark.both
def test_raw_sql_authorises_nothing_and_is_named(people: People) -> None:
    change = asked(people)
    with connection.cursor() as sql:
        sql.execute("UPDATE compliance_changerecord SET state = 'verified' WHERE id = %s", [change.pk])
        for need in change.needs.all():
            sql.execute(
                "INSERT INTO compliance_approval (needed_id, requested_by_id, approver_id, capacity, content_hash, at,"
                " because, seal) VALUES (%s, %s, %s, %s, %s, %s, '', %s)",
                [need.pk, people.rita.pk, people.ada.pk + need.pk % 2, need.capacity, change.content_hash,
                 timezone.now(), "f" * 64],
            )  # fmt: skip
    with_version(change)
    assert not stands(change)
    assert named(change) >= {"state", "version"}


@pytest.mark.both
@pytest.mark.parametrize("what", ["material", "need", "requester", "approver", "version", "dates", "end"])
def test_an_approved_change_that_is_altered_is_named(people: People, what: str) -> None:
    change = agreed(people, asked(people))
    seen(people, change)
    version = ConnectionVersion.objects.filter(change=change)
    wider = network("pay-app-01", "pay-db-01", "any")
    if what == "material":
        ChangeRecord.objects.filter(pk=change.pk).update(material=wider)
    elif what == "need":
        Approval.objects.filter(needed__change=change, capacity="manager").delete()
        ApprovalNeeded.objects.filter(change=change, capacity="manager").delete()
    elif what == "requester":
        ChangeRecord.objects.filter(pk=change.pk).update(requested_by=people.sam, last_edited_by=people.sam)
    elif what == "approver":
        Approval.objects.filter(needed__change=change, capacity="manager").update(approver=people.sam)
    elif what == "version":
        version.update(material=wider)
    elif what == "dates":
        version.update(review_by="2036-01-01")
    else:
        version.update(valid_to=day_of(timezone.now()) + timedelta(days=1))
    assert named(change)
    if what in ("material", "need", "requester", "approver"):
        assert not stands(change)


@pytest.mark.both
@pytest.mark.django_db(transaction=True)
def test_of_eight_who_click_at_once_each_need_is_met_once() -> None:
    """Real threads on a real file: one approval of each need, one version, one decision."""
    people = everybody()
    servers(people)
    for _ in range(3):
        change = asked(people)
        who = (people.omar, people.mina, people.dan, people.omar) * 2
        assert sorted(click_at_once(change, who)) == ["agreed"] * 2 + ["refused"] * 6
        change.refresh_from_db()
        assert change.state == State.APPROVED
        assert Approval.objects.filter(needed__change=change).count() == 2
        assert ConnectionVersion.objects.filter(change=change).count() == 1
        assert reconcile() == []


def click_at_once(change: ChangeRecord, who: Iterable[User]) -> list[str]:
    """Everybody approves in the same moment, each in a thread and connection of their own. What became of each."""
    people = list(who)
    gate, outcomes = threading.Barrier(len(people)), []

    def click(person: User) -> None:
        try:
            mine = ChangeRecord.objects.get(pk=change.pk)
            gate.wait()
            changes.approve(mine, by=person)
            outcomes.append("agreed")
        except Refused:
            outcomes.append("refused")
        finally:
            connections.close_all()

    clicks = [threading.Thread(target=click, args=[person]) for person in people]
    for one in clicks:
        one.start()
    for one in clicks:
        one.join()
    return outcomes
