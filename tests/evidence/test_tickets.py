"""What Jira says of a ticket: shown beside the change record and in the pack, never obeyed; and how it misbehaves."""

from __future__ import annotations

import base64
import ipaddress
import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from compliance.actions import jobs
from compliance.models import ChangeRecord, Job
from evidence.actions import tickets
from evidence.models import TicketReading
from evidence.packs import content
from evidence.packs.section import Scope
from evidence.packs.sections import changes as section
from evidence.tickets import says
from tests.evidence.tls import Tls
from tests.evidence.vault import certificates
from tests.factories import asked, servers
from tests.people import People, everybody

TOKEN = "canary-token-of-jira-0815"


class Jira(Tls):
    """`held`: key → (title, status). `asked`: what came. `mood`: "", or how it misbehaves."""

    def __init__(self, pem: Path) -> None:
        super().__init__(pem, Answers)
        self.held: dict[str, tuple[str, str]] = {}
        self.asked: list[tuple[str, str]] = []
        self.mood = ""
        self.over = threading.Event()


class Answers(BaseHTTPRequestHandler):
    """GET /rest/api/2/issue/KEY"""

    server: Jira

    def do_GET(self) -> None:
        """The ticket, or what is wrong."""
        jira = self.server
        jira.asked.append((self.path, self.headers.get("Authorization", "")))
        key = self.path.partition("?")[0].rpartition("/")[2]
        body = b"{}"
        if key in jira.held:
            title, status = jira.held[key]
            body = json.dumps({"key": key, "fields": {"summary": title, "status": {"name": status}}}).encode()
        if jira.mood == "slow":
            self.send_response(200)
            self.end_headers()
            while not jira.over.wait(0.1):
                self.wfile.write(b" ")
        elif jira.mood == "redirect":
            self.say(302, b"", Location="https://127.0.0.1:1/login")
        elif jira.mood == "html":
            self.say(200, b"<html><script>alert(1)</script>please sign in</html>")
        elif jira.mood == "cut":
            self.say(200, body[:-9], length=len(body))
        elif jira.mood == "flood":
            self.say(200, b"[" * (2 * 2**20))
        elif jira.mood.isdigit():
            self.say(int(jira.mood), b"{}", **{"Retry-After": "7200"} if jira.mood == "429" else {})
        else:
            self.say(200 if key in jira.held else 404, body)

    def say(self, status: int, body: bytes, length: int | None = None, **headers: str) -> None:
        """One answer."""
        self.send_response(status)
        self.send_header("Content-Length", str(length or len(body)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        """Nothing."""


@pytest.fixture
def people(db: None) -> People:
    made = everybody()
    servers(made)
    return made


@pytest.fixture(scope="module")
def pems(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return certificates(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def jira(pems: tuple[Path, Path], settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Jira]:
    server = Jira(pems[0])
    monkeypatch.setenv("SOURCE_SECRET_JIRA", TOKEN)
    settings.MAY_REACH = [ipaddress.ip_network("127.0.0.1")]
    settings.JIRA_URL = f"https://127.0.0.1:{server.server_address[1]}"
    settings.JIRA_SECRET, settings.JIRA_USER, settings.JIRA_CA_FILE = "env:SOURCE_SECRET_JIRA", "", pems[1]
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    yield server
    server.over.set()
    server.shutdown()
    server.server_close()


def named(people: People, ticket: str = "PAY-7", **said: Any) -> ChangeRecord:
    """A submitted change that names a ticket."""
    change = asked(people, **said)
    ChangeRecord.objects.filter(pk=change.pk).update(ticket=ticket)
    change.refresh_from_db()
    return change


def read(after: timedelta = timedelta()) -> None:
    """What the tick and a worker do, as if that much later."""
    TicketReading.objects.filter(next_at__isnull=False).update(next_at=timezone.now() - timedelta(seconds=1))
    tickets.due(timezone.now() + after)
    for job in Job.objects.filter(kind="read_tickets", state="queued"):
        jobs.run_job(job.pk, now=max(timezone.now(), job.run_at))


def test_title_and_status_stand_beside_the_change_and_decide_nothing(people: People, jira: Jira, settings: Any) -> None:
    jira.held["PAY-7"] = ("<b>Open the port</b>\n", "Approved")
    change = named(people)
    read()
    said = says(change)
    assert said is not None
    assert (said.title, said.status, said.problem) == ("<b>Open the port</b>", "Approved", "")
    assert said.url == f"{settings.JIRA_URL}/browse/PAY-7"
    assert jira.asked == [("/rest/api/2/issue/PAY-7?fields=summary,status", f"Bearer {TOKEN}")]
    assert Job.objects.get(kind="read_tickets").args == {}
    client = Client()
    client.force_login(people.omar)
    page = client.get(f"/changes/{change.ref}/").content.decode()
    assert "What the ticket system says" in page
    assert "&lt;b&gt;Open the port&lt;/b&gt;" in page
    change.refresh_from_db()
    assert change.state == "submitted"
    assert change.needs.filter(approval__isnull=False).count() == 0
    settings.JIRA_USER = "bot@example.org"
    read(timedelta(minutes=2))
    assert jira.asked[-1][1] == "Basic " + base64.b64encode(f"bot@example.org:{TOKEN}".encode()).decode()


def test_what_was_said_before_is_kept_for_the_pack(people: People, jira: Jira) -> None:
    jira.held["PAY-7"] = ("Open the port", "In review")
    change = named(people)
    read()
    then = timezone.now()
    jira.held["PAY-7"] = ("Open the port", "Done")
    read(timedelta(minutes=2))
    read(timedelta(minutes=4))
    assert list(TicketReading.objects.values_list("status", flat=True)) == ["Done", "In review"]
    now, before = says(change), says(change, by=then)
    assert now is not None
    assert before is not None
    assert (now.status, before.status) == ("Done", "In review")
    today = timezone.localdate()
    for as_of, status in ((then, "In review"), (timezone.now(), "Done")):
        scope = Scope(("Payroll",), today, today, as_of, "full")
        built = section.build(scope)
        assert isinstance(built.data, content.Changes)
        assert f"PAY-7: “Open the port”, {status}, read " in built.data.changes[0].course.ticket
        [row] = built.tables[0].rows
        told = dict(zip(section.COLUMNS, row, strict=True))
        assert (told["ticket"], told["ticket_title"], told["ticket_status"]) == ("PAY-7", "Open the port", status)
        assert told["ticket_problem"] is None


@pytest.mark.parametrize(
    ("mood", "words"),
    [
        ("401", "does not let Eastwest in"),
        ("403", "does not let Eastwest in"),
        ("404", "shows no ticket PAY-7"),
        ("429", "asked too often"),
        ("500", "answers 500"),
        ("redirect", "leads elsewhere"),
        ("html", "no ticket of Jira"),
        ("cut", "cut short"),
        ("flood", "sends more than"),
        ("slow", "did not finish"),
    ],
)
def test_what_could_not_be_read_is_said_beside_what_was(
    people: People, jira: Jira, monkeypatch: pytest.MonkeyPatch, mood: str, words: str
) -> None:
    monkeypatch.setattr(tickets, "TRY_S", 2.0 if mood == "slow" else 10.0)
    jira.held["PAY-7"] = ("Open the port", "Approved")
    change = named(people)
    read()
    jira.mood = mood
    started = timezone.now()
    read(timedelta(minutes=2))
    read(timedelta(minutes=4))
    said = says(change)
    assert said is not None
    assert words in said.problem
    assert said.since is not None
    assert said.since >= started
    assert (said.title, said.status) == ("Open the port", "Approved")
    assert said.read_at is not None
    assert said.read_at < started
    assert "script" not in said.problem
    last = TicketReading.objects.filter(change=change)[0]
    assert last.next_at is not None
    assert last.next_at > timezone.now() + timedelta(seconds=7000 if mood == "429" else 200)
    client = Client()
    client.force_login(people.omar)
    assert "It could not be read since" in client.get(f"/changes/{change.ref}/").content.decode()
    jira.mood = ""
    read(timedelta(minutes=6))
    healed = says(change)
    assert healed is not None
    assert (healed.problem, healed.since) == ("", None)


def test_where_jira_itself_refuses_the_others_are_not_tried(people: People, jira: Jira) -> None:
    first, second = named(people, "PAY-7"), named(people, "PAY-8")
    jira.mood = "401"
    read()
    assert len(jira.asked) == 1  # a wrong token tried once is no locked account
    for change in (first, second):
        said = says(change)
        assert said is not None
        assert "does not let Eastwest in" in said.problem
    jira.mood = "404"
    read(timedelta(minutes=2))
    assert len(jira.asked) == 3


def test_what_is_no_key_is_never_asked(people: People, jira: Jira) -> None:
    change = named(people, "../../admin?x=PAY-7")
    read()
    assert jira.asked == []
    said = says(change)
    assert said is not None
    assert said.url == ""
    assert "no key of Jira" in said.problem


def test_without_a_jira_nothing_is_asked_and_nothing_is_shown(people: People, jira: Jira, settings: Any) -> None:
    settings.JIRA_URL = ""
    change = named(people)
    read()
    assert says(change) is None
    assert not Job.objects.filter(kind="read_tickets").exists()


def test_it_goes_where_it_may_and_its_token_stands_nowhere(
    people: People, jira: Jira, settings: Any, tmp_path: Path
) -> None:
    settings.MAY_REACH = []
    change = named(people)
    read()
    said = says(change)
    assert said is not None
    assert "Eastwest does not go there" in said.problem
    assert jira.asked == []
    dump = tmp_path / "dump.json"
    call_command("dumpdata", output=str(dump), verbosity=0)
    assert TOKEN not in dump.read_text()
