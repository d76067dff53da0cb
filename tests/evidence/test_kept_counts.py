"""What pages count and give again: counted anew once somebody decides, and after another reading."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from compliance.models import LedgerInbox, Server, User
from compliance.views import keeping
from evidence.models import Finding, Pull, Source
from tests.factories import authorised, network, servers
from tests.people import People, everybody

pytestmark = [pytest.mark.both, pytest.mark.django_db]


@pytest.fixture
def people(settings: Any) -> Iterator[People]:
    settings.NAV_KEPT_S = 60  # elsewhere in the tests nothing is kept
    keeping.forget()
    them = everybody()
    servers(them)
    yield them
    keeping.forget()


def page(person: User, address: str) -> tuple[Any, int]:
    """The context of a page, and how many statements it took."""
    client = Client()
    client.force_login(person, backend="allauth.account.auth_backends.AuthenticationBackend")
    with CaptureQueriesContext(connection) as asked:
        answer = client.get(address)
    assert answer.status_code == 200
    return answer.context, len(asked)


def ends(person: User, name: str) -> tuple[int, int]:
    """How many connections the list of servers says name one as their destination, and as their source."""
    [row] = [one for one in page(person, "/servers/")[0]["page"].object_list if one["name"] == name]
    return row["inbound"], row["outbound"]


def found(server: Server, number: int) -> Finding:
    now = timezone.now()
    return Finding.objects.create(
        fingerprint=f"{number:064x}", system=server.system, verdict="permits_more", certainty="definite",
        subject=f"rule {number}", server=server, because="A test.", first_seen=now, last_seen=now,
    )  # fmt: skip


def chips(person: User) -> dict[str, int]:
    """How many of each verdict stand above the list of findings."""
    return {one["name"]: one["count"] for one in page(person, "/findings/")[0]["counts"]}


def test_connections_of_a_server_are_counted_anew_once_one_is_authorised(people: People) -> None:
    before = ends(people.mina, "pay-db-01")
    authorised(people, network())
    assert ends(people.mina, "pay-db-01") == (before[0] + 1, before[1])


@pytest.mark.django_db(transaction=True)  # what programs write is said in the ledger when it is committed
def test_verdicts_are_counted_anew_once_a_finding_opens_or_is_cured(people: People) -> None:
    server = Server.objects.get(name="pay-db-01")
    one, _ = found(server, 1), found(server, 2)
    assert chips(people.mina) == {"permits_more": 2}
    one.state = Finding.State.CURED
    one.save()
    assert chips(people.mina) == {"permits_more": 1}
    found(server, 3)
    assert chips(people.mina) == {"permits_more": 2}


def test_nobody_is_given_the_counts_of_other_systems(people: People) -> None:
    server = Server.objects.get(name="pay-db-01")
    found(server, 1)
    assert chips(people.mina) == {"permits_more": 1}
    assert people.olga.system_ids() == {people.platform.pk}
    assert chips(people.olga) == {}


def test_the_last_days_of_a_source_are_those_after_its_last_reading(people: People) -> None:
    server = Server.objects.get(name="pay-db-01")
    row = Source.objects.create(name="pay-db-01 rules", kind=Source.Kind.UPLOAD, server=server, system=server.system)

    def said() -> str:
        [one] = page(people.mina, "/sources/")[0]["page"].object_list
        return str(one["strip"]["said"])

    assert "read, something had changed" not in said()
    now = timezone.now()
    pull = Pull.objects.create(
        source=row, state=Pull.State.OK, started_at=now, finished_at=now, published=True,
    )  # fmt: skip
    row.last_pull, row.last_seen_at = pull, now
    row.save()
    assert "1 read, something had changed" in said()


def test_a_page_asks_less_the_second_time(people: People) -> None:
    found(Server.objects.get(name="pay-db-01"), 1)
    for address in ("/servers/", "/findings/", "/evidence/", "/inbox/"):
        first, again = page(people.mina, address)[1], page(people.mina, address)[1]
        assert again < first, address


def test_another_process_gives_again_what_one_counted(people: People) -> None:
    found(Server.objects.get(name="pay-db-01"), 1)
    page(people.mina, "/findings/")
    _, again = page(people.mina, "/findings/")
    keeping._kept.clear()  # another process has only what they share
    assert page(people.mina, "/findings/")[1] == again


@pytest.mark.django_db(transaction=True)
def test_another_process_counts_anew_once_somebody_decided(people: People) -> None:
    server = Server.objects.get(name="pay-db-01")
    found(server, 1)
    before = ends(people.mina, "pay-db-01")
    assert chips(people.mina) == {"permits_more": 1}
    authorised(people, network())
    found(server, 2)
    keeping._kept.clear()
    assert chips(people.mina) == {"permits_more": 2}
    assert ends(people.mina, "pay-db-01") == (before[0] + 1, before[1])


def test_another_process_gives_nobody_the_counts_of_another(people: People) -> None:
    def menu(person: User) -> int:
        return keeping.kept(person, ("menu", person.pk), lambda: person.pk)

    for person in (people.mina, people.olga):
        menu(person)
    keeping._kept.clear()
    assert (menu(people.mina), menu(people.olga)) == (people.mina.pk, people.olga.pk)


def test_an_entry_that_was_committed_late_counts_although_another_is_the_last(people: People) -> None:
    """PostgreSQL gives numbers as rows are written; whoever committed later may have the smaller one."""

    def entry(number: int) -> None:
        LedgerInbox.objects.create(pk=number, data={"verb": "approve"}, verb="approve")

    def asked(said: str) -> str:
        return keeping.kept(User.objects.get(pk=people.mina.pk), "a number", lambda: said)

    entry(1_000_002)
    assert (asked("before"), asked("after")) == ("before", "before")
    entry(1_000_001)
    assert asked("after") == "after"
