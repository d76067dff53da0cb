"""Duties that no rule shows: stated by people, kept for good, with what the host says of itself beside them."""

from __future__ import annotations

import hashlib
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.utils import timezone

from compliance.actions.reconcile_rows import altered_rows
from compliance.errors import NotAllowed, Refused
from compliance.models import LedgerInbox, Server
from evidence import duties
from evidence.actions.attestations import MOST_BYTES, Statement, attest
from evidence.artefacts import place_of
from evidence.attested import numbers, standings, tally
from evidence.models import Attestation, HostSaid
from evidence.packs.section import Scope
from evidence.packs.sections import stated
from reviews import actions as reviews
from tests.evidence.site import Site
from tests.factories import servers
from tests.people import everybody

pytestmark = pytest.mark.django_db(transaction=True)
CHRONY = (
    "MS Name/IP address         Stratum Poll Reach LastRx Last sample\n"
    + "=" * 79
    + "\n{} 1 10 377 62 +1us[+2us] +/- 9ms\n"
)


class Estate:
    """People and servers, of which nothing was read."""

    def __init__(self) -> None:
        self.people = everybody()
        self.servers = servers(self.people)


@pytest.fixture
def plain() -> Estate:
    return Estate()


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """The database server says of itself when it installed last, where its log goes and what its clock follows."""
    site, today = Site(tmp_path), timezone.localdate()
    day = today - timedelta(days=40)
    (site.data / "dpkg.log").write_text(f"{day} 06:12:33 upgrade openssl:amd64 3.0.1 3.0.2\n")
    (site.data / "rsyslog.conf").write_text('module(load="imuxsock")\n*.* @@10.20.9.7:514\n')
    (site.data / "chronyc-sources.txt").write_text(CHRONY.format("^? 10.20.9.5"))
    site.read()
    site.compare()
    return site


def said(kind: str = "patched", **changed: Any) -> Statement:
    """A statement of today."""
    given = {
        "kind": kind,
        "held_on": timezone.localdate(),
        "in_order": True,
        "says": "Went through the list.",
        **changed,
    }
    return Statement(**given)


def get(person: Any, address: str) -> Any:
    client = Client()
    client.force_login(person)
    return client.get(address)


def of(server: Server, kind: str) -> Any:
    return next(row for row in standings([server], timezone.now()) if row.kind == kind)


def test_states_follow_the_table_and_a_no_stays_open() -> None:
    today = date(2026, 11, 21)
    assert duties.state_of("patched", None, True, today) == ("never", None)
    for back, state in ((0, "current"), (20, "current"), (21, "due"), (35, "due"), (36, "overdue")):
        assert duties.state_of("patched", today - timedelta(days=back), True, today)[0] == state, back
    assert duties.state_of("patched", today, False, today)[0] == "failed"
    assert set(duties.DUTIES) == set(Attestation.Kind.values)


@pytest.mark.both
def test_the_host_is_asked_beside_the_person(site: Site) -> None:
    data, erin, today = site.servers["pay-db-01"], site.people.erin, timezone.localdate()
    assert set(HostSaid.objects.get(server=data).said) == {"updates", "logs", "time"}
    for kind, sign in (("patched", "differs"), ("logs", "agrees"), ("time", "differs"), ("services", "silent")):
        attest([(data, 0)], said(kind, held_on=today - timedelta(days=1)), by=erin)
        row = of(data, kind)
        assert (kind, row.host.sign) == (kind, sign), row.host.text
    assert "The host says otherwise: the last installation it names is of" in of(data, "patched").host.text
    assert "follows none of its 1 sources" in of(data, "time").host.text
    assert "10.20.9.7" in of(data, "logs").host.text
    kept = Attestation.objects.get(kind="patched")
    assert (kept.host_sign, kept.attested_by) == ("differs", erin)
    page = get(erin, "/servers/pay-db-01/").content.decode()
    assert "The host says otherwise: the last installation" in page
    assert "3 of" not in page
    assert "saying otherwise" in get(erin, "/attestations/").content.decode()
    attest([(data, Attestation.objects.get(kind="time").pk)], said("time", in_order=False), by=erin)
    for now in (True, False):
        whole = numbers(standings(Server.objects.all(), timezone.now(), now=now))
        assert tally(Server.objects.all(), timezone.now(), now=now) == whole, "counted alone as with every row"
        assert (whole["differs"], whole["failed"]) == (now, 1)
    site.compare()
    assert HostSaid.objects.filter(server=data).count() == 1, "one comparison is kept"


