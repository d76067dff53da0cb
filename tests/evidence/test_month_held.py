"""What a month holds is counted over the servers in service: none that left stands for one that nobody read."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from compliance.models import Server, User
from evidence.views.month import Year, read_servers, rules_held, span
from tests.evidence.site import Site

pytestmark = [pytest.mark.both, pytest.mark.django_db(transaction=True)]


def held(person: User) -> tuple[int, str]:
    """How many servers were read this month, and what is said of the month; of the one before nothing was."""
    this_month = timezone.localdate().replace(day=1)
    year = Year(person, [(this_month - timedelta(days=1)).replace(day=1), this_month], {})
    before, now = rules_held(Server.objects.filter(status=Server.Status.IN_SERVICE).count())(year)
    assert before == "missing"
    [read] = read_servers(person, [span(this_month)])
    return read, now


def test_a_server_that_was_read_and_left_does_not_hide_one_that_was_not(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.read()
    alex = site.people.alex
    Server.objects.filter(name="log-01").update(status=Server.Status.RETIRED)
    assert held(alex) == (2, "partial")
    Server.objects.filter(name="pay-app-01").update(status=Server.Status.RETIRED)
    assert held(alex) == (1, "partial"), "two stay, and one was never read"
    Server.objects.filter(name="file-01").update(status=Server.Status.RETIRED)
    assert held(alex) == (1, "complete")
