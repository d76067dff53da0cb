"""Limits hold for all processes at once: several gunicorns on one embedded database count as one."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Final
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, build_opener

import pytest
from allauth.core.internal import ratelimit
from django.core.cache import cache
from django.test import Client, RequestFactory

from compliance.project.supervise import web_command
from tests.people import everybody

ROOT: Final = Path(__file__).resolve().parents[2]
PROCESSES: Final = 2
AT_ONCE: Final = 8
TOKENS: Final = 20  # wrong ones a minute from one address, as settings.ACCOUNT_RATE_LIMITS says
WRONG_PASSWORDS: Final = 5  # for one address of a person, within five minutes
RITA: Final = ("rita@example.org", "a lantern on the harbour wall")
MADE: Final = """
import django
django.setup()
from tests.people import everybody
rita = everybody().rita
rita.set_password({!r})
rita.save()
"""


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    """Several gunicorns, each with two workers of four threads, over one folder; gives their addresses."""
    var = tmp_path_factory.mktemp("limits")
    env = {key: value for key, value in os.environ.items() if key != "DATABASE_URL"} | {
        "EASTWEST_VAR": str(var), "DJANGO_SETTINGS_MODULE": "compliance.project.settings", "PYTHONPATH": str(ROOT),
    }  # fmt: skip
    for words in (["-m", "compliance.project", "prepare"], ["-c", MADE.format(RITA[1])]):
        subprocess.run([sys.executable, *words], cwd=ROOT, env=env, check=True, capture_output=True, timeout=300)
    with ExitStack() as running:
        yield [running.enter_context(gunicorn(free_port(), env)) for _ in range(PROCESSES)]


@contextmanager
def gunicorn(port: int, env: dict[str, str]) -> Iterator[str]:
    """One of them, from when it answers until it is stopped."""
    process = subprocess.Popen(
        web_command(port), cwd=ROOT, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        end = time.monotonic() + 60
        while process.poll() is None and time.monotonic() < end:
            with socket.socket() as tried:
                if tried.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(30)


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as tried:
        tried.bind(("127.0.0.1", 0))
        return int(tried.getsockname()[1])


def shown(site: str, number: int) -> int:
    """The status of a call with a token that opens nothing."""
    opener = build_opener()
    opener.addheaders = [("Authorization", f"Bearer ewt_{number:040d}")]
    try:
        with opener.open(f"{site}/api/v1/changes/", timeout=60) as answer:
            return int(answer.status)
    except HTTPError as error:
        return error.code


def signed_in(site: str, password: str) -> bool:
    """Whether Rita comes in with this password."""
    jar = CookieJar()
    opener = build_opener(HTTPCookieProcessor(jar))
    with opener.open(f"{site}/accounts/login/", timeout=60) as answer:
        found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', answer.read().decode())
    assert found
    said = urlencode({"login": RITA[0], "password": password, "csrfmiddlewaretoken": found.group(1)}).encode()
    with suppress(HTTPError), opener.open(f"{site}/accounts/login/", said, timeout=60):
        pass
    return any(cookie.name == "sessionid" for cookie in jar)


def test_wrong_tokens_are_counted_for_all_processes_together(sites: list[str]) -> None:
    asked = [(sites[number % PROCESSES], number) for number in range(TOKENS + 40)]
    with ThreadPoolExecutor(AT_ONCE) as crowd:
        said = Counter(crowd.map(lambda one: shown(*one), asked))
    assert set(said) == {401, 429}
    assert TOKENS - 1 <= said[401] <= TOKENS + AT_ONCE, said  # who was being answered while the last one was counted
    assert [shown(site, 999) for site in sites] == [429] * PROCESSES


def test_wrong_passwords_are_counted_for_all_processes_together(sites: list[str]) -> None:
    assert signed_in(sites[0], RITA[1])
    for number in range(WRONG_PASSWORDS):
        assert not signed_in(sites[number % PROCESSES], f"wrong {number}")
    assert [signed_in(site, RITA[1]) for site in sites] == [False] * PROCESSES, "guessing goes on elsewhere"


def failed_token(client: Client) -> int:
    return client.get("/api/v1/changes/", headers={"Authorization": "Bearer ewt_nothing"}).status_code


@pytest.mark.django_db
def test_no_host_that_a_request_names_begins_a_count_of_its_own() -> None:
    rita = everybody().rita
    rita.set_password(RITA[1])
    rita.save()
    for number in range(WRONG_PASSWORDS):
        client = Client(SERVER_PORT=str(8000 + number), REMOTE_ADDR=f"192.0.2.{number}")
        client.post("/accounts/login/", {"login": RITA[0].upper(), "password": "wrong"})
    answer = Client(SERVER_PORT="9000", REMOTE_ADDR="192.0.2.99").post(
        "/accounts/login/", {"login": RITA[0], "password": RITA[1]}
    )
    assert b"Too many" in answer.content
    assert "sessionid" not in answer.cookies


@pytest.mark.django_db
def test_a_count_is_not_washed_out_by_others() -> None:
    client = Client()
    assert [failed_token(client) for _ in range(TOKENS + 1)] == [401] * TOKENS + [429]
    for number in range(1000):
        cache.set(f"allauth:rl:of_somebody_else:{number}", [time.time()], 60)
    assert failed_token(client) == 429


@pytest.mark.django_db
def test_who_comes_over_a_socket_of_this_machine_is_counted_and_let_in() -> None:
    client = Client(REMOTE_ADDR="")
    assert client.get("/accounts/login/").status_code == 200
    assert [failed_token(client) for _ in range(TOKENS + 1)] == [401] * TOKENS + [429]
    assert failed_token(Client(REMOTE_ADDR="192.0.2.7")) == 401
    assert ratelimit.get_ip(RequestFactory(REMOTE_ADDR="").get("/")) == "127.0.0.1"
