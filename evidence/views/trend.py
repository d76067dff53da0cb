"""The minimise trend of the month page: what is justified, provisional, and permitted without anybody's decision."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any, Final, NamedTuple

from django.db.models import Max
from django.db.models.functions import TruncMonth
from django.utils import timezone
from django.utils.safestring import mark_safe

from compliance.drawing.bars import bars
from compliance.models import System, User
from evidence.models import Comparison

MONTHS: Final = 12
NOTHING: Final = (0, 0, 0)


class Line(NamedTuple):
    """One of the three numbers: what it is called, and how it is drawn."""

    label: str
    tone: str
    url: str


LINES: Final = (
    Line("Individually justified", "ok", "/connections/"),
    Line("Provisional baseline", "warn", "/learn/"),
    Line("Permitted but not authorised", "bad", "/findings/"),
)


def trend(person: User, months: list[date], last_of: Mapping[date, Comparison]) -> dict[str, Any] | None:
    """The three numbers at the end of each month that had a comparison, and by owner at the last; None before any.

    `last_of`: what `ends` gives.
    """
    systems = {row.pk: row for row in System.objects.for_user(person).select_related("owner")}
    recorded = {first: row for first, row in last_of.items() if row.trend}
    if not recorded or not systems:
        return None
    sums = {first: added(row.trend, systems) for first, row in recorded.items()}
    last = max(recorded)
    return {
        "months": [{"first": first, "numbers": sums.get(first)} for first in months],
        "lines": [
            {
                "label": line.label,
                "url": line.url,
                "now": sums[last][number],
                "tone": line.tone,
                "svg": drawn(line, [sums[first][number] if first in sums else None for first in months]),
            }
            for number, line in enumerate(LINES)
        ],
        "owners": owners(recorded[last].trend, systems),
        "at": recorded[last].at,
    }


def ends(months: list[date]) -> dict[date, Comparison]:
    """The last comparison of each month, by the first day of it."""
    zone = timezone.get_current_timezone()
    since = datetime(months[0].year, months[0].month, 1, tzinfo=zone)
    until = datetime(months[-1].year, months[-1].month, 1, tzinfo=zone) + timedelta(days=32)
    rows = Comparison.objects.filter(published=True, at__gte=since, at__lt=until).order_by()
    newest = rows.annotate(month=TruncMonth("at", tzinfo=zone)).values("month").annotate(last=Max("at"))
    wanted = {one["month"].date(): one["last"] for one in newest}
    found = {row.at: row for row in Comparison.objects.filter(published=True, at__in=wanted.values()).order_by("pk")}
    return {first: found[at] for first, at in wanted.items() if first in set(months)}


def added(said: dict[str, list[int]], systems: dict[int, System]) -> tuple[int, ...]:
    """The numbers of these systems together."""
    mine = [numbers for key, numbers in said.items() if int(key) in systems]
    return tuple(sum(one) for one in zip(*mine, strict=True)) if mine else NOTHING


def owners(said: dict[str, list[int]], systems: dict[int, System]) -> list[dict[str, Any]]:
    """The numbers by owner, those with most to do first."""
    found: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    for key, numbers in said.items():
        if int(key) in systems:
            mine = found[str(systems[int(key)].owner)]
            mine[:] = [mine[place] + number for place, number in enumerate(numbers)]
    rows = sorted(found.items(), key=lambda one: (-one[1][2], -one[1][1], one[0]))
    return [{"name": name, "numbers": numbers} for name, numbers in rows]


def drawn(line: Line, values: list[int | None]) -> str:
    """The bars of one number."""
    spoken = ", ".join("not recorded" if value is None else str(value) for value in values)
    return mark_safe(bars(values, line.tone, f"{line.label}, month by month: {spoken}"))  # noqa: S308 (made of numbers)
