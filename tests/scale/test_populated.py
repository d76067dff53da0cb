"""`./run populate`, small: what it writes holds together, and every page of it answers for everybody.

One estate for all of the file: it is made, looked at and taken away again. How fast pages are is measured by
`./run bench web`, never here.
"""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from benchmarks.populate.__main__ import fill
from benchmarks.populate.plan import plan_of
from benchmarks.web_site import pages as pages_of
from compliance.actions.reach import names_of_server, naming
from compliance.baseline import as_kept
from compliance.errors import Refused
from compliance.models import (
    Address,
    Approval,
    ChangeRecord,
    Connection,
    ConnectionVersion,
    LedgerInbox,
    Organisation,
    Server,
    User,
    ZonePrefix,
)
from compliance.models.carried import faults
from compliance.models.estate import day_of
from compliance.nearby import naming_by_ends
from compliance.register import wanted
from compliance.standing import register_on
from compliance.views.paging import Pages
from compliance.what_if import preview_of
from evidence import readings
from evidence.models import Comparison, Finding, Snapshot, Source, VerdictRow
from evidence.verdicts import BESIDE
from evidence.views.shown import headlines
from evidence.views.states import needing_a_look, state

CONNECTIONS, FINDINGS, RULES = 400, 300, 600
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both]


def made() -> tuple[Any, dict[str, Any]]:
    """A small organisation in the empty database of the test."""
    plan = plan_of(CONNECTIONS, FINDINGS, RULES)
    return plan, fill(plan)


def test_what_is_written_holds_together_and_nothing_is_written_beside_it() -> None:
    plan, said = made()
    connection.check_constraints()
    today = day_of(plan.now)
    assert said["connections"] == CONNECTIONS
    assert ConnectionVersion.objects.authorised_at(today).count() == CONNECTIONS, "every approval counts"
    assert faults([*Address.objects.all(), *ZonePrefix.objects.all()]) == {}
    register = register_on(today)
    assert len(wanted(register, at=today).entries) >= CONNECTIONS, "the register is one that a comparison can read"
    for snapshot in Snapshot.objects.all()[:3]:
        assert readings.load(snapshot).lines["iptables-save.txt"].unread == 0
    assert Source.objects.exclude(last_good=None).count() == said["servers"]
    assert said["rules"] >= RULES
    last = Comparison.objects.filter(published=True).first()
    heads = VerdictRow.objects.filter(comparison=last, headline=True)
    of_register = heads.filter(connection__isnull=False).exclude(verdict__in=BESIDE)
    assert of_register.count() == CONNECTIONS, "the verdicts sum to the register"
    assert Counter(of_register.values_list("verdict", flat=True)) == Counter(
        Connection.objects.exclude(drift="").values_list("drift", flat=True)
    )
    assert Finding.objects.count() == FINDINGS
    assert list(LedgerInbox.objects.values_list("verb", flat=True)) == ["populate"], "and that it is made up is said"
    assert not any(person.has_usable_password() for person in User.objects.all())
    with pytest.raises(Refused, match="it may be real"):
        fill(plan)


