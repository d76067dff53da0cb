"""What an auditor was shown stands in the ledger, one row a view; of nobody else a view is kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from compliance.models import LedgerInbox, User
from evidence.models import Finding, PulledArtefact
from tests.evidence.site import Site, allow_in, put

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    made = Site(tmp_path)
    put(made.data, allow_in("10.20.20.31", "5432"), allow_in("10.20.20.31", "9999"))
    made.read()
    made.compare()
    return made


def client(person: User) -> Client:
    found = Client()
    found.force_login(person, backend="allauth.account.auth_backends.AuthenticationBackend")
    return found


def views(person: User) -> list[tuple[str, str, int | None]]:
    """(verb, page, number) of what somebody was shown, in order."""
    rows = LedgerInbox.objects.filter(actor=person, verb__in=["view", "take_file"]).order_by("pk")
    return [(row.verb, row.data["payload"]["page"], row.object_id) for row in rows]


def test_each_view_and_each_file_is_one_row_with_page_person_and_sign_in(site: Site) -> None:
    ada, one = site.people.ada, Finding.objects.all()[0]
    reader, raw = client(ada), PulledArtefact.objects.select_related("pull").order_by("pk")[0]
    file = f"/sources/{raw.pull.source_id}/raw/{raw.pk}/"
    opened = [f"/findings/{one.ref}/", "/findings/?state=open", f"/connections/{site.connection.ref}/", "/changes/"]
    for path in (*opened, "/findings/?format=csv", file):
        answer = reader.get(path)
        assert answer.status_code == 200, path
        answer.getvalue()
    assert views(ada) == [
        ("view", opened[0], one.pk), ("view", opened[1], None), ("view", opened[2], site.connection.pk),
        ("view", opened[3], None), ("take_file", "/findings/?format=csv", None),
        ("take_file", file, raw.pull.source_id),
    ]  # fmt: skip
    entry = LedgerInbox.objects.filter(verb="view").order_by("pk")[0]
    assert (entry.data["actor"]["name"], entry.data["request"]["via"]) == ("Ada Byrne", "page")
    assert entry.system == one.system, "the owner of the system sees who looked"


def test_what_was_not_shown_and_who_does_not_audit_leaves_no_row(site: Site) -> None:
    ada, one = client(site.people.ada), Finding.objects.all()[0]
    assert ada.get("/findings/FND-99999/").status_code == 404
    assert ada.get("/setup/people/").status_code == 403
    assert ada.head(f"/findings/{one.ref}/").status_code == 200
    assert ada.get("/help/changes/").status_code == 200
    assert views(site.people.ada) == []
    for person in (site.people.omar, site.people.mina, site.people.erin, site.people.alex):
        client(person).get(f"/findings/{one.ref}/")
    assert not LedgerInbox.objects.filter(verb__in=["view", "take_file"]).exists()


def test_it_stands_on_the_audit_page_with_its_link(site: Site) -> None:
    one = Finding.objects.all()[0]
    ada = client(site.people.ada)
    ada.get(f"/findings/{one.ref}/")
    ada.get("/servers/pay-db-01/")
    page = ada.get("/audit/?verb=view").content.decode()
    assert f'href="/findings/{one.ref}/"' in page
    assert 'href="/servers/pay-db-01/"' in page
    assert "Ada Byrne" in page
    assert views(site.people.ada)[-1][1] == "/audit/?verb=view", "looking at the log is a view as well"
    owner = client(site.people.omar).get("/audit/?verb=view").content.decode()
    assert f'href="/findings/{one.ref}/"' in owner


def test_it_costs_an_auditor_a_few_statements_and_nobody_else_any(site: Site) -> None:
    def asked(person: User) -> list[Any]:
        reader = client(person)
        reader.get("/findings/")
        with CaptureQueriesContext(connection) as queries:
            reader.get("/findings/")
        return [one["sql"] for one in queries if "INSERT" in one["sql"]]

    assert len([sql for sql in asked(site.people.ada) if "ledgerinbox" in sql]) == 1
    assert [sql for sql in asked(site.people.omar) if "ledger" in sql] == []
