"""A certificate that no authority vouches for: shown, compared by a second person, and from then on the only one."""

from __future__ import annotations

import ipaddress
import subprocess
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from compliance.actions import jobs
from compliance.errors import NotAllowed
from compliance.models import LedgerInbox
from evidence.actions import access
from evidence.actions.access import Given
from evidence.collectors.way_in import confirmed_pin
from evidence.models import Pin, Source
from tests.evidence.repositories import Repository, served
from tests.evidence.site import APP, allow_in, save
from tests.evidence.test_knowing import browser
from tests.evidence.visitor import Visitor
from tests.factories import servers
from tests.people import People, everybody

pytestmark = pytest.mark.django_db(transaction=True)
PLACE = "hosts/pay-db-01"
COMPARED = "Read out by Olga, who runs it."


class Seen:
    """Lets every request through, and remembers what was shown to it."""

    def __init__(self) -> None:
        self.tokens: list[str] = []

    def __call__(self, request: BaseHTTPRequestHandler) -> bool:
        self.tokens.append(request.headers.get("Authorization", ""))
        return False


@pytest.fixture
def people(settings: Any, tmp_path: Path) -> People:
    settings.VAR = tmp_path / "var"
    settings.MAY_REACH = [ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128")]
    return everybody()


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    made = Repository(tmp_path / "srv" / "configs.git")
    files = {"iptables-save.txt": save(allow_in(APP, "5432")), "ip6tables-save.txt": save(tool="ip6tables-save")}
    made.commit({f"{PLACE}/{name}": text for name, text in files.items()})
    return made


@pytest.fixture(params=[False, True], ids=["signed by itself", "by an unknown authority"])
def server(request: pytest.FixtureRequest, repository: Repository, tmp_path: Path) -> Iterator[tuple[Seen, int, Path]]:
    seen = Seen()
    with served(repository.place.parent, tmp_path, seen, authority=request.param) as (port, certificate):
        yield seen, port, certificate


def printed(certificate: Path) -> str:
    """The fingerprint as openssl says it to whoever runs the server."""
    words = ["openssl", "x509", "-in", str(certificate), "-noout", "-fingerprint", "-sha256"]
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip().partition("=")[2]


def on_boarded(people: People, port: int, certificate: Path) -> Source:
    """Erin adds it and looks, Omar compares and confirms: all by what the pages offer."""
    erin = Visitor(browser(people.erin), "/sources/new/?kind=git")
    host = servers(people)["pay-db-01"]
    erin.press("Add the source", server=str(host.pk), url=f"https://localhost:{port}/configs.git", path=PLACE)
    source = Source.objects.get()
    access.set_secret(source, Given("password", value=b"tok-4711"), by=people.erin)
    jobs.work_off()
    assert source.pulls.get().error_code == "tls"
    erin.again()
    erin.press("Test connection")
    jobs.work_off()
    page = erin.client.get(erin.at).content.decode()
    assert printed(certificate) in page
    assert "Compare and confirm…" not in erin.again().links
    omar = Visitor(browser(people.omar), erin.at)
    asked = omar.follow("Compare and confirm…")
    assert "Put it on record" in asked.buttons
    assert "openssl x509" in omar.client.get(omar.at).content.decode()
    omar.press("Put it on record", decision="confirm", because=COMPARED)
    jobs.work_off()
    source.refresh_from_db()
    return source


def test_two_people_let_a_certificate_in_that_no_authority_vouches_for(
    people: People, server: tuple[Seen, int, Path]
) -> None:
    seen, port, certificate = server
    source = on_boarded(people, port, certificate)
    assert source.last_good is not None
    assert [row.state for row in source.pulls.order_by("pk")] == ["failed", "ok"]
    assert any(token.startswith("Basic ") for token in seen.tokens)
    page = browser(people.erin).get(f"/sources/{source.pk}/").content.decode()
    assert f"confirmed by {people.omar}" in page
    verbs = LedgerInbox.objects.filter(verb__endswith="_pin").order_by("pk").values_list("verb", flat=True)
    assert list(verbs) == ["propose_pin", "confirm_pin"]


def test_one_person_is_not_enough_and_the_database_says_so(people: People, server: tuple[Seen, int, Path]) -> None:
    _, port, certificate = server
    source = on_boarded(people, port, certificate)
    pin = Pin.objects.get()
    assert (pin.kind, pin.fingerprint) == ("tls", printed(certificate))
    again = access.propose_pin(
        source, access.Shown("tls", pin.address, pin.algorithm, pin.public, "AA:BB"), by=people.erin
    )
    with pytest.raises(NotAllowed):
        access.confirm_pin(again, fingerprint="AA:BB", because=COMPARED, by=people.erin)
    with pytest.raises(IntegrityError), transaction.atomic():
        Pin.objects.filter(pk=again.pk).update(confirmed_by=people.erin, confirmed_at=timezone.now())
    assert confirmed_pin(source) == pin
    source.config = source.config | {"url": "https://git.example.org/configs.git"}
    assert confirmed_pin(source) is None, "it was confirmed for another server"
    source.config = source.config | {"url": "/srv/configs.git"}
    assert confirmed_pin(source) is None


def test_another_certificate_gets_no_token_until_two_people_confirm_it(
    people: People, repository: Repository, tmp_path: Path
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    with served(repository.place.parent, first, Seen()) as (port, certificate):
        source = on_boarded(people, port, certificate)
    seen = Seen()
    with served(repository.place.parent, second, seen, port=port) as (_, renewed):
        erin = Visitor(browser(people.erin), f"/sources/{source.pk}/")
        erin.press("Read now")
        jobs.work_off()
        source.refresh_from_db()
        assert (source.last_pull.error_code, seen.tokens) == ("tls", [])  # type: ignore[union-attr]
        assert source.enabled, "it is no account that could be locked"
        erin.again()
        erin.press("Test connection")
        jobs.work_off()
        assert seen.tokens == []
        assert printed(renewed) in erin.client.get(erin.at).content.decode()
        omar = Visitor(browser(people.omar), erin.at)
        omar.follow("Compare and confirm…")
        assert "Another certificate was confirmed before" in omar.client.get(omar.at).content.decode()
        omar.press("Put it on record", decision="confirm", because="Renewed last night.")
        jobs.work_off()
        source.refresh_from_db()
        assert source.last_pull is not None
        assert source.last_pull.state == "unchanged"
        assert seen.tokens
