"""Rule changes and change records, both ways: whose change it is, what goes beyond, what has no record or no change."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.test import Client

from compliance.actions import changes, connections, estate, widening
from evidence.models import Finding, RuleChange
from evidence.undelivered import without_delta
from tests.evidence.site import APP, DATA, Site, allow_in, allow_out, put
from tests.factories import WHY, agreed, asked, network
from tests.people import LONG_AGO

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both]


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Both hosts read while everything is closed; the connection is approved, nothing is done."""
    made = Site(tmp_path)
    put(made.app)
    put(made.data)
    made.read()
    made.compare()
    return made


def outcomes(site: Site) -> dict[tuple[str, str, str], tuple[str, str]]:
    """(host, point, direction) → (outcome, record) after reading both hosts and comparing."""
    site.read()
    site.compare()
    rows = RuleChange.objects.select_related("server", "change")
    return {
        (row.server.name, row.point, row.direction): (row.outcome, row.change.ref if row.change else "")
        for row in rows.order_by("pk")
    }


def carry_out(site: Site, port: str = "5432", comment: str = "") -> None:
    """The engineer changes both hosts."""
    note = f' -m comment --comment "{comment}"' if comment else ""
    put(site.app, allow_out(DATA, "5432"))
    put(site.data, allow_in(APP, port).replace(" -j ", f"{note} -j "))


def test_the_first_reading_is_held_against_nothing(site: Site) -> None:
    assert not RuleChange.objects.exists()


def test_a_change_as_approved_belongs_to_its_record(site: Site) -> None:
    carry_out(site)
    ref = site.change.ref
    assert outcomes(site) == {
        ("pay-app-01", "OUTPUT", "opened"): ("recorded", ref),
        ("pay-db-01", "INPUT", "opened"): ("recorded", ref),
    }
    assert {tuple(row.matched) for row in RuleChange.objects.all()} == {("content", "window")}
    assert not Finding.objects.standing().filter(verdict="changed_without_record").exists()


def test_what_goes_beyond_the_record_is_a_surplus_and_a_finding_that_names_it(site: Site) -> None:
    carry_out(site, "1:65535", comment=site.change.ref)
    assert outcomes(site)["pay-db-01", "INPUT", "opened"] == ("surplus", site.change.ref)
    row = RuleChange.objects.get(outcome="surplus")
    assert row.matched == ["ticket", "content", "window"]
    assert "approved 10.20.20.31 → 10.20.30.31 tcp/5432" in row.because
    assert all(not box[8] <= 5432 <= box[9] for box in row.surplus)
    finding = Finding.objects.standing().get(verdict="changed_without_record")
    assert site.change.ref in finding.because
    carry_out(site, comment=site.change.ref)
    assert outcomes(site)["pay-db-01", "INPUT", "closed"] == ("repair", "")
    finding.refresh_from_db()
    assert finding.state == "cured"
    assert finding.cured_by.exists()


def test_another_rule_has_no_record_even_when_a_record_is_open(site: Site) -> None:
    put(site.data, allow_in(APP, "22"))
    assert outcomes(site) == {("pay-db-01", "INPUT", "opened"): ("unrecorded", "")}


@pytest.mark.parametrize("comment", ["CHG-{}1", "XCHG-{}", "CHG-{}-b"])
def test_a_ticket_is_a_word_of_its_own(site: Site, comment: str) -> None:
    carry_out(site, "22", comment=comment.format(site.change.pk))
    assert outcomes(site)["pay-db-01", "INPUT", "opened"] == ("unrecorded", "")


def test_the_window_ends_when_the_change_is_done(site: Site) -> None:
    carry_out(site)
    site.read()
    changes.implement(site.change, by=site.people.erin)
    outcomes(site)
    put(site.data)
    assert outcomes(site)["pay-db-01", "INPUT", "closed"] == ("unrecorded", ""), (
        "it is authorised and nobody took it away"
    )
    carry_out(site, comment=site.change.ref)
    assert outcomes(site)["pay-db-01", "INPUT", "opened"] == ("unrecorded", "")
    assert f"It names {site.change.ref}" in RuleChange.objects.latest("pk").because


def test_a_reading_that_showed_no_change_ends_the_window_of_what_was_done_before_it(site: Site) -> None:
    """Months may lie between two snapshots: what was seen unchanged last night did not change last month."""
    carry_out(site)
    site.read()
    changes.implement(site.change, by=site.people.erin)
    outcomes(site)
    assert [row.state for row in site.read()] == ["unchanged", "unchanged"]
    put(site.data, allow_in(APP, "5432"), allow_in(APP, "5432"), allow_in(APP, "5433"))
    late = agreed(site.people, asked(site.people, network("pay-app-01", "pay-db-01", "tcp/5433")))
    changes.implement(late, by=site.people.erin)
    assert outcomes(site)["pay-db-01", "INPUT", "opened"] == ("recorded", late.ref)
    [last] = RuleChange.objects.filter(change=late)
    assert last.delta.since > last.delta.before.observed_at


