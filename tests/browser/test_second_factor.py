"""The second factor for real: a code computed from the secret on the page, a passkey in a virtual authenticator, and
an approver who is led to set one up before approving.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.db import connection

from compliance.models import Approval, User
from tests.browser.steps import PASSWORD, clicked, named
from tests.browser.test_pages import looks
from tests.factories import asked, servers
from tests.people import everybody

if TYPE_CHECKING:
    from playwright.sync_api import Page

Made = TypeVar("Made")
PERIOD_S = 30


@pytest.fixture
def reference(monkeypatch: pytest.MonkeyPatch, transactional_db: None) -> str:
    """A request that waits for Omar, who has a password and no second factor, where the organisation asks for one."""
    monkeypatch.setitem(os.environ, "DJANGO_ALLOW_ASYNC_UNSAFE", "true")

    def make() -> str:
        people = everybody(mfa=True)
        people.omar.set_password(PASSWORD)
        people.omar.save()
        servers(people)
        return asked(people).ref

    return aside(make)


def aside(make: Callable[[], Made]) -> Made:
    """Database work in a thread of its own: this one has the browser's loop."""

    def made() -> Made:
        try:
            return make()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as maker:
        return maker.submit(made).result(timeout=60)


def sign_in(page: Page) -> None:
    """Omar's mail address and password."""
    page.goto("/accounts/login/")
    page.get_by_label("Email").fill("omar@example.org")
    page.get_by_label("Password").fill(PASSWORD)
    clicked(page, named(page, "Sign in"))


def confirm(page: Page) -> None:
    """The password once more, before the way of signing in is changed."""
    page.get_by_role("heading", name="Confirm that it is you").wait_for()
    page.get_by_label("Password").fill(PASSWORD)
    clicked(page, named(page, "Confirm"))


def sign_out(page: Page) -> None:
    """Out, and to the sign-in page."""
    page.goto("/accounts/logout/")
    clicked(page, named(page, "Sign out"))


def code_of(secret: str) -> str:
    """What an authenticator app shows now."""
    return str(format_hotp_value(hotp_value(secret, int(time.time()) // PERIOD_S)))


def path(page: Page) -> str:
    """Where the page is, without the server."""
    return re.sub(r"^https?://[^/]+", "", page.url)


def test_an_approver_is_led_to_a_code_and_approves_with_it(page: Page, reference: str) -> None:
    sign_in(page)
    page.goto(f"/changes/{reference}/approve/")
    assert "sign in with a second factor" in page.inner_text("main")
    assert not page.get_by_role("button", name="Approve").count()
    page.goto(f"/inbox/{reference}/")
    assert not page.locator("[data-approve]").count()
    page.get_by_role("link", name="Set up two-step sign-in").click()
    page.get_by_role("link", name="Set up an app").click()
    confirm(page)
    secret = page.get_by_label("Secret").input_value()
    page.get_by_label("Authenticator code").fill("000000" if code_of(secret) != "000000" else "111111")
    clicked(page, named(page, "Turn it on"))
    assert page.get_by_role("alert").is_visible(), "a wrong code turns nothing on"
    assert page.get_by_label("Secret").input_value() == secret, "the app scanned this one"
    assert list(looks(page)) == []
    page.get_by_label("Authenticator code").fill(code_of(secret))
    clicked(page, named(page, "Turn it on"))
    assert path(page) == "/accounts/2fa/recovery-codes/"
    recovery = page.get_by_label("Unused codes").input_value().split()
    assert len(set(recovery)) == 10

    sign_out(page)
    sign_in(page)
    assert path(page).startswith("/accounts/2fa/authenticate/"), "the password alone is no longer enough"
    page.goto("/evidence/")
    assert path(page).startswith("/accounts/2fa/authenticate/"), "half signed in is not signed in"
    page.get_by_label("Code").fill(code_of(secret))
    clicked(page, named(page, "Sign in"))
    assert path(page) == "/evidence/"

    page.goto(f"/inbox/{reference}/")
    page.locator("[data-approve]").click()
    clicked(page, named(page, "Approve"))
    assert path(page) == f"/changes/{reference}/"
    assert aside(lambda: list(Approval.objects.values_list("approver__email", flat=True))) == ["omar@example.org"]

    sign_out(page)
    sign_in(page)
    page.get_by_label("Code").fill(recovery[0])
    clicked(page, named(page, "Sign in"))
    assert path(page) == "/evidence/", "a recovery code stands in for the phone"


def test_a_passkey_is_added_and_signs_in_by_itself(page: Page, reference: str) -> None:
    page.goto("/accounts/login/")
    local = page.url.replace("127.0.0.1", "localhost")  # passkeys refuse an address
    tools = page.context.new_cdp_session(page)
    tools.send("WebAuthn.enable")
    key: dict[str, Any] = {
        "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
        "isUserVerified": True, "automaticPresenceSimulation": True,
    }  # fmt: skip
    tools.send("WebAuthn.addVirtualAuthenticator", {"options": key})
    page.goto(local)
    page.get_by_label("Email").fill("omar@example.org")
    page.get_by_label("Password").fill(PASSWORD)
    clicked(page, named(page, "Sign in"))
    page.goto(local.replace("/accounts/login/", "/accounts/2fa/webauthn/add/"))
    confirm(page)
    page.get_by_label("Name").fill("Work laptop")
    page.get_by_label("Passwordless").check()
    named(page, "Add the passkey").click()
    page.wait_for_url("**/accounts/2fa/recovery-codes/")
    page.goto(local.replace("/accounts/login/", "/accounts/2fa/webauthn/"))
    assert "Passkey: signs in by itself" in page.get_by_role("row", name="Work laptop").inner_text()
    held = aside(lambda: list(Authenticator.objects.values_list("user__email", "type").order_by("type")))
    assert held == [("omar@example.org", "recovery_codes"), ("omar@example.org", "webauthn")]

    page.goto(local.replace("login", "logout"))
    clicked(page, named(page, "Sign out"))
    page.goto(local)
    named(page, "Use a passkey").click()
    page.wait_for_url("**/evidence/")
    assert aside(lambda: User.objects.get(email="omar@example.org").name) in page.inner_text(".me")
    page.goto(local.replace("/accounts/login/", f"/changes/{reference}/approve/"))
    assert page.get_by_role("button", name="Approve").is_visible(), "a passkey is a second factor"
