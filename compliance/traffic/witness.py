"""The example of traffic a person can read and repeat: one packet out of a box, with real addresses where possible."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass

from compliance.traffic import addresses, services
from compliance.traffic.boxes import ICMP, ICMP_TOP, Box, Family

EPHEMERAL = 49152  # first of the dynamic ports, RFC 6335 section 6
TELLING_PORTS = (22, 445, 3389, 443, 80)  # where every port is open, an example that means something to a reader
ECHO = {ICMP[4]: 8, ICMP[6]: 128}
# Where an example address is looked for first when a range holds no server: unicast space, IPv4 without 0/8 and 127/8.
USABLE: dict[Family, tuple[tuple[int, int], ...]] = {
    4: ((0x01000001, 0x7EFFFFFF), (0x80000001, 0xDFFFFFFF)),
    6: ((0x2000 << 112 | 1, (0x4000 << 112) - 1), (0xFC00 << 112 | 1, (0xFEC0 << 112) - 1)),
}


@dataclass(frozen=True, slots=True)
class Witness:
    """One packet, the first of its flow. ICMP: sport is the type, dport the code. Interface None = not known."""

    family: Family
    src: int
    dst: int
    proto: int
    sport: int
    dport: int
    iif: str | None = None
    oif: str | None = None

    def as_dict(self) -> dict[str, str | int]:
        """With the keys of `counter_example` (src, dst, proto, sport, dport, in, out), as people read them."""
        return {
            "src": addresses.to_text(self.family, self.src),
            "dst": addresses.to_text(self.family, self.dst),
            "proto": services.protocol_name(self.proto),
            "sport": self.sport,
            "dport": self.dport,
            "in": self.iif or "",
            "out": self.oif or "",
        }

    def box(self) -> Box:
        """The box that holds this packet alone."""
        return (
            self.src, self.src, self.dst, self.dst, self.proto, self.proto,
            self.sport, self.sport, self.dport, self.dport,
        )  # fmt: skip

    def __str__(self) -> str:
        """`10.20.4.19 → 10.30.1.8 tcp/5437`."""
        service = services.protocol_name(self.proto)
        if self.proto in services.WITH_PORTS:
            service += f"/{self.dport}"
        elif self.proto in ICMP.values():
            service += f"/{self.sport}/{self.dport}"
        source, target = addresses.to_text(self.family, self.src), addresses.to_text(self.family, self.dst)
        return f"{source} → {target} {service}"


class Inventory:
    """The addresses of real servers, sorted, to choose examples from."""

    __slots__ = ("_sorted",)

    def __init__(self, values: Iterable[int] = ()) -> None:
        known = sorted(set(values))
        self._sorted: dict[Family, list[int]] = {
            4: [one for one in known if addresses.family_of_value(one) == 4],
            6: [one for one in known if addresses.family_of_value(one) == 6],
        }

    def first_within(self, family: Family, low: int, high: int, *, other_than: int | None = None) -> int | None:
        """The lowest known address of the range, other than one already taken."""
        known = self._sorted[family]
        place = bisect_left(known, low)
        if place < len(known) and known[place] == other_than:
            place += 1
        return known[place] if place < len(known) and known[place] <= high else None


NOBODY = Inventory()


def choose(
    family: Family, box: Box, inventory: Inventory = NOBODY, *, iif: str | None = None, oif: str | None = None
) -> Witness:
    """One packet of the box: real servers first, else the lowest usable host; a source port people recognise."""
    dst = _address(family, box[2], box[3], inventory, None)
    src = _address(family, box[0], box[1], inventory, dst)
    proto = _protocol(family, box)
    sport, dport = _ports(proto, box)
    return Witness(family, src, dst, proto, sport, dport, iif, oif)


def _address(family: Family, low: int, high: int, inventory: Inventory, taken: int | None) -> int:
    known = inventory.first_within(family, low, high, other_than=taken)
    if known is not None:
        return known
    for first, last in USABLE[family]:
        start, end = max(low, first), min(high, last)
        if start <= end:
            return _host(family, start, end, taken)
    return _host(family, low, high, taken)


def _host(family: Family, low: int, high: int, taken: int | None) -> int:
    """The lowest address that is not taken and, if one is near, neither .0 nor .255 (IPv4) nor …:: (IPv6)."""
    unusable = {0, 255} if family == 4 else {0}
    mask = 0xFF if family == 4 else 0xFFFF
    for value in range(low, min(low + 4, high + 1)):
        if value & mask not in unusable and value != taken:
            return value
    return low


def _protocol(family: Family, box: Box) -> int:
    order: list[int] = [services.TCP, services.UDP, ICMP[family]]
    order.extend(range(box[4], box[5] + 1))
    for proto in order:
        is_icmp = proto in ICMP.values()
        if box[4] <= proto <= box[5] and not (is_icmp and (box[6] > ICMP_TOP or box[8] > ICMP_TOP)):
            return proto
    return box[4]


def _ports(proto: int, box: Box) -> tuple[int, int]:
    sport_low, sport_high, dport_low, dport_high = box[6:]
    if proto in ECHO:
        return (ECHO[proto] if sport_low <= ECHO[proto] <= sport_high else sport_low), dport_low
    if proto not in services.WITH_PORTS:
        return sport_low, dport_low
    sport = EPHEMERAL if sport_low <= EPHEMERAL <= sport_high else max(sport_low, min(1024, sport_high))
    dport = max(dport_low, min(1, dport_high))
    if dport_high - dport_low > 1024:
        dport = next((port for port in TELLING_PORTS if dport_low <= port <= dport_high), dport)
    return sport, dport


def describe(family: Family, box: Box) -> dict[str, str]:
    """A whole box as people read it: src, dst, service. Full dimensions read `any`."""
    return {
        "src": addresses.say(family, box[0], box[1]),
        "dst": addresses.say(family, box[2], box[3]),
        "service": services.say(services.span_of(box)),
    }
