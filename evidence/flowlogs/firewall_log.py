"""Lines that firewalls send to a log server, each known by a mark of its own: a file may hold those of many devices.

ASA and IOS, FortiGate, PAN-OS, Junos, pf, and what Linux logs. Any other line says nothing of traffic and is left out;
one that has a mark and is not understood is named.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeAlias

from evidence.flowlogs import cisco_log, fortigate_log, junos_log, netfilter_log, panos_log, pf_log
from evidence.flowlogs.engine import Engine
from evidence.flowlogs.rows import Record, sifted
from evidence.flowlogs.sessions import Sessions
from evidence.flowlogs.shapes import Plain, Sifted, Table, lines_of

NAME: Final = "firewall-log"
BY_LINES: Final = True
# A line, its mark, when the file came, the sessions it has shown -> a record; None: no traffic. Raises Odd.
Read: TypeAlias = Callable[[str, "re.Match[str]", "int | None", Sessions], "Record | None"]
DEVICES: Final[tuple[tuple[re.Pattern[str], Read], ...]] = (
    (cisco_log.MARK, cisco_log.record),
    (fortigate_log.MARK, fortigate_log.record),
    (panos_log.MARK, panos_log.record),
    (junos_log.MARK, junos_log.record),
    (pf_log.MARK, pf_log.record),
)


def sniff(head: bytes, name: str) -> float:
    """How sure it is that this holds such lines, 0 to 1."""
    text = head.decode("utf-8", "replace")
    return 0.85 if any(mark.search(text) for mark, _ in DEVICES) else 0.0


def table(plain: Plain, engine: Engine) -> Table | None:
    """Never: the lines are read one by one."""
    return None


def sift(plain: Plain, engine: Engine, into: Path) -> Sifted:
    """Each line by itself."""
    sessions = Sessions()

    def read(line: str) -> Record | None:
        for mark, record in DEVICES:
            if found := mark.search(line):
                return record(line, found, plain.received, sessions)
        return netfilter_log.record(line, plain.received)

    return sifted(plain, into, lines_of(plain.path), read, counted=False)
