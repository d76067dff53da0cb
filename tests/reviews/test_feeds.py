"""The calendar feed: opened by its address alone, in its person's sight and no further, ended when they say so."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from compliance.errors import Refused
from compliance.models import RoleGrant, System
from compliance.models.estate import day_of
from reviews import actions, ics
from reviews.actions import feeds
from reviews.models import CalendarFeed, Review
from tests.factories import authorised, network, servers
from tests.people import People, everybody

pytestmark = [pytest.mark.both, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def people() -> People:
    return everybody()


def two_reviews(people: People) -> tuple[Review, Review]:
    """One of Payroll, and one of the Platform, with an action of Erin's in the first."""
    soon = timezone.now() + timedelta(days=3)
    ours = actions.add_review(people.payroll, due_at=soon, chair=people.mina, by=people.mina)
    theirs = actions.add_review(people.platform, due_at=soon, chair=people.olga, by=people.olga)
    ours.actions.create(text="Close the port; then, look", owner=people.erin, due=day_of(soon))
    return ours, theirs


def read(token: str) -> str:
    answer = Client().get(f"/calendar/{token}.ics")
    assert answer.status_code == 200
    assert answer["Content-Type"] == "text/calendar; charset=utf-8"
    return answer.content.decode()


def test_it_holds_what_its_person_may_see_now_and_nothing_else(people: People) -> None:
    ours, theirs = two_reviews(people)
    RoleGrant.objects.filter(person=people.omar).update(system=people.payroll)
    token = feeds.make_feed(by=people.omar)
    text = read(token)
    assert ours.ref in text
    assert theirs.ref not in text
    assert "Close the port" not in text, "somebody else's action"
    assert "SUMMARY:Due: Close the port\\; then\\, look" in read(feeds.make_feed(by=people.erin))
    RoleGrant.objects.filter(person=people.omar).update(valid_to=timezone.now())
    assert ours.ref not in read(token), "by the roles of now, not of when it was made"


def test_an_address_is_shown_once_ended_at_once_and_kept_as_a_digest(people: People) -> None:
    two_reviews(people)
    client = Client()
    client.force_login(people.mina, backend="allauth.account.auth_backends.AuthenticationBackend")
    page = client.post("/calendar/", {"what": "make"})
    found = re.search(r"/calendar/(ewc_[\w-]+)\.ics", page.content.decode())
    assert found is not None
    token = found[1]
    assert page["Cache-Control"] == "no-store"
    assert token not in client.get("/calendar/").content.decode()
    assert not CalendarFeed.objects.filter(digest__contains=token).exists()
    read(token)
    second = feeds.make_feed(by=people.mina)
    assert Client().get(f"/calendar/{token}.ics").status_code == 404, "the new one ended it"
    read(second)
    assert client.post("/calendar/", {"what": "end"}).status_code == 302
    assert Client().get(f"/calendar/{second}.ics").status_code == 404
    with pytest.raises(Refused):
        feeds.end_feed(by=people.mina)


def test_what_is_no_key_opens_nothing_and_a_session_is_none(people: People) -> None:
    two_reviews(people)
    client = Client()
    client.force_login(people.mina, backend="allauth.account.auth_backends.AuthenticationBackend")
    for token in ("ewc_", "ewc_nothing", "ewc_" + "a" * 5000):
        assert client.get(f"/calendar/{token}.ics").status_code == 404
    token = feeds.make_feed(by=people.mina)
    assert client.post(f"/calendar/{token}.ics").status_code == 405
    type(people.mina).objects.filter(pk=people.mina.pk).update(is_active=False)
    assert Client().get(f"/calendar/{token}.ics").status_code == 404, "who left has none"


