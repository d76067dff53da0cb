"""What several parts of a pack need is read once while one pack is gathered, and anew for the next."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from evidence.packs.section import Scope
from evidence.packs.sections import known
from tests.evidence.site import compare
from tests.people import everybody

pytestmark = pytest.mark.django_db(transaction=True)


def test_it_is_read_once_within_and_anew_after(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    everybody()
    compare()
    now = timezone.now()
    scope = Scope(("Payroll",), now.date() - timedelta(days=9), now.date(), now)
    held = known.comparison(scope)
    with known.read_once():
        first = known.findings(scope, held)
        rows = known.rows(scope, held)
        with django_assert_num_queries(0):
            again = known.findings(scope, held)
            assert known.rows(scope, held) == rows
        assert again == first
        assert again is not first  # a list of the caller's own: one may sort or cut it
    with pytest.raises(pytest.fail.Exception), django_assert_num_queries(0):
        known.findings(scope, held)
