"""A time-stamp by an authority of our own over real HTTP: in the signature when it answers, said plainly when not."""

from __future__ import annotations

import datetime
import io
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pikepdf
import pytest
from asn1crypto import keys, tsp, x509
from cryptography import x509 as certificates
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.timestamps.dummy_client import DummyTimeStamper
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko_certvalidator import ValidationContext

from evidence.packs import joined, render, seal, stamping

AT = datetime.datetime(2026, 10, 31, 13, 0, tzinfo=datetime.UTC)
NAME = certificates.Name([certificates.NameAttribute(certificates.NameOID.COMMON_NAME, "Clock of the tests")])
PAGE = render.Order("<!doctype html><html lang='en'><title>t</title><p>Hello", "PCK-1", AT)


class Authority:
    """RFC 3161 over HTTP with a certificate of its own making. `wrong`: what it does instead of its work."""

    def __init__(self, place: Path) -> None:
        key = rsa.generate_private_key(65537, 2048)
        now = datetime.datetime.now(datetime.UTC)
        usage = certificates.ExtendedKeyUsage([certificates.ExtendedKeyUsageOID.TIME_STAMPING])
        made = (
            certificates.CertificateBuilder().subject_name(NAME).issuer_name(NAME).public_key(key.public_key())
            .serial_number(7).not_valid_before(now - datetime.timedelta(days=400))
            .not_valid_after(now + datetime.timedelta(days=400)).add_extension(usage, critical=True)
            .sign(key, hashes.SHA256())
        )  # fmt: skip
        self.file = place / "tsa.pem"
        self.file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
        der = key.private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        certificate = x509.Certificate.load(made.public_bytes(serialization.Encoding.DER))
        stamper = DummyTimeStamper(certificate, keys.PrivateKeyInfo.load(der))
        self.wrong, self.asked = "", 0
        own = self

        class Door(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                own.asked += 1
                body = self.rfile.read(int(self.headers["Content-Length"]))
                said = stamper.request_tsa_response(tsp.TimeStampReq.load(body)).dump()
                if own.wrong == "flipped":
                    said = said[:-5] + bytes([said[-5] ^ 1]) + said[-4:]
                self.send_response(503 if own.wrong == "busy" else 200)
                self.end_headers()
                self.wfile.write(b"not a stamp" if own.wrong == "words" else said)

            def log_message(self, *_: object) -> None:
                """Nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
        self.url = f"http://127.0.0.1:{self.server.server_port}/stamp"


@pytest.fixture
def authority(tmp_path: Path) -> Iterator[Authority]:
    made = Authority(tmp_path)
    threading.Thread(target=made.server.serve_forever, daemon=True).start()
    yield made
    made.server.shutdown()
    made.server.server_close()


def document(key: seal.Seal) -> bytes:
    kept = key.stamps.certificates if key.stamps else ()
    return render.render_in_child(PAGE, seal=joined.Field(key.name, "Evidence pack PCK-1", AT, kept))


def test_the_stamp_stands_in_the_only_revision_with_its_certificates(authority: Authority, tmp_path: Path) -> None:
    key = seal.timed(seal.open_seal(tmp_path / "keys", at=AT), authority.url, authority.file)
    assert key.stamps is not None, key.time_said
    assert "Clock of the tests" in key.time_said
    assert "not compared" not in key.time_said
    pdf = seal.sign_pdf(key, document(key))
    assert authority.asked == 2
    assert pdf.count(b"%%EOF") == 1
    [signature] = PdfFileReader(io.BytesIO(pdf)).embedded_signatures
    roots = [x509.Certificate.load(key.authority.public_bytes(serialization.Encoding.DER))]
    told = validate_pdf_signature(signature, ValidationContext(trust_roots=roots, moment=AT, allow_fetching=False))
    assert (told.intact, told.valid) == (True, True)
    assert told.timestamp_validity is not None
    assert (told.timestamp_validity.intact, told.timestamp_validity.valid) == (True, True)
    with pikepdf.open(io.BytesIO(pdf)) as opened:
        assert [one.read_bytes() for one in opened.Root.DSS.Certs] == list(key.stamps.certificates)


@pytest.mark.parametrize("wrong", ["busy", "words", "flipped"])
def test_an_authority_that_gives_no_stamp_is_said_and_the_pack_is_signed_without(
    authority: Authority, tmp_path: Path, wrong: str
) -> None:
    authority.wrong = wrong
    key = seal.timed(seal.open_seal(tmp_path / "keys", at=AT), authority.url, authority.file)
    assert key.stamps is None
    assert key.time_said.startswith("None: the authority at 127.0.0.1 gave no stamp that holds (")


def test_another_authority_than_the_one_named_is_not_taken_and_any_is_where_none_is(
    authority: Authority, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    stranger = Authority(tmp_path / "other")
    stranger.server.server_close()
    assert "does not lead to the authority" in stamping.ask(authority.url, stranger.file)[1]
    stamps, said = stamping.ask(authority.url, None)
    assert stamps is not None
    assert "not compared with any authority" in said
    assert "gave no stamp" in stamping.ask(stranger.url, stranger.file)[1]
    assert "EASTWEST_TIMESTAMP_URL" in stamping.ask("", None)[1]


def test_an_authority_that_stops_answering_in_between_leaves_nothing_half_signed(
    authority: Authority, tmp_path: Path
) -> None:
    key = seal.timed(seal.open_seal(tmp_path / "keys", at=AT), authority.url, authority.file)
    page = document(key)
    authority.wrong = "busy"
    with pytest.raises(seal.SealError, match=r"gave no stamp for them.*Build the pack again"):
        seal.sign_pdf(key, page)
