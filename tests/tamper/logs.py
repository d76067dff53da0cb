"""Clean logs, made by the real sequencer, and what an auditor holds of them: the key and a checkpoint from outside."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from django.conf import settings
from django.db import transaction

from compliance.actions import checkpoints, ledger_export, ledger_keys, ledger_seal
from compliance.actions.ledger import record
from compliance.models import LedgerCheckpoint, LedgerEntry, LedgerHead, LedgerInbox, User
from evidence.packs import verify_ledger, verify_notes

TABLES: Final = (LedgerCheckpoint, LedgerHead, LedgerEntry, LedgerInbox)
VERBS: Final = ("request", "approve", "reject", "implement", "grant", "take_away", "accept", "close_review")
BEGIN: Final = datetime(2026, 3, 1, tzinfo=UTC)


@dataclass
class Kept:
    """What the auditor has: the public key, and every note that ever left the database, oldest first."""

    key: str
    notes: list[str] = field(default_factory=list)


def grown(chance: random.Random, folder: Path, person: User) -> Kept:
    """A log of some batches with checkpoints and, one time in four, a new key. The tables are emptied first."""
    for model in TABLES:
        model.objects.all().delete()
    settings.KEYS, settings.CHECKPOINT_FILE = folder / "keys", folder / "checkpoints.txt"
    now, kept = BEGIN, Kept("")
    for batch in range(chance.randint(3, 6)):
        for number in range(chance.randint(1, 9)):
            now += timedelta(seconds=chance.randint(1, 4000))
            with transaction.atomic():
                why = f"Reason {chance.randint(1, 999)}"
                record(chance.choice(VERBS), person, by=person, at=now, because=why, number=number)
        ledger_seal.drain(at=now, wait=True)
        kept.key = kept.key or ledger_keys.public_key()
        if batch and chance.random() < 0.25:
            ledger_keys.rotate(by=person, because="Rehearsed.", at=now)
        if chance.random() < 0.8 or not kept.notes:
            now += timedelta(minutes=chance.randint(0, 15))
            row = checkpoints.checkpoint("test", at=now)
            if row is None:
                raise RuntimeError("a log with entries gave no checkpoint")
            kept.notes.append(row.note)
    return kept


def verdict(kept: Kept, note: str | None, holds: verify_notes.Holds) -> verify_ledger.Report:
    """What the one verifier says of the log as the database holds it now."""
    given = [verify_notes.read_note(note)] if note else []
    ledger = verify_ledger.Ledger(kept.key, given, holds)
    ledger.feed(ledger_export.export())
    return ledger.finish()


class Quick:
    """Ed25519 in this process, each signature once: the same answers as openssl, which a part of the cases asks."""

    def __init__(self) -> None:
        self.known: dict[tuple[str, bytes, bytes], bool] = {}

    def __call__(self, key: str, message: bytes, signature: bytes) -> bool:
        """Whether the signature holds."""
        asked = (key, message, signature)
        if asked not in self.known:
            self.known[asked] = self._ask(*asked)
        return self.known[asked]

    def _ask(self, key: str, message: bytes, signature: bytes) -> bool:
        loaded: Any = load_pem_public_key(key.encode())
        try:
            loaded.verify(signature, message)
        except InvalidSignature:
            return False
        return True


@contextmanager
def undone() -> Iterator[None]:
    """Whatever the body does to the database is taken back."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)
