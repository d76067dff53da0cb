"""Business days, Monday to Friday where the installation is. Public holidays are not known here, and count."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Final

from django.utils import timezone

SATURDAY: Final = 5
URGENT_DAYS: Final = 2  # within so many business days what was carried out first is approved, or it is a finding


def last_moment(since: datetime, days: int = URGENT_DAYS) -> datetime:
    """The end of the n-th business day after the day of `since`: done on a Friday, two days end with Tuesday."""
    day = timezone.localtime(since).date()
    while days:
        day += timedelta(days=1)
        days -= day.weekday() < SATURDAY
    return timezone.make_aware(datetime.combine(day, time.max))
