"""A test sheet over a real sshd: what was approved runs, in its window; what does not come is not reached."""

from __future__ import annotations

import hashlib
import ipaddress
import re
import socket
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from compliance.actions import changes, jobs
from compliance.errors import NotAllowed, Refused
from compliance.models import Job, LedgerInbox, RoleGrant, User
from compliance.models.approvals import canonical
from evidence.actions import access, adding, sheet_runs, sheets, testing
from evidence.actions.compare import compare
from evidence.collectors.trying import wish
from evidence.models import Finding, Pin, Sheet, SheetResult, SheetRun, Source
from evidence.sheet_script import AS_EXPECTED, SCRIPT, UNDECIDED, WAIT_S
from tests.evidence.site import Site
from tests.evidence.sshd import Sshd, missing
from tests.house.source import TOP

TRY = TOP / "deploy" / "linux" / "eastwest-try"
HASH = "ab" * 32
HOST = "pay-app-01"


def pair(number: int, port: int, expected: str = "closed", **said: Any) -> dict[str, Any]:
    """A pair of the sheet that really can be tried: a port of this machine."""
    ends = {"from": HOST, "to": "pay-db-01", "source": "127.0.0.1", "target": "127.0.0.1"}
    values = {"source_value": 0, "target_value": 0, "connection": "", "said": "compared"}
    return {"row": number, "expected": expected, "port": port, **ends, **values, **said}


def page_of(sheet: Sheet, person: User) -> str:
    client = Client()
    client.force_login(person, backend="allauth.account.auth_backends.AuthenticationBackend")
    return client.get(f"/tests/{sheet.ref}/").content.decode()


def closed_port() -> int:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return int(unused.getsockname()[1])


class Hosts(Site):
    """The two hosts, of which one is also known over SSH to a real server, and a sheet that is approved."""

    def __init__(self, place: Path, sshd: Sshd, listening: int) -> None:
        super().__init__(place)
        self.sshd = sshd
        changes.implement(self.change, by=self.people.erin)
        config = {"host": sshd.listen, "port": sshd.port, "user": sshd.user}
        self.source: Source = adding.add(
            server=self.servers[HOST], kind="ssh", name="over ssh", config=config, by=self.people.erin
        )
        sshd.let_in(self.source.secret.public)
        row = testing.ask(self.source, by=self.people.erin)
        assert row.job_id is not None
        jobs.run_job(row.job_id)
        pin = Pin.objects.open().get(source=self.source)
        access.confirm_pin(pin, fingerprint=pin.fingerprint, because="Read out at the console.", by=self.people.omar)
        now = timezone.now()
        plan = sheets.Plan("a lantern", 1, 0, now, now + timedelta(hours=1), "The assessor asked.")
        self.sheet = sheets.plan(self.people.payroll, plan, by=self.people.erin)
        pairs = [pair(1, listening, "open", connection=self.connection.ref), pair(2, listening), pair(3, closed_port())]
        Sheet.objects.filter(pk=self.sheet.pk).update(pairs=pairs, sha256=hashlib.sha256(canonical(pairs)).hexdigest())
        self.sheet.refresh_from_db()

    def approved(self) -> Sheet:
        """Omar lets it happen."""
        return sheets.decide(self.sheet, approve=True, note="Go on.", by=self.people.omar)

    def asked(self) -> SheetRun:
        """Erin asks for it to be run."""
        return sheet_runs.ask(self.sheet, self.servers[HOST], by=self.people.erin)

    def ended(self, row: SheetRun) -> SheetRun:
        """The job is done by a worker."""
        assert row.job_id is not None
        jobs.run_job(row.job_id)
        row.refresh_from_db()
        return row

    def outcomes(self) -> list[tuple[str | None, str]]:
        """What was observed of each pair, and so."""
        sheet = Sheet.objects.with_results().get(pk=self.sheet.pk)
        return [(seen, told.verdict) for _, seen, told in sheets.came_of(sheet)]


@pytest.fixture
def hosts(tmp_path: Path, settings: Any, listening: int) -> Iterator[Hosts]:
    if missing():
        pytest.skip(missing())
    settings.MAY_REACH = [ipaddress.ip_network("127.0.0.1")]
    made = Sshd(tmp_path / "sshd")
    made.mounts["/usr/local/sbin/eastwest-try"] = str(TRY)
    made.start()
    yield Hosts(tmp_path, made, listening)
    made.stop()


