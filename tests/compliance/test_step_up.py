"""What only somebody does who showed lately that it is them: asked again after a while, and nothing typed is lost."""

from __future__ import annotations

import time
from urllib.parse import parse_qs, urlsplit

import pytest
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value
from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore
from django.test import Client

from compliance.actions import people as accounts
from compliance.models import ChangeRecord, RoleGrant, User
from compliance.views.step_up import KEPT, STEP_UP
from tests.browser.session import cookie
from tests.factories import asked, servers
from tests.matrix.targets import routes
from tests.people import PASSWORD, People, everybody

SECRET = "JBSWY3DPEHPK3PXP"


@pytest.fixture
def people(db: None) -> People:
    return everybody()


def long_since(person: User) -> Client:
    """A session whose person showed sixteen minutes ago that it is them."""
    key = cookie(person)
    session = SessionStore(key)
    for record in session["account_authentication_methods"]:
        record["at"] = time.time() - settings.STEP_UP_S - 60
    session.modified = True
    session.save()
    client = Client()
    client.cookies["sessionid"] = key
    return client


def led_to(answer: object) -> tuple[str, str]:
    """Where a redirect leads, and where that will lead on to."""
    url = urlsplit(answer["Location"])  # type: ignore[index]
    return url.path, parse_qs(url.query)["next"][0]


def test_every_route_of_the_table_exists() -> None:
    assert (set(STEP_UP) | {back for back in STEP_UP.values() if back}) <= routes()


def test_an_approval_after_a_while_asks_again_and_keeps_the_note(people: People) -> None:
    owner = accounts.use_link(accounts.set_up_link(people.omar, by=people.alex), PASSWORD)
    servers(people)
    change = asked(people)
    page = f"/changes/{change.ref}/approve/"
    omar = long_since(owner)
    note = "Read line by line; the window is agreed."
    answer = omar.post(page, {"because": note, "seen": change.version})
    assert led_to(answer) == ("/accounts/reauthenticate/", page)
    assert not change.needs.filter(approval__isnull=False).exists()
    wrong = omar.post(f"/accounts/reauthenticate/?next={page}", {"password": "not this one", "next": page})
    assert wrong.status_code == 200
    assert omar.post(page, {"because": note}).status_code == 302, "a wrong password confirms nothing"
    right = omar.post("/accounts/reauthenticate/", {"password": PASSWORD, "next": page})
    assert right["Location"] == page
    assert not change.needs.filter(approval__isnull=False).exists(), "the person sends it, nobody for them"
    shown = omar.get(page).content.decode()
    assert note in shown
    assert note not in omar.get(page).content.decode(), "shown once"
    assert omar.post(page, {"because": note, "seen": change.version})["Location"] == f"/changes/{change.ref}/"
    assert change.needs.filter(approval__approver=people.omar).count() == 1


def test_who_has_no_password_confirms_by_a_code(people: People) -> None:
    servers(people)
    change = asked(people)
    TOTP.activate(people.mina, SECRET)
    mina, page = long_since(people.mina), f"/changes/{change.ref}/reject/"
    answer = mina.post(page, {"because": "Too wide."})
    asked_by = mina.get(answer["Location"])
    assert led_to(asked_by) == ("/accounts/2fa/reauthenticate/", page)
    code = format_hotp_value(hotp_value(SECRET, int(time.time()) // 30))
    assert mina.post("/accounts/2fa/reauthenticate/", {"code": code, "next": page})["Location"] == page
    assert "Too wide." in mina.get(page).content.decode()
    assert mina.post(page, {"because": "Too wide."}).status_code == 302
    assert ChangeRecord.objects.get().state == "rejected"


def test_a_role_is_not_given_from_an_old_session_and_secrets_are_not_kept(people: People) -> None:
    alex = long_since(people.alex)
    typed = {"person": people.sam.pk, "role": "requester", "system": people.payroll.pk, "secret_key": "hush"}
    before = RoleGrant.objects.count()
    assert led_to(alex.post("/setup/roles/new/", typed)) == ("/accounts/reauthenticate/", "/setup/roles/new/")
    assert RoleGrant.objects.count() == before
    kept = SessionStore(alex.cookies["sessionid"].value)[KEPT]["typed"]
    assert kept == {"person": [str(people.sam.pk)], "role": ["requester"], "system": [str(people.payroll.pk)]}
    page = alex.get("/setup/roles/new/").content.decode()
    assert f'<option value="{people.sam.pk}" selected' in page


def test_what_is_asked_for_by_a_button_comes_back_to_its_page(people: People) -> None:
    ada = long_since(people.ada)
    assert led_to(ada.post("/packs/build/", {"month": "2026-11"})) == ("/accounts/reauthenticate/", "/packs/")
    assert led_to(ada.post("/evidence/build/", {})) == ("/accounts/reauthenticate/", "/evidence/")
