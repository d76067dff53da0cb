"""The table of steps in words: whole, the same in docs and interface, and nothing beside it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.test import Client

from compliance.models import TRANSITIONS, State
from compliance.permissions import DONE
from compliance.steps import SAID, as_markdown, steps
from compliance.views.guide import STATES
from compliance.words import CHANGES
from tests.people import everybody

DOCS = Path(__file__).parents[2] / "docs" / "requests.md"


def test_every_verb_and_state_has_its_words() -> None:
    assert SAID.keys() == TRANSITIONS.keys() == DONE.keys()
    assert {str(state) for state in STATES} == set(State.values) == CHANGES.keys()


def test_the_table_in_the_docs_is_the_table_of_the_code() -> None:
    found = re.search(r"^\| step \|.*?\n(?!\|)", DOCS.read_text(), re.S | re.M)
    assert found is not None
    assert found.group().strip() == as_markdown()


@pytest.mark.django_db
def test_the_page_shows_every_step_and_every_state_with_what_may_follow() -> None:
    client = Client()
    client.force_login(everybody().rita, backend="allauth.account.auth_backends.AuthenticationBackend")
    page = client.get("/help/changes/")
    assert [row.verb for row in page.context["steps"]] == list(TRANSITIONS)
    after = {row["state"]: row["next"] for row in page.context["states"]}
    for row in steps():
        for state in State:
            assert (row.label in after[state]) == (state in TRANSITIONS[row.verb].sources)
    text = page.content.decode()
    for row in steps():
        for said in (row.label, row.who, row.what, row.target):
            assert said in text
