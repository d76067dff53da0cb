"""What pf logs on OPNsense and pfSense: `filterlog`, comma-separated, a line for each packet a rule with `log` met.

Source: the field lists of both ("Raw Filter Log Format", "Firewall: Log Files").
"""

from __future__ import annotations

import re
from typing import Final

from evidence.flowlogs.rows import ICMP, WITH_PORTS, Odd, Record
from evidence.flowlogs.sessions import Sessions
from evidence.flowlogs.syslog_head import head

MARK: Final = re.compile(r"\bfilterlog(?:\[\d+\])?(?: \d+ - (?:\[.{0,80}?\]|-))?:? (?=[\d-]{0,10},)")
ACTIONS: Final = {"pass": True, "block": False, "reject": False}
ACTION, VERSION = 6, 8
FOUR: Final = (15, 17, 18, 19)  # protocol, length, source, destination of IPv4
SIX: Final = (13, 14, 15, 16)


def record(line: str, mark: re.Match[str], received: int | None, sessions: Sessions) -> Record | None:
    """One line; None where it is no packet, or one that was only matched. Raises Odd."""
    moment, sensor, _ = head(line[: mark.start()], received)
    row = line[mark.end() :].split(",")
    if len(row) <= VERSION or row[VERSION] not in {"4", "6"}:
        raise Odd("it has not the fields of a packet")
    if row[ACTION] not in ACTIONS:  # `match`, `rdr`, `nat`: another line says what became of it
        return None
    at = FOUR if row[VERSION] == "4" else SIX
    if len(row) <= at[3]:
        raise Odd("it ends too early")
    proto, size, src, dst = (row[place] for place in at)
    number, rest = int(proto), row[at[3] + 1 :]
    ports: tuple[int | None, int | None] = (None, None)
    if number in WITH_PORTS:
        ports = int(rest[0]), int(rest[1])
    elif number in ICMP:
        ports = (8 if number == 1 else 128, 0) if rest[:1] == ["request"] else (None, None)
        if ports == (None, None):  # an answer, or what speaks of another packet
            return None
    began = number != 6 or (len(rest) > 3 and "S" in rest[3] and "A" not in rest[3])
    return Record(sensor, src, dst, *ports, number, 1, int(size), moment, moment, ACTIONS[row[ACTION]], int(began))
