"""When reviews are due: pure dates, no records.

A duty says its days by a rule (RFC 5545, or the n-th weekday of each month where it has none) and a time of day
where it is held. What a rule names is the *named day*; holidays move what is held, never what is named.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Collection, Iterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Final, NamedTuple, Protocol
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulestr

LAST_WEEK = 5
DAYS: Final = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
ANCHOR: Final = date(2001, 1, 1)  # a Monday: what "every second week" counts from where no first day is said
LONGEST: Final = timedelta(days=372)  # a review comes once a year at least
FURTHEST: Final = timedelta(days=3 * 366)
AWAY: Final = 14  # days: holidays that go on for longer move nothing
SATURDAY: Final = 5
# Which parts a rule may have, and what each may hold. No times (the hour is said apart) and no end: a duty has none.
PARTS: Final[dict[str, str]] = {
    "FREQ": r"WEEKLY|MONTHLY|YEARLY",
    "INTERVAL": r"[1-9]\d?",
    "BYDAY": r"([+-]?[1-5])?(MO|TU|WE|TH|FR|SA|SU)(,([+-]?[1-5])?(MO|TU|WE|TH|FR|SA|SU))*",
    "BYMONTHDAY": r"-?([1-9]|[12]\d|3[01])(,-?([1-9]|[12]\d|3[01]))*",
    "BYMONTH": r"([1-9]|1[0-2])(,([1-9]|1[0-2]))*",
    "BYSETPOS": r"-?[1-9]\d?(,-?[1-9]\d?)*",
    "WKST": r"MO|TU|WE|TH|FR|SA|SU",
}


class Duty(Protocol):
    """What a schedule says. `rule` "": the n-th weekday of each month (week 5: the last one)."""

    week: int
    weekday: int
    hour: int
    minute: int
    time_zone: str
    rule: str
    starts_on: date | None
    on_holiday: str  # "next", "before" or "keep"


class Due(NamedTuple):
    """One review to be held: the day that the rule names, and the moment it is due at."""

    named: date
    at: datetime


def problem(rule: str, starts_on: date | None = None) -> str:
    """What is wrong with a rule, as a sentence; "" where nothing is."""
    said = [part.partition("=") for part in rule.split(";")]
    names = [name for name, _, _ in said]
    for name, _, value in said:
        if name not in PARTS or not re.fullmatch(PARTS[name], value):
            return f"{f'{name}={value}'[:60]} is no part of a rule that is known here."
    if names.count("FREQ") != 1 or len(set(names)) != len(names):
        return "A rule says FREQ once, and every other part once at most."
    if rule.startswith("FREQ=WEEKLY") and re.search(r"BYDAY=\S*\d", rule):
        return "Within a week there is no second such day."
    start = starts_on or ANCHOR
    try:
        days = list(by_rule(rule, start, start, start + FURTHEST))
    except ValueError as wrong:
        return f"The rule cannot be read: {wrong}."
    if not days or any(after - before > LONGEST for before, after in pairwise([start, *days, start + FURTHEST])):
        return "By this rule there would be years without a review."
    return ""


def by_rule(rule: str, start: date, first: date, last: date) -> Iterator[date]:
    """The days that a rule names from `first` to `last`; none before its start."""
    until = datetime.combine(last, time())
    read = rrulestr(rule, dtstart=datetime.combine(start, time())).replace(until=until)
    for moment in read.between(datetime.combine(first, time()), until, inc=True):
        yield moment.date()


def named_days(duty: Duty, first: date, last: date) -> list[date]:
    """The days that the duty names from `first` to `last`, holidays or not."""
    start = duty.starts_on or ANCHOR
    if start > last:
        return []
    if duty.rule:
        return list(by_rule(duty.rule, start, first, last))
    months = range(first.year * 12 + first.month - 1, last.year * 12 + last.month)
    days = (day_in(duty, number // 12, number % 12 + 1) for number in months)
    return [day for day in days if first <= day <= last and day >= start]


def day_in(duty: Duty, year: int, month: int) -> date:
    """The n-th such weekday of the month; week 5 means the last one."""
    first = (duty.weekday - date(year, month, 1).weekday()) % 7 + 1
    days = list(range(first, monthrange(year, month)[1] + 1, 7))
    return date(year, month, days[-1] if duty.week >= LAST_WEEK else days[duty.week - 1])


def held_on(duty: Duty, named: date, holidays: Collection[date]) -> date:
    """The day on which it is held: the named one, or the next (or last) working day where that is a holiday.

    A rule that names a date and no weekday moves off Saturday and Sunday as well.
    """
    weekends = bool(duty.rule) and "BYDAY" not in duty.rule
    if duty.on_holiday == "keep" or not (named in holidays or (weekends and named.weekday() >= SATURDAY)):
        return named
    step = timedelta(days=-1 if duty.on_holiday == "before" else 1)
    days = (named + step * number for number in range(1, AWAY + 1))
    return next((day for day in days if day not in holidays and day.weekday() < SATURDAY), named)


def moment_on(duty: Duty, day: date) -> datetime:
    """A day at the time of day where it is held, so that summer time moves nothing.

    A time that summer time leaves out is as much later; one that comes twice is the first of the two.
    """
    zone = ZoneInfo(duty.time_zone)
    return datetime.combine(day, time(duty.hour, duty.minute), zone).astimezone(UTC)


def due_at(duty: Duty, year: int, month: int) -> datetime:
    """The moment of a month's review by the n-th weekday, where nothing is a holiday."""
    return moment_on(duty, day_in(duty, year, month))


def dues(duty: Duty, since: datetime, until: datetime, holidays: Collection[date], *, ahead: int) -> list[Due]:
    """What is due from the month of `since` to that of `until` and `ahead` more, and at least one that is to come.

    A weekly duty is planned five weeks ahead.
    """
    here = ZoneInfo(duty.time_zone)
    first, last = since.astimezone(here).date().replace(day=1), until.astimezone(here).date()
    number = last.year * 12 + last.month + ahead
    end = date(number // 12, number % 12 + 1, 1) - timedelta(days=1)
    if is_weekly(duty):
        end = last + timedelta(days=35)
    found = [dated(duty, day, holidays) for day in named_days(duty, first, end)]
    if not any(due.at > until for due in found):
        later = named_days(duty, end + timedelta(days=1), end + LONGEST + timedelta(days=AWAY))
        found += [dated(duty, day, holidays) for day in later[:1]]
    return found


def dated(duty: Duty, named: date, holidays: Collection[date]) -> Due:
    """The named day with the moment at which it is held."""
    return Due(named, moment_on(duty, held_on(duty, named, holidays)))


def is_weekly(duty: Duty) -> bool:
    """Whether it counts in weeks."""
    return "FREQ=WEEKLY" in duty.rule


def period(duty: Duty, day: date) -> tuple[int, int]:
    """The month, or the week, that a review answers for."""
    if is_weekly(duty):
        return tuple(day.isocalendar()[:2])  # type: ignore[return-value]
    return day.year, day.month
