"""What a month holds is counted over the servers in service: none that left stands for one that nobody read."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from compliance.models import Server, User
from evidence.views.month import Span, read_servers, rules_held
from tests.evidence.site import Site

pytestmark = [pytest.mark.both, pytest.mark.django_db(transaction=True)]


def held(person: User, month: Span) -> str:
    return rules_held(Server.objects.filter(status=Server.Status.IN_SERVICE).count())(person, month)


def test_a_server_that_was_read_and_left_does_not_hide_one_that_was_not(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.read()
    now = timezone.now()
    month, alex = (now - timedelta(days=1), now + timedelta(days=1)), site.people.alex
    Server.objects.filter(name="log-01").update(status=Server.Status.RETIRED)
    assert (read_servers(alex, month), held(alex, month)) == (2, "partial")
    Server.objects.filter(name="pay-app-01").update(status=Server.Status.RETIRED)
    assert (read_servers(alex, month), held(alex, month)) == (1, "partial"), "two stay, and one was never read"
    Server.objects.filter(name="file-01").update(status=Server.Status.RETIRED)
    assert (read_servers(alex, month), held(alex, month)) == (1, "complete")
