"""A time-stamping authority of our own, over real HTTP."""

from __future__ import annotations

import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from asn1crypto import keys, tsp, x509
from cryptography import x509 as certificates
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from pyhanko.sign.timestamps.dummy_client import DummyTimeStamper

NAME = certificates.Name([certificates.NameAttribute(certificates.NameOID.COMMON_NAME, "Clock of the tests")])


class Authority:
    """RFC 3161 over HTTP with a certificate of its own making. `wrong`: what it does instead of its work; `clock`: the
    moment it believes it to be."""

    def __init__(self, place: Path, *, clock: datetime.datetime | None = None) -> None:
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
        stamper = DummyTimeStamper(certificate, keys.PrivateKeyInfo.load(der), fixed_dt=clock)
        self.wrong, self.asked, self.stamper = "", 0, stamper
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
