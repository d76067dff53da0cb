"""Where sources may lead: the guard of addresses, TLS by authority and by pin, and the vault over a real connection."""

from __future__ import annotations

import ipaddress
import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from compliance.project import env
from evidence.collectors import addresses, https
from evidence.collectors.addresses import forbidden, resolve
from evidence.collectors.collected import PullError
from evidence.collectors.secrets import referred
from evidence.models.sources import ErrorCode
from tests.evidence.vault import TOKEN, Vault, certificates, vault

SECRET = "canary-of-the-vault"


def soon(seconds: float = 5) -> float:
    return time.monotonic() + seconds


def refusal(what: Any, *args: Any, **named: Any) -> PullError:
    with pytest.raises(PullError) as caught:
        what(*args, **named)
    assert caught.value.next_step
    return caught.value


@pytest.fixture(autouse=True)
def nothing_allowed(settings: Any) -> None:
    settings.MAY_REACH = []


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "127.1", "2130706433", "0x7f.1", "0177.0.0.1", "localhost", "::1", "[::1]", "::ffff:127.0.0.1",
        "169.254.169.254", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "fe80::1", "0.0.0.0", "::",  # noqa: S104
        "0.1.2.3", "224.0.0.1", "ff02::1", "255.255.255.255", "240.0.0.1", "100.100.100.200", "fd00:ec2::254",
        "168.63.129.16",
    ],
)  # fmt: skip
def test_nobody_leads_us_to_this_machine_its_cable_or_a_cloud_s_own_answers(host: str) -> None:
    error = refusal(resolve, host, 22)
    assert error.code == ErrorCode.CONFIG
    assert "EASTWEST_MAY_REACH" in error.next_step


@pytest.mark.parametrize(
    "host", ["", " ", "a b", "a/b", "user@host", "-oProxyCommand=x", "http://x", "a\nb", "x" * 300]
)
def test_what_is_no_name_is_not_even_looked_up(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(addresses, "looked_up", lambda *_: pytest.fail("it was looked up"))
    assert refusal(resolve, host, 22).code == ErrorCode.CONFIG
    assert refusal(resolve, "host", 0).code == ErrorCode.CONFIG


def test_ordinary_addresses_are_gone_to_by_number() -> None:
    assert resolve("10.20.30.31", 22).ip == "10.20.30.31"
    assert resolve("[2001:db8::7]", 22)[:3] == ("2001:db8::7", "2001:db8::7", 22)
    assert forbidden(ipaddress.ip_address("192.168.1.1")) == ""


def test_a_name_is_looked_up_once_and_all_of_its_addresses_count(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def lies(name: str, port: int, **_: Any) -> list[Any]:
        """A name that is good at first, and leads to us from then on."""
        asked.append(name)
        ips = ["10.1.1.1"] if len(asked) == 1 else ["10.1.1.1", "127.0.0.1"]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, port)) for ip in ips]

    monkeypatch.setattr(socket, "getaddrinfo", lies)
    address = resolve("rebinding.example.org", 22)
    assert (address.ip, asked) == ("10.1.1.1", ["rebinding.example.org"])
    assert "127.0.0.1" in refusal(resolve, "rebinding.example.org", 22).what


def test_a_name_nobody_knows_is_unreachable() -> None:
    assert refusal(resolve, "nobody.invalid", 22).code == ErrorCode.UNREACHABLE


def test_an_administrator_lists_what_may_be_reached_all_the_same(settings: Any) -> None:
    settings.MAY_REACH = [ipaddress.ip_network("127.0.0.2/32")]
    assert resolve("127.0.0.2", 22).ip == "127.0.0.2"
    assert resolve("::ffff:127.0.0.2", 22).ip == "::ffff:127.0.0.2"
    assert refusal(resolve, "127.0.0.1", 22).code == ErrorCode.CONFIG


def test_the_setting_is_read_strictly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EASTWEST_MAY_REACH", "10.0.0.0/8, ::1")
    assert [str(one) for one in env.networks("EASTWEST_MAY_REACH")] == ["10.0.0.0/8", "::1/128"]
    monkeypatch.setenv("EASTWEST_MAY_REACH", "all")
    with pytest.raises(Exception, match="Write networks"):
        env.networks("EASTWEST_MAY_REACH")


@pytest.mark.parametrize("url", ["http://a", "file:///etc/shadow", "ftp://a", "gopher://a", "https://", "https://u:p@a",
                                 "https://a:b", "//a", "a", "https://a#b"])  # fmt: skip
def test_only_https_is_an_address(url: str) -> None:
    error = refusal(addresses.https_parts, url)
    assert error.code == ErrorCode.CONFIG
    assert "p@a" not in error.what


@pytest.fixture
def running(tmp_path: Path, settings: Any) -> Iterator[Vault]:
    """A vault that may be reached, with its authority and our token."""
    pem, authority = certificates(tmp_path)
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    with vault(pem) as made:
        made.held["secret/hosts/db-01"] = {"password": SECRET, "number": 7}
        settings.MAY_REACH = [ipaddress.ip_network("127.0.0.1")]
        settings.VAULT_ADDR, settings.VAULT_CA_FILE = made.url, authority
        settings.VAULT_TOKEN_FILE, settings.VAULT_PIN = tmp_path / "token", ""
        yield made


REFERENCE = "vault:secret/hosts/db-01#password"


