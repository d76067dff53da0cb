"""Keys as one parameter: as many as there are, each once, and none is nothing."""

from __future__ import annotations

import pytest
from django.db import connection
from django.db.models import Q
from django.test.utils import CaptureQueriesContext

from compliance.models import Server, System
from tests.factories import servers
from tests.people import everybody

pytestmark = [pytest.mark.both, pytest.mark.django_db(transaction=True)]


def test_rows_are_found_by_thousands_of_keys_and_none_by_none() -> None:
    people = everybody()
    made = servers(people)
    wanted = [made["file-01"].pk, made["log-01"].pk]
    many = [*wanted, *wanted, *range(10**6, 10**6 + 40_000)]  # more than SQLite takes parameters
    found = Server.objects.filter(pk__among=many).order_by("name")
    assert [one.name for one in found] == ["file-01", "log-01"]
    assert Server.objects.exclude(pk__among=many).count() == len(made) - 2
    assert set(Server.objects.filter(system__among={people.platform.pk})) == {made["log-01"]}
    with CaptureQueriesContext(connection) as asked:
        assert list(System.objects.filter(pk__among=[])) == []
    assert not asked.captured_queries, "nothing is asked of no keys"
    assert System.objects.filter(Q(pk__among=[]) | Q(name="Payroll")).get() == people.payroll
