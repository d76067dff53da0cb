"""A copy of the records in one file, taken while everything runs, and the way back.

The file holds the database (SQLite's own online copy, so it is whole whatever is being written), the raw
artefacts and the packs. It never holds the keys: who finds a backup must not be able to sign or to approve.
On PostgreSQL the database is copied by its own tools, and this says so.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import tempfile
import zipfile
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from compliance.errors import Refused
from compliance.project.supervise import hold

DATABASE = "eastwest.sqlite3"
FOLDERS = ("artefacts", "packs")
LABEL = "eastwest-backup.json"


def back_up(target: Path | None = None) -> Path:
    """Writes the backup to `target`, or to var/backups under its time; gives the path. Raises Refused."""
    from django.conf import settings

    database = _database()
    made = datetime.now(UTC)
    if target is None:
        folder = settings.VAR / "backups"
        folder.mkdir(mode=0o700, exist_ok=True)
        target = folder / f"eastwest-{made:%Y%m%dT%H%M%S}.zip"
    if target.exists():
        raise Refused(f"{target} is already there.", "A backup never replaces a file.", "Give another name.")
    half_written = target.with_name(f"{target.name}.part")
    try:
        with tempfile.TemporaryDirectory(dir=settings.VAR) as room:
            # The database first: files are only ever added, so every file it names is there to be copied after it.
            _copy_database(database, Path(room) / DATABASE)
            _write(half_written, Path(room) / DATABASE, settings.VAR, made)
        os.replace(half_written, target)
    finally:
        half_written.unlink(missing_ok=True)
    return target


def restore_from(source: Path) -> Path | None:
    """Puts a backup back while nothing runs; gives the folder with what was there before. Raises Refused."""
    from django.conf import settings

    database = _database()
    var: Path = settings.VAR
    with hold(var, within_s=0.0), tempfile.TemporaryDirectory(dir=var) as room:
        fresh = Path(room)
        _unpack(source, fresh)
        _check(fresh / DATABASE, source)
        before = var / f"before-restore-{datetime.now(UTC):%Y%m%dT%H%M%S}"
        before.mkdir(mode=0o700)
        for name in (DATABASE, f"{DATABASE}-wal", f"{DATABASE}-shm"):
            _move(database.with_name(name), before / name)
        for name in FOLDERS:
            _move(var / name, before / name)
            _move(fresh / name, var / name)
        _move(fresh / DATABASE, database)
    return before if any(before.iterdir()) else None


def _database() -> Path:
    from django.conf import settings

    database = settings.DATABASES["default"]
    if "sqlite" not in str(database["ENGINE"]):
        raise Refused(
            "This backup is for the embedded database.",
            "The records are on PostgreSQL, which has better tools of its own.",
            "Use pg_dump and pg_restore, and copy var/artefacts and var/packs beside it.",
        )
    return Path(str(database["NAME"]))


def _copy_database(source: Path, target: Path) -> None:
    if not source.exists():
        raise Refused("There is nothing to back up.", f"{source} does not exist.", "Start Eastwest once: ./run")
    with closing(sqlite3.connect(source, timeout=20)) as live, closing(sqlite3.connect(target)) as copy:
        live.backup(copy)


def _write(target: Path, database: Path, var: Path, made: datetime) -> None:
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as out, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=3) as whole:
        whole.writestr(LABEL, json.dumps({"made": made.isoformat(timespec="seconds"), "shape": 1}))
        whole.write(database, DATABASE)
        for name in FOLDERS:
            for path in sorted((var / name).rglob("*")):
                if path.is_file() and not path.is_symlink():
                    whole.write(path, path.relative_to(var).as_posix())


def _unpack(source: Path, room: Path) -> None:
    """Writes the members we know into `room`; a name that leads elsewhere is refused before anything is touched."""
    try:
        with zipfile.ZipFile(source) as whole:
            names = whole.namelist()
            if LABEL not in names or DATABASE not in names:
                raise _not_a_backup(source, "Its label or its database is missing.")
            for name in names:
                if name != LABEL:
                    _unpack_one(whole, name, room, source)
    except (OSError, zipfile.BadZipFile) as wrong:
        raise _not_a_backup(source, f"{wrong}.") from wrong


def _unpack_one(whole: zipfile.ZipFile, name: str, room: Path, source: Path) -> None:
    parts = PurePosixPath(name).parts
    if ".." in parts or (name != DATABASE and parts[0] not in FOLDERS):
        raise _not_a_backup(source, f"It holds “{name}”, which is not ours.")
    target = room.joinpath(*parts)
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with whole.open(name) as packed, target.open("wb") as out:
        shutil.copyfileobj(packed, out)


def _check(database: Path, source: Path) -> None:
    try:
        with closing(sqlite3.connect(database)) as copy:
            verdict = copy.execute("PRAGMA integrity_check").fetchone()[0]
    except sqlite3.DatabaseError as wrong:
        raise _not_a_backup(source, f"Its database cannot be read: {wrong}.") from wrong
    if verdict != "ok":
        raise _not_a_backup(source, f"Its database is damaged: {verdict}.")


def _move(source: Path, target: Path) -> None:
    if source.exists():
        os.replace(source, target)


def _not_a_backup(source: Path, why: str) -> Refused:
    return Refused(f"{source} is not a sound backup.", why, "Nothing was changed. Give a file made by ./run backup.")
