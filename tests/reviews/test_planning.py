"""The standing duty: planned ahead once, moved when it changes, reminded of once, missed when nobody came."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.core import mail

from compliance.actions import jobs as work
from compliance.errors import Lost, Refused
from compliance.models import Job, LedgerInbox, Outbound
from compliance.run import Run
from evidence.actions.compare import compare
from evidence.models import Finding
from reviews import actions, jobs
from reviews.models import Holiday, Review, ReviewSchedule
from tests.people import People, everybody
from tests.reviews.meeting import signed_off

pytestmark = [pytest.mark.both, pytest.mark.django_db(transaction=True)]
MONDAY = datetime(2026, 6, 1, 0, 30, tzinfo=UTC)  # half past ten in Sydney
DUE = datetime(2026, 6, 17, 0, 0, tzinfo=UTC)  # the third Wednesday, ten o'clock
State = Review.State


@pytest.fixture
def people() -> People:
    return everybody(at=MONDAY - timedelta(days=400))


def scheduled(people: People, *, at: datetime = MONDAY, **fields: Any) -> ReviewSchedule:
    row = actions.set_schedule(people.payroll, chair=people.mina, by=people.mina, at=at, **fields)
    actions.plan(row, now=at)
    return row


def days_pass(since: datetime, days: int) -> None:
    """Every hour the schedule is asked twice, as by two ticks, and the workers do what waits."""
    for hours in range(days * 24):
        with time_machine.travel(since + timedelta(hours=hours), tick=False):
            for _ in range(2):
                jobs.due_reviews(since + timedelta(hours=hours))
            work.work_off()


def told(words: str) -> list[tuple[str, list[str]]]:
    return sorted((letter.subject, letter.to) for letter in mail.outbox if words in letter.subject)


def dues() -> list[datetime]:
    return list(Review.objects.order_by("due_at").values_list("due_at", flat=True))


def test_this_month_and_two_ahead_are_planned_once(people: People) -> None:
    row = scheduled(people)
    for _ in range(3):
        assert actions.plan(row, now=MONDAY) == []
    assert dues() == [DUE, datetime(2026, 7, 15, 0, tzinfo=UTC), datetime(2026, 8, 19, 0, tzinfo=UTC)]
    assert LedgerInbox.objects.filter(data__verb="plan_review").count() == 3
    actions.plan(row, now=MONDAY + timedelta(days=30))
    assert dues()[-1] == datetime(2026, 9, 16, 0, tzinfo=UTC)


def test_a_duty_that_begins_after_its_day_missed_nothing(people: People) -> None:
    scheduled(people, at=DUE + timedelta(hours=1))
    assert dues()[0] == datetime(2026, 7, 15, 0, tzinfo=UTC)


def test_months_in_which_nothing_ran_are_missed_and_not_forgotten(people: People) -> None:
    row = scheduled(people)
    actions.plan(row, now=MONDAY + timedelta(days=200))
    assert [due.month for due in dues()] == [6, 7, 8, 9, 10, 11, 12, 1, 2]
    with time_machine.travel(MONDAY + timedelta(days=200), tick=False):
        jobs.due_reviews(MONDAY + timedelta(days=200))
        work.work_off()
    assert Review.objects.filter(state=State.MISSED).count() == 6
    assert Review.objects.filter(state=State.PLANNED).count() == 3  # December within its grace


def test_another_date_moves_what_is_planned_and_doubles_nothing(people: People) -> None:
    scheduled(people)
    people.payroll.review_schedule.invited.add(people.erin)
    row = scheduled(people, week=1, weekday=4, hour=14, at=MONDAY + timedelta(days=6))
    assert [due.isoformat() for due in dues()] == [
        "2026-06-17T00:00:00+00:00",  # the first Friday of June has been: this month's review stays where it was
        "2026-07-03T04:00:00+00:00",
        "2026-08-07T04:00:00+00:00",
    ]
    assert list(row.invited.all()) == [people.erin]
    scheduled(people, week=1, weekday=4, hour=14, at=MONDAY + timedelta(days=7))
    assert Review.objects.count() == 3


def test_another_chair_holds_what_is_planned(people: People) -> None:
    scheduled(people)
    actions.set_schedule(people.payroll, chair=people.omar, by=people.mina, at=MONDAY + timedelta(days=1))
    assert set(Review.objects.values_list("chair", flat=True)) == {people.omar.pk}


def test_a_schedule_is_in_the_time_of_the_installation(people: People, settings: Any) -> None:
    settings.TIME_ZONE = "Europe/London"
    assert scheduled(people).time_zone == "Europe/London"
    assert dues()[0] == datetime(2026, 6, 17, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "odd", [{"week": 0}, {"week": 6}, {"weekday": 7}, {"hour": 24}, {"time_zone": "Mars/Olympus"}, {"remind_days": 40}]
)
def test_an_odd_schedule_is_refused_and_nothing_is_kept(people: People, odd: dict[str, Any]) -> None:
    with pytest.raises(Refused, match="not kept"):
        scheduled(people, **odd)
    assert not ReviewSchedule.objects.exists()


def test_reminders_at_14_7_and_1_days_then_overdue_then_missed_each_once(people: People) -> None:
    scheduled(people, invited=[people.erin])
    days_pass(DUE - timedelta(days=16), 16)
    subject = f"{ref()}: review of Payroll on 17 June"
    assert told("review of Payroll on 17 June") == [
        (subject, [f"{name}@example.org"]) for name in ("erin", "mina") for _ in range(3)
    ]
    reminders = Outbound.objects.filter(key__startswith=f"remind:{ref()}", to=people.erin).order_by("pk")
    keys = reminders.values_list("key", flat=True)
    assert [key.split(":")[3] for key in keys] == ["14", "7", "1"]
    days_pass(DUE, 7)
    assert len(told("review of Payroll on 17 June")) == 6
    assert [to for _, to in told("is not open")] == [["mina@example.org"], ["omar@example.org"]]
    assert told("was not held") == [(f"{ref()} was not held", [f"{name}@example.org"]) for name in ("mina", "omar")]
    assert Review.objects.get(due_at=DUE).state == State.MISSED
    assert "was due on 17 June 2026" in Outbound.objects.get(key__startswith=f"missed:{ref()}:{people.mina.pk}").body
    assert LedgerInbox.objects.filter(data__verb="miss_review").count() == 1


def ref() -> str:
    return Review.objects.get(due_at=DUE).ref


def test_a_worker_that_dies_while_it_reminds_reminds_nobody_twice(people: People) -> None:
    scheduled(people)
    near = DUE - timedelta(days=3)
    with time_machine.travel(near, tick=False) as clock:
        jobs.due_reviews(near)
        plan = Job.objects.get(kind="plan_reviews")
        work.run_job(plan.pk)
        waiting = Job.objects.get(kind="remind")
        lost = work.claim(near, only=waiting.pk)
        assert lost is not None
        first = Run(lost)
        clock.shift(timedelta(hours=1))
        assert work.free_lost(near + timedelta(hours=1)) == 1
        work.work_off()
        with pytest.raises(Lost):
            jobs.remind(first)
    days_pass(near + timedelta(hours=2), 1)
    assert len(told("review of Payroll on 17 June")) == 1


def test_a_review_that_is_planned_late_is_reminded_of_at_once(people: People) -> None:
    with time_machine.travel(MONDAY, tick=False):
        soon = MONDAY + timedelta(hours=20)
        review = actions.add_review(people.payroll, due_at=soon, chair=people.mina, by=people.mina)
        work.work_off()
        assert [to for _, to in told(review.ref)] == [["mina@example.org"]]


def test_a_review_without_any_schedule_is_reminded_of_and_missed_too(people: People) -> None:
    review = actions.add_review(people.payroll, due_at=DUE, chair=people.mina, by=people.mina, at=MONDAY)
    days_pass(DUE - timedelta(days=1), 6)
    review.refresh_from_db()
    assert (review.state, len(told("review of")), len(told("not held"))) == (State.MISSED, 3, 2)


def test_what_was_opened_is_not_missed_and_what_went_by_is_not_reminded_of(people: People) -> None:
    scheduled(people)
    review = Review.objects.get(due_at=DUE)
    actions.open_review(review, by=people.mina, at=DUE - timedelta(days=8))
    days_pass(DUE - timedelta(days=1), 6)
    review.refresh_from_db()
    assert (review.state, mail.outbox) == (State.OPEN, [])


def at_ten(year: int, month: int, day: int) -> datetime:
    return datetime(year, month, day, 10, tzinfo=ZoneInfo("Australia/Sydney")).astimezone(UTC)


def test_a_holiday_moves_what_is_planned_once_and_back_again(people: People) -> None:
    scheduled(people)
    mina = people.mina
    assert actions.set_holidays({DUE.date(): "A day off"}, by=mina, at=MONDAY) == 1
    assert dues()[0] == at_ten(2026, 6, 18)
    assert actions.set_holidays({DUE.date(): "A day off"}, by=mina, at=MONDAY) == 0
    actions.plan(people.payroll.review_schedule, now=MONDAY + timedelta(days=2))
    assert Review.objects.count() == 3, "the same review, on another day"
    actions.set_holidays({}, by=mina, at=MONDAY + timedelta(days=3))
    assert dues()[0] == DUE
    assert LedgerInbox.objects.filter(data__verb="move_review").count() == 2
    assert LedgerInbox.objects.filter(data__verb="set_holidays").count() == 2


def test_a_holiday_of_the_past_is_not_taken_back_and_only_a_few_set_them(people: People) -> None:
    actions.set_holidays({MONDAY.date(): "Today"}, by=people.alex, at=MONDAY)
    actions.set_holidays({date(2020, 1, 1): "Long ago"}, by=people.alex, at=MONDAY + timedelta(days=10))
    assert list(Holiday.objects.values_list("day", flat=True)) == [MONDAY.date()]
    for other in (people.omar, people.erin, people.ada, people.sam):
        with pytest.raises(Refused):
            actions.set_holidays({}, by=other)


def test_months_without_a_run_are_missed_though_a_holiday_moved_them_into_the_next(people: People) -> None:
    """A review of December that is held in January answers for December, not for January as well."""
    row = scheduled(people, rule="FREQ=MONTHLY;BYMONTHDAY=-1", at=datetime(2026, 11, 2, tzinfo=UTC))
    free = {date(2026, 12, 31): "", date(2027, 1, 1): ""}
    actions.set_holidays(free, by=people.mina, at=datetime(2026, 11, 3, tzinfo=UTC))
    Review.objects.filter(named_day__gt=date(2026, 12, 31)).delete()
    actions.plan(row, now=datetime(2027, 4, 10, tzinfo=UTC))
    assert list(Review.objects.order_by("due_at").values_list("named_day", flat=True))[:5] == [
        date(2026, 11, 30), date(2026, 12, 31), date(2027, 1, 31), date(2027, 2, 28), date(2027, 3, 31),
    ]  # fmt: skip
    assert Review.objects.get(named_day=date(2026, 12, 31)).due_at == at_ten(2027, 1, 4)


def test_from_monthly_to_weekly_and_back_nothing_promised_is_taken_away(people: People) -> None:
    scheduled(people)
    weekly = scheduled(people, rule="FREQ=WEEKLY;BYDAY=FR", at=MONDAY + timedelta(days=1))
    assert [due.date().isoformat() for due in dues()][:4] == ["2026-06-05", "2026-06-12", "2026-06-19", "2026-06-26"]
    promised = set(Review.objects.values_list("pk", flat=True))
    assert actions.plan(weekly, now=MONDAY + timedelta(days=1)) == []
    scheduled(people, rule="", at=MONDAY + timedelta(days=2))
    assert promised <= set(Review.objects.values_list("pk", flat=True))
    assert DUE in dues()


@pytest.mark.parametrize("odd", [{"rule": "FREQ=SECONDLY"}, {"minute": 60}, {"on_holiday": "never"},
                                 {"starts_on": date(2031, 1, 1)}])  # fmt: skip
def test_an_odd_rule_is_refused(people: People, odd: dict[str, Any]) -> None:
    with pytest.raises(Refused, match="not kept"):
        scheduled(people, **odd)


def test_a_missed_review_is_a_finding_until_one_is_signed_off(people: People) -> None:
    """Found by the comparison that saying so asks for; altered minutes cure nothing."""
    with time_machine.travel(MONDAY, tick=False) as clock:
        scheduled(people)
        clock.move_to(DUE + timedelta(days=4))
        jobs.due_reviews(DUE + timedelta(days=4))
        work.work_off()
        found = Finding.objects.get(verdict="review_missed")
        assert (found.system, found.state, found.subject) == (people.payroll, "open", "reviews of Payroll")
        assert f"{ref()}, due 17 June 2026, was not held" in found.because
        assert found.connection is None
        assert found.server is None
        held = actions.add_review(people.payroll, due_at=DUE + timedelta(days=5), chair=people.mina, by=people.mina)
        clock.move_to(DUE + timedelta(days=5))
        actions.open_review(held, by=people.mina)
        for item in held.agenda.filter(kind="finding"):
            actions.decide(item, what="fix", by=people.mina)
        actions.attend(held, people=[people.mina, people.omar], by=people.mina)
        signed_off(held, people)
        was = Review.objects.get(pk=held.pk).minutes
        Review.objects.filter(pk=held.pk).update(minutes="All is well.")
        compare()
        found.refresh_from_db()
        assert found.state == "open", "minutes that were altered are no review"
        Review.objects.filter(pk=held.pk).update(minutes=was)
        compare()
        found.refresh_from_db()
        assert (found.state, "signed off since" in found.cured_because) == ("cured", True)
