"""A long request whose session ended while it was typed: back in its form after signing in, under the strict policy."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from django.contrib.sessions.models import Session

from compliance.models import KeptForm, User
from tests.browser.steps import PASSWORD, clicked, named
from tests.browser.test_pages import looks
from tests.browser.test_second_factor import aside
from tests.factories import servers
from tests.people import everybody

if TYPE_CHECKING:
    from playwright.sync_api import Page

NEED = "The pay run reads the hours of all staff each night.\nNobody else reads them."


@pytest.fixture(autouse=True)
def people(monkeypatch: pytest.MonkeyPatch, transactional_db: None) -> None:
    """Rita and Erin have passwords, and there are servers to ask for."""
    monkeypatch.setitem(os.environ, "DJANGO_ALLOW_ASYNC_UNSAFE", "true")

    def make() -> None:
        them = everybody()
        servers(them)
        for person in (them.rita, them.erin):
            person.set_password(PASSWORD)
            person.save()

    aside(make)


def sign_in(page: Page, name: str) -> None:
    """On the sign-in page that is open."""
    page.get_by_label("Email").fill(f"{name}@example.org")
    page.get_by_label("Password").fill(PASSWORD)
    clicked(page, named(page, "Sign in"))


def test_a_request_is_in_its_form_again_and_nobody_else_sees_it(page: Page) -> None:
    page.goto("/accounts/login/")
    sign_in(page, "rita")
    page.goto("/requests/new/")
    page.get_by_label("In a few words").fill("The pay run reads the hours")
    page.get_by_label("System", exact=True).select_option(label="Payroll")
    page.get_by_label("Business need").fill(NEED)
    page.get_by_label("Urgent change").check()
    aside(lambda: Session.objects.all().delete())

    named(page, "Check your answers").click()
    page.get_by_text("What you typed is kept for you").wait_for()
    sign_in(page, "erin")
    assert page.locator("[data-kept]").count() == 0
    assert NEED not in page.content()
    page.context.clear_cookies(name="sessionid")

    page.goto("/accounts/login/?next=/requests/new/")
    sign_in(page, "rita")
    assert page.get_by_text("It stands in the form again").is_visible()
    assert page.get_by_label("In a few words").input_value() == "The pay run reads the hours"
    assert page.get_by_label("Business need").input_value() == NEED
    assert page.get_by_label("Urgent change").is_checked()
    assert page.get_by_label("System", exact=True).locator("option:checked").inner_text() == "Payroll"
    assert list(looks(page)) == []
    named(page, "Throw it away").click()
    page.get_by_text("It is thrown away").wait_for()
    assert page.get_by_label("Business need").input_value() == ""
    assert not aside(lambda: KeptForm.objects.exists())
    assert aside(lambda: User.objects.filter(email="rita@example.org").count()) == 1
