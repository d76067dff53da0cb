"""Urgent changes carried out first, and what falls due: never authorised too early, told once, late when it is late."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from django.test import Client
from django.utils import timezone

from compliance.actions import changes, reminders, risks
from compliance.actions import connections as asking
from compliance.actions.jobs import run_job
from compliance.actions.reconcile import reconcile
from compliance.business_days import last_moment
from compliance.errors import Refused
from compliance.jobs import due_dates
from compliance.models import ChangeRecord, Connection, Job, LedgerInbox, Outbound, State, System
from compliance.models.estate import day_of
from tests.factories import asked, authorised, network, servers
from tests.people import People, everybody

pytestmark = [pytest.mark.django_db, pytest.mark.both]


@pytest.fixture
def people(db: None) -> People:
    them = everybody()
    servers(them)
    return them


def stands(change: ChangeRecord) -> bool:
    return Connection.objects.authorised_at(day_of(timezone.now())).filter(pk=change.connection_id).exists()


@pytest.mark.parametrize(
    ("done", "due"), [("2026-11-20", "2026-11-24"), ("2026-11-21", "2026-11-24"), ("2026-11-23", "2026-11-25")]
)
def test_business_days_leave_out_the_weekend(done: str, due: str) -> None:
    since = timezone.make_aware(datetime.fromisoformat(f"{done}T10:00:00"))
    end = timezone.localtime(last_moment(since))
    assert (end.date(), end.hour) == (date.fromisoformat(due), 23)


def test_it_is_carried_out_first_and_authorised_by_its_approvals_alone(people: People) -> None:
    change = asked(people, urgency="urgent")
    changes.approve(change, by=people.omar)
    changes.act_first(change, by=people.erin, because="The pay run stands still.")
    assert (change.state, change.implemented_by) == (State.SUBMITTED, people.erin)
    assert not stands(change)
    with pytest.raises(Refused, match="not carried out twice"):
        changes.act_first(change, by=people.erin, because="Again.")
    omar = Client()
    omar.force_login(people.omar, backend="allauth.account.auth_backends.AuthenticationBackend")
    for page in (f"/changes/{change.ref}/", "/changes/"):
        assert "arried out before" in omar.get(page).content.decode()
    done = change.implemented_at
    changes.approve(change, by=people.mina)
    assert (change.state, change.implemented_at) == (State.IMPLEMENTED, done)
    assert stands(change)
    assert reconcile() == []
    changes.verify(change, proof="a" * 64)
    assert "arried out before" in omar.get(f"/changes/{change.ref}/").content.decode()
    told = set(Outbound.objects.filter(key__startswith="acted:").values_list("to__name", flat=True))
    assert told == {"Omar Haddad", "Mina Kowalski"}
    assert not Outbound.objects.filter(key__startswith="todo:").exists()


def test_a_routine_change_waits_and_a_no_is_undone(people: People) -> None:
    with pytest.raises(Refused, match="routine"):
        changes.act_first(asked(people), by=people.erin, because="Now.")
    change = asked(people, network("pay-app-01", "pay-db-01", "tcp/1"), urgency="urgent")
    for person in (people.rita, people.omar, people.mina, people.alex, people.sam):
        with pytest.raises(Refused):
            changes.act_first(change, by=person, because="Now.")
    with pytest.raises(Refused, match="No reason"):
        changes.act_first(change, by=people.erin, because=" ")
    changes.act_first(change, by=people.erin, because="Now.")
    changes.reject(change, by=people.mina, because="Not like this.")
    assert not stands(change)
    assert Outbound.objects.filter(to=people.erin, key=f"undo:{change.pk}:{people.erin.pk}").exists()


def test_after_two_business_days_it_is_late_and_said_once(people: People) -> None:
    then = timezone.now() - timedelta(days=6)
    change = asked(people, urgency="urgent", at=then)
    changes.act_first(change, by=people.erin, because="Now.", at=then)
    assert [one.kind for one in reconcile(at=then + timedelta(hours=1))] == []
    assert [(one.kind, one.obj) for one in reconcile()] == [("late", change)]
    assert reminders.remind() == 3
    assert reminders.remind() == 0
    changes.approve(change, by=people.omar)
    changes.approve(change, by=people.mina)
    assert reconcile() == []


def said(prefix: str) -> list[str]:
    rows = Outbound.objects.filter(key__startswith=prefix).order_by("pk")
    return [row.subject for row in rows if row.to.name == "Rita Rahman"]


def test_reviews_and_ends_are_told_at_30_7_and_1_days_and_once_after(people: People) -> None:
    start = datetime(2026, 3, 1, 2, 0, tzinfo=UTC)
    terms = network(review_by="2026-05-01", ends_on="2026-06-01")
    connection = authorised(people, terms, at=start)
    expected = {-31: 0, -30: 1, -29: 1, -8: 1, -7: 2, -5: 2, -1: 3, 0: 3, 1: 4, 2: 4, 20: 4}
    for days, count in expected.items():
        at = timezone.make_aware(datetime(2026, 5, 1, 9, 0)) + timedelta(days=days)
        for _ in range(2):
            reminders.remind(at=at)
        assert len(said("due:review:")) == count, days
    assert "overdue" in said("due:review:")[-1]
    assert connection.version_on(date(2026, 5, 20)) is not None
    for days in range(-40, 45):
        reminders.remind(at=timezone.make_aware(datetime(2026, 6, 1, 9, 0)) + timedelta(days=days))
    assert len(said("due:end:")) == 4
    assert "not authorised any more" in said("due:end:")[-1]
    assert connection.version_on(date(2026, 6, 2)) is None
    owners = Outbound.objects.filter(key__startswith="due:end:", to=people.omar)
    assert owners.count() == 4


def test_a_day_on_which_nothing_ran_is_made_up_for_and_what_was_replaced_is_not_brought_up(people: People) -> None:
    start = datetime(2026, 3, 1, 2, 0, tzinfo=UTC)
    connection = authorised(people, network(review_by="2026-05-01"), at=start)
    reminders.remind(at=timezone.make_aware(datetime(2026, 4, 27, 9, 0)))
    assert [subject.split(" is to be")[0] for subject in said("due:review:")] == [str(connection)]
    gone = asking.retire(connection, because="Off.", by=people.rita, at=start + timedelta(days=60))
    for person in (people.omar, people.mina):
        changes.approve(gone, by=person, at=start + timedelta(days=60))
    reminders.remind(at=timezone.make_aware(datetime(2026, 5, 3, 9, 0)))
    assert len(said("due:review:")) == 1


def test_accepted_risks_are_told_too_unless_renewed(people: People) -> None:
    System.objects.filter(pk=people.payroll.pk).update(authorising_officer=people.olga)
    people.payroll.refresh_from_db()
    ends = timezone.localdate() + timedelta(days=10)
    what = {"system": people.payroll, "kind": "rule", "key": "x", "about": "x", "rating": "low", "reason": "y",
            "alternate_control": "z", "by": people.erin}  # fmt: skip
    risk = risks.request(**what, ends_on=ends)
    risks.accept(risk, by=people.olga)
    assert reminders.remind() == 3
    assert reminders.remind() == 0
    again = risks.request(**what, ends_on=ends + timedelta(days=200), renews=risk)
    risks.accept(again, by=people.olga)
    assert reminders.remind(at=timezone.now() + timedelta(days=5)) == 0


def test_the_schedule_asks_once_a_day(people: People) -> None:
    now = timezone.now()
    due_dates(now)
    due_dates(now)
    job = Job.objects.get(kind="remind_dates")
    assert run_job(job.pk)
    job.refresh_from_db()
    assert job.state == "done", "a job that loses itself is done again and again, and given up at last"
    assert not LedgerInbox.objects.filter(data__verb="remind_dates").exists()
