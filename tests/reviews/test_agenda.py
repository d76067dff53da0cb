"""The agenda that writes itself: what is new, what stands, what is due, and a twelfth of the register."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from compliance.models import Connection, System
from compliance.models.estate import day_of
from evidence.models import Finding, LoginAttestation
from reviews import actions
from reviews.agenda import said
from reviews.models import AgendaItem, Review
from tests.factories import authorised, network, servers
from tests.people import People, everybody
from tests.reviews.meeting import signed_off

pytestmark = [pytest.mark.both, pytest.mark.django_db(transaction=True)]
FIRST = datetime.now(UTC).replace(hour=0, minute=0) - timedelta(days=370)
BEFORE = FIRST - timedelta(days=60)
MONTH = timedelta(days=30)


@pytest.fixture
def people() -> People:
    made = everybody(at=BEFORE)
    servers(made, at=BEFORE)
    return made


def held(people: People, at: datetime) -> list[AgendaItem]:
    """A review that is opened, decided on and signed off at that time; its agenda."""
    items = opened(people, at)
    review = Review.objects.get(pk=items[0].review_id)
    actions.attend(review, people=[people.mina, people.omar], by=people.mina, at=at)
    for item in review.agenda.filter(kind="finding"):
        actions.decide(item, what="fix", by=people.mina, at=at)
    signed_off(review, people, at=at + timedelta(hours=1))
    return items


def opened(people: People, at: datetime) -> list[AgendaItem]:
    review = actions.add_review(people.payroll, due_at=at, chair=people.mina, by=people.mina, at=at - MONTH)
    actions.open_review(review, by=people.mina, at=at)
    return list(review.agenda.all())


def of(items: list[AgendaItem], kind: str) -> list[str]:
    return [item.title for item in items if item.kind == kind]


def found(system: System, number: int, verdict: str = "permits_more", *, at: datetime, **more: object) -> Finding:
    return Finding.objects.create(
        fingerprint=f"{verdict[:4]}{number:060}", system=system, verdict=verdict, certainty="definite", severity="high",
        subject=f"a rule {number}", because="It lets more in.", state="open", first_seen=at, last_seen=at, **more,
    )  # fmt: skip


def test_in_a_year_the_whole_register_is_looked_at_and_what_was_missed_is_not_skipped(people: People) -> None:
    rows = [authorised(people, network("pay-app-01", "pay-db-01", f"tcp/{6000 + n}"), at=BEFORE) for n in range(24)]
    looked: list[int] = []
    for month in range(6):
        mine = [item.connection_id for item in held(people, FIRST + month * MONTH) if item.kind == "register"]
        assert len(mine) == 2, "a twelfth of 24"
        looked += [key for key in mine if key is not None]
    # two months in which nobody met: what they would have looked at comes now, together
    late = [item.connection_id for item in held(people, FIRST + 8 * MONTH) if item.kind == "register"]
    assert len(late) == 6
    looked += [key for key in late if key is not None]
    assert len(set(looked)) == len(looked) == 18, "none twice while others wait"
    for month in range(9, 12):
        looked += [i.connection_id for i in held(people, FIRST + month * MONTH) if i.kind == "register"]  # type: ignore[misc]
    assert set(looked) == {row.pk for row in rows}
    again = [item for item in opened(people, FIRST + 12 * MONTH) if item.kind == "register"]
    assert {item.connection_id for item in again} == set(looked[:2]), "and then those of the first month"
    assert f"Last looked at on {said(day_of(FIRST))}" in again[0].detail


def test_what_is_not_signed_off_was_not_looked_at_and_what_ended_is_not_shown(people: People) -> None:
    row = authorised(people, at=BEFORE)
    other = authorised(people, network("pay-app-01", "pay-db-01", "tcp/7000"), at=BEFORE)
    first = [item.connection for item in opened(people, FIRST) if item.kind == "register"]
    assert first == [row]
    assert [item.connection for item in opened(people, FIRST + timedelta(days=1)) if item.kind == "register"] == [row]
    gone = authorised_until(people, "tcp/7001", day_of(FIRST) - timedelta(days=1))
    titles = of(opened(people, FIRST + timedelta(days=2)), "register")
    assert not [title for title in titles if gone.ref in title]
    assert other.pk != row.pk


def authorised_until(people: People, service: str, day: object) -> Connection:
    material = network("pay-app-01", "pay-db-01", service, ends_on=str(day))
    return authorised(people, material, at=BEFORE)


def test_what_is_new_comes_first_and_says_so_and_many_are_one_line(people: People) -> None:
    held(people, FIRST)
    found(people.payroll, 1, at=FIRST - MONTH)
    fresh = found(people.payroll, 2, at=FIRST + timedelta(days=3))
    for number in range(13):
        found(people.payroll, number, "listener_unauthorised", at=FIRST + timedelta(days=4))
    found(people.platform, 90, at=FIRST)
    titles = of(opened(people, FIRST + MONTH), "finding")
    assert len(titles) == 3
    assert f"{fresh.ref} Over-permissive rule: a rule 2" in titles
    assert "Listener nobody authorised: 13 new findings" in titles
    same = [title for title in titles if "Over-permissive" in title]
    assert same[0].startswith(fresh.ref), "the new one first"
    assert not [title for title in titles if "a rule 90" in title], "another system's"


def test_accepted_risks_that_end_are_asked_for_and_the_others_are_one_line(people: People) -> None:
    today = day_of(FIRST)
    soon = found(people.payroll, 1, at=BEFORE, accepted_until=today + timedelta(days=20))
    found(people.payroll, 2, at=BEFORE, accepted_until=today + timedelta(days=200))
    found(people.payroll, 3, at=BEFORE, accepted_until=today + timedelta(days=300))
    Finding.objects.update(state="accepted")
    items = opened(people, FIRST)
    assert of(items, "finding") == []
    assert of(items, "due") == [f"{soon.ref} is accepted until {said(today + timedelta(days=20))}: a rule 1"]
    assert "2 accepted risks that go on" in of(items, "note")


def test_missed_reviews_overdue_actions_logs_and_attestations_are_on_it(people: People) -> None:
    held(people, FIRST)
    review = Review.objects.get(state="closed")
    missed = actions.add_review(people.payroll, due_at=FIRST + MONTH, chair=people.mina, by=people.mina, at=FIRST)
    assert actions.mark_missed(missed, at=FIRST + MONTH + timedelta(days=4))
    late = review.actions.create(text="Close the port", owner=people.omar, due=day_of(FIRST) + timedelta(days=9))
    review.actions.create(text="Later", owner=people.omar, due=day_of(FIRST) + timedelta(days=900))
    server = people.payroll.servers.get(name="pay-app-01")
    for seen in (day_of(FIRST) - timedelta(days=700), day_of(FIRST) - timedelta(days=330)):
        LoginAttestation.objects.create(
            system=people.payroll, server=server, says="Keys.", seen_on=seen, attested_by=people.erin, attested_at=FIRST
        )
    items = opened(people, FIRST + 2 * MONTH)
    assert f"{missed.ref} was not held" in of(items, "note")
    assert of(items, "action") == [f"Overdue action of {review.ref}: {late.text}", f"Action of {review.ref}: Later"]
    assert of(items, "attest") == [
        "1 attestation of how one logs in to be made again", "15 duties of 3 servers to be stated"
    ]  # fmt: skip
    assert of(items, "log") == [f"Examination of the communication logs since {said(day_of(FIRST))}"]
    LoginAttestation.objects.create(
        system=people.payroll, server=server, says="Keys.", seen_on=day_of(FIRST), attested_by=people.erin,
        attested_at=FIRST,
    )  # fmt: skip
    items = opened(people, FIRST + 2 * MONTH + timedelta(hours=1))
    assert of(items, "attest") == ["15 duties of 3 servers to be stated"]
