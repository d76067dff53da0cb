"""What reconciliation found in the records, as judgements, and of which system each of them is."""

from __future__ import annotations

from collections.abc import Sequence

from django.apps import apps

from compliance.actions.irregular import Irregularity
from compliance.actions.reconcile_rows import Altered
from compliance.permissions import systems_of
from evidence.judgement import Judgement
from evidence.rules import Certainty, Verdict

POINT = "register"  # a record, not a host: no server of that name is meant
Found = Sequence[Irregularity | Altered]


def irregular(found: Found) -> list[Judgement]:
    """What reconciliation found, as judgements: a record nobody decided is a change without a record."""
    return [
        Judgement(
            Verdict.changed_without_record, Certainty.definite, one.ref[:300], f"{POINT}/{one.kind}", "", (), None,
            one.sentence,
        )
        for one in found
    ]  # fmt: skip


def systems_by_subject(found: Found) -> dict[str, int]:
    """Subject → the system whose owner looks into it; none for what belongs to the whole installation."""
    said = ((one.ref[:300], system_of(one)) for one in found)
    return {subject: system for subject, system in said if system}


def system_of(one: Irregularity | Altered) -> int | None:
    """The system of the record it is about: a change's, a server's or a zone's own; of a row, that of what it is in."""
    if isinstance(one, Irregularity):
        return one.system_id
    row = apps.get_model(one.label).objects.filter(pk=one.key).first() if one.key is not None else None
    return next((system for system in systems_of(row) if system), None) if row is not None else None
