"""Lists as files, and filters that a person keeps for themselves."""

from __future__ import annotations

import io

import pytest
from django.test import Client
from openpyxl import load_workbook

from compliance.downloads import write_xlsx
from compliance.models import SavedFilter, User
from tests.factories import asked, network, servers
from tests.people import People, everybody

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both]


@pytest.fixture
def people() -> People:
    """Two requests, one with a title that a spreadsheet would run."""
    them = everybody()
    servers(them)
    asked(them, title='=HYPERLINK("http://evil.example","x")')
    asked(them, network("pay-app-01", "file-01", "tcp/8443"), title="Bell \x07 and all")
    return them


def signed(person: User) -> Client:
    """A browser of that person."""
    client = Client()
    client.force_login(person)
    return client


def test_a_list_as_a_workbook_has_the_rows_of_its_filters_and_runs_nothing(people: People) -> None:
    erin = signed(people.erin)
    answer = erin.get("/changes/?format=xlsx&state=submitted")
    assert answer["Content-Disposition"] == 'attachment; filename="eastwest-changes.xlsx"'
    sheet = load_workbook(io.BytesIO(answer.content)).active
    assert sheet is not None
    rows = list(sheet.iter_rows(values_only=True))
    assert rows[0][:2] == ("id", "title")
    assert len(rows) == 3
    assert {cell.data_type for row in sheet.iter_rows(min_row=2) for cell in row if cell.value is not None} <= {
        "s",
        "n",
    }
    assert any(str(row[1]).startswith("'=HYPERLINK") for row in rows)
    assert sheet.freeze_panes == "A2"
    assert len(list(load_workbook(io.BytesIO(erin.get("/changes/?format=xlsx&state=draft").content)).active.rows)) == 1
    assert "format=xlsx" in erin.get("/changes/?state=submitted").content.decode()
    assert erin.get("/changes/?format=exe").status_code == 200, "a form nobody knows is the page"


def test_filters_are_kept_for_oneself(people: People) -> None:
    erin, omar = signed(people.erin), signed(people.omar)
    page = erin.get("/changes/?state=submitted&q=").content.decode()
    assert 'name="query" value="state=submitted"' in page
    said = {"path": "/changes/", "query": "state=submitted", "name": " What  waits "}
    assert erin.post("/filters/save/", said)["Location"] == "/changes/?state=submitted"
    row = SavedFilter.objects.get()
    assert (row.name, row.person) == ("What waits", people.erin)
    assert 'aria-current="true"' in erin.get("/changes/?state=submitted").content.decode()
    assert "What waits" in erin.get("/changes/").content.decode()
    assert "What waits" not in erin.get("/connections/").content.decode()
    assert "What waits" not in omar.get("/changes/").content.decode()
    erin.post("/filters/save/", said | {"query": "state=draft"})
    row.refresh_from_db()
    assert (SavedFilter.objects.count(), row.query) == (1, "state=draft")
    assert omar.post(f"/filters/{row.pk}/forget/").status_code == 404
    assert erin.post(f"/filters/{row.pk}/forget/")["Location"] == "/changes/"
    assert not SavedFilter.objects.exists()


@pytest.mark.parametrize(
    "path", ["//evil.example/", "https://evil.example/", "/no/such/", "", "/changes/?a=b", "/changes/CHG-1/"]
)
def test_nothing_but_a_list_is_saved_and_no_way_leads_out(people: People, path: str) -> None:
    answer = signed(people.erin).post("/filters/save/", {"path": path, "query": "q=x", "name": "x"})
    assert answer["Location"] == "/evidence/"
    assert not SavedFilter.objects.exists()


def test_a_name_and_something_filtered_are_needed(people: People) -> None:
    erin = signed(people.erin)
    for said in ({"name": " "}, {"query": ""}, {"query": "q=" + "x" * 1000}):
        erin.post("/filters/save/", {"path": "/changes/", "query": "q=x", "name": "x"} | said)
    assert not SavedFilter.objects.exists()
    for number in range(51):
        erin.post("/filters/save/", {"path": "/changes/", "query": "q=x", "name": f"n{number}"})
    assert SavedFilter.objects.count() == 50


def test_what_no_workbook_can_hold_is_left_out_of_it_and_stops_no_list() -> None:
    out = io.BytesIO()
    write_xlsx(out, ["said"], [["a\x00b\x0bc\ufffed\uffffe\ud800f\U0001f600\tg"]])
    assert load_workbook(io.BytesIO(out.getvalue())).active["A2"].value == "ab c d e f\U0001f600\tg"
