"""Inventories that others keep and what hosts show, against the register: nobody seen is lost, no outage cures."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from compliance.actions import estate
from compliance.actions.jobs import claim
from compliance.errors import NotAllowed, Refused
from compliance.models import Job
from compliance.run import Run
from evidence.actions import inventories as verbs
from evidence.actions.compare import compare
from evidence.artefacts import read_back
from evidence.jobs import due_inventories, read_inventory
from evidence.models import Finding, Inventory, InventoryReading, Met, Sighting
from evidence.rules import Verdict
from evidence.sightings import Kind
from tests.evidence.site import Site, allow_in, put

GOOD = "name,ip\npay-app-01,10.20.20.31\nshadow-01,10.20.20.77\nfar-01,192.0.2.9\nPAY-DB-01.example.org,\n"


@pytest.fixture(name="site")
def _site(db: None, tmp_path: Path) -> Site:
    return Site(tmp_path)


@pytest.fixture(name="cmdb")
def _cmdb(site: Site) -> Inventory:
    return verbs.add_inventory(system=site.people.payroll, name="CMDB", kind="cmdb", by=site.people.erin)


def finish(row: InventoryReading) -> InventoryReading:
    """Carries out the job of a reading."""
    assert row.job is not None
    job = claim(timezone.now() + timedelta(minutes=5), only=row.job.pk)
    assert job is not None
    read_inventory(Run(job))
    row.refresh_from_db()
    return row


def brought(inventory: Inventory, text: str, site: Site) -> InventoryReading:
    """A list that Erin brings, read."""
    row = finish(verbs.bring(inventory, "cmdb.csv", text.encode(), by=site.people.erin))
    inventory.refresh_from_db()
    return row


def unknown() -> list[str]:
    """The addresses of standing findings about servers nobody registered."""
    rows = Finding.objects.standing().filter(verdict=Verdict.unknown_server).order_by("subject")
    return [f"{row.subject}: {row.because}" for row in rows]


def test_a_list_is_read_and_who_nobody_registered_is_a_finding_of_their_zone(site: Site, cmdb: Inventory) -> None:
    row = brought(cmdb, GOOD, site)
    assert (row.state, row.names, row.lines_unread) == ("ok", 4, 0)
    seen = {(one.name, one.ip, one.place) for one in Sighting.objects.current().filter(inventory=cmdb)}
    assert seen == {
        ("pay-app-01", "10.20.20.31", "zone app"),
        ("shadow-01", "10.20.20.77", "zone app"),
        ("far-01", "192.0.2.9", ""),
        ("PAY-DB-01.example.org", None, ""),
    }
    site.read()
    compare()
    (said,) = unknown()
    assert said.startswith("unregistered in zone app: 1 address of zone app is no registered server's: 10.20.20.77")
    assert "CMDB, line 3" in said
    finding = Finding.objects.get(verdict=Verdict.unknown_server)
    assert finding.system == site.people.payroll
    assert [each["box"][2] for each in finding.extent] == [0x0A14144D]


def test_registering_cures_it_and_the_next_stranger_is_the_same_finding(site: Site, cmdb: Inventory) -> None:
    brought(cmdb, GOOD, site)
    site.read()
    compare()
    estate.add_server("shadow-01", system=site.people.payroll, addresses=["10.20.20.77"], by=site.people.erin)
    compare()
    finding = Finding.objects.get(verdict=Verdict.unknown_server)
    assert finding.state == "cured"
    assert "registered" in finding.cured_because
    brought(cmdb, GOOD + "shadow-02,10.20.20.78\n", site)
    compare()
    finding.refresh_from_db()
    assert finding.state == "open"
    assert "10.20.20.78" in finding.because
    assert "10.20.20.77" not in finding.because


def test_a_first_list_leaves_what_hosts_showed_as_it_is(site: Site, cmdb: Inventory) -> None:
    put(site.data, allow_in("10.20.20.31", "5432"), allow_in("10.20.20.99", "22"))
    site.read()
    compare()
    before = set(Sighting.objects.values_list("pk", "gone_at", "inventory"))
    assert before
    assert brought(cmdb, GOOD, site).state == "ok"
    assert set(Sighting.objects.exclude(inventory=cmdb).values_list("pk", "gone_at", "inventory")) == before


def test_bad_lines_are_said_and_the_rest_counts(site: Site, cmdb: Inventory) -> None:
    text = GOOD + "web-09,10.20.20.300\nx,y,z\n"
    row = brought(cmdb, text, site)
    assert (row.state, row.lines_total, row.lines_unread) == ("partial", 7, 2)
    assert [one["line"] for one in row.problems] == [6, 7]
    assert row.stored is not None
    assert read_back(row.stored) == text.encode()
    site.read()
    compare()
    trouble = Finding.objects.get(subject="inventory CMDB")
    assert trouble.verdict == Verdict.not_verifiable
    assert trouble.because == "2 lines of CMDB could not be read: whom they name is not known."
    assert trouble.system == site.people.payroll
    assert "10.20.20.77" in unknown()[0]
    brought(cmdb, GOOD, site)
    compare()
    trouble.refresh_from_db()
    assert trouble.state == "cured"


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("nothing,here\n1,2\n", "parse", "none of its columns is called like a name or an address"),
        ("name,ip\npay-app-01,10.20.20.31\n", "unexpected_shrink", "It names 1, and the last one 4"),
    ],
)
def test_a_bad_list_never_takes_the_place_of_the_last_good_one(
    site: Site, cmdb: Inventory, text: str, code: str, words: str
) -> None:
    good = brought(cmdb, GOOD, site)
    bad = brought(cmdb, text, site)
    assert (bad.state, bad.error_code) == ("failed", code)
    assert words in bad.what
    assert bad.next_step
    assert bad.stored is not None  # its bytes are kept all the same
    assert cmdb.last_good == good
    assert Sighting.objects.current().filter(inventory=cmdb).count() == 4
    site.read()
    compare()
    assert "The one before it stands." in Finding.objects.get(subject="inventory CMDB").because
    assert "10.20.20.77" in unknown()[0]


def test_a_smaller_list_counts_once_somebody_stands_for_it(site: Site, cmdb: Inventory) -> None:
    brought(cmdb, GOOD, site)
    small = brought(cmdb, "name,ip\npay-app-01,10.20.20.31\n", site)
    with pytest.raises(NotAllowed):
        verbs.accept_smaller(small, because="It was tidied.", by=site.people.mina)
    with pytest.raises(Refused, match="No reason"):
        verbs.accept_smaller(small, because=" ", by=site.people.erin)
    row = finish(verbs.accept_smaller(small, because="It was tidied.", by=site.people.erin))
    assert (row.state, row.names, row.stored) == ("ok", 1, small.stored)
    gone = Sighting.objects.filter(inventory=cmdb, gone_at__isnull=False)
    assert {one.name for one in gone} == {"shadow-01", "far-01", "PAY-DB-01.example.org"}
    with pytest.raises(Refused, match="Another reading"):
        verbs.accept_smaller(small, because="Again.", by=site.people.erin)


def test_the_same_list_again_is_a_sign_of_life_and_named_columns_are_read_anew(site: Site, cmdb: Inventory) -> None:
    good = brought(cmdb, GOOD, site)
    again = brought(cmdb, GOOD, site)
    assert (again.state, cmdb.last_good) == ("unchanged", good)
    verbs.set_columns(cmdb, name="", addresses=["ip"], by=site.people.erin)
    row = finish(cmdb.readings.get(state="queued"))
    assert (row.state, row.names, row.lines_unread) == ("partial", 3, 1)  # a name alone counts no more
    first = Sighting.objects.get(inventory=cmdb, ip="10.20.20.77", name="", gone_at=None)
    assert first.where == "line 3"


def test_what_it_does_not_name_any_more_says_since_when(site: Site, cmdb: Inventory) -> None:
    brought(cmdb, GOOD, site)
    before = Sighting.objects.get(inventory=cmdb, name="pay-app-01").first_seen
    brought(cmdb, GOOD.replace("shadow-01,10.20.20.77\n", ""), site)
    rows = {one.name: one for one in Sighting.objects.filter(inventory=cmdb)}
    assert rows["pay-app-01"].first_seen == before
    assert rows["shadow-01"].gone_at is not None
    brought(cmdb, GOOD, site)
    assert Sighting.objects.get(inventory=cmdb, name="shadow-01").gone_at is None


def test_a_folder_is_read_by_itself_and_as_old_as_its_newest_file(site: Site, tmp_path: Path) -> None:
    folder = tmp_path / "lists"
    folder.mkdir(mode=0o755)
    (folder / "2026-11-20.csv").write_text("name,ip\nold-01,10.20.20.70\n")
    (folder / "2026-11-21.csv").write_text(GOOD)
    for number, path in enumerate(sorted(folder.iterdir())):
        path.chmod(0o644)
        import os

        moment = timezone.now().timestamp() - 86400 * (10 - number)
        os.utime(path, (moment, moment))
    row = verbs.add_inventory(
        system=site.people.payroll, name="VMs", kind="hypervisor", config={"path": str(folder)}, by=site.people.alex
    )
    reading = finish(row.readings.get())
    row.refresh_from_db()
    assert (reading.state, reading.file, reading.names) == ("ok", "2026-11-21.csv", 4)
    assert row.last_seen_at is not None
    assert timezone.now() - row.last_seen_at > timedelta(days=8)
    compare()
    assert Finding.objects.get(subject="inventory VMs").because == "What VMs says is older than 8 days."
    due_inventories(timezone.now() + timedelta(hours=1))
    assert not row.readings.filter(state="queued").exists()
    due_inventories(timezone.now() + timedelta(days=2))
    due_inventories(timezone.now() + timedelta(days=2))
    assert row.readings.filter(state="queued").count() == 1


def test_whom_hosts_met_counts_and_is_kept_through_unchanged_readings(site: Site) -> None:
    def neighbours(last: int) -> None:
        (site.data / "ip-neigh.json").write_text(f'[{{"dst":"10.20.30.{last}","dev":"eth0","state":["STALE"]}}]')

    neighbours(66)
    site.read()
    neighbours(67)
    assert [one.state for one in site.read()] == ["unchanged", "unchanged"]
    assert sorted(Met.objects.values_list("ip", flat=True)) == ["10.20.30.66", "10.20.30.67"]
    compare()
    (said,) = unknown()
    assert "2 addresses of zone data" in said
    assert "10.20.30.66 (named by met on eth0 of pay-db-01)" in said
    Met.objects.filter(ip="10.20.30.66").update(last_seen=timezone.now() - timedelta(days=31))
    compare()
    (said,) = unknown()
    assert "10.20.30.66" not in said
    Met.objects.update(last_seen=timezone.now() - timedelta(days=31))
    site.sources[1].refresh_from_db()
    site.sources[1].last_seen_at = timezone.now() - timedelta(days=9)
    site.sources[1].save()
    compare()
    (said,) = unknown()
    assert "10.20.30.66" in said  # nobody can say that it is gone: the host that met it brings nothing fresh


def test_an_outage_makes_nobody_disappear(site: Site) -> None:
    put(site.data, allow_in("10.20.20.31", "5432"), allow_in("10.20.20.99", "22"))
    site.read()
    compare()
    assert "10.20.20.99" in unknown()[0]
    before = Sighting.objects.get(kind=Kind.RULES, ip="10.20.20.99")
    site.sources[1].refresh_from_db()
    site.sources[1].last_seen_at = timezone.now() - timedelta(days=9)
    site.sources[1].save()
    compare()
    assert "10.20.20.99" in unknown()[0]
    rules = site.data / "iptables-save.txt"
    rules.write_text(rules.read_text().replace("-A INPUT -s 10.20.20.99/32", "-Q INPUT -s 10.20.20.99/32"))
    site.read()
    compare()
    assert "10.20.20.99" in unknown()[0]  # one line is not understood: it may be in there
    before.refresh_from_db()
    assert before.gone_at is None
    put(site.data, allow_in("10.20.20.31", "5432"))
    site.read()
    compare()
    assert unknown() == []
    finding = Finding.objects.get(verdict=Verdict.unknown_server)
    assert "snapshot" in finding.cured_because
    assert finding.cured_by.count() == 1
    before.refresh_from_db()
    assert before.gone_at is not None


def test_who_may_do_what(site: Site, cmdb: Inventory) -> None:
    people = site.people
    for person in (people.sam, people.mina, people.olga, people.ada, people.rita):
        with pytest.raises(NotAllowed):
            verbs.bring(cmdb, "cmdb.csv", GOOD.encode(), by=person)
        with pytest.raises(NotAllowed):
            verbs.add_inventory(system=people.payroll, name="Mine", kind="cmdb", by=person)
    assert not Inventory.objects.for_user(people.olga).exists()
    brought(cmdb, GOOD, site)
    compare()
    assert not Sighting.objects.for_user(people.olga).filter(place="zone app").exists()
    assert Sighting.objects.for_user(people.omar).filter(place="zone app").exists()
    verbs.bring(cmdb, "cmdb.csv", GOOD.encode(), by=people.omar)
    with pytest.raises(Refused, match="being read already"):
        verbs.bring(cmdb, "cmdb.csv", GOOD.encode(), by=people.erin)
    assert Job.objects.filter(kind="read_inventory", state="queued").count() == 1
