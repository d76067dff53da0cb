"""The pulled rules against the policy: what two hosts let through between them, from dumps to findings and cures."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from compliance.actions import changes
from compliance.actions import people as accounts
from compliance.actions import policy as verbs
from compliance.models import Role
from compliance.policy.shipped import shipped
from evidence.models import Finding, Source, VerdictRow
from tests.evidence.site import APP, DATA, Site, allow_in, allow_out, put
from tests.factories import network

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def found(site: Site) -> dict[str, Finding]:
    """The standing findings of this kind by the rule of the policy, after reading and comparing."""
    site.read()
    site.compare()
    rows = Finding.objects.standing().filter(verdict="against_policy")
    return {row.subject.partition(":")[0]: row for row in rows}


def adopt(site: Site, **changed: dict[str, Any]) -> None:
    """A policy with some rules set otherwise, and the matrix under `matrix`."""
    people, said = site.people, shipped().as_json()
    if not people.olga.role_grants.filter(role=Role.MANAGER).exists():
        accounts.grant(people.olga, Role.MANAGER, by=people.alex)
    said["matrix"] |= changed.pop("matrix", {})
    for name, settings in changed.items():
        said["rules"][name.replace("_", "-")] |= settings
    made = verbs.propose(said, because="Tried.", by=people.mina, seen=verbs.in_force().number)
    verbs.adopt(made, by=people.olga)


def test_what_both_ends_let_through_in_the_clear_is_one_finding_until_it_is_gone(site: Site) -> None:
    put(site.app, allow_out(DATA, "5432"), allow_out(DATA, "21:23"))
    put(site.data, allow_in(APP, "5432"), allow_in(APP, "21:23"))
    one = found(site)["cleartext"]
    assert one.subject == "cleartext: app → data, Payroll"
    assert (one.certainty, one.severity, one.system) == ("definite", "medium", site.people.payroll)
    assert one.witness is not None
    assert one.witness["dport"] in (21, 23)
    assert "pay-app-01 → pay-db-01" in one.because
    assert "none of it is authorised" in one.because
    assert one.proposal, "what to do stands with it"
    assert VerdictRow.objects.filter(verdict="against_policy", headline=True).count() == 1
    assert found(site)["cleartext"].pk == one.pk, "the same finding the next night"
    put(site.data, allow_in(APP, "5432"))
    assert found(site) == {}
    one.refresh_from_db()
    assert one.state == "cured"
    assert one.cured_by.exists()


def test_what_one_end_holds_back_is_none_and_authorised_is_no_excuse(site: Site) -> None:
    put(site.data, allow_in(APP, "5432"), allow_in(APP, "23"))
    assert "cleartext" not in found(site), "OUTPUT of the application lets nothing of it out"
    adopt(site, matrix={"cells": [{"from": "app", "to": "data", "decision": "never", "services": ["tcp/5432"]}]})
    changes.implement(site.change, by=site.people.erin)
    one = found(site)["zone-matrix"]
    assert "all of it is authorised" in one.because
    assert site.verdict() == "implemented", "the connection's own verdict stays what the rules prove"


def test_where_the_other_end_was_not_read_it_is_possible_only(site: Site) -> None:
    put(site.data, allow_in(APP, "5432"), allow_in(APP, "23"))
    site.sources.pop(0)
    assert found(site)["cleartext"].certainty == "possible"


def test_an_outage_cures_nothing_and_a_rule_that_is_switched_off_does(site: Site) -> None:
    put(site.app, allow_out(DATA, "23"))
    put(site.data, allow_in(APP, "23"))
    one = found(site)["cleartext"]
    Source.objects.filter(pk=site.sources[1].pk).update(last_seen_at=timezone.now() - timedelta(days=9))
    (site.data / "iptables-save.txt").unlink()
    (site.data / "ip6tables-save.txt").unlink()
    site.read()
    site.compare()
    one.refresh_from_db()
    assert one.state == "open"
    assert "could not be looked at" in one.unseen_because
    put(site.data, allow_in(APP, "23"))
    assert found(site)["cleartext"].unseen_since is None
    adopt(site, cleartext={"on": False})
    assert found(site) == {}


def test_a_note_opens_nothing_and_a_default_is_left_to_its_own_finding(site: Site) -> None:
    put(site.app, allow_out(DATA, "23"))
    put(site.data, allow_in(APP, "23"))
    adopt(site, cleartext={"severity": "note"})
    assert found(site) == {}
    adopt(site, cleartext={"severity": "warn"})
    text = (site.data / "iptables-save.txt").read_text().replace(":INPUT DROP", ":INPUT ACCEPT")
    (site.data / "iptables-save.txt").write_text(text.replace(allow_in(APP, "23") + "\n", ""))
    assert "cleartext" not in found(site), "an open point is one finding already"
    assert Finding.objects.standing().filter(verdict__in=["permits_more", "unfiltered"]).exists()


def test_from_the_internet_to_a_back_end(site: Site) -> None:
    from compliance.models import Server

    Server.objects.filter(name="pay-db-01").update(role="database")
    put(site.data, allow_in(APP, "5432"), "-A INPUT -p tcp -m tcp --dport 8443 -j ACCEPT")
    one = found(site)["internet-to-back-end"]
    assert one.certainty == "definite"
    assert "the internet → pay-db-01" in one.because
    assert network()["destination"] == "pay-db-01"
