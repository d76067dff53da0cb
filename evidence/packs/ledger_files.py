"""A pack's part of the ledger: the checkpoint at its building, the key, and the entries of its systems with proofs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, time

from django.conf import settings
from django.utils import timezone

from compliance.actions import checkpoints
from compliance.ledger import merkle, notes
from compliance.ledger.keys import Keys, pem
from compliance.models import LedgerCheckpoint, LedgerEntry, LedgerHead, LedgerInbox
from evidence.packs.content import Sealed
from evidence.packs.manifest import Member, Provenance
from evidence.packs.section import Scope
from evidence.packs.verify_notes import CHECKPOINT, ENTRIES, KEY, PROOFS


@dataclass(frozen=True, slots=True)
class Slice:
    """What the cover prints, and the files."""

    sealed: Sealed
    members: tuple[Member, ...]


def slice_of(scope: Scope, *, because: str) -> Slice | None:
    """The slice of a pack that is built now, under a checkpoint made for it; None when nothing was ever recorded.

    Entries: those about the systems of the pack, of its period. Raises Refused when the ledger cannot be sealed
    (the clock is behind, the key is not there): a pack without its seal would say too little.
    """
    point = checkpoints.checkpoint(because)
    head = LedgerHead.objects.first()
    if point is None or head is None:
        return None
    note, _, _ = notes.read(point.note)
    numbers = numbers_of(scope)
    entries = LedgerEntry.objects.filter(seq__lte=note.size).order_by("seq")
    levels = merkle.Levels([bytes.fromhex(one) for one in entries.values_list("leaf_hash", flat=True).iterator()])
    lines, proofs = [], []
    for start in range(0, len(numbers), 500):
        for entry in entries.filter(seq__in=numbers[start : start + 500]):
            lines.append(f'["{entry.leaf_hash}",{entry.data}]\n')
            path = [one.hex() for one in levels.inclusion(entry.seq - 1)]
            proofs.append(json.dumps({"seq": entry.seq, "proof": path}) + "\n")
    about = Provenance(source="Eastwest's ledger", received_at=note.at)
    key = pem(Keys(settings.KEYS).public(head.key))
    files = {CHECKPOINT: point.note, KEY: key, ENTRIES: "".join(lines), PROOFS: "".join(proofs)}
    return Slice(shown(point, note, head), tuple(Member(path, text.encode(), about) for path, text in files.items()))


def shown(point: LedgerCheckpoint, note: notes.Note, head: LedgerHead) -> Sealed:
    """The checkpoint as the cover prints it."""
    return Sealed(note.origin, note.size, note.root.hex(), note.at, head.key, tuple(point.published_to))


def numbers_of(scope: Scope) -> list[int]:
    """The numbers of the entries about the systems of the pack, recorded in its period."""
    begin = datetime.combine(scope.since, time(), timezone.get_current_timezone())
    rows = LedgerInbox.objects.filter(
        seq__isnull=False, system__name__in=scope.systems, created__gte=begin, created__lte=scope.as_of
    )
    return sorted(number for number in rows.values_list("seq", flat=True) if number)
