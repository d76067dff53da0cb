"""A vault that answers like a KV v2 engine, over real TLS with an authority of its own, and can misbehave."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tests.evidence.tls import Tls

TOKEN = "hvs.of-eastwest"


def certificates(folder: Path, name: str = "127.0.0.1") -> tuple[Path, Path]:
    """(certificate with key, authority) for an address: the authority is the certificate itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "vault of the tests")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(who)
        .issuer_name(who)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(name))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    public = made.public_bytes(Encoding.PEM)
    both, authority = folder / "server.pem", folder / "authority.pem"
    both.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + public)
    authority.write_bytes(public)
    return both, authority


class Vault(Tls):
    """`held`: path → values. `asked`: what came, as (path, token). `mood`: "", or how it misbehaves.

    `wait`: its Retry-After.
    """

    def __init__(self, pem: Path) -> None:
        super().__init__(pem, Answers)
        self.held: dict[str, dict[str, Any]] = {}
        self.asked: list[tuple[str, str]] = []
        self.mood, self.wait = "", ""
        self.quiet = threading.Event()

    @property
    def url(self) -> str:
        """Its address."""
        return f"https://127.0.0.1:{self.server_address[1]}"


class Answers(BaseHTTPRequestHandler):
    """GET /v1/<mount>/data/<path>"""

    server: Vault

    def do_GET(self) -> None:
        """The secret, or what is wrong."""
        vault = self.server
        vault.asked.append((self.path, self.headers.get("X-Vault-Token", "")))
        if vault.mood == "hangs":
            vault.quiet.wait(20)
        elif vault.mood == "redirects":
            self.send_response(307)
            self.send_header("Location", "https://127.0.0.1:1/elsewhere")
            self.end_headers()
        elif vault.mood == "html":
            self.say(200, b"<html>please sign in</html>")
        elif vault.mood == "cut":
            self.say(200, b'{"data": {"data"', length=4000)
        elif vault.mood == "floods":
            self.say(200, b"x" * (2 * 2**20))
        elif vault.mood in ("429", "503"):
            self.say(int(vault.mood), b"{}")
        elif self.headers.get("X-Vault-Token") != TOKEN:
            self.say(403, b'{"errors": ["permission denied"]}')
        elif self.path.removeprefix("/v1/").replace("/data/", "/", 1) not in vault.held:
            self.say(404, b'{"errors": []}')
        else:
            values = vault.held[self.path.removeprefix("/v1/").replace("/data/", "/", 1)]
            self.say(200, json.dumps({"data": {"data": values, "metadata": {"version": 3}}}).encode())

    def say(self, status: int, body: bytes, length: int | None = None) -> None:
        """One answer."""
        self.send_response(status)
        self.send_header("Content-Length", str(length or len(body)))
        if self.server.wait:
            self.send_header("Retry-After", self.server.wait)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        """Nothing."""


@contextmanager
def vault(pem: Path) -> Iterator[Vault]:
    """One that runs."""
    server = Vault(pem)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.quiet.set()
        server.shutdown()
        server.server_close()
