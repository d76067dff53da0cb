"""Accepted risks: asked for by one, decided by the authorising officer, no wider and no longer than it says."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.utils import timezone

from compliance import exceptions
from compliance.actions import risks
from compliance.errors import Refused
from compliance.models import LedgerInbox, Outbound, RiskAcceptance, System, User
from compliance.policy.check import Hit
from tests.factories import network
from tests.people import People, everybody

pytestmark = [pytest.mark.django_db, pytest.mark.both]
SMALL = [{"family": 4, "box": [1, 1, 2, 2, 6, 6, 0, 65535, 80, 80]}]
WIDE = [{"family": 4, "box": [1, 1, 2, 2, 6, 6, 0, 65535, 80, 81]}]


@pytest.fixture
def people(db: None) -> People:
    """Everybody; Olga, who owns another system, is the authorising officer of Payroll."""
    them = everybody()
    System.objects.filter(pk=them.payroll.pk).update(authorising_officer=them.olga)
    them.payroll.refresh_from_db()
    return them


def asked(people: People, **changed: Any) -> RiskAcceptance:
    said = {
        "system": people.payroll, "kind": "finding", "key": "f" * 64, "about": "FND-1 80 is open", "extent": SMALL,
        "rating": "low", "reason": "Until the move.", "alternate_control": "It is watched.",
        "ends_on": timezone.localdate() + timedelta(days=30), "by": people.erin,
    }  # fmt: skip
    return risks.request(**(said | changed))


def holds(extent: list[Any] = SMALL, days: int = 0) -> bool:
    return exceptions.in_force("finding", "f" * 64, extent, timezone.now() + timedelta(days=days)) is not None


def test_it_holds_for_what_was_accepted_until_its_day_and_no_longer(people: People) -> None:
    risk = asked(people, plan="POAM-7")
    assert not holds()
    risks.accept(risk, by=people.olga, because="Seen.")
    assert (risk.state, risk.decided_by, risk.decided_for, risk.plan) == ("accepted", people.olga, None, "POAM-7")
    assert holds()
    assert holds([])
    assert not holds(WIDE)
    assert not holds([{**SMALL[0], "family": 6}])
    assert holds(days=29)
    assert not holds(days=32)
    assert not holds(days=-1)
    assert exceptions.in_force("finding", "e" * 64, SMALL, timezone.now()) is None
    risks.revoke(risk, by=people.olga, because="It moved.")
    assert not holds()
    said = LedgerInbox.objects.filter(data__object__type="compliance.riskacceptance").order_by("pk")
    assert [row.data["verb"] for row in said] == ["request_risk", "accept_risk", "revoke_risk"]
    told = set(Outbound.objects.filter(path=f"/risks/{risk.ref}/").values_list("to__name", flat=True))
    assert told == {"Olga Lind", "Erin Walsh", "Omar Haddad"}


def test_nobody_but_the_officer_decides_and_never_on_their_own(people: People) -> None:
    risk = asked(people)
    for person in (people.omar, people.dan, people.mina, people.erin, people.ada, people.alex, people.sam):
        for verb in (risks.accept, risks.refuse, risks.revoke):
            with pytest.raises(Refused):
                verb(risk, by=person, because="So.")
    from compliance.actions.people import grant

    grant(people.olga, "engineer", system=people.payroll, by=people.alex)
    own = asked(people, key="own", by=people.olga)
    with pytest.raises(Refused, match="they asked for"):
        risks.accept(own, by=people.olga)
    grant(people.olga, "administrator", by=people.alex)
    with pytest.raises(Refused, match="Administrators"):
        risks.accept(risk, by=people.olga)
    assert not RiskAcceptance.objects.exclude(state="requested").exists()
    System.objects.update(authorising_officer=None)
    with pytest.raises(Refused, match="names no authorising officer"):
        risks.accept(risk, by=people.olga)


def test_what_is_not_said_or_too_long_is_not_asked_for(people: People) -> None:
    today = timezone.localdate()
    for wrong in (
        {"ends_on": today}, {"ends_on": today + timedelta(days=400)}, {"reason": " "}, {"alternate_control": ""},
        {"rating": "none"}, {"by": people.sam}, {"by": people.rita},
    ):  # fmt: skip
        with pytest.raises(Refused):
            asked(people, **wrong)
    assert not RiskAcceptance.objects.exists()
    asked(people)
    with pytest.raises(Refused, match="waits for a decision"):
        asked(people)


def test_what_was_decided_meanwhile_is_not_decided_again(people: People) -> None:
    risk = asked(people)
    seen = risk.version
    with pytest.raises(Refused, match="No reason"):
        risks.refuse(risk, by=people.olga, because=" ")
    risks.refuse(risk, by=people.olga, because="Mend it.", seen_version=seen)
    with pytest.raises(Refused, match="not accepted, by Olga Lind at"):
        risks.accept(risk, by=people.olga, seen_version=seen)
    assert not holds()


def test_a_renewal_is_a_decision_of_its_own(people: People) -> None:
    first = asked(people)
    risks.accept(first, by=people.olga)
    again = asked(people, renews=first, ends_on=timezone.localdate() + timedelta(days=90))
    assert not holds(days=60)
    risks.accept(again, by=people.olga)
    assert holds(days=60)
    assert again.renews == first


def test_a_forged_row_accepts_nothing_and_the_database_refuses_ones_own(people: People) -> None:
    risk = asked(people)
    with pytest.raises(IntegrityError), transaction.atomic():
        RiskAcceptance.objects.filter(pk=risk.pk).update(decided_by=people.erin)
    with connection.cursor() as sql:
        sql.execute(
            "UPDATE compliance_riskacceptance SET state = 'accepted', decided_by_id = %s, decided_at = %s"
            " WHERE id = %s",
            [people.olga.pk, timezone.now() - timedelta(minutes=1), risk.pk],
        )
    assert not holds()
    real = asked(people, key="g" * 64)
    risks.accept(real, by=people.olga)
    RiskAcceptance.objects.filter(pk=real.pk).update(extent=WIDE)
    assert exceptions.in_force("finding", "g" * 64, SMALL, timezone.now()) is None


def test_an_exception_from_a_rule_is_for_exactly_what_was_asked(people: People) -> None:
    material, now = network(), timezone.now()
    hit = Hit("cleartext", "serious", "Nothing travels in the clear", "A → B: read.", "", "", of_ends=True,
              extent=((4, (1, 1, 2, 2, 6, 6, 0, 65535, 80, 80)),))  # fmt: skip
    risk = asked(people, kind="rule", key=exceptions.rule_key(hit, material), about="CHG-1")
    assert exceptions.for_hit(hit, material, now) is None
    risks.accept(risk, by=people.olga)
    later = timezone.now()
    found = exceptions.for_hit(hit, material, later)
    assert found is not None
    assert (found.until, found.reference) == (risk.ends_on, risk.ref)
    assert exceptions.for_hit(hit, network(review_by="2027-01-01"), later) is not None, "looked at again is no traffic"
    assert exceptions.for_hit(hit, network(ends_on="2027-01-01"), later) is None
    assert exceptions.for_hit(replace(hit, rule="other"), material, later) is None
    wider = replace(hit, extent=((4, (1, 1, 2, 3, 6, 6, 0, 65535, 80, 80)),))
    assert exceptions.for_hit(wider, material, later) is None, "grown since, by whom its names stand for"
    assert exceptions.for_hit(hit, material, later + timedelta(days=31)) is None


def test_an_exception_from_a_rule_about_the_words_is_for_these_words(people: People) -> None:
    hit = Hit("justification-empty", "serious", "A reason that is one", "It says “legacy”.", "", "")
    risk = asked(people, kind="rule", key=exceptions.rule_key(hit, network()), about="CHG-1", extent=[])
    risks.accept(risk, by=people.olga)
    now = timezone.now()
    assert exceptions.for_hit(hit, network(), now) is not None
    assert exceptions.for_hit(replace(hit, what="It says “as before”."), network(), now) is None


def test_it_is_asked_for_and_decided_on_pages(people: People) -> None:
    def signed_in(person: User) -> Client:
        client = Client()
        client.force_login(person, backend="allauth.account.auth_backends.AuthenticationBackend")
        return client

    risk = asked(people)
    olga, omar, sam = signed_in(people.olga), signed_in(people.omar), signed_in(people.sam)
    page = f"/risks/{risk.ref}/"
    assert f"{page}decide/" in olga.get(page).content.decode()
    assert f"{page}decide/" not in omar.get(page).content.decode()
    assert omar.get(f"{page}decide/").status_code == 403
    assert sam.get(page).status_code == 404
    assert risk.ref in olga.get("/risks/").content.decode()
    assert risk.ref not in sam.get("/risks/").content.decode()
    assert olga.get("/risks/?format=csv").content.decode().count("\r\n") == 2
