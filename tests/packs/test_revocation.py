"""Whether the key was taken back: lists and answers of an authority of our own over real HTTP, kept in the signature's
own revision; what cannot be had is said, and a key that was taken back signs nothing."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pikepdf
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID

from evidence.packs import binder, seal, verify
from tests.packs import content
from tests.packs.conftest import Genuine

AT = content.BUILT
DER = serialization.Encoding.DER
KEY, OWN, STRANGER = (ec.generate_private_key(ec.SECP256R1()) for _ in range(3))


def name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])


class Authority:
    """One that keeps a list of taken-back certificates and answers about one. `wrong`: what it does instead."""

    def __init__(self) -> None:
        self.wrong, self.taken = "", False
        own = self

        class Door(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.say(own.listed())

            def do_POST(self) -> None:
                asked = ocsp.load_der_ocsp_request(self.rfile.read(int(self.headers["Content-Length"])))
                assert asked.serial_number == own.signer.serial_number
                self.say(own.answered())

            def say(self, what: bytes) -> None:
                self.send_response(503 if own.wrong == "busy" else 200)
                self.end_headers()
                self.wfile.write(b"words" if own.wrong == "words" else what)

            def log_message(self, *_: object) -> None:
                """Nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.root = self.certificate("Root of the tests", KEY)
        self.signer = self.certificate("Department", OWN, points=True)

    def certificate(self, of: str, key: Any, *, points: bool = False) -> x509.Certificate:
        made = x509.CertificateBuilder().subject_name(name(of)).issuer_name(name("Root of the tests"))
        made = made.public_key(key.public_key()).serial_number(x509.random_serial_number())
        made = made.not_valid_before(AT - timedelta(days=9)).not_valid_after(AT + timedelta(days=900))
        if points:
            place = x509.DistributionPoint([x509.UniformResourceIdentifier(f"{self.url}/list")], None, None, None)
            answer = x509.AccessDescription(AuthorityInformationAccessOID.OCSP,
                                            x509.UniformResourceIdentifier(f"{self.url}/ocsp"))  # fmt: skip
            made = made.add_extension(x509.CRLDistributionPoints([place]), critical=False)
            made = made.add_extension(x509.AuthorityInformationAccess([answer]), critical=False)
        return made.sign(KEY, hashes.SHA256())

    def until(self) -> datetime:
        return AT - timedelta(hours=1) if self.wrong == "old" else AT + timedelta(days=7)

    def listed(self) -> bytes:
        made = x509.CertificateRevocationListBuilder().issuer_name(name("Root of the tests"))
        made = made.last_update(AT - timedelta(days=1)).next_update(self.until())
        if self.taken:
            gone = x509.RevokedCertificateBuilder().serial_number(self.signer.serial_number)
            made = made.add_revoked_certificate(gone.revocation_date(AT - timedelta(days=1)).build())
        if self.wrong == "part":
            part = x509.IssuingDistributionPoint(None, None, False, True, None, False, False)
            made = made.add_extension(part, critical=True)
        return made.sign(STRANGER if self.wrong == "stranger" else KEY, hashes.SHA256()).public_bytes(DER)

    def answered(self) -> bytes:
        gone = ocsp.OCSPCertStatus.REVOKED if self.taken else ocsp.OCSPCertStatus.GOOD
        kind = hashes.SHA1()  # noqa: S303 as every responder names certificates
        made = ocsp.OCSPResponseBuilder().add_response(
            self.signer, self.root, kind, gone, AT - timedelta(days=1), self.until(),
            AT - timedelta(days=1) if self.taken else None, None,
        )  # fmt: skip
        made = made.responder_id(ocsp.OCSPResponderEncoding.HASH, self.root)
        return made.sign(STRANGER if self.wrong == "stranger" else KEY, hashes.SHA256()).public_bytes(DER)

    def key(self) -> seal.Seal:
        return seal.Seal(OWN, self.signer, self.root)


@pytest.fixture(scope="module")
def authority() -> Iterator[Authority]:
    made = Authority()
    threading.Thread(target=made.server.serve_forever, daemon=True).start()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture(autouse=True)
def well(authority: Authority) -> None:
    authority.wrong, authority.taken = "", False


def test_list_and_answer_stand_in_the_only_revision_and_the_pages_say_so(authority: Authority, tmp_path: Any) -> None:
    key = seal.looked_up(authority.key(), AT)
    assert key.revocation.said.count("not taken back") == 2
    bound = binder.bind(content.face(), content.sections(), key)
    assert bound.document.count(b"%%EOF") == 1
    with pikepdf.open(io.BytesIO(bound.document)) as opened:
        store = opened.Root.DSS
        assert [one.read_bytes() for one in store.CRLs] == list(key.revocation.lists)
        assert [one.read_bytes() for one in store.OCSPs] == list(key.revocation.answers)
        assert authority.signer.public_bytes(DER) in [one.read_bytes() for one in store.Certs]
    pack = Genuine(bound, key, tmp_path)
    assert verify.verify(pack.written(), key.fingerprint).ok
    assert key.revocation.said in pack.members()[verify.MANIFEST].decode()


@pytest.mark.parametrize("wrong", ["busy", "words", "stranger", "old", "part"])
def test_what_cannot_be_had_or_does_not_hold_is_said_and_not_kept(authority: Authority, wrong: str) -> None:
    authority.wrong = wrong
    told = seal.looked_up(authority.key(), AT).revocation
    assert told.lists == ()
    assert told.said.count("not known from") == (1 if wrong == "part" else 2)
    assert len(told.answers) == (1 if wrong == "part" else 0)


def test_nobody_there_and_no_place_named_are_said(authority: Authority, tmp_path: Any) -> None:
    own = seal.looked_up(seal.open_seal(tmp_path, at=AT), AT)
    assert own.revocation.said.startswith("Not asked: no certificate of the signing key names a place")
    alone = seal.Seal(OWN, authority.signer, authority.signer)
    assert "its authority is not in the key's file" in seal.looked_up(alone, AT).revocation.said
    gone = Authority()
    gone.server.server_close()
    assert seal.looked_up(gone.key(), AT).revocation.said.count("not known from") == 2


def test_a_key_that_was_taken_back_signs_nothing(authority: Authority) -> None:
    authority.taken = True
    with pytest.raises(seal.SealError, match=r"Department was taken back by its authority on .*Nothing is signed"):
        seal.looked_up(authority.key(), AT)
