"""Checkpoints as text: a signed note in the style of C2SP (tlog-checkpoint, signed-note), with the time as extension.

    eastwest-ledger/8f3a…        origin: which ledger, the same for its whole life
    1042                         how many entries it had
    nQx…=                        root over them, base64
    time 2026-11-21T02:00:00Z    when it was signed

    — eastwest-ledger/8f3a… kH2…=  key id (4 bytes) and Ed25519 signature, base64

The signature is over the text above the empty line, with its last line end.
"""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

ED25519 = b"\x01"  # the algorithm's number in a C2SP key id
SHAPE = re.compile(
    r"([!-~]{1,120})\n(\d{1,18})\n([A-Za-z0-9+/]{43}=)\n"
    r"time (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{6})?Z)\n\n— \1 ([A-Za-z0-9+/]{91}=)\n"
)


@dataclass(frozen=True, slots=True)
class Note:
    """What a checkpoint says. `root`: 32 bytes. `at`: aware, UTC."""

    origin: str
    size: int
    root: bytes
    at: datetime

    @property
    def text(self) -> str:
        """The lines that are signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\ntime {stamp(self.at)}\n"


def stamp(at: datetime) -> str:
    """A moment as ledgers write it: UTC, to the microsecond where there is one."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def moment(text: str) -> datetime:
    """The moment of a stamp. Raises ValueError."""
    return datetime.fromisoformat(text)


def raw(key: Ed25519PublicKey) -> bytes:
    """The 32 bytes of a public key."""
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw)


def fingerprint(key: Ed25519PublicKey) -> str:
    """SHA-256 (hex) of the key's SubjectPublicKeyInfo in DER, as everywhere in Eastwest."""
    return hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


def key_id(origin: str, key: Ed25519PublicKey) -> bytes:
    """The four bytes by which a note names its key (C2SP signed-note)."""
    return hashlib.sha256(origin.encode() + b"\n" + ED25519 + raw(key)).digest()[:4]


def signed(note: Note, key: Ed25519PrivateKey) -> str:
    """The note with its signature."""
    signature = key_id(note.origin, key.public_key()) + key.sign(note.text.encode())
    return f"{note.text}\n— {note.origin} {base64.b64encode(signature).decode()}\n"


def read(text: str) -> tuple[Note, bytes, bytes]:
    """The note, the id of its key and its signature. Raises ValueError for anything else than one whole note."""
    found = SHAPE.fullmatch(text)
    if found is None:
        raise ValueError("this is not a checkpoint of an Eastwest ledger")
    note = Note(found[1], int(found[2]), base64.b64decode(found[3]), moment(found[4]))
    signature = base64.b64decode(found[5])
    if note.text + "\n" != text[: len(note.text) + 1]:
        raise ValueError("this checkpoint is not written as Eastwest writes it")
    return note, signature[:4], signature[4:]


def held(text: str, key: Ed25519PublicKey) -> Note | None:
    """The note when this key signed it, else None. Raises ValueError when it is no note."""
    note, named, signature = read(text)
    try:
        key.verify(signature, note.text.encode())
    except InvalidSignature:
        return None
    return note if named == key_id(note.origin, key) else None
