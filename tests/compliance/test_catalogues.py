"""Frameworks as published: read whole or refused with a sentence, and what a newer release changes is asked anew."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from compliance.actions import catalogues
from compliance.actions.reconcile_rows import altered_rows
from compliance.catalogue import controls
from compliance.catalogue.impact import changed
from compliance.catalogue.oscal import DEEPEST, OscalError, read_oscal, spelt
from compliance.errors import NotAllowed, Refused
from compliance.models import CatalogueRelease, LedgerInbox, OfficialControl, Reattestation, System
from compliance.models.estate import day_of
from tests.people import People, everybody
from tests.published import NOW, catalogue


def test_a_catalogue_is_read_in_every_namespace() -> None:
    for namespace in ("1.0", "2.0", "3.0"):
        release = read_oscal(catalogue(NOW, namespace=namespace))
        assert (release.framework, release.version, release.oscal) == ("ASD ISM", "2025.12.9", "1.1.2")
        one = release.controls["ISM-1479"]
        assert (one.statement, one.revision, one.updated) == ("Servers keep to themselves.", "1", "Jun-24")
        assert one.applies == ("NC", "OS", "P")
        assert one.topic == "Networking > Functional separation between servers"


def test_enhancements_parameters_and_parts_are_read_as_nist_writes_them() -> None:
    lines = [
        {"name": "item", "prose": "Deny {{ insert: param, sc-07.05_odp }} by default; and",
         "props": [{"name": "label", "value": "a."}]},
        {"name": "item", "prose": "Allow {{ insert: param, other }}.", "props": [{"name": "label", "value": "b."}]},
    ]  # fmt: skip
    enhanced = {
        "id": "sc-7.5", "title": "Deny by Default", "parts": [{"name": "statement", "parts": lines},
        {"name": "guidance", "prose": "Not part of it."}],
        "params": [{"id": "sc-07.05_odp", "select": {"choice": ["all", "some"]}}],
    }  # fmt: skip
    gone = {"id": "sc-7.6", "title": "Gone", "props": [{"name": "status", "value": "withdrawn"}]}
    metadata = {"title": "NIST SP 800-53 Rev 5.1.1", "version": "5.1.1", "last-modified": "2024-01-01T00:00:00-05:00"}
    family = {
        "title": "System and Communications Protection",
        "controls": [{"id": "sc-7", "title": "Boundary", "controls": [enhanced, gone]}],
    }
    read = read_oscal(json.dumps({"catalog": {"metadata": metadata, "groups": [family]}}).encode())
    assert list(read.controls) == ["SC-7", "SC-7(5)", "SC-7(6)"]
    assert read.controls["SC-7(5)"].statement == "  a. Deny [all; some] by default; and\n  b. Allow [to be set]."
    assert read.controls["SC-7(6)"].withdrawn
    assert spelt("ac-4.21") == "AC-4(21)"


def test_every_mapped_id_is_spelt_as_its_catalogue_is_read() -> None:
    for one in controls():
        if one.framework.short in ("ASD ISM", "NIST SP 800-53 r5"):
            assert spelt(one.id.lower().replace("(", ".").replace(")", "")) == one.id


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[]", "no OSCAL catalogue"),
        (b'{"catalog": {"metadata": {"title": "x", "version": "1", "published": "soon"}}}', "no OSCAL catalogue"),
        (b'{"profile": {}}', "no OSCAL catalogue"),
        (b"[" * 100_000, "not JSON"),
        (catalogue(NOW).replace(b"Information Security Manual", b"Knitting patterns"), "maps no control"),
        (catalogue({}), "No control stands in it"),
        (catalogue(NOW).replace(b'"ism-1182"', b'"ISM-1479"'), "stands in it twice"),
        (catalogue(NOW).replace(b'"controls": [', b'"controls": ["a", '), "no object|no id"),
        (catalogue(NOW).replace(b'"parts": [', b'"parts": 7, "other": ['), "no list"),
    ],
)  # fmt: skip
def test_what_is_no_catalogue_is_refused_with_a_sentence(data: bytes, words: str) -> None:
    with pytest.raises(OscalError, match=words):
        read_oscal(data)


def test_groups_without_end_are_refused() -> None:
    deep: dict[str, Any] = {"title": "x"}
    for _ in range(DEEPEST + 2):
        deep = {"title": "x", "groups": [deep]}
    metadata = {"title": "Information Security Manual", "version": "1", "published": "2025-01-01"}
    with pytest.raises(OscalError, match="deeper"):
        read_oscal(json.dumps({"catalog": {"metadata": metadata, "groups": [deep]}}).encode())


def test_what_differs_between_releases_is_told_apart() -> None:
    old = read_oscal(catalogue({**NOW, "ism-0520": "Devices are known."})).controls
    new = dict(
        read_oscal(
            catalogue({**NOW, "ism-1479": "Servers  keep\nto themselves.", "ism-1182": "Segments end."})
        ).controls
    )
    new["ISM-7"] = new["ISM-1479"]
    assert [(one.control, one.kind) for one in changed(old, new)] == [
        ("ISM-0520", "gone"), ("ISM-1182", "reads otherwise"), ("ISM-7", "new"),
    ]  # fmt: skip
    again = read_oscal(catalogue(NOW, revision="2")).controls
    assert {one.kind for one in changed(read_oscal(catalogue(NOW)).controls, again)} == {"new revision"}


@pytest.fixture
def people() -> People:
    return everybody()


@pytest.mark.both
@pytest.mark.django_db
def test_a_newer_release_asks_every_system_anew_for_what_it_changed(people: People) -> None:
    first = catalogues.load_release(catalogue(NOW), by=people.alex)
    assert not Reattestation.objects.exists(), "nothing to compare it with"
    assert catalogues.load_release(catalogue(NOW), by=people.alex) == first, "the same file again"
    now = timezone.now()
    said = {**NOW, "ism-1479": "Servers talk to nobody.", "ism-9001": "Dogs are fed."}
    second = catalogues.load_release(catalogue(said, version="2026.3.1", day="2026-03-01"), by=people.alex, at=now)
    rows = list(Reattestation.objects.order_by("system__name"))
    assert [(row.system, row.control, row.kind) for row in rows] == [
        (system, "ISM-1479", "reads otherwise") for system in System.objects.order_by("name")
    ], "ISM-9001 is none of ours"
    assert {row.due for row in rows} == {day_of(now) + timedelta(days=30)}
    assert not rows[0].is_late(day_of(now) + timedelta(days=30))
    assert rows[0].is_late(day_of(now) + timedelta(days=31))
    entry = LedgerInbox.objects.filter(data__verb="load_catalogue").latest("pk")
    assert entry.data["payload"]["controls"] == 3
    answer = catalogues.state_control(
        people.payroll, "ISM-1479", status="partly", comment="Read anew: HR is left.", by=people.omar
    )
    assert answer.release == second
    assert [row.system for row in Reattestation.objects.filter(answer__isnull=True)] != []
    assert Reattestation.objects.get(system=people.payroll).answer == answer
    older = catalogues.load_release(
        catalogue({"ism-1182": "Old."}, version="2024.1.1", day="2024-01-01"), by=people.alex
    )
    assert not Reattestation.objects.filter(after=older).exists(), "an older one asks nothing"


@pytest.mark.django_db
def test_other_text_under_a_version_that_is_there_is_refused(people: People) -> None:
    catalogues.load_release(catalogue(NOW), by=people.alex)
    with pytest.raises(Refused, match="from another file"):
        catalogues.load_release(catalogue({**NOW, "ism-1479": "Anything goes."}), by=people.alex)
    assert OfficialControl.objects.get(control="ISM-1479").statement == "Servers keep to themselves."
    with pytest.raises(NotAllowed):
        catalogues.load_release(catalogue(NOW, version="9"), by=people.mina)
    with pytest.raises(Refused, match="not JSON"):
        catalogues.load_release(b"%PDF-1.7", by=people.alex)
    assert CatalogueRelease.objects.count() == 1


@pytest.mark.django_db
def test_a_statement_is_somebodys_own_and_is_never_rewritten(people: People) -> None:
    said = catalogues.state_control(
        people.payroll, "ISM-1479", status="implemented", comment="See the pack.", by=people.omar
    )
    assert said.release is None, "no official text is here"
    with pytest.raises(TypeError, match="is kept"):
        said.save()
    for who in (people.alex, people.rita, people.ada):
        with pytest.raises(NotAllowed):
            catalogues.state_control(people.payroll, "ISM-1479", status="implemented", comment="So.", by=who)
    for key, status, comment in (
        ("ISM-1", "implemented", "x"),
        ("ISM-1479", "great", "x"),
        ("ISM-1479", "planned", " "),
    ):
        with pytest.raises(Refused, match="Nothing was recorded"):
            catalogues.state_control(people.payroll, key, status=status, comment=comment, by=people.omar)


@pytest.mark.both
@pytest.mark.django_db(transaction=True)
def test_official_text_altered_past_eastwest_is_noticed(people: People) -> None:
    catalogues.load_release(catalogue(NOW), by=people.alex)
    assert altered_rows() == []
    with connection.cursor() as sql:
        sql.execute("UPDATE compliance_officialcontrol SET statement = 'Anything goes.' WHERE control = 'ISM-1479'")
    assert [one.label for one in altered_rows()] == ["compliance.officialcontrol"]
