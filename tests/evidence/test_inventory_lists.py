"""The three lists, from each source and all: who sees what, what is said of what was not read, and the next step."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from pathlib import Path

import pytest
from django.db.models import Model
from django.test import Client
from django.utils import timezone

from compliance.actions import estate, risks
from compliance.errors import NotAllowed, Refused
from compliance.models import LedgerInbox, RiskAcceptance, Server, System, User
from evidence.actions import inventories as verbs
from evidence.actions import outside
from evidence.actions.compare import compare
from evidence.actions.registering import register_seen
from evidence.inventory_lists import Lists
from evidence.models import Finding, Inventory, SetAside
from evidence.rules import Verdict
from tests.evidence.site import Site, allow_in, put
from tests.evidence.test_inventories import GOOD, brought

RISK = {
    "rating": "low",
    "reason": "A switch, no server.",
    "alternate_control": "It is in the list of the network team.",
}


@pytest.fixture(name="site")
def _site(db: None, tmp_path: Path) -> Site:
    site = Site(tmp_path)
    System.objects.update(authorising_officer=site.people.dan)
    site.people.payroll.refresh_from_db()
    put(site.data, allow_in("10.20.20.31", "5432"), allow_in("10.20.20.99", "22"))
    site.read()
    compare()
    return site


@pytest.fixture(name="cmdb")
def _cmdb(site: Site) -> Inventory:
    row = verbs.add_inventory(system=site.people.payroll, name="CMDB", kind="cmdb", by=site.people.erin)
    brought(row, GOOD, site)
    return row


def keys(person: User) -> dict[str, list[str]]:
    """The three lists of a person, over all sources."""
    lists = Lists(person)
    return {
        "unregistered": [one.key for one in lists.strangers],
        "never": [one.name for one in lists.never()],
        "registered": [one.name for one in lists.registered()],
    }


def opened(person: User, path: str) -> str:
    """A page as that person sees it."""
    client = Client()
    client.force_login(person, backend="allauth.account.auth_backends.AuthenticationBackend")
    answer = client.get(path)
    assert answer.status_code == 200, answer.content[-500:]
    return answer.content.decode()


def test_the_three_lists_over_all_sources_and_of_each(site: Site, cmdb: Inventory) -> None:
    assert keys(site.people.omar) == {
        "unregistered": ["10.20.20.77", "10.20.20.99", "192.0.2.9"],  # those in scope first
        "never": ["file-01"],
        "registered": ["pay-app-01", "pay-db-01"],
    }
    lists = Lists(site.people.omar)
    source = f"inventory-{cmdb.pk}"
    assert [one.name for one in lists.never(source)] == ["file-01"]  # the other is known by its name
    assert [one.name for one in lists.never("neighbours")] == ["file-01", "pay-app-01", "pay-db-01"]
    assert [one.key for one in lists.strangers if one.by("rules")] == ["10.20.20.99"]
    held = next(one for one in lists.servers if one.name == "pay-app-01")
    assert set(held.seen) == {"rules", source}
    assert held.since is not None


def test_it_says_what_was_not_read_and_never_that_all_is_registered(site: Site, cmdb: Inventory) -> None:
    said = {one.key: (one.state, one.said) for one in Lists(site.people.omar).seers}
    assert said["rules"] == ("partial", "1 of 3 servers show none: file-01.")
    assert said["neighbours"] == ("never", "None of 3 servers shows any.")
    assert said[f"inventory-{cmdb.pk}"] == ("fresh", "")
    Inventory.objects.update(last_seen_at=timezone.now() - timedelta(days=9))
    for row in site.sources:
        row.refresh_from_db()
        row.last_seen_at = timezone.now() - timedelta(days=9)
        row.save()
    said = {one.key: (one.state, one.said) for one in Lists(site.people.omar).seers}
    assert said["rules"] == ("never", "None of 3 servers shows any.")
    assert said[f"inventory-{cmdb.pk}"] == ("stale", "What CMDB says is older than 8 days.")
    page = opened(site.people.omar, "/inventory/")
    assert "Not everything could be read" in page
    assert "What CMDB says is older than 8 days." in page
    assert keys(site.people.omar)["unregistered"] == ["10.20.20.77", "10.20.20.99", "192.0.2.9"]


def test_what_a_list_stopped_naming_says_since_when(site: Site, cmdb: Inventory) -> None:
    brought(cmdb, GOOD.replace("pay-app-01,10.20.20.31\n", ""), site)
    held = next(one for one in Lists(site.people.omar).servers if one.name == "pay-app-01")
    assert f"inventory-{cmdb.pk}" in held.gone
    assert f"inventory-{cmdb.pk}" not in held.seen
    assert "not any more by CMDB" in opened(site.people.omar, "/inventory/?list=registered")


def test_registering_it_moves_it_at_once_and_authorises_nothing(site: Site, cmdb: Inventory) -> None:
    people = site.people
    with pytest.raises(NotAllowed):
        register_seen("10.20.20.77", name="shadow-01", system=people.payroll, by=people.rita)
    server = register_seen("10.20.20.77", name="shadow-01", system=people.payroll, role="web", by=people.erin)
    assert server.source_row is not None
    assert server.source_row["seen"] == "line 3"
    assert server.addresses.get().zone == server.system.zones.get(name="app")
    assert "10.20.20.77" not in keys(people.omar)["unregistered"]
    assert "shadow-01" in keys(people.omar)["registered"]
    with pytest.raises(Refused):
        register_seen("10.20.20.200", name="nobody", system=people.payroll, by=people.erin)
    compare()
    assert "10.20.20.77" not in Finding.objects.get(verdict=Verdict.unknown_server).because


def test_leaving_an_address_of_a_zone_out_takes_a_second_person_and_ends(site: Site, cmdb: Inventory) -> None:
    people, day = site.people, timezone.localdate() + timedelta(days=30)
    compare()
    finding = Finding.objects.get(verdict=Verdict.unknown_server)
    assert len(finding.extent) == 2
    with pytest.raises(Refused, match="narrows the scope"):
        outside.set_aside("10.20.20.77", because="A switch.", until=day, by=people.erin)
    risk = outside.ask_outside("10.20.20.77", ends_on=day, by=people.erin, **RISK)
    assert "10.20.20.77" in keys(people.omar)["unregistered"]  # asking is nothing yet
    with pytest.raises(Refused):
        risks.accept(risk, by=people.erin)
    risks.accept(risk, by=people.dan, because="Seen.")
    assert keys(people.omar)["unregistered"] == ["10.20.20.99", "192.0.2.9"]
    (left,) = Lists(people.omar).outside
    assert left.decided.startswith(f"{risk.ref}, Dan Okafor, until ")
    compare()
    finding.refresh_from_db()
    assert [each["box"][2] for each in finding.extent] == [0x0A141463]
    later = timezone.now() + timedelta(days=31)
    assert "10.20.20.77" in [one.key for one in Lists(people.omar, later).strangers]
    RiskAcceptance.objects.filter(pk=risk.pk).update(ends_on=day + timedelta(days=300))
    assert "10.20.20.77" in keys(people.omar)["unregistered"]  # altered past Eastwest: its seal is wrong


def test_outside_every_network_a_note_with_an_end_is_enough(site: Site, cmdb: Inventory) -> None:
    people, day = site.people, timezone.localdate() + timedelta(days=30)
    with pytest.raises(Refused, match="in no network"):
        outside.ask_outside("192.0.2.9", ends_on=day, by=people.erin, **RISK)
    with pytest.raises(NotAllowed):
        outside.set_aside("192.0.2.9", because="A printer.", until=day, by=people.mina)
    for because, until in ((" ", day), ("A printer.", timezone.localdate()), ("x", day + timedelta(days=400))):
        with pytest.raises(Refused):
            outside.set_aside("192.0.2.9", because=because, until=until, by=people.erin)
    outside.set_aside("192.0.2.9", because="A printer.", until=day, by=people.erin)
    assert LedgerInbox.objects.filter(verb="set_aside", actor=people.erin).exists()
    assert keys(people.omar)["unregistered"] == ["10.20.20.77", "10.20.20.99"]
    assert "192.0.2.9" in [one.key for one in Lists(people.omar, timezone.now() + timedelta(days=32)).strangers]
    estate.add_zone("lab", system=people.payroll, prefixes=["192.0.2.0/24"], by=people.alex)
    compare()
    assert "192.0.2.9" in keys(people.omar)["unregistered"]  # a network of the estate holds it now
    assert SetAside.objects.count() == 1


def test_everybody_sees_their_own_systems_and_no_foreign_host_by_name(site: Site, cmdb: Inventory) -> None:
    people = site.people
    lists = Lists(people.olga)
    assert [one.key for one in lists.strangers] == []
    assert [one.name for one in lists.servers] == ["log-01"]
    page = opened(people.olga, "/inventory/")
    assert ">CMDB<" not in page
    assert "/inventory/new/" not in page
    assert keys(people.sam) == {"unregistered": [], "never": [], "registered": []}
    zone = people.payroll.zones.get(name="app")
    zone.system = people.platform
    zone.save()
    compare()
    page = opened(people.olga, "/inventory/")
    assert "10.20.20.99" in page
    assert "at a host of another system" in page
    assert "pay-db-01" not in page


def test_a_forged_address_registers_nobody(site: Site, cmdb: Inventory) -> None:
    server = Server.objects.get(name="file-01")
    held = server.addresses.get()
    copy: Model = type(held)(server=server, space=held.space, ip="10.20.20.77", valid_from=held.valid_from, seal="x")
    copy.save(force_insert=True)
    assert "10.20.20.77" in keys(site.people.omar)["unregistered"]


def test_filters_and_csv(site: Site, cmdb: Inventory) -> None:
    def rows(query: str) -> list[list[str]]:
        return list(csv.reader(io.StringIO(opened(site.people.omar, f"/inventory/?format=csv&{query}"))))[1:]

    assert [row[0] for row in rows("")] == ["10.20.20.77", "10.20.20.99", "192.0.2.9"]
    assert [row[0] for row in rows("q=shadow")] == ["10.20.20.77"]
    assert [row[0] for row in rows("zone=elsewhere")] == ["192.0.2.9"]
    assert [row[0] for row in rows("zone=zone+app&source=rules")] == ["10.20.20.99"]
    (never,) = rows("list=never")
    assert never[0] == "file-01"
    assert "CMDB" in never[5]
    assert "Rules (not read in full)" in never[5]
    assert len(rows("list=registered&q=pay-db")) == 1
