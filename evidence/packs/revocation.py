"""Whether the key of a pack was taken back: the lists (CRL) and answers (OCSP) of its authorities, as of the signature.

They are fetched from where the certificates say, over HTTP, checked, and kept in the PDF's only revision: years later a
reader needs none of these addresses. What cannot be had is said on the pages and stops nothing; what says that the key
was taken back stops the pack.
"""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, ExtensionOID, NameOID

SECONDS: Final = 10
LARGEST: Final = 8 << 20  # bytes of a list; an agency's may be long
DER: Final = serialization.Encoding.DER
NOWHERE: Final = "Not asked: no certificate of the signing key names a place that says whether it was taken back."


class TakenBack(Exception):
    """A certificate of the signing key was revoked; the text names it."""


class NotHeld(Exception):
    """What came is no list or answer that holds; the text ends a sentence."""


@dataclass(frozen=True, slots=True)
class Revocation:
    """What is kept beside the signature (DER), and what the pages say of it."""

    lists: tuple[bytes, ...] = ()
    answers: tuple[bytes, ...] = ()
    said: str = NOWHERE


NOT_ASKED: Final = Revocation()


def asked(chain: Sequence[x509.Certificate], at: datetime) -> Revocation:
    """Lists and answers about each certificate of a chain, the signer's first. Raises TakenBack."""
    lists, answers, said = [], [], []
    for one in dict.fromkeys(chain):
        issuer = next((other for other in chain if other != one and other.subject == one.issuer), None)
        for kind, place in places(one):
            try:
                if issuer is None:
                    raise NotHeld("its authority is not in the key's file, so nothing of it can be checked")
                if kind == "list":
                    lists.append(crl_of(one, issuer, fetched(place), at))
                else:
                    answers.append(ocsp_of(one, issuer, fetched(place, request_about(one, issuer)), at))
                said.append(f"{name_of(one)}: {'listed' if kind == 'list' else 'answered'} by {place}, not taken back.")
            except (NotHeld, OSError, ValueError, TypeError, http.client.HTTPException) as error:
                said.append(f"{name_of(one)}: not known from {place} ({str(error)[:120]}).")
    return Revocation(tuple(lists), tuple(answers), " ".join(said) or NOWHERE)


def places(one: x509.Certificate) -> list[tuple[str, str]]:
    """Where a certificate says that one learns whether it was taken back: (list or answer, address)."""
    found: list[tuple[str, str]] = []
    for extension in one.extensions:
        if extension.oid == ExtensionOID.CRL_DISTRIBUTION_POINTS:
            names = [name for point in extension.value for name in point.full_name or ()]
            found += [("list", str(name.value)) for name in names if isinstance(name, x509.UniformResourceIdentifier)]
        if extension.oid == ExtensionOID.AUTHORITY_INFORMATION_ACCESS:
            found += [("answer", str(said.access_location.value)) for said in extension.value
                      if said.access_method == AuthorityInformationAccessOID.OCSP]  # fmt: skip
    return found


def crl_of(one: x509.Certificate, issuer: x509.Certificate, content: bytes, at: datetime) -> bytes:
    """A list, once it is the issuer's and in force, and does not name the certificate."""
    pem = content.lstrip().startswith(b"-----BEGIN")
    held = x509.load_pem_x509_crl(content) if pem else x509.load_der_x509_crl(content)
    key: Any = issuer.public_key()
    if held.issuer != issuer.subject or not held.is_signature_valid(key):
        raise NotHeld("it is not signed by the authority of the certificate")
    if not all(whole_for(one, extension) for extension in held.extensions):
        raise NotHeld("it is a part of a list that says nothing of this certificate")
    in_force(held.last_update_utc, held.next_update_utc, at)
    entry = held.get_revoked_certificate_by_serial_number(one.serial_number)
    if entry is not None:
        raise taken_back(one, entry.revocation_date_utc)
    return held.public_bytes(DER)


