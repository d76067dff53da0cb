"""A host is come to know by two people: shown, compared, confirmed. Else nothing is sent."""

from __future__ import annotations

import ipaddress
import re
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.utils import timezone

from compliance.actions import jobs, ledger_export, ledger_seal
from compliance.errors import NotAllowed, Refused
from compliance.models import LedgerInbox, User
from evidence import onboarding
from evidence.actions import access, adding, packs, testing
from evidence.actions.access import Given
from evidence.actions.compare import compare
from evidence.actions.sources import read_now
from evidence.artefacts import read_back
from evidence.collectors.way_in import confirmed_pin, way_in
from evidence.models import Finding, Pin, Pull, PulledArtefact, Source, SourceSecret
from tests.evidence.sshd import PATH, Sshd, missing
from tests.evidence.visitor import Visitor
from tests.factories import servers
from tests.people import People, everybody

pytestmark = pytest.mark.django_db(transaction=True)
CANARY = "canary-in-the-coal-mine-4711"
COMPARED = "Read out by Olga at the console."


@pytest.fixture
def people(settings: Any) -> People:
    settings.MAY_REACH = [ipaddress.ip_network("127.0.0.1")]
    return everybody()


@pytest.fixture
def sshd(tmp_path: Path) -> Iterator[Sshd]:
    if missing():
        pytest.skip(missing())
    made = Sshd(tmp_path / "sshd")
    yield made
    made.stop()


def added(people: People, sshd: Sshd) -> Source:
    """A source of pay-db-01, added by Erin, whose key the server lets in."""
    host = servers(people)["pay-db-01"]
    config = {"host": sshd.listen, "port": sshd.port, "user": sshd.user}
    source = adding.add(server=host, kind="ssh", name="pay-db-01 ssh", config=config, by=people.erin)
    sshd.let_in(source.secret.public)
    return source


def shown(source: Source, person: User) -> Pin:
    """What a test of the connection proposes."""
    row = testing.ask(source, by=person)
    assert row.job_id is not None
    jobs.run_job(row.job_id)
    row.refresh_from_db()
    assert row.outcome == "reached", row.steps
    return Pin.objects.open().get(source=source)


def known(people: People, sshd: Sshd) -> Source:
    """The same, known by its key: Erin looked, Omar confirmed."""
    source = added(people, sshd)
    pin = shown(source, people.erin)
    access.confirm_pin(pin, fingerprint=pin.fingerprint, because=COMPARED, by=people.omar)
    return source


def pulled(source: Source, people: People) -> Pull:
    """Read now."""
    row = source.pulls.filter(state="queued").first() or read_now(source, by=people.erin)
    assert row.job_id is not None
    jobs.run_job(row.job_id)
    row.refresh_from_db()
    source.refresh_from_db()
    return row


def browser(person: User) -> Client:
    client = Client()
    client.force_login(person)
    session = client.session
    session["account_authentication_methods"] = [{"method": "password", "at": timezone.now().timestamp()}]
    session.save()
    return client


def test_three_clicks_and_one_command(people: People, sshd: Sshd) -> None:
    """Add; test the connection; somebody else confirms: counted on the pages, where nothing else leads further."""
    host = servers(people)["pay-db-01"]
    erin = Visitor(browser(people.erin), "/sources/")
    erin.follow("Add a source")
    erin.follow("Linux host over SSH")
    erin.press("Add the source", server=str(host.pk), host=sshd.listen, port=str(sshd.port), user=sshd.user)
    source = Source.objects.get()
    assert erin.at == f"/sources/{source.pk}/"
    assert not source.pulls.exists(), "nothing is asked of a host that nobody knows"
    assert "Read now" not in erin.page.buttons
    [command] = erin.page.areas.values()
    assert (command, "\n" in command) == (onboarding.command(source.secret.public), False)
    sshd.let_in(source.secret.public)
    sshd.start()
    erin.press("Test connection")
    jobs.work_off()
    pin = Pin.objects.open().get(source=source)
    assert (pin.fingerprint, pin.proposed_by) == (sshd.fingerprint, people.erin)
    assert "Compare and confirm…" not in erin.again().links
    assert erin.client.get(f"/sources/{source.pk}/key/").status_code == 403
    omar = Visitor(browser(people.omar), f"/sources/{source.pk}/")
    omar.follow("Compare and confirm…")
    omar.press("Put it on record", decision="confirm", because=COMPARED)
    assert (erin.pressed, omar.pressed) == (["Add the source", "Test connection"], ["Put it on record"])
    assert (erin.followed, omar.followed) == (["Add a source", "Linux host over SSH"], ["Compare and confirm…"])
    jobs.work_off()
    source.refresh_from_db()
    row = source.pulls.get()
    assert row.state == Pull.State.OK, row.what
    assert source.last_good is not None
    assert source.last_good.tier == "good"
    assert "Read now" in erin.again().buttons
    page = erin.client.get(f"/sources/{source.pk}/").content.decode()
    assert f"confirmed by {people.omar}" in page


