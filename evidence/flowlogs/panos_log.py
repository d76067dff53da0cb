"""Traffic logs of PAN-OS: comma-separated, one line at the beginning or end of a session, or for what was stopped.

Source: "Traffic Log Fields" of PAN-OS 9 to 11: the fields up to "Elapsed Time" have kept their places. Times are the
firewall's own and name no zone: they are taken as UTC.
"""

from __future__ import annotations

import csv
import re
from datetime import UTC, datetime
from typing import Final

from evidence.flowlogs.rows import ICMP, WITH_PORTS, Odd, Record
from evidence.flowlogs.sessions import Sessions

MARK: Final = re.compile(r"\b\d{1,3},(\d{4}/\d\d/\d\d \d\d:\d\d:\d\d),([^,]{1,20}),TRAFFIC,(start|end|drop|deny),")
PASSED: Final = frozenset({"allow"})
STOPPED: Final = frozenset({"deny", "drop", "drop ICMP", "drop-icmp", "reset both", "reset client", "reset server",
                            "reset-both", "reset-client", "reset-server"})  # fmt: skip
PROTOCOLS: Final = {"tcp": 6, "udp": 17, "icmp": 1, "ipv6-icmp": 58, "icmp6": 58, "sctp": 132, "gre": 47, "esp": 50,
                    "ah": 51, "hopopt": 0, "igmp": 2, "ospf": 89, "pim": 103}  # fmt: skip
SERIAL, SUBTYPE, SRC, DST, NAT_DST, SESSION = 2, 4, 7, 8, 10, 22
SPORT, DPORT, NAT_DPORT, PROTO, ACTION, BYTES, PACKETS, START, ELAPSED = 24, 25, 27, 29, 30, 31, 34, 35, 36
DEVICE: Final = 52
UNTRANSLATED: Final = frozenset({"", "0.0.0.0", "::"})  # noqa: S104  what stands where nothing was translated


def record(line: str, mark: re.Match[str], received: int | None, sessions: Sessions) -> Record | None:
    """One line; None for the end of a session whose beginning was seen. Raises Odd."""
    try:
        row = next(csv.reader([line[mark.start() :]]))
    except csv.Error as error:
        raise Odd(f"its fields cannot be told apart ({error})") from error
    if len(row) <= ELAPSED:
        raise Odd(f"{len(row)} fields where a traffic log has more")
    action, proto = row[ACTION], PROTOCOLS.get(row[PROTO].lower(), int(row[PROTO]) if row[PROTO].isdigit() else -1)
    if action not in PASSED | STOPPED:
        raise Odd(f"action {action[:20]!r} is not known")
    if proto < 0:
        raise Odd(f"{row[PROTO][:20]!r} is no protocol that is known")
    if row[SUBTYPE] == "start":
        sessions.begins(row[SERIAL], row[SESSION])
    elif row[SUBTYPE] == "end" and sessions.ends(row[SERIAL], row[SESSION]):
        return None
    translated = row[NAT_DST] not in UNTRANSLATED | {row[DST]}
    target = row[NAT_DST] if translated else row[DST]
    dport = row[NAT_DPORT] if translated and row[NAT_DPORT] not in {"", "0"} else row[DPORT]
    ports: tuple[int | None, int | None] = (None, None)
    if proto in WITH_PORTS:
        ports = int(row[SPORT]), int(dport)
    elif proto in ICMP:  # the log has no types: a session of ICMP is an echo
        ports = (8 if proto == 1 else 128), 0
    first = _moment(row[START]) if row[START] else _moment(row[1])
    last = first + int(row[ELAPSED] or 0)
    sensor = row[DEVICE] if len(row) > DEVICE and row[DEVICE] else row[SERIAL]
    packets, size = int(row[PACKETS] or 1), int(row[BYTES] or 0)
    return Record(sensor, row[SRC], target, *ports, proto, packets, size, first, last, action in PASSED, 1)


def _moment(text: str) -> int:
    return int(datetime.strptime(text, "%Y/%m/%d %H:%M:%S").replace(tzinfo=UTC).timestamp())
