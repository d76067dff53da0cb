"""Several at once: one severity at a time, each by its own verb, none left out without a word."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from compliance import severity
from compliance.actions import bulk, changes, connections, estate
from compliance.actions.reconcile import reconcile
from compliance.errors import Refused
from compliance.models import Approval, ChangeRecord, LedgerInbox, Server, State
from compliance.models.estate import day_of
from tests.factories import agreed, asked, authorised, network, servers, share
from tests.people import People, everybody

pytestmark = pytest.mark.django_db


@pytest.fixture
def people() -> People:
    made = everybody()
    servers(made)
    return made


def graded(change: ChangeRecord) -> str:
    return severity.of_changes([change])[change.pk]


def ports(people: People, count: int) -> list[ChangeRecord]:
    return [asked(people, network("pay-app-01", "pay-db-01", f"tcp/{7000 + each}")) for each in range(count)]


def test_severity_says_what_could_be_done_with_it(people: People) -> None:
    low = asked(people)
    estate.add_group("web", system=people.payroll, members=[Server.objects.get(name="pay-app-01")], by=people.alex)
    estate.add_party("internet", prefixes=["0.0.0.0/0"], by=people.alex)
    by_group = asked(people, network("web", "pay-db-01"), submit=False)
    written = asked(people, share(access="rw"), submit=False)
    zone = asked(people, network("app", "pay-db-01"), submit=False)
    outside = asked(people, network("internet", "pay-app-01", "tcp/443"), submit=False)
    wide = asked(people, network("pay-app-01", "pay-db-01", "tcp/1000-2000"), submit=False)
    every = asked(people, network("pay-app-01", "pay-db-01", "any"), submit=False)
    ping = asked(people, network("pay-app-01", "pay-db-01", "icmp/8"), submit=False)
    assert [graded(one) for one in (low, ping, by_group, written)] == ["low", "low", "medium", "medium"]
    assert {graded(one) for one in (zone, outside, wide, every)} == {"high"}
    Server.objects.filter(name="pay-db-01").update(high_value=True)
    assert graded(low) == "high"
    removal = connections.retire(authorised(people, network("app", "file-01")), because="Gone.", by=people.rita)
    assert graded(removal) == "low"


@pytest.mark.both
def test_each_is_decided_by_its_own_verb_and_what_was_not_is_named(people: People) -> None:
    first, second, own, moved, gone = ports(people, 5)
    ChangeRecord.objects.filter(pk=own.pk).update(requested_by=people.omar, last_edited_by=people.omar)
    own.refresh_from_db()
    changes.withdraw(gone, by=people.rita, because="Not needed.")
    rows = [(one, one.version) for one in (first, second, own, gone)] + [(moved, moved.version - 1)]
    why = {one.pk: f"Read {one.ref}." for one, _ in rows}
    outcomes = bulk.decide(rows, "approve", because=why, by=people.omar)
    assert [one.done for one in outcomes] == [True, True, False, False, False]
    assert "Nobody decides on their own change" in outcomes[2].sentence
    assert "withdrawn" in outcomes[3].sentence
    assert "changed since you opened it" in outcomes[4].sentence
    assert {need.approval.because for need in first.needs.filter(approval__isnull=False)} == {f"Read {first.ref}."}
    assert LedgerInbox.objects.filter(data__verb="approve").count() == 2
    outcomes = bulk.decide([(first, first.version), (second, second.version)], "approve", because={}, by=people.mina)
    assert all(one.done for one in outcomes)
    first.refresh_from_db()
    assert first.state == State.APPROVED
    assert reconcile() == [] or {one.obj for one in reconcile()} == {own}


def test_severities_are_never_mixed_and_a_no_says_why(people: People) -> None:
    low, high = asked(people), asked(people, network("app", "pay-db-01"))
    with pytest.raises(Refused, match="high and low severity"):
        bulk.decide([(low, low.version), (high, high.version)], "approve", because={}, by=people.omar)
    with pytest.raises(Refused, match="Nothing was ticked"):
        bulk.decide([], "approve", because={}, by=people.omar)
    [outcome] = bulk.decide([(low, low.version)], "reject", because={}, by=people.omar)
    assert not outcome.done
    assert "No reason was given" in outcome.sentence
    [outcome] = bulk.decide([(low, None)], "approve", because={}, by=people.omar)
    assert not outcome.done, "what nobody read is not decided on"
    assert low.needs.filter(approval__isnull=False).count() == 0


def due(people: People, count: int) -> list[Any]:
    soon = (day_of(timezone.now()) + timedelta(days=20)).isoformat()
    return [
        authorised(people, network("pay-app-01", "pay-db-01", f"tcp/{7000 + each}", review_by=soon))
        for each in range(count)
    ]


@pytest.mark.both
def test_what_is_due_is_kept_narrowed_or_revoked_by_change_records(people: People) -> None:
    one, two, three = due(people, 3)
    today = day_of(timezone.now())
    authorised(people, network("pay-app-01", "file-01"))  # due next year
    listed = bulk.due(people.omar, by_day=today + timedelta(days=60), today=today)
    assert [version.connection for version in listed] == [one, two, three]
    read = {version.connection_id: version.material_hash for version in listed}
    why = {con.pk: "The pay run still reads it." for con in (one, two, three)}
    until = today + timedelta(days=300)
    keep = bulk.recertify([(one, read[one.pk])], "keep", because=why, until=until, by=people.rita)
    narrow = bulk.recertify([(two, read[two.pk])], "narrow", because=why, by=people.rita)
    revoke = bulk.recertify([(three, read[three.pk])], "revoke", because=why, by=people.rita)
    assert all(each.done for each in (*keep, *narrow, *revoke))
    kept, drafted, removal = (con.changes.order_by("-pk")[0] for con in (one, two, three))
    assert (kept.kind, kept.state, kept.material["review_by"]) == ("amend", "submitted", until.isoformat())
    assert (drafted.kind, drafted.state) == ("amend", "draft")
    assert (removal.kind, removal.state) == ("retire", "submitted")
    version = one.version_on(today)
    assert version is not None
    assert version.review_by != until, "until two people have agreed nothing is kept"
    agreed(people, kept)
    version = one.version_on(today)
    assert version is not None
    assert version.review_by == until
    assert reconcile() == []


def test_a_recertification_names_what_it_did_not_do(people: People) -> None:
    one, two = due(people, 2)
    today = day_of(timezone.now())
    read = {con.pk: con.version_on(today).material_hash for con in (one, two)}
    connections.retire(one, because="Elsewhere by now.", by=people.rita)
    rows = [(one, read[one.pk]), (two, "0" * 64)]
    until = today + timedelta(days=300)
    outcomes = bulk.recertify(rows, "keep", because={one.pk: "y", two.pk: "y"}, until=until, by=people.rita)
    assert [each.done for each in outcomes] == [False, False]
    assert "has a request open already" in outcomes[0].sentence
    assert "changed since you read it" in outcomes[1].sentence
    with pytest.raises(Refused, match="no day until which"):
        bulk.recertify([(two, read[two.pk])], "keep", because={}, until=today, by=people.rita)


def signed_in(person: Any) -> Client:
    client = Client()
    client.force_login(person, backend="allauth.account.auth_backends.AuthenticationBackend")
    session = client.session
    session["account_authentication_methods"] = [{"method": "password", "at": timezone.now().timestamp()}]
    session.save()
    return client


def test_the_check_page_never_offers_one_click_for_two_severities(people: People) -> None:
    low, other, high = asked(people), ports(people, 1)[0], asked(people, network("app", "pay-db-01"))
    client = signed_in(people.omar)
    inbox = client.get("/inbox/").content.decode()
    assert inbox.count('name="change"') == 3
    mixed = client.get(f"/inbox/bulk/?change={low.ref}&change={high.ref}").content.decode()
    assert "only these" in mixed
    assert "Do it for each" not in mixed
    both = {"change": [low.ref, high.ref], f"seen-{low.ref}": low.version, f"seen-{high.ref}": high.version}
    assert client.post("/inbox/bulk/", {**both, "verb": "approve"}).status_code == 409
    page = client.get(f"/inbox/bulk/?change={low.ref}&change={other.ref}").content.decode()
    assert "Do it for each" in page
    said = {
        "change": [low.ref, other.ref], f"seen-{low.ref}": low.version, f"seen-{other.ref}": other.version,
        "verb": "reject", "because": "Ask for both in one.", f"because-{other.ref}": "This one is there already.",
    }  # fmt: skip
    answer = client.post("/inbox/bulk/", said)
    assert answer.status_code == 200
    assert "2 of 2 done" in answer.content.decode()
    other.refresh_from_db()
    low.refresh_from_db()
    assert (low.closing_note, other.closing_note) == ("Ask for both in one.", "This one is there already.")


def test_the_recertification_pages(people: People) -> None:
    one, two = due(people, 2)
    client = signed_in(people.omar)
    page = client.get("/connections/recertify/").content.decode()
    assert one.ref in page
    assert two.ref in page
    assert one.ref not in client.get("/connections/recertify/?due=overdue").content.decode()
    assert one.ref not in client.get("/connections/recertify/?severity=high").content.decode()
    assert one.ref in client.get("/connections/recertify/?format=csv").content.decode()
    check = client.get(f"/connections/recertify/check/?connection={one.ref}&connection={two.ref}")
    assert "Keep until" in check.content.decode()
    today = day_of(timezone.now())
    said = {
        "connection": [one.ref, two.ref], "what": "keep", "until": (today + timedelta(days=200)).isoformat(),
        "because": "Both are in use.",
        **{f"seen-{con.ref}": con.version_on(today).material_hash for con in (one, two)},
    }  # fmt: skip
    answer = client.post("/connections/recertify/check/", said)
    assert "2 of 2 done" in answer.content.decode()
    assert ChangeRecord.objects.filter(kind="amend", state="submitted").count() == 2
    assert signed_in(people.ada).get("/connections/recertify/check/").status_code == 403
    assert signed_in(people.sam).get("/connections/recertify/").status_code == 200


def test_what_is_due_by_a_forged_approval_is_shown_as_such_and_cannot_be_ticked(people: People) -> None:
    one, two = due(people, 2)
    Approval.objects.filter(needed__change=one.versions.get().change).update(seal="0" * 64)
    page = signed_in(people.omar).get("/connections/recertify/").content.decode()
    assert page.count("It authorises nothing") == 1
    assert f'value="{one.ref}"' not in page
    assert f'value="{two.ref}"' in page
    file = signed_in(people.omar).get("/connections/recertify/?format=csv").content.decode()
    assert (one.ref in file, two.ref in file) == (False, True)


def test_the_register_is_filtered_by_its_terms_and_a_connection_leads_to_its_ends(people: People) -> None:
    soon, later = due(people, 1)[0], authorised(people, network("pay-app-01", "file-01"))
    today = day_of(timezone.now())
    ends = (today + timedelta(days=30)).isoformat()
    ending = authorised(people, network("file-01", "pay-app-01", ends_on=ends))
    past = (today - timedelta(days=1)).isoformat()
    overdue = authorised(people, network("pay-db-01", "file-01", review_by=past), at=timezone.now() - timedelta(days=9))
    client = signed_in(people.omar)
    for term, shown in (("soon", soon), ("ending", ending), ("overdue", overdue)):
        page = client.get(f"/connections/?term={term}").content.decode()
        assert shown.ref in page
        assert all(f">{other.ref}<" not in page for other in (soon, later, ending, overdue) if other != shown), term
    page = client.get(f"/connections/{later.ref}/").content.decode()
    assert 'href="/servers/file-01/"' in page
    assert "no flow log tells" in page
