"""Dated exceptions from the policy: asked for from the hit, decided by the officer, for exactly this and no longer."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from compliance.actions import changes, estate, policy_exceptions, risks, widening
from compliance.actions import policy as verbs
from compliance.actions.policy import NotPermitted
from compliance.errors import Refused
from compliance.models import ChangeRecord, PolicyCheck, RiskAcceptance, Server, System, User
from compliance.permissions import check
from tests.factories import WHY, asked, network, servers
from tests.people import LONG_AGO, People, everybody

pytestmark = pytest.mark.django_db(transaction=True)
RULE = "server-to-internet"
OUT = "203.0.113.9"
SAID = {"rating": "medium", "reason": "The rates are published there.", "alternate_control": "The proxy logs it."}


def officer(people: People) -> None:
    """Olga, who owns another system, is the authorising officer of Payroll."""
    System.objects.filter(pk=people.payroll.pk).update(authorising_officer=people.olga)
    people.payroll.refresh_from_db()


def until(days: int = 30) -> date:
    return timezone.localdate() + timedelta(days=days)


@pytest.fixture
def people() -> People:
    found = everybody()
    servers(found)
    officer(found)
    estate.add_party("some-site", prefixes=[f"{OUT}/32"], by=found.alex)
    return found


def draft(people: People, *services: str, source: str = "pay-app-01") -> ChangeRecord:
    return asked(people, network(source, "some-site", *services or ("tcp/443",)), submit=False)


def excepted(people: People, change: ChangeRecord, days: int = 30, rule: str = RULE) -> RiskAcceptance:
    """An exception asked for by Rita and accepted."""
    risk = policy_exceptions.ask(change, rule, ends_on=until(days), by=people.rita, **SAID)
    return risks.accept(risk, by=people.olga)


def signed_in(person: User) -> Client:
    found = Client()
    found.force_login(person, backend="allauth.account.auth_backends.AuthenticationBackend")
    return found


@pytest.mark.both
def test_it_lets_exactly_this_request_through_and_no_other(people: People) -> None:
    change = draft(people)
    with pytest.raises(NotPermitted):
        changes.submit(change, by=people.rita)
    risk = policy_exceptions.ask(change, RULE, ends_on=until(), by=people.rita, **SAID)
    assert (risk.kind, risk.path, risk.system) == ("rule", f"/changes/{change.ref}/", people.payroll)
    assert "some-site" in risk.about
    with pytest.raises(NotPermitted):
        changes.submit(change, by=people.rita)
    risks.accept(risk, by=people.olga)
    changes.submit(change, by=people.rita)
    kept = {hit["rule"]: hit for hit in PolicyCheck.objects.get(change=change).hits}
    assert (kept[RULE]["level"], risk.ref in kept[RULE]["excepted"]) == ("note", True)
    for other in (draft(people, "tcp/443", "tcp/8443"), draft(people, source="log-01")):
        with pytest.raises(NotPermitted):
            changes.submit(other, by=people.rita)
    with pytest.raises(Refused, match="does not stand against it"):
        policy_exceptions.ask(change, RULE, ends_on=until(), by=people.rita, **SAID)


def test_past_its_day_or_revoked_the_rule_stands_again(people: People) -> None:
    change = draft(people)
    risk = excepted(people, change, days=5)
    changes.submit(change, by=people.rita)
    changes.approve(change, by=people.omar)
    with pytest.raises(NotPermitted):
        changes.approve(change, by=people.mina, at=timezone.now() + timedelta(days=7))
    risks.revoke(risk, by=people.olga, because="It moved.")
    with pytest.raises(NotPermitted):
        changes.approve(change, by=people.mina)


def test_a_hit_that_grew_is_not_under_it_any_more(people: People) -> None:
    first = Server.objects.get(name="pay-app-01")
    group = estate.add_group("web", system=people.payroll, members=[first], by=people.alex)
    change = draft(people, source="web")
    excepted(people, change)
    assert not any(hit.level == "block" for hit in verbs.look_at(change).hits)
    more = estate.add_server("pay-app-02", system=people.payroll, addresses=["10.20.20.32"], by=people.alex)
    widening.widen(widening.member(group, more), by=people.omar)
    assert any(hit.rule == RULE and hit.level == "block" for hit in verbs.look_at(change).hits)


def test_a_forged_exception_excepts_nothing(people: People) -> None:
    change = draft(people)
    risk = policy_exceptions.ask(change, RULE, ends_on=until(), by=people.rita, **SAID)
    RiskAcceptance.objects.filter(pk=risk.pk).update(
        state="accepted", decided_by=people.olga, decided_at=timezone.now() - timedelta(minutes=1)
    )
    with pytest.raises(NotPermitted):
        changes.submit(change, by=people.rita)


def test_who_may_ask_for_the_connection_asks_for_the_exception_and_only_the_officer_decides(people: People) -> None:
    change = draft(people)
    for person in (people.ada, people.alex, people.sam):
        with pytest.raises(Refused):
            policy_exceptions.ask(change, RULE, ends_on=until(), by=person, **SAID)
    risk = policy_exceptions.ask(change, RULE, ends_on=until(), by=people.rita, **SAID)
    for person in (people.omar, people.mina, people.rita):
        with pytest.raises(Refused):
            risks.accept(risk, by=person)


def test_the_pages_lead_from_the_hit_to_the_exception_and_back(people: People) -> None:
    rita = signed_in(people.rita)
    typed = {
        "kind": "network", "system": people.payroll.pk, "title": "Rates", "source": "pay-app-01",
        "destination": "some-site", "services": "tcp/443", "expected_use": "daily", "review_by": str(until(200)),
        "urgency": "routine", **WHY,
    }  # fmt: skip
    page = rita.post("/requests/new/", typed | {"step": "check"})
    text = page.content.decode()
    assert 'value="except:server-to-internet"' in text
    assert 'value="send"' not in text, "it cannot be sent as it is"
    answer = rita.post("/requests/new/", typed | {"step": f"except:{RULE}"})
    change = ChangeRecord.objects.get()
    assert (change.state, answer["Location"]) == ("draft", f"/changes/{change.ref}/except/{RULE}/")
    form = rita.get(answer["Location"])
    shown = form.content.decode()
    assert "10.20.20.31 → 203.0.113.9 tcp/443" in shown
    assert "Olga Lind" in shown
    assert form.context["form"]["rating"].value() == "high"
    sent = rita.post(answer["Location"], SAID | {"ends_on": str(until())})
    risk = RiskAcceptance.objects.get()
    assert sent["Location"] == f"/risks/{risk.ref}/"
    again = rita.post(answer["Location"], SAID | {"ends_on": str(until())})
    assert again.status_code == 409, "one at a time about the same"
    assert f"/changes/{change.ref}/" in rita.get(f"/risks/{risk.ref}/").content.decode()
    assert f"/changes/{change.ref}/except/{RULE}/" in rita.get(f"/changes/{change.ref}/").content.decode()
    risks.accept(risk, by=people.olga)
    assert f"/except/{RULE}/" not in rita.get(f"/changes/{change.ref}/").content.decode()
    assert rita.post(f"/changes/{change.ref}/submit/", {"seen": change.version}).status_code == 302
    change.refresh_from_db()
    assert change.state == "submitted"
    assert signed_in(people.ada).get(f"/changes/{change.ref}/except/{RULE}/").status_code == 403
    assert signed_in(people.sam).get(f"/changes/{change.ref}/except/{RULE}/").status_code == 404


# What a widening newly authorises


@pytest.fixture
def group(people: People) -> Any:
    """The group web, authorised to reach the database in the clear; a second server beside it."""
    first = Server.objects.get(name="pay-app-01")
    made = estate.add_group("web", system=people.payroll, members=[first], by=people.alex, at=LONG_AGO)
    row = asked(people, network("web", "pay-db-01", "tcp/80"))
    changes.approve(row, by=people.omar)
    changes.approve(row, by=people.mina)
    estate.add_server("pay-app-02", system=people.payroll, addresses=["10.20.20.32"], by=people.alex)
    return made


def adopt(people: People, **rules: dict[str, Any]) -> None:
    from compliance.actions.people import grant
    from compliance.policy.shipped import shipped

    said = shipped().as_json()
    for name, changed in rules.items():
        said["rules"][name.replace("_", "-")] |= changed
    if not people.olga.role_grants.filter(role="manager").exists():
        grant(people.olga, "manager", by=people.alex)
    verbs.adopt(verbs.propose(said, because="So.", by=people.mina, seen=verbs.in_force().number), by=people.olga)


@pytest.mark.both
def test_the_policy_is_asked_about_what_a_widening_newly_authorises(people: People, group: Any) -> None:
    material = widening.member(group, Server.objects.get(name="pay-app-02"))
    hits = {hit.rule: hit for hit in verbs.look(material, WHY, system_id=people.payroll.pk).hits}
    said = hits["cleartext"]
    assert said.level == "serious"
    assert said.packet == "10.20.20.32 → 10.20.30.31 tcp/80"
    assert "pay-app-02" in said.what
    assert "pay-app-01" not in said.what, "what was authorised before is not asked about again"
    adopt(people, cleartext={"severity": "block"})
    with pytest.raises(NotPermitted):
        widening.widen(material, by=people.omar, justification=WHY)
    assert not ChangeRecord.objects.filter(kind="widen").exists()
    kept = widening.ask(material, justification=WHY, by=people.rita, submit=False)
    excepted(people, kept, rule="cleartext")
    changes.submit(kept, by=people.rita)
    changes.approve(kept, by=people.omar)
    changes.approve(kept, by=people.mina)
    assert kept.state == "approved"
    whens = PolicyCheck.objects.filter(change=kept).values_list("when", flat=True)
    assert list(whens) == ["submitted", "approved"]


def test_a_prefix_and_an_address_are_asked_about_as_well(people: People, group: Any) -> None:
    app = Server.objects.get(name="pay-app-01")
    hits = {hit.rule: hit for hit in verbs.look(widening.address(app, "10.20.20.99"), WHY,
                                                system_id=people.payroll.pk).hits}  # fmt: skip
    assert hits["cleartext"].packet == "10.20.20.99 → 10.20.30.31 tcp/80"
    row = asked(people, network("app", "pay-db-01", "tcp/23"))
    changes.approve(row, by=people.omar)
    changes.approve(row, by=people.mina)
    from compliance.models import Zone

    material = widening.prefix(Zone.objects.get(name="app"), "10.20.40.0/24")
    said = {hit.rule: hit for hit in verbs.look(material, WHY, system_id=people.payroll.pk).hits}["cleartext"]
    assert "log-01" in said.what, "a server with an address in the prefix joins, whatever zone it stands in"
    assert "the rest of 10.20.40.0/24" in said.what


def test_a_draft_of_a_widening_is_sent_only_while_it_says_what_it_opens(people: People, group: Any) -> None:
    material = widening.member(group, Server.objects.get(name="pay-app-02"))
    kept = widening.ask(material, justification=WHY, by=people.rita, submit=False)
    with pytest.raises(Refused, match="not edited"):
        check(people.rita, "edit", kept)
    row = asked(people, network("web", "pay-db-01", "tcp/8443"))
    changes.approve(row, by=people.omar)
    changes.approve(row, by=people.mina)
    with pytest.raises(Refused, match="opens something else by now"):
        changes.submit(kept, by=people.rita)


def test_the_page_of_a_widening_says_what_the_policy_says(people: People, group: Any) -> None:
    adopt(people, cleartext={"severity": "block"})
    omar = signed_in(people.omar)
    typed = {"server": Server.objects.get(name="pay-app-02").pk, **WHY}
    text = omar.post("/groups/web/member/", typed | {"step": "check"}).content.decode()
    assert "Nothing travels in the clear" in text
    assert 'value="send"' not in text
    answer = omar.post("/groups/web/member/", typed | {"step": "except:cleartext"})
    change = ChangeRecord.objects.get(kind="widen")
    assert (change.state, answer["Location"]) == ("draft", f"/changes/{change.ref}/except/cleartext/")
    assert "10.20.20.32 → 10.20.30.31 tcp/80" in omar.get(answer["Location"]).content.decode()
    assert "Nothing travels in the clear" in omar.get(f"/changes/{change.ref}/").content.decode()
