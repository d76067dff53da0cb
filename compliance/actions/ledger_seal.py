"""The sequencer: drains the inbox into the log, in batches, one at a time, and seals each batch.

PostgreSQL: after each commit and from `tick`, under an advisory lock nobody waits for. SQLite: from `tick` and in
jobs, never in a request, and never waiting for another writer. What a crash leaves behind the next tick takes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings
from django.db import OperationalError, connection, transaction
from django.utils import timezone

from compliance.actions.ledger import mac
from compliance.errors import Refused
from compliance.ledger import merkle, notes
from compliance.ledger.keys import Keys
from compliance.models import LedgerEntry, LedgerHead, LedgerInbox
from compliance.models.approvals import canonical

BATCH: Final = 2000
LOCK: Final = 0x4541535457455354  # "EASTWEST": the advisory lock of the sequencer
BUSY: Final = ("database is locked", "database table is locked")


class ClockBehind(Refused):
    """The clock says less than the last seal: nothing is sealed until it is right."""


def soon() -> None:
    """After a commit: what waits is sealed now, unless somebody is at it. One batch, so that no page waits long."""
    sequence()


def drain(*, at: datetime | None = None, wait: bool = False) -> int:
    """Everything that waits; how many entries that made. `wait`: for another writer (jobs may, `tick` must not).

    Raises ClockBehind and Refused (a key that is not there).
    """
    total = 0
    while done := sequence(at=at, wait=wait):
        total += done
        if done < BATCH:
            break
    return total


def sequence(*, at: datetime | None = None, wait: bool = False) -> int:
    """One batch: appended, its rows numbered, the head sealed. Gives how many; 0 when another process is at it."""
    moment = at or timezone.now()
    try:
        with alone(wait=wait) as mine:
            return _batch(moment) if mine else 0
    except OperationalError as busy:
        if str(busy) in BUSY and not wait:
            return 0
        raise


@contextmanager
def alone(*, wait: bool = False) -> Iterator[bool]:
    """A transaction in which nobody else seals; False when somebody else does (unless `wait`)."""
    if connection.vendor != "sqlite":
        with transaction.atomic(), connection.cursor() as sql:
            sql.execute(f"SELECT {'pg_advisory_xact_lock' if wait else 'pg_try_advisory_xact_lock'}(%s)", [LOCK])
            answer = sql.fetchone()[0]
            yield wait or bool(answer)
        return
    if wait or connection.in_atomic_block:  # in a transaction the caller holds the one write lock already
        with transaction.atomic():
            yield True
        return
    patience = _busy_timeout(0)
    try:
        with transaction.atomic():  # IMMEDIATE: takes the one write lock, or fails at once
            yield True
    finally:
        _busy_timeout(patience)


def _busy_timeout(milliseconds: int) -> int:
    with connection.cursor() as sql:
        sql.execute("PRAGMA busy_timeout")
        before = int(sql.fetchone()[0])
        sql.execute(f"PRAGMA busy_timeout = {int(milliseconds)}")
    return before


def _batch(now: datetime) -> int:
    keys = Keys(settings.KEYS)
    head = LedgerHead.objects.select_for_update().first()
    begins = head is None and not keys.begun()  # rows of before the log carry no MAC: they are taken once, all at once
    waiting = LedgerInbox.objects.waiting()
    rows = list(waiting if begins else waiting[:BATCH])
    if not rows:
        return 0
    if head is not None and now < head.at:
        raise ClockBehind(
            "Nothing is sealed.",
            f"The clock says {notes.stamp(now)}, and the last seal was made at {notes.stamp(head.at)}.",
            "Set the clock (NTP). What was done meanwhile is kept and sealed afterwards.",
        )
    sound = [row for row in rows if (begins and not row.mac) or genuine(row)]
    slipped_in = [row.pk for row in rows if row not in sound]
    if slipped_in:
        LedgerInbox.objects.filter(pk__in=slipped_in).update(refused=True)
    if sound:
        append([(row, leaf_of(row)) for row in sound], head, now, keys)
    keys.begin()
    return len(rows)


def append(batch: list[tuple[LedgerInbox, dict[str, Any]]], head: LedgerHead | None, now: datetime, keys: Keys) -> None:
    """The rows as leaves, numbered, and the head over them. In the sequencer's transaction."""
    head = head or LedgerHead(pk=1, size=0, frontier="", key=notes.fingerprint(keys.first().public_key()))
    frontier = merkle.Frontier.unpacked(head.size, bytes.fromhex(head.frontier))
    entries, numbers = [], []
    for row, said in batch:
        data = canonical({**said, "seq": frontier.size + 1, "sealed": notes.stamp(now)})
        leaf = merkle.leaf(data)
        frontier.append(leaf)
        entries.append(LedgerEntry(seq=frontier.size, uid=row.uid, data=data.decode(), leaf_hash=leaf.hex()))
        numbers.append((frontier.size, row.pk))
    LedgerEntry.objects.bulk_create(entries, batch_size=200)
    with connection.cursor() as sql:
        sql.executemany("UPDATE compliance_ledgerinbox SET seq = %s WHERE id = %s", numbers)
    seal(head, frontier, now, keys.private(head.key), keys.origin())


def seal(head: LedgerHead, frontier: merkle.Frontier, now: datetime, key: Ed25519PrivateKey, origin: str) -> None:
    """The head over this frontier, signed."""
    note = notes.Note(origin, frontier.size, frontier.root(), now)
    head.size, head.frontier, head.root = frontier.size, frontier.packed().hex(), note.root.hex()
    head.seal, head.at, head.key = notes.signed(note, key), now, notes.fingerprint(key.public_key())
    head.save()


def leaf_of(row: LedgerInbox) -> dict[str, Any]:
    """What of a row stands in the log: all of it, the payload as a salted hash only, so that it can be erased."""
    said = {name: value for name, value in row.data.items() if name != "payload"}
    return {**said, "payload": commitment(row.data.get("payload"), row.salt)}


def commitment(payload: Any, salt: str) -> str:
    """SHA-256 (hex) of salt and payload; "" where there is none."""
    return hashlib.sha256(salt.encode() + canonical(payload)).hexdigest() if payload else ""


def genuine(row: LedgerInbox) -> bool:
    """Whether the row was written by Eastwest."""
    return bool(row.mac) and row.mac == mac(row.uid, row.data, row.salt)


def sealed(entry: LedgerEntry) -> dict[str, Any]:
    """An entry's data as a dict."""
    found: dict[str, Any] = json.loads(entry.data)
    return found
