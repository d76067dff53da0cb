"""The ledger's key: shown, and replaced by another that both sign for."""

from __future__ import annotations

import base64
import hashlib
import uuid
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.conf import settings
from django.utils import timezone

from compliance.actions.ledger import FORMAT, actor, keep, request
from compliance.actions.ledger_seal import alone, append, drain, leaf_of
from compliance.errors import Refused
from compliance.ledger import notes
from compliance.ledger.keys import Keys, pem
from compliance.models import LedgerHead, User

ROTATE = "rotate_key"


def public_key() -> str:
    """The public key in force (PEM): what an auditor gets by another way than the database."""
    keys, head = Keys(settings.KEYS), LedgerHead.objects.first()
    return pem(keys.public(head.key)) if head is not None else pem(keys.first().public_key())


def fingerprint() -> str:
    """The fingerprint of the key in force."""
    head = LedgerHead.objects.first()
    return head.key if head is not None else notes.fingerprint(Keys(settings.KEYS).first().public_key())


def rotate(*, by: User | None, because: str, at: datetime | None = None) -> str:
    """A new key from now on: an entry that old and new key sign, sealed by the new. The old private key is destroyed.

    Gives the new fingerprint. Refused before there is any entry, and without a reason.
    """
    if not because.strip():
        raise Refused("The key was not replaced.", "No reason was given.", "Say why, for the auditor.")
    keys, moment = Keys(settings.KEYS), at or timezone.now()
    drain(at=at, wait=True)
    with alone(wait=True):
        head = LedgerHead.objects.select_for_update().first()
        if head is None:
            raise Refused("The key was not replaced.", "Nothing is sealed with it yet.", "It can stay.")
        old, fresh = keys.private(head.key), keys.private(keys.make())
        named = rotation(keys.origin(), old.public_key(), fresh.public_key())
        both = {
            "old": pem(old.public_key()),
            "new": pem(fresh.public_key()),
            "by_old": base64.b64encode(old.sign(named)).decode(),
            "by_new": base64.b64encode(fresh.sign(named)).decode(),
        }
        row = keep(uid := uuid.uuid4(), said(uid, by, because, both, moment), created=moment, by=by)
        former, head.key = head.key, notes.fingerprint(fresh.public_key())
        append([(row, leaf_of(row))], head, max(moment, head.at), keys)
    keys.destroy(former)
    return head.key


def said(uid: uuid.UUID, by: User | None, because: str, both: dict[str, str], at: datetime) -> dict[str, Any]:
    """The entry's data."""
    return {
        "format": FORMAT,
        "uid": str(uid),
        "time": at.isoformat(),
        "actor": actor(by, at),
        "request": request(),
        "verb": ROTATE,
        "object": None,
        "before": "",
        "after": "",
        "because": because.strip(),
        "payload": {},
        "rows": [],
        "key": both,
    }


def rotation(origin: str, old: Ed25519PublicKey, new: Ed25519PublicKey) -> bytes:
    """What both keys sign."""
    hashes = [
        hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()
        for key in (old, new)
    ]
    return "\n".join(["eastwest-ledger-rotation", origin, *hashes, ""]).encode()