pytestmark = pytest.mark.django_db(transaction=True)


def test_what_was_approved_is_run_and_its_result_is_told_with_where_it_comes_from(hosts: Hosts) -> None:
    with pytest.raises(Refused, match="No second person"):
        hosts.asked()
    hosts.approved()
    for stranger in (hosts.people.ada, hosts.people.sam):
        with pytest.raises(NotAllowed):
            sheet_runs.ask(hosts.sheet, hosts.servers[HOST], by=stranger)
    with pytest.raises(Refused, match="no host of this sheet"):
        sheet_runs.ask(hosts.sheet, hosts.servers["pay-db-01"], by=hosts.people.erin)
    row = hosts.asked()
    assert hosts.asked().pk == row.pk, "one that waits is that one"
    assert hosts.outcomes() == [(None, UNDECIDED)] * 3
    assert hosts.ended(row).state == "came", row.said
    assert hosts.outcomes() == [("open", AS_EXPECTED), ("open", "differs"), ("refused", UNDECIDED)]
    result = SheetResult.objects.get()
    assert (result.source, result.brought_by, result.whole) == (hosts.source, hosts.people.erin, True)
    verbs = LedgerInbox.objects.filter(object_type="evidence.sheet")
    said = [entry.data for entry in verbs.order_by("pk") if entry.data["verb"] != "write"]
    assert [one["verb"] for one in said] == ["plan_test", "decide_test", "run_test", "bring_test"]
    assert (said[2]["payload"]["command"], said[2]["after"]) == ("eastwest-try", row.told_sha256)
    assert said[3]["payload"]["over"] == "over ssh"
    page = page_of(hosts.sheet, hosts.people.ada)
    assert "run over SSH (over ssh), asked for by Erin" in page


def test_a_host_without_the_program_is_not_reached_and_nothing_agrees(hosts: Hosts) -> None:
    hosts.approved()
    hosts.sshd.stop()
    del hosts.sshd.mounts["/usr/local/sbin/eastwest-try"]
    hosts.sshd.start()
    row = hosts.ended(hosts.asked())
    assert row.state == "not_reached"
    assert "eastwest-try is not installed" in row.said
    assert hosts.outcomes() == [("not reached", UNDECIDED)] * 3
    compare()
    assert not Finding.objects.filter(point="test").exists()
    page = page_of(hosts.sheet, hosts.people.erin)
    assert "pay-app-01: not reached" in page
    assert page.count("not decided</span>") == 3
    assert page.count("Run over SSH<") == 1, "it can be asked for again, on the host that has such a source"


NO_ANSWERS = {
    "exit 1": "ended with 1",
    "echo hello": "is not what the script",
    f"echo 'eastwest-test/1 begin sheet=TST-999 host={HOST} at=2026-11-22T10:00:00Z'": "of sheet TST-999",
    "head -c 2000000 /dev/zero": "much more than a test prints",
    "kill -9 $$": "",
    "exit 126": "is an older one",
}


def test_an_answer_that_is_none_and_another_host_are_not_reached(hosts: Hosts, tmp_path: Path) -> None:
    hosts.approved()
    other = tmp_path / "other"
    hosts.sshd.stop()
    hosts.sshd.mounts["/usr/local/sbin/eastwest-try"] = str(other)
    other.touch(0o755)
    hosts.sshd.start()
    for answer, said in NO_ANSWERS.items():
        other.write_text(f"#!/bin/sh\n{answer}\n")
        row = hosts.ended(hosts.asked())
        assert (row.state, said in row.said) == ("not_reached", True), (answer, row.said)
        assert hosts.outcomes() == [("not reached", UNDECIDED)] * 3
    hosts.sshd.stop()
    hosts.sshd.new_host_key("ed25519")
    hosts.sshd.start()
    row = hosts.ended(hosts.asked())
    assert (row.state, "another host key" in row.said) == ("not_reached", True)
    assert "Accepted" not in (hosts.sshd.folder / "log").read_text(), "it gets nothing of the list"


