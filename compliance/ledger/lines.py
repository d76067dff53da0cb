"""Entries as lines: appended to a file, or as messages of RFC 5424 to a log server.

A line is the entry exactly as it was hashed: SHA-256 over a zero byte and the line is its leaf in the log. So whoever
keeps the lines can hold them against a pack's proof or the whole log.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterable, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import urlsplit

from compliance.ledger.places import NotPublished

SEND_S: Final = 10.0
GOODBYE_S: Final = 2.0  # for the other end to have read everything
LARGEST: Final = 60_000  # bytes of one message that is one packet
PRIORITY: Final = 10 * 8 + 6  # authpriv, info


class Entry(Protocol):
    """What is sent of an entry."""

    seq: int
    data: str
    leaf_hash: str


def to_file(entries: Sequence[Entry], path: Path) -> None:
    """Appends them, whole and to the disk, to a file of mode 0600 (a mode given later stays). Raises NotPublished.

    A line that was cut off by a full disk or a crash is ended first: it stays one broken line, and is sent again whole.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            size = os.fstat(handle).st_size
            torn = size > 0 and os.pread(handle, 1, size - 1) != b"\n"
            data = (b"\n" if torn else b"") + b"".join(entry.data.encode() + b"\n" for entry in entries)
            if os.write(handle, data) != len(data):
                raise NotPublished(f"{path}: only a part was written; is the disk full?")
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as wrong:
        raise NotPublished(f"{path}: {wrong.strerror or wrong}") from wrong


def to_syslog(entries: Sequence[Entry], where: str) -> None:
    """Each as one message to a socket (/dev/log), udp://host:514 or tcp://host:514. Raises NotPublished.

    Over TCP messages are counted in octets (RFC 6587), and the other end is waited for to read to the end.
    """
    try:
        with closing(opened(where)) as line:
            counted = line.type == socket.SOCK_STREAM
            for message in messages(entries, whole=counted):
                line.sendall(f"{len(message)} ".encode() + message if counted else message)
            if counted:
                line.shutdown(socket.SHUT_WR)
                line.settimeout(GOODBYE_S)
                with suppress(TimeoutError):  # it keeps its side open, as it may
                    while line.recv(4096):
                        pass
    except (OSError, ValueError) as wrong:
        raise NotPublished(f"syslog {where}: {wrong}") from wrong


def opened(where: str) -> socket.socket:
    """A socket that leads there and nowhere else."""
    parts = urlsplit(where)
    if parts.scheme in ("udp", "tcp") and parts.hostname:
        kind = socket.SOCK_STREAM if parts.scheme == "tcp" else socket.SOCK_DGRAM
        family, _, _, _, address = socket.getaddrinfo(parts.hostname, parts.port or 514, type=kind)[0]
        return connected(family, kind, address)
    if not where.startswith("/"):
        raise ValueError("write /dev/log, udp://host:514 or tcp://host:514")
    try:
        return connected(socket.AF_UNIX, socket.SOCK_DGRAM, where)
    except OSError:
        return connected(socket.AF_UNIX, socket.SOCK_STREAM, where)


def connected(family: int, kind: int, address: object) -> socket.socket:
    """The socket, connected within its time."""
    made = socket.socket(family, kind)
    made.settimeout(SEND_S)
    try:
        made.connect(address)  # type: ignore[arg-type]
    except OSError:
        made.close()
        raise
    return made


def messages(entries: Iterable[Entry], *, whole: bool) -> Iterable[bytes]:
    """Messages of RFC 5424, with the entry's number as sequenceId. What is no packet's size any more is shortened."""
    host = "".join(letter for letter in socket.gethostname() if "!" <= letter <= "~")[:255] or "-"
    for entry in entries:
        said = json.loads(entry.data)
        head = f'<{PRIORITY}>1 {said["time"]} {host} eastwest - audit [meta sequenceId="{entry.seq}"] '
        text = entry.data.encode()
        if not whole and len(head) + len(text) > LARGEST:
            text = json.dumps(shortened(said, entry), ensure_ascii=True, separators=(",", ":")).encode()
        yield head.encode() + text


def shortened(said: dict[str, object], entry: Entry) -> dict[str, object]:
    """What fits in a packet: which entry it is, who did what to what, and the leaf by which the whole is known."""
    kept = {name: said.get(name) for name in ("format", "uid", "time", "actor", "verb", "object")}
    return {**kept, "seq": entry.seq, "leaf": entry.leaf_hash, "shortened": True}
