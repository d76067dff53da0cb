"""Programs that are told what happens: over real TLS, signed, tried again, given up, within their systems."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import json
import os
import re
import socket
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as real
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.utils import timezone

from compliance import announcing
from compliance.actions import changes, jobs
from compliance.errors import Refused
from compliance.models import Delivery, Job, LedgerInbox, Outbound, Receiver, Server, System
from compliance.run import Run
from evidence import sealing
from evidence.actions import access, attempts, delivering, receivers
from evidence.actions.receivers import Wanted
from evidence.actions.sources import add_source
from evidence.collectors import messages
from evidence.collectors.https import certificate
from evidence.models import Source
from tests.evidence.hooks import SECRET, Hook, send, told
from tests.factories import agreed, asked, servers
from tests.house.source import TOP
from tests.people import People, everybody
from tests.postgres import url_of


@pytest.fixture
def people(db: None) -> People:
    (Path(real.KEYS) / sealing.FILE).unlink(missing_ok=True)
    made = everybody()
    servers(made)
    return made


def events() -> list[str]:
    return list(Delivery.objects.order_by("pk").values_list("event", flat=True))


def test_a_decision_is_told_signed(people: People, program: Hook) -> None:
    told(people, program.url)
    change = asked(people)
    agreed(people, change)
    changes.dispute(changes.implement(change, by=people.erin), why="It is wider.", by=people.erin)
    assert events() == ["change.submitted", "change.decided", "change.disputed"]
    for row in Delivery.objects.order_by("pk"):
        assert send(row).state == "sent"
    assert len(program.came) == 3
    came = program.came[1]
    said = json.loads(came.body)
    assert came.path == "/in?from=eastwest"
    assert said["ref"] == change.ref
    assert said["link"].endswith(f"/changes/{change.ref}/")
    assert (said["event"], said["data"]["decision"], said["systems"]) == ("change.decided", "approved", ["Payroll"])
    assert said["id"] == came.headers["Eastwest-Delivery"]
    stamped = came.headers["Eastwest-Timestamp"].encode() + b"." + came.body
    assert came.headers["Eastwest-Signature"] == "v1=" + hmac.new(SECRET.encode(), stamped, hashlib.sha256).hexdigest()


def test_what_is_taken_back_is_told_to_nobody(people: People, program: Hook) -> None:
    told(people, program.url)
    change = asked(people, submit=False)
    with pytest.raises(Refused):
        changes.submit(change, by=people.rita, seen_version=99)
    assert not Delivery.objects.exists()


def test_the_example_of_the_documentation_takes_it(people: People, pems: tuple[Path, Path], settings: Any) -> None:
    """The receiver of docs/integrations.md as it stands there, in a process of its own."""
    settings.MAY_REACH, settings.RECEIVERS_CA_FILE = [ipaddress.ip_network("127.0.0.1")], pems[1]
    [code] = re.findall(r"```python\n(.*?)```", (TOP / "docs" / "integrations.md").read_text(), re.S)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    script = pems[0].parent / "receiver.py"
    script.write_text(code)
    child = subprocess.Popen(
        [sys.executable, script, pems[0], str(port)], env={**os.environ, "EASTWEST_SECRET": SECRET},
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    try:
        row = told(people, f"https://127.0.0.1:{port}/", "change.submitted")
        change = asked(people)
        for _ in range(100):
            if not delivering_refused(port):
                break
        first = Delivery.objects.get()
        assert send(first).status == 204, first.problem
        receivers.send_again(first, by=people.alex)  # the same id: taken, and not said twice
        assert send(Delivery.objects.get()).status == 204
        Receiver.objects.filter(pk=row.pk).update(**sealed_as(row, b"another-secret-of-somebody"))
        receivers.try_out(row, by=people.alex)
        stranger = send(Delivery.objects.get(event="test"))
        assert (stranger.status, stranger.state) == (401, "waiting")
    finally:
        child.terminate()
        said, _ = child.communicate(timeout=10)
    assert said == f"change.submitted {change.ref} {real.SITE_URL}/changes/{change.ref}/\n"
    names: dict[str, Any] = {}
    os.environ["EASTWEST_SECRET"] = SECRET
    try:
        exec(compile(code, "receiver.py", "exec"), names)  # noqa: S102
    finally:
        del os.environ["EASTWEST_SECRET"]
    signed = dict(messages.headers(first, SECRET.encode(), 1000))
    body = first.body.encode()
    assert names["why_not"](signed, body, 1200) == ""
    assert names["why_not"](signed, body, 1301) == "too old"
    assert names["why_not"](signed, body + b" ", 1200) == "not signed with our secret"
    assert names["why_not"](signed | {"Eastwest-Timestamp": "1200"}, body, 1200) == "not signed with our secret"


def delivering_refused(port: int) -> bool:
    """Whether nobody listens there yet; waits a moment where nobody does."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        time.sleep(0.05)
        return True
    return False


