"""The register by use: seen lately, not seen for a time, not known; and the last use in its files."""

from __future__ import annotations

import csv
import io
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from openpyxl import load_workbook

from compliance.models import Connection
from tests.factories import authorised, network, servers, share
from tests.people import People, everybody

AGO = {"lately": 2, "long": 40, "longer": 100, "longest": 400}


@pytest.fixture
def used(db: object) -> tuple[People, dict[str, str]]:
    """What each connection is called here, and its id."""
    people = everybody()
    servers(people)
    found = {
        name: authorised(people, network() | {"services": [f"tcp/{port}"]})
        for port, name in enumerate((*AGO, "never", "unused"), 7000)
    }
    for name, days in AGO.items():
        Connection.objects.filter(pk=found[name].pk).update(last_seen_at=timezone.now() - timedelta(days=days))
    Connection.objects.filter(pk=found["unused"].pk).update(drift="unused")
    authorised(people, share())
    return people, {one.ref: name for name, one in found.items()}


def rows(client: Client, asked: str, known: dict[str, str]) -> dict[str, str]:
    """Name → last seen, as the file of the filtered list says."""
    text = client.get(f"/connections/?{asked}&format=csv").content.decode()
    return {known[row["id"]]: row["last seen"] for row in csv.DictReader(io.StringIO(text))}


def test_the_register_is_filtered_by_use_and_its_files_say_the_last_one(
    client: Client, used: tuple[People, dict[str, str]]
) -> None:
    people, known = used
    client.force_login(people.omar)
    asked = {
        "30": {"lately"}, "not-30": {"long", "longer", "longest"}, "not-90": {"longer", "longest"},
        "not-365": {"longest"}, "unknown": {"never"}, "": {*known.values()}, "odd": {*known.values()},
    }  # fmt: skip
    assert {use: set(rows(client, f"use={use}", known)) for use in asked} == asked
    page = client.get("/connections/?use=unknown").content.decode()
    assert [f"/connections/{ref}/" in page for ref in known] == [known[ref] == "never" for ref in known]
    assert "usage unknown" in page
    said = rows(client, "", known)
    assert (said["never"], said["unused"]) == ("usage unknown", "no use seen")
    assert said["lately"].startswith(f"{timezone.now() - timedelta(days=2):%Y-%m}")
    book = load_workbook(io.BytesIO(client.get("/connections/?use=30&format=xlsx").content))
    (head, row) = [[cell.value for cell in line] for line in book.worksheets[0].iter_rows()]
    assert (head[-1], str(row[-1])[:7]) == ("last seen", said["lately"][:7])
    assert "last seen" not in client.get("/shares/?format=csv").content.decode()
    assert 'name="use"' not in client.get("/shares/").content.decode()
    client.force_login(people.olga)
    assert rows(client, "use=30", known) == {}
