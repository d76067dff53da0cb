"""The seal of a pack: the installation's own signing key, the signature in the PDF and the one beside the manifest.

The key is made at first use: ECDSA P-256 under a certificate authority that is made with it and vouches for nothing
but itself. Every certificate says so. What proves the signer is the key's fingerprint, handed to the auditor by
another way than the pack. Keys are files only their owner reads, never in the database or its backup.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import http.client
import os
import re
import shutil
import tempfile
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID

from evidence.packs import joined, revocation, stamping, verify
from evidence.packs.revocation import NOT_ASKED, Revocation
from evidence.packs.stamping import NoStamp, Stamps

FOLDER = "packs"
SELF_MADE = "self-made key of this installation"
SIGNER_NAME = f"Eastwest packs ({SELF_MADE})"  # a common name has at most 64 signs
CA_NAME = f"Eastwest CA ({SELF_MADE})"
UNSTAMPED = (NoStamp, OSError, ValueError, http.client.HTTPException)
GAVE_NONE = (
    "The time-stamping authority answered before the pages were set and gave no stamp for {of}: {error}. "
    "Build the pack again."
)
CA_YEARS, SIGNER_YEARS = 20, 10
PEM = serialization.Encoding.PEM
DER = serialization.Encoding.DER
SPKI = serialization.PublicFormat.SubjectPublicKeyInfo


class SealError(Exception):
    """Nothing was signed; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Seal:
    """A signing key with its certificate and the certificate of the authority that signed it.

    `others`: authorities above that one, for whoever follows them. `stamps`: the outside authority for the time, where
    one answers; `time_said`: what the pages say of that. `revocation`: what says that the key was not taken back.
    """

    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
    certificate: x509.Certificate
    authority: x509.Certificate
    others: tuple[x509.Certificate, ...] = ()
    stamps: Stamps | None = None
    time_said: str = stamping.ask("", None)[1]
    revocation: Revocation = NOT_ASKED

    @property
    def name(self) -> str:
        """Who signs, as the certificate says it."""
        found = self.certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        return str(found[0].value) if found else self.certificate.subject.rfc4514_string()

    @property
    def fingerprint(self) -> str:
        """SHA-256 (64 hex digits) of the public key: what is handed to the auditor by another way."""
        return hashlib.sha256(self.key.public_key().public_bytes(DER, SPKI)).hexdigest()

    def signer(self) -> dict[str, str]:
        """The manifest's entry about the signer."""
        certificate = hashlib.sha256(self.certificate.public_bytes(DER)).hexdigest()
        return {"name": self.name, "key_sha256": self.fingerprint, "certificate_sha256": certificate}


def timed(seal: Seal, url: str, authority: Path | None) -> Seal:
    """The same seal with the time-stamping authority at `url`, where it answers; what it did is in `time_said`."""
    stamps, said = stamping.ask(url, authority)
    return replace(seal, stamps=stamps, time_said=said)


def looked_up(seal: Seal, at: datetime) -> Seal:
    """The same seal with what its authorities say of it now. SealError where one says that it was taken back."""
    try:
        told = revocation.asked([seal.certificate, seal.authority, *seal.others], at)
    except revocation.TakenBack as error:
        raise SealError(f"{error}. Nothing is signed with it: name another key, and tell the auditors.") from None
    return replace(seal, revocation=told)


def open_seal(keys: Path, *, at: datetime) -> Seal:
    """The seal kept in `keys` (a folder), made there at first use; two processes at once end with the same one.

    `at` is aware; SealError when the certificate is not valid then or the files cannot be read.
    """
    home = keys / FOLDER
    if not home.exists():
        _make(home, at)
    try:
        key = serialization.load_pem_private_key((home / "signer.key").read_bytes(), password=None)
        certificate = x509.load_pem_x509_certificate((home / "signer.pem").read_bytes())
        authority = x509.load_pem_x509_certificate((home / "authority.pem").read_bytes())
    except (OSError, ValueError, TypeError) as error:
        raise SealError(
            f"The signing key in {home} cannot be read: {error}. Restore it from its own backup."
        ) from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
        raise SealError(f"The key and the certificate in {home} do not belong together. Restore both from one backup.")
    held = Seal(key, certificate, authority)
    refuse_expired(held, at)
    return held


def refuse_expired(seal: Seal, at: datetime) -> None:
    """SealError when the certificate is not valid at that moment."""
    first, last = seal.certificate.not_valid_before_utc, seal.certificate.not_valid_after_utc
    if not first <= at <= last:
        raise SealError(
            f"The signing certificate is valid from {first:%d %B %Y} to {last:%d %B %Y}, and this machine's clock says "
            f"{at:%d %B %Y}. Check the clock; if it is right, replace the key and hand its new fingerprint to the "
            "auditors."
        )


def sign_lines(seal: Seal, *, manifest: bytes, document: str, content: bytes, stamp: bytes = b"") -> bytes:
    """manifest.sig: the signature over a line each with the SHA-256 of the manifest, of the document (by its name) and
    of the manifest's time-stamp where there is one."""
    covered = [(verify.MANIFEST, manifest), (document, content), *([(verify.STAMP, stamp)] if stamp else [])]
    lines = "".join(f"sha256 {hashlib.sha256(data).hexdigest()} {name}\n" for name, data in covered)
    verify.signed_lines(lines)  # refuses a document name the verifier would not know
    signature = _signed(seal.key, lines.encode())
    fields = {
        "algorithm": verify.RSA if isinstance(seal.key, rsa.RSAPrivateKey) else verify.ALGORITHM,
        "key": seal.key.public_key().public_bytes(PEM, SPKI).decode("ascii"),
        "signature": base64.b64encode(signature).decode("ascii"),
        "signed": lines,
    }
    return verify.canonical(fields)


