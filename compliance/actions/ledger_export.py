"""The ledger as a file, and the governed rows as another, for whoever checks them elsewhere."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from compliance.actions.ledger_rows import contents, governed_models, known_names, names_of
from compliance.ledger.keys import Keys
from compliance.ledger.notes import stamp
from compliance.models import LedgerCheckpoint, LedgerEntry, LedgerHead, LedgerRow
from compliance.models.approvals import canonical

FORMAT: Final = "eastwest-ledger/1"  # as evidence/packs/verify_ledger.py reads it
STATE_FORMAT: Final = "eastwest-state/1"


def export(*, at: datetime | None = None) -> Iterator[bytes]:
    """The log line by line: what it is, each entry with its hash, the seal, the checkpoints. One moment's picture."""
    checkpoints = list(LedgerCheckpoint.objects.order_by("pk").values_list("size", "note"))
    head = LedgerHead.objects.first()
    first = {
        "format": FORMAT,
        "origin": Keys(settings.KEYS).origin(),
        "made": stamp(at or timezone.now()),
        "checkpoints": sorted({size for size, _ in checkpoints}),
    }
    yield line(first)
    entries = LedgerEntry.objects.order_by("seq").values_list("leaf_hash", "data")
    for leaf_hash, data in entries.iterator(chunk_size=1000):
        yield b'["%s",%s]\n' % (leaf_hash.encode(), data.encode())
    if head is not None:
        yield line({"head": head.seal})
    for _, note in checkpoints:
        yield line({"checkpoint": note})


def state(*, at: datetime | None = None) -> Iterator[bytes]:
    """Every governed row with its salt, as the ledger hashed it; a row it never heard of has no salt."""
    yield line({"format": STATE_FORMAT, "made": stamp(at or timezone.now())})
    for model in governed_models():
        label = model._meta.label_lower
        said = {row.key: row for row in LedgerRow.objects.filter(label=label)}
        now = dict(contents(model, names_of(model)))
        others = {row.names for row in said.values()} - {",".join(names_of(model))}
        for names in others:
            known = known_names(model, names)
            if known is not None:
                now.update(contents(model, known, [key for key, row in said.items() if row.names == names]))
        for key, values in now.items():
            salt = said[key].salt if key in said else ""
            yield canonical({"label": label, "key": key, "salt": salt, "values": values}) + b"\n"


def write(log: Path | None, rows: Path | None, *, at: datetime | None = None) -> tuple[int, int]:
    """Both files of the same moment; how many lines each has. An existing file is replaced."""
    outermost = not connection.in_atomic_block
    with transaction.atomic():
        if connection.vendor == "postgresql" and outermost:  # SQLite's transactions are such pictures always
            with connection.cursor() as sql:
                sql.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        return _written(log, export(at=at)), _written(rows, state(at=at))


def _written(path: Path | None, lines: Iterator[bytes]) -> int:
    if path is None:
        return 0
    number = 0
    with path.open("wb") as file:
        for one in lines:
            file.write(one)
            number += 1
    return number


def line(said: dict[str, Any]) -> bytes:
    """One line of JSON."""
    return json.dumps(said, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"
