"""`exportfs -s` (and `-v`): what the NFS server exports now, one client a line.

`/srv/with\\040space  10.1.1.0/24(sync,wdelay,hide,no_subtree_check,sec=sys,rw,root_squash,no_all_squash)`
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from compliance.traffic.shares import Share
from evidence.formats import nfs
from evidence.formats.cursor import Account, Line, lines_of
from evidence.rules import Artefact, Lines, Point, Reading, Unread

NAME = "exportfs"
SNIFFED = re.compile(rb"^/[^\n]*[ \t\n]\S*\([a-z_,=0-9:]*wdelay", re.MULTILINE)
SAYS_NOTHING = ("exportfs: ",)  # warnings, where standard error was kept with the output


def sniff(head: bytes, name: str) -> float:
    """How sure it is that this is such an output, 0 to 1."""
    if SNIFFED.search(head):
        return 0.95
    return 0.6 if "exportfs" in name.lower() else 0.0


def read(artefacts: Sequence[Artefact]) -> Reading:
    """The exports as shares; the server's name is not in the output. Nothing exported is a reading without shares."""
    found: list[Share] = []
    unread: list[Unread] = []
    lines: dict[str, Lines] = {}
    for artefact in artefacts:
        rows = lines_of(artefact)
        account = Account(artefact, len(rows))
        found.extend(_exports(rows, account))
        unread.extend(account.unread())
        lines[artefact.name] = account.lines()
    point = Point(nfs.POINT, "allow-union", (), len(unread))
    return Reading(NAME, points=(point,), shares=tuple(found), unread=tuple(unread), lines=lines)


def _exports(rows: list[Line], account: Account) -> Iterator[Share]:
    waiting: Line | None = None  # `-v` gives a long path a line of its own
    for row in rows:
        text = row.text.strip()
        if not text or text.startswith(SAYS_NOTHING):
            account.ignore(row.number)
            continue
        if waiting is None and text.startswith("/") and "(" not in text:
            waiting = row
            continue
        try:
            yield from _one(row, waiting, account)
            account.consume(row.number)
            if waiting is not None:
                account.consume(waiting.number)
        except nfs.BadOptions as wrong:
            account.fail(row.number, row.text, str(wrong), nfs.POINT)
            if waiting is not None:
                account.fail(waiting.number, waiting.text, "no client follows", nfs.POINT)
        waiting = None
    if waiting is not None:
        account.fail(waiting.number, waiting.text, "the output ends before the client", nfs.POINT)


def _one(row: Line, waiting: Line | None, account: Account) -> list[Share]:
    text = row.text.strip()
    before, client, options = _parts(text)
    if row.damaged:
        raise nfs.BadOptions("not a path with a client and its options in brackets")
    path = before or (waiting.text.strip() if waiting else "")
    if not path.startswith("/"):
        raise nfs.BadOptions("there is no path before the client")
    return list(nfs.shares(nfs.unescape(path), client, [options], account.origin(row)))


def _parts(text: str) -> tuple[str, str, str]:
    """Path, client and options: the last two close the line (`-v` does not escape the blanks of a path)."""
    start, bracket, options = text.removesuffix(")").rpartition("(")
    if not text.endswith(")") or not bracket or ")" in options:
        raise nfs.BadOptions("not a path with a client and its options in brackets")
    words = start.split()
    client = words[-1] if words and start.endswith(words[-1]) else ""
    return start[: len(start) - len(client)].strip(), client, options
