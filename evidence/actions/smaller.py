"""A reading that holds much less than the one before it: refused until a person has looked and says why it is right.

What is accepted is the very reading that was refused, byte for byte, as of when it was read: nothing is read anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Sum

from compliance.actions.ledger import record
from compliance.errors import Refused
from compliance.models import User
from compliance.permissions import check
from evidence.actions.sources import ask
from evidence.artefacts import read_back
from evidence.collectors.collected import Collected, PullError
from evidence.gates import LOOK, Before, missing_now
from evidence.models import ErrorCode, Pull, PulledArtefact, Snapshot, Source
from evidence.readings import load
from evidence.rules import Artefact, FormatError, Reading

LOST = "The stored files of the last good reading are damaged or lost, so nothing tells whether all came."


@dataclass(frozen=True, slots=True)
class Size:
    """How much a reading holds: rules, shares and listening services together, and the bytes of its files.

    `rules`: None where they were not counted when it was read, and its stored bytes are damaged or lost.
    """

    rules: int | None
    size: int


def rules_in(reading: Reading) -> int:
    """The rules, shares and listeners of a reading; a rule that is read for two families counts once."""
    rules = {rule.id for chain in reading.chains for rule in chain.rules}
    return len(rules) + len(reading.shares) + len(reading.listeners)


def held(source: Source) -> Size | None:
    """What the last good reading of a source holds; None when there is none."""
    good = source.last_good
    return Size(counted(good), bytes_of(good.pull)) if good else None


def counted(good: Snapshot) -> int | None:
    """The rules of a good reading as they were counted when it came, else as its stored bytes have them."""
    known = good.pull.accepts.rules if good.pull.accepts else good.pull.rules
    if known is not None:
        return known
    try:
        return rules_in(load(good))
    except (OSError, FormatError):
        return None


def refused(source: Source) -> Pull | None:
    """The last reading, where it was refused for being much smaller."""
    row = source.last_pull
    return row if row is not None and row.error_code == ErrorCode.UNEXPECTED_SHRINK else None


def bytes_of(row: Pull) -> int:
    """The bytes of the files of a pull."""
    return int(row.artefacts.aggregate(size=Sum("stored__size"))["size"] or 0)


def refuse(source: Source, row: Pull, reading: Reading, came: Collected) -> None:
    """What the last good reading held and this one does not is more often a broken dump than a tidied firewall.

    Raises PullError, and keeps the count. Everything that is missing is said, so that a person accepts all or nothing.
    Where the files of that reading are damaged or lost nothing tells what is missing, and a person looks as well.
    """
    good, rules = source.last_good, rules_in(reading)
    Pull.objects.filter(pk=row.pk).update(rules=rules)
    if good is None:
        return
    try:
        before = Before(kept(good.pull), counted(good))
    except OSError as lost:
        raise PullError(ErrorCode.UNEXPECTED_SHRINK, LOST, LOOK) from lost
    found = list(missing_now(came.artefacts, before, rules=rules, whole=came.whole))
    if found:
        raise PullError(ErrorCode(found[0].code), " ".join(each.what for each in found), found[0].next_step)


def kept(row: Pull) -> tuple[Artefact, ...]:
    """The files of a pull, as they are kept."""
    rows = row.artefacts.filter(beside=False).select_related("stored").order_by("pk")
    return tuple(Artefact(each.name, read_back(each.stored), each.command, each.observed_at) for each in rows)


def accept(source: Source, row: Pull, *, because: str, by: User, at: datetime | None = None) -> Pull:
    """The refused reading `row` becomes the source's own, as of when it was read; a job publishes it."""
    check(by, "accept_shrink", source, at=at)
    if not because.strip():
        raise Refused(f"{source.name} stays as it is.", "No reason was given.", "Say why less is right.")
    with transaction.atomic():
        current = Source.objects.select_related("last_pull").get(pk=source.pk)
        if refused(current) != row or Pull.objects.filter(accepts=row).exists():
            raise overtaken(source)
        again = ask(current, by=by, at=at, accepts=row)
        copy(row, again)
        before = held(current)
        record(
            "accept_shrink", current, by=by, at=at, because=because.strip(), pull=row.pk,
            rules=[before.rules if before else None, row.rules],
        )  # fmt: skip
    return again


def copy(row: Pull, again: Pull) -> None:
    """The same files, for the reading that is published."""
    PulledArtefact.objects.bulk_create(
        PulledArtefact(
            pull=again, stored=each.stored, name=each.name, command=each.command, observed_at=each.observed_at,
            format=each.format, beside=each.beside, redacted=each.redacted,
        )
        for each in row.artefacts.select_related("stored").order_by("pk")
    )  # fmt: skip


def overtaken(source: Source) -> Refused:
    """Another reading came, so what was looked at is not what would be accepted."""
    return Refused(
        f"Nothing was accepted for {source.name}.",
        "It was read again since you looked, or that reading was accepted already.",
        "Look at its last reading.",
    )
