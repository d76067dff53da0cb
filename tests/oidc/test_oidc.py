"""Signing in through a provider that really runs: who is let in, with which roles, which tokens are not believed."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from allauth.mfa.totp.internal.auth import TOTP
from allauth.socialaccount.models import SocialAccount
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from compliance.actions import oidc as verbs
from compliance.actions import people as accounts
from compliance.actions.ledger import actor
from compliance.errors import Refused
from compliance.ledger.context import done_from
from compliance.models import LedgerInbox, RoleGrant, User
from compliance.project import oidc as read
from compliance.views.provenance import origin
from compliance.views.step_up import METHODS
from tests.oidc.provider import CLIENT, SECRET
from tests.people import People, everybody

TEAM = {"sub": "00u1", "email": "nova@example.org", "name": "Nova Quist", "groups": ["fw-team", "all-staff"]}
GROUPS = {
    "fw-team": [{"role": "engineer", "system": "Payroll"}, {"role": "requester"}],
    "owners": [{"role": "system_owner", "system": "Platform"}],
    "gone": [{"role": "engineer", "system": "No such system"}],
}
LOGIN = "/accounts/oidc/oidc/login/"


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    """The provider, in a process of its own."""
    server = subprocess.Popen([sys.executable, "-m", "tests.oidc.provider"], stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    yield f"http://127.0.0.1:{server.stdout.readline().strip()}"
    server.kill()
    server.wait()


@pytest.fixture
def people(db: None, issuer: str, settings: Any) -> People:
    settings.OIDC_ISSUER, settings.OIDC_GROUPS = issuer, GROUPS
    app = {
        "provider_id": "oidc", "name": "Eastwest", "client_id": CLIENT, "secret": SECRET,
        "settings": {"server_url": issuer, "fetch_userinfo": False},
    }  # fmt: skip
    settings.SOCIALACCOUNT_PROVIDERS = {"openid_connect": {"OAUTH_PKCE_ENABLED": True, "APPS": [app]}}
    return everybody()


def comes(issuer: str, claims: dict[str, Any] | None = None, spoil: str = "", client: Client | None = None) -> Any:
    """Signs in from beginning to end; gives the last answer, and the client as its attribute."""
    requests.post(f"{issuer}/next", json={"claims": claims or TEAM, "spoil": spoil}, timeout=5).raise_for_status()
    client = client or Client()
    begun = client.post(LOGIN)
    assert begun.status_code == 302, begun.content
    if not begun["Location"].startswith(issuer):
        return begun
    back = requests.get(begun["Location"], allow_redirects=False, timeout=5).headers["Location"]
    url = urlsplit(back)
    answer = client.get(f"{url.path}?{url.query}")
    answer.visitor = client
    return answer


def is_in(answer: Any) -> bool:
    return bool(answer.visitor.get("/evidence/").status_code == 200)


def test_a_mapped_group_lets_somebody_in_with_its_roles_and_the_ledger_says_so(people: People, issuer: str) -> None:
    answer = comes(issuer)
    assert (answer.status_code, is_in(answer)) == (302, True)
    nova = User.objects.get(email="nova@example.org")
    assert (nova.name, nova.has_usable_password()) == ("Nova Quist", False)
    assert SocialAccount.objects.get().uid == "00u1"
    held = set(nova.grants().values_list("role", "system__name"))
    assert held == {("engineer", "Payroll"), ("requester", None)}
    said = [(row.data["verb"], row.data["actor"]["name"]) for row in LedgerInbox.objects.filter(object_type__in=(
        "compliance.user", "compliance.rolegrant")).order_by("-pk")[:3]]  # fmt: skip
    assert sorted(said) == [("arrive", "Eastwest"), ("grant", "Eastwest"), ("grant", "Eastwest")]
    again = comes(issuer, TEAM | {"email": "nova.new@example.org"})
    assert is_in(again)
    assert User.objects.filter(name="Nova Quist").count() == 1, "the sub is what counts"
    assert RoleGrant.objects.filter(person=nova).count() == 2


def test_a_group_that_is_gone_ends_its_roles_at_the_next_sign_in_and_no_others(people: People, issuer: str) -> None:
    comes(issuer)
    nova = User.objects.get(email="nova@example.org")
    accounts.grant(nova, "auditor", by=people.alex)
    assert is_in(comes(issuer, TEAM | {"groups": ["owners"]}))
    assert set(nova.grants().values_list("role", flat=True)) == {"system_owner", "auditor"}
    RoleGrant.objects.filter(person=nova, role="auditor").delete()
    out = comes(issuer, TEAM | {"groups": []})
    assert (out.status_code, is_in(out)) == (403, False)
    assert "None of your groups" in out.content.decode()
    assert not nova.grants().exists()


@pytest.mark.parametrize("groups", [[], ["all-staff"], ["gone"], None, "all-staff", [["fw-team"]]])
def test_who_is_in_no_mapped_group_is_not_made(people: People, issuer: str, groups: Any) -> None:
    before = User.objects.count()
    answer = comes(issuer, TEAM | {"groups": groups})
    assert (answer.status_code, is_in(answer)) == (403, False)
    assert User.objects.count() == before


def test_an_address_alone_takes_nobody_over(people: People, issuer: str) -> None:
    thief = TEAM | {"email": "OMAR@example.org", "email_verified": True}
    answer = comes(issuer, thief)
    assert (answer.status_code, is_in(answer)) == (403, False)
    assert "an address alone proves nobody" in answer.content.decode()
    assert not SocialAccount.objects.exists()
    with pytest.raises(CommandError):
        call_command("oidclink", "omar@example.org", "00u1", "--by", "rita@example.org")
    with pytest.raises(Refused, match="themselves"):
        verbs.link(people.alex, "00u1", by=people.alex)
    call_command("oidclink", "omar@example.org", "00u1", "--by", "alex@example.org")
    linked = comes(issuer, thief)
    assert is_in(linked)
    assert linked.visitor.session["_auth_user_id"] == str(people.omar.pk)


def test_who_is_deactivated_is_not_let_in(people: People, issuer: str) -> None:
    comes(issuer)
    accounts.deactivate(User.objects.get(email="nova@example.org"), by=people.alex)
    answer = comes(issuer)
    assert (answer.status_code, is_in(answer)) == (403, False)


@pytest.mark.parametrize(
    "spoil",
    ["issuer", "discovery", "audience", "nonce", "expired", "signature", "none", "hmac", "party", "missing"],
)
def test_what_cannot_be_believed_lets_nobody_in(people: People, issuer: str, spoil: str) -> None:
    before = User.objects.count()
    answer = comes(issuer, spoil=spoil)
    assert (answer.status_code, is_in(answer)) == (403, False)
    assert (User.objects.count(), SocialAccount.objects.count()) == (before, 0)
    assert is_in(comes(issuer)), "the same without the spoiling"


CONFIRM = "/accounts/oidc/oidc/confirm/"


def confirms(client: Client, issuer: str, claims: dict[str, Any] | None = None, spoil: str = "") -> Any:
    """Confirms at the provider that it is them, as the page leads there; gives the last answer."""
    requests.post(f"{issuer}/next", json={"claims": claims or TEAM, "spoil": spoil}, timeout=5).raise_for_status()
    begun = client.post(CONFIRM, {"next": "/requests/new/?kind=network"})
    asked = parse_qs(urlsplit(begun["Location"]).query)
    assert (asked["prompt"], asked["max_age"]) == (["login"], ["0"])
    back = urlsplit(requests.get(begun["Location"], allow_redirects=False, timeout=5).headers["Location"])
    return client.get(f"{back.path}?{back.query}")


def long_ago(client: Client) -> None:
    """The person of this session showed half an hour ago who they are."""
    session = client.session
    session[METHODS] = [one | {"at": time.time() - 1800} for one in session[METHODS]]
    session.save()


def pulls(client: Client) -> str:
    """Where somebody is led who begins to set up a code of their own."""
    answer = client.post("/accounts/2fa/totp/activate/", {"code": "000000"})
    return str(answer.headers.get("Location", answer.status_code))


def test_who_comes_by_the_provider_alone_confirms_there_and_comes_back(people: People, issuer: str) -> None:
    client = comes(issuer).visitor
    assert pulls(client) == "200", "just signed in: a form with a wrong code"
    long_ago(client)
    assert pulls(client).startswith("/accounts/reauthenticate/"), "a stolen session adds no factor of its own"
    led = client.get("/accounts/reauthenticate/?next=/requests/new/", follow=True)
    assert led.redirect_chain == [(f"{CONFIRM}?next=%2Frequests%2Fnew%2F", 302)]
    assert "It will ask you to sign in once more" in led.content.decode()
    before = client.session["_auth_user_id"]
    answer = confirms(client, issuer)
    assert (answer.status_code, answer["Location"]) == (302, "/requests/new/?kind=network")
    assert client.session["_auth_user_id"] == before
    assert pulls(client) == "200"
    nova = User.objects.get(email="nova@example.org")
    with done_from(origin(client.get("/evidence/").wsgi_request, "r")):
        said = actor(nova, timezone.now())
    assert said["methods"] == ["socialaccount"]
    assert timezone.now() - datetime.fromisoformat(said["confirmed_at"]) < timedelta(minutes=1)


@pytest.mark.parametrize("spoil", ["no auth_time", "old auth_time", "nonce", "signature"])
def test_a_provider_that_does_not_say_it_asked_afresh_confirms_nothing(
    people: People, issuer: str, spoil: str
) -> None:
    client = comes(issuer).visitor
    long_ago(client)
    answer = confirms(client, issuer, spoil=spoil)
    assert answer.status_code == 403
    assert ("auth_time" in answer.content.decode()) == ("auth_time" in spoil)
    assert pulls(client).startswith("/accounts/reauthenticate/")
    assert confirms(client, issuer).status_code == 302


def test_nobody_confirms_for_somebody_else_nor_comes_in_that_way(people: People, issuer: str) -> None:
    client, otto = comes(issuer).visitor, TEAM | {"sub": "00u2", "email": "otto@example.org"}
    comes(issuer, otto)
    long_ago(client)
    before = client.session["_auth_user_id"]
    answer = confirms(client, issuer, claims=otto)
    assert (answer.status_code, "Somebody else signed in" in answer.content.decode()) == (403, True)
    assert client.session["_auth_user_id"] == before
    assert pulls(client).startswith("/accounts/reauthenticate/")
    assert Client().post(CONFIRM).status_code == 404, "who is not in"
    for chosen in ("connect", "redirect"):
        begun = Client().post(f"{LOGIN}?process={chosen}", {"process": chosen})
        assert begun.status_code == 302
        requests.post(f"{issuer}/next", json={"claims": TEAM, "spoil": ""}, timeout=5)
    visitor = Client()
    begun = visitor.post(f"{LOGIN}?process=redirect", {"process": "redirect", "next": "https://evil.example/"})
    back = urlsplit(requests.get(begun["Location"], allow_redirects=False, timeout=5).headers["Location"])
    assert "evil" not in visitor.get(f"{back.path}?{back.query}")["Location"]
    assert visitor.get("/evidence/").status_code == 200, "a sign-in, whatever the form said it was"


def test_who_has_a_second_step_here_is_asked_for_that(people: People, issuer: str) -> None:
    client = comes(issuer).visitor
    nova = User.objects.get(email="nova@example.org")
    TOTP.activate(nova, "JBSWY3DPEHPK3PXP")
    assert client.get(CONFIRM).status_code == 404
    assert client.post(CONFIRM).status_code == 404
    assert client.get("/accounts/reauthenticate/", follow=True).redirect_chain[-1][0].startswith("/accounts/2fa/")


def test_a_code_or_state_of_another_session_lets_nobody_in(people: People, issuer: str) -> None:
    requests.post(f"{issuer}/next", json={"claims": TEAM, "spoil": ""}, timeout=5)
    begun = Client().post(LOGIN)
    asked = parse_qs(urlsplit(begun["Location"]).query)
    assert asked["code_challenge_method"] == ["S256"]
    assert asked["prompt"] == ["login"]
    back = urlsplit(requests.get(begun["Location"], allow_redirects=False, timeout=5).headers["Location"])
    victim = Client()
    assert victim.get(f"{back.path}?{back.query}").status_code == 403
    assert victim.get("/evidence/").status_code == 302


def test_without_an_issuer_there_is_no_such_way_in(people: People, settings: Any) -> None:
    settings.OIDC_ISSUER = ""
    assert Client().post(LOGIN).status_code == 404
    assert "your organisation" not in Client().get("/accounts/login/").content.decode().split("No account")[0]


def test_settings_that_make_no_sense_stop_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "groups.json"
    monkeypatch.setenv("EASTWEST_OIDC_GROUPS", str(file))
    for said in ("{", "[]", '{"a": {}}', '{"a": [{"role": "king"}]}', '{"a": [{"role": "engineer", "sytem": "x"}]}',
                 '{"a": [{"role": "administrator", "system": "Payroll"}]}'):  # fmt: skip
        file.write_text(said)
        with pytest.raises(ImproperlyConfigured):
            read.groups("https://login.example.org")
    file.write_text(json.dumps(GROUPS))
    assert read.groups("https://login.example.org") == GROUPS
    for address in ("http://login.example.org", "login.example.org", "ftp://x"):
        monkeypatch.setenv("EASTWEST_OIDC_ISSUER", address)
        with pytest.raises(ImproperlyConfigured):
            read.issuer()
    with pytest.raises(ImproperlyConfigured):
        read.apps("https://login.example.org")
