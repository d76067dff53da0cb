"""Traffic as the pages and lists of a pack say it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

PORTS = ("tcp", "udp", "sctp")


def packet(witness: Mapping[str, Any] | None) -> str:
    """An example of traffic on one line, `10.20.9.9 to 10.30.4.12, tcp/5432`; "" without one."""
    if not witness:
        return ""
    proto = str(witness.get("proto", ""))
    what = proto
    if proto in PORTS:
        what = f"{proto}/{witness.get('dport', '')}"
    elif proto.startswith("icmp"):
        what = f"{proto} type {witness.get('sport', '')}"
    return f"{witness.get('src', '')} to {witness.get('dst', '')}, {what}"
