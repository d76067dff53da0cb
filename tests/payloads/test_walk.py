"""A small share of `./run payloads`: one hostile word through each field, programs, dumps, mails and a pack."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import pytest
from django import forms

from tests.matrix.targets import address, body
from tests.matrix.world import OURS, World
from tests.payloads import doors, ways
from tests.payloads.corpus import AWAY, FIELDS
from tests.payloads.heard import listening
from tests.payloads.tally import Tally
from tests.payloads.walk import signed, unseen_forms, walk


@pytest.mark.beside
@pytest.mark.django_db
@pytest.mark.usefixtures("as_it_runs")
def test_no_field_of_any_form_lets_a_hostile_word_run() -> None:
    outcome = walk(share=1, pages=False, browser=False)
    tally = outcome.tally
    asker = signed(outcome.world)["asker"]
    ways.onward(outcome.world, asker, tally, AWAY[::9], ["account_login", "account_reauthenticate"])
    assert unseen_forms(outcome) == []
    assert tally.leaks == []
    assert len(tally.fields) > 500
    assert tally.sent > 900
    assert outcome.kept > 90
    assert outcome.mails > 30
    assert outcome.members > 25
    found_out(outcome.world)


def found_out(world: World) -> None:
    """With its guards taken away the application leaks, and it is seen: a form that takes any id, a way out."""
    asker = signed(world)["asker"]
    for broken, walked in ((anything_is_offered, choices), (every_address_is_ours, away)):
        tally = Tally()
        with broken():
            walked(world, asker, tally)
        assert tally.leaks, broken.__name__


def choices(world: World, asker: Any, tally: Tally) -> None:
    """The form that adds a server's address, which names a zone of one's own."""
    route, side = "address_add", world.sides[OURS]
    with listening() as heard:
        door = doors.opened(route, address(route, side), body(route, side, world), [], [asker], heard)
        doors.fill(door, FIELDS[:1], tally, heard, 0, set())


def away(world: World, asker: Any, tally: Tally) -> None:
    """Where a sign-in says to go next."""
    ways.onward(world, asker, tally, AWAY[:1], ["account_login"])


@contextmanager
def anything_is_offered() -> Iterator[None]:
    """Forms that take the id of any row."""

    def taken(field: Any, value: Any) -> Any:
        return field.queryset.model._base_manager.filter(pk=value).first() if str(value).isdigit() else None

    with patch.object(forms.ModelChoiceField, "to_python", taken):
        yield


@contextmanager
def every_address_is_ours() -> Iterator[None]:
    """Nothing asks any more whose an address is."""
    with (
        patch("allauth.account.adapter.DefaultAccountAdapter.is_safe_url", lambda *rest: True),
        patch("django.contrib.auth.views.url_has_allowed_host_and_scheme", lambda *rest, **more: True),
    ):
        yield
