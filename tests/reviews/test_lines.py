"""Lines of the agenda: words that two people write at once, and decisions that become records, once."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.db import connections as databases
from django.test import Client
from django.utils import timezone

from compliance.actions import risks
from compliance.errors import Refused
from compliance.models import ChangeRecord, Connection, RiskAcceptance, State
from compliance.models.estate import day_of
from evidence.models import Finding
from reviews import actions
from reviews.models import AgendaItem, Decision, Review, ReviewAction
from reviews.steps import offered
from tests.factories import authorised, network, servers
from tests.people import LONG_AGO, People, everybody
from tests.reviews.meeting import signed_off

pytestmark = [pytest.mark.both, pytest.mark.django_db(transaction=True)]
LOGIN = "allauth.account.auth_backends.AuthenticationBackend"


@pytest.fixture
def people() -> People:
    made = everybody()
    servers(made)
    return made


def opened(people: People) -> Review:
    """A review in session with a connection in its turn, one that is due, and a finding."""
    authorised(people, at=LONG_AGO)
    authorised(people, network("pay-app-01", "pay-db-01", "tcp/7000", review_by=str(soon())), at=LONG_AGO)
    Finding.objects.create(
        fingerprint="f" * 64, system=people.payroll, verdict="permits_more", certainty="definite", severity="high",
        subject="a rule", because="It lets more in.", state="open", first_seen=LONG_AGO, last_seen=LONG_AGO,
        extent=[{"family": 4, "box": [1, 1, 2, 2, 6, 6, 0, 65535, 22, 22]}],
    )  # fmt: skip
    review = actions.add_review(people.payroll, due_at=timezone.now(), chair=people.mina, by=people.mina)
    return actions.open_review(review, by=people.mina)


def soon() -> object:
    return day_of(timezone.now()) + timedelta(days=9)


def line(review: Review, kind: str) -> AgendaItem:
    return AgendaItem.objects.select_related("review", "finding", "connection").get(review=review, kind=kind)


def client(person: object) -> Client:
    made = Client()
    made.force_login(person, backend=LOGIN)  # type: ignore[arg-type]
    return made


@pytest.mark.parametrize("what", ["keep", "narrow", "revoke"])
def test_a_decision_becomes_one_change_record_that_others_decide_on(people: People, what: str) -> None:
    review = opened(people)
    item = line(review, "due")
    until = day_of(timezone.now()) + timedelta(days=300)
    actions.decide(item, what=what, note="Nobody uses it.", by=people.mina)
    row = actions.carry_out(item, because="Nobody uses it.", until=until, by=people.omar)
    change = row.change
    assert change is not None
    assert (change.connection, change.requested_by) == (item.connection, people.omar)
    expected = {
        "keep": ("amend", State.SUBMITTED),
        "narrow": ("amend", State.DRAFT),
        "revoke": ("retire", State.SUBMITTED),
    }
    assert (change.kind, change.state) == expected[what]
    assert change.ref in row.outcome
    assert Connection.objects.authorised_at(day_of(timezone.now())).filter(pk=item.connection_id).exists()
    with pytest.raises(Refused, match="Nothing was asked for again"):
        actions.carry_out(item, because="Again.", until=until, by=people.omar)
    with pytest.raises(Refused, match="was not changed"):
        actions.decide(item, what="noted", by=people.mina)
    actions.decide(item, what=what, note="Nobody uses it any more.", by=people.mina)  # the words may be put better
    assert ChangeRecord.objects.filter(connection=item.connection).count() == 2


def test_who_may_not_ask_for_it_on_its_page_may_not_here_and_the_owner_gets_it_to_do(people: People) -> None:
    review = opened(people)
    item = line(review, "due")
    actions.decide(item, what="revoke", note="Nobody uses it.", by=people.mina)
    for other in (people.mina, people.ada, people.sam):  # a manager approves, and asks for nothing
        with pytest.raises(Refused):
            actions.carry_out(item, because="Nobody uses it.", by=other)
    assert Decision.objects.get(item=item).outcome == ""
    actions.attend(review, people=[people.mina, people.omar], by=people.mina)
    actions.decide(line(review, "finding"), what="fix", by=people.mina)
    signed_off(review, people)
    errand = ReviewAction.objects.get(review=review)
    assert (errand.owner, errand.item) == (people.omar, item)
    assert errand.text.startswith("Ask for it: remove, ")
    assert "Eastwest: Nobody has asked for it yet." in review.minutes
    assert errand.text.split(",")[0] in review.minutes
    with pytest.raises(Refused, match="not changed"):
        actions.carry_out(item, because="Too late.", by=people.omar)


def test_an_accepted_risk_is_asked_for_and_no_minute_accepts_it(people: People) -> None:
    review = opened(people)
    item = line(review, "finding")
    until = day_of(timezone.now()) + timedelta(days=30)
    actions.decide(item, what="accept", until=until, note="The vendor mends it.", by=people.mina)
    said = {"rating": "high", "reason": "The vendor mends it.", "alternate_control": "Host firewall.", "ends_on": until}
    row = actions.carry_out(item, by=people.mina, **said)
    assert row.risk is not None
    assert (row.risk.state, Finding.objects.get().state) == (RiskAcceptance.State.REQUESTED, "open")
    with pytest.raises(Refused):
        risks.accept(row.risk, by=people.mina)
    assert row.risk.ref in row.outcome


def test_a_finding_to_be_mended_is_acknowledged_once(people: People) -> None:
    item = line(opened(people), "finding")
    actions.decide(item, what="fix", note="Erin, by Friday.", by=people.mina)
    actions.carry_out(item, by=people.mina)
    assert Finding.objects.get().state == "acknowledged"
    with pytest.raises(Refused, match="Nothing was asked for again"):
        actions.carry_out(item, by=people.omar)


def test_what_follows_from_nothing_is_not_carried_out(people: People) -> None:
    review = opened(people)
    item = line(review, "register")
    with pytest.raises(Refused, match="Nothing follows"):
        actions.carry_out(item, because="Why not.", by=people.omar)
    actions.decide(item, what="keep", by=people.mina)
    with pytest.raises(Refused, match="Nothing follows"):
        actions.carry_out(item, because="Why not.", by=people.omar)
    assert "keep" in offered(item)
    assert "accept" not in offered(item)
    assert ChangeRecord.objects.count() == 2


def test_of_two_who_ask_at_once_one_makes_the_record(people: People) -> None:
    item = line(opened(people), "due")
    actions.decide(item, what="revoke", note="Gone.", by=people.mina)
    gate, said = threading.Barrier(2), []

    def ask() -> None:
        mine = AgendaItem.objects.get(pk=item.pk)
        gate.wait()
        try:
            actions.carry_out(mine, because="Gone.", by=people.omar)
            said.append("done")
        except Refused:
            said.append("refused")
        finally:
            databases.close_all()

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(said) == ["done", "refused"]
    assert ChangeRecord.objects.filter(kind="retire").count() == 1


def test_two_who_minute_the_same_line_are_told_and_nothing_is_written_over(people: People) -> None:
    review = opened(people)
    item = line(review, "register")
    omar, mina = client(people.omar), client(people.mina)
    url, name = f"/reviews/{review.ref}/items/{item.pk}/", f"i{item.pk}"
    first = {f"{name}-what": "keep", f"{name}-note": "Used nightly.", f"{name}-seen": "0"}
    assert mina.post(url, first).status_code == 302
    late = omar.post(url, {f"{name}-what": "", f"{name}-note": "Ask Erin.", f"{name}-seen": "0"})
    assert late.status_code == 422
    page = late.content.decode()
    assert "Mina Kowalski wrote in the meantime: Keep. Used nightly." in page
    assert "Ask Erin." in page, "what was typed is still there"
    assert Decision.objects.get(item=item).note == "Used nightly."
    typed = {f"{name}-what": "keep", f"{name}-note": "Used nightly. Ask Erin.", f"{name}-seen": "1"}
    piece = omar.post(url, typed, headers={"HX-Request": "true"})
    assert f'name="{name}-seen" value="2"' in piece.content.decode()
    assert "saved" in piece.content.decode()
    stale = mina.post(url, first | {f"{name}-seen": "1"}, headers={"HX-Request": "true"})
    assert "Omar Haddad wrote in the meantime" in stale.content.decode()
    assert Decision.objects.get(item=item).note == "Used nightly. Ask Erin."
    same = mina.post(url, typed)
    assert same.status_code == 302, "who says the same is not in the way"
    assert Decision.objects.get(item=item).by == people.omar


def test_a_quiet_month_takes_one_line_and_a_click(people: People) -> None:
    authorised(people, at=LONG_AGO)
    review = actions.add_review(people.payroll, due_at=timezone.now(), chair=people.mina, by=people.mina)
    actions.open_review(review, by=people.mina)
    left = set(review.agenda.values_list("kind", flat=True))
    assert "finding" not in left
    assert "Note the rest" in client(people.mina).get(f"/reviews/{review.ref}/").content.decode()
    done = client(people.mina).post(f"/reviews/{review.ref}/rest/", {"sure": "yes"})
    assert done.status_code == 302
    assert Decision.objects.get(item__kind="register").what == "keep"
    undecided = review.agenda.filter(decision__isnull=True).values_list("kind", flat=True)
    assert set(undecided) == {"log", "attest"}, "who examined the logs, and what nobody stated, is said by a person"
    assert actions.note_rest(review, by=people.mina) == 0
    with pytest.raises(Refused):
        actions.note_rest(review, by=people.ada)


def test_the_page_leads_from_the_line_to_the_record(people: People) -> None:
    review = opened(people)
    item = line(review, "due")
    owner, url = client(people.omar), f"/reviews/{review.ref}/items/{item.pk}/carry/"
    assert owner.get(url).status_code == 404, "nothing was decided yet"
    actions.decide(item, what="revoke", note="Nobody <b>uses</b> it.", by=people.mina)
    assert "Ask for its removal" in owner.get(f"/reviews/{review.ref}/").content.decode()
    page = client(people.mina).get(f"/reviews/{review.ref}/").content.decode()
    assert "Nobody has asked for it yet" in page
    assert client(people.mina).post(url, {"because": "Gone."}).status_code == 403
    assert owner.post(url, {"because": ""}).status_code == 422
    assert owner.post(url, {"because": "Nobody <b>uses</b> it."}).status_code == 302
    page = owner.get(f"/reviews/{review.ref}/").content.decode()
    change = ChangeRecord.objects.get(kind="retire")
    assert f'href="/changes/{change.ref}/"' in page
    assert "<b>uses</b>" not in page
    assert owner.post(url, {"because": "Again."}).status_code in (404, 409)


def test_what_was_wrong_with_an_action_is_summed_up_and_leads_to_its_field(people: People) -> None:
    page = client(people.mina).post(f"/reviews/{opened(people).ref}/actions/", {"text": "", "due": "soon"})
    said = page.content.decode()
    assert 'class="error-summary"' in said
    for field in ("text", "due"):
        marked = page.context["action_form"][field].id_for_label
        assert f'href="#{marked}"' in said
        assert f'id="{marked}"' in said
