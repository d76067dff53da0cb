"""Versions of the policy and what holds a request: two people, nothing edited, nothing past the action."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from compliance.actions import changes, connections, drafts, estate, imports
from compliance.actions import people as accounts
from compliance.actions import policy as verbs
from compliance.actions.policy import NotPermitted
from compliance.errors import Refused
from compliance.models import ChangeRecord, Endpoint, LedgerInbox, PolicyCheck, PolicyDecision, PolicyVersion, Role
from compliance.models.policy import WrittenOnce
from compliance.policy.check import Exempt, Hit
from compliance.policy.shipped import shipped
from tests.factories import WHY, agreed, asked, network, servers, share
from tests.people import People, everybody

pytestmark = pytest.mark.django_db

BACKEND = "allauth.account.auth_backends.AuthenticationBackend"


@pytest.fixture
def people() -> People:
    found = everybody()
    servers(found)
    accounts.grant(found.olga, Role.MANAGER, by=found.alex)
    return found


def content(**rules: dict[str, Any]) -> dict[str, Any]:
    """The shipped policy with some rules set otherwise."""
    said = shipped().as_json()
    for name, changed in rules.items():
        said["rules"][name.replace("_", "-")] |= changed
    return said


def adopted(people: People, said: dict[str, Any]) -> PolicyVersion:
    """Proposed by Mina and adopted by Olga."""
    made = verbs.propose(said, because="It fits us better.", by=people.mina, seen=verbs.in_force().number)
    return verbs.adopt(made, by=people.olga)


def site(people: People) -> str:
    """A party on the internet that no organisation answers for."""
    estate.add_party("some-site", prefixes=["203.0.113.9/32"], kind=Endpoint.Kind.EXTERNAL_PARTY, by=people.alex)
    return "some-site"


def test_what_the_policy_does_not_permit_is_refused_by_the_action(people: People) -> None:
    before = ChangeRecord.objects.count()
    with pytest.raises(NotPermitted) as said:
        asked(people, network("pay-app-01", site(people), "tcp/443"))
    assert "internet" in said.value.why
    assert ChangeRecord.objects.count() == before, "nothing of it is kept"
    draft = asked(people, network("pay-app-01", "some-site", "tcp/443"), submit=False)
    for send in (
        lambda: changes.submit(draft, by=people.rita),
        lambda: drafts.edit(draft, material=network("pay-app-01", "some-site", "any"), justification=WHY, title="x",
                            by=people.rita, submit=True),
    ):  # fmt: skip
        with pytest.raises(NotPermitted):
            send()
        draft.refresh_from_db()
        assert draft.state == "draft"
    assert not PolicyCheck.objects.filter(change=draft).exists()


def test_a_removal_is_never_held(people: People) -> None:
    standing = agreed(people, asked(people)).connection
    said = content(cleartext={"severity": "block", "parameters": {"cleartext_services": ["tcp/5432"]}})
    adopted(people, said)
    assert connections.retire(standing, because="Not needed any more.", by=people.rita).state == "submitted"


def test_what_was_said_is_kept_when_it_is_sent_and_when_it_is_approved(people: People) -> None:
    change = asked(people, network("pay-app-01", "pay-db-01", "tcp/80"))
    first = PolicyCheck.objects.get(change=change)
    assert (first.when, first.content_hash) == ("submitted", change.content_hash)
    assert first.version.shipped
    assert [hit["level"] for hit in first.hits if hit["rule"] == "cleartext"] == ["serious"]
    adopted(people, content(cleartext={"severity": "note"}))
    agreed(people, change)
    then = PolicyCheck.objects.get(change=change, when="approved")
    assert [hit["level"] for hit in then.hits if hit["rule"] == "cleartext"] == ["note"]
    assert not then.version.shipped


def test_what_a_newer_policy_does_not_permit_is_not_approved(people: People) -> None:
    change = asked(people, network("pay-app-01", "pay-db-01", "tcp/80"))
    adopted(people, content(cleartext={"severity": "block"}))
    changes.approve(change, by=people.omar)
    with pytest.raises(NotPermitted):
        changes.approve(change, by=people.mina)
    change.refresh_from_db()
    assert change.state == "submitted"
    assert change.connection is not None
    assert not change.connection.versions.exists()


def test_who_proposes_never_adopts_whichever_way_they_try(people: People) -> None:
    made = verbs.propose(content(cleartext={"on": False}), because="Try.", by=people.mina, seen=0)
    with pytest.raises(Refused, match="proposed"):
        verbs.adopt(made, by=people.mina)
    with pytest.raises(Refused):
        verbs.decide(made, "adopted", by=people.mina, because="", at=timezone.now())
    decision = PolicyDecision(
        version=made, outcome="adopted", proposed_by=people.mina, decided_by=people.mina, content_hash=made.content_hash
    )
    decision.seal = decision.right_seal()
    with pytest.raises(IntegrityError), transaction.atomic():
        decision.save()
    assert verbs.in_force().number == 0
    # A forged row with somebody else's name, but without the seal
    forged = PolicyDecision(
        version=made, outcome="adopted", proposed_by=people.mina, decided_by=people.olga,
        content_hash=made.content_hash, seal="0" * 64,
    )  # fmt: skip
    forged.save()
    assert "seal" in made.fault()
    assert verbs.in_force().number == 0
    assert verbs.look(network(services=["tcp/80"]), WHY, system_id=people.payroll.pk).hits, "the shipped rules hold"


def test_only_who_stands_for_the_whole_organisation_and_never_an_administrator(people: People) -> None:
    for person in (people.rita, people.omar, people.erin, people.ada, people.alex, people.sam):
        with pytest.raises(Refused):
            verbs.propose(content(cleartext={"on": False}), because="Try.", by=person, seen=0)
    made = verbs.propose(content(cleartext={"on": False}), because="Try.", by=people.mina, seen=0)
    accounts.grant(people.dan, Role.ADMINISTRATOR, by=people.alex)
    accounts.grant(people.dan, Role.MANAGER, by=people.alex)
    for person in (people.omar, people.alex, people.dan, people.sam):
        with pytest.raises(Refused):
            verbs.adopt(made, by=person)
    assert verbs.adopt(made, by=people.olga) == verbs.in_force()


def test_a_version_counts_from_its_adoption_and_as_it_was_adopted(people: People) -> None:
    made = adopted(people, content(cleartext={"on": False}))
    assert verbs.in_force() == made
    assert verbs.in_force(timezone.now() - timedelta(days=1)).number == 0
    PolicyVersion._base_manager.filter(pk=made.pk).update(content=content(cleartext={"on": False, "severity": "note"}))
    assert verbs.in_force().number == 0, "a content that was altered in the database is not in force"
    verbed = LedgerInbox.objects.filter(data__object__type="compliance.policyversion").order_by("pk")
    assert [row.data["verb"] for row in verbed] == ["propose_policy", "adopt_policy"]


def test_versions_decisions_and_checks_are_written_once(people: People) -> None:
    made = adopted(people, content(cleartext={"on": False}))
    change = asked(people)
    kept: list[WrittenOnce] = [made, made.decision, PolicyCheck.objects.get(change=change)]
    for row in kept:
        with pytest.raises(TypeError):
            row.save()
        with pytest.raises(TypeError):
            row.delete()
        with pytest.raises(TypeError):
            type(row)._default_manager.filter(pk=row.pk).update(pk=row.pk)
        with pytest.raises(TypeError):
            type(row)._default_manager.all().delete()
    with pytest.raises(Refused):
        verbs.turn_down(made, by=people.olga, because="Too late.")


def test_of_two_proposals_from_the_same_policy_the_second_is_not_adopted(people: People) -> None:
    first, second = (
        verbs.propose(content(cleartext={"severity": level}), because="Try.", by=people.mina, seen=0)
        for level in ("warn", "note")
    )
    verbs.adopt(first, by=people.olga)
    with pytest.raises(Refused, match="another version"):
        verbs.adopt(second, by=people.olga)
    with pytest.raises(Refused, match="since you opened"):
        verbs.propose(content(cleartext={"on": False}), because="Try.", by=people.mina, seen=0)
    with pytest.raises(Refused, match="in force already"):
        verbs.propose(first.content, because="Again.", by=people.mina, seen=first.number)


def test_an_exception_decided_on_elsewhere_is_asked_for_and_ends(
    people: People, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    site(people)
    today = timezone.localdate()
    until = {"day": today + timedelta(days=5)}

    def known(hit: Hit, material: dict[str, Any], at: Any) -> Exempt | None:
        mine = hit.rule == "server-to-internet" and material["destination"] == "some-site"
        return Exempt(until["day"], "RSK-1", "Accepted.") if mine else None

    monkeypatch.setattr("tests.policy.sides.known", known, raising=False)
    settings.POLICY_EXCEPTIONS = ["tests.policy.sides.known"]
    change = asked(people, network("pay-app-01", "some-site", "tcp/443"))
    kept = PolicyCheck.objects.get(change=change).hits
    assert [hit["level"] for hit in kept if hit["rule"] == "server-to-internet"] == ["note"]
    until["day"] = today - timedelta(days=1)
    with pytest.raises(NotPermitted):
        asked(people, network("pay-app-01", "some-site", "tcp/8443"))


def test_the_ends_are_read_with_what_is_recorded_of_them(people: People) -> None:
    estate.add_group("apps", system=people.payroll, members=[], by=people.alex)
    estate.add_server("web-01", system=people.payroll, addresses=["10.20.10.11"], role="Web", by=people.alex)
    estate.add_server("db-01", system=people.payroll, addresses=["10.20.30.11"], role="database", by=people.alex)
    found = verbs.look(network("web-01", "db-01", "tcp/5432"), WHY, system_id=people.payroll.pk)
    hit = next(hit for hit in found.hits if hit.rule == "database-from-application")
    assert hit.packet == "10.20.10.11 → 10.20.30.11 tcp/5432"
    unsure = verbs.look(network("pay-app-01", "pay-db-01", "tcp/5432"), WHY, system_id=people.payroll.pk)
    assert {hit.level for hit in unsure.hits if hit.rule == "database-from-application"} == {"unknown"}
    in_zone = verbs.look(network("web-01", "data", "tcp/445"), WHY, system_id=people.payroll.pk)
    assert any("the rest of data" in hit.what for hit in in_zone.hits)
    plain = verbs.look(share(security="sys"), WHY, system_id=people.payroll.pk)
    assert "encryption" in {hit.rule for hit in plain.hits}


def test_the_same_reason_in_other_records_of_the_system_is_named(people: People) -> None:
    for port in (7001, 7002, 7003):
        asked(people, network(services=[f"tcp/{port}"]))
    said = asked(people, network(services=["tcp/7004"]))
    hit = next(row for row in PolicyCheck.objects.get(change=said).hits if row["rule"] == "justification-repeated")
    assert "CHG-" in hit["what"]


def client(person: Any) -> Client:
    found = Client()
    found.force_login(person, backend=BACKEND)
    return found


def test_the_pages_show_propose_and_adopt(people: People) -> None:
    page = client(people.ada).get("/policy/").content.decode()
    assert "Nobody here has adopted one yet" in page
    assert "Nobody has filled in the matrix yet" in page
    assert client(people.sam).get("/policy/").status_code == 403
    form = client(people.mina).get("/policy/edit/")
    shown = {field.html_name: field.value() for field in form.context["form"]}
    typed = {name: value for name, value in shown.items() if value is not None and value is not False}
    typed |= {"cells": "app -> data: allowed tcp/5432\n* -> data: never", "because": "The data zone is closed."}
    typed |= {"cleartext:severity": "block"}
    assert client(people.mina).post("/policy/edit/", typed | {"cells": "app data"}).status_code == 422
    answer = client(people.mina).post("/policy/edit/", typed)
    assert answer.status_code == 302, answer.context["form"].errors
    made = PolicyVersion.objects.get()
    shown = client(people.olga).get(f"/policy/{made.number}/").content.decode()
    assert "added “app -&gt; data: allowed tcp/5432”" in shown
    assert "not permitted (before: serious)" in shown
    assert (
        "Nobody decides on a policy they proposed"
        in client(people.mina).get(f"/policy/{made.number}/").content.decode()
    )
    sent = client(people.mina).post(f"/policy/{made.number}/adopt/", {"because": ""})
    assert "/accounts/reauthenticate/" in sent["Location"], "who decides shows first that it is them"
    assert client(people.mina).get(f"/policy/{made.number}/adopt/").status_code == 403
    assert verbs.in_force().number == 0


def test_the_pages_of_a_request_say_what_stands_against_it(people: People) -> None:
    change = asked(people, network("pay-app-01", "pay-db-01", "tcp/80"))
    for path in (f"/changes/{change.ref}/", f"/inbox/{change.ref}/", f"/requests/{change.ref}/sent/"):
        page = client(people.omar if "sent" not in path else people.rita).get(path).content.decode()
        assert "Nothing travels in the clear" in page, path
        assert "10.20.20.31 → 10.20.30.31 tcp/80" in page, path
        assert "Which servers become reachable?" in page, path
    agreed(people, change)
    page = client(people.omar).get(f"/changes/{change.ref}/").content.decode()
    assert "When it was approved" in page


def test_what_an_import_may_not_ask_for_is_kept_as_a_draft(people: People) -> None:
    site(people)
    accounts.grant(people.erin, Role.SYSTEM_OWNER, system=people.payroll, by=people.alex)
    lines = "Source,Destination,Services,System\npay-app-01,some-site,tcp/443,Payroll\npay-app-01,pay-db-01,tcp/5432,\n"
    table = imports.keep("baseline.csv", lines.encode(), kind="connections", by=people.erin)
    result = imports.carry_out(table, mapping=imports.guess(table), by=people.erin)
    assert not result.bad
    states = ChangeRecord.objects.order_by("pk").values_list("state", flat=True)
    assert list(states) == ["draft", "submitted"]
    assert "the policy does not permit it" in result.preview[0].text


def queries(person: Any, path: str) -> int:
    """How many the page asks, the second time it is opened."""
    visitor = client(person)
    visitor.get(path)
    with CaptureQueriesContext(connection) as asked_of_it:
        assert visitor.get(path).status_code == 200
    return len(asked_of_it)


def test_more_versions_and_more_connections_cost_no_more_queries(people: People) -> None:
    change = asked(people)
    for port in (7001, 7002, 7007):  # as many as the rule about repeated reasons asks for
        agreed(people, asked(people, network(services=[f"tcp/{port}"])))
    verbs.propose(content(cleartext={"severity": "warn"}), because="Try.", by=people.mina, seen=0)
    pages = ((people.mina, "/policy/"), (people.ada, f"/changes/{change.ref}/"))
    few = [queries(*page) for page in pages]
    for port in (7003, 7004, 7005, 7006):
        agreed(people, asked(people, network(services=[f"tcp/{port}"])))
        made = verbs.propose(
            content(wide_ports={"parameters": {"most_ports": port}}), because="Try.", by=people.mina, seen=0
        )
        verbs.turn_down(made, by=people.olga, because="Not now.")
    assert [queries(*page) for page in pages] == few
