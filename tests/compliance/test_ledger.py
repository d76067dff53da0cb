"""The ledger from the verb to the auditor: sealed in order, published outside, checked by the one verifier."""

from __future__ import annotations

import json
import os
import socket
import stat
import subprocess
import sys
import threading
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core import mail
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone

from compliance.actions import (
    changes,
    checkpoints,
    ledger_adopt,
    ledger_export,
    ledger_keys,
    ledger_seal,
    reconcile_rows,
)
from compliance.actions.ledger import record
from compliance.actions.ledger_rows import contents, digest, names_of
from compliance.actions.reconcile_rows import altered_rows
from compliance.errors import Refused
from compliance.ledger import notes, places
from compliance.ledger.keys import Keys
from compliance.models import LedgerCheckpoint, LedgerEntry, LedgerHead, LedgerInbox, LedgerRow, User
from evidence.packs import verify_ledger, verify_notes
from tests.factories import agreed, asked, network, servers
from tests.people import PASSWORD, People, everybody

VERIFIER = Path(verify_ledger.__file__).parent


@pytest.fixture
def own(settings: Any, tmp_path: Path) -> Path:
    """Keys and checkpoints of this test's own; mail stays in memory."""
    settings.KEYS, settings.CHECKPOINT_FILE = tmp_path / "keys", tmp_path / "outside" / "checkpoints.txt"
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    return tmp_path


@pytest.fixture
def people(db: None, own: Path) -> People:
    them = everybody()
    servers(them)
    return them


def sealed_data() -> list[dict[str, Any]]:
    return [json.loads(row.data) for row in LedgerEntry.objects.all()]


def checked(own: Path, *, state: bool = False, notes_from: Path | None = None) -> verify_ledger.Report:
    """The export, as an auditor checks it who has the key and a file of checkpoints."""
    ledger_export.write(own / "log", own / "rows" if state else None)
    (own / "key.pem").write_text(ledger_keys.public_key())
    files = [str(notes_from)] if notes_from else []
    return verify_ledger.check_files(
        str(own / "log"), str(own / "key.pem"), files, str(own / "rows") if state else None
    )


@pytest.mark.both
@pytest.mark.django_db(transaction=True)
def test_what_was_decided_is_sealed_in_order_and_an_auditor_can_check_it(own: Path) -> None:
    people = everybody()
    servers(people)
    change = agreed(people, asked(people))
    ledger_seal.drain(wait=True)
    assert not LedgerInbox.objects.waiting().exists()
    said = sealed_data()
    assert [one["seq"] for one in said] == list(range(1, LedgerInbox.objects.count() + 1))
    assert {one["uid"] for one in said} == {str(uid) for uid in LedgerInbox.objects.values_list("uid", flat=True)}
    approval = next(one for one in said if one["verb"] == "approve")
    assert approval["actor"]["name"] == "Omar Haddad"
    assert approval["actor"]["roles"] == ["system_owner"]
    assert approval["object"] == {"type": "compliance.changerecord", "id": change.pk, "version": 2}
    assert len(approval["payload"]) == 64, "the payload itself is not in the log, only its salted hash"
    assert [label for label, _, _ in approval["rows"] if "approval" in label] == ["compliance.approval"]
    point = checkpoints.checkpoint("test")
    assert point is not None
    assert point.published_to == ["file"]
    changes.implement(change, by=people.erin)
    ledger_seal.drain(wait=True)
    report = checked(own, state=True, notes_from=own / "outside" / "checkpoints.txt")
    assert report.findings == []
    assert (report.entries, report.covered) == (LedgerEntry.objects.count(), point.size)
    assert report.rows > 40