def test_a_reading_from_before_that_day_settles_nothing() -> None:
    host = {"updates": {"rows": [["dpkg", "2026-10-01 06:00:00", {}]], "unread": 0, "more": 0}}
    day = date(2026, 11, 20)
    assert duties.beside("patched", host, day, day, True).sign == "unclear"
    assert duties.beside("patched", host, day + timedelta(days=1), day, True).sign == "differs"
    assert duties.beside("patched", host, day, date(2026, 10, 2), True).sign == "agrees", "a log names no zone"
    assert duties.beside("patched", {}, day, day, True).sign == "silent"
    assert (
        duties.beside("patched", host | {"updates": {"rows": [], "unread": 0, "more": 0}}, day, day, True).sign
        == "unclear"
    )
    nowhere = {"logs": {"rows": [], "unread": 0, "more": 0}}
    assert duties.beside("logs", nowhere, day, day, True).sign == "differs"
    assert duties.beside("logs", nowhere, day, day, False).sign == "agrees", "it was stated as not in order"
    included = {"logs": {"rows": [["/etc/rsyslog.d/*.conf", "include", {}]], "unread": 0, "more": 0}}
    assert duties.beside("logs", included, day, day, True).sign == "unclear"
    one_step = {"login": {"passwordauthentication": ["yes"]}}
    assert duties.beside("bastion_mfa", one_step, day, day, True).sign == "differs"
    two_steps = {"login": {"authenticationmethods": ["publickey,keyboard-interactive"]}}
    assert duties.beside("bastion_mfa", two_steps, day, day, True).sign == "agrees"


@pytest.mark.both
def test_who_states_what_and_nothing_is_written_over(plain: Estate) -> None:
    people, app, today = plain.people, plain.servers["pay-app-01"], timezone.localdate()
    for person in (people.rita, people.ada, people.mina, people.sam):
        with pytest.raises(NotAllowed):
            attest([(app, 0)], said(), by=person)
    tomorrow = today + timedelta(days=1)
    for wrong, why in (
        (said(held_on=tomorrow), "still to come"),
        (said(says=" "), "Nothing was said"),
        (said("restored"), "offline copy"),
        (said(offline=True), "offline copy"),
        (said("other"), "no kind"),
        (said(content=b"", file="a.pdf"), "is empty"),
        (said(content=b"x" * (MOST_BYTES + 1), file="a.pdf"), "may have 10 MB"),
    ):
        with pytest.raises(Refused, match=why):
            attest([(app, 0)], wrong, by=people.erin)
    assert not Attestation.objects.exists()
    [first] = attest([(app, 0)], said("restored", offline=True), by=people.erin)
    assert first.done
    kept = Attestation.objects.get()
    [late] = attest([(app, 0)], said("restored", offline=False, in_order=False), by=people.omar)
    assert not late.done
    assert "stated it since you read it" in late.sentence
    [second] = attest([(app, kept.pk)], said("restored", offline=False, in_order=False), by=people.omar)
    assert second.done
    assert of(app, "restored").state == "failed"
    assert Attestation.objects.count() == 2
    with pytest.raises(ValueError, match="not changed"):
        kept.save()
    with connection.cursor() as cursor:  # past Eastwest
        cursor.execute("UPDATE evidence_attestation SET says = 'All was well.' WHERE id = %s", [kept.pk])
    assert [one.label for one in altered_rows()] == ["evidence.attestation"]
    with pytest.raises(IntegrityError), transaction.atomic():
        Attestation.objects.filter(pk=kept.pk).update(offline=None)
    assert LedgerInbox.objects.filter(data__verb="attest").count() == 2


