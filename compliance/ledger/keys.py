"""The ledger's keys: files that only their owner reads, in var/keys/ledger, never in the database nor its backup.

`origin` names the ledger for its whole life, `<fingerprint>.pem` is a private key, `<fingerprint>.pub` its public
half, which stays when the private one is destroyed at rotation. `inbox.secret` seals the rows that wait.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import tempfile
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from compliance.errors import Refused
from compliance.ledger.notes import fingerprint

FOLDER = "ledger"


class Keys:
    """The keys of one installation. `folder` is var/keys/ledger; it is made at first use."""

    def __init__(self, keys: Path) -> None:
        self.folder = keys / FOLDER

    def origin(self) -> str:
        """The ledger's name, made once."""
        return self._once("origin", lambda: f"eastwest-ledger/{secrets.token_hex(8)}".encode()).decode()

    def mac(self, data: bytes) -> str:
        """HMAC-SHA256 (hex) over a row that waits to be sealed: who has only the database cannot add one."""
        secret = self._once("inbox.secret", lambda: secrets.token_urlsafe(48).encode())
        return hmac.new(secret, data, hashlib.sha256).hexdigest()

    def begun(self) -> bool:
        """Whether a log was begun with these keys: from then on every row needs its MAC."""
        return (self.folder / "begun").exists()

    def begin(self) -> None:
        """Notes that the log has begun."""
        self._once("begun", lambda: b"")

    def first(self) -> Ed25519PrivateKey:
        """The key a new ledger begins with, made once: the file `first` names it."""
        name = self._once("first", lambda: self.make().encode()).decode()
        return self.private(name)

    def make(self) -> str:
        """A fresh key pair on disk; gives its fingerprint."""
        key = Ed25519PrivateKey.generate()
        name = fingerprint(key.public_key())
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        self._once(f"{name}.pub", lambda: pem(key.public_key()).encode())
        self._once(f"{name}.pem", lambda: private)
        return name

    def private(self, name: str) -> Ed25519PrivateKey:
        """The private key of this fingerprint. Raises Refused when its file is not there or another key's."""
        path = self.folder / f"{name}.pem"
        try:
            key = load_pem_private_key(path.read_bytes(), password=None)
        except (OSError, ValueError) as wrong:
            raise Refused(
                "The ledger cannot be sealed.",
                f"Its key {name[:16]}… cannot be read: {type(wrong).__name__}.",
                f"Put {path.name} back into {self.folder} from the copy of the keys.",
            ) from wrong
        if not isinstance(key, Ed25519PrivateKey) or fingerprint(key.public_key()) != name:
            raise Refused(
                "The ledger cannot be sealed.", f"{path} holds another key than its name says.", "Restore it."
            )
        return key

    def public(self, name: str) -> Ed25519PublicKey:
        """The public key of this fingerprint. Raises Refused when there is none."""
        path = self.folder / f"{name}.pub"
        try:
            key = load_pem_public_key(path.read_bytes())
        except (OSError, ValueError) as wrong:
            raise Refused("There is no such ledger key.", f"{path} cannot be read.", "Restore it.") from wrong
        if not isinstance(key, Ed25519PublicKey) or fingerprint(key) != name:
            raise Refused("There is no such ledger key.", f"{path} holds another key.", "Restore it.")
        return key

    def destroy(self, name: str) -> None:
        """Removes a private key for good; its public half stays, to check what it signed."""
        (self.folder / f"{name}.pem").unlink(missing_ok=True)

    def _once(self, name: str, make: Callable[[], bytes]) -> bytes:
        """The file's bytes; the first process to ask makes it, whole or not at all, 0600."""
        path = self.folder / name
        if not path.exists():
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            content = make()
            handle, fresh = tempfile.mkstemp(prefix=f".{name[:16]}.", dir=self.folder)  # 0600
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            try:
                os.link(fresh, path)
            except FileExistsError:  # another process made it in the same moment: theirs is the one
                return path.read_bytes()
            finally:
                os.unlink(fresh)
        return path.read_bytes()


def pem(key: Ed25519PublicKey) -> str:
    """A public key as openssl writes it."""
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode("ascii")
