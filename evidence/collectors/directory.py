"""A folder on this machine into which the dumps of one host are put."""

from __future__ import annotations

import stat
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from evidence.collectors.collected import Collected, PullError
from evidence.models.sources import ErrorCode
from evidence.rules import Artefact

LARGEST = 256 * 2**20  # bytes of one file
MOST = 64  # files of one host
# what wrote a file, told by its name: an empty dump counts only when its command is known
COMMANDS = {
    "ip6tables-legacy-save": "ip6tables-legacy-save",
    "iptables-legacy-save": "iptables-legacy-save",
    "ip6tables-save": "ip6tables-save -c",
    "iptables-save": "iptables-save -c",
}


def collect(config: Mapping[str, Any], *, secret: bytes | None, since: str | None, deadline: float) -> Collected:
    """All plain files of the folder `config["path"]`, hidden ones left out. Links are refused, not followed.

    A file that changes while it is read is refused as truncated: the next pull finds it whole.
    """
    folder = Path(str(config.get("path", "")))
    if not folder.is_absolute():
        raise PullError(ErrorCode.CONFIG, f"The folder {str(folder)!r} is not an absolute path.", "Correct the source.")
    artefacts = tuple(read(path, deadline) for path in listed(folder))
    if not artefacts:
        raise PullError(
            ErrorCode.EMPTY, f"The folder {folder} holds no file.", "Look whether the dumps still arrive there."
        )
    return Collected(artefacts, cursor="", complete=True)


def listed(folder: Path) -> Iterator[Path]:
    """The files of the folder by name."""
    try:
        found = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except FileNotFoundError as error:
        raise PullError(
            ErrorCode.UNREACHABLE, f"The folder {folder} is not there.", "Check that it is mounted and spelt rightly."
        ) from error
    except NotADirectoryError as error:
        raise PullError(ErrorCode.CONFIG, f"{folder} is not a folder.", "Name the folder, not a file in it.") from error
    except PermissionError as error:
        raise PullError(
            ErrorCode.PERMISSION,
            f"The folder {folder} may not be read.",
            "Give the service's user the right to read it.",
        ) from error
    except OSError as error:
        raise PullError(
            ErrorCode.UNREACHABLE, f"The folder {folder} cannot be read: {error}.", "Check the mount."
        ) from error
    if len(found) > MOST:
        raise PullError(
            ErrorCode.CONFIG, f"The folder {folder} holds {len(found)} files.", "Give each host a folder of its own."
        )
    yield from found


def read(path: Path, deadline: float) -> Artefact:
    """One file with its time, read whole or not at all."""
    if time.monotonic() > deadline:
        raise PullError(ErrorCode.TIMEOUT, f"Reading {path.parent} took too long.", "Look at the disk or the mount.")
    try:
        before = path.lstat()
        if not stat.S_ISREG(before.st_mode):
            raise PullError(ErrorCode.CONFIG, f"{path} is a link or no plain file.", "Put the file itself there.")
        if before.st_size > LARGEST:
            size = before.st_size // 2**20
            raise PullError(
                ErrorCode.CONFIG, f"{path} holds {size} MB, more than a dump does.", "Look what was put there."
            )
        content = path.read_bytes()
        after = path.lstat()
    except PermissionError as error:
        raise PullError(
            ErrorCode.PERMISSION, f"{path} may not be read.", "Give the service's user the right to read it."
        ) from error
    except OSError as error:
        raise PullError(ErrorCode.UNREACHABLE, f"{path} could not be read: {error}.", "Read it again later.") from error
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns) or len(content) != after.st_size:
        raise PullError(ErrorCode.TRUNCATED, f"{path} changed while it was read.", "The next pull reads it whole.")
    return Artefact(path.name, content, command(path.name), datetime.fromtimestamp(after.st_mtime, UTC))


def command(name: str) -> str:
    """The command behind a file, as far as its name tells."""
    return next((said for prefix, said in COMMANDS.items() if name.startswith(prefix)), "")
