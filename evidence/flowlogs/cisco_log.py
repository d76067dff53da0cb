"""What Cisco devices write of connections and packets: ASA (and FTD in its words), IOS and IOS XE.

Sources: "Cisco Secure Firewall ASA Series Syslog Messages" (106001, 106006, 106007, 106014, 106023, 106100, 302013 to
302016, 302020, 302021) and "Cisco IOS System Message Guide" (%SEC-6-IPACCESSLOG…). A connection built `outbound` was
begun by the end that is named last. An end of a translated connection stands with its real address first.
"""

from __future__ import annotations

import re
from typing import Final

from evidence.flowlogs.rows import ICMP, Odd, Record
from evidence.flowlogs.sessions import Sessions
from evidence.flowlogs.syslog_head import head

MARK: Final = re.compile(r"%(?:ASA|FTD|PIX|FWSM)-(?:[A-Za-z]{1,12}-)?\d-(\d{6}): |%(SEC-6-IPACCESSLOG[A-Z]{1,3}): ")
STANDARD: Final = "SEC-6-IPACCESSLOGS"
END: Final = r"(?:[^\s:/]{1,64}:)?([0-9A-Fa-f:.]{2,45})"
BUILT: Final = re.compile(
    rf"Built (inbound|outbound) (TCP|UDP|SCTP) connection (\d+) for {END}/(\d+) .{{0,120}}?\bto {END}/(\d+)"
)
ENDED: Final = re.compile(
    rf"Teardown (TCP|UDP|SCTP) connection (\d+) for {END}/(\d+).{{0,80}}? to {END}/(\d+).{{0,80}}? duration \S+"
    r" bytes (\d+)"
)
PINGED: Final = re.compile(
    r"Built (inbound|outbound) ICMP connection for faddr ([0-9A-Fa-f:.]+)/\d+.{0,80}? laddr ([0-9A-Fa-f:.]+)/\d+"
    r"(?:.{0,80}?type (\d+) code (\d+))?"
)
DENIED: Final = re.compile(
    rf"Deny (?:inbound )?(?:protocol )?(\w+) src {END}(?:/(\d+))?(?:\([^)]{{0,200}}\))? dst {END}(?:/(\d+))?"
    r"(?:\([^)]{0,200}\))?(?: \(type (\d+), code (\d+)\))?"
)
STOPPED: Final = re.compile(
    r"(?:Inbound|Deny inbound) (TCP|UDP)(?: connection denied)? from ([0-9A-Fa-f:.]+)/(\d+) to ([0-9A-Fa-f:.]+)/(\d+)"
)
JUDGED: Final = re.compile(
    r"access-list \S+ (permitted|denied|est-allowed) (\w+) [^\s/]+/([0-9A-Fa-f:.]+)\((\d+)\)(?:\([^)]{0,200}\))?"
    r" -> [^\s/]+/([0-9A-Fa-f:.]+)\((\d+)\)(?:\([^)]{0,200}\))? hit-cnt (\d+)"
)
BY_LIST: Final = re.compile(
    r"list \S+ (permitted|denied) (\S+) ([0-9A-Fa-f:.]+)(?:\((\d+)\))?(?: \([^)]{0,80}\))? -> "
    r"([0-9A-Fa-f:.]+)(?:\((\d+)\))?(?: \((\d+)/(\d+)\))?,? ?(\d+)? ?"
)
PROTOCOLS: Final = {"tcp": 6, "udp": 17, "icmp": 1, "icmp6": 58, "icmpv6": 58, "sctp": 132, "gre": 47, "esp": 50,
                    "ah": 51, "igmp": 2, "ospf": 89, "eigrp": 88, "ip": 0, "pim": 103}  # fmt: skip
SYSLOG_NUMBERS: Final = {
    "302013": "built", "302015": "built", "302014": "ended", "302016": "ended", "302020": "pinged",
    "106023": "denied", "106014": "denied", "106001": "stopped", "106006": "stopped", "106007": "stopped",
    "106100": "judged",
}  # fmt: skip
PATTERNS: Final = {"built": BUILT, "ended": ENDED, "pinged": PINGED, "denied": DENIED, "stopped": STOPPED,
                   "judged": JUDGED, "list": BY_LIST}  # fmt: skip


def record(line: str, mark: re.Match[str], received: int | None, sessions: Sessions) -> Record | None:
    """One line; None where it says nothing of traffic that is not said elsewhere. Raises Odd."""
    kind = "list" if mark[2] else SYSLOG_NUMBERS.get(mark[1])
    if kind is None or (mark[2] and mark[2].endswith("RL")):  # so many messages were left out: no packet
        return None
    if mark[2] == STANDARD:
        raise Odd("a standard list names no destination")
    moment, sensor, _ = head(line[: mark.start()], received)
    said = PATTERNS[kind].search(line, mark.end())
    if said is None:
        raise Odd("the message is not written as this one is")
    if kind == "built":
        way, proto, number, *ends = said.groups()
        sessions.begins(sensor, number)
        return _made(sensor, moment, proto, ends, turned=way == "outbound", began=True)
    if kind == "ended":
        proto, number, *ends, size = said.groups()
        return None if sessions.ends(sensor, number) else _made(sensor, moment, proto, ends, size=int(size))
    if kind == "pinged":
        way, far, near, what, code = said.groups()
        source, target = (far, near) if way == "inbound" else (near, far)
        proto = "icmp6" if ":" in far else "icmp"
        return _made(sensor, moment, proto, [source, what or "8", target, code or "0"], began=True)
    if kind == "judged":
        action, proto, src, sport, dst, dport, hits = said.groups()
        ends = [src, sport, dst, dport]
        return _made(sensor, moment, proto, ends, passed=action != "denied", packets=int(hits), began=True)
    if kind == "list":
        action, proto, src, sport, dst, dport, what, code, packets = said.groups()
        ends = [src, sport or what, dst, dport or code]
        return _made(sensor, moment, proto, ends, passed=action == "permitted", packets=int(packets or 1))
    proto, src, sport, dst, dport, *more = said.groups()
    what, code = more or (None, None)
    return _made(sensor, moment, proto, [src, sport or what, dst, dport or code], passed=False, began=True)


def _made(
    sensor: str, moment: int, proto: str, ends: list[str | None], *, passed: bool = True, turned: bool = False,
    began: bool = False, packets: int = 1, size: int = 0,
) -> Record:  # fmt: skip
    """`ends`: source, its port, destination, its port; of ICMP the ports are type and code."""
    number = PROTOCOLS.get(proto.lower(), int(proto) if proto.isdigit() else -1)
    if number < 0:
        raise Odd(f"{proto} is no protocol that is known")
    src, sport, dst, dport = [*ends[2:], *ends[:2]] if turned else ends
    ports = [None if port is None or (number not in {6, 17, 132} and number not in ICMP) else int(port)
             for port in (sport, dport)]  # fmt: skip
    return Record(sensor.rstrip(":"), src or "", dst or "", ports[0], ports[1], number, packets, size, moment, moment,
                  passed, int(began))  # fmt: skip
