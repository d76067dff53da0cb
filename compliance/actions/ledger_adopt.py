"""Rows the ledger takes over: of before it began, of a migration, of another shape, or by an administrator's word."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any, Final
from uuid import UUID, uuid4

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from compliance.actions.ledger import parts, say_rows
from compliance.actions.ledger_rows import Row, contents, digest, governed_models, known_names, names_of, noted
from compliance.actions.reconcile_rows import Log
from compliance.errors import Refused
from compliance.ledger.keys import Keys
from compliance.models import LedgerRow, User

BEGAN: Final = "They were there before the ledger said of rows what they hold."
MIGRATED: Final = "A migration wrote them."
RESHAPED: Final = "This version has other fields; what they held before was as the ledger left it."


def after_migrations(**_: Any) -> None:
    """From the signal: what migrations wrote is said, rows of another shape are said anew, and the first time all."""
    migrated: set[tuple[str, int]] = getattr(connection, "migrated", set())
    with transaction.atomic():
        if not LedgerRow.objects.exists() and not Keys(settings.KEYS).begun():
            said(every(), "adopt", BEGAN)
        elif migrated:
            said(grouped(migrated), "migrate", MIGRATED)
        said(of_another_shape(), "reshape", RESHAPED)
    migrated.clear()


def adopt(*, by: User | None, because: str) -> int:
    """Takes over whatever the governed tables hold now, with a reason that stays; how many rows that were.

    What it takes over is no finding any more: who does it answers for it. Refused without a reason.
    """
    if not because.strip():
        raise Refused("Nothing was taken over.", "No reason was given.", "Say what changed the rows, and why.")
    with transaction.atomic():
        rows = every()
        log = Log(timezone.now())
        for _ in log.read():  # read for what it says of rows; what is wrong with it stays a finding
            continue
        uid = uuid4()
        taken = say(noted(rows, uid), "adopt", because, by=by, uid=uid)
        held = {(label, key) for label, keys in rows.items() for key in keys}
        gone: list[Row] = [(*about, "") for about, said_last in log.last.items() if said_last and about not in held]
        return taken + say(gone, "adopt", because, by=by)


def every() -> dict[str, set[int]]:
    """All governed rows by label, and those that are gone and have a last word."""
    found: defaultdict[str, set[int]] = defaultdict(set)
    for model in governed_models():
        label = model._meta.label_lower
        found[label].update(model._base_manager.values_list("pk", flat=True))
        found[label].update(LedgerRow.objects.filter(label=label).values_list("key", flat=True))
    return dict(found)


def of_another_shape() -> dict[str, set[int]]:
    """Rows whose last word is of other fields than the model has now, and which were as it says."""
    found: dict[str, set[int]] = {}
    for model in governed_models():
        label = model._meta.label_lower
        words = LedgerRow.objects.filter(label=label).exclude(names=",".join(names_of(model)))
        for names in set(words.values_list("names", flat=True)):
            mine = {row.key: row for row in words.filter(names=names)}
            known = known_names(model, names)
            if known is None:  # a field is gone: nothing can be compared
                found.setdefault(label, set()).update(mine)
                continue
            for key, values in contents(model, known, list(mine)):
                if digest(label, key, values, mine[key].salt) == mine[key].digest:
                    found.setdefault(label, set()).add(key)
    return found


def said(rows: dict[str, set[int]], verb: str, because: str) -> None:
    """An entry for what of these rows the ledger does not know yet."""
    uid = uuid4()
    say(noted(rows, uid), verb, because, uid=uid)


def say(rows: list[Row], verb: str, because: str, *, by: User | None = None, uid: UUID | None = None) -> int:
    """Entries about these rows; how many rows."""
    for place, part in enumerate(parts(rows)):
        say_rows(part, uid=uid if place == 0 else None, verb=verb, because=because, by=by)
    return len(rows)


def grouped(rows: Iterable[tuple[str, int]]) -> dict[str, set[int]]:
    """By label."""
    found: defaultdict[str, set[int]] = defaultdict(set)
    for label, key in rows:
        found[label].add(key)
    return dict(found)
