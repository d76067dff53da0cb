"""What the page of a month says of the communication logs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from compliance.models import User
from evidence.flow_pictures import Picture, picture_of, strips
from evidence.judgement import counted
from evidence.models import FlowPicture
from evidence.views.shown import latest

if TYPE_CHECKING:
    from evidence.views.month import Year

Span = tuple[datetime, datetime]
Said = tuple[str, str, str, int | None, int]  # detail, because, held, exceptions, not known
OF_FLOWS: Final = ("used_outside", "attempted", "unused", "silent_baseline")


def said(person: User, when: Span, register: Counter[str], others: Counter[str]) -> Said:
    """What the flow logs show of the month, and what they do not."""
    seen = picture(person, when)
    if seen is None:
        detail, because = "No flow log was read of this month", "Usage of connections is not known"
        return detail, because, "missing", None, register.total()
    gaps = sum(len(one.gaps) + one.gaps_more for one in seen.logs)
    short = [one for one in seen.logs if one.whole < len(seen.days)]
    detail = f"{counted(len(seen.logs), 'flow log')} of {counted(len(seen.days), 'day')}, "
    detail += f"{counted(len(seen.pairs), 'pair')} that nobody authorised"
    because = f"{counted(gaps, 'gap')}; {len(short)} of {counted(len(seen.logs), 'log')} not whole"
    wrong = sum(others[name] for name in OF_FLOWS)
    unknown = (register + others)["usage_unknown"]
    if gaps or short or not seen.logs:
        return detail, because, "partial", wrong, unknown
    return detail, "No hour is missing", "complete", wrong, unknown


def picture(person: User, when: Span) -> Picture | None:
    """What the last comparison of a span saw in the flow logs of it."""
    comparison = latest(when[1])
    if comparison is None or comparison.at < when[0]:
        return None
    until = (when[1] - timedelta(days=1)).date()
    return picture_of(comparison, person.system_ids(), since=when[0].date(), until=until)


def held(year: Year) -> list[str]:
    """Whether the flow logs of each month were read, and whether any hour of them is missing."""
    found = {one.comparison_id: one for one in FlowPicture.objects.filter(comparison__in=year.last.values())}
    systems = year.person.system_ids()
    return [
        whole(found.get(year.last[first].pk) if first in year.last else None, systems, span)
        for first, span in zip(year.months, year.spans, strict=True)
    ]


def whole(row: FlowPicture | None, systems: Collection[int] | None, when: Span) -> str:
    """The same of one month, by the picture that its last comparison kept."""
    if row is None:
        return "missing"
    days, logs = strips(row.data, systems, since=when[0].date(), until=(when[1] - timedelta(days=1)).date())
    if not days or not logs:
        return "missing"
    return "complete" if all(one.whole == len(days) and not one.gaps for one in logs) else "partial"
