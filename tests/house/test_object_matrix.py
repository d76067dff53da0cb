"""The permission matrix of pages about one object, and of what changes something: every such address × every person.

One world for all: a system of Omar's with hosts that were read, a finding, a review in session and a finished pack.
Olga owns another system, Sam has no role: for them none of it exists. Who may not, gets 403 or 404 and changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest
from django.apps import apps
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from compliance.models import Job
from evidence.actions import packs
from evidence.models import Finding
from evidence.models.sources import PulledArtefact
from reviews import actions as reviews
from reviews.models import AgendaItem, ReviewAction
from tests.evidence.test_comparing import Site
from tests.house.test_matrix import ELSEWHERE, HIDDEN, MATRIX, address
from tests.people import People
from tests.reviews.test_minutes import opened

pytestmark = pytest.mark.django_db(transaction=True)

PERSONAS: Final = ("rita", "omar", "dan", "olga", "mina", "erin", "ada", "alex", "sam")
INSIDE: Final = ("rita", "omar", "dan", "mina", "erin", "ada", "alex")  # who may see Omar's system
OWNERS: Final = ("omar", "dan")
NOBODY: Final = ()
POST_ONLY: Final = None


@dataclass(frozen=True)
class Row:
    """`sees`: who gets the page (POST_ONLY: 405 for everybody who is let near). `does`: who is not refused by POST."""

    sees: tuple[str, ...] | None
    does: tuple[str, ...] = NOBODY


OBJECTS: Final[dict[str, Row]] = {
    "finding": Row(INSIDE, INSIDE),
    "finding_acknowledge": Row(INSIDE, INSIDE),
    "finding_accept": Row(INSIDE, INSIDE),
    "source": Row(INSIDE, INSIDE),
    "source_raw": Row(INSIDE, INSIDE),
    "source_upload": Row(POST_ONLY, INSIDE),
    "source_pull": Row(POST_ONLY, (*OWNERS, "erin", "alex")),
    "source_accept": Row(NOBODY, (*OWNERS, "erin")),  # nothing waits here: test_smaller.py
    "pack": Row(INSIDE, INSIDE),
    "pack_verify": Row(POST_ONLY, INSIDE),
    "pack_again": Row(POST_ONLY, NOBODY),  # of one that failed: tests/evidence/test_given_up.py
    "pack_zip": Row((*OWNERS, "mina", "ada"), (*OWNERS, "mina", "ada")),
    "pack_pdf": Row((*OWNERS, "mina", "ada"), (*OWNERS, "mina", "ada")),
    "review": Row(INSIDE, INSIDE),
    "review_open": Row(INSIDE, INSIDE),
    "review_sign": Row(INSIDE, INSIDE),
    "review_minutes": Row(NOBODY, NOBODY),  # there are none before sign-off: tests/reviews/test_minutes.py
    "review_decide": Row(POST_ONLY, (*OWNERS, "mina")),
    "review_attendees": Row(POST_ONLY, (*OWNERS, "mina")),
    "review_action": Row(POST_ONLY, INSIDE),
    "review_action_done": Row(POST_ONLY, (*OWNERS, "mina", "erin")),
    "job": Row(("erin", "alex"), ("erin", "alex")),
    "job_cancel": Row(POST_ONLY, NOBODY),  # nothing runs: tests/compliance/test_jobs.py
    "evidence_build": Row(POST_ONLY, (*OWNERS, "olga", "mina", "ada")),  # of one's own systems
    "pack_build": Row(POST_ONLY, NOBODY),  # of which system? tests/packs
}
# neither an object's nor a verb's: walked in test_matrix.py and in tests/browser
APART: Final = {"home", "setup_link"}


@dataclass(frozen=True)
class World:
    """The people, and the address of each route."""

    people: People
    paths: dict[str, str]


@pytest.fixture
def world(tmp_path: Path) -> World:
    site = Site(tmp_path)
    site.read()
    site.compare()
    people, today = site.people, timezone.localdate()
    review = opened(people)
    action = reviews.add_action(review, text="Close the port", owner=people.erin, due=today, by=people.mina)
    pack = packs.ask(systems=[people.payroll], since=today - timedelta(days=30), until=today, by=people.ada)
    packs.build(pack)
    source = site.sources[0]
    raw = PulledArtefact.objects.filter(pull__source=source)[0]
    numbers = {
        "finding": {"number": Finding.objects.all()[0].pk}, "source": {"number": source.pk},
        "pack": {"number": pack.pk}, "review": {"number": review.pk},
        "job": {"number": Job.objects.filter(kind="pull")[0].pk},
    }  # fmt: skip
    special = {
        "source_raw": {"number": source.pk, "artefact": raw.pk},
        "review_decide": {"number": review.pk, "item": AgendaItem.objects.filter(review=review)[0].pk},
        "review_action_done": {"number": ReviewAction.objects.get(pk=action.pk).pk},
        "evidence_build": {}, "pack_build": {},
    }  # fmt: skip
    paths = {name: reverse(name, kwargs=special.get(name, numbers.get(name.partition("_")[0], {}))) for name in OBJECTS}
    return World(people, {name: address(name, site.change) for name in MATRIX} | paths)


def signed_in(people: People, persona: str) -> Client:
    client = Client()
    client.force_login(getattr(people, persona), backend="allauth.account.auth_backends.AuthenticationBackend")
    return client


def rows() -> dict[str, int]:
    """How many rows each table has; what is only about the visit itself is left out."""
    return {
        model._meta.label: model._default_manager.count()
        for model in apps.get_models()
        if model._meta.app_label not in {"sessions", "account", "contenttypes", "auth"}
    }


def test_every_route_with_an_object_has_a_row() -> None:
    assert sorted(OBJECTS.keys() ^ ((ELSEWHERE | {"job"}) - APART)) == []


def test_who_sees_and_who_may_do(world: World) -> None:
    wrong = []
    todo = ReviewAction.objects.values().get()
    for name, row in OBJECTS.items():
        for persona in PERSONAS:
            got = signed_in(world.people, persona).get(world.paths[name]).status_code
            near = (405,) if row.sees is POST_ONLY else (200,) if persona in row.sees else HIDDEN
            if got not in near:
                wrong.append(f"GET {persona} {name}: {got}, expected {near}")
    for name, row in OBJECTS.items():
        for persona in (one for one in PERSONAS if one not in row.does):
            before = rows()
            got = signed_in(world.people, persona).post(world.paths[name]).status_code
            if got not in HIDDEN or rows() != before:
                wrong.append(f"POST {persona} {name}: {got} and not refused without a trace")
        for persona in row.does:
            ReviewAction.objects.filter(pk=todo["id"]).update(**todo)  # what the one before did is undone
            got = signed_in(world.people, persona).post(world.paths[name]).status_code
            if got in HIDDEN:
                wrong.append(f"POST {persona} {name}: {got}, and may")
    assert not wrong, "\n".join(wrong)


def test_strangers_change_nothing_by_any_post(world: World) -> None:
    """Nobody, Sam and (where the object is not hers) Olga, at every address, with the site's own token and without."""
    wrong = []
    for name, path in world.paths.items():
        strict = Client(enforce_csrf_checks=True)
        strict.force_login(world.people.omar, backend="allauth.account.auth_backends.AuthenticationBackend")
        visitors = {"nobody": Client(), "sam": signed_in(world.people, "sam"), "omar without the token": strict}
        if name in OBJECTS and OBJECTS[name].sees is not None and name != "job":
            visitors["olga"] = signed_in(world.people, "olga")
        for who, client in visitors.items():
            before = rows()
            status = client.post(path, {"because": "x", "state": "approved"}).status_code
            if rows() != before or (who == "omar without the token" and status != 403):
                wrong.append(f"{who} {name}: {status}")
    assert not wrong, "\n".join(wrong)
