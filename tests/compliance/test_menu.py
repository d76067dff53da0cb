"""The counts of the menu: those of one's own, given again for a while, and counted anew once anybody decides."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from compliance.models import ChangeRecord, User
from compliance.views import navigation
from tests.factories import asked, servers
from tests.people import People, everybody

pytestmark = [pytest.mark.both, pytest.mark.django_db]


@pytest.fixture
def people(as_it_runs: None, settings: Any) -> People:
    settings.NAV_KEPT_S = 60
    them = everybody()
    servers(them)
    return them


def counted(person: User) -> tuple[dict[str, int], int]:
    with CaptureQueriesContext(connection) as asked_now:
        return navigation.kept_counts(person), len(asked_now)


def test_the_counts_are_given_again_until_somebody_decides(people: People) -> None:
    first, asked_first = counted(people.omar)
    again, asked_again = counted(people.omar)
    assert (again, asked_again) == (first, 1)
    assert asked_first > asked_again
    change = asked(people)
    now, _ = counted(people.omar)
    assert (now["inbox"], now["changes"]) == (first["inbox"] + 1, first["changes"] + 1)
    ChangeRecord.objects.filter(pk=change.pk).update(state="withdrawn")  # nobody decided that
    assert counted(people.omar)[0] == now


def test_what_programs_write_is_counted_after_a_while(people: People, settings: Any) -> None:
    settings.NAV_KEPT_S = 0
    change = asked(people)
    assert counted(people.omar)[0]["changes"] == 1
    ChangeRecord.objects.filter(pk=change.pk).update(state="withdrawn")
    assert counted(people.omar)[0]["changes"] == 0


def test_each_person_has_counts_of_their_own(people: People) -> None:
    asked(people)
    assert counted(people.omar)[0]["inbox"] == 1
    assert counted(people.rita)[0]["inbox"] == 0
    assert counted(people.omar)[0]["inbox"] == 1
