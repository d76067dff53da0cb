"""Where checkpoints go, outside the database: an append-only file, the system's log, a git repository.

Each place takes the signed note and raises NotPublished with a sentence when it did not get there. Mail goes through
Django and is in compliance/actions/checkpoints.py.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from logging import LogRecord
from logging.handlers import SysLogHandler
from pathlib import Path
from urllib.parse import urlsplit

from compliance.ledger.notes import Note, read

GIT_S = 60  # seconds a git command may take
AUTHOR = ("-c", "user.name=Eastwest", "-c", "user.email=eastwest@localhost", "-c", "commit.gpgsign=false")


class NotPublished(Exception):
    """A place did not take the checkpoint; the text says why."""


def to_file(note: str, path: Path) -> None:
    """Appends the note and an empty line, whole and to the disk, to a file of mode 0600 (a mode given later stays)."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            data = f"{note}\n".encode()
            if os.write(handle, data) != len(data):
                raise NotPublished(f"{path}: only a part was written; is the disk full?")
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as wrong:
        raise NotPublished(f"{path}: {wrong.strerror or wrong}") from wrong


def to_syslog(note: str, where: str) -> None:
    """One line in the system's log: `where` is a socket (/dev/log) or udp://host:port, tcp://host:port."""
    said, _, _ = read(note)
    whole = note.rstrip("\n").rpartition(" ")[2]
    line = f"eastwest-checkpoint origin={said.origin} size={said.size} root={said.root.hex()} at={said.at.isoformat()}"
    try:
        handler = SysLogHandler(*_syslog_address(where))
        try:
            handler.ident = "eastwest: "
            # SysLogHandler swallows what goes wrong in emit(); this asks the socket itself
            record = LogRecord("eastwest", 20, "", 0, f"{line} signature={whole}", None, None)
            _send(handler, f"<{handler.encodePriority('authpriv', 'info')}>eastwest: {record.getMessage()}")
        finally:
            handler.close()
    except (OSError, ValueError) as wrong:
        raise NotPublished(f"syslog {where}: {wrong}") from wrong


def _syslog_address(where: str) -> tuple[str | tuple[str, int], int, socket.SocketKind]:
    parts = urlsplit(where)
    if parts.scheme in ("udp", "tcp") and parts.hostname:
        kind = socket.SOCK_STREAM if parts.scheme == "tcp" else socket.SOCK_DGRAM
        return (parts.hostname, parts.port or 514), SysLogHandler.LOG_AUTHPRIV, kind
    if where.startswith("/"):
        return where, SysLogHandler.LOG_AUTHPRIV, socket.SOCK_DGRAM
    raise ValueError("write /dev/log, udp://host:514 or tcp://host:514")


def _send(handler: SysLogHandler, line: str) -> None:
    connection: socket.socket | None = getattr(handler, "socket", None)
    if connection is None:
        raise OSError("it does not answer")
    if handler.unixsocket:
        connection.send(line.encode())
    elif handler.socktype == socket.SOCK_DGRAM:
        connection.sendto(line.encode(), handler.address)
    else:
        connection.sendall(line.encode() + b"\n")


def to_git(note: str, remote: str, folder: Path) -> None:
    """Commits the note to checkpoints/<origin> in a clone in `folder` and pushes it; never by force."""
    said, _, _ = read(note)
    if shutil.which("git") is None:
        raise NotPublished("git is not installed")
    if not (folder / ".git").is_dir():
        folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _git(folder.parent, "clone", "--quiet", "--depth", "1", "--", remote, str(folder))
    elif _git(folder, "remote", "get-url", "origin").strip() != remote:
        _git(folder, "remote", "set-url", "origin", remote)
    has_branch = bool(_git(folder, "ls-remote", "--heads", "origin").strip())
    if has_branch:
        _git(folder, "pull", "--quiet", "--rebase", "origin", "HEAD")
    path = folder / "checkpoints" / said.origin.rpartition("/")[2]
    path.parent.mkdir(exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(f"{note}\n")
    _git(folder, "add", "--", str(path.relative_to(folder)))
    _git(folder, *AUTHOR, "commit", "--quiet", "-m", f"Checkpoint of #{said.size} at {said.at.isoformat()}")
    _git(folder, "push", "--quiet", "origin", "HEAD")


def _git(folder: Path, *arguments: str) -> str:
    calm = {"GIT_TERMINAL_PROMPT": "0", "GIT_SSH_COMMAND": os.environ.get("GIT_SSH_COMMAND", "ssh -o BatchMode=yes")}
    try:
        done = subprocess.run(
            ["git", *arguments],
            cwd=folder,
            env={**os.environ, **calm},
            capture_output=True,
            text=True,
            timeout=GIT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as wrong:
        raise NotPublished(f"git: {wrong}") from wrong
    if done.returncode:
        words = " ".join(done.stderr.split())[-300:]
        raise NotPublished(f"git {next((a for a in arguments if a.isalpha()), '')}: {words or 'failed'}")
    return done.stdout


def newest_in(path: Path, *, at_most: int = 64 * 1024) -> tuple[str, Note] | None:
    """The last whole note of such a file; None when there is none. Reads only its end."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - at_most))
            tail = file.read().decode("utf-8", "replace")
    except OSError:
        return None
    for text in reversed(notes_in(tail)):
        try:
            return text, read(text)[0]
        except ValueError:
            continue
    return None


def notes_in(text: str) -> list[str]:
    """The notes of a file that was appended to: an empty line ends the text, one more the note."""
    parts = [part for part in text.split("\n\n") if part.strip()]
    return [f"{said.lstrip(chr(10))}\n\n{sign.rstrip(chr(10))}\n" for said, sign in _pairs(parts)]


def _pairs(parts: list[str]) -> list[tuple[str, str]]:
    found, at = [], 0
    while at + 1 < len(parts):
        if parts[at + 1].lstrip("\n").startswith("— "):
            found.append((parts[at], parts[at + 1]))
            at += 2
        else:
            at += 1
    return found
