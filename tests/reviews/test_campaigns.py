"""Recertification campaigns: each decision a change record of its own, silence never "kept", and a frozen result."""

from __future__ import annotations

import hashlib
import json
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone

from compliance.actions import changes, connections
from compliance.errors import NotAllowed, Refused
from compliance.models import ChangeRecord, Connection, Job, LedgerInbox, Outbound, Zone
from compliance.models.estate import day_of
from reviews import actions as reviews
from reviews.actions import campaigns as verbs
from reviews.campaigns import sentence, stands
from reviews.jobs import due_reviews, plan
from reviews.models import Campaign, CampaignItem
from tests.evidence.site import begin
from tests.factories import WHY, asked, authorised, network, servers
from tests.people import People, everybody

pytestmark = pytest.mark.django_db


class Register:
    """Three connections of Omar's Payroll, one of Olga's Platform."""

    def __init__(self) -> None:
        self.people: People = everybody()
        servers(self.people)
        self.ours = [
            authorised(self.people, network("pay-app-01", "pay-db-01", f"tcp/{port}")) for port in (5432, 5433, 5434)
        ]
        change = asked(self.people, network("log-01", "pay-app-01", "tcp/514"), system=self.people.platform)
        for person in (self.people.olga, self.people.omar, self.people.mina):
            changes.approve(change, by=person)
        self.theirs: Connection = change.connection

    def start(self, **changed: Any) -> Campaign:
        given = {"title": "Spring", "systems": [self.people.payroll, self.people.platform], "which": "all",
                 "due": in_days(20), "by": self.people.mina}  # fmt: skip
        return verbs.start(**(given | changed))

    def decide(self, row: Campaign, what: Any, *cons: Connection, by: Any = None, **changed: Any) -> list[Any]:
        read = [(row.items.get(connection=con), version(con).material_hash) for con in cons]
        given = {"because": {con.pk: "The pay run reads it." for con in cons}, "by": by or self.people.omar,
                 "until": in_days(300) if what == "keep" else None}  # fmt: skip
        return verbs.decide(row, read, what, **(given | changed))


@pytest.fixture
def register() -> Register:
    return Register()


def in_days(days: int) -> date:
    return day_of(timezone.now()) + timedelta(days=days)


def later(days: int) -> datetime:
    return timezone.now() + timedelta(days=days)


def version(con: Connection) -> Any:
    return con.version_on(day_of(timezone.now()))


def states(row: Campaign, at: datetime | None = None) -> dict[int, str]:
    return {one.item.connection_id: one.state for one in stands(row.items.all(), at or timezone.now())}


def get(person: Any, address: str) -> Any:
    client = Client()
    client.force_login(person)
    return client.get(address)


def told(person: Any, word: str) -> int:
    return Outbound.objects.filter(to=person, subject__contains=word).count()


@pytest.mark.both
def test_a_campaign_of_two_owners_one_of_whom_is_silent(register: Register) -> None:
    people, (one, two, three) = register.people, register.ours
    row = register.start()
    assert (told(people.omar, f"{row.ref}: 3 connections"), told(people.olga, f"{row.ref}: 1 connection")) == (1, 1)
    assert sentence(stands(row.items.all(), timezone.now())) == "4 of 4 connections not decided"
    for con, what in ((one, "keep"), (two, "narrow"), (three, "revoke")):
        [done] = register.decide(row, what, con)
        assert done.done, done.sentence
    assert states(row) == {one.pk: "asked", two.pk: "draft", three.pk: "asked", register.theirs.pk: "open"}
    keep, removal = (row.items.get(connection=con).change for con in (one, three))
    assert version(one).review_by == date(2027, 5, 31), "nothing is kept until two people agree"
    for change in (keep, removal):
        changes.approve(change, by=people.dan)
        changes.approve(change, by=people.mina)
    assert version(one).review_by == in_days(300)
    assert states(row) == {one.pk: "kept", two.pk: "draft", three.pk: "removed", register.theirs.pk: "open"}
    [again] = register.decide(row, "keep", one)
    assert not again.done
    page = get(people.omar, f"/campaigns/{row.ref}/").content.decode()
    assert "1 of 3 connections not decided" in page, "of his own system"
    assert "2 of 3" in page
    assert row.ref in get(people.olga, "/inbox/").content.decode()
    # Olga is silent past its day, and it is closed with a reason
    with transaction.atomic():
        assert verbs.remind(later(28)) > 0
    review = reviews.add_review(people.platform, due_at=later(22), chair=people.mina, by=people.mina)
    reviews.open_review(review, by=people.mina, at=later(22))
    [line] = review.agenda.filter(title__contains=row.ref)
    assert line.title == f"Overdue campaign {row.ref}: Spring"
    with pytest.raises(Refused, match="2 of 4 connections not decided"):
        verbs.close(row, because=" ", by=people.mina)
    closed = verbs.close(row, because="Olga is away.", by=people.mina)
    assert hashlib.sha256(closed.result.encode()).hexdigest() == closed.result_hash
    said = json.loads(closed.result)
    assert said["not_decided"] == 2
    assert {each["connection"]: each["state"] for each in said["connections"]}[register.theirs.ref] == "open"
    entry = LedgerInbox.objects.get(data__verb="close_campaign")
    assert (entry.data["after"], entry.data["payload"]["left"]) == (closed.result_hash, 2)
    assert version(register.theirs).review_by == date(2027, 5, 31), "silence keeps nothing"
    with pytest.raises(Refused, match="not closed twice"):
        verbs.close(row, because="Again.", by=people.mina)
    with pytest.raises(Refused, match="is closed"):
        register.decide(closed, "keep", register.theirs, by=people.olga)
    page = get(people.mina, f"/campaigns/{row.ref}/").content.decode()
    assert closed.result_hash in page
    assert "2 of 4 were not decided when it was closed" in page
    assert "Olga is away." in page
    with connection.cursor() as sql:  # past Eastwest
        sql.execute("UPDATE reviews_campaign SET result = REPLACE(result, 'draft', 'kept')")
    assert "was altered after it was frozen" in get(people.mina, f"/campaigns/{row.ref}/").content.decode()


