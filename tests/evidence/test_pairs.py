"""Coverage per pair: a pair counts as decided only where every one of its points is."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from compliance.actions import changes
from evidence.packs.section import Scope
from evidence.packs.sections import pairs, result
from tests.evidence.site import Site


def of(site: Site) -> tuple[tuple[object, ...], list[tuple[int, int]]]:
    """The row of the one pair, and (in scope, read) of the two lines of coverage."""
    day = timezone.localdate()
    scope = Scope(("Payroll",), day.replace(day=1), day, timezone.now() + timedelta(minutes=1))
    built = result.build(scope)
    [table] = [one for one in built.tables if one.name == "pairs"]
    [row] = table.rows
    shown = [one for one in built.data.coverage if one.what.startswith("Pairs")]
    return row, [(one.in_scope, one.read) for one in shown]


@pytest.mark.django_db(transaction=True)
def test_a_pair_is_decided_where_every_point_is_and_never_called_logged(tmp_path: Path) -> None:
    site = Site(tmp_path)
    changes.implement(site.change, by=site.people.erin)
    assert of(site)[0][3:6] == (pairs.NONE, "", "not compared")
    site.read()
    site.compare()
    row, shown = of(site)
    assert row[:4] == ("pay-app-01", "pay-db-01", site.connection.ref, pairs.EVERY)
    assert row[4:6] == ("pay-app-01/OUTPUT pay-db-01/INPUT", "")
    assert shown == [(1, 1), (1, 0)]
    assert row[6] == pairs.NOT_LOGGED


def test_one_connection_that_cannot_be_decided_leaves_the_point_open_for_the_pair() -> None:
    ends, of_pair = ("a", "b"), [("CON-1", 1), ("CON-2", 2)]
    both = {1: {"a/OUTPUT", "b/INPUT"}, 2: {"a/OUTPUT"}}
    row = pairs.line(ends, of_pair, both, {2: {"b/INPUT"}})
    assert row[2:6] == ("CON-1 CON-2", pairs.SOME, "a/OUTPUT", "b/INPUT")
    assert pairs.line(ends, of_pair, both, {})[3] == pairs.EVERY
    assert pairs.line(ends, of_pair, {1: {"b/INPUT"}}, {})[3:6] == (pairs.SOME, "b/INPUT", "not compared")
    assert pairs.line(ends, of_pair, {}, {1: {"b/INPUT"}, 2: {"b/INPUT"}})[3] == pairs.NONE
