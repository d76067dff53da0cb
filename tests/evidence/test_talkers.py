"""Who was seen talking with a group: "nothing was seen" is said only where each of its servers was watched whole."""

from __future__ import annotations

import pytest

from compliance.actions import estate
from evidence.models import AdminPathRow, Comparison
from evidence.views.talkers import ALL_THE_SAME, doubt
from tests.factories import servers
from tests.people import everybody

pytestmark = [pytest.mark.both, pytest.mark.django_db]


def test_a_member_of_others_that_was_not_watched_leaves_the_group_in_doubt() -> None:
    people = everybody()
    here = servers(people)
    last = Comparison.objects.create(register_digest="", published=True)
    own = here["pay-app-01"]
    AdminPathRow.objects.create(
        comparison=last, system=own.system, server=own, reach="unknown", seen={"watched": 24, "hours": 24}
    )
    ours = estate.add_group("ours", system=people.payroll, members=[own], by=people.alex)
    assert doubt(ours, people.omar) == ""
    mixed = estate.add_group("mixed", system=people.payroll, members=[own, here["log-01"]], by=people.alex)
    assert doubt(mixed, people.alex) == f"Hours watched of the 2 servers in it: all of 1, none of 1; {ALL_THE_SAME}."
    said = f"Hours watched of the 1 server in it that you may see: all of 1; {ALL_THE_SAME}."
    assert doubt(mixed, people.omar) == said, "never that nothing was seen"