def over(hosts: Hosts) -> None:
    Sheet.objects.update(window_to=timezone.now() - timedelta(seconds=1))


def taken_back(hosts: Hosts) -> None:
    Sheet.objects.update(state="refused")


def exchanged(hosts: Hosts) -> None:
    Sheet.objects.update(pairs=[pair(1, 22)])


def another_window(hosts: Hosts) -> None:
    Sheet.objects.update(window_to=timezone.now() + timedelta(days=5))


def no_role(hosts: Hosts) -> None:
    RoleGrant.objects.filter(person=hosts.people.erin).update(valid_to=timezone.now() - timedelta(days=1))


def paused(hosts: Hosts) -> None:
    Source.objects.filter(pk=hosts.source.pk).update(paused_code="hostkey_changed")


def test_what_was_approved_is_judged_again_when_it_runs(hosts: Hosts) -> None:
    hosts.approved()
    held = Sheet.objects.filter(pk=hosts.sheet.pk).values().get()
    grants = list(RoleGrant.objects.filter(person=hosts.people.erin).values("pk", "valid_to"))
    for change, said in (
        (over, "not its window"), (taken_back, "No second person"), (exchanged, "not those that were approved"),
        (another_window, "not what was asked for"), (paused, "is paused"), (no_role, ""),
    ):  # fmt: skip
        row = hosts.asked()
        change(hosts)
        assert hosts.ended(row).state == "not_reached", change.__name__
        assert said in row.said
        Sheet.objects.filter(pk=hosts.sheet.pk).update(**held)
        Source.objects.filter(pk=hosts.source.pk).update(paused_code="")
    for grant in grants:
        RoleGrant.objects.filter(pk=grant["pk"]).update(valid_to=grant["valid_to"])
    assert not SheetResult.objects.exists()
    assert "Accepted" not in (hosts.sshd.folder / "log").read_text(), "nobody signed in for any of it"
    row = hosts.asked()
    assert row.job_id is not None
    jobs.cancel(Job.objects.get(pk=row.job_id), by=hosts.people.erin)
    row.refresh_from_db()
    assert (row.state, "cancelled" in row.said) == ("not_reached", True)


def test_the_program_takes_data_and_tries_nothing_of_what_it_does_not_understand(listening: int) -> None:
    now = timezone.now()
    window = (now - timedelta(minutes=5), now + timedelta(minutes=5))

    def answer(told: bytes) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(["sh", str(TRY)], input=told, capture_output=True, check=False)

    good = wish("TST-1", HASH, HOST, [pair(1, listening)], window)
    assert b"row=1 observed=open" in answer(good).stdout
    late = answer(wish("TST-1", HASH, HOST, [pair(1, listening)], (window[0], window[0] + timedelta(minutes=1))))
    assert (late.returncode, b"row=" in late.stdout, b"why=outside-the-window" in late.stdout) == (3, False, True)
    for bad in (
        b"", b"hello\n", good.replace(b"end\n", b""), good.replace(b"127.0.0.1", b"$(id)"),
        good.replace(b"127.0.0.1", b"localhost"), good.replace(b"TST-1", b"TST-1;id"), good[:-8],
        good.replace(b" 1\n", b" 2\n", 1),
        good.replace(b" 1\n", b" 101\n", 1), good.replace(b"1 127", b"1 127.0.0.1 22 9"),
    ):  # fmt: skip
        refused = answer(bad)
        assert (refused.returncode, refused.stdout) == (65, b""), bad


def test_what_the_program_does_with_a_connection_is_what_the_script_does() -> None:
    def tries(text: str) -> list[str]:
        body = re.search(r"^try\(\) \{\n(.*?)\n\}$", text, re.DOTALL | re.MULTILINE)
        assert body
        plain = re.sub(r"\s*#.*|if |elif |then |else |fi\b|;", " ", body[1])
        return [word for word in plain.split() if word]

    text = SCRIPT.replace("{{", "{").replace("}}", "}").replace("$(({wait} - 1))", "4").replace("{wait}", str(WAIT_S))
    script = " ".join(tries(text)).replace("then", "").replace("else", "").split()
    program = " ".join(tries(TRY.read_text())).replace("then", "").replace("else", "").split()
    assert program == script