def test_the_verifier_runs_on_a_machine_without_eastwest(people: People, own: Path) -> None:
    checkpoints.checkpoint("test")
    ledger_export.write(own / "log", own / "rows")
    (own / "key.pem").write_text(ledger_keys.public_key())
    for name in ("verify_ledger.py", "verify_notes.py"):
        (own / name).write_bytes((VERIFIER / name).read_bytes())
    words = ["verify_ledger.py", "log", "--key", "key.pem", "--checkpoint", "outside/checkpoints.txt", "--json"]
    run = [sys.executable, "-I", "-c", "import sys, runpy; sys.path.insert(0, '.'); sys.argv = sys.argv[1:];"
           " runpy.run_path(sys.argv[0], run_name='__main__')", *words]  # fmt: skip
    done = subprocess.run(run, cwd=own, env={"PATH": os.environ["PATH"]}, capture_output=True, text=True, check=False)
    said = json.loads(done.stdout)
    assert (done.returncode, said["ok"], said["covered"]) == (0, True, LedgerEntry.objects.count())
    cut = b"".join((own / "log").read_bytes().splitlines(keepends=True)[:-4])
    (own / "log").write_bytes(cut)
    done = subprocess.run(run, cwd=own, env={"PATH": os.environ["PATH"]}, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    (own / "log").write_bytes(b"{}\n")
    assert subprocess.run(run, cwd=own, capture_output=True, check=False).returncode == 2


def test_nothing_is_sealed_while_the_clock_is_behind_and_nothing_is_lost(people: People, own: Path) -> None:
    checkpoints.checkpoint("test")
    size, now = LedgerHead.objects.get().size, timezone.now()
    with transaction.atomic():
        record("see", people.payroll, by=people.ada)
    with pytest.raises(ledger_seal.ClockBehind):
        ledger_seal.drain(at=now - timedelta(hours=1))
    checkpoints.due(now - timedelta(hours=1))  # a tick does not stop for it
    assert LedgerHead.objects.get().size == size
    assert any("clock is behind" in one.what for one in checkpoints.troubles(at=now - timedelta(hours=1)))
    ledger_seal.drain()
    assert LedgerHead.objects.get().size == size + 1
    assert checked(own).ok


def test_a_row_slipped_into_the_inbox_is_not_sealed_and_is_said(people: People, own: Path) -> None:
    ledger_seal.drain()
    size = LedgerHead.objects.get().size
    genuine = LedgerInbox.objects.last()
    assert genuine is not None
    for mac in ("", "0" * 64, genuine.mac):
        LedgerInbox.objects.create(data={**genuine.data, "verb": "approve"}, mac=mac, salt=genuine.salt)
    ledger_seal.drain()
    assert LedgerHead.objects.get().size == size
    assert any("3 rows" in one.what for one in checkpoints.troubles())


def test_rows_of_before_the_log_are_sealed_once(db: None, own: Path) -> None:
    old = [LedgerInbox(data={"verb": "request", "uid": str(n), "object": None, "payload": {}}) for n in range(3)]
    for row in old:
        row.data["uid"] = str(row.uid)
    LedgerInbox.objects.bulk_create(old)
    assert ledger_seal.drain() == 3
    assert checked(own).ok
    LedgerInbox.objects.create(data={"verb": "late", "uid": "1"})
    ledger_seal.drain()
    assert LedgerHead.objects.get().size == 3


def test_a_rotated_key_is_signed_for_by_both_and_old_and_new_key_check_the_whole_log(people: People, own: Path) -> None:
    checkpoints.checkpoint("test")
    first = ledger_keys.public_key()
    before = ledger_keys.fingerprint()
    with pytest.raises(Refused):
        ledger_keys.rotate(by=people.alex, because=" ")
    ledger_keys.rotate(by=people.alex, because="Alex's laptop was lost.")
    agreed(people, asked(people))
    checkpoints.checkpoint("test")
    folder = own / "keys" / "ledger"
    assert not (folder / f"{before}.pem").exists()
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in folder.iterdir())
    assert checked(own, state=True, notes_from=own / "outside" / "checkpoints.txt").ok
    (own / "first.pem").write_text(first)
    with_first = verify_ledger.check_files(str(own / "log"), str(own / "first.pem"), [], None)
    assert with_first.ok
    stranger = Keys(own / "others")
    (own / "other.pem").write_text(verify_pem(stranger))
    assert not verify_ledger.check_files(str(own / "log"), str(own / "other.pem"), [], None).ok


def verify_pem(keys: Keys) -> str:
    name = notes.fingerprint(keys.first().public_key())
    return (keys.folder / f"{name}.pub").read_text()


