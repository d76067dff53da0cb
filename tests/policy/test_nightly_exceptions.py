"""What servers open to the internet, and what exceptions leave open: on the rules as read, every night."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from compliance.actions import estate, risks
from compliance.models import RiskAcceptance, Server
from evidence.actions import accepted
from evidence.actions.compare import compare
from evidence.models import Finding, Source
from tests.evidence.site import APP, DATA, Site, allow_in, allow_out, put
from tests.factories import asked, network
from tests.policy.test_exceptions import OUT, RULE, SAID, excepted, officer, signed_in, until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    made = Site(tmp_path)
    officer(made.people)
    estate.add_party("some-site", prefixes=[f"{OUT}/32"], by=made.people.alex)
    return made


def found(site: Site, rule: str = RULE, at: Any = None) -> Finding | None:
    """The standing finding against that rule, after a comparison."""
    compare(at=at)
    rows = Finding.objects.standing().filter(verdict="against_policy", subject__startswith=f"{rule}: ")
    return rows.first()


def test_what_a_server_may_open_to_the_internet_is_judged_on_the_rules(site: Site) -> None:
    site.read()
    assert found(site) is None
    put(site.app, allow_out(DATA, "5432"), allow_out("198.51.100.7", "443"))
    site.read()
    one = found(site)
    assert one is not None
    assert (one.subject, one.certainty, one.state) == (f"{RULE}: app → outside, Payroll", "definite", "open")
    assert "pay-app-01 → the internet" in one.because
    assert one.witness is not None
    assert (one.witness["src"], one.witness["dst"], one.witness["dport"]) == (APP, "198.51.100.7", 443)
    put(site.app, allow_out(DATA, "5432"))
    site.read()
    assert found(site) is None
    one.refresh_from_db()
    assert one.state == "cured"


def test_an_open_policy_of_output_is_no_default_deny_and_inside_is_no_internet(site: Site) -> None:
    put(site.app, allow_out(DATA, "5432"), allow_out("10.0.0.0", "443").replace("/32", "/8"))
    site.read()
    assert found(site) is None, "private addresses are not on the internet"
    text = (site.app / "iptables-save.txt").read_text().replace(":OUTPUT DROP", ":OUTPUT ACCEPT")
    (site.app / "iptables-save.txt").write_text(text)
    site.read()
    one = found(site)
    assert one is not None
    assert one.rule.endswith("#policy") or "OUTPUT" in one.rule
    Server.objects.filter(name="pay-app-01").update(role="update server")
    again = found(site)
    assert again is not None, "an update server may reach web ports, not every one"
    assert again.witness is not None
    assert again.witness["dport"] not in (80, 443)


def test_an_outage_does_not_cure_what_left(site: Site) -> None:
    put(site.app, allow_out("198.51.100.7", "443"))
    site.read()
    one = found(site)
    assert one is not None
    (site.app / "iptables-save.txt").unlink()
    (site.app / "ip6tables-save.txt").unlink()
    Source.objects.filter(pk=site.sources[0].pk).update(last_seen_at=timezone.now() - timedelta(days=9))
    site.read()
    compare()
    one.refresh_from_db()
    assert (one.state, bool(one.unseen_since)) == ("open", True)


@pytest.mark.both
def test_an_exception_of_a_request_quiets_its_traffic_and_nothing_beside_it_until_its_day(site: Site) -> None:
    people = site.people
    change = asked(people, network("pay-app-01", "some-site", "tcp/443"), submit=False)
    put(site.app, allow_out(DATA, "5432"), allow_out(OUT, "443"))
    site.read()
    one = found(site)
    assert one is not None
    risk = excepted(people, change, days=5)
    one.refresh_from_db()
    assert (one.state, one.accepted_until) == ("accepted", risk.ends_on), "at once, with the decision"
    again = found(site)
    assert again is not None
    assert (again.pk, again.state) == (one.pk, "accepted")
    assert risk.ref in again.because
    put(site.app, allow_out(DATA, "5432"), allow_out(OUT, "443"), allow_out("198.51.100.7", "443"))
    site.read()
    wider = found(site)
    assert wider is not None
    assert (wider.pk, wider.state) == (one.pk, "open")
    assert [each["box"][2:4] for each in wider.extent] == [[0xC6336407, 0xC6336407]], "only what is beyond it"
    put(site.app, allow_out(DATA, "5432"), allow_out(OUT, "443"))
    site.read()
    back = found(site)
    assert back is not None
    assert back.state == "accepted"
    late = found(site, at=timezone.now() + timedelta(days=6))
    assert late is not None
    assert (late.pk, late.state) == (one.pk, "open"), "past its day it is open again, even where nothing is seen"
    assert late.unseen_since is not None
    RiskAcceptance.objects.filter(pk=risk.pk).update(ends_on=until(-1))
    seen = found(site)
    assert seen is not None
    assert (seen.pk, seen.state, risk.ref in seen.because) == (one.pk, "open", False)


def test_revoking_it_opens_the_finding_at_once_and_a_new_one_begins_accepted(site: Site) -> None:
    people = site.people
    risk = excepted(people, asked(people, network("pay-app-01", "some-site", "tcp/443"), submit=False))
    put(site.app, allow_out(DATA, "5432"), allow_out(OUT, "443"))
    site.read()
    one = found(site)
    assert one is not None
    assert (one.state, one.accepted_by) == ("accepted", people.olga), "never seen before, and decided already"
    risks.revoke(risk, by=people.olga, because="It moved.")
    one.refresh_from_db()
    assert one.state == "open"


def test_a_finding_against_the_policy_is_excepted_from_its_page(site: Site) -> None:
    people = site.people
    put(site.app, allow_out(DATA, "5432"), allow_out(DATA, "23"))
    put(site.data, allow_in(APP, "5432"), allow_in(APP, "23"))
    site.read()
    one = found(site, "cleartext")
    assert one is not None
    owner = signed_in(people.omar)
    assert "Ask for a dated exception…" in owner.get(f"/findings/{one.ref}/").content.decode()
    page = owner.get(f"/findings/{one.ref}/accept/")
    assert "Nothing travels in the clear" in page.content.decode()
    assert owner.post(f"/findings/{one.ref}/accept/", SAID | {"ends_on": str(until(5))}).status_code == 302
    risk = RiskAcceptance.objects.get()
    assert [(each["family"], each["box"][8:]) for each in risk.extent] == [(4, [23, 23])]
    risks.accept(risk, by=people.olga)
    put(site.data, allow_in(APP, "5432"), allow_in(APP, "21:23"))
    put(site.app, allow_out(DATA, "5432"), allow_out(DATA, "21:23"))
    again = found(site, "cleartext")
    assert again is not None
    assert again.state == "accepted", "not read again yet"
    site.read()
    wider = found(site, "cleartext")
    assert wider is not None
    assert (wider.pk, wider.state) == (one.pk, "open"), "more than was accepted"
    assert accepted.holding(wider, timezone.now()) is None
