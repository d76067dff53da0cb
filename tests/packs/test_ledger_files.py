"""A pack's part of the ledger: real entries, real proofs, and the verifier with its parts beside it and without."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from compliance.models.estate import day_of
from evidence.packs import binder, seal, verify, verify_notes
from evidence.packs.ledger_files import slice_of
from evidence.packs.manifest import Member
from evidence.packs.section import Scope
from tests.factories import agreed, asked, servers
from tests.packs import content
from tests.people import everybody


@pytest.fixture
def members(db: None, settings: Any, tmp_path: Path) -> dict[str, bytes]:
    settings.KEYS, settings.CHECKPOINT_FILE = tmp_path / "keys", tmp_path / "checkpoints.txt"
    people = everybody()
    servers(people)
    agreed(people, asked(people))
    now = timezone.now()
    scope = Scope((people.payroll.name,), day_of(now) - timedelta(days=2), day_of(now), now + timedelta(minutes=1))
    part = slice_of(scope, because="test")
    assert part is not None
    assert part.sealed.published_to == ("file",)
    return {one.path: one.content for one in part.members}


def test_every_entry_of_the_system_is_proven(members: dict[str, bytes]) -> None:
    wrong, proven = verify_notes.check_slice(members)
    assert wrong == {}
    said = [json.loads(line)[1] for line in members[verify_notes.ENTRIES].splitlines()]
    assert proven.startswith(f"{len(said)} ledger entries")
    assert [one["verb"] for one in said][-5:] == ["request", "submit", "approve", "approve", "decide"]
    assert all(one["object"]["type"] != "compliance.user" for one in said)


@pytest.mark.parametrize("path", verify_notes.SLICE)
def test_whatever_is_changed_or_missing_is_named(members: dict[str, bytes], path: str) -> None:
    data = members[path]
    at = len(data) // 2
    other = b"0" if data[at : at + 1] != b"0" else b"1"
    assert verify_notes.check_slice({**members, path: data[:at] + other + data[at + 1 :]})[0]
    assert verify_notes.check_slice({name: one for name, one in members.items() if name != path})[0]
    swapped = b"\n".join(reversed(data.splitlines())) + b"\n"
    assert swapped == data or verify_notes.check_slice({**members, path: swapped})[0]


def test_the_pack_is_sound_with_it_and_a_copy_of_the_verifier_says_what_it_lacks(
    members: dict[str, bytes], tmp_path: Path
) -> None:
    key = seal.open_seal(tmp_path / "seal", at=content.BUILT)
    kept = [Member(path, data) for path, data in members.items()]
    path = tmp_path / "pack.zip"
    path.write_bytes(binder.bind(content.face(), content.sections(), key, ledger=kept).archive)
    report = verify.verify(path, key.fingerprint)
    assert report.ok
    assert any("ledger entries stand in the log as checkpoint" in line for line in report.not_checked)
    with zipfile.ZipFile(path) as whole:
        for name in binder.VERIFIER:
            (tmp_path / name).write_bytes(whole.read(name))

    def told() -> str:
        words = [sys.executable, str(tmp_path / "verify.py"), str(path), "--fingerprint", key.fingerprint]
        done = subprocess.run(words, cwd="/", capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    assert "ledger entries stand in the log" in told()
    (tmp_path / "verify_notes.py").unlink()
    assert "verify_notes.py is not beside this file" in told()
