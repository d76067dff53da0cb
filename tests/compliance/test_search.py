"""Search finds what an address means, not only who writes it, and nothing of systems one may not see."""

from __future__ import annotations

import pytest
from django.test import Client

from compliance.actions import estate
from compliance.models import Connection, User
from tests.factories import agreed, asked, network, servers, share
from tests.people import LONG_AGO, People, everybody

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def people() -> People:
    """A connection between two servers, one from a zone, one with a party, and a share."""
    them = everybody()
    made = servers(them)
    estate.add_group("databases", system=them.payroll, members=[made["pay-db-01"]], by=them.alex, at=LONG_AGO)
    estate.add_party("bank", prefixes=["198.51.100.0/24"], by=them.alex, at=LONG_AGO)
    for material in (network(), network("app", "file-01", "tcp/445"), network("bank", "pay-app-01", "tcp/443")):
        agreed(them, asked(them, material, title=f"{material['source']} asks"))
    agreed(them, asked(them, share(clients=["databases"]), title="The night's copy"))
    return them


def found(person: User, words: str) -> str:
    """The page of a search."""
    client = Client()
    client.force_login(person)
    answer = client.get("/search/", {"q": words})
    assert answer.status_code == 200
    page = answer.content.decode()
    return page[page.index("<main") :]


def ref(source: str) -> str:
    """The id of the connection (or share) from there, with the quote that ends it in an address."""
    return f'{Connection.objects.get(source__name=source).ref}/"'


@pytest.mark.both
def test_an_address_finds_everything_that_it_means(people: People) -> None:
    page = found(people.mina, "10.20.20.31")
    assert "The address means" in page
    for text in ("pay-app-01", "/zones/app/", ref("pay-app-01"), ref("app"), ref("bank")):
        assert text in page, text
    assert ref("databases") not in page, "the share is the database's"
    page = found(people.mina, "10.20.30.31")
    assert "/groups/databases/" in page
    assert ref("databases") in page, "a client of it is a group that holds the address"
    assert "/parties/bank/" in found(people.mina, "198.51.100.7")
    assert ref("bank") in found(people.mina, "198.51.100.7")
    assert "No server, zone or party" in found(people.mina, "192.0.2.9")


def test_words_services_and_ids(people: People) -> None:
    assert ref("app") in found(people.mina, "tcp/445")
    assert "copy" in found(people.mina, "night")
    assert "Nothing was found" in found(people.mina, "zebra")
    assert "What are you looking for?" in found(people.mina, " ")
    assert "&lt;script&gt;" in found(people.mina, "<script>")
    client = Client()
    client.force_login(people.mina)
    assert client.get("/search/", {"q": "con-2"})["Location"] == "/connections/CON-2/"
    assert client.get("/search/", {"q": "FND-9"})["Location"] == "/findings/FND-9/"


@pytest.mark.both
def test_nobody_finds_what_they_may_not_see(people: People) -> None:
    page = found(people.olga, "10.20.20.31")  # hers is the Platform
    assert "pay-app-01" not in page
    assert "/zones/app/" not in page
    assert ref("pay-app-01") not in page
    assert "log-01" in found(people.olga, "log-01")
    client = Client()
    client.force_login(people.sam)
    assert "pay" not in client.get("/search/", {"q": "pay-app"}).content.decode().partition("<main")[2].replace(
        "“pay-app”", ""
    )