@pytest.mark.both
def test_one_person_is_never_enough(people: People) -> None:
    source = adding.add(
        server=servers(people)["pay-db-01"], kind="ssh", name="s", by=people.erin,
        config={"host": "10.20.30.31", "port": 22, "user": "eastwest"},
    )  # fmt: skip
    said = access.Shown("ssh", "10.20.30.31:22", "ssh-ed25519", "AAAA", "SHA256:" + "A" * 43)
    pin = access.propose_pin(source, said, by=people.erin)
    for person in (people.erin, people.rita, people.ada, people.sam, people.mina):
        with pytest.raises(NotAllowed):
            access.confirm_pin(pin, fingerprint=pin.fingerprint, because=COMPARED, by=person)
    with pytest.raises(Refused, match="not what is shown"):
        access.confirm_pin(pin, fingerprint="SHA256:other", because=COMPARED, by=people.omar)
    assert confirmed_pin(source) is None
    with pytest.raises(IntegrityError), transaction.atomic():
        Pin.objects.filter(pk=pin.pk).update(confirmed_by=people.erin, confirmed_at=timezone.now())
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as sql:
        sql.execute(
            "UPDATE evidence_pin SET confirmed_by_id = proposed_by_id, confirmed_at = proposed_at WHERE id = %s",
            [pin.pk],
        )
    again = access.propose_pin(source, said._replace(fingerprint="SHA256:" + "B" * 43), by=people.erin)
    with pytest.raises(Refused, match="not proposed any more"):
        access.confirm_pin(pin, fingerprint=pin.fingerprint, because=COMPARED, by=people.omar)
    access.confirm_pin(again, fingerprint=again.fingerprint, because=COMPARED, by=people.omar)
    assert confirmed_pin(source) == again
    source.config = source.config | {"host": "10.20.40.66"}
    assert confirmed_pin(source) is None, "it was confirmed for another address"
    verbs = list(LedgerInbox.objects.filter(verb__endswith="_pin").order_by("pk").values_list("verb", flat=True))
    assert verbs == ["propose_pin", "propose_pin", "confirm_pin"]


def test_before_it_is_confirmed_nothing_is_sent_nor_any_secret_opened(people: People, sshd: Sshd) -> None:
    source = added(people, sshd)
    sshd.start()
    assert way_in(source).held is None
    row = pulled(source, people)
    assert (row.state, row.error_code) == (Pull.State.FAILED, "config")
    assert "Nobody has confirmed" in row.what
    pin = shown(source, people.erin)
    access.refuse_pin(pin, because="Nobody answered at the console.", by=people.omar)
    assert "Nobody has confirmed" in pulled(source, people).what
    assert "Accepted" not in (sshd.folder / "log").read_text()


def test_a_changed_key_is_tried_once_pauses_and_is_a_finding_until_two_people_say_so(
    people: People, sshd: Sshd
) -> None:
    source = known(people, sshd.start())
    assert pulled(source, people).state == Pull.State.OK
    compare()
    before = sshd.fingerprint
    sshd.stop()
    sshd.new_host_key("ed25519")
    sshd.start()
    row = pulled(source, people)
    assert row.error_code == "hostkey_changed"
    assert sshd.fingerprint in row.what
    assert (source.enabled, source.paused_code) == (False, "hostkey_changed")
    with pytest.raises(Refused, match="paused"):
        read_now(source, by=people.erin)
    assert (sshd.folder / "log").read_text().count("Connection from") == 1
    compare()
    finding = Finding.objects.standing().get(rule="host key")
    assert (finding.severity, finding.server) == ("high", source.server)
    assert "another host key" in finding.because
    pin = shown(source, people.erin)
    assert pin.fingerprint == sshd.fingerprint != before
    page = browser(people.omar).get(f"/sources/{source.pk}/key/").content.decode()
    assert before in page
    assert "another key before" in page
    access.confirm_pin(pin, fingerprint=pin.fingerprint, because=COMPARED, by=people.omar)
    source.refresh_from_db()
    assert (source.enabled, source.paused_code) == (True, "")
    assert pulled(source, people).state in (Pull.State.OK, Pull.State.UNCHANGED)
    compare()
    finding.refresh_from_db()
    assert finding.state == "cured"


