"""The sockets of a host by service, and which of those over UDP are clients that wait for an answer. Pure.

A socket of UDP that somebody sent from looks like one that serves: both are unconnected. What tells them apart is
evidence: the protocol (a DHCP client hears on 68 and 546), and two readings of different moments. A port of the range
that the kernel hands out by itself, which the reading before did not show for the same program, was handed out: it is
no service. One that it showed, or of which there is no other reading, may be one; that is said, and nothing left out.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

from compliance.traffic.boxes import Family
from compliance.traffic.services import protocol_name
from evidence.case import Host
from evidence.rules import Listener

POINT: Final = "listeners"
LOOPBACK: Final[dict[Family, tuple[int, int]]] = {4: (0x7F000000, 0x7FFFFFFF), 6: (1, 1)}
MULTICAST: Final[dict[Family, tuple[int, int]]] = {
    4: (0xE0000000, 0xEFFFFFFF),
    6: (0xFF << 120, (1 << 128) - 1),
}
UDP: Final = 17
# net.ipv4.ip_local_port_range as Linux has it unless somebody changed it (Documentation/networking/ip-sysctl.rst)
HANDED_OUT: Final = (32768, 60999)
RANGE: Final = f"udp/{HANDED_OUT[0]}-{HANDED_OUT[1]}"
# The client's side of DHCP (RFC 2131, 8415), by the programs that are one
DHCP: Final = (68, 546)
DHCP_CLIENTS: Final = frozenset({"dhclient", "dhcpcd", "systemd-network", "NetworkManager", "udhcpc", "connmand",
                                 "dhcp6c", "wickedd-dhcp4", "wickedd-dhcp6", "pump"})  # fmt: skip

Sort = Literal["service", "client", "undecided"]


@dataclass(slots=True)
class Service:
    """All sockets of one protocol and port on a host, both families."""

    proto: int
    port: int
    sockets: list[Listener] = field(default_factory=list)

    @property
    def name(self) -> str:
        """`tcp/8080`."""
        return f"{protocol_name(self.proto)}/{self.port}"

    @property
    def process(self) -> str:
        """The programs that hold it, as the host names them; "" where it does not."""
        return ",".join(dict.fromkeys(one.process for one in self.sockets if one.process))


class Sorted(NamedTuple):
    """What a service is taken for, and by which evidence."""

    sort: Sort
    because: str


def services(listeners: Iterable[Listener]) -> list[Service]:
    """The sockets that others can reach, by protocol and port."""
    found: dict[tuple[int, int], Service] = {}
    for one in listeners:
        if not only_itself(one):
            found.setdefault((one.proto, one.port), Service(one.proto, one.port)).sockets.append(one)
    return [found[key] for key in sorted(found)]


def only_itself(listener: Listener) -> bool:
    """Whether nobody but the host itself can reach a socket."""
    low, high = LOOPBACK[listener.family]
    return low <= listener.address <= high


def is_group(listener: Listener) -> bool:
    """Whether a socket hears a multicast group and no address of the host."""
    low, high = MULTICAST[listener.family]
    return low <= listener.address <= high


def sort(service: Service, now: Host, before: Host | None) -> Sorted:
    """What a service of `now` is taken for. `before`: the same host as it was read earlier, where it was."""
    if service.proto != UDP:
        return Sorted("service", "it waits for connections")
    programs = {one.process for one in service.sockets}
    if service.port in DHCP and programs <= DHCP_CLIENTS:
        return Sorted("client", f"{service.process} hears the answers of its DHCP server there")
    if not HANDED_OUT[0] <= service.port <= HANDED_OUT[1] or not service.process:
        return Sorted("service", "it takes what anybody sends")
    if before is None or POINT not in before.points or _artefacts(before) == _artefacts(now):
        return Sorted("undecided", "no reading of another moment shows whether it keeps the port")
    held = {(one.port, one.process) for one in before.reading.listeners if one.proto == UDP}
    if any((service.port, process) in held for process in programs):
        return Sorted("undecided", "it held the same port at the reading before")
    if before.unread(POINT):
        return Sorted("undecided", "lines of the reading before could not be read")
    return Sorted("client", "the reading before does not show the port: the kernel hands such ports to who sends")


def _artefacts(host: Host) -> frozenset[str]:
    """The dumps that the sockets come from, by the digest of their bytes."""
    return frozenset(one.origin.artefact for one in host.reading.listeners)
