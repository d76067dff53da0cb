"""Sealing what must be kept secret: MultiFernet, under keys in var/keys that no database and no backup holds.

`secrets.keys` has one line for each key, the one in use first: its id and the key. The id of a key is told by the key,
so a line that was altered is noticed. What is sealed says what it is for, and opens for nothing else: a value copied
to another source's row, or an older one put back, is refused as if it could not be read.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings

FILE = "secrets.keys"
OWNER_ONLY = 0o077  # bits that must not be set


class Unreadable(Exception):
    """A sealed value cannot be opened. `what` happened, and what would help; never a word of the value."""

    def __init__(self, what: str, next_step: str) -> None:
        super().__init__(f"{what} {next_step}")
        self.what, self.next_step = what, next_step


class Key(NamedTuple):
    """One key: its id and the key itself."""

    id: str
    value: bytes


def seal(value: bytes, *, bound_to: str) -> tuple[str, str]:
    """The sealed value and the id of the key that sealed it. It opens only for the same `bound_to`."""
    with locked() as path:
        if not path.exists():
            write(path, [fresh()])
        newest = keys(path)[0]
    inner = json.dumps({"for": bound_to, "value": value.decode("latin-1")}).encode()
    return Fernet(newest.value).encrypt(inner).decode("ascii"), newest.id


def unseal(sealed: str, *, bound_to: str) -> bytes:
    """The value. Raises Unreadable in words when its key is gone, it was altered, or it is meant for something else."""
    return opened(sealed, bound_to, keys(Path(settings.KEYS) / FILE))


def opened(sealed: str, bound_to: str, known: list[Key]) -> bytes:
    """The same with keys at hand."""
    try:
        inner = MultiFernet([Fernet(key.value) for key in known]).decrypt(sealed.encode("ascii", "replace"))
    except InvalidToken:
        raise Unreadable(
            "The stored secret could not be decrypted: its key is not in var/keys any more, or the value was altered.",
            "Put the keys back from their own copy, or set the secret again.",
        ) from None
    held = json.loads(inner)
    if held["for"] != bound_to:
        raise Unreadable(
            "The stored secret was set for another host, user or source, or an older one was put back.",
            "Set the secret again for this one.",
        )
    return str(held["value"]).encode("latin-1")


def add_key(*, beside_others: bool) -> list[Key]:
    """A fresh key comes first from now on; the others still open what they sealed. Gives all.

    `beside_others`: something is sealed, so there must be others. Raises Unreadable.
    """
    with locked() as path:
        held = keys(path) if beside_others or path.exists() else []
        fresh_one = fresh()
        write(path, [fresh_one, *held])
        return [fresh_one, *held]


def keep_only(wanted: set[str]) -> list[str]:
    """Destroys every key but the newest and those wanted; gives the ids of the destroyed."""
    with locked() as path:
        held = keys(path)
        kept = [key for number, key in enumerate(held) if number == 0 or key.id in wanted]
        if len(kept) < len(held):
            write(path, kept)
        return [key.id for key in held if key not in kept]


def again(sealed: str, bound_to: str, known: list[Key]) -> str:
    """The same value under the newest of the keys. Raises Unreadable."""
    value = opened(sealed, bound_to, known)
    inner = json.dumps({"for": bound_to, "value": value.decode("latin-1")}).encode()
    return Fernet(known[0].value).encrypt(inner).decode("ascii")


def keys(path: Path) -> list[Key]:
    """The keys, newest first. Raises Unreadable when the file is not there, not the owner's alone, or altered."""
    mend = f"Put {path} back from the copy of the keys, readable by its owner only."
    try:
        status = path.stat()
        lines = path.read_text("ascii").split("\n")
    except (OSError, UnicodeDecodeError):
        raise Unreadable("The keys of the stored secrets cannot be read.", mend) from None
    if status.st_mode & OWNER_ONLY:
        raise Unreadable(f"{path} can be read by others than its owner.", f"Take that right away: chmod 600 {path}")
    found = [Key(name, value.encode()) for name, _, value in (line.partition(" ") for line in lines if line)]
    if not found or any(key.id != id_of(key.value) for key in found):
        raise Unreadable("The keys of the stored secrets are damaged.", mend)
    return found


def fresh() -> Key:
    """A key nobody has had before."""
    value = Fernet.generate_key()
    return Key(id_of(value), value)


def id_of(value: bytes) -> str:
    """A key's id: it tells nothing about the key."""
    return hashlib.sha256(b"eastwest key id\0" + value).hexdigest()[:12]


def write(path: Path, held: list[Key]) -> None:
    """The file whole or as it was, on the disk when this returns."""
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{FILE}.", delete=False) as made:
        os.fchmod(made.fileno(), 0o600)
        made.write(b"".join(key.id.encode() + b" " + key.value + b"\n" for key in held))
        made.flush()
        os.fsync(made.fileno())
    Path(made.name).replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


@contextmanager
def locked() -> Iterator[Path]:
    """One process at a time changes the file. Gives its path."""
    folder = Path(settings.KEYS)
    handle = os.open(folder / f"{FILE}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield folder / FILE
    finally:
        os.close(handle)