def test_a_refused_key_pauses_before_an_account_is_locked(people: People, sshd: Sshd) -> None:
    source = known(people, sshd.start())
    access.set_secret(source, Given("key"), by=people.erin)  # the host does not know this one
    assert [pulled(source, people).error_code for _ in range(2)] == ["auth", "auth"]
    assert source.paused_code == "auth"
    with pytest.raises(Refused, match="paused"):
        read_now(source, by=people.erin)
    assert (sshd.folder / "log").read_text().count("Connection from") <= 3


def test_hostile_words_of_a_host_are_text_on_its_page(people: People, sshd: Sshd, tmp_path: Path) -> None:
    source = known(people, sshd.start())
    sshd.stop()
    sshd.answers("#!/bin/sh\nprintf '\\033[2J<script>alert(1)</script>\\n'\n")
    sshd.start()
    row = pulled(source, people)
    assert row.error_code == "parse"
    page = browser(people.erin).get(f"/sources/{source.pk}/").content
    assert b"<script>alert(1)" not in page
    assert b"&lt;script&gt;alert(1)" in page
    assert b"\x1b" not in page


def test_a_canary_is_nowhere(
    people: People, sshd: Sshd, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str], tmp_path: Path,
    own_var: Path,
) -> None:  # fmt: skip
    """A password that is set, used, refused and rotated stands in no table, file, log, page or message."""
    caplog.set_level("DEBUG")
    source = known(people, sshd.start(password="something else"))
    typed = {"how": "typed", "use": "password", "secret_password": CANARY}
    assert browser(people.erin).post(f"/sources/{source.pk}/secret/", typed).status_code == 302
    pulled(source, people)
    erin = browser(people.erin)
    wrong = erin.post(f"/sources/{source.pk}/secret/", {**typed, "how": "referred", "reference": CANARY[:3]})
    assert wrong.status_code == 422
    access.rotate(by=people.alex, because="canary")
    SourceSecret.objects.update(serial="00000000-0000-0000-0000-000000000000")
    row = pulled(source, people)
    assert "Set the secret again" in row.next_step
    pages = [erin.get(f"/sources/{source.pk}/").content, wrong.content, erin.get("/sources/").content]
    pages += [breaks(erin, source, typed), packed(people)]
    ledger_seal.drain(wait=True)
    ledger_export.write(tmp_path / "log.jsonl", tmp_path / "state.jsonl")
    call_command("secrets")
    told = capfd.readouterr()
    with connection.cursor() as sql:
        dump = "".join(str(every(sql, table)) for table in connection.introspection.table_names(sql))
    files = [path for path in own_var.rglob("*") if path.is_file() and "test-" not in path.name]
    for place, text in {
        "database": dump.encode(), "pages": b"".join(pages), "logs": caplog.text.encode(),
        "output": (told.out + told.err).encode(), "ledger": (tmp_path / "log.jsonl").read_bytes(),
        "state": (tmp_path / "state.jsonl").read_bytes(), **{str(path): path.read_bytes() for path in files},
    }.items():  # fmt: skip
        assert CANARY.encode() not in text, place
    sealed = SourceSecret.objects.get().sealed
    assert sealed.encode() not in (tmp_path / "state.jsonl").read_bytes()


def breaks(client: Client, source: Source, typed: dict[str, str]) -> bytes:
    """The page of an error nobody foresaw, in the very moment in which the secret is set; and its trace in the logs."""
    client.raise_request_exception = False
    with pytest.MonkeyPatch.context() as broken:
        broken.setattr(access.sealing, "seal", lambda value, **_: 1 / 0)
        answer = client.post(f"/sources/{source.pk}/secret/", typed)
    assert answer.status_code == 500
    return answer.content


def packed(people: People) -> bytes:
    """All members of a pack of the month, as they stand in the ZIP, and its pages."""
    compare()
    today = timezone.localdate()
    row = packs.ask(systems=[people.payroll, people.platform], since=today.replace(day=1), until=today, by=people.ada)
    jobs.work_off()
    row.refresh_from_db()
    assert row.state == "built", row.state
    with zipfile.ZipFile(packs.path_of(row)) as pack:
        assert "manifest.json" in pack.namelist()
        return b"".join(pack.read(name) for name in pack.namelist())


def every(sql: Any, table: str) -> list[Any]:
    """All rows of a table."""
    sql.execute(f'SELECT * FROM "{table}"')
    return list(sql.fetchall())


