"""What was authorised, implemented and seen at a past moment, whatever was decided and read since."""

from __future__ import annotations

import csv
import io
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from compliance.actions import changes, connections
from compliance.as_of import stood_at, versions_at
from compliance.models import Approval
from tests.evidence.site import APP, DATA, Site, allow_in, allow_out, put
from tests.factories import WHY, agreed, asked, network

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both]


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def now() -> datetime:
    return timezone.now()


def client(person: Any) -> Client:
    made = Client()
    made.force_login(person, backend="allauth.account.auth_backends.AuthenticationBackend")
    return made


def rows(site: Site, at: datetime) -> list[dict[str, str]]:
    """The register's CSV at a moment, for the system's owner."""
    address = f"/connections/as-of/?format=csv&at={timezone.localtime(at).isoformat().replace('+', '%2B')}"
    return list(csv.DictReader(io.StringIO(client(site.people.omar).get(address).content.decode())))


def test_each_moment_shows_what_was_known_then(site: Site) -> None:
    """On one and the same day: before the request, approved, done and seen, amended, removed."""
    before = site.change.created_at - timedelta(minutes=5)
    approved = now()
    site.read()
    site.compare()
    put(site.app, allow_out(DATA, "5432"))
    changes.implement(site.change, by=site.people.erin)
    site.read()
    site.compare()
    done = now()
    material = network("pay-app-01", "pay-db-01", "tcp/6432")
    amended = connections.amend(
        site.connection, material=material, justification=WHY, title="Pooled", by=site.people.rita
    )
    asked_for = now()
    agreed(site.people, amended)
    later = now()
    removal = connections.retire(site.connection, because="The application is gone.", by=site.people.rita)
    agreed(site.people, removal)
    gone = now()

    ref = site.connection.ref
    assert rows(site, before) == []
    [first] = rows(site, approved)
    assert (first["id"], first["service"], first["authorised by"]) == (ref, "tcp/5432", site.change.ref)
    assert (first["done"], first["verdict then"]) == ("", "")
    [second] = rows(site, done)
    assert second["done"]
    assert second["verdict then"] == "implemented"
    assert [row["service"] for row in rows(site, asked_for)] == ["tcp/5432"], "what is only asked for changes nothing"
    [third] = rows(site, later)
    assert (third["service"], third["authorised by"]) == ("tcp/6432", amended.ref)
    assert rows(site, gone) == []
    assert stood_at([site.change.pk], approved)[site.change.pk].state == "approved"
    assert stood_at([site.change.pk], later)[site.change.pk].state == "retired"
    assert stood_at([site.change.pk], before) == {}


def test_the_page_of_a_connection_then(site: Site) -> None:
    site.read()
    site.compare()
    then = now()
    connections.retire(site.connection, because="Not needed.", by=site.people.rita)
    page = client(site.people.omar).get(
        f"/connections/{site.connection.ref}/as-of/", {"at": timezone.localtime(then).isoformat()}
    )
    said = page.content.decode()
    assert page.status_code == 200
    assert page.context["authorised"]
    assert {each["person"] for each in page.context["approvals"]} == {str(site.people.omar), str(site.people.mina)}
    assert [each["state"] for each in page.context["changes"]] == ["approved"], "the removal came later"
    assert {each["server"] for each in page.context["snapshots"]} == {"pay-app-01", "pay-db-01"}
    assert page.context["points"]
    assert site.change.ref in said


def test_an_approval_put_in_afterwards_authorised_nothing_then(site: Site) -> None:
    then = now()
    assert site.connection.pk in versions_at(then)
    Approval.objects.filter(needed__change=site.change).update(at=then + timedelta(hours=1))
    assert versions_at(then) == {}


@pytest.mark.parametrize("typed", ["yesterday", "2026-13-01", "9999-01-01T10:00", "2026-10-14T10:00+99:00"])
def test_what_is_no_moment_is_refused_in_words(site: Site, typed: str) -> None:
    answer = client(site.people.omar).get("/connections/as-of/", {"at": typed})
    assert answer.status_code == 403
    assert "moment" in answer.content.decode()


def test_a_stranger_sees_no_moment_of_it(site: Site) -> None:
    at = timezone.localtime(now()).isoformat()
    assert site.connection.ref not in client(site.people.sam).get("/connections/as-of/", {"at": at}).content.decode()
    assert client(site.people.sam).get(f"/connections/{site.connection.ref}/as-of/").status_code == 404


def test_what_runs_and_is_not_authorised_yet_is_seen_and_not_authorised(site: Site) -> None:
    asked(site.people, network("pay-app-01", "pay-db-01", "tcp/22"))
    put(site.data, allow_in(APP, "22"))
    site.read()
    site.compare()
    assert [row["service"] for row in rows(site, now())] == ["tcp/5432"]
