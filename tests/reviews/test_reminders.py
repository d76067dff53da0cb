"""Reminders: each step once, whoever runs it, however often, by whatever clock; and who is told if nothing happens."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import connections, transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from compliance.actions import jobs as work
from compliance.errors import Lost
from compliance.models import Job, Outbound
from compliance.models.estate import day_of
from compliance.run import Run
from reviews import actions, jobs
from reviews.actions import reminders
from reviews.actions.reminders import URGENCY, step_of
from reviews.models import Review, ReviewAction
from tests.people import People, everybody

pytestmark = [pytest.mark.both, pytest.mark.django_db(transaction=True)]
NOW = datetime(2026, 9, 1, 0, 30, tzinfo=UTC)
DUE = datetime(2026, 10, 6, 23, 0, tzinfo=UTC)  # ten o'clock in Sydney, two days after its summer time began
DAY = timedelta(days=1)


@pytest.fixture
def people() -> People:
    return everybody(at=NOW - 400 * DAY)


def planned(people: People) -> Review:
    actions.set_schedule(people.payroll, chair=people.mina, invited=[people.erin], by=people.mina, at=NOW)
    return actions.add_review(people.payroll, due_at=DUE, chair=people.mina, by=people.mina, at=NOW)


def runs(*moments: datetime) -> None:
    """The daily work at these moments, each asked for twice, in this order: also backwards."""
    for moment in moments:
        with time_machine.travel(moment, tick=False):
            for _ in range(2):
                jobs.due_reviews(moment)
            work.work_off()


def steps(review: Review, person: object) -> list[str]:
    rows = Outbound.objects.filter(key__startswith=f"remind:{review.ref}:", to=person).order_by("pk")
    return [row.key.split(":")[3] for row in rows]


@settings(max_examples=200, deadline=None)
@given(st.integers(-400, 400), st.integers(0, 27))
def test_a_step_is_the_nearest_that_has_come(days: int, first: int) -> None:
    step = step_of(days, first)
    if days > max(first, 1) or days > 14:
        assert step == ""
    elif days >= 0:
        assert int(step) >= days
        assert not [more for more in (1, 7, 14) if days <= more < int(step)]
    else:
        assert step == ("overdue" if days > -7 else "escalated")


def test_summer_time_and_an_outage_lose_no_step_and_double_none(people: People) -> None:
    review = planned(people)
    hourly = [DUE - 15 * DAY + timedelta(hours=hours) for hours in range(24 * 15)]
    runs(*hourly)
    assert steps(review, people.erin) == ["14", "7", "1"]
    assert steps(review, people.mina) == ["14", "7", "1"]
    runs(DUE + timedelta(hours=20))
    assert (steps(review, people.mina)[3:], steps(review, people.omar)) == (["overdue"], ["overdue"])


def test_what_an_outage_skipped_is_made_up_by_the_step_it_is_now(people: People) -> None:
    review = planned(people)
    runs(DUE - 5 * DAY, DUE - timedelta(hours=3))
    assert steps(review, people.erin) == ["7", "1"]


def test_a_clock_that_is_set_back_says_nothing_again_and_nothing_earlier(people: People) -> None:
    review = planned(people)
    runs(DUE - DAY, DUE - 10 * DAY, DUE - 6 * DAY, DUE - 13 * DAY, DUE - DAY)
    assert steps(review, people.erin) == ["1"]


def test_a_review_that_moved_is_reminded_of_anew_and_one_that_began_is_not(people: People) -> None:
    review = planned(people)
    runs(DUE - 6 * DAY)
    Review.objects.filter(pk=review.pk).update(due_at=DUE + 2 * DAY)
    runs(DUE - 5 * DAY)
    assert steps(review, people.erin) == ["7", "7"]
    actions.open_review(Review.objects.get(pk=review.pk), by=people.mina, at=DUE - 4 * DAY)
    runs(DUE + DAY, DUE + 4 * DAY)
    assert steps(review, people.erin) == ["7", "7"]


@pytest.mark.parametrize("killed_at", ["before", "halfway"])
def test_a_worker_that_is_killed_loses_no_reminder_and_doubles_none(
    people: People, killed_at: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    review = planned(people)
    moment = DUE - 6 * DAY
    with time_machine.travel(moment, tick=False) as clock:
        jobs.due_reviews(moment)
        work.run_job(Job.objects.get(kind="plan_reviews").pk)
        waiting = Job.objects.get(kind="remind")
        lost = work.claim(moment, only=waiting.pk)
        assert lost is not None
        if killed_at == "halfway":
            kill_after_one(monkeypatch, Run(lost))
            assert steps(review, people.erin) + steps(review, people.mina) == [], "nothing of half a job is kept"
        clock.shift(timedelta(hours=1))
        assert work.free_lost(moment + timedelta(hours=1)) == 1
        work.work_off()
        with pytest.raises(Lost):
            jobs.remind(Run(lost))
    assert steps(review, people.erin) == steps(review, people.mina) == ["7"]


def kill_after_one(monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    """The worker dies in the middle of its transaction, after the first message."""
    real, told = reminders.tell, []

    def dies(*given: object, **said: object) -> object:
        if told:
            raise SystemExit
        told.append(1)
        return real(*given, **said)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(reminders, "tell", dies)
        with pytest.raises(SystemExit):
            jobs.remind(run)


def test_two_workers_at_once_say_it_once(people: People) -> None:
    review = planned(people)
    moment, gate = DUE - 6 * DAY, threading.Barrier(2)

    def say() -> None:
        gate.wait()
        with transaction.atomic():
            mine = Review.objects.select_related("system__owner", "chair").get(pk=review.pk)
            reminders.remind_of_review(mine, "7", at=moment)
        connections.close_all()

    threads = [threading.Thread(target=say) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert steps(review, people.erin) == ["7"]


def test_actions_are_reminded_of_and_go_to_the_managers_when_a_week_late(people: People) -> None:
    review = planned(people)
    action = ReviewAction.objects.create(
        review=review, text="Close the port", owner=people.erin, due=day_of(NOW) + 20 * DAY
    )
    done = ReviewAction.objects.create(
        review=review, text="Done", owner=people.erin, due=day_of(NOW) + 20 * DAY, state="done"
    )
    runs(*(NOW + number * DAY for number in range(40)))

    def said(person: object, row: ReviewAction) -> list[str]:
        rows = Outbound.objects.filter(key__startswith=f"act:{row.pk}:", to=person).order_by("pk")
        return [each.key.split(":")[3] for each in rows]

    assert said(people.erin, action) == ["14", "7", "1", "overdue"]
    assert said(people.mina, action) == ["escalated"]
    assert said(people.erin, done) == said(people.mina, done) == []
    body = Outbound.objects.get(key__startswith=f"act:{action.pk}:", to=people.mina).body
    assert str(people.erin) in body
    runs(*(NOW + number * DAY for number in range(40, 60)))
    assert len(said(people.mina, action)) == 1


def test_who_left_is_told_nothing_and_each_step_has_its_place() -> None:
    made = everybody(at=NOW - 400 * DAY)
    review = planned(made)
    type(made.erin).objects.filter(pk=made.erin.pk).update(is_active=False)
    runs(DUE - 6 * DAY)
    assert steps(review, made.erin) == []
    assert steps(review, made.mina) == ["7"]
    assert list(URGENCY) == ["14", "7", "1", "overdue", "escalated"]
