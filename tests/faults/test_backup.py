"""A backup taken under write load comes back whole; what is not a backup changes nothing."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
import zipfile
from contextlib import closing
from pathlib import Path

import pytest

from compliance.project.supervise import running_stack
from tests.house.source import TOP

ROW = (
    "INSERT INTO compliance_ledgerinbox (uid, data, created, salt, mac, refused, verb, object_type)"
    " VALUES (hex(randomblob(16)), ?, '2026-11-01 00:00:00', '', '', 0, '', '')"
)
WAITS = "Decisions wait to be sealed"  # rows written by hand where nothing runs that would seal them


def project(var: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """`python -m compliance.project …` on a var/ of its own."""
    env = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")}
    command = [sys.executable, "-m", "compliance.project", *words]
    return subprocess.run(
        command, cwd=TOP, env=env | {"EASTWEST_VAR": str(var)}, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated var/ with one artefact in it."""
    var = tmp_path_factory.mktemp("a site") / "var 100%"
    done = project(var, "prepare")
    assert done.returncode == 0, done.stderr
    (var / "artefacts" / "ab").mkdir(parents=True)
    (var / "artefacts" / "ab" / "abcd").write_bytes(b"*filter\n")
    return var


def rows(var: Path) -> list[str]:
    with closing(sqlite3.connect(var / "eastwest.sqlite3")) as database:
        return [data for (data,) in database.execute("SELECT data FROM compliance_ledgerinbox ORDER BY id")]


def write(var: Path, data: str) -> None:
    with closing(sqlite3.connect(var / "eastwest.sqlite3", timeout=20)) as database, database:
        database.execute(ROW, [data])


def test_there_and_back_under_load(site: Path, tmp_path: Path) -> None:
    file = tmp_path / "kept.zip"
    enough = threading.Event()

    def keep_writing() -> None:
        number = 0
        while not enough.is_set():
            number += 1
            write(site, f'{{"number": {number}}}')

    writer = threading.Thread(target=keep_writing)
    writer.start()
    try:
        done = project(site, "backup", str(file))
    finally:
        enough.set()
        writer.join()
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{file}\n"
    assert file.stat().st_mode & 0o777 == 0o600
    names = zipfile.ZipFile(file).namelist()
    assert not [name for name in names if "key" in name or "secret" in name]

    written = rows(site)
    (site / "artefacts" / "ab" / "abcd").unlink()
    done = project(site, "restore", str(file))
    assert done.returncode == 0, done.stderr
    kept = rows(site)
    assert kept == written[: len(kept)], "a backup is the first part of what was written"
    assert (site / "artefacts" / "ab" / "abcd").read_bytes() == b"*filter\n"
    before = next(site.glob("before-restore-*"))
    assert len(rows(before)) == len(written), "what was there is kept"


@pytest.mark.parametrize("kind", ["text", "other zip", "leads elsewhere", "damaged database"])
def test_what_is_not_a_backup_changes_nothing(site: Path, tmp_path: Path, kind: str) -> None:
    good, bad = tmp_path / "good.zip", tmp_path / "bad.zip"
    assert project(site, "backup", str(good)).returncode == 0
    if kind == "text":
        bad.write_text("not a zip at all")
    elif kind == "other zip":
        with zipfile.ZipFile(bad, "w") as made:
            made.writestr("pack.pdf", b"%PDF")
    else:
        with zipfile.ZipFile(good) as source, zipfile.ZipFile(bad, "w") as made:
            for name in source.namelist():
                damaged = kind == "damaged database" and name.endswith("sqlite3")
                made.writestr(name, b"SQLite format 3\0" + bytes(4096) if damaged else source.read(name))
            if kind == "leads elsewhere":
                made.writestr("artefacts/../../escaped", b"!")
    before = rows(site)
    done = project(site, "restore", str(bad))
    assert done.returncode == 1
    assert "is not a sound backup" in done.stderr
    assert rows(site) == before
    assert not list(site.parent.glob("escaped"))


def test_nothing_is_restored_under_a_running_stack(site: Path, tmp_path: Path) -> None:
    file = tmp_path / "kept.zip"
    assert project(site, "backup", str(file)).returncode == 0
    with running_stack(site, {"any": [sys.executable, "-c", "import time; time.sleep(60)"]}):
        done = project(site, "restore", str(file))
    assert done.returncode == 1
    assert "already runs here" in done.stderr


def test_the_doctor_finds_a_well_site_well_and_an_open_one_ill(site: Path) -> None:
    def ill() -> list[str]:
        lines = project(site, "doctor").stdout.splitlines()
        return [line for line in lines if line.startswith("not ok") and "packages" not in line and WAITS not in line]

    assert ill() == []
    key = next(path for path in (site / "keys").iterdir() if path.is_file())
    key.chmod(0o644)
    assert [line.split(":")[0] for line in ill()] == ["not ok  keys"]
    key.chmod(0o600)
    write(site, '{"number": 0}')
    with closing(sqlite3.connect(site / "eastwest.sqlite3")) as database, database:
        database.execute("UPDATE compliance_ledgerinbox SET created = '2999-01-01 00:00:00' WHERE id = 1")
        database.execute("DELETE FROM compliance_ledgerinbox WHERE id > 1")
    assert [line.split(":")[0] for line in ill()] == ["not ok  clock"]
