"""The permission matrix: every address of the app × every person, as a literal table. A new route without a row fails.

Rows: open (nobody need sign in), all (everybody with a role may look), or the personas who may; the others are refused
or see nothing. Strangers (Sam, no role) never see a record.
"""

from __future__ import annotations

from typing import Any, Final

import pytest
from django.test import Client
from django.urls import URLPattern, get_resolver

from compliance.models import User
from tests.factories import asked, servers
from tests.people import People, everybody

PERSONAS: Final = ("rita", "omar", "mina", "erin", "ada", "alex", "sam")
ROLED: Final = ("rita", "omar", "mina", "erin", "ada", "alex")
ANYBODY: Final = PERSONAS  # a page without records: it says that there is nothing for this person
# name of the route → who gets its page by GET. Verbs of others answer 403, 404 or 409.
MATRIX: Final[dict[str, tuple[str, ...]]] = {
    "healthz": ANYBODY,
    "inbox": ANYBODY,
    "inbox_change": ROLED,
    "changes": ANYBODY,
    "change": ROLED,
    "change_approve": ("omar", "mina"),
    "change_reject": ("omar", "mina"),
    "change_submit": (),
    "change_edit": (),  # a draft's, and its requester's: tests/compliance/test_drafts.py
    "change_again": (),  # of what was turned down: tests/compliance/test_drafts.py
    "change_withdraw": ("rita", "omar"),
    "change_implement": (),
    "change_dispute": (),
    "help_changes": ANYBODY,
    "request": ("rita", "omar", "erin"),
    "request_sent": ROLED,
    "connections": ANYBODY,
    "connection": ROLED,
    "connection_retire": ROLED,
    "shares": ANYBODY,
    "servers": ANYBODY,
    "setup": ANYBODY,
    "organisation_add": ("alex",),
    "system_add": ("alex",),
    "zone_add": ("alex",),
    "person_add": ("alex",),
    "role_add": ("alex",),
    "review_schedule": ("omar", "mina"),
    "import": ("omar", "erin", "alex"),
    "job": ("erin", "alex"),
    "evidence": ANYBODY,
    "findings": ANYBODY,
    "rule_changes": ANYBODY,
    "sources": ANYBODY,
    "source_add": ("erin", "alex"),
    "packs": ANYBODY,
    "pack_verify_upload": ANYBODY,
    "reviews": ANYBODY,
}
# reached only with an object of their own, or by POST: scoped by for_user() and tested beside their verbs
ELSEWHERE: Final = {
    "home", "setup_link", "job_cancel", "evidence_build", "finding", "finding_acknowledge", "finding_accept", "source",
    "source_upload", "source_accept", "source_pull", "source_raw", "pack_build", "pack", "pack_verify", "pack_again",
    "pack_zip", "pack_pdf", "review", "review_open", "review_decide", "review_attendees", "review_action",
    "review_action_done", "review_sign", "review_minutes",
}  # fmt: skip
# what a record's page may answer to somebody it is not for
HIDDEN: Final = (403, 404)
# POST by nobody: every one of these changes something, and asks who it is first
POSTS: Final = ("evidence_build", "pack_build", "request")

pytestmark = pytest.mark.django_db


def routes() -> list[str]:
    """The names of the app's own routes, from the URLconf itself."""
    found = []
    for included in get_resolver().url_patterns:
        if str(getattr(included, "app_name", "") or "") == "admin" or "allauth" in str(included):
            continue
        nested = getattr(included, "url_patterns", None)
        found += [str(each.name) for each in (nested or [included]) if isinstance(each, URLPattern)]
    return found


def test_every_route_has_a_row() -> None:
    known = set(MATRIX) | ELSEWHERE
    named = {name for name in routes() if not name.startswith(("account_", "mfa_"))}
    assert sorted(named - known) == []
    assert sorted(known - named) == []


def address(name: str, change: Any) -> str:
    """The address of a route, with the change or connection it is about."""
    from django.urls import reverse

    if name.startswith("connection") and name != "connections":
        return reverse(name, kwargs={"number": change.connection_id})
    if name in ("change", "request_sent", "inbox_change") or name.startswith("change_"):
        return reverse(name, kwargs={"number": change.pk})
    return reverse(name, kwargs={"number": 1} if name == "job" else {})


def test_who_gets_which_page() -> None:
    people: People = everybody()
    servers(people)
    change = asked(people)
    wrong = []
    for name, allowed in MATRIX.items():
        path = address(name, change)
        for persona in PERSONAS:
            client = Client()
            person: User = getattr(people, persona)
            client.force_login(person, backend="allauth.account.auth_backends.AuthenticationBackend")
            status = client.get(path).status_code
            expected = (200,) if persona in allowed else HIDDEN
            if status not in expected:
                wrong.append(f"{persona} {path}: {status}, expected {expected}")
    assert not wrong, "\n".join(wrong)


def test_who_is_not_signed_in_sees_the_sign_in_page_only() -> None:
    people = everybody()
    servers(people)
    change = asked(people)
    wrong = []
    for name in MATRIX:
        answer = Client().get(address(name, change))
        if name != "healthz" and not (answer.status_code == 302 and "/accounts/login/" in answer["Location"]):
            wrong.append(f"{name}: {answer.status_code}")
    for name in POSTS:
        answer = Client().post(address(name, change))
        if answer.status_code != 302:
            wrong.append(f"POST {name}: {answer.status_code}")
    assert not wrong, "\n".join(wrong)


def test_a_stranger_sees_no_record_in_any_list() -> None:
    people = everybody()
    servers(people)
    change = asked(people)
    client = Client()
    client.force_login(people.sam, backend="allauth.account.auth_backends.AuthenticationBackend")
    for path in (
        "/connections/",
        "/changes/",
        "/servers/",
        "/inbox/",
        "/findings/",
        "/rule-changes/",
        "/sources/",
        "/packs/",
        "/reviews/",
    ):
        text = client.get(path).content.decode()
        assert change.ref not in text
        assert "pay-db-01" not in text