def test_the_vault_gives_what_is_asked_for_and_nothing_more_is_asked(running: Vault) -> None:
    assert referred(REFERENCE, soon()) == SECRET.encode()
    assert running.asked == [("/v1/secret/data/hosts/db-01", TOKEN)]


@pytest.mark.parametrize(
    ("reference", "code", "word"),
    [
        ("vault:secret/hosts/db-02#password", ErrorCode.CONFIG, "nothing at"),
        ("vault:secret/hosts/db-01#user", ErrorCode.CONFIG, "has no user"),
        ("vault:secret/hosts/db-01#number", ErrorCode.CONFIG, "no text"),
    ],
)
def test_what_is_not_there_is_said(running: Vault, reference: str, code: str, word: str) -> None:
    error = refusal(referred, reference, soon())
    assert (error.code, word in error.what, SECRET in error.what) == (code, True, False)


@pytest.mark.parametrize(
    ("mood", "code"),
    [
        ("html", ErrorCode.CONFIG), ("redirects", ErrorCode.CONFIG), ("cut", ErrorCode.TRUNCATED),
        ("floods", ErrorCode.TRUNCATED), ("429", ErrorCode.RATE_LIMITED), ("503", ErrorCode.UNREACHABLE),
        ("hangs", ErrorCode.TIMEOUT),
    ],
)  # fmt: skip
def test_every_bad_mood_of_the_vault_has_its_code(running: Vault, mood: str, code: str) -> None:
    running.mood = mood
    assert refusal(referred, REFERENCE, soon(1)).code == code
    assert len(running.asked) == 1


@pytest.mark.parametrize(
    ("said", "least", "most"),
    [("600", 600, 600), (" 0 ", 0, 0), ("Thu, 01 Jan 2099 00:00:00 GMT", 10**9, 10**10),
     ("Thu, 01 Jan 1970 00:00:00 GMT", 0, 0)],
)  # fmt: skip
def test_the_vault_s_wish_to_be_left_alone_is_heard(running: Vault, said: str, least: float, most: float) -> None:
    running.mood, running.wait = "429", said
    wait = refusal(referred, REFERENCE, soon()).retry_after
    assert wait is not None
    assert least <= wait <= most


@pytest.mark.parametrize("said", ["", "soon", "-5", "1e9", "9" * 400, "\u0666", "Thu, 99 Foo 2099"])
def test_a_wish_that_is_no_time_is_none(running: Vault, said: str) -> None:
    assert https.asked_to_wait(said, datetime.now(UTC)) is None


def test_a_wrong_or_missing_token_is_said_and_never_shown(running: Vault, settings: Any) -> None:
    settings.VAULT_TOKEN_FILE.write_text("hvs.another")
    error = refusal(referred, REFERENCE, soon())
    assert (error.code, "hvs" in error.what) == (ErrorCode.PERMISSION, False)
    settings.VAULT_TOKEN_FILE.write_text("two\r\nX-Other: lines")
    assert refusal(referred, REFERENCE, soon()).code == ErrorCode.CONFIG
    settings.VAULT_TOKEN_FILE = None
    assert refusal(referred, REFERENCE, soon()).code == ErrorCode.CONFIG


def test_another_authority_is_refused_before_the_token_is_sent(running: Vault, settings: Any, tmp_path: Path) -> None:
    folder = tmp_path / "other"
    folder.mkdir()
    settings.VAULT_CA_FILE = certificates(folder)[1]
    assert refusal(referred, REFERENCE, soon()).code == ErrorCode.TLS
    settings.VAULT_CA_FILE = None
    assert refusal(referred, REFERENCE, soon()).code == ErrorCode.TLS
    settings.VAULT_CA_FILE = tmp_path / "nothing"
    assert refusal(referred, REFERENCE, soon()).code == ErrorCode.CONFIG
    assert running.asked == []


def test_a_pin_takes_the_authority_s_place_and_another_certificate_gets_nothing(running: Vault, settings: Any) -> None:
    settings.VAULT_CA_FILE = None
    settings.VAULT_PIN = https.certificate("127.0.0.1", running.server_address[1], soon()).fingerprint
    assert https.PIN.fullmatch(settings.VAULT_PIN)
    assert running.asked == []
    assert referred(REFERENCE, soon()) == SECRET.encode()
    settings.VAULT_PIN = "SHA256:" + "A" * 43
    assert refusal(referred, REFERENCE, soon()).code == ErrorCode.TLS
    assert len(running.asked) == 1


def test_the_vault_s_own_address_is_judged_as_well(running: Vault, settings: Any) -> None:
    settings.MAY_REACH = []
    assert refusal(referred, REFERENCE, soon()).code == ErrorCode.CONFIG
    settings.VAULT_ADDR = running.url.replace("https", "http")
    assert refusal(referred, REFERENCE, soon()).code == ErrorCode.CONFIG
    assert running.asked == []


def test_what_does_not_speak_tls_is_said(settings: Any) -> None:
    settings.MAY_REACH = [ipaddress.ip_network("127.0.0.1")]
    with socket.create_server(("127.0.0.1", 0)) as plain:
        port = plain.getsockname()[1]
        assert refusal(https.certificate, "127.0.0.1", port, soon(0.5)).code == ErrorCode.TIMEOUT
    assert refusal(https.certificate, "127.0.0.1", port, soon(0.5)).code == ErrorCode.UNREACHABLE
