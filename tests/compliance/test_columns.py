"""Columns that a list leaves out: by the address alone, and never without saying how many."""

from __future__ import annotations

import re
from html import unescape

import pytest
from django.conf import settings
from django.test import Client

from compliance.views import audit, changes, connections, controls, risks, servers
from evidence.views import admin, coverage, findings, flow_logs, readings, rule_changes, rules, shares, sources
from tests.people import everybody

TABLES = {
    "compliance/audit.html": audit.HEADINGS,
    "compliance/changes.html": changes.HEADINGS,
    "compliance/connections.html": connections.HEADINGS["network"],
    "compliance/controls.html": controls.HEADINGS,
    "compliance/risks.html": risks.HEADINGS,
    "compliance/servers.html": servers.HEADINGS,
    "compliance/shares.html": connections.HEADINGS["share"],
    "evidence/admin_paths.html": admin.HEADINGS,
    "evidence/coverage.html": coverage.HEADINGS,
    "evidence/findings.html": findings.HEADINGS,
    "evidence/flow_files_table.html": flow_logs.HEADINGS,
    "evidence/readings.html": readings.HEADINGS,
    "evidence/rule_changes.html": rule_changes.HEADINGS,
    "evidence/rules.html": rules.HEADINGS,
    "evidence/served_shares.html": shares.HEADINGS,
    "evidence/sources.html": sources.HEADINGS,
}
TEMPLATES = settings.BASE_DIR / "templates"


def test_every_table_that_can_leave_columns_out_is_known() -> None:
    can = {
        str(path.relative_to(TEMPLATES)) for path in TEMPLATES.rglob("*.html") if "filters.without" in path.read_text()
    }
    assert can == set(TABLES)


@pytest.mark.parametrize("template", TABLES)
def test_a_heading_hides_the_column_it_names(template: str) -> None:
    text = (TEMPLATES / template).read_text()
    table = text[text.index("{{ filters.without }}") :]
    heads = re.findall(r'<th scope="col"[^>]*>(.*?)</th>', table[: table.index("</thead>")])
    assert [unescape(re.sub(r"<[^>]*>", "", head)) for head in heads[1:]] == list(TABLES[template])


def test_the_stylesheet_hides_as_many_as_any_table_has() -> None:
    css = (settings.BASE_DIR / "static/css/components.css").read_text()
    for place in range(2, 2 + max(map(len, TABLES.values()))):
        assert f".table.without-{place} > * > tr > :nth-child({place})" in css


@pytest.mark.django_db
def test_the_address_leaves_out_what_it_names_and_the_page_says_so() -> None:
    client = Client()
    client.force_login(everybody().omar)
    every = client.get("/servers/").content.decode()
    assert "left out" not in every
    less = client.get("/servers/?without=zone&without=rules&without=nothing").content.decode()
    assert "Columns: 2 left out" in less
    assert 'class="table stacked without-3 without-7"' in less or "No server" in less
    assert 'value="zone" checked' in less
    assert 'value="in" checked' not in less
