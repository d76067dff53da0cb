"""Lines that the LOG target of iptables or nftables (and ufw) writes to the system log.

What became of the packet stands only in the prefix somebody chose: one that says neither accept nor drop proves none,
and the line is named as not understood. Other messages of the system log are left out.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from evidence.flowlogs.engine import Engine
from evidence.flowlogs.rows import ICMP, Odd, Record, sifted
from evidence.flowlogs.shapes import Plain, Sifted, Table, lines_of
from evidence.flowlogs.syslog_head import head

NAME: Final = "netfilter-log"
BY_LINES: Final = True
PACKET: Final = re.compile(r"\bIN=\S{0,20} OUT=\S{0,20} .{0,200}?\bSRC=\S{2,45} DST=\S{2,45} ")
FIELD: Final = re.compile(r"\b([A-Z]{2,6})=(\S{0,60})")
STOPPED: Final = re.compile(r"drop|reject|den(?:y|ied)|block|refus", re.IGNORECASE)
PASSED: Final = re.compile(r"accept|allow|permit|pass", re.IGNORECASE)
PROTOCOLS: Final = {"TCP": 6, "UDP": 17, "ICMP": 1, "ICMPv6": 58, "SCTP": 132, "ESP": 50, "AH": 51}
ECHO: Final = frozenset({(1, 8), (58, 128)})


def sniff(head: bytes, name: str) -> float:
    """How sure it is that this holds such lines, 0 to 1."""
    return 0.8 if PACKET.search(head.decode("utf-8", "replace")) else 0.0


def table(plain: Plain, engine: Engine) -> Table | None:
    """Never: the lines are read one by one."""
    return None


def sift(plain: Plain, engine: Engine, into: Path) -> Sifted:
    """Each line by itself."""
    return sifted(plain, into, lines_of(plain.path), lambda line: record(line, plain.received), counted=False)


def record(line: str, received: int | None) -> Record | None:
    """One line; None where it is no packet. Raises Odd."""
    found = PACKET.search(line)
    if found is None:
        return None
    moment, sensor, rest = head(line[: found.start()], received)
    said = STOPPED.search(rest), PASSED.search(rest)
    if bool(said[0]) == bool(said[1]):
        raise Odd(f"its prefix {rest.strip()[-40:]!r} does not say whether the packet was accepted or dropped")
    row = dict(FIELD.findall(line[found.start() :].split(" [", 1)[0]))  # an ICMP error quotes another packet
    proto = PROTOCOLS.get(row["PROTO"]) or int(row["PROTO"])
    ends = ("TYPE", "CODE") if proto in ICMP else ("SPT", "DPT")
    sport, dport = (int(row[end]) if end in row else None for end in ends)
    words = line[found.end() :].split()
    began = (proto == 6 and "SYN" in words and "ACK" not in words) or ((proto, sport) in ECHO and proto in ICMP)
    size = int(row.get("LEN") or 0)
    ports = sport, dport
    return Record(sensor, row["SRC"], row["DST"], *ports, proto, 1, size, moment, moment, bool(said[1]), int(began))
