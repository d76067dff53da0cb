"""A web server over real TLS, for programs that play others: vault, receiver, ticket system."""

from __future__ import annotations

import ssl
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


class Tls(ThreadingHTTPServer):
    """On a free port of this machine. `pem`: key and certificate; `answers`: how it answers."""

    daemon_threads = True

    def __init__(self, pem: Path, answers: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(("127.0.0.1", 0), answers)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem)
        self.socket = context.wrap_socket(self.socket, server_side=True)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that turn away, at the certificate or later, are what some tests are about."""
