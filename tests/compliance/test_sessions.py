"""How long a session lasts and how many there are; how often something may be tried, counted for all workers."""

from __future__ import annotations

import time
from typing import Any

import pytest
from allauth.mfa.totp.internal.auth import TOTP
from allauth.usersessions.models import UserSession
from django.contrib.sessions.backends.db import SessionStore
from django.core.cache import cache
from django.db import connection
from django.test import Client

from compliance.actions import people as accounts
from compliance.models import User
from tests.browser.session import cookie
from tests.people import PASSWORD, People, everybody

LOGIN = "/accounts/login/"


@pytest.fixture
def people(db: None) -> People:
    cache.clear()
    return everybody()


@pytest.fixture
def rita(people: People) -> User:
    """Rita, who has a password."""
    return accounts.use_link(accounts.set_up_link(people.rita, by=people.alex), PASSWORD)


def session_of(person: User, **times: float) -> Client:
    """A session that began and was last used so many seconds ago."""
    key = cookie(person)
    session = SessionStore(key)
    for name, ago in times.items():
        session[name] = time.time() - ago
    session.save()
    client = Client()
    client.cookies["sessionid"] = key
    return client


def signs_in(person: User, password: str = PASSWORD) -> Client:
    """Through the page."""
    client = Client()
    client.post(LOGIN, {"login": person.email, "password": password})
    return client


def is_in(client: Client) -> bool:
    return client.get("/evidence/").status_code == 200


def test_a_session_ends_by_itself(people: People, settings: Any) -> None:
    assert is_in(session_of(people.rita, since=3600, seen=settings.SESSION_IDLE_S - 60))
    idle = session_of(people.rita, since=2 * settings.SESSION_IDLE_S, seen=settings.SESSION_IDLE_S + 5)
    assert not is_in(idle)
    assert "Nothing was done" in idle.get(LOGIN).content.decode()
    assert not is_in(session_of(people.rita, since=settings.SESSION_LONGEST_S + 5, seen=1))
    busy = session_of(people.rita, since=7200, seen=settings.SESSION_IDLE_S - 60)
    assert is_in(busy)
    noted = SessionStore(busy.cookies["sessionid"].value)
    assert time.time() - noted["seen"] < 30
    assert time.time() - noted["since"] > 7000


def test_one_sign_in_too_many_ends_the_oldest_and_the_others_end_by_a_button(rita: User, settings: Any) -> None:
    settings.SESSIONS_EACH = 2
    first, second, third = (signs_in(rita) for _ in range(3))
    assert [is_in(client) for client in (first, second, third)] == [False, True, True]
    page = third.get("/accounts/sessions/").content.decode()
    assert page.count("<tr>") == 3
    assert "this one" in page
    third.post("/accounts/sessions/")
    assert [is_in(client) for client in (second, third)] == [False, True]


def test_who_is_deactivated_has_no_session_left(people: People, rita: User) -> None:
    client = signs_in(rita)
    accounts.deactivate(rita, by=people.alex)
    assert not UserSession.objects.filter(user=rita).exists()
    User.objects.filter(pk=rita.pk).update(is_active=True)
    assert not is_in(client), "the old cookie opens nothing again"


def test_guessing_a_password_is_stopped_for_all_workers(rita: User) -> None:
    for _ in range(5):
        signs_in(rita, "not this one")
    client = Client()
    said = client.post(LOGIN, {"login": rita.email, "password": PASSWORD}).content.decode()
    assert "Too many failed login attempts" in said
    assert not is_in(client)
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM eastwest_cache WHERE cache_key LIKE %s", ["%login_failed%"])
        assert cursor.fetchone()[0] >= 1, "counted where every worker counts"
    cache.clear()
    assert is_in(signs_in(rita))


def test_guessing_a_code_is_stopped(rita: User) -> None:
    TOTP.activate(rita, "JBSWY3DPEHPK3PXP")
    client = signs_in(rita)
    pages = [client.post("/accounts/2fa/authenticate/", {"code": "000000"}).content.decode() for _ in range(7)]
    assert "Too many failed login attempts" in pages[-1]
    assert "Too many failed login attempts" not in pages[0]


def too_many(client: Client, path: str, data: dict[str, str], most: int) -> Any:
    """The first 429 within so many tries."""
    for _ in range(most):
        answer = client.post(path, data)
        if answer.status_code == 429:
            return answer
    raise AssertionError(f"{path} was answered {most} times")


def test_resets_and_links_are_limited_and_the_page_says_when_to_try_again(people: People, rita: User) -> None:
    for path, data in (("/accounts/password/reset/", {"email": rita.email}), ("/setup/link/guess/", {})):
        answer = too_many(Client(), path, data, 25)
        assert "Wait five minutes" in answer.content.decode()
        assert answer["Retry-After"] == "300"
    asked_again = session_of(people.omar)
    people.omar.set_password(PASSWORD)
    people.omar.save()
    asked_again.cookies["sessionid"] = cookie(people.omar)
    too_many(asked_again, "/accounts/reauthenticate/", {"password": "wrong"}, 12)


def test_a_header_is_believed_only_from_a_proxy_of_ours(rita: User, settings: Any) -> None:
    for number in range(25):
        Client().post("/setup/link/guess/", headers={"X-Forwarded-For": f"203.0.113.{number}"})
    assert Client().post("/setup/link/guess/").status_code == 429
    cache.clear()
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1
    statuses = [
        Client().post("/setup/link/guess/", headers={"X-Forwarded-For": f"203.0.113.{number}"}).status_code
        for number in range(25)
    ]
    assert set(statuses) == {410}
