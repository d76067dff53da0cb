"""`/var/lib/nfs/rmtab`: which clients asked mountd for an export, as the NFS server notes it (NFS 2 and 3 only).

`client:/path:0x00000001`, the number how often. mountd forgets only clients that say good-bye (rpc.mountd(8)), so a
row says that a client asked once, not that it has the share now; clients of NFS 4 never ask mountd.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from evidence.formats import statements
from evidence.formats.cursor import Account, Line
from evidence.rules import Artefact, Reading, Statement

NAME = "rmtab"
ABOUT = "mounted-by"
ROW = re.compile(r"^(?P<client>[^/\s]+):(?P<path>/.*):0x(?P<count>[0-9a-fA-F]{1,8})$")
SNIFFED = re.compile(rb"^[^/\s:]\S*:/[^\n]*:0x[0-9a-f]{8}$", re.MULTILINE)


def sniff(head: bytes, name: str) -> float:
    """How sure it is that this is such a table, 0 to 1."""
    if SNIFFED.search(head):
        return 0.9
    return 0.6 if name.rstrip().endswith("rmtab") else 0.0


def read(artefacts: Sequence[Artefact]) -> Reading:
    """One statement a client and path: subject the path, value the client."""
    return statements.reading(NAME, ABOUT, artefacts, _rows)


def _rows(rows: list[Line], account: Account, point: str) -> Iterator[Statement]:
    for row in rows:
        if not row.text.strip():
            account.ignore(row.number)
            continue
        found = None if row.damaged else ROW.match(row.text)
        if found is None:
            account.fail(row.number, row.text, "not a client, a path and a number", point)
            continue
        account.consume(row.number)
        times = str(int(found["count"], 16))
        yield Statement(ABOUT, found["path"], found["client"].strip("[]"), (("times", times),), account.origin(row))