@pytest.mark.both
def test_what_changed_ended_or_was_turned_down_is_told(register: Register) -> None:
    people, (one, two, three) = register.people, register.ours
    row = register.start(systems=[people.payroll])
    shorter = network("pay-app-01", "pay-db-01", "tcp/5432") | {"review_by": "2027-03-31"}
    moved = connections.amend(one, by=people.rita, material=shorter, justification=WHY, title="Shorter")
    [refused] = register.decide(row, "keep", one)
    assert not refused.done
    assert "has a request open already" in refused.sentence
    removal = connections.retire(two, because="Gone.", by=people.rita)
    for change in (moved, removal):
        changes.approve(change, by=people.omar)
        changes.approve(change, by=people.mina)
    register.decide(row, "keep", three)
    mine = row.items.get(connection=three).change
    changes.reject(mine, by=people.dan, because="Nobody uses it.")
    assert states(row) == {one.pk: "changed", two.pk: "gone", three.pk: "refused"}
    page = get(people.omar, f"/campaigns/{row.ref}/").content.decode()
    assert f"{moved.ref} changed it meanwhile." in page
    assert "Nobody uses it." in page
    [stale] = verbs.decide(row, [(row.items.get(connection=one), "0" * 64)], "revoke", because={one.pk: "Old."},
                           by=people.omar)  # fmt: skip
    assert not stale.done
    assert "changed since you read it" in stale.sentence
    for con in (one, three):
        [done] = register.decide(row, "revoke", con)
        assert done.done, done.sentence
    assert set(states(row).values()) == {"asked", "gone"}
    assert ChangeRecord.objects.filter(kind="retire", state="submitted").count() == 2


@pytest.mark.both
def test_reminders_are_said_once_and_once_only(register: Register) -> None:
    people = register.people
    row = register.start(due=in_days(20))
    seen = []
    for day in (1, 6, 6, 10, 13, 19, 20, 21, 21, 25, 28, 40, 6):
        with transaction.atomic():
            seen.append(verbs.remind(later(day)))
    # 14 ahead; 7; 1; overdue; a week overdue: of each of the two systems once, then Mina once for each
    assert seen == [0, 2, 0, 0, 2, 2, 0, 2, 0, 0, 2, 0, 0]
    assert told(people.mina, f"{row.ref}: ") == 2
    assert told(people.olga, f"{row.ref}: 1 of 1 connection of Platform not decided") == 4
    register.decide(row, "revoke", register.theirs, by=people.olga)
    quiet = register.start(systems=[people.platform], title="Again")
    assert states(quiet)[register.theirs.pk] == "open"


