"""A folder on this machine into which the dumps of one host are put."""

from __future__ import annotations

import errno
import os
import pwd
import shlex
import stat
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from evidence.collectors.collected import Collected, PullError, Step
from evidence.models.sources import ErrorCode
from evidence.rules import Artefact

LARGEST = 256 * 2**20  # bytes of one file
MOST = 64  # files of one host
ROOT = 0  # the user who may write anything anyway
NO_FILE = {errno.ELOOP, errno.ENXIO, errno.EISDIR}  # what open(2) says of a link with O_NOFOLLOW, a socket, a folder
# what wrote a file, told by its name: an empty dump counts only when its command is known
COMMANDS = {
    "ip6tables-legacy-save": "ip6tables-legacy-save",
    "iptables-legacy-save": "iptables-legacy-save",
    "ip6tables-save": "ip6tables-save -c",
    "iptables-save": "iptables-save -c",
}


def collect(config: Mapping[str, Any], *, secret: bytes | None, since: str | None, deadline: float) -> Collected:
    """The plain files of the folder `config["path"]`, hidden ones left out; with `config["pattern"]` those so named.

    Links are refused, not followed, and so is what somebody else may have written: folder and files must belong to
    root or to the user we run as, and not be writable by everybody. A file that changes while it is read is refused
    as truncated: the next pull finds it whole. Files left out by the pattern are counted in `missing`. What they show
    is as old as the oldest of them.
    """
    folder = Path(str(config.get("path", "")))
    if not folder.is_absolute():
        raise PullError(ErrorCode.CONFIG, f"The folder {str(folder)!r} is not an absolute path.", "Correct the source.")
    found = listed(folder)
    pattern = str(config.get("pattern") or "*")
    named = [path for path in found if fnmatchcase(path.name, pattern)]
    if len(named) > MOST:
        raise PullError(
            ErrorCode.CONFIG, f"The folder {folder} holds {len(named)} files.", "Give each host a folder of its own."
        )
    if not named:
        what = f"no file named {pattern}" if found else "no file"
        raise PullError(ErrorCode.EMPTY, f"The folder {folder} holds {what}.", "Look whether the dumps still arrive.")
    artefacts = tuple(read(path, deadline) for path in named)
    left = len(found) - len(named)
    missing = (f"{left} {'file' if left == 1 else 'files'} not named {pattern}",) if left else ()
    oldest = min(each.observed_at for each in artefacts if each.observed_at)
    return Collected(artefacts, cursor="", complete=True, missing=missing, seen_at=oldest)


def probe(config: Mapping[str, Any], *, secret: bytes | None, deadline: float) -> tuple[Step, ...]:
    """Whether the folder is there and ours to trust, and which files would be read. No file is opened."""
    folder, pattern = Path(str(config.get("path", ""))), str(config.get("pattern") or "*")
    try:
        found = listed(folder) if folder.is_absolute() else []
    except PullError as error:
        return (
            Step(f"Open the folder {folder}", "failed", error.what, error.next_step),
            Step(f"Find files named {pattern}", "skipped"),
        )
    if not folder.is_absolute():
        return (Step("Open the folder", "failed", f"{str(folder)!r} is not an absolute path.", "Correct the source."),)
    named = [path.name for path in found if fnmatchcase(path.name, pattern)]
    opened = Step(f"Open the folder {folder}", "ok", "It is there, and nobody else may write into it.")
    if not named:
        what = "There is none." if not found else f"None of its {len(found)} files is named so."
        return opened, Step(f"Find files named {pattern}", "failed", what, "Look whether the dumps still arrive.")
    return opened, Step(f"Find files named {pattern}", "ok", f"{len(named)} of {len(found)}: {', '.join(named[:10])}")


def listed(folder: Path) -> list[Path]:
    """The files of the folder by name; raises PullError for a folder that is not there, or not ours to trust."""
    try:
        found = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
        refuse_foreign(folder, folder.stat())
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
    for path in found:
        refuse_unnamed(path)
    return found


def refuse_unnamed(path: Path) -> None:
    """Refuses a file whose name is no text: it could be neither kept nor spoken of."""
    try:
        path.name.encode()
    except UnicodeEncodeError as error:
        shown = path.name.encode(errors="backslashreplace").decode()
        raise PullError(
            ErrorCode.CONFIG, f"The name {shown} is not UTF-8 text.", "Give the file another name."
        ) from error


def refuse_foreign(place: Path, status: os.stat_result) -> None:
    """Refuses what somebody else may have put there or changed: evidence nobody vouches for proves nothing."""
    if status.st_mode & stat.S_IWOTH:
        raise PullError(
            ErrorCode.PERMISSION,
            f"{place} can be written by everybody on this machine, so nobody knows who wrote it.",
            f"Take that right away: chmod o-w {shlex.quote(str(place))}",
        )
    if status.st_uid not in {ROOT, os.geteuid()}:
        owner, ours = name_of(status.st_uid), name_of(os.geteuid())
        raise PullError(
            ErrorCode.PERMISSION,
            f"{place} belongs to {owner}, who is neither root nor the service's user ({ours}).",
            f"Let the dumps be put there by {ours}, or: chown {ours} {shlex.quote(str(place))}",
        )


def name_of(user: int) -> str:
    """The user's name, or its number where it has none."""
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return str(user)


def read(path: Path, deadline: float) -> Artefact:
    """One file with its time, read whole or not at all. What is checked is what is read: by handle, not by name."""
    if time.monotonic() > deadline:
        raise PullError(ErrorCode.TIMEOUT, f"Reading {path.parent} took too long.", "Look at the disk or the mount.")
    try:
        with open(path, "rb", opener=unfollowed) as file:
            before = os.fstat(file.fileno())
            refuse_odd(path, before)
            content = file.read()
            after = os.fstat(file.fileno())
    except PermissionError as error:
        raise PullError(
            ErrorCode.PERMISSION, f"{path} may not be read.", "Give the service's user the right to read it."
        ) from error
    except OSError as error:
        if error.errno in NO_FILE:
            raise plain(path) from error
        raise PullError(ErrorCode.UNREACHABLE, f"{path} could not be read: {error}.", "Read it again later.") from error
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns) or len(content) != after.st_size:
        raise PullError(ErrorCode.TRUNCATED, f"{path} changed while it was read.", "The next pull reads it whole.")
    return Artefact(path.name, content, command(path.name), datetime.fromtimestamp(after.st_mtime, UTC))


def unfollowed(name: str, flags: int) -> int:
    """Opens for `open`: never through a link, never waiting for somebody to write into a pipe."""
    return os.open(name, flags | os.O_NOFOLLOW | os.O_NONBLOCK)


def refuse_odd(path: Path, status: os.stat_result) -> None:
    """Refuses what is no plain file, is too large, or is not ours to trust."""
    if not stat.S_ISREG(status.st_mode):
        raise plain(path)
    refuse_foreign(path, status)
    if status.st_size > LARGEST:
        size = status.st_size // 2**20
        raise PullError(ErrorCode.CONFIG, f"{path} holds {size} MB, more than a dump does.", "Look what was put there.")


def plain(path: Path) -> PullError:
    """A link, a folder or a device where a file must be."""
    return PullError(ErrorCode.CONFIG, f"{path} is a link or no plain file.", "Put the file itself there.")


def command(name: str) -> str:
    """The command behind a file, as far as its name tells."""
    return next((said for prefix, said in COMMANDS.items() if name.startswith(prefix)), "")
