"""A program that receives messages over real TLS, notes each, and can misbehave."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from django.utils import timezone

from compliance import announcing
from compliance.actions import jobs
from compliance.models import Delivery, Job, Receiver
from evidence.actions import receivers
from evidence.actions.receivers import Wanted
from tests.evidence.tls import Tls
from tests.people import People

SECRET = "a-canary-that-signs-0123456789"


@dataclass
class Came:
    """One request."""

    path: str
    headers: dict[str, str]
    body: bytes


class Hook(Tls):
    """`came`: every request. `answers`: statuses to give, one after another, then 204. `mood`: how it misbehaves."""

    def __init__(self, pem: Path) -> None:
        super().__init__(pem, Answers)
        self.came: list[Came] = []
        self.answers: list[int] = []
        self.mood, self.wait, self.says = "", "", b""
        self.over = threading.Event()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.server_address[1])

    @property
    def url(self) -> str:
        """Its address."""
        return f"https://127.0.0.1:{self.port}/in?from=eastwest"


class Answers(BaseHTTPRequestHandler):
    """POST anywhere; GET /elsewhere, where redirects lead."""

    server: Hook

    def do_POST(self) -> None:
        """Notes it, and answers as it is told to."""
        hook = self.server
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        hook.came.append(Came(self.path, dict(self.headers), body))
        if hook.mood == "drips":
            self.send_response(200)
            self.end_headers()
            while not hook.over.wait(0.1):
                self.wfile.write(b"x")
        elif hook.mood == "redirects":
            self.send_response(307)
            self.send_header("Location", f"https://127.0.0.1:{hook.port}/elsewhere")
            self.end_headers()
        elif hook.mood == "breaks":
            self.connection.close()
        else:
            self.send_response(hook.answers.pop(0) if hook.answers else 200)
            if hook.wait:
                self.send_header("Retry-After", hook.wait)
            self.send_header("Content-Length", str(len(hook.says)))
            self.end_headers()
            self.wfile.write(hook.says)

    do_GET = do_POST

    def log_message(self, *args: Any) -> None:
        """Nothing."""


@contextmanager
def hook(pem: Path) -> Iterator[Hook]:
    """One that runs."""
    server = Hook(pem)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.over.set()
        server.shutdown()
        server.server_close()


def told(people: People, address: str, *events: str, **said: Any) -> Receiver:
    """A webhook of these events (all)."""
    said = {"secret": SECRET} | said
    wanted = Wanted("The lake", "webhook", events or list(announcing.EVENTS), address=address, **said)
    return receivers.add_receiver(wanted, by=people.alex)[0]


def send(row: Delivery) -> Delivery:
    """One try of a message, by its job, whatever its time."""
    job = Job.objects.get(key=announcing.job_key(row))
    jobs.run_job(job.pk, now=max(timezone.now(), job.run_at))
    row.refresh_from_db()
    return row