def test_who_starts_and_who_decides(register: Register) -> None:
    people = register.people
    for person in (people.omar, people.rita, people.erin, people.ada, people.sam):
        with pytest.raises(NotAllowed):
            register.start(by=person)
    for wrong, why in (
        ({"systems": []}, "No system"),
        ({"due": in_days(0)}, "not to come"),
        ({"which": "due"}, "not said which"),
        ({"which": "zone"}, "not said which"),
        ({"which": "provisional"}, "Nothing that is authorised"),
        ({"which": "due", "before": in_days(1)}, "Nothing that is authorised"),
    ):
        with pytest.raises(Refused, match=why):
            register.start(**wrong)
    assert not Campaign.objects.exists()
    by_alex = register.start(by=people.alex)
    assert by_alex.items.count() == 4
    assert register.start(which="due", before=date(2027, 6, 30)).items.count() == 4
    assert register.start(which="zone", zone=Zone.objects.get(name="data"), title="Data").items.count() == 3
    for person in (people.rita, people.erin, people.mina, people.olga):
        with pytest.raises(NotAllowed):
            register.decide(by_alex, "keep", register.ours[0], by=person)
    with pytest.raises(NotAllowed):
        verbs.close(by_alex, because="So.", by=people.omar)
    [without] = register.decide(by_alex, "keep", register.ours[0], because={})
    assert "No reason was given" in without.sentence
    with pytest.raises(Refused, match="no day until which"):
        register.decide(by_alex, "keep", register.ours[0], until=None)
    assert not CampaignItem.objects.exclude(what="").exists()
    assert get(people.sam, f"/campaigns/{by_alex.ref}/").status_code == 404
    assert register.theirs.ref not in get(people.omar, f"/campaigns/{by_alex.ref}/?format=csv").content.decode()


def test_the_pages_from_start_to_close(register: Register) -> None:
    people, (one, two, _) = register.people, register.ours
    client = Client()
    client.force_login(people.mina)
    form = {"title": "Spring <b>", "systems": [people.payroll.pk], "which": "due", "due": in_days(9).isoformat()}
    assert client.post("/campaigns/new/", form).status_code == 422, "which day is not said"
    answer = client.post("/campaigns/new/", form | {"before": "2027-06-30"})
    row = Campaign.objects.get()
    assert answer["Location"] == f"/campaigns/{row.ref}/"
    assert get(people.omar, "/campaigns/new/").status_code == 403
    client.force_login(people.omar)
    listed = client.get("/campaigns/").content.decode()
    assert "Spring &lt;b&gt;" in listed
    assert "3 of 3 connections not decided" in listed
    page = client.get(f"/campaigns/{row.ref}/?state=left").content.decode()
    assert page.count('name="connection"') == 3
    ticked = {"connection": [one.ref, two.ref]}
    check = client.get(f"/campaigns/{row.ref}/decide/", ticked).content.decode()
    assert "Do it for each" in check
    said = {**ticked, "what": "keep", "until": in_days(200).isoformat(), "because": "In use.",
            **{f"seen-{con.ref}": version(con).material_hash for con in (one, two)}}  # fmt: skip
    assert "2 of 2 done" in client.post(f"/campaigns/{row.ref}/decide/", said).content.decode()
    assert client.post(f"/campaigns/{row.ref}/decide/", said).status_code == 409, "both are decided on"
    assert "2 decided and waiting for agreement" in client.get(f"/campaigns/{row.ref}/").content.decode()
    assert get(people.ada, f"/campaigns/{row.ref}/decide/").status_code == 403
    for kind in ("csv", "xlsx"):
        assert "attachment" in client.get(f"/campaigns/{row.ref}/?format={kind}")["Content-Disposition"]
    client.force_login(people.mina)
    assert client.post(f"/campaigns/{row.ref}/close/", {"because": ""}).status_code == 409
    assert client.post(f"/campaigns/{row.ref}/close/", {"because": "The rest moves."}).status_code == 302
    assert "The rest moves." in client.get(f"/campaigns/{row.ref}/").content.decode()
    assert b"asked" in client.get(f"/campaigns/{row.ref}/?format=csv").content


@pytest.mark.django_db(transaction=True)
def test_the_job_of_the_day_reminds_where_nothing_but_a_campaign_goes_on() -> None:
    register, now = Register(), timezone.now()
    due_reviews(now)
    assert not Job.objects.filter(kind="plan_reviews").exists()
    row = register.start(due=in_days(7))
    due_reviews(now)
    plan(begin("plan_reviews"))
    assert told(register.people.olga, f"{row.ref}: 1 of 1 connection of Platform not decided") == 1
    with transaction.atomic():
        assert verbs.remind(timezone.now()) == 0
