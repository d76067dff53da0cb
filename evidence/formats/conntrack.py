"""`conntrack -L -o xml`: the connections the kernel follows at this moment, kept as evidence of what talks.

Each `<flow>` element is counted as one line, as the tool prints it. Nothing is concluded from it in this version: the
bytes are kept, and how many flows of which protocol there were is said. A document type or an entity is refused: the
tool never writes one.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from evidence.formats import statements
from evidence.formats.cursor import Account, Line, ends_whole
from evidence.rules import Artefact, FormatError, Reading, Statement

NAME = "conntrack"
ABOUT = "flows"
SNIFFED = re.compile(rb"<conntrack>|<flow><meta direction=")
FLOW = re.compile(r"^<flow(?: type=\"\w{1,20}\")?><meta direction=\"original\">.*</meta></flow>$")
PROTOCOL = re.compile(r"<layer4 protonum=\"(\d{1,3})\" protoname=\"([\w-]{1,20})\">")
FRAME = re.compile(r"^(?:<\?xml version=\"1\.0\" encoding=\"utf-8\"\?>|<conntrack>|</conntrack>)$")
END = "</conntrack>"


def sniff(head: bytes, name: str) -> float:
    """How sure it is that this is such an output, 0 to 1."""
    if SNIFFED.search(head):
        return 0.95
    return 0.6 if name.lower().startswith("conntrack") else 0.0


def read(artefacts: Sequence[Artefact]) -> Reading:
    """How many flows of which protocol. Raises FormatError on what is no such list, or ends before it does."""
    for artefact in artefacts:
        if b"<!" in artefact.content:
            why = "it declares a document type or an entity, which conntrack never writes"
            raise FormatError(f"{artefact.name} was refused", why, "Give the output of `conntrack -L -o xml`.")
        if artefact.content.strip() and not (artefact.content.rstrip().endswith(END.encode()) and ends_whole(artefact)):
            why = f"it does not end with {END}, so flows may be missing"
            raise FormatError(f"{artefact.name} is cut short", why, "Take the list again.")
    return statements.reading(NAME, ABOUT, artefacts, _rows)


def _rows(rows: list[Line], account: Account, point: str) -> Iterator[Statement]:
    found: Counter[str] = Counter()
    first: Line | None = None
    for row in rows:
        text = row.text.strip()
        if not text or FRAME.match(text):
            account.ignore(row.number)
            continue
        protocol = PROTOCOL.search(text) if FLOW.match(text) and text.count("<flow") == 1 else None
        if protocol is None or row.damaged:
            account.fail(row.number, row.text, "not one <flow> element with its protocol", point)
            continue
        account.consume(row.number)
        first = first or row
        found[protocol[2] if protocol[2] != "unknown" else f"protocol {protocol[1]}"] += 1
    for name, count in sorted(found.items()):
        if first is not None:
            yield Statement(ABOUT, name, str(count), (), account.origin(first))
