"""When a monthly review is due: pure dates, no records."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from typing import Protocol
from zoneinfo import ZoneInfo

LAST_WEEK = 5


class Duty(Protocol):
    """What a schedule says: the n-th weekday of a month (week 5: the last one) at an hour of a place's day."""

    week: int
    weekday: int
    hour: int
    time_zone: str


def day_in(duty: Duty, year: int, month: int) -> date:
    """The n-th such weekday of the month; week 5 means the last one."""
    first = (duty.weekday - date(year, month, 1).weekday()) % 7 + 1
    days = list(range(first, monthrange(year, month)[1] + 1, 7))
    return date(year, month, days[-1] if duty.week >= LAST_WEEK else days[duty.week - 1])


def due_at(duty: Duty, year: int, month: int) -> datetime:
    """The moment of a month's review: a time of day where it is held, so that summer time moves nothing.

    An hour that summer time leaves out is the hour after it; one that comes twice is the first of the two.
    """
    zone = ZoneInfo(duty.time_zone)
    return datetime.combine(day_in(duty, year, month), time(duty.hour), zone).astimezone(UTC)


def months(duty: Duty, since: datetime, until: datetime, *, ahead: int) -> Iterator[tuple[int, int]]:
    """(year, month) from the month of `since` to that of `until` and `ahead` more, as the duty's place counts them."""
    zone = ZoneInfo(duty.time_zone)
    first, last = (moment.astimezone(zone) for moment in (since, until))
    for number in range(first.year * 12 + first.month - 1, last.year * 12 + last.month + ahead):
        yield number // 12, number % 12 + 1
