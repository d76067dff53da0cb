"""How far "minimise" has come: three numbers a system, kept with each comparison, so that a year is a glance."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime

from django.db.models import Count

from compliance.models import ConnectionVersion
from compliance.models.estate import day_of
from compliance.standing import newest
from evidence.models import Comparison, VerdictRow
from evidence.verdicts import WIDER

Numbers = dict[str, list[int]]


def numbers(comparison: Comparison, at: datetime) -> Numbers:
    """System (its key as text) → [individually justified, provisional, permitted and not authorised]."""
    found: defaultdict[int, list[int]] = defaultdict(lambda: [0, 0, 0])
    rows = ConnectionVersion.objects.authorised_at(day_of(at)).select_related("connection")
    for version in newest(rows):
        found[version.connection.system_id][version.material.get("basis") != "justified"] += 1
    beyond = VerdictRow.objects.filter(comparison=comparison, headline=True, verdict__in=WIDER).order_by()
    for system, count in beyond.values_list("system").annotate(count=Count("pk")):
        found[system][2] += count
    return {str(key): said for key, said in sorted(found.items())}


def heads(comparison: Comparison) -> dict[str, dict[str, list[int]]]:
    """System (its key as text) → verdict → [counted ones about a connection, about something else].

    The verdicts of a comparison stay as they were written, and so does what they add up to.
    """
    found: defaultdict[str, dict[str, list[int]]] = defaultdict(dict)
    for system, verdict, count, about in VerdictRow.objects.filter(comparison=comparison).added_up("system"):
        found[str(system)][verdict] = [about, count - about]
    return dict(found)
