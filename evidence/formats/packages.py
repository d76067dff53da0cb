"""When software was last installed or upgraded: dpkg.log, apt's history.log, or `rpm -qa --last`.

Only the newest moment of a file is kept, with what was done then: it says that somebody patched on that day, not that
nothing is missing. A log that was rotated the day before may be empty; then nothing is said.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime

from evidence.formats import statements
from evidence.formats.cursor import Account, Line
from evidence.rules import Artefact, Reading, Statement

NAME = "packages"
ABOUT = "updates"
SNIFFED = re.compile(
    rb"^(?:\d{4}-\d\d-\d\d \d\d:\d\d:\d\d (?:startup|status|install|upgrade|configure|trigproc|remove|purge|conffile) "
    rb"|Start-Date: \d{4}-\d\d-\d\d|[A-Za-z0-9][\w.+~-]*-[\w.+~^:]+-[\w.+~^]+ +(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) )",
    re.MULTILINE,
)
DPKG = re.compile(
    r"^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) (startup|status|install|upgrade|configure|trigproc|remove|purge|disappear"
    r"|conffile)\b ?(.*)$"
)
CHANGES = ("install", "upgrade")
APT = re.compile(r"^(Start-Date|End-Date|Commandline|Requested-By|Install|Upgrade|Downgrade|Reinstall|Remove|Purge"
                 r"|Error|Comment): *(.*)$")  # fmt: skip
RPM = re.compile(r"^(\S+) +(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? +(.+)$")
RPM_DATES = ("%d %b %Y %I:%M:%S %p", "%d %b %Y %H:%M:%S", "%b %d %H:%M:%S %Y", "%b %d %Y %H:%M:%S")
KINDS = ("Install", "Upgrade", "Downgrade", "Reinstall")
QUOTED = 120


def sniff(head: bytes, name: str) -> float:
    """How sure it is that this is such a log, 0 to 1."""
    if SNIFFED.search(head):
        return 0.9
    lower = name.lower()
    return 0.6 if re.search(r"dpkg\.log|apt/history|rpm -qa --last|rpm-qa-last", lower) else 0.0


def read(artefacts: Sequence[Artefact]) -> Reading:
    """One statement a file: subject the kind of log, value the newest moment (`2026-11-20 06:12:33`)."""
    return statements.reading(NAME, ABOUT, artefacts, _rows)


def _rows(rows: list[Line], account: Account, point: str) -> Iterator[Statement]:
    newest: dict[str, Statement] = {}
    began = ""
    for row in rows:
        text = row.text.strip()
        told: tuple[str, str, str] | None = None
        if not text:
            account.ignore(row.number)
            continue
        if row.damaged:
            account.fail(row.number, row.text, "it holds bytes that are no text", point)
            continue
        if found := DPKG.match(text):
            told = ("dpkg", found[1], f"{found[2]} {found[3]}") if found[2] in CHANGES else None
        elif found := APT.match(text):
            began = moment(found[2], ("%Y-%m-%d %H:%M:%S",)) if found[1] == "Start-Date" else began
            told = ("apt", began, f"{found[1].lower()} {found[2]}") if found[1] in KINDS and began else None
        elif (found := RPM.match(text)) and found[1].count("-") >= 2 and (at := moment(found[2], RPM_DATES)):
            told = ("rpm", at, found[1])
        else:
            account.fail(row.number, row.text, "not a line of dpkg's, apt's or rpm's record", point)
            continue
        account.consume(row.number)
        if told is not None and told[1] >= (newest[told[0]].value if told[0] in newest else ""):
            newest[told[0]] = Statement(ABOUT, told[0], told[1], (("what", told[2][:QUOTED]),), account.origin(row))
    yield from newest.values()


def moment(text: str, shapes: Sequence[str]) -> str:
    """A time as `YYYY-MM-DD HH:MM:SS`, in the host's own time zone, which no such log names; "" when it is none."""
    words = text.split()
    for several in (words, words[:-1]):  # rpm adds the name of the zone where the locale has it
        for shape in shapes:
            try:
                return f"{datetime.strptime(' '.join(several), shape):%Y-%m-%d %H:%M:%S}"
            except ValueError:
                continue
    return ""
