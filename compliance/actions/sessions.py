"""Sessions of people: the oldest ends when there are too many, and all of them when somebody leaves."""

from __future__ import annotations

from allauth.usersessions.models import UserSession
from django.conf import settings

from compliance.models import User


def end_oldest(person: User) -> int:
    """Ends the oldest sessions beyond settings.SESSIONS_EACH. Gives how many."""
    rows = list(UserSession.objects.filter(user=person).order_by("-created_at", "-pk"))
    for row in rows[settings.SESSIONS_EACH :]:
        row.end()
    return len(rows[settings.SESSIONS_EACH :])


def end_all(person: User) -> int:
    """Ends every session of the person at once. Gives how many."""
    rows = list(UserSession.objects.filter(user=person))
    for row in rows:
        row.end()
    return len(rows)