def stamp_manifest(seal: Seal, manifest: bytes) -> bytes:
    """manifest.tsr: the authority's answer over the manifest; b"" where the seal has no authority."""
    if seal.stamps is None:
        return b""
    try:
        return stamping.stamp(seal.stamps, manifest)
    except UNSTAMPED as error:
        raise SealError(GAVE_NONE.format(of="the manifest", error=error)) from error


def sign_pdf(seal: Seal, pdf: bytes) -> bytes:
    """The document with its empty field (joined.py) filled: one invisible PAdES signature in its only revision, which
    certifies it and forbids every later change; with a time-stamp (B-T) where the seal has an authority, else B-B."""
    # Imported here: half a second that web pages and the command line need not pay.
    from pyhanko.sign import signers

    head, tail = _gap(pdf)
    ranges = joined.RANGE % (head, tail, len(pdf) - tail)
    at = pdf.rindex(joined.RANGE % (0, 0, 0))
    filled = bytearray(pdf)
    filled[at : at + len(ranges)] = ranges
    bundle = pkcs12.serialize_key_and_certificates(
        None, seal.key, seal.certificate, [seal.authority, *seal.others], serialization.NoEncryption()
    )
    signer = signers.SimpleSigner.load_pkcs12_data(bundle, other_certs=[], passphrase=None)
    if signer is None:
        raise SealError("The signing key could not be used for the PDF. Restore it from its own backup.")
    digest = hashlib.sha256(memoryview(filled)[:head])
    digest.update(memoryview(filled)[tail:])
    stamper = seal.stamps.client if seal.stamps else None
    try:
        signing = signer.async_sign(digest.digest(), "sha256", use_pades=True, timestamper=stamper)
        made = asyncio.run(signing).dump().hex().encode()
    except UNSTAMPED as error:
        raise SealError(GAVE_NONE.format(of="them", error=error)) from error
    if len(made) > tail - head - 2:
        raise SealError("The signature with its certificates is larger than the room the document has for it.")
    filled[head + 1 : head + 1 + len(made)] = made
    return bytes(filled)


def emptied(pdf: bytes) -> bytes:
    """The same document as it was before its field was filled. ValueError where there is not one signature."""
    [found] = re.finditer(rb"/ByteRange \[0 (\d{10}) (\d{10}) \d{10}\]", pdf)
    first, last = int(found[1]) + 1, int(found[2]) - 1
    made = bytearray(pdf)
    made[found.start() : found.end()] = joined.RANGE % (0, 0, 0)
    made[first:last] = b"0" * (last - first)
    return bytes(made)


def _gap(pdf: bytes) -> tuple[int, int]:
    """Where the signature will stand, with its angle brackets: its first byte, and the first behind it."""
    try:
        begins = pdf.index(b"/Contents <", pdf.rindex(joined.RANGE % (0, 0, 0))) + len(b"/Contents ")
    except ValueError:
        raise SealError("The document has no empty field for a signature.") from None
    return begins, begins + 2 * joined.SEAL_BYTES + 2


def _make(home: Path, at: datetime) -> None:
    """Writes a new authority, key and certificate; the finished folder takes its name in one step, or not at all."""
    authority_key, signer_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    authority = _certificate(CA_NAME, CA_NAME, authority_key, authority_key.public_key(), at, CA_YEARS, authority=True)
    signer = _certificate(
        SIGNER_NAME, CA_NAME, authority_key, signer_key.public_key(), at, SIGNER_YEARS, authority=False
    )
    home.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=f".{home.name}.", dir=home.parent))  # 0700
    try:
        for name, data in (
            ("authority.key", _private(authority_key)),
            ("authority.pem", authority.public_bytes(PEM)),
            ("signer.key", _private(signer_key)),
            ("signer.pem", signer.public_bytes(PEM)),
        ):
            with os.fdopen(os.open(fresh / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        fresh.rename(home)
    except OSError:
        shutil.rmtree(fresh, ignore_errors=True)
        if not home.exists():  # otherwise another process made it in the same moment: theirs is the one
            raise


def _signed(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, data: bytes) -> bytes:
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(data, padding.PKCS1v15(), hashes.SHA256())
    return key.sign(data, ec.ECDSA(hashes.SHA256()))


def _private(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def _certificate(
    name: str,
    issuer: str,
    issuer_key: ec.EllipticCurvePrivateKey,
    public: ec.EllipticCurvePublicKey,
    at: datetime,
    years: int,
    *,
    authority: bool,
) -> x509.Certificate:
    usage = x509.KeyUsage(
        digital_signature=not authority, content_commitment=not authority, key_encipherment=False,
        data_encipherment=False, key_agreement=False, key_cert_sign=authority, crl_sign=authority,
        encipher_only=False, decipher_only=False,
    )  # fmt: skip
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(at - timedelta(days=1))
        .not_valid_after(at + timedelta(days=365 * years))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=0 if authority else None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
    )
    return builder.sign(issuer_key, hashes.SHA256())
