"""A signing key that the organisation brings: a PKCS#12 file (.p12, .pfx) of its own authority, with its password.

The signature beside the manifest is ECDSA over P-256 or RSA of at least 3072 bits, which every `openssl` checks; other
keys are refused by name.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs12

from evidence.packs.seal import Seal, SealError, refuse_expired

CURVE = "secp256r1"
RSA_BITS = 3072


def open_given(file: Path, password_file: Path | None, *, at: datetime) -> Seal:
    """The seal of a PKCS#12 file. `at` is aware. SealError says what is wrong with the file, and never its password."""
    try:
        password = password_file.read_text("utf-8").rstrip("\r\n").encode() if password_file else None
    except (OSError, UnicodeDecodeError) as error:
        raise SealError(f"The password of the signing key cannot be read: {password_file}: {error}.") from None
    try:
        found = pkcs12.load_pkcs12(file.read_bytes(), password)
    except OSError as error:
        raise SealError(f"The signing key {file} cannot be read: {error.strerror or error}.") from None
    except (ValueError, TypeError):
        held = f"the one in {password_file}" if password_file else "named (EASTWEST_PACK_KEY_PASSWORD_FILE)"
        why = f"It is no PKCS#12 file, or its password is not {held}."
        raise SealError(f"The signing key {file} does not open. {why}") from None
    key, certificate = found.key, found.cert.certificate if found.cert else None
    if certificate is None or key is None:
        raise SealError(f"{file} holds no key with its certificate. Export both into one PKCS#12 file.")
    if isinstance(key, rsa.RSAPrivateKey) and key.key_size < RSA_BITS:
        few = f"The key in {file} is an RSA key of {key.key_size} bits, too few for what is to hold for years."
        raise SealError(f"{few} Ask your authority for one of {RSA_BITS} bits or more, or for ECDSA on P-256.")
    if not isinstance(key, (ec.EllipticCurvePrivateKey, rsa.RSAPrivateKey)) or (
        isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name != CURVE
    ):
        kinds = f"neither an ECDSA key on P-256 nor an RSA key of {RSA_BITS} bits or more"
        raise SealError(f"The key in {file} is {kinds}. Ask your authority for one of these kinds.")
    others = [one.certificate for one in found.additional_certs]
    issuer = next((one for one in others if one.subject == certificate.issuer), certificate)
    given = Seal(key, certificate, issuer, others=tuple(one for one in others if one != issuer))
    refuse_expired(given, at)
    return given