def whole_for(one: x509.Certificate, extension: x509.Extension[x509.ExtensionType]) -> bool:
    """Whether what a list says of itself leaves it a whole one for this certificate."""
    said = extension.value
    if not isinstance(said, x509.IssuingDistributionPoint):
        return not extension.critical
    try:
        authority = bool(one.extensions.get_extension_for_class(x509.BasicConstraints).value.ca)
    except x509.ExtensionNotFound:
        authority = False
    in_part = said.indirect_crl or said.only_contains_attribute_certs or said.only_some_reasons
    return not in_part and not (said.only_contains_user_certs if authority else said.only_contains_ca_certs)


def request_about(one: x509.Certificate, issuer: x509.Certificate) -> bytes:
    """What an OCSP responder is asked."""
    return ocsp.OCSPRequestBuilder().add_certificate(one, issuer, hashes.SHA1()).build().public_bytes(DER)  # noqa: S303


def ocsp_of(one: x509.Certificate, issuer: x509.Certificate, content: bytes, at: datetime) -> bytes:
    """An answer, once it is the issuer's (or of whom it lets answer) and in force, and says that all is well."""
    held = ocsp.load_der_ocsp_response(content)
    if held.response_status != ocsp.OCSPResponseStatus.SUCCESSFUL or held.serial_number != one.serial_number:
        raise NotHeld("it is no answer about this certificate")
    signers = [issuer, *(other for other in held.certificates if lets(other, issuer))]
    if not any(signed_by(held, signer) for signer in signers):
        raise NotHeld("it is not signed by the authority of the certificate")
    in_force(held.this_update_utc, held.next_update_utc, at)
    if held.certificate_status == ocsp.OCSPCertStatus.REVOKED:
        raise taken_back(one, held.revocation_time_utc or at)
    if held.certificate_status != ocsp.OCSPCertStatus.GOOD:
        raise NotHeld("it does not know the certificate")
    return held.public_bytes(DER)


def lets(responder: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Whether an authority lets somebody answer in its place."""
    try:
        responder.verify_directly_issued_by(issuer)
        usage = responder.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except (ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
        return False
    return ExtendedKeyUsageOID.OCSP_SIGNING in usage


def signed_by(held: ocsp.OCSPResponse, signer: x509.Certificate) -> bool:
    """Whether a key signed an answer."""
    key, kind = signer.public_key(), held.signature_hash_algorithm
    try:
        if kind is not None and isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(held.signature, held.tbs_response_bytes, ec.ECDSA(kind))
        elif kind is not None and isinstance(key, rsa.RSAPublicKey):
            key.verify(held.signature, held.tbs_response_bytes, padding.PKCS1v15(), kind)
        else:
            return False
    except InvalidSignature:
        return False
    return True


def in_force(first: datetime, last: datetime | None, at: datetime) -> None:
    """NotHeld where a list or answer is not of this time."""
    if first > at or last is None or last < at:
        raise NotHeld(f"it holds until {last:%d %B %Y}" if last else "it does not say until when it holds")


def taken_back(one: x509.Certificate, when: datetime) -> TakenBack:
    """That a certificate was revoked, and when."""
    return TakenBack(f"The certificate of {name_of(one)} was taken back by its authority on {when:%d %B %Y}")


def name_of(one: x509.Certificate) -> str:
    """Whose a certificate is."""
    found = one.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(found[0].value) if found else one.subject.rfc4514_string()


def fetched(url: str, body: bytes | None = None) -> bytes:
    """What stands at an address of a certificate. Raises NotHeld, OSError and HTTPException."""
    place = urlsplit(url)
    if place.scheme not in ("http", "https") or not place.hostname:
        raise NotHeld("its address is neither http nor https")
    asking = http.client.HTTPConnection(place.hostname, place.port, timeout=SECONDS)
    if place.scheme == "https":
        trusted = ssl.create_default_context()
        asking = http.client.HTTPSConnection(place.hostname, place.port, timeout=SECONDS, context=trusted)
    path = (place.path or "/") + (f"?{place.query}" if place.query else "")
    try:
        heads = {"Content-Type": "application/ocsp-request"} if body else {}
        asking.request("POST" if body else "GET", path, body, heads)
        answer = asking.getresponse()
        said = answer.read(LARGEST + 1)
    finally:
        asking.close()
    if answer.status != 200 or len(said) > LARGEST:
        raise NotHeld(f"it answered with status {answer.status} and {len(said)} bytes")
    return said
