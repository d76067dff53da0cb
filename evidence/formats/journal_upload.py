"""`journal-upload.conf`: where systemd-journal-upload sends this host's journal (journal-upload.conf(5))."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from evidence.formats import statements
from evidence.formats.cursor import Account, Line
from evidence.rules import Artefact, Reading, Statement

NAME = "journal-upload"
ABOUT = "logs"
SECTION = "[Upload]"
ROW = re.compile(r"^([A-Za-z]+)\s*=\s*(.*)$")
SAYS_NOTHING = frozenset({"serverkeyfile", "servercertificatefile", "trustedcertificatefile", "networktimeoutsec",
                          "compression", "forcecompression", "header"})  # fmt: skip


def sniff(head: bytes, name: str) -> float:
    """How sure it is that this is such a file, 0 to 1."""
    if re.search(rb"^\[Upload\]\s*$", head, re.MULTILINE):
        return 0.95
    return 0.6 if "journal-upload" in name.lower() else 0.0


def read(artefacts: Sequence[Artefact]) -> Reading:
    """The target: subject the address of the collector, value `everything`."""
    return statements.reading(NAME, ABOUT, artefacts, _rows)


def _rows(rows: list[Line], account: Account, point: str) -> Iterator[Statement]:
    inside = False
    last: Statement | None = None
    for row in rows:
        text = row.text.strip()
        if not text or text.startswith(("#", ";")):
            account.ignore(row.number)
            continue
        if text == SECTION:
            inside = True
            account.consume(row.number)
            continue
        found = ROW.match(text) if inside and not row.damaged else None
        key = found[1].lower() if found else ""
        if found is not None and key == "url":
            account.consume(row.number)  # the last one holds, as in every file of systemd
            details = (("by", "systemd-journal-upload"),)
            last = Statement(ABOUT, found[2], "everything", details, account.origin(row)) if found[2] else None
        elif key in SAYS_NOTHING:
            account.ignore(row.number)
        else:
            account.fail(row.number, row.text, "not a setting of journal-upload.conf", point)
    if last is not None:
        yield last