def test_a_checkpoint_goes_to_file_syslog_git_and_mail(people: People, own: Path, settings: Any) -> None:
    log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    log.bind(str(own / "log.sock"))
    log.settimeout(5)
    subprocess.run(["git", "init", "--quiet", "--bare", str(own / "remote.git")], check=True)
    settings.CHECKPOINT_SYSLOG, settings.VAR = str(own / "log.sock"), own / "var"
    settings.CHECKPOINT_GIT, settings.CHECKPOINT_MAIL = str(own / "remote.git"), ["ada@example.org"]
    for _ in range(2):
        row = checkpoints.checkpoint("test")
        assert row is not None
        assert (row.published_to, row.problems) == (["file", "syslog", "git", "mail"], {})
    text = (own / "outside" / "checkpoints.txt").read_text()
    assert [note.size for note in verify_notes.notes_of(text)] == [row.size] * 2
    key = Keys(own / "keys").public(LedgerHead.objects.get().key)
    assert all(notes.held(one, key) for one in places.notes_in(text))
    assert f"size={row.size} ".encode() in log.recv(4096)
    shown = ["git", "-C", str(own / "remote.git"), "log", "--format=%s"]
    assert len(subprocess.run(shown, capture_output=True, text=True, check=True).stdout.splitlines()) == 2
    assert notes.held(mail.outbox[1].body, key) is not None
    assert checkpoints.troubles() == []


def test_a_place_that_does_not_take_it_is_an_alarm_and_keeps_no_other_from_it(
    people: People, own: Path, settings: Any
) -> None:
    settings.CHECKPOINT_GIT, settings.CHECKPOINT_SYSLOG = str(own / "nowhere.git"), str(own / "no.sock")
    settings.VAR = own / "var"
    row = checkpoints.checkpoint("test")
    assert row is not None
    assert row.published_to == ["file"]
    assert sorted(row.problems) == ["git", "syslog"]
    said = [one.what for one in checkpoints.troubles()]
    assert len(said) == 2
    assert all(words.startswith("A checkpoint was not published: ") for words in said)
    settings.CHECKPOINT_FILE, settings.CHECKPOINT_GIT, settings.CHECKPOINT_SYSLOG = None, "", ""
    assert any("No place for checkpoints" in one.what for one in checkpoints.troubles())
    with pytest.raises(CommandError):
        call_command("ledger")


def test_an_old_checkpoint_is_an_alarm_and_tick_asks_for_one_in_every_quarter(people: People, own: Path) -> None:
    now = timezone.now()
    checkpoints.due(now)
    assert LedgerHead.objects.exists()
    first = checkpoints.checkpoint("test", at=now)
    assert first is not None
    assert checkpoints.troubles(at=now + timedelta(minutes=59)) == []
    assert any("left this database" in one.what for one in checkpoints.troubles(at=now + timedelta(minutes=61)))
    again = checkpoints.checkpoint("schedule", at=now + timedelta(minutes=16))  # nothing changed, and still signed
    assert again is not None
    assert (again.size, again.note == first.note) == (first.size, False)


def test_a_database_that_was_set_back_is_an_alarm(people: People, own: Path) -> None:
    checkpoints.checkpoint("test")
    kept = {model: list(model.objects.values()) for model in (LedgerEntry, LedgerHead, LedgerInbox, LedgerCheckpoint)}
    agreed(people, asked(people))
    checkpoints.checkpoint("test")
    assert checkpoints.troubles() == []
    for model, rows in kept.items():
        model.objects.all().delete()
        model.objects.bulk_create(model(**row) for row in rows)
    assert any("set back" in one.next_step for one in checkpoints.troubles())
    assert not checked(own, notes_from=own / "outside" / "checkpoints.txt").ok


def test_an_entry_says_from_which_page_and_with_which_sign_in(people: People, client: Client) -> None:
    person = User.objects.get(pk=people.rita.pk)
    person.set_password(PASSWORD)
    person.save(update_fields=["password"])
    client.post("/accounts/login/", {"login": person.email, "password": PASSWORD})
    change = asked(people, submit=False)
    answer = client.post(f"/changes/{change.ref}/withdraw/", {"because": "Not needed.", "version": change.version})
    assert answer.status_code == 302
    said = LedgerInbox.objects.get(verb="withdraw").data
    assert said["request"] == {"via": "page", "id": answer.headers["X-Request-Id"]}
    assert (said["actor"]["methods"], said["actor"]["mfa"]) == (["password"], False)
    since = timezone.now() - datetime.fromisoformat(said["actor"]["confirmed_at"])
    assert timedelta(seconds=-1) < since < timedelta(minutes=1)


