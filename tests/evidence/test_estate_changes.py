"""Changes to the estate as the rules show them: a server that left, a member that joined, a row nobody agreed to."""

from __future__ import annotations

from pathlib import Path

import pytest

from compliance.actions import changes, decommission, estate, widening
from compliance.models import Membership, State
from evidence import jobs
from evidence.models import Finding, Verification
from tests.evidence.site import APP, DATA, allow_in, allow_out, begin, put, source_of
from tests.evidence.test_comparing import Site
from tests.factories import agreed, asked, network

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


@pytest.mark.both
def test_what_a_decommissioned_server_leaves_behind_is_found_and_its_end_is_verified(site: Site) -> None:
    """Its record is verified only when nobody lets it in any more; until then the left-over rules are findings."""
    changes.implement(site.change, by=site.people.erin)
    site.read()
    site.compare()
    why = {"business_need": "Its work moved.", "security_implications": "Less is let through."}
    jobs.verify_change(begin("verify_change"))
    gone = decommission.ask(site.servers["pay-app-01"], justification=why, by=site.people.rita)
    agreed(site.people, gone)
    site.compare()
    left = Finding.objects.standing().filter(server=site.servers["pay-db-01"], verdict="permits_more")
    assert [finding.witness["src"] for finding in left if finding.witness] == [APP]
    assert not Finding.objects.standing().filter(server=site.servers["pay-app-01"], verdict="stale").exists()
    changes.implement(gone, by=site.people.erin)
    jobs.verify_change(begin("verify_change"))
    gone.refresh_from_db()
    assert gone.state == State.DISPUTED, Verification.objects.filter(change=gone).first().because
    put(site.data)
    changes.implement(gone, by=site.people.erin)
    jobs.verify_change(begin("verify_change"))
    gone.refresh_from_db()
    assert gone.state == State.VERIFIED, Verification.objects.filter(change=gone).first()
    site.compare()
    assert not left.all().exists()


@pytest.mark.both
def test_a_widening_is_verified_when_the_rules_let_the_new_member_through(site: Site) -> None:
    people = site.people
    group = estate.add_group("web", system=people.payroll, members=[site.servers["pay-app-01"]], by=people.alex)
    by_group = agreed(people, asked(people, network("web", "pay-db-01", "tcp/5433")))
    assert by_group.connection_id
    second = estate.add_server("pay-app-02", system=people.payroll, addresses=["10.20.20.32"], by=people.alex)
    why = {"business_need": "A second server.", "security_implications": "One more of the role."}
    wider = agreed(people, widening.ask(widening.member(group, second), justification=why, by=people.rita))
    place = site.app.parent / "second"
    put(place, allow_out(DATA, "5433"))
    site.sources.append(source_of(second, place, people))
    put(site.app, allow_out(DATA, "5432"), allow_out(DATA, "5433"))
    put(site.data, allow_in(APP, "5432"), allow_in(APP, "5433"))
    site.read()
    changes.implement(wider, by=people.erin)
    jobs.verify_change(begin("verify_change"))
    wider.refresh_from_db()
    assert wider.state == State.DISPUTED, Verification.objects.filter(change=wider).first().because
    put(site.data, allow_in(APP, "5432"), allow_in(APP, "5433"), allow_in("10.20.20.32", "5433"))
    changes.implement(wider, by=people.erin)
    jobs.verify_change(begin("verify_change"))
    wider.refresh_from_db()
    assert wider.state == State.VERIFIED, Verification.objects.filter(change=wider).first()


@pytest.mark.both
def test_a_member_written_past_eastwest_opens_nothing_and_is_a_finding(site: Site) -> None:
    people = site.people
    group = estate.add_group("web", system=people.payroll, members=[site.servers["pay-app-01"]], by=people.alex)
    agreed(people, asked(people, network("web", "pay-db-01", "tcp/5433")))
    Membership.objects.create(group=group, server=site.servers["file-01"])
    site.read()
    site.compare()
    [found] = Finding.objects.filter(point="register/member")
    assert found.system == people.payroll
    assert "file-01 in web authorises nothing" in found.because
