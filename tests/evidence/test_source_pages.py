"""The pages about sources: days, tests of the connection, pauses, readings with what to do, and what is covered."""

from __future__ import annotations

import csv
import io
import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from django.test import Client
from django.utils import timezone

from compliance.actions import jobs
from compliance.models import Job, LedgerInbox, Server, User
from evidence.coverage import covered, devices
from evidence.models import Pull, Snapshot, Source, SourceTest, StoredArtefact
from evidence.perimeter import is_perimeter, networks
from evidence.views.states import state, strips
from tests.evidence.site import APP, Site, allow_in, put, read, source_of
from tests.factories import servers
from tests.people import People, everybody

NOW = timezone.now()


@pytest.fixture
def people(db: None) -> People:
    return everybody()


@pytest.fixture
def source(people: People, tmp_path: Path) -> Source:
    made = source_of(servers(people)["pay-db-01"], put(tmp_path / "dumps", allow_in(APP, "5432")), people)
    assert read(made, people).state == "ok"
    return made


def browser(person: User) -> Client:
    client = Client()
    client.force_login(person, backend="allauth.account.auth_backends.AuthenticationBackend")
    return client


def page(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200, address
    return answer.content.decode()


def work(kind: str) -> None:
    """The waiting jobs of a kind are done."""
    for job in Job.objects.filter(kind=kind, state=Job.State.QUEUED):
        assert jobs.run_job(job.pk, now=timezone.now() + timedelta(minutes=1))


# --- test connection ------------------------------------------------------------------------------------------------


def test_a_test_says_each_step_and_nothing_of_it_is_evidence(source: Source, people: People, tmp_path: Path) -> None:
    def held() -> list[int]:
        return [model.objects.count() for model in (Pull, Snapshot, StoredArtefact)]

    erin, before = browser(people.erin), held()
    assert erin.post(f"/sources/{source.pk}/test/").status_code == 302
    assert "Waiting for a worker" in page(erin, f"/sources/{source.pk}/")
    again = erin.post(f"/sources/{source.pk}/test/")  # while one waits there is no second
    assert (again.status_code, SourceTest.objects.count()) == (302, 1)
    work("test_source")
    row = SourceTest.objects.get()
    assert (row.outcome, [step["outcome"] for step in row.steps]) == ("reached", ["ok", "ok"])
    assert "2 of 2: ip6tables-save.txt, iptables-save.txt" in page(erin, f"/sources/{source.pk}/")
    shutil.rmtree(tmp_path / "dumps")
    erin.post(f"/sources/{source.pk}/test/")
    work("test_source")
    row = SourceTest.objects.latest("pk")
    assert (row.outcome, [step["outcome"] for step in row.steps]) == ("failed", ["failed", "skipped"])
    shown = page(erin, f"/sources/{source.pk}/")
    assert "is not there" in shown
    assert "Check that it is mounted" in shown
    assert "not tried" in shown
    source.refresh_from_db()
    assert (source.failures, source.enabled) == (0, True)  # a test is no reading
    assert held() == before
    assert LedgerInbox.objects.filter(data__verb="test_source").count() == 2


@pytest.mark.parametrize("name", ["rita", "mina", "ada"])
def test_who_may_not_read_it_may_not_test_it(source: Source, people: People, name: str) -> None:
    client = browser(getattr(people, name))
    assert client.post(f"/sources/{source.pk}/test/").status_code in (403, 404)
    assert "Test connection" not in page(client, f"/sources/{source.pk}/")
    assert not SourceTest.objects.exists()


def test_a_test_that_is_given_up_says_so_and_can_be_asked_for_again(source: Source, people: People) -> None:
    from evidence.actions import testing

    row = testing.ask(source, by=people.erin)
    jobs.abandon(Job.objects.filter(pk=row.job_id), Job.State.DEAD, NOW, last_error="OSError: gone")
    row.refresh_from_db()
    assert (row.outcome, row.steps[0]["outcome"]) == ("failed", "failed")
    assert testing.ask(source, by=people.erin) != row


# --- pause and resume -----------------------------------------------------------------------------------------------


def test_a_source_is_paused_and_resumed_with_a_reason(source: Source, people: People) -> None:
    erin = browser(people.erin)
    assert f"/sources/{source.pk}/pause/" in page(erin, f"/sources/{source.pk}/")
    assert erin.post(f"/sources/{source.pk}/pause/", {"because": " "}).status_code == 422
    why = "The host is rebuilt this week."
    assert erin.post(f"/sources/{source.pk}/pause/", {"because": why}).status_code == 302
    source.refresh_from_db()
    assert (source.enabled, state(source)) == (False, "paused")
    assert LedgerInbox.objects.get(data__verb="pause").data["because"] == why
    shown = page(erin, f"/sources/{source.pk}/")
    assert "Paused by a person." in shown
    assert erin.post(f"/sources/{source.pk}/pause/", {"because": why}).status_code == 409
    assert erin.post(f"/sources/{source.pk}/resume/", {"because": "It is back."}).status_code == 302
    work("pull")
    source.refresh_from_db()
    assert (source.enabled, source.last_pull.state, state(source)) == (True, "unchanged", "fresh")
    assert browser(people.omar).get(f"/sources/{source.pk}/pause/").status_code == 403


def test_a_source_that_paused_by_itself_says_why_and_counts_as_in_need(source: Source, people: People) -> None:
    Source.objects.filter(pk=source.pk).update(
        enabled=False, paused_code="hostkey_changed", paused_at=NOW, next_at=None
    )
    erin = browser(people.erin)
    shown = page(erin, f"/sources/{source.pk}/")
    assert "Paused by itself: host key changed" in shown
    assert "Nothing is sent to it any more." in shown
    assert "Nobody asks it until a person resumes it." in shown
    refused = erin.post(f"/sources/{source.pk}/pull/")
    assert refused.status_code == 422
    assert "another machine" in refused.content.decode()
    listed = page(erin, "/sources/?state=stopped")
    assert source.name in listed
    assert source.name not in page(erin, "/sources/?state=fresh").partition("<tbody>")[2]


# --- days, readings, next try ---------------------------------------------------------------------------------------


def aged(source: Source, days: int, code: str = "", *, seen_days: int | None = None, outcome: str = "") -> Pull:
    """A reading of some days ago."""
    at = timezone.now() - timedelta(days=days)
    seen = timezone.now() - timedelta(days=days if seen_days is None else seen_days)
    outcome = outcome or ("failed" if code else "unchanged")
    return Pull.objects.create(
        source=source, state=outcome, error_code=code, finished_at=at, started_at=at, seen_at=seen, published=True,
        what="said", next_step="do this" if code else "",
    )  # fmt: skip


def test_each_day_is_what_its_readings_were(source: Source) -> None:
    Source.objects.filter(pk=source.pk).update(created_at=NOW - timedelta(days=20))
    source.refresh_from_db()
    aged(source, 2)
    aged(source, 3, "timeout")
    aged(source, 4, "timeout")
    aged(source, 4)
    aged(source, 5, outcome="ok")
    aged(source, 6, seen_days=9)
    said = strips([source])[source.pk]
    last = [cell["title"].partition(": ")[2] for cell in said["cells"]][-7:]
    assert last == [
        "asked, nothing newer had come", "read, something had changed", "read, after failing", "failed",
        "read, unchanged", "not read", "read, something had changed",
    ]  # fmt: skip
    assert [cell["held"] for cell in said["cells"]].count("before") == 30 - 21
    assert said["said"].startswith("Last 30 days: ")


def test_all_readings_stand_with_what_to_do_by_filter_and_as_csv(source: Source, people: People) -> None:
    for number, code in enumerate(["timeout", "auth", "truncated"], 1):
        aged(source, number, code)
    client = browser(people.omar)
    shown = page(client, f"/sources/{source.pk}/readings/")
    assert shown.count("do this") == 3
    assert "Sign-in refused" in shown
    only = page(client, f"/sources/{source.pk}/readings/?error=auth").partition("<tbody>")[2]
    assert ("Sign-in refused" in only, "Took too long" in only) == (True, False)
    rows = list(csv.DictReader(io.StringIO(page(client, f"/sources/{source.pk}/readings/?format=csv"))))
    assert [row["error"] for row in rows] == ["", "timeout", "auth", "truncated"]
    assert browser(people.sam).get(f"/sources/{source.pk}/readings/").status_code == 404


def test_a_failing_source_says_when_it_is_tried_next(source: Source, people: People, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "dumps")
    assert read(source, people).error_code == "unreachable"
    at = timezone.localtime(source.next_at)
    shown = page(browser(people.erin), f"/sources/{source.pk}/")
    assert f"It failed once; next try at {at.day} {at:%B, %H:%M}." in shown
    assert state(source) == "unreachable"
    (tmp_path / "dumps").mkdir()
    read(source, people)
    assert state(source) == "failing"
    assert "It failed 2 times in a row; next try at" in page(browser(people.erin), "/sources/")


def test_the_last_difference_stands_on_the_page(db: None, tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.read()
    site.compare()
    put(site.data, allow_in(APP, "5432"), allow_in(APP, "22"))
    site.read()
    site.compare()
    shown = page(browser(site.people.erin), f"/sources/{site.sources[1].pk}/")
    assert "Last difference" in shown
    assert f"INPUT: {allow_in(APP, '22')}" in shown
    assert "Last difference" not in page(browser(site.people.erin), f"/sources/{site.sources[0].pk}/")


def test_a_copy_and_a_host_s_own_word_are_told_apart(source: Source, people: People) -> None:
    assert "A copy: it shows what somebody wrote down" in page(browser(people.erin), f"/sources/{source.pk}/")
    Source.objects.filter(pk=source.pk).update(kind="local", config={})
    assert "The server says this of itself" in page(browser(people.erin), f"/sources/{source.pk}/")


# --- coverage -------------------------------------------------------------------------------------------------------

ADDRESSES = """[{"ifname":"lo","addr_info":[{"family":"inet","local":"127.0.0.1","prefixlen":8}]},
{"ifname":"eth0","addr_info":[{"family":"inet","local":"10.20.20.1","prefixlen":24}]},
{"ifname":"eth1","addr_info":[{"family":"inet","local":"10.20.30.1","prefixlen":24},
{"family":"inet6","local":"fe80::1","prefixlen":64}]}]
"""


def firewall(people: People, place: Path, *, role: str) -> Source:
    """A device of Platform that forwards between the two networks, and was read."""
    from compliance.actions import estate

    device = estate.add_server("fw-01", system=people.platform, addresses=["10.20.40.1"], by=people.alex)
    Server.objects.filter(pk=device.pk).update(role=role)
    device.refresh_from_db()
    folder = put(place, "-A FORWARD -s 10.20.20.31/32 -d 10.20.30.31/32 -p tcp -m tcp --dport 5432 -j ACCEPT")
    (folder / "ip-addr.json").write_text(ADDRESSES)
    made = source_of(device, folder, people)
    assert read(made, people).state == "ok"
    return made


@pytest.mark.parametrize(
    ("role", "counts"),
    [("firewall", True), ("edge_router", True), ("web", False), ("firewalled web", False), ("", False)],
)
def test_a_device_stands_in_front_by_its_role_and_its_networks(
    people: People, tmp_path: Path, role: str, counts: bool
) -> None:
    assert is_perimeter(role) is counts
    servers(people)
    made = firewall(people, tmp_path / "fw", role=role)
    assert made.last_good.networks == ["10.20.20.0/24", "10.20.30.0/24"]
    assert devices(timezone.now()) == ({"fw-01": ["10.20.20.0/24", "10.20.30.0/24"]} if counts else {})
    assert devices(timezone.now() + timedelta(days=3)) == {}  # too old


def test_a_host_with_one_interface_or_no_rules_stands_in_front_of_nothing(source: Source) -> None:
    from evidence.readings import load

    assert source.last_good.networks == []
    assert networks(load(source.last_good)) == []


def test_coverage_tells_own_word_copy_old_and_none_apart(people: People, source: Source, tmp_path: Path) -> None:
    firewall(people, tmp_path / "fw", role="firewall")
    rows = Server.objects.order_by("name")

    def held() -> dict[str, tuple[str, tuple[str, ...]]]:
        return {row.server.name: (row.host, row.front) for row in covered(rows, timezone.now())}

    assert held() == {
        "file-01": ("none", ("fw-01",)),
        "fw-01": ("copy", ()),
        "log-01": ("none", ()),
        "pay-app-01": ("none", ("fw-01",)),
        "pay-db-01": ("copy", ("fw-01",)),
    }
    Snapshot.objects.filter(source=source).update(tier="good")
    assert held()["pay-db-01"] == ("live", ("fw-01",))
    Source.objects.filter(pk=source.pk).update(last_seen_at=NOW - timedelta(days=9))
    assert held()["pay-db-01"] == ("old", ("fw-01",))


def test_the_coverage_page_counts_filters_and_exports_within_one_s_sight(
    people: People, source: Source, tmp_path: Path
) -> None:
    firewall(people, tmp_path / "fw", role="firewall")
    alex, omar = browser(people.alex), browser(people.omar)
    everything = page(alex, "/coverage/")
    assert "1 of 5 servers without any evidence today" in everything
    assert "fw-01" in everything
    mine = page(omar, "/coverage/")
    assert "log-01" not in mine  # Platform is not his
    assert "fw-01" not in mine
    assert "a device of another system" in mine
    rows = list(csv.DictReader(io.StringIO(page(alex, "/coverage/?format=csv&held=nothing"))))
    assert [(row["server"], row["own evidence"], row["why none"]) for row in rows] == [
        ("log-01", "None", "No source reads it.")
    ]
    table = page(alex, "/coverage/?host=copy").rpartition("<tbody>")[2]
    assert ("pay-db-01" in table, "log-01" in table) == (True, False)
    assert page(alex, "/coverage/?system=Platform&q=fw").rpartition("<tbody>")[2].count("<tr>") == 1
