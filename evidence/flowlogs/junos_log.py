"""Session logs of Junos (SRX): RT_FLOW in the structured form, `set system syslog … structured-data`.

Source: "Junos OS System Log Explorer" (RT_FLOW_SESSION_CREATE, _CLOSE, _DENY). Ends are told by their names, whatever
their order; the destination is the one behind a translation.
"""

from __future__ import annotations

import re
from typing import Final

from evidence.flowlogs.rows import ICMP, WITH_PORTS, Odd, Record
from evidence.flowlogs.sessions import Sessions
from evidence.flowlogs.syslog_head import head

MARK: Final = re.compile(r"\bRT_FLOW_SESSION_(CREATE|CLOSE|DENY)(?:_LS)?\b")
WORD: Final = re.compile(r'([a-z0-9-]{1,40})="([^"]{0,200})"')


def record(line: str, mark: re.Match[str], received: int | None, sessions: Sessions) -> Record | None:
    """One line; None for the end of a session whose beginning was seen. Raises Odd."""
    moment, sensor, _ = head(line[: mark.start()], received)
    row = {found[1]: found[2] for found in WORD.finditer(line, mark.end())}
    if "source-address" not in row:
        raise Odd("it is not in the structured form: set system syslog file … structured-data")
    session = row.get("session-id-32", row.get("session-id", ""))
    if mark[1] == "CREATE" and session:
        sessions.begins(sensor, session)
    elif mark[1] == "CLOSE" and session and sessions.ends(sensor, session):
        return None
    proto = int(row["protocol-id"])
    ports: tuple[int | None, int | None] = (None, None)
    if proto in WITH_PORTS:
        real = row.get("nat-destination-port") or row["destination-port"]
        ports = int(row["source-port"]), int(real)
    elif proto in ICMP:
        ports = int(row.get("icmp-type", 8 if proto == 1 else 128)), 0
    ends = row["source-address"], row.get("nat-destination-address") or row["destination-address"]
    packets, size = (
        sum(int(row.get(f"{what}-from-{who}", 0)) for who in ("client", "server")) for what in ("packets", "bytes")
    )
    first = moment - int(row.get("elapsed-time", 0))
    passed = mark[1] != "DENY"
    return Record(sensor, *ends, *ports, proto, max(packets, 1), size, first, moment, passed, 1)
