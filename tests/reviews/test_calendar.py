"""When a review is due: one a month, on the day that was said, at the hour of the place, whatever its clock does."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviews.calendar import LAST_WEEK, day_in, due_at, months

ZONES = ("Australia/Sydney", "Europe/London", "America/St_Johns", "Australia/Lord_Howe", "Pacific/Apia", "UTC")


@dataclass(frozen=True)
class Duty:
    """A schedule without a database."""

    week: int = 3
    weekday: int = 2
    hour: int = 10
    time_zone: str = "Australia/Sydney"


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


def test_months_are_counted_where_the_review_is_held() -> None:
    eve = datetime(2026, 12, 31, 14, tzinfo=UTC)  # the new year has begun in Sydney, not in London
    assert list(months(Duty(), eve, eve, ahead=2)) == [(2027, 1), (2027, 2), (2027, 3)]
    assert list(months(Duty(time_zone="Europe/London"), eve, eve, ahead=1)) == [(2026, 12), (2027, 1)]
    assert list(months(Duty(), eve - timedelta(days=60), eve, ahead=0)) == [(2026, 11), (2026, 12), (2027, 1)]
