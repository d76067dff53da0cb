"""Servers that nothing was authorised for: when they fall silent, that is a finding of their own, said once."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from evidence.actions.compare import compare
from evidence.models import Finding, Source
from evidence.views.panels import servers_read
from tests.evidence.site import APP, Site, allow_in, put, read, source_of
from tests.factories import servers
from tests.people import People, everybody

SILENT = ("unreachable", "stale", "not_verifiable")


@pytest.fixture
def people(db: None) -> People:
    return everybody()


def said(name: str) -> list[tuple[str, str]]:
    """What stands about the sources of a server."""
    rows = Finding.objects.standing().filter(point__startswith=f"{name}/source", verdict__in=SILENT)
    return sorted(rows.values_list("verdict", "point"))


def test_a_server_without_a_connection_that_is_gone_is_a_finding(people: People, tmp_path: Path) -> None:
    source = source_of(servers(people)["log-01"], put(tmp_path / "log", allow_in(APP, "514")), people)
    compare()
    assert said("log-01") == [("not_verifiable", "log-01/source log-01 dumps")], "it was never read"
    assert read(source, people).state == "ok"
    compare()
    assert said("log-01") == []
    shutil.rmtree(tmp_path / "log")
    assert read(source, people).error_code == "unreachable"
    compare()
    assert said("log-01") == [("unreachable", "log-01/source log-01 dumps")]
    finding = Finding.objects.standing().get(verdict="unreachable")
    assert (finding.server, finding.system) == (source.server, source.system)
    assert "could not be reached" in finding.because
    put(tmp_path / "log", allow_in(APP, "514"))
    assert read(source, people).state == "unchanged"
    compare()
    assert said("log-01") == []


def test_one_whose_evidence_grew_old_is_a_finding_as_well(people: People, tmp_path: Path) -> None:
    source = source_of(servers(people)["log-01"], put(tmp_path / "log", allow_in(APP, "514")), people)
    read(source, people)
    Source.objects.update(last_seen_at=timezone.now() - timedelta(hours=source.fresh_hours + 1))
    compare()
    assert said("log-01") == [("stale", "log-01/source log-01 dumps")]


def test_where_a_connection_says_it_nobody_says_it_twice(tmp_path: Path, db: None) -> None:
    site = Site(tmp_path)
    site.read()
    shutil.rmtree(site.data)
    site.read()
    site.compare()
    assert site.verdict() == "unreachable"
    assert said("pay-db-01") == []


def test_of_several_sources_the_list_of_servers_shows_the_best(people: People, tmp_path: Path) -> None:
    source = source_of(servers(people)["log-01"], put(tmp_path / "log", allow_in(APP, "514")), people)
    read(source, people)
    for name in ("a first one", "z last one"):
        Source.objects.create(name=name, kind="upload", server=source.server, system=source.system)
    assert servers_read(people.erin, [source.server_id])[source.server_id] == (source.last_seen_at, False)
    Source.objects.filter(pk=source.pk).update(last_seen_at=None)
    assert servers_read(people.erin, [source.server_id])[source.server_id] == (None, True)