def test_what_falls_due_of_ones_own_is_in_it(people: People) -> None:
    """Reviews and ends of connections, as the reminders say them; of what one may not see any more nothing."""
    servers(people)
    day = timezone.localdate() + timedelta(days=40)
    connection = authorised(people, network(review_by=str(day), ends_on=str(day + timedelta(days=1))))
    token = feeds.make_feed(by=people.rita)
    text = read(token).replace("\r\n ", "")
    assert f"SUMMARY:{connection}".replace(",", "\\,") in text
    assert f"is to be reviewed by {day.day} {day:%B %Y}\r\n" in text
    assert f"DTSTART;VALUE=DATE:{day:%Y%m%d}\r\n" in text
    assert f"DTSTART;VALUE=DATE:{day + timedelta(days=1):%Y%m%d}\r\n" in text
    assert text == read(token).replace("\r\n ", ""), "the same day gives the same text"
    assert connection.ref not in read(feeds.make_feed(by=people.erin)), "nothing of hers"
    System.objects.filter(pk=people.payroll.pk).update(classification="P")
    reserved = read(token).replace("\r\n ", "")
    assert f"SUMMARY:{connection.ref}\r\n" in reserved
    assert "pay-db-01" not in reserved
    RoleGrant.objects.filter(person=people.rita).update(valid_to=timezone.now())
    assert connection.ref not in read(token), "by the roles of now"


def test_about_protected_systems_it_says_an_id_and_a_link(people: People) -> None:
    ours, _ = two_reviews(people)
    System.objects.filter(pk=people.payroll.pk).update(classification="P")
    text = read(feeds.make_feed(by=people.erin)).replace("\r\n ", "")
    assert f"SUMMARY:{ours.ref}\r\n" in text
    assert f"SUMMARY:Due: {ours.ref}\r\n" in text
    assert "Payroll" not in text
    assert "Close the port" not in text


@given(st.lists(st.tuples(st.text(max_size=200), st.text(max_size=300)), max_size=4), st.integers(0, 3000))
def test_no_text_breaks_a_line_or_ends_a_value(words: list[tuple[str, str]], days: int) -> None:
    at = datetime(2026, 1, 1, 10, tzinfo=UTC) + timedelta(days=days)
    events = [
        ics.Event(f"{number}@x", at if number % 2 else at.date(), title, text, "https://x.example/", at)
        for number, (title, text) in enumerate(words)
    ]
    raw = ics.written("Name", events)
    lines = raw.split("\r\n")
    assert lines.pop() == ""
    assert all(len(line.encode()) <= 75 for line in lines)
    assert not re.search(r"[\r\n\x00-\x1f\x7f]", "".join(lines))
    whole = raw.replace("\r\n ", "").split("\r\n")
    assert whole.count("BEGIN:VEVENT") == whole.count("END:VEVENT") == len(words)
    summaries = [line.removeprefix("SUMMARY:") for line in whole if line.startswith("SUMMARY:")]
    for said, (title, _) in zip(summaries, words, strict=True):
        kept = re.sub(r"\\(.)", lambda m: "\n" if m[1] == "n" else m[1], said)
        assert kept == "".join(c for c in title.replace("\r\n", "\n") if c == "\n" or c.isprintable())


def test_moments_are_in_utc_and_days_are_whole() -> None:
    sydney = datetime(2026, 10, 7, 10, tzinfo=timezone.get_fixed_timezone(11 * 60))
    text = ics.written(
        "x", [ics.Event("a", sydney, "t", "", "u", sydney), ics.Event("b", date(2026, 12, 31), "t", "", "u", sydney)]
    )
    assert "DTSTART:20261006T230000Z\r\n" in text
    assert "DTSTART;VALUE=DATE:20261231\r\nDTEND;VALUE=DATE:20270101\r\n" in text


def test_guessing_is_slowed_down(people: People) -> None:
    cache.clear()
    guess = Client(REMOTE_ADDR="203.0.113.8")
    answers = [guess.get(f"/calendar/ewc_{number}.ics").status_code for number in range(22)]
    assert (answers[0], answers[-1]) == (404, 429)
