"""`ss -tulpnH`: the sockets somebody listens on (TCP in state LISTEN, UDP unconnected), with the process if shown.

`*:22` is one socket for both families; `[::]:22` takes IPv6 only (seen with iproute2 6.1, bindv6only set and not); an
IPv4-mapped address is IPv4. Before iproute2 4.15 a socket for both looked like one for IPv6 alone (`:::22`): there it
may hear IPv4 as well, and that is said. What is bound to the interface `lo` hears nobody else, whatever its address.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Sequence

from compliance.traffic.boxes import FAMILIES, Family
from compliance.traffic.services import NUMBERS
from compliance.traffic.shares import Origin
from evidence.formats.cursor import Account, lines_of
from evidence.rules import Artefact, Lines, Listener, Point, Reading, Unread

NAME = "ss"
POINT = "listeners"
NETIDS = ("tcp", "udp", "sctp", "dccp")
STATES = ("LISTEN", "UNCONN")
HEADER = ("Netid", "State")
COLUMNS = 6  # Netid State Recv-Q Send-Q Local:Port Peer:Port
SNIFFED = re.compile(rb"^(?:tcp|udp)[ \t]+(?:LISTEN|UNCONN)[ \t]+\d", re.MULTILINE)
PROCESS = re.compile(r'\("([^"]*)",pid=')
LOOPBACK: dict[Family, int] = {4: 0x7F000001, 6: 1}
OLD_WILDCARD = "::"  # without brackets
PERHAPS = "this ss does not say whether a socket of IPv6 takes IPv4 as well"


def sniff(head: bytes, name: str) -> float:
    """How sure it is that this is such an output, 0 to 1."""
    if SNIFFED.search(head) or head.startswith(b"Netid"):
        return 0.95
    return 0.5 if re.match(r"ss([-_. ]|$)", name.rsplit("/", 1)[-1].lower()) else 0.0


def read(artefacts: Sequence[Artefact]) -> Reading:
    """The listeners. No line at all is a host on which nobody listens."""
    found: list[Listener] = []
    unread: list[Unread] = []
    lines: dict[str, Lines] = {}
    for artefact in artefacts:
        rows = lines_of(artefact)
        account = Account(artefact, len(rows))
        for row in rows:
            columns = row.text.split(maxsplit=COLUMNS)
            if not columns or tuple(columns[:2]) == HEADER:
                account.ignore(row.number)
                continue
            try:
                found.extend(_listeners(columns, account.origin(row)))
                account.consume(row.number)
            except ValueError as wrong:
                account.fail(row.number, row.text, str(wrong), POINT)
        unread.extend(account.unread())
        lines[artefact.name] = account.lines()
    point = Point(POINT, "allow-union", (), len(unread))
    return Reading(NAME, points=(point,), listeners=tuple(found), unread=tuple(unread), lines=lines)


def _listeners(columns: list[str], origin: Origin) -> Iterator[Listener]:
    if len(columns) < COLUMNS or columns[0] not in NETIDS or columns[1] not in STATES:
        raise ValueError("not a line of `ss -tulpn`: netid, state, queues, local and peer address")
    address, _, port = columns[4].rpartition(":")
    if not (port.isascii() and port.isdigit() and len(port) <= 5 and int(port) <= 65535):
        raise ValueError(f"{port!r} is not a port number; ask ss with -n")
    process = ",".join(dict.fromkeys(PROCESS.findall(columns[COLUMNS]))) if len(columns) > COLUMNS else ""
    interface = address.partition("%")[2].rstrip("]")
    for family, value in _addresses(address):
        unsure = PERHAPS if address == OLD_WILDCARD and family == 4 else ""
        yield Listener(family, value, int(port), NUMBERS[columns[0]], process, origin, interface, unsure)


def _addresses(text: str) -> list[tuple[Family, int]]:
    """The address of a socket in each family it hears; 0 is the wildcard. Raises ValueError."""
    bare, _, interface = text.replace("[", "").replace("]", "").partition("%")
    if bare == "*" or text == OLD_WILDCARD:
        found: list[tuple[Family, int]] = [(family, 0) for family in FAMILIES]
    else:
        try:
            found = [_one(bare)]
        except ValueError:
            raise ValueError(f"{text!r} is not an address") from None
    return [(family, LOOPBACK[family]) for family, _ in found] if interface == "lo" else found


def _one(text: str) -> tuple[Family, int]:
    address = ipaddress.ip_address(text)
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    if mapped is not None:
        return 4, int(mapped)
    return (4 if address.version == 4 else 6), int(address)
