"""The host under test: its interfaces, addresses and routes, drawn anew from time to time."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from random import Random

from compliance.traffic import addresses
from compliance.traffic.boxes import FAMILIES, TOP, Family

NAMES = ("eth0", "eth1", "eth10", "wan0", "lan0", "lan1", "dmz0", "vlan.7")
Held = tuple[Family, int, int]  # family, address, prefix length
V4, V6 = 0x0A000000, 0x20010DB8 << 96
# Sources and destinations that the kernel treats in its own way, whatever the rules are.
SPECIAL: dict[Family, tuple[tuple[int, int], ...]] = {
    4: ((0, 0x00FFFFFF), (0x7F000000, 0x7FFFFFFF), (0xE0000000, TOP[4])),
    6: ((0, (1 << 96) - 1), (0xFE80 << 112, TOP[6])),
}


@dataclass(frozen=True, slots=True)
class Link:
    """One interface with the addresses it holds."""

    name: str
    held: tuple[Held, ...]


@dataclass(frozen=True)
class Layout:
    """All interfaces, and the routes of each family: (low, high, interface), the narrowest that fits holds."""

    links: tuple[Link, ...]
    routes: dict[Family, tuple[tuple[int, int, str], ...]]

    @cached_property
    def networks(self) -> dict[Family, list[tuple[int, int, str]]]:
        """The connected networks: (low, high, interface)."""
        return {
            family: [
                (*addresses.prefix_range(family, value, length), link.name)
                for link in self.links
                for one, value, length in link.held
                if one == family
            ]
            for family in FAMILIES
        }

    @cached_property
    def holders(self) -> dict[Family, dict[int, str]]:
        """The host's own addresses, each with its interface."""
        return {
            family: {value: link.name for link in self.links for one, value, _ in link.held if one == family}
            for family in FAMILIES
        }

    def own(self, family: Family) -> tuple[int, ...]:
        """The host's addresses."""
        return tuple(self.holders[family])

    def connected(self, family: Family, value: int) -> str:
        """The interface on whose network the address lies, or ""."""
        return next((name for low, high, name in self.networks[family] if low <= value <= high), "")

    def way_out(self, family: Family, dst: int) -> str:
        """The interface that a packet to `dst` leaves by."""
        fitting = [route for route in self.routes[family] if route[0] <= dst <= route[1]]
        return self.connected(family, dst) or min(fitting, key=lambda route: route[1] - route[0])[2]

    def is_ordinary(self, family: Family, value: int) -> bool:
        """Whether the address is a stranger's that the kernel treats like any other."""
        if value in self.holders[family] or any(low <= value <= high for low, high in SPECIAL[family]):
            return False
        # The first and last address of a connected network: IPv4 broadcasts, the anycast of all IPv6 routers.
        return not any(value in {low, high} for low, high, _ in self.networks[family])

    def commands(self) -> list[str]:
        """What brings the interfaces up; they exist already."""
        lines = ["ip link set lo up"]
        for link in self.links:
            lines.append(f"ip link set {link.name} up")
            for family, value, length in link.held:
                flag = " nodad" if family == 6 else ""
                lines.append(f"ip addr add {addresses.to_text(family, value)}/{length} dev {link.name}{flag}")
        for family in FAMILIES:
            for low, high, name in self.routes[family]:
                length = addresses.BITS[family] - (high - low).bit_length()
                lines.append(f"ip -{family} route add {addresses.to_text(family, low)}/{length} dev {name}")
        return lines


def drawn(dice: Random) -> Layout:
    """Two to four interfaces, each with addresses of both families, and routes beyond their networks."""
    names = dice.sample(NAMES, dice.randint(2, 4))
    links = tuple(_link(dice, name, number) for number, name in enumerate(names))
    beyond: dict[Family, list[tuple[int, int]]] = {
        4: [(0x0A000000, 0x0AFFFFFF), (0x80000000, 0xBFFFFFFF), (0xC0000000, 0xDFFFFFFF)],
        6: [(V6, V6 | (1 << 96) - 1), (0xFC << 120, (0xFE << 120) - 1), (0x2A << 120, (0x2B << 120) - 1)],
    }
    routes: dict[Family, tuple[tuple[int, int, str], ...]] = {}
    for family in FAMILIES:
        routes[family] = (
            (0, TOP[family], names[0]),
            *((low, high, dice.choice(names)) for low, high in beyond[family]),
        )
    return Layout(links, routes)


def _link(dice: Random, name: str, number: int) -> Link:
    length4, length6 = dice.choice((16, 20, 24, 30)), dice.choice((48, 64, 64, 112))
    held: list[Held] = []
    for extra in range(dice.choice((1, 1, 2))):
        base4 = V4 + ((number * 4 + extra) << 20) + (dice.randint(0, 15) << 16)
        base6 = V6 + ((number * 4 + extra) << 80)
        held.append((4, base4 + dice.randint(1, (1 << (32 - length4)) - 2), length4))
        held.append((6, base6 + dice.choice((1, 0x10, dice.randint(1, 0xFFFE))), length6))
    return Link(name, tuple(held))