def test_a_removal_is_attributed_as_well(site: Site) -> None:
    carry_out(site)
    site.read()
    changes.implement(site.change, by=site.people.erin)
    removal = connections.retire(site.connection, because="The application is gone.", by=site.people.rita)
    agreed(site.people, removal)
    put(site.app)
    put(site.data)
    found = outcomes(site)
    assert found["pay-db-01", "INPUT", "closed"] == ("recorded", removal.ref)
    assert found["pay-app-01", "OUTPUT", "closed"] == ("recorded", removal.ref)


def test_a_record_that_comes_later_is_found_at_the_next_comparison_only_if_its_window_holds(site: Site) -> None:
    put(site.data, allow_in(APP, "5433"))
    assert outcomes(site)["pay-db-01", "INPUT", "opened"] == ("unrecorded", "")
    late = agreed(site.people, asked(site.people, network("pay-app-01", "pay-db-01", "tcp/5433")))
    assert outcomes(site)["pay-db-01", "INPUT", "opened"] == ("unrecorded", ""), f"{late.ref} was approved afterwards"


def test_an_approval_forged_by_raw_sql_covers_nothing(site: Site) -> None:
    from compliance.models import ChangeRecord

    put(site.data, allow_in(APP, "5433"))
    wanted = asked(site.people, network("pay-app-01", "pay-db-01", "tcp/5433"))
    ChangeRecord.objects.filter(pk=wanted.pk).update(state="approved", decided_at=wanted.created_at)
    assert outcomes(site)["pay-db-01", "INPUT", "opened"] == ("unrecorded", "")


def test_an_amendment_opens_the_new_and_closes_the_old(site: Site) -> None:
    carry_out(site)
    site.read()
    changes.implement(site.change, by=site.people.erin)
    material = network("pay-app-01", "pay-db-01", "tcp/6432")
    amended = agreed(
        site.people,
        connections.amend(site.connection, material=material, justification=WHY, title="Pooled", by=site.people.rita),
    )
    put(site.app, allow_out(DATA, "6432"))
    put(site.data, allow_in(APP, "6432"))
    found = outcomes(site)
    assert found["pay-db-01", "INPUT", "opened"] == ("recorded", amended.ref)
    assert found["pay-db-01", "INPUT", "closed"] == ("recorded", amended.ref)


def test_a_record_that_no_rule_changed_for_is_said(site: Site) -> None:
    later = agreed(site.people, asked(site.people, network("pay-app-01", "pay-db-01", "tcp/5433")))
    for change in (site.change, later):
        changes.implement(change, by=site.people.erin)
        change.refresh_from_db()
    assert without_delta([site.change, later]) == [], "the servers were not read again yet"
    site.read()
    site.compare()
    assert without_delta([site.change]) == [], "its servers were not read before it was approved"
    [(change, why)] = without_delta([later])
    assert change == later
    assert "No rule of pay-app-01 or pay-db-01 changed for it" in why
    client = Client()
    client.force_login(site.people.omar, backend="allauth.account.auth_backends.AuthenticationBackend")
    assert later.ref in client.get("/rule-changes/").content.decode()


def test_the_page_and_its_csv_show_a_stranger_nothing(site: Site) -> None:
    carry_out(site)
    outcomes(site)
    for person, sees in ((site.people.omar, True), (site.people.sam, False)):
        client = Client()
        client.force_login(person, backend="allauth.account.auth_backends.AuthenticationBackend")
        for address in ("/rule-changes/", "/rule-changes/?format=csv", f"/rule-changes/?outcome=recorded&q={APP}"):
            assert (allow_in(APP, "5432") in client.get(address).content.decode()) is sees


def test_what_a_widening_opens_belongs_to_it(site: Site) -> None:
    """A second server joins the group that may reach the database: the rule for it has the widening for a record."""
    group = estate.add_group(
        "web", system=site.people.payroll, members=[site.servers["pay-app-01"]], by=site.people.alex, at=LONG_AGO
    )
    second = estate.add_server(
        "pay-app-02", system=site.people.payroll, addresses=["10.20.20.32"], by=site.people.alex, at=LONG_AGO
    )
    first = agreed(site.people, asked(site.people, network("web", "pay-db-01", "tcp/6432")))
    put(site.app, allow_out(DATA, "6432"))
    put(site.data, allow_in(APP, "6432"))
    assert outcomes(site)["pay-db-01", "INPUT", "opened"] == ("recorded", first.ref)
    changes.implement(first, by=site.people.erin)
    assert [row.state for row in site.read()] == ["unchanged", "unchanged"]
    why = {"business_need": "A second server.", "security_implications": "One more of the role."}
    wider = widening.widen(widening.member(group, second), justification=why, by=site.people.rita)
    assert wider is not None
    agreed(site.people, wider)
    put(site.data, allow_in(APP, "6432"), allow_in("10.20.20.32", "6432"))
    outcomes(site)
    newest = RuleChange.objects.order_by("-pk")[0]
    assert (newest.outcome, newest.change) == ("recorded", wider)