def test_a_secret_in_what_is_pulled_is_marked_and_the_hash_is_of_what_is_kept(people: People, sshd: Sshd) -> None:
    secret = sshd.folder / "rsyslog.conf"
    secret.write_text(f'action(type="omsnmp" server="10.0.0.1" community="{CANARY}")\n')
    sshd.wrapper()
    sshd.answers(sshd.answer.read_text().replace("F /etc/rsyslog.conf", f"F {secret}"))
    source = known(people, sshd.start())
    row = pulled(source, people)
    assert row.state == Pull.State.OK, row.what
    [kept] = PulledArtefact.objects.filter(redacted__gt=0)
    assert b'community="[redacted]"' in read_back(kept.stored)
    assert (kept.redacted, kept.beside) == (1, True)
    page = browser(people.erin).get(f"/sources/{source.pk}/").content.decode()
    assert "without 1 secret taken out" in page


def test_the_command_is_the_files_and_the_key_and_nothing_can_be_slipped_in(people: People) -> None:
    said = onboarding.command("ssh-ed25519 AAAAC3Nz comment")
    assert said.endswith("onboard.sh\" 'ssh-ed25519 AAAAC3Nz'")
    assert len(said) < 12_000
    for bad in ("ssh-ed25519 AAAA'; id; '", "x", "ssh-ed25519 $(id)", ""):
        with pytest.raises(ValueError, match="no public key"):
            onboarding.command(bad)


def test_the_command_makes_what_it_says(tmp_path: Path) -> None:
    """The very line, with another root and as whoever runs the tests: the files, their modes, the forced command."""
    line = onboarding.command("ssh-ed25519 AAAAC3Nz").replace("sudo sh", "sh")
    said = subprocess.run(
        ["sh", "-ec", line], capture_output=True, text=True, check=True,
        env={"PATH": PATH, "EASTWEST_ROOT": str(tmp_path), "TMPDIR": str(tmp_path)},
    )  # fmt: skip
    assert "nothing else" in said.stdout
    keys = tmp_path / "var/lib/eastwest-pull/.ssh/authorized_keys"
    assert keys.read_text() == 'restrict,command="/usr/local/sbin/eastwest-pull" ssh-ed25519 AAAAC3Nz\n'
    modes = {
        "usr/local/sbin/eastwest-pull": 0o755, "etc/sudoers.d/eastwest-pull": 0o440,
        "var/lib/eastwest-pull/.ssh/authorized_keys": 0o644,
    }  # fmt: skip
    assert {name: (tmp_path / name).stat().st_mode & 0o777 for name in modes} == modes
    for bad in ("", "ssh-ed25519 AAAA\nevil", 'ssh-ed25519 AAAA" command="id"', "ssh-dss AAAA"):
        done = subprocess.run(
            ["sh", "deploy/linux/onboard.sh", bad], capture_output=True, check=False,
            env={"PATH": PATH, "EASTWEST_ROOT": str(tmp_path / "no")},
        )  # fmt: skip
        assert done.returncode == 1
    assert not (tmp_path / "no").exists()


def test_the_form_refuses_where_nobody_may_lead_us(people: People, settings: Any) -> None:
    settings.MAY_REACH = []
    host = servers(people)["pay-db-01"]
    form = {"server": host.pk, "kind": "ssh", "port": 22, "user": "eastwest", "fresh_hours": 48}
    for address in ("127.0.0.1", "169.254.169.254", "localhost", ""):
        answer = browser(people.erin).post("/sources/new/", {**form, "host": address})
        assert answer.status_code == 422, address
    answer = browser(people.erin).post("/sources/new/", {**form, "host": "10.20.30.31", "user": "-o x"})
    assert answer.status_code == 422
    assert not Source.objects.exists()


def test_the_secret_page_gives_nothing_back(people: People) -> None:
    source = adding.add(
        server=servers(people)["pay-db-01"], kind="ssh", name="s", by=people.erin,
        config={"host": "10.20.30.31", "port": 22, "user": "eastwest"},
    )  # fmt: skip
    client = browser(people.erin)
    wrong = {"how": "typed", "use": "key", "secret_key": f"no key {CANARY}"}
    answer = client.post(f"/sources/{source.pk}/secret/", wrong)
    assert answer.status_code == 422
    said = answer.content.decode()
    assert re.search("is none", said)
    assert CANARY not in said
    assert browser(people.omar).get(f"/sources/{source.pk}/secret/").status_code == 403
