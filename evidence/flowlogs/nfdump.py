"""`nfdump -o json`: NetFlow, IPFIX and sFlow as nfcapd kept them. Its times carry no zone: run it with TZ=UTC.

A router's uptime that wraps moves times by 49.7 days; where the moment of receipt stands beside them and lies more than
a day off, that is taken instead and said. A sampled flow proves that there was traffic, never that there was none.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from evidence.flowlogs.engine import Engine
from evidence.flowlogs.json_stream import objects
from evidence.flowlogs.rows import ICMP, Odd, Record, sifted
from evidence.flowlogs.shapes import Gap, Plain, Sifted, Table

NAME: Final = "nfdump-json"
BY_LINES: Final = False
NOTHING: Final = b"No matching flows"  # what stands in the brackets of an empty answer
DAY_S: Final = 86_400
DROPPED: Final = range(128, 192)  # forwarding status, RFC 7270
DENIED: Final = frozenset({"DENIED", "DENY", "BLOCK"})
ECHO, ECHO6 = 8, 128


def sniff(head: bytes, name: str) -> float:
    """How sure it is that this is such an output, 0 to 1."""
    if head.strip(b"[] \r\n") == NOTHING:
        return 0.95
    return 0.95 if b'"src4_addr"' in head or b'"src6_addr"' in head else 0.0


def table(plain: Plain, engine: Engine) -> Table | None:
    """Never: the objects are read one by one."""
    return None


def sift(plain: Plain, engine: Engine, into: Path) -> Sifted:
    """Each object by itself."""
    moved: list[int] = []
    sampled: list[int] = []

    def read(one: dict[str, Any]) -> Record | None:
        record, wrong, part = _record(one)
        if wrong:
            moved.append(record.first // 3600)
        if part:
            sampled.append(record.first // 3600)
        return record

    def gaps() -> Iterator[Gap]:
        if moved:
            why = "times lay more than a day from the receipt, which was taken instead: an uptime wrapped"
            yield Gap("clock", "", min(moved), max(moved), len(moved), why)
        if sampled:
            why = "the exporter sampled: what was not seen may have been there all the same"
            yield Gap("sampling", "", min(sampled), max(sampled), len(sampled), why)

    with plain.path.open("rb") as source:
        empty = source.read(100).strip(b"[] \r\n") == NOTHING
    return sifted(plain, into, () if empty else objects(plain.path), read, counted=True, gaps=gaps)


def _record(one: dict[str, Any]) -> tuple[Record, bool, bool]:
    kind = str(one.get("type", "FLOW"))
    if kind not in {"FLOW", "EVENT"}:
        raise Odd(f"{kind[:20]!r} is no flow")
    src = one.get("src4_addr") or one.get("src6_addr")
    dst = one.get("dst4_addr") or one.get("dst6_addr")
    if not isinstance(src, str) or not isinstance(dst, str):
        raise Odd("it names no two addresses")
    proto = int(one["proto"])
    first, last = _moment(one["first"]), _moment(one.get("last", one["first"]))
    received = _moment(one["received"]) if one.get("received") else 0
    wrong = bool(received) and abs(received - last) > DAY_S
    if wrong:
        first = last = received
    sport, dport, hint = _ports(one, proto)
    accepted = int(one.get("fwd_status", 0)) not in DROPPED and str(one.get("event", "")) not in DENIED
    accepted = accepted and not _refused(one, proto)
    sensor = str(one.get("ip4_router") or one.get("ip6_router") or one.get("export_sysid") or "")
    packets = int(one.get("in_packets", 0)) + int(one.get("out_packets", 0))
    size = int(one.get("in_bytes", 0)) + int(one.get("out_bytes", 0))
    record = Record(sensor, src, dst, sport, dport, proto, packets, size, first, last, accepted, hint)
    return record, wrong, int(one.get("sampled", 0)) not in {0, 1} or int(one.get("sampling", 1)) > 1


def _ports(one: dict[str, Any], proto: int) -> tuple[int | None, int | None, int]:
    """Source, destination, and who began as far as the record tells: a SYN that was never followed by an ACK."""
    if proto in ICMP:
        if "icmp_type" not in one:
            return None, None, 0
        kind, code = int(one["icmp_type"]), int(one.get("icmp_code", 0))
        echo = ECHO if proto == 1 else ECHO6
        answer = 0 if proto == 1 else ECHO6 + 1
        return (code, echo, -1) if kind == answer else (kind, code, 1 if kind == echo else 0)
    flags = one.get("tcp_flags", "")
    began = isinstance(flags, str) and "S" in flags and "A" not in flags and proto == 6
    sport, dport = one.get("src_port"), one.get("dst_port")
    return (None if sport is None else int(sport)), (None if dport is None else int(dport)), int(began)


def _refused(one: dict[str, Any], proto: int) -> bool:
    """Whether its TCP flags show a handshake that never came to an end: a SYN alone, or a reset as the only answer."""
    flags = one.get("tcp_flags")
    if proto != 6 or not isinstance(flags, str):
        return False
    seen = {letter for letter in flags if letter.isalpha()}
    return bool(seen) and ("A" not in seen or ("R" in seen and seen <= {"A", "R"}))


def _moment(text: Any) -> int:
    if isinstance(text, int | float):
        return int(text / 1000 if text > 2**33 else text)
    found = datetime.fromisoformat(str(text).replace("Z", "+00:00"))
    return int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp())
