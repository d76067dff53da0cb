"""Prefixes of parties outside: given by an administrator before anything names the party, then only by two people."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from compliance.actions import changes, estate, policy, widening
from compliance.actions.policy import NotPermitted
from compliance.actions.reconcile import reconcile
from compliance.errors import Refused
from compliance.models import ChangeRecord, Endpoint, PartyPrefix, State, User
from compliance.models.estate import day_of
from compliance.register import wanted
from compliance.standing import register_on
from compliance.traffic.addresses import parse_host
from tests.factories import asked, authorised, network, servers
from tests.people import LONG_AGO, People, everybody

WHY = {"business_need": "The bank answers from a second site.", "security_implications": "One more address of theirs."}
FIRST, SECOND = "198.51.100.40/32", "198.51.100.41/32"


@pytest.fixture
def people(db: None) -> People:
    found = everybody()
    servers(found)
    return found


@pytest.fixture
def bank(people: People) -> Endpoint:
    """A party whose organisation answers for it."""
    theirs = estate.add_organisation("Sample Bank", kind="vendor", agreement="A-7", by=people.alex, at=LONG_AGO)
    return estate.add_party("bank", prefixes=[FIRST], organisation=theirs, by=people.alex, at=LONG_AGO)


def allowed(ip: str) -> bool:
    """Whether anything is authorised to this address today."""
    today = day_of(timezone.now())
    family, value = parse_host(ip)
    entries = wanted(register_on(today), at=today).entries
    return any(one.family == family and box[2] <= value <= box[3] for one in entries for box in one.boxes)


def in_use(people: People) -> Any:
    return authorised(people, network("pay-app-01", "bank", "tcp/443"))


def signed_in(person: User) -> Client:
    found = Client()
    found.force_login(person, backend="allauth.account.auth_backends.AuthenticationBackend")
    return found


def test_before_anything_names_it_an_administrator_gives_it_and_nobody_else(people: People, bank: Endpoint) -> None:
    material = widening.party_prefix(bank, SECOND)
    for person in (people.omar, people.rita, people.erin, people.mina):
        with pytest.raises(Refused):
            widening.widen(material, by=person, justification=WHY)
    assert widening.widen(material, by=people.alex) is None
    assert bank.prefixes_at(timezone.now()) == [FIRST, SECOND]
    assert reconcile() == []


@pytest.mark.both
def test_in_use_it_counts_only_when_two_people_agreed_to_what_it_opens(people: People, bank: Endpoint) -> None:
    row = in_use(people)
    material = widening.party_prefix(bank, SECOND)
    with pytest.raises(Refused):
        widening.widen(material, by=people.alex, justification=WHY)
    change = widening.widen(material, by=people.rita, justification=WHY)
    assert change is not None
    assert (change.system, change.kind, change.title) == (people.payroll, "widen", f"Add {SECOND} to the party bank")
    (opens,) = change.material["opens"]
    assert (opens["connection"], opens["example"]) == (row.ref, "10.20.20.31 → 198.51.100.41 tcp/443")
    changes.approve(change, by=people.omar)
    assert not allowed("198.51.100.41")
    with pytest.raises(Refused):
        changes.approve(change, by=people.rita)
    changes.approve(change, by=people.mina)
    assert (change.state, allowed("198.51.100.41")) == (State.APPROVED, True)
    assert PartyPrefix.objects.get(change=change).prefix == SECOND
    assert reconcile() == []


def test_the_owners_of_all_whose_connections_become_wider_decide(people: People, bank: Endpoint) -> None:
    in_use(people)
    other = asked(people, network("log-01", "bank", "tcp/443"), system=people.platform)
    changes.approve(other, by=people.olga)
    changes.approve(other, by=people.mina)
    change = widening.widen(widening.party_prefix(bank, SECOND), by=people.rita, justification=WHY)
    assert change is not None
    assert {need.system.name for need in change.needs.all() if need.capacity != "manager"} == {"Payroll", "Platform"}


def test_what_was_written_past_the_verbs_authorises_nothing_and_is_named(people: People, bank: Endpoint) -> None:
    in_use(people)
    PartyPrefix.objects.create(end=bank, prefix="203.0.113.0/24", valid_from=LONG_AGO)
    PartyPrefix.objects.filter(prefix=FIRST).update(prefix="192.0.2.0/24")
    assert not allowed("203.0.113.9")
    assert not allowed("192.0.2.9")
    (one, two) = (each for each in reconcile() if each.kind == "prefix")
    assert {one.ref, two.ref} == {"party bank 203.0.113.0/24", "party bank 192.0.2.0/24"}
    assert (one.system_id, two.system_id) == (people.payroll.pk, people.payroll.pk)
    assert "its seal is wrong" in one.sentence


def test_the_policy_is_asked_about_it(people: People, bank: Endpoint) -> None:
    in_use(people)
    material = widening.party_prefix(bank, "0.0.0.0/0")
    hits = {hit.rule: hit for hit in policy.look(material, WHY, system_id=people.payroll.pk).hits}
    assert hits["any-address"].level == "block"
    with pytest.raises(NotPermitted):
        widening.widen(material, by=people.rita, justification=WHY)
    assert not ChangeRecord.objects.filter(kind="widen").exists()


def test_taking_one_away_is_the_administrators_and_never_leaves_an_end_that_means_nothing(
    people: People, bank: Endpoint
) -> None:
    widening.widen(widening.party_prefix(bank, SECOND), by=people.alex)
    in_use(people)
    first, second = bank.party_prefixes.all()
    with pytest.raises(Refused):
        widening.take_out(first, by=people.omar, because="It moved.")
    widening.take_out(first, by=people.alex, because="It moved.")
    assert (allowed("198.51.100.40"), allowed("198.51.100.41")) == (False, True)
    with pytest.raises(Refused, match="would not mean anything any more"):
        widening.take_out(second, by=people.alex, because="It moved.")
    PartyPrefix.objects.filter(pk=first.pk).update(valid_to=None)
    assert not allowed("198.51.100.40"), "what was taken away stands again only with its seal"


def test_the_pages_show_what_it_means_and_ask(people: People, bank: Endpoint) -> None:
    row = in_use(people)
    omar, alex = signed_in(people.omar), signed_in(people.alex)
    assert "bank" in omar.get("/parties/").content.decode()
    page = omar.get("/parties/bank/").content.decode()
    for text in (FIRST, row.ref, "Sample Bank", "A-7", "/parties/bank/prefix/"):
        assert text in page, text
    assert "Take out" not in page
    assert "Take out" in alex.get("/parties/bank/").content.decode()
    assert signed_in(people.sam).get("/parties/bank/").status_code == 404
    typed = {"network": SECOND, **WHY}
    checked = omar.post("/parties/bank/prefix/", typed | {"step": "check"}).content.decode()
    assert "10.20.20.31 → 198.51.100.41 tcp/443" in checked
    sent = omar.post("/parties/bank/prefix/", typed | {"step": "send"})
    change = ChangeRecord.objects.get(kind="widen")
    assert sent["Location"] == f"/changes/{change.ref}/"
    assert 'href="/parties/bank/"' in omar.get(f"/changes/{change.ref}/").content.decode()
    assert 'href="/parties/bank/"' in omar.get(f"/connections/{row.ref}/").content.decode()
