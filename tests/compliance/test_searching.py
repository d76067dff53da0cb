"""Searches and addresses typed by hand, on both databases: what is found, and that nothing typed is ever a fault."""

from __future__ import annotations

from random import Random

import pytest
from django.db import connection
from django.db.models import Q
from django.test import Client
from django.utils import timezone

from compliance.actions.ledger_rows import names_of
from compliance.models import ChangeRecord, ConnectionVersion, User
from compliance.models.written import SOUGHT, names_beside, says
from compliance.views.lists import by_json
from evidence.models import Finding
from tests.factories import asked, network, servers, share
from tests.people import People, everybody

NOW = timezone.now()
pytestmark = [pytest.mark.both, pytest.mark.django_db]


@pytest.fixture
def people() -> People:
    them = everybody()
    servers(them)
    asked(them, share(path="/export/Zürich"), title="Reports of the Zürich office")
    asked(them, network("pay-app-01", "log-01", "tcp/6514"))
    return them


def browser_of(person: User) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(person, backend="allauth.account.auth_backends.AuthenticationBackend")
    return client


@pytest.mark.parametrize(
    ("page", "words", "found", "not_found"),
    [
        ("servers", "APP", "pay-app-01", "log-01"),
        ("servers", "10.20.30.", "pay-db-01", "log-01"),
        ("servers", "10.20.30.41", "file-01", "pay-db-01"),
        ("servers", "10.20.40.30", "log-01", "pay-db-01"),
        ("connections", "log", "log-01", "No connection"),
        ("connections", "10.20.40.30", "log-01", "No connection"),
        ("connections", "tcp/6514", "log-01", "No connection"),
        ("shares", "zürich", "/export/Zürich", "No share"),
        ("changes", "/export/Zürich", "Reports of the", "The pay run"),
    ],
)
def test_a_search_finds_names_addresses_and_what_was_asked(
    people: People, page: str, words: str, found: str, not_found: str
) -> None:
    text = browser_of(people.ada).get(f"/{page}/", {"q": words}).content.decode()
    rows = text.split("<tbody", 1)[-1]
    assert found in rows
    assert not_found not in rows


@pytest.mark.parametrize("page", ["servers", "connections", "shares", "changes", "findings"])
def test_no_words_are_a_fault(people: People, page: str) -> None:
    ada = browser_of(people.ada)
    for words in ("CHG-" + "9" * 30, "CON-²", "::ffff:10.0.0.1", "fe80::1%eth0", "%_\\", "'"):
        assert ada.get(f"/{page}/", {"q": words}).status_code == 200, words
    for field in ("q", "state", "system", "verdict", "zone", "page"):
        answer = ada.get(f"/{page}/", {field: "\0"})
        assert (answer.status_code, b"This address cannot be opened" in answer.content) == (400, True), field


@pytest.mark.parametrize(
    "path",
    ["/changes/CHG-999999999999999999/", "/setup/link/a%00b/", "/evidence/?month=0001-01", "/evidence/?month=9999-12",
     "/requests/new/?connection=%00", "/requests/new/?connection=CON-999999999999999999999"],
)  # fmt: skip
def test_an_address_typed_by_hand_is_a_page_or_a_refusal(people: People, path: str) -> None:
    assert browser_of(people.rita).get(path).status_code in (200, 400, 404)


def test_what_is_pasted_into_a_form_is_told_beside_its_field(people: People) -> None:
    typed = {"step": "check", "title": "a\0b", "system": people.payroll.pk, "source": "pay-app-01", "services": "tcp/1"}
    answer = browser_of(people.rita).post("/requests/new/", typed)
    assert answer.status_code == 422
    assert "Null characters are not allowed" in answer.content.decode()


ODD = ("REPORTS OF", "export/Z", "tcp/6514", "%", "_", "\\", '"', "100%", "Zürich", "\\u00fc")


@pytest.mark.parametrize("words", ODD)
def test_the_kept_text_finds_what_looking_at_the_columns_finds(people: People, words: str) -> None:
    asked(people, share(path="/export/100%_of\\it"), title='A "quoted" title')
    looked = Q(title__icontains=words) | Q(ticket__icontains=words)
    for key in SOUGHT:
        looked |= by_json(f"material__{key}", words)
    found = {row.pk for rows in ChangeRecord.objects.saying(words) for row in rows}
    assert found == set(ChangeRecord.objects.filter(looked).values_list("pk", flat=True))


