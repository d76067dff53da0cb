"""Eight hundred rules that nobody asked for become a few decisions; what is learned is never wider than what runs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from compliance.actions import bulk, changes, risks
from compliance.actions.reconcile import reconcile
from compliance.baseline import burn_down, individually
from compliance.errors import Refused
from compliance.models import ChangeRecord, Connection, ConnectionVersion, Outbound, RiskAcceptance, State, System, User
from compliance.models.estate import day_of
from evidence.actions import learning
from evidence.models import BaselineGroup, Finding, Unlearned
from evidence.packs.section import Scope
from evidence.packs.sections.result import bases
from tests.evidence.many_rules import EACH, ROLES, ManyRules
from tests.evidence.site import Site, allow_in, put

pytestmark = pytest.mark.django_db(transaction=True)

WHY = {
    "business_need": "The applications read the accounts of all staff from their databases.",
    "security_implications": "Known servers, one service, inside one network.",
    "alternate_control": "Host firewalls hold all else out.",
    "rating": "low",
}


def soon(days: int = 150) -> date:
    """A day to come."""
    return timezone.localdate() + timedelta(days=days)


def authorised() -> int:
    """How many connections are authorised today."""
    return ConnectionVersion.objects.authorised_at(day_of(timezone.now())).count()


def over() -> Iterator[Finding]:
    """The standing findings about rules that permit more."""
    return Finding.objects.standing().filter(verdict="permits_more").iterator()


def agree(risk: RiskAcceptance, *people: User) -> None:
    """Each of these agrees to all that rests on a risk, as the bulk page does it."""
    for person in people:
        rows = [(change, change.version) for change in learning.resting_on(risk)]
        outcomes = bulk.decide(rows, "approve", because={}, by=person)
        assert all(one.done for one in outcomes), [one.sentence for one in outcomes if not one.done]


def test_eight_hundred_rules_are_a_few_decisions(tmp_path: Path) -> None:
    many = ManyRules(tmp_path)
    many.compare()
    groups = list(BaselineGroup.objects.current())
    rules = {tuple(rule) for group in groups for row in group.rows for rule in row["rules"]}
    left = {(one.point, one.rule) for one in Unlearned.objects.current().filter(wholly=True)}
    found = {(one.point, one.rule) for one in over()}
    assert len(found - {one for one in found if one[0].endswith("OUTPUT")}) == 800
    assert rules | left == found, "each rule is in a group, or it is said why not"
    assert not rules & left
    assert len(rules) == len(ROLES) * EACH * 18
    assert len(groups) == 28, "ten callers of each role, copies, the management zone by port and role, a log"
    assert {len(group.rows) for group in groups} == {100, 30, 10}
    why = {one.because for one in Unlearned.objects.current()}
    assert any("names everybody" in one for one in why)
    assert any("nobody registered 10.77." in one for one in why)

    mine = next(one for one in groups if one.services == ["tcp/5432"])
    risk = learning.ask(mine, **WHY, ends_on=soon(), by=many.people.erin)
    assert (risk.kind, len(learning.resting_on(risk)), authorised()) == ("basis", 100, 0)
    agree(risk, many.people.omar, many.people.mina)
    assert authorised() == 0, "approved, and resting on a risk that nobody accepted"
    risks.accept(risk, by=many.people.olga)
    assert authorised() == 100
    assert not reconcile(at=timezone.now())
    many.compare()
    assert len(list(over())) == len(found) - 100
    assert {one.drift for one in Connection.objects.all()} == {"implemented"}
    assert {group.key for group in BaselineGroup.objects.current()} == {group.key for group in groups} - {mine.key}
    now = timezone.now()
    scope = Scope((many.people.payroll.name,), day_of(now), day_of(now), now)
    assert bases(scope, [now]) == [(0, 100)], "counted apart in every pack"


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """pay-db-01 lets two callers in on a port nobody asked for; a third way is stopped by its source."""
    site = Site(tmp_path)
    System.objects.filter(pk=site.people.payroll.pk).update(authorising_officer=site.people.olga)
    site.people.payroll.refresh_from_db()
    put(site.data, allow_in("10.20.20.31", "5432"), allow_in("10.20.30.41", "5432"), allow_in("10.20.40.30", "9100"))
    site.read()
    site.compare()
    return site


def learned() -> list[tuple[str, str, str]]:
    """(source, destination, services) of every row there is."""
    return sorted(
        (row["source"], row["destination"], ", ".join(group.services))
        for group in BaselineGroup.objects.current()
        for row in group.rows
    )


def test_only_what_runs_is_learned(site: Site) -> None:
    assert learned() == [("file-01", "pay-db-01", "tcp/5432"), ("log-01", "pay-db-01", "tcp/9100")]
    put(site.app)  # its OUTPUT drops everything now
    put(site.data, allow_in("10.20.20.31", "5432"), allow_in("10.20.20.31", "5433"), "-A INPUT -p tcp -j ACCEPT",
        "-A INPUT -s 10.20.30.41/32 -j ACCEPT")  # fmt: skip
    site.read()
    site.compare()
    assert learned() == []
    why = {one.because for one in Unlearned.objects.current()}
    assert any("OUTPUT of pay-app-01 stops it" in one for one in why), why
    assert any("it names everybody" in one for one in why), why
    assert any("it names no service, and nobody read what listens on pay-db-01" in one for one in why), why


def test_a_rule_for_every_port_is_learned_as_what_listens(site: Site) -> None:
    put(
        site.data, allow_in("10.20.20.31", "5432"), "-A INPUT -s 10.20.30.41/32 -j ACCEPT", allow_in("10.20.40.30", "9")
    )
    (site.data / "ss.txt").write_text(
        'tcp LISTEN 0 9 0.0.0.0:22 0.0.0.0:* users:(("sshd",pid=1,fd=3))\n'
        'tcp LISTEN 0 9 10.20.30.31:5432 0.0.0.0:* users:(("postgres",pid=2,fd=3))\n'
        'tcp LISTEN 0 9 127.0.0.1:25 0.0.0.0:* users:(("master",pid=3,fd=3))\n'
    )
    site.read()
    site.compare()
    assert learned() == [("file-01", "pay-db-01", "tcp/22, tcp/5432")]
    because = Unlearned.objects.current().get(rule__contains="#3").because
    assert because == "nobody listens on tcp/9 of pay-db-01: the rule can go"


def test_a_prefix_is_learned_as_the_zone_it_is_or_the_servers_in_it(site: Site) -> None:
    put(site.data, allow_in("10.20.20.31", "5432"), "-A INPUT -s 10.20.20.0/24 -p tcp --dport 22 -j ACCEPT",
        "-A INPUT -s 10.20.40.0/24 -p tcp --dport 9100 -j ACCEPT")  # fmt: skip
    site.read()
    site.compare()
    assert learned() == [("app", "pay-db-01", "tcp/22"), ("log-01", "pay-db-01", "tcp/9100")]
    partly = Unlearned.objects.current().get()
    assert not partly.wholly
    assert partly.because.startswith("no server holds 10.20.40.0/28"), "the rest of the prefix stays a finding"


@pytest.mark.both
def test_it_stands_only_while_the_risk_is_accepted_and_not_a_day_longer(site: Site) -> None:
    group = BaselineGroup.objects.current().get(services=["tcp/5432"])
    with pytest.raises(Refused, match="at most six months"):
        learning.ask(group, **WHY, ends_on=soon(200), by=site.people.erin)
    risk = learning.ask(group, **WHY, ends_on=soon(), by=site.people.erin)
    with pytest.raises(Refused, match="All of this group"):
        learning.ask(group, **WHY, ends_on=soon(), by=site.people.erin)
    agree(risk, site.people.omar, site.people.mina)
    (change,) = learning.resting_on(risk)
    assert (authorised(), change.state) == (1, "implemented")
    risks.accept(risk, by=site.people.olga)
    assert authorised() == 2
    last = ConnectionVersion.objects.authorised_at(risk.ends_on).count()
    after = ConnectionVersion.objects.authorised_at(risk.ends_on + timedelta(days=1)).count()
    assert (last, after) == (2, 1)
    with pytest.raises(Refused, match="is not renewed"):
        risks.request(system=risk.system, kind="basis", key=risk.key, about=risk.about, extent=risk.extent,
                      rating="low", reason="x", alternate_control="x", ends_on=soon(), renews=risk,
                      by=site.people.erin)  # fmt: skip
    risks.revoke(risk, by=site.people.olga, because="The database moves.")
    assert authorised() == 1


@pytest.mark.both
@pytest.mark.parametrize("forged", ["material", "extent", "ends", "state", "unhooked"])
def test_a_forged_risk_carries_nothing(site: Site, forged: str) -> None:
    group = BaselineGroup.objects.current().get(services=["tcp/5432"])
    other = BaselineGroup.objects.current().get(services=["tcp/9100"])
    risk = learning.ask(group, **WHY, ends_on=soon(), by=site.people.erin)
    second = learning.ask(other, **WHY, ends_on=soon(), by=site.people.erin)
    agree(risk, site.people.omar, site.people.mina)
    (change,) = learning.resting_on(risk)
    mine, theirs = RiskAcceptance.objects.filter(pk=risk.pk), RiskAcceptance.objects.filter(pk=second.pk)
    if forged == "state":
        mine.update(state="accepted", decided_by=site.people.olga, decided_at=timezone.now())
    elif forged == "extent":
        risks.accept(second, by=site.people.olga)
        theirs.update(extent=risk.extent)
        ChangeRecord.objects.filter(pk=change.pk).update(rests_on=second)
    elif forged == "ends":
        risks.accept(risk, by=site.people.olga)
        mine.update(ends_on=soon(800))
    elif forged == "unhooked":
        ChangeRecord.objects.filter(pk=change.pk).update(rests_on=None)
    else:
        risks.accept(second, by=site.people.olga)
        said = {**change.material, "risk": second.ref}
        ChangeRecord.objects.filter(pk=change.pk).update(material=said)
        ConnectionVersion.objects.filter(change=change).update(material=said)
    assert authorised() == 1


def test_nobody_agrees_to_what_a_refused_risk_was_to_carry(site: Site) -> None:
    group = BaselineGroup.objects.current().get(services=["tcp/5432"])
    risk = learning.ask(group, **WHY, ends_on=soon(), by=site.people.erin)
    risks.refuse(risk, by=site.people.olga, because="Take the rule out.")
    (change,) = learning.resting_on(risk)
    with pytest.raises(Refused, match=f"{risk.ref}, which is not accepted"):
        changes.approve(change, by=site.people.omar)
    changes.reject(change, by=site.people.omar, because="The risk was not accepted.")
    again = learning.ask(group, **WHY, ends_on=soon(), by=site.people.erin)
    assert [one.state for one in learning.resting_on(again)] == [State.SUBMITTED]


def test_what_is_over_or_revoked_can_be_asked_for_again_and_is_not_called_asked_for(site: Site) -> None:
    group = BaselineGroup.objects.current().get(services=["tcp/5432"])
    first = learning.ask(group, **WHY, ends_on=soon(), by=site.people.erin)
    agree(first, site.people.omar, site.people.mina)
    risks.accept(first, by=site.people.olga)
    assert authorised() == 2
    assert set(learning.marks_asked().values()) == {first.ref}
    later = timezone.now() + timedelta(days=152)  # a day more: an hour of summer time may lie between
    assert not learning.marks_asked(later), "past its day nobody has asked any more"
    risks.revoke(first, by=site.people.olga, because="The database moves.")
    assert authorised() == 1
    assert not learning.marks_asked()
    again = learning.ask(group, **WHY, ends_on=soon(), by=site.people.erin)
    assert again != first
    assert "1 of 1 asked for" in signed(site.people.erin).get("/learn/").content.decode()


def test_the_burn_down_counts_what_was_decided_since(site: Site) -> None:
    for services in (["tcp/5432"], ["tcp/9100"]):
        group = BaselineGroup.objects.current().get(services=services)
        risk = learning.ask(group, **WHY, ends_on=soon(), by=site.people.erin)
        agree(risk, site.people.omar, site.people.mina, *([site.people.olga] if services == ["tcp/9100"] else []))
        risks.accept(risk, by=site.people.olga)
    (one,) = burn_down(site.people.mina, timezone.localdate())
    assert (one.justified, one.provisional, one.kept, one.removed) == (1, 2, 0, 0)
    assert (one.next_end, one.months[-1]) == (soon(), 2)
    kept = learning.resting_on(RiskAcceptance.objects.order_by("pk")[0])[0].of
    version = kept.version_on(timezone.localdate())
    assert version is not None
    rows = [(kept, version.material_hash)]
    said = {kept.pk: "The files of the night are copied from there by the clerks."}
    (outcome,) = bulk.recertify(rows, "keep", because=said, until=soon(300), by=site.people.erin)
    assert outcome.done, outcome.sentence
    change = kept.changes.order_by("pk").last()
    assert change is not None
    assert (change.material["ends_on"], change.material["basis"], "risk" in change.material) == (
        None,
        "justified",
        False,
    )
    for person in (site.people.omar, site.people.mina):
        changes.approve(change, by=person)
    (one,) = burn_down(site.people.mina, timezone.localdate())
    assert (one.justified, one.provisional, one.kept) == (2, 1, 1)
    assert individually({"basis": "provisional", "ends_on": "2027-01-01"})["ends_on"] == "2027-01-01"


def test_owners_are_told_once_a_comparison(site: Site) -> None:
    assert learning.tell_owners(by=site.people.erin) == 1
    assert learning.tell_owners(by=site.people.erin) == 0
    told = Outbound.objects.get(path="/learn/?owner=me")
    assert (told.to, told.subject[:24]) == (site.people.omar, "2 groups of connections ")


def signed(person: User) -> Client:
    """A browser of that person."""
    client = Client()
    client.force_login(person)
    return client


def test_one_page_one_form_one_line_in_the_inbox(site: Site) -> None:
    erin, omar = signed(site.people.erin), signed(site.people.omar)
    page = erin.get("/learn/").content.decode()
    group = BaselineGroup.objects.current().get(services=["tcp/5432"])
    address = f"/learn/{group.key}/{group.part}/"
    assert address in page
    assert "servers of zone data" in page
    answer = erin.post(address, {**WHY, "ends_on": soon(400).isoformat()})
    assert (answer.status_code, "at most six months" in answer.content.decode()) == (422, True)
    assert WHY["business_need"] in answer.content.decode()
    answer = erin.post(address, {**WHY, "ends_on": soon().isoformat()})
    risk = RiskAcceptance.objects.get(kind="basis")
    assert answer["Location"] == f"/risks/{risk.ref}/"
    inbox = omar.get("/inbox/").content.decode()
    assert "1 connection decided on together" in inbox
    (change,) = learning.resting_on(risk)
    assert f"/inbox/bulk/?change={change.ref}" in omar.get(f"/risks/{risk.ref}/").content.decode()
    assert "1 of 1 asked for" in erin.get("/learn/").content.decode()
    assert "All of it was asked for" in erin.get(address).content.decode()
    assert signed(site.people.sam).get(address).status_code in (403, 404)
    left: Any = erin.get("/learn/left/?format=csv")
    assert left.content.decode().splitlines()[0].startswith("system,server,point,rule")