@pytest.mark.both
@pytest.mark.django_db(transaction=True)
def test_two_who_seal_at_once_number_every_entry_once(own: Path) -> None:
    people = everybody()
    for number in range(60):
        with transaction.atomic():
            record("see", people.payroll, by=people.ada, number=number)
    gate = threading.Barrier(4)

    def go() -> None:
        try:
            gate.wait()
            for _ in range(3):
                ledger_seal.drain(wait=True)
        finally:
            connection.close()

    threads = [threading.Thread(target=go) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    ledger_seal.drain(wait=True)
    assert list(LedgerEntry.objects.values_list("seq", flat=True)) == list(range(1, LedgerInbox.objects.count() + 1))
    assert checked(own).ok


@pytest.mark.both
@pytest.mark.django_db(transaction=True)
def test_what_is_written_while_records_are_reconciled_is_no_alarm(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Others request, approve, seal and publish between the reading of the log and that of its tables."""
    people = everybody()
    servers(people)
    first = asked(people)
    ledger_seal.drain(wait=True)
    checkpoints.checkpoint("test")
    tables, meanwhile = reconcile_rows._rows, []

    def elsewhere() -> None:
        try:
            agreed(people, first)
            asked(people, network("pay-app-01", "pay-db-01", "tcp/5433"))
            ledger_seal.drain(wait=True)
            checkpoints.checkpoint("test")
        except Exception as trouble:  # noqa: BLE001 kept, and shown below
            meanwhile.append(trouble)
        finally:
            connection.close()

    def late(last: Any) -> Any:
        other = threading.Thread(target=elsewhere)
        other.start()
        other.join()
        return tables(last)

    with monkeypatch.context() as slow:
        slow.setattr(reconcile_rows, "_rows", late)
        assert altered_rows() == []
    assert meanwhile == [], "nobody who writes waits for it"
    assert altered_rows() == []
    LedgerInbox.objects.filter(seq=2).update(seq=10**6)
    assert {one.label for one in altered_rows()} == {"ledger entry #2", f"ledger entry #{10**6}"}


@pytest.mark.both
@pytest.mark.django_db(transaction=True)
def test_rows_of_before_are_taken_over_once_and_later_only_with_a_reason(own: Path, settings: Any) -> None:
    people = everybody()
    for model in (LedgerRow, LedgerInbox, LedgerEntry, LedgerHead):
        model.objects.all().delete()  # as an installation of before the log: rows, and nothing said of them
    settings.KEYS = own / "keys of its own"
    assert altered_rows()
    ledger_adopt.after_migrations()
    assert altered_rows() == []
    ledger_seal.drain(wait=True)
    with connection.cursor() as sql:
        sql.execute("UPDATE compliance_user SET name = 'Sam S. Stone' WHERE id = %s", [people.sam.pk])
        sql.execute("DELETE FROM compliance_rolegrant WHERE person_id = %s", [people.erin.pk])
    ledger_adopt.after_migrations()
    assert len(altered_rows()) == 2, "a second start launders nothing"
    with pytest.raises(Refused):
        ledger_adopt.adopt(by=people.alex, because="")
    assert ledger_adopt.adopt(by=people.alex, because="Restored from the paper file.") == 2
    assert altered_rows() == []
    ledger_seal.drain(wait=True)
    assert checked(own, state=True).ok


@pytest.mark.django_db(transaction=True)
def test_rows_of_another_shape_are_said_anew_if_they_were_as_the_ledger_left_them(own: Path) -> None:
    people = everybody()
    for one in (people.sam, people.ada):  # as if this version had brought the field `title`
        word = LedgerRow.objects.get(label="compliance.user", key=one.pk)
        names = [name for name in word.names.split(",") if name != "title"]
        values = dict(contents(User, names, [one.pk]))[one.pk]
        word.names, word.digest = ",".join(names), digest("compliance.user", one.pk, values, word.salt)
        word.save()
    with connection.cursor() as sql:
        sql.execute("UPDATE compliance_user SET name = 'Somebody' WHERE id = %s", [people.ada.pk])
    ledger_adopt.after_migrations()
    fresh = ",".join(names_of(User))
    shaped = dict(LedgerRow.objects.filter(label="compliance.user").values_list("key", "names"))
    assert (shaped[people.sam.pk], shaped[people.ada.pk]) != (fresh, fresh)
    assert shaped[people.sam.pk] == fresh
    assert [one.ref for one in altered_rows() if "sam" not in one.ref] == [f"user {people.ada.pk}"]
