"""The register goes out as the file that `eastwest check` reads."""

from __future__ import annotations

import io

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from compliance.register import wanted
from compliance.register_file import read_text
from compliance.standing import register_on
from tests.factories import agreed, asked, network, servers
from tests.people import everybody

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both]


def test_what_is_authorised_today_is_printed_and_read_again() -> None:
    people = everybody()
    servers(people)
    change = agreed(people, asked(people))
    waiting = asked(people, network("pay-app-01", "pay-db-01", "tcp/22"), title="Not agreed to")
    said = io.StringIO()
    call_command("register", stdout=said)
    today = timezone.localdate()
    again = wanted(read_text(said.getvalue()), at=today)
    assert again == wanted(register_on(today), at=today)
    assert {entry.id for entry in again.entries} == {change.connection.ref}
    assert waiting.connection.ref not in said.getvalue()


def test_a_day_that_is_none_is_refused() -> None:
    with pytest.raises(CommandError, match="2026-11-21"):
        call_command("register", "--day", "yesterday")
