"""When a review is due: one a month, on the day that was said, at the hour of the place, whatever its clock does."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviews.calendar import LAST_WEEK, dated, day_in, due_at, dues, held_on, named_days, problem

ZONES = ("Australia/Sydney", "Europe/London", "America/St_Johns", "Australia/Lord_Howe", "Pacific/Apia", "UTC")


@dataclass(frozen=True)
class Duty:
    """A schedule without a database."""

    week: int = 3
    weekday: int = 2
    hour: int = 10
    minute: int = 0
    time_zone: str = "Australia/Sydney"
    rule: str = ""
    starts_on: date | None = None
    on_holiday: str = "next"


DUTIES = st.builds(
    Duty, week=st.integers(1, 5), weekday=st.integers(0, 6), hour=st.integers(0, 23), time_zone=st.sampled_from(ZONES)
)
MONTHS = st.tuples(st.integers(2000, 2099), st.integers(1, 12))


@given(DUTIES, MONTHS)
def test_it_is_the_n_th_such_day_of_its_month(duty: Duty, month: tuple[int, int]) -> None:
    day = day_in(duty, *month)
    assert (day.year, day.month, day.weekday()) == (*month, duty.weekday)
    if duty.week < LAST_WEEK:
        assert (day.day - 1) // 7 + 1 == duty.week
    else:
        assert (day + timedelta(days=7)).month != day.month


@given(DUTIES, MONTHS)
def test_it_is_at_that_hour_of_that_place(duty: Duty, month: tuple[int, int]) -> None:
    there = due_at(duty, *month).astimezone(ZoneInfo(duty.time_zone))
    assert there.date() == day_in(duty, *month)
    assert there.hour == duty.hour or (there.utcoffset() != (there - timedelta(hours=3)).utcoffset())
    assert timedelta(0) <= there.replace(tzinfo=None) - datetime.combine(there.date(), datetime.min.time()).replace(
        hour=duty.hour
    ) <= timedelta(hours=1)  # fmt: skip


@pytest.mark.parametrize(
    ("month", "hour", "expected"),
    [
        ((2026, 9), 10, datetime(2026, 9, 6, 0, tzinfo=UTC)),  # winter time: ten hours ahead
        ((2026, 10), 10, datetime(2026, 10, 3, 23, tzinfo=UTC)),  # summer time begins on this very day
        ((2026, 10), 2, datetime(2026, 10, 3, 16, tzinfo=UTC)),  # two o'clock does not come: it is three
        ((2026, 4), 2, datetime(2026, 4, 4, 15, tzinfo=UTC)),  # two o'clock comes twice: it is the first
        ((2026, 4), 10, datetime(2026, 4, 5, 0, tzinfo=UTC)),
    ],
)
def test_daylight_saving_in_sydney(month: tuple[int, int], hour: int, expected: datetime) -> None:
    assert due_at(Duty(week=1, weekday=6, hour=hour), *month) == expected


@pytest.mark.parametrize(
    ("month", "weekday", "expected"),
    [
        ((2026, 2), 5, date(2026, 2, 28)),
        ((2028, 2), 1, date(2028, 2, 29)),
        ((2026, 2), 0, date(2026, 2, 23)),
        ((2026, 12), 3, date(2026, 12, 31)),
    ],
)
def test_the_last_such_day_of_a_month(month: tuple[int, int], weekday: int, expected: date) -> None:
    assert day_in(Duty(week=LAST_WEEK, weekday=weekday), *month) == expected


def months(duty: Duty, since: datetime, until: datetime, ahead: int) -> list[tuple[int, int]]:
    return [(due.named.year, due.named.month) for due in dues(duty, since, until, (), ahead=ahead)]


def test_months_are_counted_where_the_review_is_held() -> None:
    eve = datetime(2026, 12, 31, 14, tzinfo=UTC)  # the new year has begun in Sydney, not in London
    assert months(Duty(), eve, eve, ahead=2) == [(2027, 1), (2027, 2), (2027, 3)]
    assert months(Duty(time_zone="Europe/London"), eve, eve, ahead=1) == [(2026, 12), (2027, 1)]
    assert months(Duty(), eve - timedelta(days=60), eve, ahead=0) == [(2026, 11), (2026, 12), (2027, 1)]


RULES = (
    "FREQ=MONTHLY;BYMONTHDAY=15", "FREQ=MONTHLY;BYMONTHDAY=-1", "FREQ=MONTHLY;INTERVAL=3;BYDAY=1MO",
    "FREQ=WEEKLY;BYDAY=TU", "FREQ=WEEKLY;INTERVAL=2;BYDAY=TH", "FREQ=YEARLY;BYMONTH=3,9;BYDAY=-1FR",
    "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1",
)  # fmt: skip
WITH_RULES = st.builds(
    Duty, rule=st.sampled_from(RULES), hour=st.integers(0, 23), minute=st.sampled_from((0, 15, 59)),
    time_zone=st.sampled_from(ZONES), on_holiday=st.sampled_from(("next", "before", "keep")),
    starts_on=st.one_of(st.none(), st.dates(date(2024, 1, 1), date(2026, 1, 1))),
)  # fmt: skip
FREE = st.sets(st.dates(date(2026, 1, 1), date(2027, 12, 31)), max_size=40)


@pytest.mark.parametrize("rule", RULES)
def test_the_rules_that_are_offered_are_rules(rule: str) -> None:
    assert problem(rule) == ""


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("FREQ=SECONDLY", "no part"), ("FREQ=DAILY", "no part"), ("FREQ=MONTHLY;COUNT=3", "COUNT=3"),
        ("FREQ=MONTHLY;UNTIL=20300101", "UNTIL"), ("FREQ=MONTHLY;BYHOUR=3", "BYHOUR"), ("BYDAY=MO", "FREQ once"),
        ("FREQ=MONTHLY;FREQ=WEEKLY", "FREQ once"), ("FREQ=YEARLY;INTERVAL=2", "years without"), ("", "no part"),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "years without"), ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29", "years"),
        ("FREQ=WEEKLY;BYDAY=2MO", "Within a week"), ("FREQ=MONTHLY;INTERVAL=0", "INTERVAL=0"),
        ("FREQ=MONTHLY;BYDAY=1MO\nDTSTART:20200101", "no part"), ("FREQ=MONTHLY;" + "BYDAY=MO;" * 300, "no part"),
    ],
)  # fmt: skip
def test_what_is_no_rule_for_reviews_is_said(rule: str, said: str) -> None:
    assert said in problem(rule)


@given(
    WITH_RULES, FREE, st.datetimes(datetime(2026, 1, 1), datetime(2027, 6, 1)).map(lambda at: at.replace(tzinfo=UTC))
)
def test_each_named_day_is_held_once_at_its_hour_there_whatever_the_clock_does(
    duty: Duty, free: set[date], now: datetime
) -> None:
    found = dues(duty, now, now, free, ahead=2)
    assert len({due.named for due in found}) == len(found)
    assert any(due.at > now for due in found), "there is always a next one"
    for due in found:
        there = due.at.astimezone(ZoneInfo(duty.time_zone))
        wall = there.replace(tzinfo=None) - datetime(there.year, there.month, there.day, duty.hour, duty.minute)
        assert timedelta(0) <= wall <= timedelta(hours=1)  # an hour that summer time leaves out is as much later
        assert wall == timedelta(0) or there.utcoffset() != (there - timedelta(hours=3)).utcoffset()
        assert there.date() == held_on(duty, due.named, free)
        assert due == dated(duty, due.named, free)


@given(WITH_RULES, FREE)
def test_planning_day_by_day_finds_what_planning_once_finds(duty: Duty, free: set[date]) -> None:
    """However often it runs, and whenever: the same days, none between two runs forgotten."""
    begin, end = datetime(2026, 2, 1, tzinfo=UTC), datetime(2026, 9, 1, tzinfo=UTC)
    whole = {due for due in dues(duty, begin, end, free, ahead=0) if begin <= due.at <= end}
    daily, now = set(), begin
    while now <= end:
        daily |= set(dues(duty, now - timedelta(days=9), now, free, ahead=0))
        now += timedelta(days=9)
    assert whole <= daily


@given(WITH_RULES, FREE, st.dates(date(2026, 1, 1), date(2027, 6, 1)))
def test_nothing_is_held_on_a_holiday_where_it_moves(duty: Duty, free: set[date], around: date) -> None:
    for named in named_days(duty, around, around + timedelta(days=60)):
        held = held_on(duty, named, free)
        if duty.on_holiday == "keep" or len(free) > 9:
            continue
        assert held not in free
        assert held == named or held.weekday() < 5
        assert (held >= named) if duty.on_holiday == "next" else (held <= named)


def test_a_quarter_is_counted_from_its_start_and_the_next_one_is_always_planned() -> None:
    duty = Duty(rule="FREQ=MONTHLY;INTERVAL=3;BYDAY=3WE", starts_on=date(2026, 2, 1))
    now = datetime(2026, 2, 20, tzinfo=UTC)
    assert [due.named for due in dues(duty, now, now, (), ahead=2)] == [date(2026, 2, 18), date(2026, 5, 20)]


def test_anzac_day_moves_it_to_the_working_day_that_follows_and_christmas_over_the_holidays() -> None:
    duty = Duty(rule="FREQ=MONTHLY;BYMONTHDAY=25")
    free = {date(2027, 4, 26), date(2026, 12, 25), date(2026, 12, 28), date(2027, 1, 1)}
    assert held_on(duty, date(2027, 4, 25), free) == date(2027, 4, 27)  # a Sunday, and the Monday in its place
    assert held_on(duty, date(2026, 12, 25), free) == date(2026, 12, 29)
    assert held_on(Duty(rule=duty.rule, on_holiday="before"), date(2026, 12, 25), free) == date(2026, 12, 24)
    long = {date(2026, 12, 25) + timedelta(days=number) for number in range(40)}
    assert held_on(duty, date(2026, 12, 25), long) == date(2026, 12, 25), "no list of holidays puts it off for ever"
