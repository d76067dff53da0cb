"""The page of ways of administration: what was read, what a person attested, and what is not known."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from django.test import Client
from django.utils import timezone

from compliance.errors import NotAllowed, Refused
from compliance.models import LedgerInbox, Server
from evidence.actions.admin import attest_login
from evidence.models import AdminPathRow, LoginAttestation
from tests.evidence.site import APP, Site, allow_in, put

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    site = Site(tmp_path)
    put(site.data, allow_in(APP, "22"))
    (site.data / "sshd-T").write_text("port 22\npermitrootlogin no\npasswordauthentication yes\n")
    site.read()
    site.compare()
    return site


def get(person: object, address: str) -> str:
    """A page as somebody sees it."""
    client = Client()
    client.force_login(person)  # type: ignore[arg-type]
    return client.get(address).content.decode()


@pytest.mark.both
def test_a_way_in_from_no_bastion_is_a_row_and_a_role_makes_it_one(site: Site) -> None:
    row = AdminPathRow.objects.get(server=site.servers["pay-db-01"])
    assert (row.reach, row.others, row.login["passwordauthentication"]) == ("others", ["pay-app-01"], ["yes"])
    assert row.rule == "iptables:filter/INPUT#1"
    Server.objects.filter(name="pay-app-01").update(role="jump host")
    site.compare()
    row = AdminPathRow.objects.get(server=site.servers["pay-db-01"])
    assert (row.reach, row.bastions, row.others) == ("bastions", ["pay-app-01"], [])


@pytest.mark.both
def test_what_cannot_be_read_is_attested_by_a_person_with_the_day(site: Site) -> None:
    people, today = site.people, timezone.localdate()
    app = site.servers["pay-app-01"]
    for person in (people.rita, people.ada, people.mina):
        with pytest.raises(NotAllowed):
            attest_login(app, says="A key.", seen_on=today, by=person)
    with pytest.raises(Refused, match="still to come"):
        attest_login(app, says="A key.", seen_on=today + timedelta(days=2), by=people.erin)
    attest_login(app, says="A key <b>and</b> a code.", seen_on=today, by=people.erin)
    assert LedgerInbox.objects.get(verb="attest_login").data["because"] == "A key <b>and</b> a code."
    page = get(people.erin, "/admin-paths/?q=pay-app-01")
    assert "A key &lt;b&gt;and&lt;/b&gt; a code." in page
    assert "not read" in page
    assert LoginAttestation.objects.count() == 1


def test_the_page_says_who_says_it_and_what_is_not_known(site: Site) -> None:
    page = get(site.people.erin, "/admin-paths/")
    for words in ("A password alone is enough.", "the server says, outside its Match blocks", "Others than bastions",
                  "not known: neither read nor attested", "No server is named as a bastion", "line 6 of"):  # fmt: skip
        assert words in page, words
    assert "pay-app-01/attest/" in page
    assert "pay-db-01/attest/" not in page, "what the server says is not attested over"
    csv = get(site.people.erin, "/admin-paths/?format=csv&reach=others")
    assert "pay-db-01" in csv
    assert "\npay-app-01," not in csv
    assert "attest/" not in get(site.people.ada, "/admin-paths/")


def test_it_is_for_the_people_of_its_system(site: Site) -> None:
    assert "pay-db-01" not in get(site.people.sam, "/admin-paths/")
    stranger = Client()
    stranger.force_login(site.people.sam)
    assert stranger.get("/admin-paths/pay-db-01/attest/").status_code == 404
