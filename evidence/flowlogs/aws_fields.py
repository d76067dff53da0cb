"""The fields of AWS VPC flow logs, versions 2 to 5: which there are, what each can hold, what is read of them.

Shared by the text and the Parquet form, which differ in nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from evidence.flowlogs.rows import is_address
from evidence.flowlogs.shapes import Table
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
DELIVERED: Final = "delivered"  # CloudWatch's own time before each exported line
WHO_LOGS: Final = ("interface-id", "instance-id", "subnet-id", "vpc-id")  # the first that the format has
WHOLE: Final = re.compile(r"\d{1,20}")
SYN, SYN_ACK = 2, 18
DASH: Final = "-"


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
        elif name in ADDRESSES and not is_address(word):
            return f"{name} {word[:40]!r} is no address"
    if silent and DASH in {row["start"], row["end"]}:
        return "it does not say of which time nothing was recorded"
    if not silent and row["action"] not in {"ACCEPT", "REJECT"}:
        return f"action {row['action'][:20]!r} is neither ACCEPT nor REJECT"
    return ""


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
    flags = '"tcp-flags"' if "tcp-flags" in columns else ""
    hint = (
        f"CASE WHEN protocol <> 6 THEN 0 WHEN {flags} & {SYN_ACK} = {SYN} THEN 1"
        f" WHEN {flags} & {SYN_ACK} = {SYN_ACK} THEN -1 ELSE 0 END"
        if flags
        else "0"
    )
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
