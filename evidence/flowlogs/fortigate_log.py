"""Traffic logs of a FortiGate: `key=value` words. A session that a policy let through is one line at its end.

Source: "FortiOS Log Message Reference" (traffic logs). Where the destination was translated (`trandisp` dnat) the real
one is `tranip`; a source's own address stands in `srcip` whatever became of it.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final

from evidence.flowlogs.rows import ICMP, WITH_PORTS, Odd, Record
from evidence.flowlogs.sessions import Sessions

MARK: Final = re.compile(r"\btype=\"?traffic\"? ")
WORD: Final = re.compile(r'(\w{1,40})=(?:"([^"]{0,500})"|([^\s"]{1,200}))')
PASSED: Final = frozenset({"accept", "close", "timeout", "client-rst", "server-rst", "start", "ip-conn", "dns", "perm"})
STOPPED: Final = frozenset({"deny", "block", "blocked", "dropped"})
NANO: Final = 10**9


def record(line: str, mark: re.Match[str], received: int | None, sessions: Sessions) -> Record | None:
    """One line; None for the end of a session whose beginning was seen. Raises Odd."""
    row = {found[1]: found[2] if found[2] is not None else found[3] for found in WORD.finditer(line)}
    action = row.get("action", row.get("status", ""))
    if action not in PASSED | STOPPED:
        raise Odd(f"action {action[:20]!r} is not known")
    last = _moment(row)
    proto = int(row["proto"])
    target = "tran" if "dnat" in row.get("trandisp", "") and "tranip" in row else "dst"
    ports = (row.get("srcport"), row.get(f"{target}port")) if proto in WITH_PORTS else (None, None)
    if proto in ICMP:  # the service says type and code, where it is not one that has a name
        said = re.fullmatch(r"icmp6?/(\d{1,3})/(\d{1,3})", row.get("service", ""))
        ports = (said[1], said[2]) if said else ("8" if proto == 1 else "128", "0")
    sport, dport = (None if port is None else int(port) for port in ports)
    packets, size = (int(row.get(f"sent{what}", 0)) + int(row.get(f"rcvd{what}", 0)) for what in ("pkt", "byte"))
    sensor = row.get("devname") or row.get("devid", "")
    if action == "start":
        sessions.begins(sensor, row.get("sessionid", ""))
    elif "sessionid" in row and sessions.ends(sensor, row["sessionid"]):
        return None
    first = last - int(row.get("duration", 0))
    ends = row["srcip"], row[f"{target}ip"]
    return Record(sensor, *ends, sport, dport, proto, max(packets, 1), size, first, last, action in PASSED, 1)


def _moment(row: dict[str, str]) -> int:
    """`eventtime` in seconds or, since FortiOS 6.2, nanoseconds; else `date` and `time`, of `tz` where it is said."""
    event = row.get("eventtime", "")
    if event.isdigit():
        return int(event) // NANO if len(event) > 12 else int(event)
    zone = row.get("tz", "+0000")
    return int(datetime.strptime(f"{row['date']} {row['time']} {zone}", "%Y-%m-%d %H:%M:%S %z").timestamp())
