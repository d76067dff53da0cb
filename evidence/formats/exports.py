"""`/etc/exports` (and the files of `/etc/exports.d`): what is meant to be exported at the next `exportfs -r`.

The traps of exports(5), each seen with exportfs 2.6.2: a blank before the bracket (`10.1.1.6 (rw)`) exports to the
named client with the defaults and to the WORLD with what the bracket says; no client at all is everybody; a client
without a bracket gets the defaults (`ro`, `root_squash`, `sec=sys`) or those of a leading `-options`; a backslash
joins lines, but not after a comment. A line nfs-utils would refuse is unread: with it in the file nothing is proven.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from compliance.traffic.shares import Origin, Share
from evidence.formats import nfs
from evidence.formats.cursor import Account, Line, lines_of
from evidence.rules import Artefact, Lines, Point, Reading, Unread

NAME = "exports"
QUOTED = 2_000  # characters of a statement that are kept with each of its clients
SNIFFED = re.compile(rb'^[ \t]*"?/[^\n]*[ \t]\S*\((?:ro|rw|sec=|sync|async|no_)', re.MULTILINE)


def sniff(head: bytes, name: str) -> float:
    """How sure it is that this is an exports file, 0 to 1."""
    named = name.lower().endswith((".exports", "exports")) or "/exports" in name.lower()
    if SNIFFED.search(head) and b"wdelay" not in head:
        return 0.9 if named else 0.7
    return 0.6 if named else 0.0


def read(artefacts: Sequence[Artefact]) -> Reading:
    """The exports as shares. Gives all clients of all paths; an empty file is a reading without shares."""
    found: list[Share] = []
    unread: list[Unread] = []
    lines: dict[str, Lines] = {}
    for artefact in artefacts:
        rows = lines_of(artefact)
        account = Account(artefact, len(rows))
        for statement in _statements(rows, account):
            found.extend(_exports(account, *statement))
        unread.extend(account.unread())
        lines[artefact.name] = account.lines()
    point = Point(nfs.POINT, "allow-union", (), len(unread))
    return Reading(NAME, points=(point,), shares=tuple(found), unread=tuple(unread), lines=lines)


def _statements(rows: list[Line], account: Account) -> Iterator[tuple[list[Line], list[str]]]:
    """(lines, tokens) of each statement; lines without one are ignored."""
    held: list[Line] = []
    tokens: list[str] = []
    for row in rows:
        words, continues, quoted_open = _words(row.text)
        held.append(row)
        tokens.extend(words)
        if row.damaged or quoted_open:
            _fail(account, held, "a quotation mark is not closed" if quoted_open else "it holds bytes that are no text")
        elif continues:
            continue
        elif tokens:
            yield held, tokens
        else:
            for blank in held:
                account.ignore(blank.number)
        held, tokens = [], []
    if held:
        _fail(account, held, "the file ends in the middle of a statement")


def _fail(account: Account, rows: list[Line], reason: str) -> None:
    for row in rows:
        account.fail(row.number, row.text, reason, nfs.POINT)


def _words(row: str) -> tuple[list[str], bool, bool]:
    """(tokens, continued on the next line, a quotation mark is open). Quotes may stand anywhere in a token."""
    words: list[str] = []
    word, started, quoted = "", False, False
    body = row[:-1] if row.endswith("\\") else row
    for sign in body:
        if sign == '"':
            quoted, started = not quoted, True
        elif sign.isspace() and not quoted:
            if started:
                words.append(word)
            word, started = "", False
        elif sign == "#" and not started:
            return words, False, False
        else:
            word, started = word + sign, True
    if started:
        words.append(word)
    return words, body != row, quoted


def _exports(account: Account, rows: list[Line], tokens: list[str]) -> list[Share]:
    text = "\n".join(row.text for row in rows)
    path, *rest = tokens
    try:
        if not path.startswith("/"):
            raise nfs.BadOptions("it does not begin with a path")
        defaults = [rest.pop(0)[1:]] if rest and rest[0].startswith("-") else []
        found = [
            share
            for token in rest or [""]
            for share in _shares(token, path, defaults, _origin(account, rows, text, f"{path} … {token}"))
        ]
    except nfs.BadOptions as wrong:
        _fail(account, rows, str(wrong))
        return []
    for row in rows:
        account.consume(row.number)
    return found


def _origin(account: Account, rows: list[Line], text: str, short: str) -> Origin:
    """Where a client stands. A long statement is not repeated for each of its clients: that would be its square."""
    return Origin(account.digest, account.name, rows[0].number, rows[-1].number, text if len(text) <= QUOTED else short)


def _shares(token: str, path: str, defaults: list[str], origin: Origin) -> Iterator[Share]:
    client, own = _client(token)
    return nfs.shares(nfs.unescape(path), client, [*defaults, *own], origin)


def _client(token: str) -> tuple[str, list[str]]:
    """(client, its option lists). Raises nfs.BadOptions on a bracket that nfs-utils refuses."""
    client, bracket, rest = nfs.unescape(token).partition("(")
    if not bracket:
        return client, []
    if not rest.endswith(")") or ")" in rest[:-1]:
        raise nfs.BadOptions(f"the option list ({rest} is not closed, or holds a blank")
    return client, [rest[:-1]]
