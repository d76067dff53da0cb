"""A test sheet run on a host over SSH: the host tries the connections of a list and says what came of each.

The same session as a reading: the address is judged, the host proves its pinned key, one try to sign in. What runs is a
program that somebody put on the host for this, eastwest-try; it takes addresses and ports on its stdin, never commands.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from evidence.collectors import secrets
from evidence.collectors.collected import PullError
from evidence.collectors.linux import NOT_FOUND, REFUSED
from evidence.collectors.ssh import ran, signed_in
from evidence.collectors.way_in import WayIn
from evidence.models.sources import ErrorCode
from evidence.packs.manifest import path_part
from evidence.sheet_script import MOST_BYTES, STAMP, WAIT_S, numeric

PROGRAM: Final = "eastwest-try"  # as the host's own eastwest-pull knows it: the wish, word for word
MOST: Final = 100  # connections of one run; the program on the host takes no more
SPARE_S: Final = 60.0  # for the session around the tries
OUTSIDE: Final = 3  # its exit status outside the window: what it said says so too


def wish(sheet: str, sha256: str, host: str, pairs: Iterable[Mapping[str, Any]], window: Sequence[datetime]) -> bytes:
    """What eastwest-try is told: the sheet, the window, and a line for each pair of this host."""
    mine = [pair for pair in pairs if pair["from"] == host]
    low, high = (format(moment.astimezone(UTC), STAMP) for moment in window)
    lines = [f"eastwest-try/1 {sheet} {sha256} {path_part(host)} {low} {high} {len(mine)}"]
    lines += [f"{int(pair['row'])} {numeric(pair['target'])} {int(pair['port'])}" for pair in mine]
    return "\n".join([*lines, "end", ""]).encode("ascii")


def seconds_for(rows: int) -> float:
    """How long a run of so many pairs may take."""
    return rows * (WAIT_S + 1) + SPARE_S


def tried(way: WayIn, told: bytes, *, deadline: float) -> bytes:
    """What the host's eastwest-try printed. Raises PullError when it did not, or not all of it."""
    secret = secrets.secret_of(way.held, deadline) if way.held else None
    with signed_in(way.config, secret, deadline) as session:
        status, stream = ran(session, PROGRAM, deadline, told=told, refuse=refuse_flood)
    refuse_status(status, stream)
    return stream


def refuse_flood(stream: bytearray) -> None:
    """Breaks off what is no answer of ours."""
    if len(stream) > MOST_BYTES:
        what = "The host says much more than a test prints; it was broken off, and nothing of it counts."
        raise PullError(ErrorCode.TRUNCATED, what, f"Look at what the host runs as {PROGRAM}.")


def refuse_status(status: int, stream: bytes) -> None:
    """What the host's shell, its eastwest-pull or the program said by its exit status."""
    if status == NOT_FOUND:
        what = f"{PROGRAM} is not installed on the host: it lets no test be run over SSH."
        raise PullError(ErrorCode.DEPENDENCY, what, "Put it there if the host's owner agrees, or run its script there.")
    if status == REFUSED:
        what = "The host's own list does not let this key try anything: its eastwest-pull is an older one."
        raise PullError(ErrorCode.PERMISSION, what, "Run the command on the page of the source again, then try anew.")
    if status not in (0, OUTSIDE) or not stream:
        what = f"{PROGRAM} ended with {status} on the host, and what it had said does not count."
        raise PullError(ErrorCode.PARSE, what, f"Run {PROGRAM} on the host by hand, as the account.")