@pytest.mark.parametrize("model", [ChangeRecord, Finding])
def test_any_piece_of_a_kept_text_finds_its_rows_and_no_others(people: People, model: type[ChangeRecord]) -> None:
    if model is Finding:
        row = {
            "verdict": "stale",
            "certainty": "definite",
            "first_seen": NOW,
            "last_seen": NOW,
            "system": people.payroll,
        }
        for number, because in enumerate(
            ("Zürich\t100%_of\\it “alt” is", "İstanbul, ŞIŞLI", "東京のサーバー", "ab", "")
        ):
            Finding.objects.create(fingerprint=str(number), subject=f"S{number}", because=because, **row)
    kept = dict(model.objects.values_list("pk", "words"))
    draw = Random(7)
    pieces = {text[place : place + size] for text in kept.values() for size in (1, 2, 3, 4, 9) for place in range(60)}
    for piece in sorted(draw.sample(sorted(pieces - {""}), 120)):
        found = set(model.objects.filter(says("words", piece)).values_list("pk", flat=True))
        assert found == {key for key, text in kept.items() if piece in text}, piece


@pytest.mark.parametrize(
    ("model", "index"), [(ChangeRecord, "changes_by_their_threes"), (Finding, "findings_by_their_threes")]
)
def test_postgresql_looks_for_three_signs_in_a_row_first(people: People, model: type[ChangeRecord], index: str) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite reads the words themselves")
    with connection.cursor() as cursor:  # of a few rows it would read them all
        cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_indexscan = off")
    assert index in model.objects.filter(says("words", "tcp/6514")).explain()
    assert index not in model.objects.filter(says("words", "tc")).explain(), "two signs are no three"


@pytest.mark.parametrize(("model", "kind"), [(ChangeRecord, "changes"), (ConnectionVersion, "versions")])
def test_postgresql_knows_who_is_named_beside_the_ends(people: People, model: type[ChangeRecord], kind: str) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite reads the rows that name anybody")
    with connection.cursor() as cursor:  # of a few rows it would read all that name anybody
        cursor.execute(
            f"SET LOCAL enable_seqscan = off; SET LOCAL enable_indexscan = off; DROP INDEX {kind}_naming_others"
        )
    assert f"{kind}_by_others" in model.objects.filter(names_beside(["pay-db-01", "a"])).explain()


@pytest.mark.parametrize(("setting", "kept"), [("max_parallel_workers_per_gather", "0"), ("jit", "off")])
def test_a_statement_takes_one_processor_of_postgresql(setting: str, kept: str) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite answers in the process that asks")
    with connection.cursor() as cursor:
        cursor.execute(f"SHOW {setting}")
        assert cursor.fetchone() == (kept,)


def test_a_request_longer_than_what_is_kept_is_found_by_its_last_word(people: People) -> None:
    crowd = [f"{'web' * 9}-{number:03}" for number in range(40)]
    change = asked(people, share(path="/export/last"))
    ChangeRecord.objects.filter(pk=change.pk).update(material=share(clients=crowd, users=["the-last-of-all"]))
    change.refresh_from_db()
    assert (change.longer, "the-last-of-all" in change.words) == (True, False)
    assert [row.pk for rows in ChangeRecord.objects.saying("THE-LAST-of") for row in rows] == [change.pk]
    assert not [row.pk for rows in ChangeRecord.objects.saying("the-last-of-some") for row in rows]


def test_who_is_named_beside_the_ends_is_found_by_that_alone(people: People) -> None:
    by_way = asked(people, network("pay-app-01", "log-01", "tcp/443", via=["pay-db-01"]))
    shared = asked(people, share(path="/export/more"))
    rows = ChangeRecord.objects.filter(names_beside(["pay-db-01"]))
    assert [row.pk for row in rows] == [by_way.pk]
    clients = ChangeRecord.objects.filter(names_beside(shared.material["clients"]))
    assert shared in clients
    assert by_way not in clients
    assert not ChangeRecord.objects.filter(names_beside(["log-01", shared.material["server"]])).exists()


def test_what_the_database_makes_of_columns_is_no_part_of_a_rows_digest() -> None:
    assert {"words", "beside"}.isdisjoint(names_of(ChangeRecord))
    assert {"title", "material"} <= set(names_of(ChangeRecord))
