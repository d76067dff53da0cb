"""Addresses that are keys in themselves reach no log."""

from __future__ import annotations

import logging

import pytest
from django.conf import settings
from django.test import Client
from django.urls import get_resolver

from compliance.project.log_lines import KEYS, WithoutKeys

TOKEN = "ewl_c4nary-that-opens-a-pack"


def line(message: str, *given: object) -> str:
    record = logging.LogRecord("django.request", logging.WARNING, "x", 1, message, given, None)
    assert WithoutKeys().filter(record)
    return record.getMessage()


def test_a_path_is_logged_without_its_key_and_other_lines_as_they_are() -> None:
    assert line("Not Found: %s", f"/share/{TOKEN}/pdf/") == "Not Found: /share/[not logged]/pdf/"
    assert line("Forbidden (%s): %s", "CSRF", f"/setup/link/{TOKEN}/") == "Forbidden (CSRF): /setup/link/[not logged]/"
    assert line("Not Found: /packs/PCK-1/") == "Not Found: /packs/PCK-1/"
    assert settings.LOGGING["handlers"]["stderr"]["filters"] == ["without_keys"]


def test_every_route_with_a_key_in_its_address_is_known() -> None:
    routes = {key: found[0][0][0][0] for key, found in get_resolver().reverse_dict.lists() if isinstance(key, str)}
    keyed = {name: f"/{route}" for name, route in routes.items() if "%(token)s" in route}
    assert keyed, "no route has one: this test looks at nothing"
    missed = {name for name, route in keyed.items() if not KEYS.search(route) and name != "push_token_revoke"}
    assert missed == set()


@pytest.mark.django_db
def test_what_django_says_of_a_link_that_opens_nothing_has_no_key(caplog: pytest.LogCaptureFixture) -> None:
    caplog.handler.addFilter(WithoutKeys())
    assert Client().get(f"/share/{TOKEN}/").status_code == 404
    assert "Not Found" in caplog.text
    assert TOKEN not in caplog.text