def test_what_is_asked_for_less_is_the_same_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything that was made to cost less in large registers, beside the plain way to the same."""
    monkeypatch.setattr("benchmarks.populate.findings.AT_ONCE", 50)  # as of many findings: written long before the end
    plan, _ = made()
    today = day_of(plan.now)
    people = list(
        User.objects.filter(email__in=[f"{name}@example.org" for name in ("owner01", "requester03", "auditor00")])
    )
    assert len(people) == 3
    for person in people:
        assert set(Connection.objects.for_user(person).values_list("pk", flat=True)) == connections_of(person)
        assert set(ChangeRecord.objects.for_user(person).values_list("pk", flat=True)) == changes_of(person)
        sources = list(Source.objects.for_user(person).select_related("last_good", "last_pull"))
        late = {row.pk for row in sources if state(row) in ("stale", "unreachable", "never", "stopped")}
        assert set(needing_a_look(Source.objects.for_user(person)).values_list("pk", flat=True)) == late
        last = Comparison.objects.filter(published=True).first()
        rows = VerdictRow.objects.for_user(person).filter(comparison=last, headline=True)
        register, others = headlines(person, last)
        assert register == Counter(row.verdict for row in rows if row.connection_id and row.verdict not in BESIDE)
        assert others == Counter(row.verdict for row in rows if not row.connection_id or row.verdict in BESIDE)
        assert last is not None
        assert as_kept(last.burned, person), "the page of Learn has what the comparison kept"
        assert last.trend
        assert sum(last.counts.values()) >= CONNECTIONS
    few, several = ConnectionVersion.objects.filter(connection__lt=30), ConnectionVersion.objects.all()
    ChangeRecord.objects.filter(pk__in=list(few.values_list("change", flat=True)[:3])).update(content_hash="0" * 64)
    Approval.objects.filter(pk__in=list(Approval.objects.values_list("pk", flat=True)[20:23])).update(seal="0" * 64)
    by_keys = {kept.pk for kept in several.authorised_at(today)}
    monkeypatch.setattr("compliance.models.connections.FEW", 10)
    assert by_keys == {kept.pk for kept in several.authorised_at(today)}
    assert CONNECTIONS - 9 <= len(by_keys) < CONNECTIONS, "what was forged counts neither way"


def connections_of(person: User) -> set[int]:
    """By walking through all of them."""
    mine, found = person.system_ids(), set()
    for row in Connection.objects.select_related("source__server", "source__group", "destination__server",
                                                 "destination__group"):  # fmt: skip
        systems = {row.system_id}
        for end in (row.source, row.destination):
            systems |= {part.system_id for part in (end.server, end.group) if part is not None}
        if mine is None or systems & mine:
            found.add(row.pk)
    return found


def changes_of(person: User) -> set[int]:
    """By walking through all of them."""
    mine = person.system_ids()
    return {
        row.pk
        for row in ChangeRecord.objects.prefetch_related("needs")
        if mine is None or row.system_id in mine or any(need.system_id in mine for need in row.needs.all())
    }


def test_what_stands_near_a_request_is_all_that_can_touch_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The preview of a request by the connections near it says word for word what it says by all of them."""
    made()
    auditor = User.objects.get(email="auditor00@example.org")
    rows = list(ChangeRecord.objects.filter(connection__isnull=False).order_by("pk"))
    by_way = [row for row in rows if row.material.get("via")][:2]
    shares = [row for row in rows if row.material["kind"] == "share"][:3]
    zones = [row for row in rows if "-web" in row.material.get("source", "") and row.material["source"].count("-") == 1]
    groups = [row for row in rows if "group" in row.material.get("source", "")][:2]
    parties = [row for row in rows if "party" in row.material.get("source", "")][:2]
    asked = [*by_way, *shares, *zones[:2], *groups, *parties, *rows[:12]]
    kinds = {"by way": by_way, "shares": shares, "zones": zones, "groups": groups, "parties": parties}
    assert [kind for kind, found in kinds.items() if not found] == []
    monkeypatch.setattr("compliance.nearby.FEW", 7)  # so that they come in several parts
    near = [preview_of(row, auditor) for row in asked]
    monkeypatch.setattr("compliance.what_if.register_near", lambda material, day: register_on(day))
    assert near == [preview_of(row, auditor) for row in asked]
    assert len({said.facts for said in near}) > len(near) // 2, "they are not all alike"


def test_what_names_a_server_is_found_by_the_ends_as_by_the_words() -> None:
    """The page of a server shows the connections that a verb on it would ask about."""
    made()
    now, kinds = timezone.now(), set()
    for server in Server.objects.order_by("name")[:40]:
        names = names_of_server(server.name, now)
        by_words = naming(names, now)
        assert naming_by_ends(names, day_of(now)) == by_words, server.name
        kinds |= {one.material["kind"] for one in by_words}
        kinds |= {"via" for one in by_words if names & set(one.material.get("via", []))}
    assert kinds == {"network", "share", "via"}


def test_every_page_of_the_benchmark_answers_everybody() -> None:
    made()
    for email in ("owner00", "manager00", "engineer00", "auditor00"):
        person = User.objects.get(email=f"{email}@example.org")
        client = Client()
        client.force_login(person, backend="allauth.account.auth_backends.AuthenticationBackend")
        wrong = [
            (page.address, status)
            for page in pages_of(person, Random(email))
            if (status := client.get(page.address).status_code) != 200
        ]
        assert wrong == [], person.email


def test_pages_go_on_beyond_what_was_counted() -> None:
    many = [Organisation(name=f"organisation {number:03}") for number in range(230)]
    Organisation.objects.bulk_create(many)
    rows = Organisation.objects.order_by("name")
    pages = Pages(rows, most=100)
    assert (pages.count, pages.more) == (100, True)
    shown = [pages.get_page(number) for number in range(1, 6)]
    assert [row.name for page in shown for row in page.object_list] == [row.name for row in many]
    assert [page.has_next() for page in shown] == [True] * 4 + [False]
    assert (shown[4].start_index(), shown[4].end_index()) == (201, 230)
    assert pages.get_page("900").number == 2, "a page that there is not: the last that was counted"
    assert pages.get_page("x").number == 1
    exact = Pages(rows, Organisation.objects.all())
    assert (exact.count, exact.more, exact.num_pages) == (230, False, 5)
    assert [row.name for row in exact.get_page(5).object_list] == [row.name for row in many[200:]]
    assert exact.get_page("900").number == 5


def test_the_same_seed_gives_the_same_organisation() -> None:
    one, other = (plan_of(50, 20, 50, day="2026-10-01") for _ in range(2))
    assert [one.draw.random() for _ in range(9)] == [other.draw.random() for _ in range(9)]
    assert one.now == other.now
    assert plan_of(50, 20, 50, seed="another").draw.random() != plan_of(50, 20, 50).draw.random()
