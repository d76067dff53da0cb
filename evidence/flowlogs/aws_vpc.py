"""AWS VPC flow logs as text (S3, or exported from CloudWatch Logs), versions 2 to 5 and formats of one's own.

What a column means is told by the header of each file, never by its place: the order is whatever the log was set up
with. Without a header it is version 2, which is what CloudWatch Logs keeps. A dash is "not said". `pkt-srcaddr` and
`pkt-dstaddr` are taken before the interface's addresses: they are the real ends where a gateway stands between.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from evidence.flowlogs.aws_fields import DELIVERED, NUMBERS, V2, checked, columns_of, fault, table_of
from evidence.flowlogs.engine import Engine, quoted
from evidence.flowlogs.shapes import Columns, Naming, Plain, Sifted, Table, lines_of

NAME: Final = "aws-vpc"
BY_LINES: Final = True
V2_LINE: Final = re.compile(
    r"(\d{4}-\d\d-\d\dT[\d:.]{8,15}Z )?2 \S{1,40} \S{1,60}( \S{1,45}){8} \d+ \S{1,10} [A-Z]{2,10}"
)


def sniff(head: bytes, name: str) -> float:
    """How sure it is that this is such a log, 0 to 1."""
    first = head.split(b"\n", 1)[0].decode("utf-8", "replace").strip()
    if is_header(first):
        return 0.95
    return 0.8 if V2_LINE.fullmatch(first) else 0.0


def is_header(line: str) -> bool:
    """Whether a line names columns."""
    words = line.split()
    return "srcaddr" in words or "dstaddr" in words or words[:2] == ["version", "account-id"]


def table(plain: Plain, engine: Engine) -> Table | None:
    """The records as the engine reads them; None where the lines end otherwise than in a line feed alone."""
    with plain.path.open("rb") as source:
        first = source.readline(65536)
    if first.endswith(b"\r\n"):
        return None
    columns, header = _columns(first.decode("utf-8", "replace"))
    return from_text(plain.path, columns, header, plain.name)


def columns(head: bytes, name: str) -> Columns | None:
    """How the lines of a file that begins so are taken apart by the column; None as `table`."""
    first, feed, _ = head.partition(b"\n")
    if not feed or first.endswith(b"\r"):
        return None
    names, header = _columns(first.decode("utf-8", "replace"))
    return columns_of(names, header, lambda path: from_text(path, names, 0, name))


def sift(plain: Plain, engine: Engine, into: Path) -> Sifted:
    """Every line by itself: those that are whole go, by the header that stands above them, into files of their own."""
    named, ignored = Naming(plain.name), 0
    tables: list[Table] = []
    columns: tuple[str, ...] = ()
    target = None
    try:
        for number, line in lines_of(plain.path):
            if not line.strip():
                ignored += 1
                continue
            if is_header(line) or not columns:
                found, header = _columns(line)
                ignored += header
                if found != columns or target is None:
                    columns = found
                    if target is not None:
                        target.close()
                    path = into / f"part-{len(tables)}"
                    target = path.open("w", encoding="utf-8")
                    tables.append(from_text(path, columns, 0, plain.name))
                if header:
                    continue
            wrong = fault(columns, line)
            if wrong:
                named.fail(number, line, wrong)
            elif target is not None:
                target.write(" ".join(line.split()) + "\n")
    finally:
        if target is not None:
            target.close()
    return Sifted(tuple(tables), ignored, named.failed, tuple(named.unread))


def _columns(line: str) -> tuple[tuple[str, ...], int]:
    """The columns a first line gives, and 1 when it is a header itself."""
    if is_header(line):
        return tuple(word.lower() for word in line.split()), 1
    found = V2_LINE.fullmatch(line.rstrip("\r\n"))
    return ((DELIVERED, *V2) if found and found[1] else V2), 0


def from_text(path: Path, columns: tuple[str, ...], header: int, name: str) -> Table:
    """Records on lines of these columns, after `header` lines that are none. Raises FormatError."""
    checked(columns, name)
    known = {one: NUMBERS[one][0] if one in NUMBERS else "VARCHAR" for one in columns}
    spelt = ", ".join(f"{quoted(one)}: '{kind}'" for one, kind in known.items())
    source = (
        f"read_csv({quoted(path)}, delim=' ', header=false, skip={header}, columns={{{spelt}}}, auto_detect=false,"
        f" quote='', escape='', comment='', nullstr='-', new_line='\\n', max_line_size=65536, buffer_size=8388608)"
    )
    return table_of(columns, source, header)
