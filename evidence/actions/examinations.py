"""That somebody examined the flow logs of a system: of which days, and what they noted. A review looks at it."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils import timezone

from compliance.actions.ledger import record
from compliance.errors import Refused
from compliance.models import System, User
from compliance.permissions import check
from evidence.flow_pictures import picture_of
from evidence.models import Comparison, LogExamination


def examine(system: System, *, noted: str, by: User, at: datetime | None = None) -> LogExamination:
    """Records it for the days the last comparison looked at, with what was to be seen then."""
    moment = at or timezone.now()
    check(by, "examine_logs", system, at=moment)
    if not noted.strip():
        raise Refused("Nothing was recorded.", "Nothing was noted.", "Say what was looked at, and what came of it.")
    comparison = Comparison.objects.filter(published=True).first()
    seen = picture_of(comparison, {system.pk}) if comparison else None
    if comparison is None or seen is None:
        why = f"No flow log shows anything of {system} yet."
        raise Refused("Nothing was recorded.", why, "Bring or fetch a flow log, and wait for the comparison.")
    numbers = {
        "pairs": len(seen.pairs),
        "new": seen.new,
        "undecided": sum(one["decided"] == "nothing yet" for one in seen.pairs),
        "gaps": sum(len(one.gaps) + one.gaps_more for one in seen.logs),
    }
    with transaction.atomic():
        row = LogExamination.objects.create(
            system=system, comparison=comparison, by=by, at=moment, since=seen.days[0], until=seen.days[-1],
            seen=numbers, noted=noted.strip(),
        )  # fmt: skip
        record("examine_logs", row, by=by, at=moment, because=noted.strip(), after=numbers, system=str(system),
               since=seen.days[0].isoformat(), until=seen.days[-1].isoformat())  # fmt: skip
    return row
