"""The fields of AWS VPC flow logs, versions 2 to 5: which there are, what each can hold, what is read of them.

Shared by the text and the Parquet form, which differ in nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from evidence.flowlogs.rows import WITH_PORTS, is_address
from evidence.flowlogs.shapes import ACCEPTED, REJECTED, Columns, Field, Table
from evidence.rules import FormatError

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
PORTS: Final = frozenset({"srcport", "dstport"})
DELIVERED: Final = "delivered"  # CloudWatch's own time before each exported line
WHO_LOGS: Final = ("interface-id", "instance-id", "subnet-id", "vpc-id")  # the first that the format has
WHOLE: Final = re.compile(r"\d{1,20}")
NAMES: Final = {  # field -> what its values are called in COLUMNS
    "srcaddr": "src", "dstaddr": "dst", "srcport": "sport", "dstport": "dport", "protocol": "proto",
    "packets": "packets", "bytes": "bytes", "start": "first", "end": "last", "tcp-flags": "flags",
}  # fmt: skip
SENSOR_WORDS, ADDRESS_WORDS = 3, 2  # of eight bytes each: "subnet-" and 17 more; an address of IPv4
SYN, SYN_ACK = 2, 18
DASH: Final = "-"


def fault(columns: Sequence[str], line: str) -> str:
    """Why a line is no record of these columns; "" when it is one."""
    words = line.split()
    if len(words) != len(columns):
        return f"{len(words)} fields where the header names {len(columns)}"
    row = dict(zip(columns, words, strict=True))
    silent = row.get("log-status", "OK") in {"NODATA", "SKIPDATA"}
    portless = silent or not row["protocol"].isdecimal() or int(row["protocol"][:20]) not in WITH_PORTS
    if row.get("log-status", "OK") not in {"OK", "NODATA", "SKIPDATA"}:
        return f"log-status {row['log-status'][:20]!r} is not known"
    for name, word in row.items():
        if word == DASH:
            if name in NEEDED and not (portless if name in PORTS else silent):
                return f"{name} is not said"
        elif name in NUMBERS and not (WHOLE.fullmatch(word) and word.isascii() and int(word) <= NUMBERS[name][1]):
            return f"{name} {word[:40]!r} is no number it can be"
        elif name in ADDRESSES and not is_address(word):
            return f"{name} {word[:40]!r} is no address"
    if silent and DASH in {row["start"], row["end"]}:
        return "it does not say of which time nothing was recorded"
    if not silent and row["action"] not in {"ACCEPT", "REJECT"}:
        return f"action {row['action'][:20]!r} is neither ACCEPT nor REJECT"
    return "" if silent or _alike(row) else "it mixes IPv4 and IPv6"


def _alike(row: Mapping[str, str]) -> bool:
    """Whether both ends are of one family; each by the packet, where the log has it."""
    source, target = (row.get(f"pkt-{end}", DASH).replace(DASH, row[end]) for end in ("srcaddr", "dstaddr"))
    return (":" in source) == (":" in target)


def checked(columns: Sequence[str], name: str) -> None:
    """Raises FormatError where nothing can be said of traffic by these columns."""
    missing = [one for one in NEEDED if one not in columns]
    if missing or len(set(columns)) != len(columns):
        why = f"its header does not name {', '.join(missing)}" if missing else "its header names a column twice"
        step = "Add them to the format of the flow log; nothing can be said of traffic without them."
        raise FormatError(f"{name} is not used", why, step)


def table_of(columns: Sequence[str], source: str, header: int) -> Table:
    """The records of `source`, a relation in SQL with these columns under these names, "not said" being NULL."""
    status = "coalesce(\"log-status\", 'OK')" if "log-status" in columns else "'OK'"
    sensor = next((f'"{one}"' for one in WHO_LOGS if one in columns), "''")
    hint = _hint("protocol", '"tcp-flags"') if "tcp-flags" in columns else "0"
    ends = {end: f'coalesce("pkt-{end}", {end})' if f"pkt-{end}" in columns else end for end in ("srcaddr", "dstaddr")}
    behind = [f'coalesce("pkt-{end}" <> {end}, false)' for end in ends if f"pkt-{end}" in columns]
    hidden = " OR ".join(behind) or "false"
    sizes = {one: one if one in columns else f"0::UBIGINT AS {one}" for one in ("packets", "bytes")}
    sql = (
        f"SELECT {sensor} AS sensor, {ends['srcaddr']} AS src, {ends['dstaddr']} AS dst, srcport AS sport,"  # noqa: S608  our own names
        f" dstport AS dport, protocol AS proto, {sizes['packets']}, {sizes['bytes']}, start AS first,"
        f' "end" AS last, action, {status} AS status, coalesce({hint}, 0)::TINYINT AS hint, {hidden} AS hidden'
        f" FROM {source}"
    )
    unknown = tuple(one for one in columns if one not in KNOWN and one != DELIVERED)
    return Table(sql, header, unknown, icmp=False)


def columns_of(columns: Sequence[str], header: int, table: Callable[[Path], Table]) -> Columns:
    """The same of lines that are taken apart by the column. `header`, `table`: as `Columns` has them."""
    names = dict(NAMES)
    names |= {one: "sensor" for one in [next((one for one in WHO_LOGS if one in columns), "")] if one}
    behind = []
    for end in ("src", "dst"):
        if f"pkt-{end}addr" in columns:
            names |= {f"pkt-{end}addr": end, f"{end}addr": f"own_{end}"}
            behind += [f"own_{end}{n} <> {end}{n}" for n in range(ADDRESS_WORDS)]
    missing = "".join(f", 0::UBIGINT AS {one}" for one in ("packets", "bytes") if one not in columns)
    if "sensor" not in names.values():
        missing += "".join(f", 0::UBIGINT AS sensor{n}" for n in range(SENSOR_WORDS))
    hint = _hint("proto", "flags") if "tcp-flags" in columns else "0"
    sql = f"SELECT *{missing}, ({hint})::TINYINT AS hint, {' OR '.join(behind) or 'false'} AS hidden FROM batch"  # noqa: S608  our own names
    return Columns(tuple(_field(one, names) for one in columns), header, sql, table)


def _field(column: str, names: Mapping[str, str]) -> Field:
    if column == "action":
        return Field("kind", codes={b"ACCEPT": ACCEPTED, b"REJECT": REJECTED})
    if column == "log-status":
        return Field("status", codes={b"OK": 0})
    if column not in names:
        return Field()
    if column in NUMBERS:
        return Field(names[column], top=NUMBERS[column][1])
    return Field(names[column], words=ADDRESS_WORDS if column in ADDRESSES else SENSOR_WORDS)


def _hint(proto: str, flags: str) -> str:
    """Who began, by the flags of TCP: 1 the source, -1 the destination."""
    return (
        f"CASE WHEN {proto} <> 6 THEN 0 WHEN {flags} & {SYN_ACK} = {SYN} THEN 1"
        f" WHEN {flags} & {SYN_ACK} = {SYN_ACK} THEN -1 ELSE 0 END"
    )
