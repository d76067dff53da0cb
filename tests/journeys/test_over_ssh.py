"""A real host over SSH: come to know by two people, read on schedule, changed by hand, found, recorded, cured."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from compliance.actions import changes, jobs
from compliance.models import ChangeRecord, Server
from evidence.actions import adding
from evidence.jobs import due_comparisons, due_pulls
from evidence.models import Finding, Pull, RuleChange, Source
from tests.evidence import sshd
from tests.evidence.test_knowing import browser, shown
from tests.factories import WHY, agreed, asked, authorised, network, servers, share
from tests.journeys.host import APP, COLLECTOR, Host, comes_through, host
from tests.oracle import namespace
from tests.people import People, everybody

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.kernel]
EVERY = 60  # minutes
COMPARED = "Read out at the console."


class Story:
    """One host and its people. `tick`: the next cycle of the schedules, with everything that it asks for."""

    def __init__(self, machine: Host, people: People, server: Server) -> None:
        self.host, self.people, self.server = machine, people, server
        self.now = timezone.now()
        self.source: Source

    def on_board(self) -> None:
        """Erin adds it and looks, Omar confirms."""
        config = {"host": self.host.ip, "port": 22, "user": self.host.sshd.user}
        self.source = adding.add(
            server=self.server, kind="ssh", name=f"{self.server.name} ssh", config=config, every_minutes=EVERY,
            by=self.people.erin,
        )  # fmt: skip
        self.host.sshd.let_in(self.source.secret.public)
        self.host.sshd.start()
        self.confirm()

    def confirm(self) -> None:
        """The key that the host shows is proposed and confirmed by another."""
        pin = shown(self.source, self.people.erin)
        assert pin.fingerprint == self.host.sshd.fingerprint
        answer = {"decision": "confirm", "because": COMPARED, "fingerprint": pin.fingerprint}
        assert browser(self.people.omar).post(f"/sources/{self.source.pk}/key/", answer).status_code == 302
        jobs.work_off()

    def tick(self) -> Pull:
        """One cycle: what is due is read, and then compared."""
        self.now += timedelta(minutes=EVERY * 8)
        for schedule in (due_pulls, due_comparisons):
            schedule(self.now)
            jobs.work_off(now=self.now)
        self.source.refresh_from_db()
        row = self.source.pulls.first()
        assert row is not None
        return row

    def findings(self, **said: Any) -> list[Finding]:
        """What stands."""
        return list(Finding.objects.standing().filter(server=self.server, **said))


@pytest.fixture
def people(settings: Any) -> People:
    settings.MAY_REACH = []
    return everybody()


def story(people: People, tmp_path: Path, name: str, ip: str) -> Iterator[Story]:
    why = sshd.missing() or namespace.missing()
    if why:
        pytest.skip(why)
    made = servers(people)
    with host(tmp_path / "host", ip) as machine:
        machine.closed()
        yield Story(machine, people, made[name])


@pytest.fixture
def database(people: People, tmp_path: Path) -> Iterator[Story]:
    yield from story(people, tmp_path, "pay-db-01", "10.20.30.31")


@pytest.fixture
def files(people: People, tmp_path: Path) -> Iterator[Story]:
    yield from story(people, tmp_path, "file-01", "10.20.30.41")


def after_the_fact(people: People, material: dict[str, Any]) -> ChangeRecord:
    """Rita writes down what was done, as urgent; Erin says it was done first; the owner and the manager agree."""
    change = asked(people, material, urgency="urgent", title="What was done last night", justification=WHY)
    changes.act_first(change, by=people.erin, because="The pay run stood still.")
    return agreed(people, change)


def test_a_rule_added_by_hand_is_found_within_a_cycle_and_cured_by_its_record(database: Story) -> None:
    people, machine = database.people, database.host
    authorised(people, network())
    authorised(people, network("log-01", "pay-db-01", "tcp/22"))
    database.on_board()
    first = database.tick()
    assert first.state in (Pull.State.OK, Pull.State.UNCHANGED), first.what
    assert not database.findings(verdict="changed_without_record")
    assert not database.findings(verdict="permits_more", point="pay-db-01/INPUT")
    machine.listens(8080)
    assert not comes_through(APP, machine.ip, 8080)

    machine.run(f"iptables-nft -A INPUT -s {APP} -p tcp --dport 8080 -j ACCEPT")
    assert comes_through(APP, machine.ip, 8080)
    machine.quiet()
    database.tick()
    [finding] = database.findings(verdict="changed_without_record")
    assert finding.point == "pay-db-01/INPUT"
    assert finding.rule_text.endswith(f"-A INPUT -s {APP}/32 -p tcp -m tcp --dport 8080 -j ACCEPT")
    delta = RuleChange.objects.get(outcome="unrecorded")
    assert (delta.server, delta.direction) == (database.server, "opened")
    page = browser(people.omar).get(f"/findings/{finding.ref}/").content.decode()
    assert f"-A INPUT -s {APP}/32" in page
    example = finding.witness
    assert example is not None
    assert (example["src"], example["dst"], example["dport"]) == (APP, machine.ip, 8080)
    assert example["dst"] in page
    machine.listens(int(example["dport"]))
    assert comes_through(example["src"], example["dst"], int(example["dport"])), "the example is no invention"
    machine.quiet()

    after_the_fact(people, network("pay-app-01", "pay-db-01", "tcp/8080"))
    database.tick()
    assert not database.findings(verdict="changed_without_record")
    finding.refresh_from_db()
    assert finding.state == "cured"
    assert list(finding.cured_by.values_list("source", flat=True)) == [database.source.pk]


def test_a_share_widened_to_the_world_is_found_within_a_cycle(files: Story) -> None:
    if shutil.which("smbclient") is None or shutil.which("smbd", path=sshd.PATH) is None:
        pytest.skip("A Samba server needs samba and smbclient: apt-get install samba smbclient")
    people, machine = files.people, files.host
    narrow = f"\thosts allow = {APP}\n\tread only = Yes\n\tguest ok = No\n\tserver smb encrypt = required\n"
    path = machine.shares(narrow)
    machine.run("iptables-nft -A INPUT -p tcp --dport 445 -j ACCEPT")
    machine.sshd.mounts["/etc/samba/smb.conf"] = str(machine.smb_conf)
    wanted = share(path=str(path), protocol="smb", security="encrypt", squash="")
    authorised(people, network("log-01", "file-01", "tcp/22"))
    authorised(people, wanted)
    machine.samba()
    files.on_board()
    files.tick()
    assert not files.findings(verdict="share_wider"), [one.because for one in files.findings(verdict="share_wider")]
    assert "hours" not in machine.as_guest()
    machine.quiet()

    machine.shares("\tread only = No\n\tguest ok = Yes\n")
    machine.samba()
    assert "hours" in machine.as_guest(), "the world reads it"
    files.tick()
    wider = files.findings(verdict="share_wider")
    assert wider
    assert any("everybody" in one.because or "guest" in one.because for one in wider), [one.because for one in wider]
    [change] = files.findings(verdict="changed_without_record")
    assert "guest ok = Yes" in change.rule_text
    assert change.because.endswith("it was not shared so before")
    files.tick()
    assert files.findings(verdict="changed_without_record") == [change], "it stays until somebody decides"
    machine.quiet()

    machine.shares(narrow)
    files.tick()
    assert not files.findings(verdict="share_wider")
    assert not files.findings(verdict="changed_without_record")
    assert all(one.state == "cured" for one in Finding.objects.filter(pk__in=[one.pk for one in wider]))

    machine.shares(narrow.replace(APP, f"{APP} {COLLECTOR}"))
    files.tick()
    [opened] = files.findings(verdict="changed_without_record")
    assert COLLECTOR in opened.because
    after_the_fact(people, {**wanted, "clients": ["log-01"]})
    files.tick()
    assert not files.findings(verdict="changed_without_record")
    opened.refresh_from_db()
    assert opened.state == "cured"


def test_rebooted_re_keyed_and_unplugged_are_three_sentences(database: Story) -> None:
    machine = database.host
    authorised(database.people, network("log-01", "pay-db-01", "tcp/22"))
    database.on_board()
    database.tick()
    machine.run(f"iptables-nft -A INPUT -s {APP} -p tcp --dport 8080 -j ACCEPT")
    database.tick()
    machine.sshd.stop()  # while it goes down and comes up nothing listens
    starting = database.tick()
    assert (starting.error_code, "nothing listens" in starting.what) == ("unreachable", True)
    machine.reboot()
    machine.sshd.start()
    rebooted = database.tick()
    assert rebooted.state == Pull.State.OK
    assert "The host was started anew" in rebooted.what
    assert "started anew" not in database.tick().what

    machine.run("ip link set eth0 down")
    unplugged = database.tick()
    assert unplugged.error_code in ("unreachable", "timeout")
    assert "plugged" in f"{unplugged.what} {unplugged.next_step}"
    assert database.findings(verdict="unreachable")
    machine.run("ip link set eth0 up; ip route replace 10.20.20.0/24 dev eth0; ip route replace 10.20.40.0/24 dev eth0")
    assert database.tick().state in (Pull.State.OK, Pull.State.UNCHANGED)

    machine.sshd.stop()
    machine.sshd.new_host_key("ed25519")
    machine.sshd.start()
    re_keyed = database.tick()
    assert re_keyed.error_code == "hostkey_changed"
    assert machine.sshd.fingerprint in re_keyed.what
    sentences = {rebooted.what, unplugged.what, re_keyed.what, starting.what}
    assert len(sentences) == 4
    assert database.findings(rule="host key", severity="high")
    before = database.source.pulls.count()
    database.tick()
    assert database.source.pulls.count() == before, "another host is not asked again by itself"
    database.confirm()
    assert database.tick().state in (Pull.State.OK, Pull.State.UNCHANGED)
    assert not database.findings(rule="host key")
