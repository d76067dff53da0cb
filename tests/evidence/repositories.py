"""Real git repositories with dumps in them, on the disk and behind a real HTTPS server with git's own backend."""

from __future__ import annotations

import os
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

BACKEND = "/usr/lib/git-core/git-http-backend"
Refuse = Callable[[BaseHTTPRequestHandler], bool]


class Repository:
    """A repository into which an Oxidized of the tests commits."""

    def __init__(self, place: Path) -> None:
        self.place = place
        place.mkdir(parents=True, mode=0o755)
        self.git("init", "-q", "-b", "main")

    def git(self, *words: str, at: datetime | None = None) -> str:
        """Runs git there, at that moment."""
        moment = (at or datetime.now(UTC)).isoformat()
        who = {"GIT_AUTHOR_NAME": "Oxidized", "GIT_AUTHOR_EMAIL": "ox@sample.example", "GIT_AUTHOR_DATE": moment}
        them = {key.replace("AUTHOR", "COMMITTER"): value for key, value in who.items()}
        environment = {"PATH": os.environ["PATH"], "HOME": os.devnull, "GIT_CONFIG_GLOBAL": os.devnull, **who, **them}
        done = subprocess.run(
            ["git", "-C", str(self.place), *words], check=True, capture_output=True, env=environment, text=True
        )
        return done.stdout.strip()

    def commit(self, files: dict[str, str], subject: str = "update", *, at: datetime | None = None) -> str:
        """Writes the files, commits them, and gives the commit."""
        for name, text in files.items():
            path = self.place / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", subject, at=at)
        return self.git("rev-parse", "HEAD")


@contextmanager
def served(
    root: Path, place: Path, refuse: Refuse, *, port: int = 0, authority: bool = False
) -> Iterator[tuple[int, Path]]:
    """The repositories under `root` by HTTPS on 127.0.0.1; gives its port and the certificate to trust.

    `authority`: the certificate is signed by an authority that nobody knows, else by itself. `refuse` is asked for each
    request and may answer it itself (then it gives True).
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if not refuse(self):
                backend(self, root)

        do_POST = do_GET

        def log_message(self, *_: object) -> None:
            """Quiet."""

    certificate, key = made(place, authority=authority)
    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address[1], certificate
    finally:
        server.shutdown()
        server.server_close()


def backend(request: BaseHTTPRequestHandler, root: Path) -> None:
    """Hands a request to git's own server program."""
    parts = urlsplit(request.path)
    length = int(request.headers.get("Content-Length") or 0)
    environment = {
        "PATH": os.environ["PATH"], "GIT_PROJECT_ROOT": str(root), "GIT_HTTP_EXPORT_ALL": "1", "HOME": os.devnull,
        "PATH_INFO": parts.path, "QUERY_STRING": parts.query, "REQUEST_METHOD": request.command,
        "CONTENT_TYPE": request.headers.get("Content-Type", ""), "CONTENT_LENGTH": str(length),
        "GIT_PROTOCOL": request.headers.get("Git-Protocol", ""),
        "HTTP_CONTENT_ENCODING": request.headers.get("Content-Encoding", ""),
    }  # fmt: skip
    asked = request.rfile.read(length)
    done = subprocess.run([BACKEND], input=asked, capture_output=True, env=environment, check=False)
    head, _, body = done.stdout.partition(b"\r\n\r\n")
    rows = [line.split(": ", 1) for line in head.decode().split("\r\n") if ": " in line]
    status = next((int(value.split()[0]) for name, value in rows if name == "Status"), 200)
    request.send_response(status)
    for name, value in rows:
        if name != "Status":
            request.send_header(name, value)
    request.send_header("Content-Length", str(len(body)))
    request.end_headers()
    request.wfile.write(body)


def made(place: Path, *, authority: bool = False) -> tuple[Path, Path]:
    """A certificate for localhost that signs itself, or that an unknown authority signed, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    signer = ec.generate_private_key(ec.SECP256R1()) if authority else key
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Nobody's Authority")]) if authority else name
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(signer, hashes.SHA256())
    )
    certificate, private = place / "server.pem", place / "server.key"
    certificate.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return certificate, private
