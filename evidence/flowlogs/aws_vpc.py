"""AWS VPC flow logs as text (S3, or exported from CloudWatch Logs), versions 2 to 5 and formats of one's own.

What a column means is told by the header of each file, never by its place: the order is whatever the log was set up
with. Without a header it is version 2, which is what CloudWatch Logs keeps. A dash is "not said". `pkt-srcaddr` and
`pkt-dstaddr` are taken before the interface's addresses: they are the real ends where a gateway stands between.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final

from evidence.flowlogs.engine import Engine, quoted
from evidence.flowlogs.shapes import Naming, Plain, Sifted, Table, lines_of
from evidence.rules import FormatError

NAME: Final = "aws-vpc"
BY_LINES: Final = True
V2: Final = (
    "version", "account-id", "interface-id", "srcaddr", "dstaddr", "srcport", "dstport", "protocol", "packets", "bytes",
    "start", "end", "action", "log-status",
)  # fmt: skip
LATER: Final = (  # what versions 3 to 5 added
    "vpc-id", "subnet-id", "instance-id", "tcp-flags", "type", "pkt-srcaddr", "pkt-dstaddr", "region", "az-id",
    "sublocation-type", "sublocation-id", "pkt-src-aws-service", "pkt-dst-aws-service", "flow-direction",
    "traffic-path",
)  # fmt: skip
KNOWN: Final = frozenset((*V2, *LATER))
NUMBERS: Final = {  # field -> its type in the engine and its greatest value
    "srcport": ("USMALLINT", 65535), "dstport": ("USMALLINT", 65535), "protocol": ("UTINYINT", 255),
    "packets": ("UBIGINT", 2**64 - 1), "bytes": ("UBIGINT", 2**64 - 1), "start": ("UINTEGER", 2**32 - 1),
    "end": ("UINTEGER", 2**32 - 1), "tcp-flags": ("USMALLINT", 65535),
}  # fmt: skip
ADDRESSES: Final = frozenset({"srcaddr", "dstaddr", "pkt-srcaddr", "pkt-dstaddr"})
NEEDED: Final = ("srcaddr", "dstaddr", "srcport", "dstport", "protocol", "start", "end", "action")
WHO_LOGS: Final = ("interface-id", "instance-id", "subnet-id", "vpc-id")  # the first that the format has
DELIVERED: Final = "delivered"  # CloudWatch's own time before each exported line
V2_LINE: Final = re.compile(
    r"(\d{4}-\d\d-\d\dT[\d:.]{8,15}Z )?2 \S{1,40} \S{1,60}( \S{1,45}){8} \d+ \S{1,10} [A-Z]{2,10}"
)
WHOLE: Final = re.compile(r"\d{1,20}")
SYN, SYN_ACK = 2, 18
DASH: Final = "-"


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
    return _table(plain.path, columns, header, plain.name)


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
                    tables.append(_table(path, columns, 0, plain.name))
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


def fault(columns: Sequence[str], line: str) -> str:
    """Why a line is no record of these columns; "" when it is one."""
    words = line.split()
    if len(words) != len(columns):
        return f"{len(words)} fields where the header names {len(columns)}"
    row = dict(zip(columns, words, strict=True))
    silent = row.get("log-status", "OK") in {"NODATA", "SKIPDATA"}
    if row.get("log-status", "OK") not in {"OK", "NODATA", "SKIPDATA"}:
        return f"log-status {row['log-status'][:20]!r} is not known"
    for name, word in row.items():
        if word == DASH:
            if name in NEEDED and not silent and name not in {"srcport", "dstport"}:
                return f"{name} is not said"
        elif name in NUMBERS and not (WHOLE.fullmatch(word) and word.isascii() and int(word) <= NUMBERS[name][1]):
            return f"{name} {word[:40]!r} is no number it can be"
        elif name in ADDRESSES and not _is_address(word):
            return f"{name} {word[:40]!r} is no address"
    if silent and DASH in {row["start"], row["end"]}:
        return "it does not say of which time nothing was recorded"
    if not silent and row["action"] not in {"ACCEPT", "REJECT"}:
        return f"action {row['action'][:20]!r} is neither ACCEPT nor REJECT"
    return ""


def _columns(line: str) -> tuple[tuple[str, ...], int]:
    """The columns a first line gives, and 1 when it is a header itself."""
    if is_header(line):
        return tuple(word.lower() for word in line.split()), 1
    found = V2_LINE.fullmatch(line.rstrip("\r\n"))
    return ((DELIVERED, *V2) if found and found[1] else V2), 0


def _table(path: Path, columns: tuple[str, ...], header: int, name: str) -> Table:
    missing = [one for one in NEEDED if one not in columns]
    if missing or len(set(columns)) != len(columns):
        why = f"its header does not name {', '.join(missing)}" if missing else "its header names a column twice"
        step = "Add them to the format of the flow log; nothing can be said of traffic without them."
        raise FormatError(f"{name} is not used", why, step)
    known = {one: NUMBERS[one][0] if one in NUMBERS else "VARCHAR" for one in columns}
    spelt = ", ".join(f"{quoted(one)}: '{kind}'" for one, kind in known.items())
    source = (
        f"read_csv({quoted(path)}, delim=' ', header=false, skip={header}, columns={{{spelt}}}, auto_detect=false,"
        f" quote='', escape='', comment='', nullstr='-', new_line='\\n', max_line_size=65536, buffer_size=8388608)"
    )
    status = "coalesce(\"log-status\", 'OK')" if "log-status" in columns else "'OK'"
    sensor = next((f'"{one}"' for one in WHO_LOGS if one in columns), "''")
    flags = '"tcp-flags"' if "tcp-flags" in columns else ""
    hint = (
        f"CASE WHEN protocol <> 6 THEN 0 WHEN {flags} & {SYN_ACK} = {SYN} THEN 1"
        f" WHEN {flags} & {SYN_ACK} = {SYN_ACK} THEN -1 ELSE 0 END"
        if flags
        else "0"
    )
    ends = {end: f'coalesce("pkt-{end}", {end})' if f"pkt-{end}" in columns else end for end in ("srcaddr", "dstaddr")}
    hidden = " OR ".join(f'coalesce("pkt-{end}" <> {end}, false)' for end in ends if f"pkt-{end}" in columns) or "false"
    sizes = {one: one if one in columns else f"0::UBIGINT AS {one}" for one in ("packets", "bytes")}
    sql = (
        f"SELECT {sensor} AS sensor, {ends['srcaddr']} AS src, {ends['dstaddr']} AS dst, srcport AS sport,"  # noqa: S608  our own names and a path, quoted
        f' dstport AS dport, protocol AS proto, {sizes["packets"]}, {sizes["bytes"]}, start AS first, "end" AS last,'
        f" action, {status} AS status, ({hint})::TINYINT AS hint, {hidden} AS hidden FROM {source}"
    )
    return Table(sql, header, tuple(one for one in columns if one not in KNOWN and one != DELIVERED))


@lru_cache(maxsize=65536)
def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return "%" not in text
