"""A form sent after the session was over is kept for its own person, comes back once they are in, and is never sent."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from compliance.actions import typed as verbs
from compliance.models import ChangeRecord, KeptForm, User
from compliance.views.sessions import SEEN
from tests.factories import asked, servers
from tests.people import PASSWORD, People, everybody

pytestmark = [pytest.mark.django_db, pytest.mark.both]
NEED = "The pay run reads the hours of all staff each night, as agreed with Omar."
REASON = {"because": NEED, "csrfmiddlewaretoken": "x"}


@pytest.fixture
def people(db: None) -> People:
    """Everybody, with a request that waits."""
    them = everybody()
    servers(them)
    for person in (them.omar, them.mina):
        person.set_password(PASSWORD)
        person.save()
    return them


@pytest.fixture
def change(people: People) -> ChangeRecord:
    """What Rita asked for."""
    return asked(people)


def sign_in(client: Client, person: User) -> Any:
    """Through the page."""
    return client.post("/accounts/login/", {"login": person.email, "password": PASSWORD})


def let_it_end(how: str, client: Client) -> None:
    """Ends the session: by idling, on the server's side, or by the browser that dropped the cookie."""
    if how == "idle":
        session = client.session
        session[SEEN] = time.time() - 24 * 3600
        session.save()
    elif how == "gone":
        Session.objects.all().delete()
    else:
        del client.cookies["sessionid"]


@pytest.mark.parametrize("how", ["idle", "gone", "dropped"])
def test_what_was_typed_comes_back_to_its_person(people: People, change: ChangeRecord, how: str) -> None:
    client, page = Client(), f"/changes/{change.ref}/reject/"
    sign_in(client, people.omar)
    assert client.get(page).context["kept_forms"] == []
    let_it_end(how, client)
    answer = client.post(page, REASON, headers={"Referer": f"http://testserver{page}"})
    assert answer["Location"] == f"/accounts/login/?next={page}"
    assert "What you typed is kept for you" in client.get(answer["Location"]).content.decode()
    change.refresh_from_db()
    assert change.state == "submitted", "nothing is done with it"

    sign_in(client, people.omar)
    shown = client.get(page)
    assert NEED in shown.content.decode()
    assert [one["data"] for one in shown.context["kept_forms"]] == [{"action": page, "typed": {"because": [NEED]}}]
    assert client.get("/inbox/").context["kept_forms"] == []
    assert client.get(page).context["kept_forms"], "it stays until it is sent or thrown away"
    assert client.post(page, {"because": NEED, "seen": change.version}).status_code == 302
    assert not KeptForm.objects.exists(), "it was sent"


def test_nobody_else_sees_it_in_the_same_browser(people: People, change: ChangeRecord) -> None:
    client, page = Client(), f"/changes/{change.ref}/reject/"
    sign_in(client, people.omar)
    Session.objects.all().delete()
    client.post(page, REASON)
    sign_in(client, people.mina)
    said = client.get(page)
    assert said.context["kept_forms"] == []
    assert NEED not in said.content.decode()
    number = KeptForm.objects.get().pk
    assert client.post(f"/kept/{number}/forget/").status_code == 404
    sign_in(fresh := Client(), people.omar)
    assert NEED in fresh.get(page).content.decode(), "bound to the person, not to the browser"
    assert fresh.post(f"/kept/{number}/forget/")["Location"] == page
    assert not KeptForm.objects.exists()


def test_a_forged_form_and_a_forged_cookie_keep_nothing(people: People, change: ChangeRecord) -> None:
    client, page = Client(enforce_csrf_checks=True), f"/changes/{change.ref}/reject/"
    client.get("/accounts/login/")
    token = client.cookies["csrftoken"].value
    client.post("/accounts/login/", {"login": people.omar.email, "password": PASSWORD, "csrfmiddlewaretoken": token})
    client.get(page)
    Session.objects.all().delete()
    client.post(page, REASON)
    assert not KeptForm.objects.exists(), "a form of another site carries no token"
    good = {**REASON, "csrfmiddlewaretoken": client.cookies["csrftoken"].value}
    own = client.cookies["whose"].value
    client.cookies["whose"] = f"{people.mina.pk}:forged"
    client.post(page, good)
    assert not KeptForm.objects.exists(), "the cookie is signed"
    client.cookies["whose"] = own
    client.post(page, good)
    assert KeptForm.objects.get().person == people.omar


def test_secrets_files_and_other_pages_are_not_kept(people: People) -> None:
    omar, page = people.omar, "/requests/new/"
    typed = {"password": ["x"], "new_secret": ["y"], "code": ["123456"], "title": ["The pay run"], "api_token": ["z"]}
    row = verbs.keep(omar, page=page, action=page, typed=typed)
    assert row is not None
    assert row.typed == {"title": ["The pay run"]}
    assert verbs.keep(omar, page=page, action=page, typed={"password": ["x"], "seen": [""]}) is None
    assert verbs.keep(omar, page=page, action=page, typed={"title": ["x" * 70_000]}) is None
    client = Client()
    sign_in(client, omar)
    Session.objects.all().delete()
    KeptForm.objects.all().delete()
    client.post("/sources/1/secret/", {"name": "reader", "how": "typed"})
    client.post("/nothing/is/here/", {"name": "reader"})
    assert not KeptForm.objects.exists()


def test_it_is_kept_for_a_day_and_not_without_end(people: People) -> None:
    omar, long_ago = people.omar, timezone.now() - timedelta(hours=25)
    verbs.keep(omar, page="/old/", action="/old/", typed={"a": ["b"]}, at=long_ago)
    assert verbs.kept_for(omar, "/old/") == []
    for number in range(15):
        verbs.keep(omar, page=f"/{number}/", action="/", typed={"a": ["b"]})
    assert KeptForm.objects.filter(person=omar).count() == verbs.MOST
    assert not KeptForm.objects.filter(page="/old/").exists(), "swept"
    omar.is_active = False
    assert verbs.keep(omar, page="/x/", action="/", typed={"a": ["b"]}) is None


def test_minutes_that_a_script_sends_lead_the_whole_page_to_the_sign_in(people: People) -> None:
    client = Client()
    sign_in(client, people.mina)
    Session.objects.all().delete()
    headers = {"HX-Request": "true", "HX-Current-URL": "http://testserver/reviews/REV-1/?item=3"}
    answer = client.post("/reviews/REV-1/items/3/", {"note": NEED}, headers=headers)
    assert (answer.status_code, answer["HX-Redirect"]) == (204, "/accounts/login/?next=/reviews/REV-1/%3Fitem%3D3")
    row = KeptForm.objects.get()
    assert (row.page, row.action) == ("/reviews/REV-1/?item=3", "/reviews/REV-1/items/3/")
    headers["HX-Current-URL"] = "https://evil.example/reviews/"
    client.post("/reviews/REV-1/items/4/", {"note": NEED}, headers=headers)
    assert KeptForm.objects.first().page == "/reviews/REV-1/items/4/", "only a page of ours is led back to"
