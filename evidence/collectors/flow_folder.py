"""A folder on this machine into which flow logs are put, in folders of their own too, as a copy of a bucket has them.

A file that is still being written is left for the next time; one that grew is fetched again, and counts once.
"""

from __future__ import annotations

import os
import shutil
import stat
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

from evidence.collectors.arrivals import LARGEST, Arrival
from evidence.collectors.collected import PullError
from evidence.collectors.directory import NO_FILE, plain, refuse_foreign, refuse_unnamed, unfollowed
from evidence.models.sources import ErrorCode

SETTLED_S: Final = 2.0  # a file that was written to this lately is left alone


def arrivals(config: Mapping[str, Any], *, secret: bytes | None, cursor: str, deadline: float) -> Iterator[Arrival]:
    """The plain files under `config["path"]`, hidden ones left out; with `config["pattern"]` those so named.

    Links are not followed, and nothing is read that somebody else may have written (as for the dumps of a host).
    """
    top = Path(str(config.get("path", "")))
    if not top.is_absolute():
        raise PullError(ErrorCode.CONFIG, f"The folder {str(top)!r} is not an absolute path.", "Correct the flow log.")
    pattern = str(config.get("pattern") or "*")
    now = time.time()
    for path in _files(top, deadline):
        if fnmatchcase(path.name, pattern):
            status = path.lstat()
            # a link is refused and not left out; a time that is yet to come settles nothing
            if stat.S_ISLNK(status.st_mode) or not 0 <= now - status.st_mtime < SETTLED_S:
                yield _arrival(path, top, status)


def _files(folder: Path, deadline: float) -> Iterator[Path]:
    """Every file below, folder by folder in the order of their names, which is that of their days."""
    if time.monotonic() > deadline:
        raise PullError(ErrorCode.TIMEOUT, f"Listing {folder} took too long.", "Look at the disk or the mount.")
    try:
        refuse_foreign(folder, folder.lstat())
        found = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except FileNotFoundError as error:
        what = f"The folder {folder} is not there."
        raise PullError(ErrorCode.UNREACHABLE, what, "Check that it is mounted and spelt rightly.") from error
    except NotADirectoryError as error:
        raise PullError(ErrorCode.CONFIG, f"{folder} is not a folder.", "Name the folder, not a file in it.") from error
    except PermissionError as error:
        what = f"The folder {folder} may not be read."
        raise PullError(ErrorCode.PERMISSION, what, "Give the service's user the right to read it.") from error
    except OSError as error:
        raise PullError(ErrorCode.UNREACHABLE, f"The folder {folder} cannot be read: {error}.", "Check it.") from error
    for path in found:
        refuse_unnamed(path)
        if path.is_dir() and not path.is_symlink():
            yield from _files(path, deadline)
        else:
            yield path


def _arrival(path: Path, top: Path, status: os.stat_result) -> Arrival:
    return Arrival(
        name=str(path.relative_to(top)),
        mark=f"{status.st_size}:{status.st_mtime_ns}",
        received=datetime.fromtimestamp(status.st_mtime, UTC),
        fetch=lambda into: _copy(path, into),
    )


def _copy(path: Path, into: Path) -> None:
    """The file whole, or not at all. What is checked is what is read: by handle, not by name."""
    try:
        with open(path, "rb", opener=unfollowed) as file, into.open("wb") as target:
            before = os.fstat(file.fileno())
            if not stat.S_ISREG(before.st_mode):
                raise plain(path)
            refuse_foreign(path, before)
            if before.st_size > LARGEST:
                what = f"{path} holds {before.st_size // 2**20} MB, more than one file of a flow log may."
                raise PullError(ErrorCode.CONFIG, what, "Have the log cut into files by the hour.")
            shutil.copyfileobj(file, target, 2**20)
            after = os.fstat(file.fileno())
    except PermissionError as error:
        what = f"{path} may not be read."
        raise PullError(ErrorCode.PERMISSION, what, "Give the service's user the right to read it.") from error
    except OSError as error:
        if error.errno in NO_FILE:
            raise plain(path) from error
        raise PullError(ErrorCode.UNREACHABLE, f"{path} could not be read: {error}.", "It is tried again.") from error
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise PullError(ErrorCode.TRUNCATED, f"{path} changed while it was read.", "The next fetching takes it whole.")