def test_a_file_is_kept_byte_by_byte_and_given_to_roles_only(plain: Estate) -> None:
    people, app = plain.people, plain.servers["pay-app-01"]
    content = b"<script>alert(1)</script>\r\n\x00\xff"
    client = Client()
    client.force_login(people.erin)
    file = SimpleUploadedFile('re"port <b>.html', content, content_type="text/html")
    form = {"duty": f"patched-{app.pk}", f"seen-patched-{app.pk}": "0", "held_on": timezone.localdate().isoformat(),
            "in_order": "yes", "says": "As <b>listed</b>.", "file": file}  # fmt: skip
    answer = client.post("/attestations/new/", form)
    assert answer.status_code == 200, answer.content.decode()
    row = Attestation.objects.get()
    assert row.sha256 == hashlib.sha256(content).hexdigest()
    address = f"/attestations/{row.pk}/file/"
    for person, status in ((people.ada, 200), (people.mina, 200), (people.omar, 200), (people.rita, 403),
                           (people.alex, 403), (people.sam, 404)):  # fmt: skip
        answer = get(person, address)
        assert answer.status_code == status, person
        if status == 200:
            assert answer.content == content
            assert answer["Content-Type"] == "application/octet-stream"
            assert answer["X-Content-Type-Options"] == "nosniff"
            assert "html" not in answer["Content-Disposition"]
    page = get(people.ada, "/servers/pay-app-01/attestations/").content.decode()
    assert "As &lt;b&gt;listed&lt;/b&gt;." in page
    assert "fair: a statement with a file" in page
    assert address in page
    assert address not in get(people.rita, "/servers/pay-app-01/attestations/").content.decode()
    place_of(row.sha256).write_bytes(b"another")
    altered = get(people.ada, address)
    assert altered.status_code == 403
    assert b"restore them from a backup" in altered.content


def test_several_at_once_are_of_one_duty_and_told_one_by_one(plain: Estate) -> None:
    app, data, erin = plain.servers["pay-app-01"], plain.servers["pay-db-01"], plain.people.erin
    client = Client()
    client.force_login(erin)
    mixed = client.get(f"/attestations/new/?duty=patched-{app.pk}&duty=logs-{data.pk}").content.decode()
    assert "only these" in mixed
    assert "State it" not in mixed
    ticks = [f"patched-{app.pk}", f"patched-{data.pk}"]
    page = client.get("/attestations/new/", {"duty": ticks}).content.decode()
    assert "State it for each" in page
    attest([(data, 0)], said(), by=erin)
    form = {"duty": ticks, **{f"seen-{tick}": "0" for tick in ticks}, "held_on": timezone.localdate().isoformat(),
            "in_order": "yes", "says": "The November updates."}  # fmt: skip
    answer = client.post("/attestations/new/", form).content.decode()
    assert "1 of 2 done" in answer
    assert "stated it since you read it" in answer
    both = client.post("/attestations/new/", {**form, "duty": [ticks[0], f"logs-{data.pk}"]})
    assert both.status_code == 409
    assert client.post("/attestations/new/", {**form, "held_on": ""}).status_code == 422
    assert get(plain.people.mina, "/attestations/new/").status_code == 403


def test_what_is_open_is_said_in_inbox_month_agenda_and_pack(site: Site) -> None:
    people, data = site.people, site.servers["pay-db-01"]
    assert "never stated" in get(people.omar, "/inbox/").content.decode()
    assert "never stated" not in get(people.rita, "/inbox/").content.decode(), "she states nothing"
    Server.objects.filter(pk=data.pk).update(role="jump host")
    assert of(Server.objects.get(pk=data.pk), "bastion_mfa").state == "never"
    attest([(data, 0)], said("time"), by=people.erin)
    assert "never stated" in get(people.omar, "/evidence/").content.decode()
    review = reviews.add_review(people.payroll, due_at=timezone.now(), chair=people.mina, by=people.mina)
    reviews.open_review(review, by=people.mina)
    todo, otherwise = review.agenda.filter(kind="attest").order_by("position")
    assert todo.title.endswith("duties of 3 servers to be stated")
    assert "Second factor at the bastion: pay-db-01 (never stated)" in todo.detail
    assert otherwise.title == "1 statement of which the host says otherwise"
    assert otherwise.detail.startswith("pay-db-01, time source: The host says otherwise: its clock follows none")
    today = timezone.localdate()
    rows = stated.held(Scope((people.payroll.name,), today, today, timezone.now()))
    lines, table = stated.lines(rows), stated.table(rows)
    assert "never stated" in lines[0]
    assert any(line.startswith("Patched: ") for line in lines)
    assert [row for row in table.rows if row[0] == "pay-db-01" and row[2] == "Time source" and row[13] == "differs"]
    earlier = Scope((people.payroll.name,), today, today, timezone.now() - timedelta(hours=1))
    assert all(row.last is None for row in stated.held(earlier)), "stated after the cut-off"
