"""`chronyc -n sources`: where this host takes its time from, and whether it does (chronyc(1)).

A row is mode and state in two signs, the address, stratum, poll, reach (an octal register of the last eight answers),
when it last answered, and the last sample. `^*` is the server the clock follows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from evidence.formats import statements
from evidence.formats.cursor import Account, Line
from evidence.rules import Artefact, Reading, Statement

NAME = "chrony"
ABOUT = "time"
MODES = {"^": "server", "=": "peer", "#": "local clock"}
STATES = {
    "*": "followed", "+": "combined", "-": "not combined", "?": "not usable", "x": "false", "~": "too variable",
}  # fmt: skip
SNIFFED = re.compile(rb"^(?:MS Name/IP address|210 Number of sources|[\^=#][*+\-?x~] \S+ +\d+ +-?\d+ +[0-7]{1,3} )",
                     re.MULTILINE)  # fmt: skip
ROW = re.compile(r"^([\^=#])([*+\-?x~]) (\S+) +(\d+) +(-?\d+) +([0-7]{1,3}) +(-|\d+[mhdy]?) +(\S.*)$")
HEADS = ("MS Name/IP address", "=====", "210 Number of sources")


def sniff(head: bytes, name: str) -> float:
    """How sure it is that this is such an output, 0 to 1."""
    if SNIFFED.search(head):
        return 0.95
    return 0.6 if "chronyc" in name.lower() else 0.0


def read(artefacts: Sequence[Artefact]) -> Reading:
    """One statement a time source: subject its address or name, value what chrony makes of it."""
    return statements.reading(NAME, ABOUT, artefacts, _rows)


def _rows(rows: list[Line], account: Account, point: str) -> Iterator[Statement]:
    for row in rows:
        text = row.text.rstrip()
        if not text or text.startswith(HEADS):
            account.ignore(row.number)
            continue
        found = None if row.damaged else ROW.match(text)
        if found is None:
            account.fail(row.number, row.text, "not a row of `chronyc -n sources`", point)
            continue
        account.consume(row.number)
        mode, state, address, stratum, _, reach, last, sample = found.groups()
        details = (("mode", MODES[mode]), ("stratum", stratum), ("reach", reach), ("last answer", last),
                   ("sample", sample))  # fmt: skip
        yield Statement(ABOUT, address, STATES[state], details, account.origin(row))
