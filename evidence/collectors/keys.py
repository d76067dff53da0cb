"""Keys of SSH as text and as objects: private ones a source signs in with, public ones by which a host is known."""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import NamedTuple

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_ssh_private_key,
)
from cryptography.x509 import load_der_x509_certificate

from evidence.collectors.collected import PullError
from evidence.models.sources import ErrorCode

Private = ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
SMALLEST_RSA = 2048
GIVE = "Give an unencrypted OpenSSH or PEM key of its own: Ed25519, ECDSA, or RSA of at least 2048 bits."


class Shown(NamedTuple):
    """A key or certificate as a host showed it. `public`: base64, as known_hosts has it."""

    kind: str
    address: str
    algorithm: str
    public: str
    fingerprint: str


def shown_certificate(der: bytes, host: str, address: str) -> Shown:
    """A certificate as people compare it: `openssl x509 -fingerprint -sha256` says it so. Raises PullError."""
    try:
        until = load_der_x509_certificate(der).not_valid_after_utc
    except ValueError as error:
        raise PullError(ErrorCode.TLS, f"{host} shows no certificate.", "Look at what answers there.") from error
    marks = hashlib.sha256(der).hexdigest().upper()
    marked = ":".join(marks[at : at + 2] for at in range(0, len(marks), 2))
    return Shown("tls", address, f"certificate until {until:%-d %B %Y}", base64.b64encode(der).decode(), marked)


def private_key(value: bytes) -> Private:
    """The private key in a file's bytes. Raises PullError in words that hold nothing of it."""
    text = value.strip() + b"\n"
    load = load_ssh_private_key if b"BEGIN OPENSSH PRIVATE KEY" in text else load_pem_private_key
    try:
        found = load(text, password=None)
    except TypeError:
        raise PullError(ErrorCode.CONFIG, "The private key is locked with a passphrase.", GIVE) from None
    except (ValueError, UnsupportedAlgorithm):
        raise PullError(ErrorCode.CONFIG, "What was given as the private key is none.", GIVE) from None
    if not isinstance(found, Private) or (isinstance(found, rsa.RSAPrivateKey) and found.key_size < SMALLEST_RSA):
        raise PullError(ErrorCode.CONFIG, "The private key is of a kind that is not used.", GIVE)
    return found


def as_openssh(key: Private) -> str:
    """The private key as text that paramiko takes, whatever form it came in."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode("ascii")


def public_half(value: bytes) -> str:
    """The public half as authorized_keys has it: kind and base64. Raises PullError."""
    return private_key(value).public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode("ascii")


def fingerprint(public: str) -> str:
    """SHA256:… of a base64 public key, as `ssh-keygen -lf` says it."""
    try:
        digest = hashlib.sha256(base64.b64decode(public, validate=True)).digest()
    except binascii.Error as error:
        raise ValueError("no base64") from error
    return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")