def sealed_as(row: Receiver, value: bytes) -> dict[str, str]:
    sealed, key = sealing.seal(value, bound_to=messages.bound_to(row))
    return {"sealed": sealed, "sealed_with": key}


@pytest.mark.parametrize(
    ("mood", "status", "words"),
    [
        ("redirects", 307, "follows no redirect"),
        ("drips", 200, ""),
        ("breaks", None, "broke off"),
        ("500", 500, "It answered 500."),
        ("html", 403, "It answered 403."),
    ],
)
def test_answers_are_bounded_and_never_followed(
    people: People, program: Hook, mood: str, status: int | None, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(messages, "TRY_S", 2.0)
    program.mood, program.says = mood, b"<script>alert(1)</script>\x00\x1b[2J" + SECRET.encode() + b"y" * 9000
    program.answers = [status] if status and mood in ("500", "html") else []
    row = told(people, program.url)
    receivers.try_out(row, by=people.alex)
    sent = send(Delivery.objects.get())
    assert len(program.came) == 1
    assert sent.status == status
    assert words in sent.problem
    assert len(sent.answer) <= 400
    assert SECRET not in sent.answer
    assert "\x1b" not in sent.answer
    assert sent.state == ("sent" if mood == "drips" else "waiting")


def test_a_receiver_that_is_silent_costs_its_own_time(
    people: People, program: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(messages, "TRY_S", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        row = told(people, f"https://127.0.0.1:{mute.getsockname()[1]}/")
        receivers.try_out(row, by=people.alex)
        sent = send(Delivery.objects.get())
    assert sent.state == "waiting"
    assert "does not answer TLS" in sent.problem


def test_it_is_tried_again_and_given_up(people: People, program: Hook) -> None:
    program.answers, program.says = [500] * 9, b"out of order"
    row = told(people, program.url, "change.submitted")
    asked(people)
    message = Delivery.objects.get()
    for number, wait in enumerate(delivering.WAITS, 1):
        before = timezone.now()
        assert send(message).state == "waiting"
        assert (message.tries, message.answer) == (number, "out of order")
        assert message.next_at is not None
        assert 0.74 * wait <= (message.next_at - before).total_seconds() <= 1.26 * wait + 5
        job = Job.objects.get(kind="deliver")
        assert (job.state, job.run_at, job.tries) == ("queued", message.next_at, 0)
        assert job.args == {"delivery": message.pk}
    assert send(message).state == "dead"
    assert len({one.headers["Eastwest-Delivery"] for one in program.came}) == 1
    assert len({one.headers["Eastwest-Timestamp"] for one in program.came}) >= 1
    notice = Outbound.objects.get(key__startswith="undelivered:")
    assert notice.to == people.alex
    assert notice.path == f"/setup/integrations/{row.pk}/"
    assert LedgerInbox.objects.filter(verb="give_up_message").count() == 1
    receivers.send_again(message, by=people.alex)
    assert send(message).state == "sent"
    assert len(program.came) == 10
    with pytest.raises(Refused, match="waits to be sent already"):
        receivers.send_again(message, by=people.alex) and receivers.send_again(message, by=people.alex)


def test_a_receiver_says_how_long_to_wait(people: People, program: Hook) -> None:
    program.answers, program.wait = [429], "7200"
    row = told(people, program.url)
    receivers.try_out(row, by=people.alex)
    message = send(Delivery.objects.get())
    assert message.next_at is not None
    assert message.next_at - timezone.now() > timedelta(seconds=7100)


def test_nobody_leads_it_where_nobody_may(people: People, program: Hook, settings: Any) -> None:
    settings.MAY_REACH = []
    for address in (program.url, "https://169.254.169.254/latest/", "https://[::ffff:127.0.0.1]/"):
        row = told(people, address)
        receivers.try_out(row, by=people.alex)
        assert "Eastwest does not go there" in send(Delivery.objects.filter(receiver=row).get()).problem
    assert program.came == []
    for address in ("http://example.org/", "https://a:b@example.org/", "ftp://example.org/", "https://ex\nample.org/"):
        with pytest.raises(Refused):
            told(people, address)


def test_its_certificate_is_checked_or_pinned(people: People, program: Hook, settings: Any) -> None:
    settings.RECEIVERS_CA_FILE = None
    strange = told(people, program.url)
    receivers.try_out(strange, by=people.alex)
    assert "not to be trusted" in send(Delivery.objects.get()).problem
    assert program.came == []
    mark = certificate("127.0.0.1", program.port, time.monotonic() + 5).fingerprint
    pinned = told(people, program.url, pin=mark)
    receivers.try_out(pinned, by=people.alex)
    assert send(Delivery.objects.get(receiver=pinned)).state == "sent"


@pytest.mark.both
@pytest.mark.django_db(transaction=True)
def test_a_worker_killed_after_sending_sends_again_under_the_same_id(
    people: People, program: Hook, pems: tuple[Path, Path], settings: Any
) -> None:
    told(people, program.url, "change.submitted")
    asked(people)
    job = Job.objects.get(kind="deliver")
    code = (
        f"import django; django.setup()\nfrom tests.evidence.hook_child import work\nwork({job.pk}, {str(pems[1])!r})"
    )
    env = {**os.environ, "DATABASE_URL": url_of(connection.settings_dict), "EASTWEST_VAR": str(real.VAR),
           "DJANGO_SETTINGS_MODULE": "compliance.project.settings"}  # fmt: skip
    killed = subprocess.run([sys.executable, "-c", code], cwd=TOP, env=env, capture_output=True, check=False)
    assert killed.returncode == -9, killed.stderr.decode()
    message = Delivery.objects.get()
    assert len(program.came) == 1
    assert (message.state, message.tries) == ("waiting", 0)  # nobody knows that it arrived
    jobs.free_lost(timezone.now() + timedelta(seconds=real.JOB_LEASE_S + 1))
    assert send(message).state == "sent"
    assert len(program.came) == 2
    assert len({one.headers["Eastwest-Delivery"] for one in program.came}) == 1
    assert program.came[0].body == program.came[1].body


def test_scope_and_classification(people: People, program: Hook) -> None:
    ours = told(people, program.url, "change.submitted", systems=[people.payroll])
    theirs = told(people, program.url, "change.submitted", systems=[people.platform])
    told(people, program.url, "pack.ready")
    change = asked(people)
    assert list(Delivery.objects.values_list("receiver", flat=True)) == [ours.pk]
    Delivery.objects.all().delete()
    System.objects.filter(pk=people.payroll.pk).update(classification="P")
    asked(people, title="What nobody outside may read")
    said = json.loads(Delivery.objects.get().body)
    assert said["reserved"] is True
    assert (said["title"], said["systems"], said["data"]) == ("", [], {})
    assert said["ref"] == f"CHG-{change.pk + 1}"
    assert "nobody outside" not in Delivery.objects.get().body
    Delivery.objects.all().delete()
    System.objects.filter(pk=people.payroll.pk).update(classification="OS")
    both = (people.payroll, people.platform)
    announcing.announce("change.submitted", title="x", path="/changes/CHG-1/", about=both, at=timezone.now())
    names = {row.receiver_id: json.loads(row.body)["systems"] for row in Delivery.objects.all()}
    assert names == {ours.pk: ["Payroll"], theirs.pk: ["Platform"]}


def test_many_at_once_are_counted(people: People, program: Hook) -> None:
    told(people, program.url, "finding.opened")
    many = [
        announcing.News("finding.opened", f"Finding {number}", f"/findings/FND-{number}/", (people.payroll,))
        for number in range(announcing.MOST_AT_ONCE + 1)
    ]
    announcing.announce_all(many, at=timezone.now())
    said = json.loads(Delivery.objects.get().body)
    assert said["data"] == {"count": 21}
    assert said["link"].endswith("/findings/")
    announcing.announce_all(many[1:], at=timezone.now())
    assert Delivery.objects.count() == 21
    announcing.announce_all(many, at=timezone.now() - timedelta(days=3))  # history is told to nobody
    assert Delivery.objects.count() == 21


def test_paused_messages_wait_and_ended_ones_are_dropped(people: People, program: Hook) -> None:
    row = told(people, program.url, "change.submitted")
    receivers.pause(row, by=people.alex)
    asked(people)
    message = Delivery.objects.get()
    assert send(message).state == "waiting"
    assert program.came == []
    receivers.resume(row, by=people.alex)
    message.refresh_from_db()
    assert send(message).state == "sent"
    asked(people)
    receivers.end(row, by=people.alex, because="Replaced.")
    assert Delivery.objects.first().state == "dropped"  # type: ignore[union-attr]
    assert row.sealed == ""
    asked(people)
    assert Delivery.objects.count() == 2
    with pytest.raises(Refused, match="ended"):
        receivers.send_again(message, by=people.alex)


def test_the_secret_stands_nowhere(people: People, program: Hook, settings: Any, tmp_path: Path) -> None:
    kept = tmp_path / "hook.secret"
    kept.write_text(SECRET)
    kept.chmod(0o600)
    settings.SECRET_FOLDERS = [tmp_path]
    referred = told(people, program.url, secret="", reference=f"file:{kept}")
    typed = told(people, program.url)
    made, shown = receivers.add_receiver(Wanted("Made", "webhook", ["pack.ready"], address=program.url), by=people.alex)
    for row in (referred, typed, made):
        receivers.try_out(row, by=people.alex)
        assert send(Delivery.objects.filter(receiver=row).get()).state == "sent"
    access.rotate(by=people.alex, because="yearly")
    typed.refresh_from_db()
    receivers.try_out(typed, by=people.alex)
    assert send(Delivery.objects.filter(receiver=typed).first()).state == "sent"  # type: ignore[arg-type]
    dump = tmp_path / "dump.json"
    call_command("dumpdata", output=str(dump), verbosity=0)
    client = Client()
    client.force_login(people.alex)
    pages = [client.get(f"/setup/integrations/{end}").content.decode() for end in ("", f"{typed.pk}/", f"{made.pk}/")]
    for text in (dump.read_text(), repr(Wanted("x", "webhook", (), secret=SECRET)), *pages):
        assert SECRET not in text
        assert shown not in text


def test_pages_for_administrators(people: People, program: Hook) -> None:
    client = Client()
    client.force_login(people.omar)
    assert client.get("/setup/integrations/").status_code == 403
    client.force_login(people.alex)
    assert b"No program is told yet" in client.get("/setup/integrations/").content
    row = told(people, program.url)
    program.answers, program.says = [500], b"<img src=x onerror=alert(1)>"
    assert client.post(f"/setup/integrations/{row.pk}/test/").status_code == 302
    message = send(Delivery.objects.get())
    page = client.get(f"/setup/integrations/{row.pk}/").content.decode()
    assert "&lt;img src=x onerror=alert(1)&gt;" in page
    assert "Not taken, tried again" in client.get("/setup/integrations/").content.decode()
    again = f"/setup/integrations/{row.pk}/messages/{message.pk}/again/"
    assert client.post(again).status_code == 409  # it waits already
    Delivery.objects.filter(pk=message.pk).update(state="dead")
    assert client.post(again).status_code == 302
    message.refresh_from_db()
    assert send(message).state == "sent"
    assert "Messages arrive" in client.get("/setup/integrations/").content.decode()


def test_a_source_that_fails_three_times_is_told_once(people: People, program: Hook) -> None:
    told(people, program.url, "source.failing", "source.recovered")
    host = Server.objects.get(name="pay-db-01")
    source = add_source(server=host, kind="directory", name="dumps", config={"path": "/nowhere"}, by=people.erin)
    for failures in (1, 2, 3, 4):
        attempts.noted(source, {"failures": failures}, timezone.now())
    assert events() == ["source.failing"]
    attempts.came_back(Source.objects.get(pk=source.pk), timezone.now())
    assert events() == ["source.failing", "source.recovered"]


def test_a_message_of_an_older_round_is_not_sent(people: People, program: Hook) -> None:
    told(people, program.url, "change.submitted")
    asked(people)
    Delivery.objects.update(round=1)
    job = jobs.claim(timezone.now(), only=Job.objects.get(kind="deliver").pk)
    assert job is not None
    delivering.attempt(Delivery.objects.get(), run=Run(job))
    assert program.came == []
