"""Sign-off: who may, what must be there first, and that frozen minutes stay what they were or count no more."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, connections
from django.test import Client
from django.utils import timezone

from compliance.errors import Refused
from compliance.models import Outbound
from compliance.models.estate import day_of
from evidence.packs.section import Scope, Section
from reviews import actions, minutes, pack_section
from reviews.models import AgendaItem, Decision, Review
from tests.people import People, everybody
from tests.reviews.meeting import signed_off

pytestmark = [pytest.mark.both, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def people() -> People:
    return everybody()


def opened(people: People) -> Review:
    """A review in session, with one finding on its agenda that waits for a decision."""
    review = actions.add_review(people.payroll, due_at=timezone.now(), chair=people.mina, by=people.mina)
    actions.open_review(review, by=people.mina)
    AgendaItem.objects.create(review=review, position=90, kind="finding", title="FND-1 Over-permissive rule")
    return review


def finding(review: Review) -> AgendaItem:
    return review.agenda.get(kind="finding")


def signed(people: People) -> Review:
    """A review that was held and signed off."""
    review = opened(people)
    actions.attend(review, people=[people.mina, people.omar], by=people.mina)
    actions.decide(finding(review), what="fix", note="By Friday.", by=people.mina)
    return signed_off(review, people, notes="Nothing else.")


def section(people: People) -> Section:
    """What the pack says of the reviews of the last month."""
    now = timezone.now()
    today = day_of(now)
    return pack_section.build(Scope((people.payroll.name,), today - timedelta(days=30), today, now, "full"))


def page(people: People, review: Review) -> str:
    client = Client()
    client.force_login(people.ada, backend="allauth.account.auth_backends.AuthenticationBackend")
    return client.get(f"/reviews/{review.ref}/").content.decode()


def test_a_review_is_signed_off_by_two_who_were_there_when_all_is_decided(people: People) -> None:
    review = opened(people)
    mina, omar, sam = people.mina, people.omar, people.sam
    with pytest.raises(Refused, match="two people at least"):
        actions.sign(review, by=mina)
    actions.attend(review, people=[mina, omar, people.erin], by=mina)
    with pytest.raises(Refused, match="1 finding has no decision"):
        actions.sign(review, by=mina)
    actions.decide(finding(review), what="", note="We talk about it.", by=mina)  # words are no decision
    with pytest.raises(Refused, match="1 finding has no decision"):
        actions.sign(review, by=mina)
    actions.decide(finding(review), what="fix", by=mina)
    with pytest.raises(Refused, match="Its chair is"):
        actions.sign(review, by=omar)
    actions.attend(review, people=[omar, people.erin], by=omar)
    with pytest.raises(Refused, match="chair is not recorded as present"):
        actions.sign(review, by=mina)
    actions.attend(review, people=[mina, omar], by=mina)
    with pytest.raises(Refused, match="It is in session"):
        actions.countersign(review, by=omar, seen="")
    actions.sign(review, by=mina)
    assert (review.state, section(people).state) == (Review.State.SIGNING, "missing"), "one signature is none"
    for other in (mina, sam, people.erin, people.ada):  # the chair, a stranger, who left, who never came
        with pytest.raises(Refused):
            actions.countersign(review, by=other, seen=review.minutes_hash)
    with pytest.raises(Refused, match="not the minutes you read"):
        actions.countersign(review, by=omar, seen="0" * 64)
    actions.countersign(review, by=omar, seen=review.minutes_hash)
    assert (review.state, review.minutes_hash) == (Review.State.CLOSED, minutes.digest(review.minutes))
    assert (review.second, minutes.altered([review])) == (omar, set())


def test_minutes_that_were_altered_between_the_signatures_are_not_signed(people: People) -> None:
    review = opened(people)
    actions.attend(review, people=[people.mina, people.omar], by=people.mina)
    actions.decide(finding(review), what="fix", by=people.mina)
    actions.sign(review, by=people.mina)
    read = review.minutes_hash
    Review.objects.filter(pk=review.pk).update(minutes="All is well.")
    with pytest.raises(Refused, match="not the minutes you read"):
        actions.countersign(review, by=people.omar, seen=read)
    Review.objects.filter(pk=review.pk).update(minutes="All is well.", minutes_hash=minutes.digest("All is well."))
    with pytest.raises(Refused, match="not the minutes you read"):
        actions.countersign(review, by=people.omar, seen=read)
    # and where somebody takes the forged hash for read, the chair never signed that
    actions.countersign(review, by=people.omar, seen=minutes.digest("All is well."))
    assert minutes.altered([review]) == {review.pk}
    assert section(people).state == "missing"


def test_who_was_there_sends_the_minutes_back_and_the_chair_signs_anew(people: People) -> None:
    review = opened(people)
    actions.attend(review, people=[people.mina, people.omar], by=people.mina)
    actions.decide(finding(review), what="fix", by=people.mina)
    actions.sign(review, by=people.mina)
    first = review.minutes_hash
    for other in (people.erin, people.sam):
        with pytest.raises(Refused):
            actions.send_back(review, by=other, because="No.")
    with pytest.raises(Refused, match="Say why"):
        actions.send_back(review, by=people.omar, because=" ")
    actions.send_back(review, by=people.omar, because="Erin said Friday.")
    assert (review.state, review.minutes, review.minutes_hash) == (Review.State.OPEN, "", "")
    actions.decide(finding(review), what="fix", note="By Friday.", by=people.mina)
    actions.sign(review, by=people.mina)
    with pytest.raises(Refused, match="not the minutes you read"):
        actions.countersign(review, by=people.omar, seen=first)
    actions.countersign(review, by=people.omar, seen=review.minutes_hash)
    assert minutes.altered([review]) == set()


@pytest.mark.parametrize("forged", ["one signature", "the chair twice", "no hash"])
def test_the_database_closes_nothing_that_two_did_not_sign(people: People, forged: str) -> None:
    review = opened(people)
    said = {"state": "closed", "closed_at": timezone.now(), "minutes": "x", "minutes_hash": "y", "second": people.omar}
    odd = {
        "one signature": {"second": None},
        "the chair twice": {"second": people.mina},
        "no hash": {"minutes_hash": ""},
    }
    with pytest.raises(IntegrityError):
        Review.objects.filter(pk=review.pk).update(**(said | odd[forged]))


def test_a_larger_quorum_is_asked_for(people: People) -> None:
    actions.set_schedule(people.payroll, chair=people.mina, quorum=3, by=people.mina)
    review = opened(people)
    actions.decide(finding(review), what="fix", by=people.mina)
    actions.attend(review, people=[people.mina, people.omar], by=people.mina)
    with pytest.raises(Refused, match="3 people"):
        actions.sign(review, by=people.mina)
    actions.attend(review, people=[people.mina, people.omar, people.erin], by=people.mina)
    actions.sign(review, by=people.mina)


def client_of(person: object) -> Client:
    client = Client()
    client.force_login(person, backend="allauth.account.auth_backends.AuthenticationBackend")  # type: ignore[arg-type]
    return client


def test_each_confirms_to_be_there_and_the_minutes_say_who_did(people: People) -> None:
    review = opened(people)
    actions.attend(review, people=[people.mina, people.omar, people.erin], by=people.mina)
    assert {row.to for row in Outbound.objects.filter(key__startswith="present:")} == {people.omar, people.erin}
    client = client_of(people.omar)
    assert "I am here" in client.get(f"/reviews/{review.ref}/").content.decode()
    assert client.post(f"/reviews/{review.ref}/present/").status_code == 302
    assert "I am here" not in client.get(f"/reviews/{review.ref}/").content.decode()
    with pytest.raises(Refused):
        actions.confirm(review, by=people.ada)
    actions.decide(finding(review), what="fix", by=people.mina)
    actions.sign(review, by=people.mina)
    assert "Omar Haddad (confirmed by themselves)" in review.minutes
    assert "(recorded by Mina Kowalski)" in review.minutes


def test_the_second_reads_what_they_sign_and_nothing_in_it_runs(people: People) -> None:
    review = opened(people)
    actions.attend(review, people=[people.mina, people.omar], by=people.mina)
    actions.decide(finding(review), what="fix", note="<script>alert(1)</script>", by=people.mina)
    actions.sign(review, by=people.mina)
    client, url = client_of(people.omar), f"/reviews/{review.ref}/countersign/"
    page = client.get(url).content.decode()
    assert review.minutes_hash in page
    assert "FND-1 Over-permissive rule" in page
    assert "<script>alert(1)" not in page
    assert client.post(url, {"seen": "0" * 64}).status_code == 409
    assert client.post(url, {"seen": review.minutes_hash}).status_code == 302
    review.refresh_from_db()
    assert review.state == Review.State.CLOSED


def test_nothing_is_said_before_or_after(people: People) -> None:
    planned = actions.add_review(people.payroll, due_at=timezone.now(), chair=people.mina, by=people.mina)
    done = signed(people)
    item = finding(done)
    today = day_of(timezone.now())
    for review in (planned, done):
        with pytest.raises(Refused):
            actions.attend(review, people=[people.erin], by=people.mina)
        with pytest.raises(Refused):
            actions.add_action(review, text="More", owner=people.erin, due=today, by=people.mina)
        with pytest.raises(Refused):
            actions.sign(review, by=people.mina)
        with pytest.raises(Refused):
            actions.countersign(review, by=people.omar, seen=review.minutes_hash)
    with pytest.raises(Refused):
        actions.decide(item, what="keep", by=people.mina)
    with pytest.raises(Refused):
        actions.open_review(done, by=people.mina)
    assert Decision.objects.get(item=item).what == "fix"
    for stranger in (people.rita, people.ada, people.sam, people.alex):
        with pytest.raises(Refused):
            actions.open_review(planned, by=stranger)


def test_a_risk_is_accepted_until_a_day_to_come(people: People) -> None:
    review = opened(people)
    today = day_of(timezone.now())
    for until in (None, today - timedelta(days=1)):
        with pytest.raises(Refused, match="until a day to come"):
            actions.decide(finding(review), what="accept", until=until, by=people.mina)
    actions.decide(finding(review), what="accept", until=today + timedelta(days=30), by=people.mina)


def test_signed_minutes_are_in_the_pack_as_they_were_signed(people: People) -> None:
    review = signed(people)
    said = section(people)
    assert (said.state, dict(said.files)) == ("held", {f"minutes/{review.ref}.md": review.minutes.encode()})
    assert "1 decisions" in str(said.data)
    assert "Signed off by Mina Kowalski and Omar Haddad" in page(people, review)


@pytest.mark.parametrize("how", ["update", "update both", "raw sql", "second", "forged"])
def test_minutes_that_were_not_signed_do_not_count_and_it_is_said(people: People, how: str) -> None:
    review = signed(people) if how != "forged" else opened(people)
    rows, text = Review.objects.filter(pk=review.pk), "# All is well"
    if how == "update":
        rows.update(minutes=text)
    elif how == "update both":
        rows.update(minutes=text, minutes_hash=minutes.digest(text))
    elif how == "raw sql":
        with connection.cursor() as sql:
            sql.execute("UPDATE reviews_review SET minutes = minutes || %s WHERE id = %s", ["!", review.pk])
    elif how == "second":
        rows.update(second=people.ada)
    else:
        rows.update(state="closed", closed_at=timezone.now(), second=people.omar, minutes=text,
                    minutes_hash=minutes.digest(text))  # fmt: skip
    review.refresh_from_db()
    assert minutes.altered([review]) == {review.pk}
    said = section(people)
    assert (said.state, said.files) == ("missing", ())
    assert f"The minutes of {review.ref} are not those that were signed off." in said.because
    assert "These are not the minutes that were signed off" in page(people, review)


def test_what_is_begun_and_not_signed_is_said(people: People) -> None:
    signed(people)
    review = opened(people)
    said = section(people)
    assert (said.state, f"{review.ref} of Payroll" in said.because) == ("partial", True)
    assert "is not signed off" in said.because


def test_a_decision_that_comes_while_it_is_signed_off_is_in_the_minutes_or_refused(people: People) -> None:
    for number in range(3):
        review = opened(people)
        actions.attend(review, people=[people.mina, people.omar], by=people.mina)
        actions.decide(finding(review), what="fix", by=people.mina)
        said = at_once(review, people, f"said at the last moment {number}")
        review.refresh_from_db()
        kept = Decision.objects.get(item__review=review, item__kind="finding").note
        assert said["close"] == "done"
        assert kept == (f"said at the last moment {number}" if said["decide"] == "done" else "")
        assert (kept in review.minutes) or not kept
        assert review.minutes_hash == minutes.digest(review.minutes)


def at_once(review: Review, people: People, words: str) -> dict[str, str]:
    """Signing off and deciding in the same moment, each in a thread and connection of its own."""
    gate, outcomes = threading.Barrier(2), {}

    def do(what: str) -> None:
        mine = Review.objects.get(pk=review.pk)
        item = finding(mine)
        gate.wait()
        try:
            if what == "close":
                actions.sign(mine, by=people.mina)
            else:
                actions.decide(item, what="fix", note=words, by=people.mina)
            outcomes[what] = "done"
        except Refused:
            outcomes[what] = "refused"
        finally:
            connections.close_all()

    threads = [threading.Thread(target=do, args=[what]) for what in ("close", "decide")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes
