"""Hostile words in every text column of every row: none is active on any page or in any list; a broken one is found."""

from __future__ import annotations

import pytest
from django.core import mail
from django.db import transaction
from django.template import engines
from django.test import Client
from django.utils import html

from compliance import downloads
from compliance.actions import jobs
from compliance.models import Outbound
from compliance.notices import tell
from compliance.spreadsheets import guarded
from evidence.models import Source, SourceSecret
from tests.matrix import api, targets
from tests.matrix.known import known
from tests.matrix.world import OURS, World
from tests.payloads.columns import plant
from tests.payloads.corpus import FIELDS
from tests.payloads.leaks import in_csv, in_headers, in_html, in_mail
from tests.payloads.outputs import client_of, pages, refreshed
from tests.payloads.tally import Tally
from tests.people import everybody

LISTS = ("connections", "changes", "findings", "servers", "zones", "groups", "risks", "audit", "rule-changes")


def test_every_route_is_known_to_the_walk() -> None:
    assert [*targets.unknown_rows(), *api.unknown_rows()] == []


def test_what_is_active_is_found_and_what_is_escaped_is_not() -> None:
    assert not [one for one in FIELDS if in_html(f'<p title="{html.escape(one)}">{html.escape(one)}</p>')]
    assert sum(bool(in_html(f"<p>{one}</p>")) for one in FIELDS) > 30
    assert in_csv('a,"\u00a0=1+1"\r\n')
    assert in_csv('a,"\n=1+1"\r\n')
    assert not in_csv("a,'=1+1,-3\r\n")
    assert in_headers({"Location": "/\\lk7x-evil.example/"})
    assert not in_headers({"Location": "/accounts/login/?next=//lk7x-evil.example/"})
    assert in_mail(b"To: a@b\r\nBcc: c@d\r\n\r\nx", ["a@b"])


@pytest.mark.beside
@pytest.mark.django_db
@pytest.mark.usefixtures("as_it_runs")
def test_no_page_and_no_list_runs_what_a_column_holds_nor_stops_at_it(monkeypatch: pytest.MonkeyPatch) -> None:
    world = known()
    with transaction.atomic():
        altered_past_eastwest(world)
        transaction.set_rollback(True)
    cells, columns = plant()
    assert cells > 300
    assert len(columns) > 60
    refreshed(world)
    tally, asker = Tally(), client_of(world.sides[OURS].asker)
    shown = pages(world, {"asker": asker, "administrator": client_of(world.people.alex)}, tally)
    assert len(shown) > 55
    assert tally.outputs > 400
    assert tally.leaks == []
    found_out(asker, monkeypatch)


def altered_past_eastwest(world: World) -> None:
    """A row that no verb would write stops neither its page nor its mail."""
    side, row = world.sides[OURS], Outbound.objects.exclude(to__is_service=True)[0]
    Outbound.objects.filter(pk=row.pk).update(subject="Done\r\nBcc: x@evil.example", sent_at=None, how="at_once")
    job = jobs.enqueue("send", key="again", args={"outbound": row.pk})
    jobs.run_job(job.pk)
    assert [message.subject for message in mail.outbox] == ["Done Bcc: x@evil.example"]
    assert SourceSecret.objects.exclude(public="").update(public="ssh-ed25519 $(reboot)") > 0
    sources = list(Source.objects.filter(pk__in=SourceSecret.objects.values("source"), server__system=side.system))
    assert sources
    for source in sources:
        page = client_of(side.asker).get(f"/sources/{source.pk}/")
        assert (page.status_code, b"reboot" in page.content) == (200, False)


def found_out(asker: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """With its guards taken away the application leaks, and it is seen: no page escapes, no list guards its cells."""
    for broken, query in ((engines["django"].engine, ""), (downloads, "?format=csv")):
        tally = Tally()
        with monkeypatch.context() as taken:
            if broken is downloads:
                taken.setattr(downloads, "guarded", str)
            else:
                taken.setattr(broken, "autoescape", False)
            for page in LISTS:
                tally.look(page, asker.get(f"/{page}/{query}"))
        assert tally.leaks, query


@pytest.mark.parametrize("text", ["=1+1", "\n=1+1", "\u00a0=1", " \ufeff@SUM(A1)", "\uff1d1+1", "-2+3", "\t=x"])
def test_no_cell_begins_a_formula(text: str) -> None:
    assert guarded(text).startswith("'")
    assert guarded(f"a{text}") == f"a{text}"


@pytest.mark.django_db
def test_the_subject_of_a_message_is_one_line() -> None:
    people = everybody()
    tell(people.rita, key="k", subject="Done\r\nBcc: x@evil.example", body="b", path="/inbox/")
    [message] = Outbound.objects.filter(to=people.rita)
    assert "\n" not in message.subject
    assert "\r" not in message.subject
