"""The audit log line by line: to a real file and real log servers, in order, at least once, and never past a gap."""

from __future__ import annotations

import hashlib
import json
import os
import re
import socket
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.utils import timezone

from compliance.actions import checkpoints, jobs, ledger_seal, shipping
from compliance.actions.ledger import record
from compliance.ledger import lines, places
from compliance.models import Job, LedgerEntry, LedgerShipment
from tests.people import People, everybody

pytestmark = pytest.mark.django_db(transaction=True)
HEAD = re.compile(
    r'<86>1 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{1,6}\+00:00 \S+ eastwest - audit \[meta sequenceId="(\d+)"\] (.*)', re.S
)


@pytest.fixture
def people(db: None, settings: Any) -> People:
    settings.AUDIT_FILE, settings.AUDIT_SYSLOG = None, ""
    made = everybody()
    ledger_seal.drain(wait=True)
    return made


def say(people: People, *words: str) -> None:
    """Further entries, sealed."""
    with transaction.atomic():
        for word in words:
            record("note", people.payroll, by=people.alex, because=word)
    ledger_seal.drain(wait=True)


def ship(now: datetime | None = None) -> None:
    """What the tick and a worker do."""
    moment = now or timezone.now()
    shipping.due(moment)
    for job in Job.objects.filter(kind="ship_ledger", state="queued"):
        jobs.run_job(job.pk, now=max(moment, job.run_at))


def log() -> list[str]:
    return list(LedgerEntry.objects.order_by("seq").values_list("data", flat=True))


@pytest.mark.both
def test_a_file_has_every_entry_as_it_was_hashed(people: People, settings: Any, tmp_path: Path) -> None:
    settings.AUDIT_FILE = tmp_path / "audit" / "audit.jsonl"
    ship()
    say(people, "ein Wörtchen\nund noch eins", "more")
    ship(timezone.now() + timedelta(seconds=20))
    found = settings.AUDIT_FILE.read_text().splitlines()
    assert found == log()
    assert [json.loads(line)["seq"] for line in found] == list(range(1, len(found) + 1))
    leaves = [hashlib.sha256(b"\0" + line.encode()).hexdigest() for line in found]
    assert leaves == list(LedgerEntry.objects.order_by("seq").values_list("leaf_hash", flat=True))
    assert settings.AUDIT_FILE.stat().st_mode & 0o777 == 0o600
    before = Job.objects.filter(kind="ship_ledger").count()
    ship(timezone.now() + timedelta(seconds=60))
    assert Job.objects.filter(kind="ship_ledger").count() == before  # nothing new, no work


def test_between_sending_and_noting_it_is_sent_again(
    people: People, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a kill there leaves: the lines are out, the cursor is not. They come twice, with the same numbers."""
    settings.AUDIT_FILE = tmp_path / "audit.jsonl"

    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(shipping, "went_on", killed)
        with pytest.raises(KeyboardInterrupt):
            ship()
    with settings.AUDIT_FILE.open("a") as file:
        file.write('{"torn')  # and the last line was cut
    ship(timezone.now() + timedelta(seconds=700))
    found = settings.AUDIT_FILE.read_text().splitlines()
    size = len(log())
    assert found == [*log(), '{"torn', *log()]
    assert LedgerShipment.objects.get().seq == size


def test_a_full_disk_is_said_and_nothing_is_lost(people: People, settings: Any, tmp_path: Path) -> None:
    settings.AUDIT_FILE = tmp_path / "none" / "audit.jsonl"
    (tmp_path / "none").write_text("a file where a folder should be")
    ship()
    row, job = LedgerShipment.objects.get(), Job.objects.get(kind="ship_ledger")
    assert (row.seq, row.failures) == (0, 1)
    assert (job.state, job.tries) == ("queued", 0)  # it never gives up
    [trouble] = [one for one in checkpoints.troubles() if "audit log" in one.what]
    assert "from #1 on" in trouble.what
    client = Client()
    client.force_login(people.alex)
    assert "Not taken, tried again" in client.get("/setup/integrations/").content.decode()
    say(people, "meanwhile")
    (tmp_path / "none").unlink()
    ship(timezone.now() + timedelta(seconds=60))
    assert settings.AUDIT_FILE.read_text().splitlines() == log()
    assert not [one for one in checkpoints.troubles() if "audit log" in one.what]
    assert "All of it is there" in client.get("/setup/integrations/").content.decode()


def test_nothing_is_sent_past_an_entry_that_was_taken_away(people: People, settings: Any, tmp_path: Path) -> None:
    settings.AUDIT_FILE = tmp_path / "audit.jsonl"
    ship()
    size = len(log())
    say(people, "one", "two", "three")
    LedgerEntry.objects.filter(seq=size + 2).delete()
    ship(timezone.now() + timedelta(seconds=60))
    row = LedgerShipment.objects.get()
    assert row.seq == size
    assert f"#{size + 2} is not in the log" in row.problem
    assert len(settings.AUDIT_FILE.read_text().splitlines()) == size


class Server(threading.Thread):
    """A log server: reads messages counted in octets until the other end is done."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.came: list[str] = []

    @property
    def where(self) -> str:
        return f"tcp://127.0.0.1:{self.socket.getsockname()[1]}"

    def run(self) -> None:
        connection, _ = self.socket.accept()
        data = b""
        while part := connection.recv(65536):
            data += part
        connection.close()
        while data:
            length, _, rest = data.partition(b" ")
            self.came.append(rest[: int(length)].decode())
            data = rest[int(length) :]


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    made.start()
    yield made
    made.socket.close()


def test_a_log_server_has_them_over_tcp(people: People, settings: Any, server: Server) -> None:
    settings.AUDIT_SYSLOG = server.where
    say(people, "x" * 70_000)
    ship()
    server.join(5)
    matches = [HEAD.fullmatch(message) for message in server.came]
    assert [match and match[2] for match in matches] == log()
    assert [int(match[1]) for match in matches if match] == list(range(1, len(log()) + 1))


def test_a_packet_that_would_be_too_large_is_shortened(people: People, settings: Any, tmp_path: Path) -> None:
    say(people, "x" * 70_000)
    entries = list(LedgerEntry.objects.order_by("-seq")[:1])
    for family, where, named in (
        (socket.AF_INET, ("127.0.0.1", 0), "udp://127.0.0.1:{}"),
        (socket.AF_UNIX, str(tmp_path / "log"), str(tmp_path / "log")),
    ):
        with socket.socket(family, socket.SOCK_DGRAM) as taker:
            taker.bind(where)
            taker.settimeout(5)
            port = taker.getsockname()[1] if family == socket.AF_INET else 0
            lines.to_syslog(entries, named.format(port))
            match = HEAD.fullmatch(taker.recv(100_000).decode())
        assert match
        said = json.loads(match[2])
        assert (said["seq"], said["shortened"], said["leaf"]) == (entries[0].seq, True, entries[0].leaf_hash)


def test_a_log_server_that_is_away_is_waited_for(people: People, settings: Any) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        settings.AUDIT_SYSLOG = f"tcp://127.0.0.1:{nobody.getsockname()[1]}"
        ship()
    row = LedgerShipment.objects.get()
    assert row.seq == 0
    assert "refused" in row.problem.lower()


def test_a_place_that_is_written_wrongly_is_said(tmp_path: Path) -> None:
    for where in ("somewhere", "http://example.org", "udp://"):
        with pytest.raises(places.NotPublished):
            lines.to_syslog([], where)
    link = tmp_path / "link"
    os.symlink(tmp_path / "real", link)
    with pytest.raises(places.NotPublished):
        lines.to_file([], link)
