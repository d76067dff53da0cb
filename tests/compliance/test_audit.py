"""The audit log's page: who sees what, filters, and the same rows as CSV."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from compliance.actions import changes, checkpoints, ledger_seal
from compliance.models import LedgerInbox, Role, Server, User
from tests.factories import agreed, asked, servers
from tests.people import People, everybody


@pytest.fixture
def people(db: None, settings: Any, tmp_path: Path) -> People:
    settings.KEYS, settings.CHECKPOINT_FILE = tmp_path / "keys", tmp_path / "checkpoints.txt"
    them = everybody()
    servers(them)
    agreed(them, asked(them))
    changes.reject(asked(them), by=them.mina, because="=cmd() the report will do")
    ledger_seal.drain()
    asked(them)
    return them


def opened(reader: User, **asked_for: str) -> Any:
    client = Client()
    client.force_login(reader, backend="allauth.account.auth_backends.AuthenticationBackend")
    return client.get("/audit/", asked_for)


def lines(reader: User, **asked_for: str) -> list[dict[str, str]]:
    answer = opened(reader, format="csv", **asked_for)
    return list(csv.DictReader(io.StringIO(answer.content.decode())))


def test_auditors_and_administrators_see_all_others_what_is_theirs(people: People) -> None:
    every = LedgerInbox.objects.count()
    assert len(lines(people.ada)) == every
    assert len(lines(people.alex)) == every + 1  # what the auditor was shown stands there as well
    own = lines(people.omar)
    assert 0 < len(own) < every
    assert {row["verb"] for row in own} >= {"request", "approve", "reject"}
    assert not {row["verb"] for row in own} & {"make_person", "add_organisation"}
    assert lines(people.sam) == []
    assert {row["verb"] for row in lines(people.olga)} & {"approve", "reject"} == set()


@pytest.mark.parametrize(
    ("asked_for", "verbs"),
    [
        ({"verb": "reject"}, {"reject"}),
        ({"object": "compliance.approval"}, set()),
        ({"q": "Reason that nobody gave"}, set()),
        ({"q": "the report will do"}, {"reject"}),
        ({"q": "mina", "object": "compliance.changerecord"}, {"approve", "reject"}),
        ({"q": "#1"}, {"make_person"}),
        ({"q": "#99999999999999999999999"}, set()),
        ({"person": "eastwest", "object": "compliance.changerecord"}, {"decide"}),
        ({"person": "no number"}, set()),
        ({"since": "1", "verb": "grant"}, set()),
    ],
)
def test_filters(people: People, asked_for: dict[str, str], verbs: set[str]) -> None:
    found = lines(people.ada, **asked_for)
    assert {row["verb"] for row in found} == verbs
    page = opened(people.ada, **asked_for)
    assert page.context["page"].paginator.count == len(found)


def test_a_change_is_found_by_its_id_and_says_what_is_sealed(people: People) -> None:
    change = LedgerInbox.objects.filter(verb="reject").get()
    found = lines(people.ada, q=f"CHG-{change.object_id}")
    assert [row["verb"] for row in found] == ["reject", "submit", "request"]
    assert found[0]["reason"] == "'=cmd() the report will do"
    assert all(row["entry"].isdigit() for row in found)
    newest = lines(people.ada)[0]
    assert newest["entry"] == "not sealed"
    assert b"waits" in opened(people.ada).content


def test_trouble_stands_on_the_page_of_who_can_mend_it(people: People) -> None:
    words = b"No checkpoint of the ledger left this database"
    assert words in opened(people.alex).content
    assert words not in opened(people.omar).content
    checkpoints.checkpoint("test")
    assert words not in opened(people.alex).content
    assert Role.ADMINISTRATOR in {grant.role for grant in people.alex.grants()}


def test_what_people_know_by_its_name_is_named_with_its_page(people: People) -> None:
    """A source, a server: not "source 32"."""
    from evidence.actions import sources
    from evidence.models import Source

    said = sources.add_source(
        server=Server.objects.get(name="pay-db-01"), kind="upload", name="pay-db-01 <by hand>", config={},
        by=people.alex,
    )  # fmt: skip
    sources.pause(said, on=True, because="It moves.", by=people.alex)
    page = opened(people.alex, object="evidence.source").content.decode()
    assert page.count(f'<a class="mono" href="/sources/{said.pk}/">source pay-db-01 &lt;by hand&gt;</a>') == 2
    assert {row["object"] for row in lines(people.alex, object="evidence.source")} == {"source pay-db-01 <by hand>"}
    for name in ("server", "zone"):
        page = opened(people.alex, object=f"compliance.{name}").content.decode()
        assert f'href="/{name}s/' in page
    Source.objects.filter(pk=said.pk).update(name="renamed / twice")
    assert ">source renamed / twice</a>" in opened(people.alex, object="evidence.source").content.decode()
