"""Notices: always in Eastwest, by mail as each person chose; one mail a day that opens pages and decides nothing."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core import mail
from django.db import transaction
from django.test import Client
from django.utils import timezone

from compliance.actions import changes, digests, jobs
from compliance.errors import Refused
from compliance.models import ChangeRecord, How, Job, LedgerInbox, Notice, Outbound, System, User
from compliance.notices import NEWS, tell
from tests.factories import asked, servers
from tests.people import People, everybody

pytestmark = [pytest.mark.django_db, pytest.mark.both]
LINK = re.compile(r"http\S+")


@pytest.fixture
def people() -> People:
    found = everybody()
    servers(found)
    return found


def told(person: User, kind: str = Notice.DUE, key: str = "one", **said: Any) -> Outbound:
    with transaction.atomic():
        return tell(person, key=key, subject=f"{key} is due", body="It is.", path="/connections/", kind=kind, **said)


def seven(minutes: int = 0, days: int = 0) -> datetime:
    """Seven in the morning of today, where the people are."""
    local = timezone.localtime().replace(hour=7, minute=0, second=0, microsecond=0)
    return local + timedelta(minutes=minutes, days=days)


def morning(days: int = 0) -> list[Any]:
    """What is mailed by the schedule of a morning."""
    before = len(mail.outbox)
    digests.due(seven(days=days))
    jobs.work_off()
    assert set(Job.objects.filter(kind__in=["digests", "digest"]).values_list("state", flat=True)) <= {"done"}
    return mail.outbox[before:]


def signed_in(person: User) -> Client:
    found = Client()
    found.force_login(person, backend="allauth.account.auth_backends.AuthenticationBackend")
    return found


def test_each_is_told_as_they_chose_and_everything_stands_in_eastwest(people: People) -> None:
    ways = {Notice.DUE: How.DIGEST, Notice.PACK: How.IN_APP}
    digests.prefer(people.omar, ways, by=people.omar)
    for kind in (Notice.DUE, Notice.PACK, Notice.DECISION):
        told(people.omar, kind, key=kind)
    told(people.mina, Notice.DUE, key="hers")
    jobs.work_off()
    assert sorted((each.to[0], each.subject) for each in mail.outbox) == [
        ("mina@example.org", "hers is due"),
        ("omar@example.org", "decision is due"),
    ]
    page = signed_in(people.omar).get("/notices/").content.decode()
    for word in ("due is due", "pack is due", "decision is due", "waits for the mail of the day", "here only"):
        assert word in page, word
    assert "hers is due" not in page


def test_one_mail_a_day_with_a_link_for_each(people: People) -> None:
    digests.prefer(people.omar, dict.fromkeys(Notice.values, How.DIGEST), by=people.omar)
    digests.prefer(people.mina, {Notice.DUE: How.DIGEST}, by=people.mina)
    told(people.omar, Notice.DUE, key="first")
    told(people.omar, Notice.PACK, key="second")
    told(people.mina, Notice.DUE, key="hers")
    digests.due(seven(-1))
    assert not Job.objects.filter(kind="digests").exists(), "not before the hour"
    sent = morning()
    assert sorted(each.to[0] for each in sent) == ["mina@example.org", "omar@example.org"]
    (his,) = [each for each in sent if each.to == ["omar@example.org"]]
    assert his.subject.startswith("2 notices in Eastwest")
    assert "first is due" in his.body
    assert "second is due" in his.body
    assert "hers" not in his.body
    assert his.body.count("/connections/") == 2
    assert morning() == [], "asked for twice, by two schedulers or a second tick: once"
    assert Outbound.objects.filter(sent_at__isnull=True).count() == 0
    told(people.omar, Notice.DUE, key="third")
    (next_day,) = morning(days=1)
    assert next_day.subject.startswith("1 notice in Eastwest")
    assert "first" not in next_day.body
    assert morning(days=2) == [], "nothing to say, no mail"


def test_a_mail_that_could_not_be_sent_is_tried_again_and_holds_up_nobody_else(people: People, settings: Any) -> None:
    for person in (people.omar, people.mina):
        digests.prefer(person, {Notice.DUE: How.DIGEST}, by=person)
        told(person, Notice.DUE, key=person.name)
    digests.due(seven())
    working, settings.EMAIL_BACKEND = settings.EMAIL_BACKEND, "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9  # nobody listens there
    fan = Job.objects.get(kind="digests")
    assert jobs.run_job(fan.pk)
    first, second = Job.objects.filter(kind="digest").order_by("pk")
    with pytest.raises(OSError, match="refused"):
        jobs.run_job(first.pk)
    settings.EMAIL_BACKEND = working
    assert jobs.run_job(second.pk)
    assert [each.to for each in mail.outbox] == [[User.objects.get(pk=second.args["person"]).email]]
    assert jobs.run_job(first.pk, now=timezone.now() + timedelta(minutes=10))
    assert len(mail.outbox) == 2
    assert {one.sent_at is not None for one in Outbound.objects.all()} == {True}


def test_about_protected_systems_a_mail_of_the_day_carries_ids_and_links_alone(people: People) -> None:
    digests.prefer(people.omar, dict.fromkeys(Notice.values, How.DIGEST), by=people.omar)
    change = asked(people, title="The secret hours")
    System.objects.filter(pk=people.payroll.pk).update(classification="P")
    later = asked(people, title="The other hours")
    (his,) = [each for each in morning() if each.to == ["omar@example.org"]]
    assert "hours" not in his.body.lower(), "raised after it was said, and before it is mailed"
    for ref in (change.ref, later.ref):
        assert f"{ref} in Eastwest" in his.body
        assert f"/inbox/{ref}/" in his.body
    page = signed_in(people.omar).get("/notices/").content.decode()
    assert "The other hours" not in page


def test_the_links_open_pages_and_decide_nothing(people: People) -> None:
    digests.prefer(people.omar, dict.fromkeys(Notice.values, How.DIGEST), by=people.omar)
    change = asked(people)
    (his,) = [each for each in morning() if each.to == ["omar@example.org"]]
    links = LINK.findall(his.body)
    assert any(link.endswith(f"/inbox/{change.ref}/") for link in links)
    before = list(ChangeRecord.objects.values())
    entries = LedgerInbox.objects.count()
    client = signed_in(people.omar)
    for link in links:
        assert client.get(link.partition("localhost")[2].partition("/")[1] + link.split("/", 3)[3]).status_code == 200
    assert list(ChangeRecord.objects.values()) == before
    assert LedgerInbox.objects.count() == entries


def test_everybody_sets_their_own_and_nothing_else_is_a_choice(people: People) -> None:
    with pytest.raises(Refused, match="their own choice"):
        digests.prefer(people.omar, {Notice.DUE: How.IN_APP}, by=people.alex)
    for wrong in ({"due": "never"}, {"nothing": How.IN_APP}):
        with pytest.raises(Refused, match="no such choice"):
            digests.prefer(people.omar, wrong, by=people.omar)
    client = signed_in(people.omar)
    shown = client.get("/notices/preferences/").context["form"]
    assert {field.value() for field in shown} == {How.AT_ONCE}
    typed = dict.fromkeys(Notice.values, How.AT_ONCE) | {Notice.DECISION: How.IN_APP}
    assert client.post("/notices/preferences/", typed | {"pack": "never"}).status_code == 422
    assert client.post("/notices/preferences/", typed).status_code == 302
    row = asked(people)
    jobs.work_off()
    assert "omar@example.org" not in [each.to[0] for each in mail.outbox]
    assert row.ref in client.get("/notices/").content.decode(), "in Eastwest in any case"
    said = LedgerInbox.objects.filter(data__verb="set_notices").get()
    assert "in_app" in str(said.data), "who chose what, and when, stands in the ledger"


def test_reading_is_ones_own_and_decides_nothing(people: People) -> None:
    asked(people)
    omar, mina = signed_in(people.omar), signed_in(people.mina)
    mine, hers = (Outbound.objects.for_user(one).get() for one in (people.omar, people.mina))
    omar.post("/notices/read/", {"notice": str(hers.pk)})
    assert Outbound.objects.get(pk=hers.pk).read_at is None
    omar.post("/notices/read/", {"notice": str(mine.pk)})
    assert Outbound.objects.get(pk=mine.pk).read_at is not None
    assert omar.get("/notices/").context["unread"] == 0
    mina.post("/notices/read/", {"notice": "all"})
    assert mina.get("/notices/").context["unread"] == 0
    assert omar.get("/notices/read/").status_code == 405
    assert ChangeRecord.objects.get().state == "submitted"


def test_what_is_out_of_sight_by_now_is_told_by_its_id_alone(people: People) -> None:
    change = asked(people, title="The hours of all staff")
    changes.reject(change, by=people.omar, because="Not for Rita.")
    rita = signed_in(people.rita)
    assert "The hours of all staff" in rita.get("/notices/").content.decode()
    people.rita.role_grants.update(valid_to=timezone.now() - timedelta(minutes=1))
    page = rita.get("/notices/").content.decode()
    assert "The hours of all staff" not in page
    assert f"{change.ref}: not among your systems any more" in page


def test_history_is_kept_and_never_mailed(people: People) -> None:
    digests.prefer(people.omar, {Notice.DUE: How.DIGEST}, by=people.omar)
    row = told(people.omar, Notice.DUE, at=timezone.now() - NEWS - timedelta(minutes=1))
    assert (row.how, row.read_at, morning()) == (How.IN_APP, row.created_at, [])
