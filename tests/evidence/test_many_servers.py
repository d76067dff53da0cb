"""Whole-estate pages with more than a thousand servers: SQLite refuses a thousand conditions joined by OR."""

from __future__ import annotations

import pytest
from django.test import Client
from django.utils import timezone

from compliance.models import Address, AddressSpace, Server
from evidence.models import Pull, Snapshot, Source, StoredArtefact
from tests.people import People, everybody

pytestmark = pytest.mark.django_db
MANY = 1_050


@pytest.fixture
def people() -> People:
    """Servers with an address and a source each, all read today."""
    made, now = everybody(), timezone.now()
    rows = Server.objects.bulk_create(
        Server(name=f"app-{n:04}", system=made.payroll, status="in_service") for n in range(MANY)
    )
    space = AddressSpace.objects.create(name="here")
    Address.objects.bulk_create(
        [Address(server=row, space=space, ip=f"10.9.{n // 250}.{n % 250 + 1}").sealed() for n, row in enumerate(rows)]
    )
    reading = StoredArtefact.objects.create(sha256="0" * 64, size=1)
    sources = Source.objects.bulk_create(
        Source(server=row, system=made.payroll, name=row.name, kind="upload", fresh_hours=48, last_seen_at=now)
        for row in rows
    )
    pulls = Pull.objects.bulk_create(Pull(source=one, state="ok", finished_at=now, published=True) for one in sources)
    read = Snapshot.objects.bulk_create(
        Snapshot(source=one.source, server=one.source.server, pull=one, reading=reading, digest="1" * 64,
                 observed_at=now, tier="good", points=[{"name": "INPUT"}], published=True)
        for one in pulls
    )  # fmt: skip
    for one in read:
        one.source.last_good, one.source.last_pull = one, one.pull
    Source.objects.bulk_update(sources, ["last_good", "last_pull"])
    return made


@pytest.mark.both
def test_pages_of_the_whole_estate_answer(people: People) -> None:
    client = Client()
    client.force_login(people.mina, backend="allauth.account.auth_backends.AuthenticationBackend")
    page = client.get("/inventory/").content.decode()
    assert f"{MANY}" in page.replace(",", "")
    assert client.get("/inventory/?list=never").status_code == 200
    assert client.get("/inventory/?list=registered&format=csv").status_code == 200
    coverage = client.get("/coverage/").content.decode()
    assert f"{MANY}" in coverage.replace(",", "")
    for address in ("/servers/?format=csv", "/servers/app-0001/", "/attestations/", "/sources/"):
        assert client.get(address).status_code == 200, address
