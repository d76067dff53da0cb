"""Packs signed with a key that the organisation brings: a PKCS#12 file of an authority of its own."""

from __future__ import annotations

import io
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pikepdf
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12

from evidence.actions.packs import signing_key
from evidence.packs import binder, joined, render, seal, verify
from evidence.packs.given_key import open_given
from tests.packs import content
from tests.packs.conftest import Genuine

AT = datetime(2026, 10, 31, 13, 0, tzinfo=UTC)
PASSWORD = "a c4nary of a password"
PAGE = render.Order("<!doctype html><html lang='en'><title>t</title><p>Hello", "PCK-1", AT)


def name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])


def certificate(of: str, key: Any, issuer: str, issuer_key: Any, *, days: int = 300) -> x509.Certificate:
    builder = x509.CertificateBuilder().subject_name(name(of)).issuer_name(name(issuer)).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(AT - timedelta(days=days))
    return builder.not_valid_after(AT + timedelta(days=days - 100)).sign(issuer_key, hashes.SHA256())


def brought(place: Path, key: Any = None, *, days: int = 300) -> tuple[Path, Path]:
    """A .p12 of the department's key under its authority, that under another; and the file with its password."""
    root, middle, own = (ec.generate_private_key(ec.SECP256R1()) for _ in range(3))
    own = key or own
    above = [certificate("Department CA", middle, "Root", root), certificate("Root", root, "Root", root)]
    signer = certificate("Department of Samples", own, "Department CA", middle, days=days)
    file, password = place / "packs.p12", place / "password"
    lock = BestAvailableEncryption(PASSWORD.encode())
    file.write_bytes(pkcs12.serialize_key_and_certificates(b"packs", own, signer, above, lock))
    password.write_text(f"{PASSWORD}\n")
    return file, password


def test_the_named_key_signs_manifest_and_pdf_and_no_other_does(tmp_path: Path, settings: Any) -> None:
    settings.KEYS = tmp_path / "keys"
    settings.PACK_KEY_FILE, settings.PACK_KEY_PASSWORD_FILE = brought(tmp_path)
    given = signing_key(AT)
    assert given.name == "Department of Samples"
    assert [one.subject.rfc4514_string() for one in (given.authority, *given.others)] == ["CN=Department CA", "CN=Root"]
    assert not settings.KEYS.exists(), "no key of the installation's own was made"
    pdf = seal.sign_pdf(
        given, render.render_in_child(PAGE, seal=joined.Field(given.name, "Evidence pack PCK-1", AT, ()))
    )
    with pikepdf.open(io.BytesIO(pdf)) as document:
        [field] = document.Root.AcroForm.Fields
        kept = bytes(field.V.Contents)
    assert all(one in kept for one in (b"Department of Samples", b"Department CA", b"Root"))
    pack = io.BytesIO()
    with zipfile.ZipFile(pack, "w") as archive:
        lines = seal.sign_lines(given, manifest=b"{}", document="pack.pdf", content=pdf)
        archive.writestr(verify.SIGNATURE, lines)
    with zipfile.ZipFile(pack) as archive:
        said = verify.read_signature(archive)
    assert verify.key_fingerprint(said["key"]) == given.fingerprint
    settings.PACK_KEY_PASSWORD_FILE.write_text("another")
    with pytest.raises(seal.SealError, match="does not open"):
        signing_key(AT)
    assert not settings.KEYS.exists(), "and none stands in for it"


def test_an_rsa_key_signs_manifest_and_pdf_and_each_byte_of_that_counts(tmp_path: Path) -> None:
    file, password = brought(tmp_path, rsa.generate_private_key(65537, 3072))
    given = open_given(file, password, at=AT)
    bound = binder.bind(content.face(), content.sections(), given)
    pack = Genuine(bound, given, tmp_path)
    assert verify.verify(pack.written(), given.fingerprint).ok
    data = pack.members()[verify.SIGNATURE]
    assert verify.RSA.encode() in data
    changed = [data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :] for at in range(0, len(data), 97)]
    for one in (*changed, data.replace(verify.RSA.encode(), verify.ALGORITHM.encode())):
        found = verify.verify(pack.written({**pack.members(), verify.SIGNATURE: one}))
        assert list(found.members) == [verify.SIGNATURE]


@pytest.mark.parametrize(
    ("key", "days", "said"),
    [
        (rsa.generate_private_key(65537, 2048), 300, "an RSA key of 2048 bits, too few for"),
        (ec.generate_private_key(ec.SECP384R1()), 300, "neither an ECDSA key on P-256 nor an RSA key of 3072 bits"),
        (ed25519.Ed25519PrivateKey.generate(), 300, "neither an ECDSA key on P-256 nor an RSA key of 3072 bits"),
        (None, 50, "valid from 11 September 2026 to 11 September 2026"),
    ],
    ids=["small RSA", "another curve", "another kind", "expired"],
)
def test_what_cannot_sign_is_refused_by_its_reason(tmp_path: Path, key: Any, days: int, said: str) -> None:
    file, password = brought(tmp_path, key, days=days)
    with pytest.raises(seal.SealError, match=said):
        open_given(file, password, at=AT)


def test_what_is_no_key_is_refused_and_no_password_is_said(tmp_path: Path) -> None:
    file, password = brought(tmp_path)
    for wrong, given, said in (
        (tmp_path / "gone.p12", password, "cannot be read: No such file"),
        (password, password, "is no PKCS#12 file"),
        (file, None, "does not open"),
        (file, tmp_path / "gone", "password of the signing key cannot be read"),
    ):
        with pytest.raises(seal.SealError, match=said) as caught:
            open_given(wrong, given, at=AT)
        assert PASSWORD not in str(caught.value)
