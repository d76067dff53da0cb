"""Zeek's `conn.log`, as columns (by its own `#fields`) or as JSON, one record a line.

Zeek follows who began, and marks with `^` where it guessed. Whether it was let through is read from the state: an
attempt that nobody answered, or that was refused, did not get through.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from evidence.flowlogs.engine import Engine
from evidence.flowlogs.rows import Odd, Record, sifted
from evidence.flowlogs.shapes import Plain, Sifted, Table, lines_of

NAME: Final = "zeek-conn"
BY_LINES: Final = True
PROTOCOLS: Final = {"tcp": 6, "udp": 17, "icmp": 1}
STOPPED: Final = frozenset({"S0", "REJ", "RSTOS0", "RSTRH", "SH", "SHR"})
KNOWN: Final = frozenset({*STOPPED, "S1", "S2", "S3", "SF", "RSTO", "RSTR", "OTH"})
NEEDED: Final = ("ts", "id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p", "proto", "conn_state")
ICMP6: Final = 58


def sniff(head: bytes, name: str) -> float:
    """How sure it is that this is such a log, 0 to 1."""
    return 0.95 if b"id.orig_h" in head and b"id.resp_p" in head else 0.0


def table(plain: Plain, engine: Engine) -> Table | None:
    """Never: the lines are read one by one."""
    return None


def sift(plain: Plain, engine: Engine, into: Path) -> Sifted:
    """Each line by itself, by the `#fields` that stand above it."""
    fields: list[str] = []

    def read(line: str) -> Record | None:
        if line.startswith("#"):
            if line.startswith("#fields"):
                fields[:] = line.split("\t")[1:]
            return None
        if not line.strip():
            return None
        if line.startswith("{"):
            return _record(json.loads(line))
        words = line.split("\t")
        if not fields or len(words) != len(fields):
            raise Odd(f"{len(words)} fields where #fields names {len(fields)}")
        return _record(dict(zip(fields, words, strict=True)))

    return sifted(plain, into, lines_of(plain.path), read, counted=False)


def _record(row: Mapping[str, Any]) -> Record:
    missing = [one for one in NEEDED if row.get(one) in {None, "-", ""}]
    if missing:
        raise Odd(f"it does not say {', '.join(missing)}")
    state = str(row["conn_state"])
    if state not in KNOWN:
        raise Odd(f"the state {state[:12]!r} is not known")
    proto = PROTOCOLS.get(str(row["proto"]))
    if proto is None:
        raise Odd(f"the protocol {str(row['proto'])[:20]!r} is not known")
    src, dst = str(row["id.orig_h"]), str(row["id.resp_h"])
    if proto == PROTOCOLS["icmp"] and ":" in src:
        proto = ICMP6
    first = float(row["ts"])
    last = first + _number(row.get("duration"))
    packets = _number(row.get("orig_pkts")) + _number(row.get("resp_pkts"))
    size = _number(row.get("orig_ip_bytes")) + _number(row.get("resp_ip_bytes"))
    hint = 0 if "^" in str(row.get("history", "")) else 1
    ports = int(row["id.orig_p"]), int(row["id.resp_p"])
    return Record(
        "", src, dst, *ports, proto, int(packets), int(size), int(first), int(last), state not in STOPPED, hint
    )


def _number(value: Any) -> float:
    return 0.0 if value in {None, "-", "(empty)", ""} else float(value)
