"""Where a device sends what it passes on, as far as its configuration alone tells: connected networks and fixed routes.

A protocol that learns routes, an address that somebody else chooses, a route that is watched or leads to where no
connected network is: then nothing is concluded, and what goes further away may leave by every interface.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from compliance.traffic import addresses
from compliance.traffic.boxes import Family
from evidence.formats.entries import masked, prefix
from evidence.rules import Route

MAIN = "main"
Held = Mapping[str, Sequence[tuple[Family, int, int]]]


@dataclass(slots=True)
class Statics:
    """The fixed routes of a configuration. `unsure`: whether others may be learned."""

    routes: list[tuple[Family, int, int, str]] = field(default_factory=list)  # family, low, high, way
    unsure: bool = False

    def add(self, network: Sequence[str], ways: Sequence[str]) -> None:
        """One route to an address with its mask, or to a prefix, by an interface or by the router behind it."""
        try:
            side = prefix(network[0]) if len(network) == 1 else masked(network[0], network[1], wildcard=False)
            [(family, [(low, high)])] = side.ranges.items()
        except (ValueError, IndexError):
            self.unsure = True
            return
        self.routes.append((family, low, high, ways[0] if ways else ""))

    def made(self, held: Held) -> tuple[Route, ...]:
        """The routes with the interface each leaves by; none where something is not known."""
        if self.unsure or not self.routes:
            return ()
        connected = [
            Route(family, *addresses.prefix_range(family, value, length), name, MAIN, 0)
            for name, entries in held.items()
            for family, value, length in entries
            if 0 < length < addresses.BITS[family]
        ]
        found: list[Route] = []
        for family, low, high, way in self.routes:
            interface = way if way in held else _behind(connected, family, way)
            if interface is None:
                return ()
            found.append(Route(family, low, high, interface, MAIN, 0))
        return (*connected, *found)


def _behind(connected: Iterable[Route], family: Family, way: str) -> str | None:
    """The interface on whose network a router stands; None when there is none."""
    if way.lower() == "null0":
        return ""
    try:
        other, value = addresses.parse_host(way)
    except ValueError:
        return None
    near = [one for one in connected if one.family == family == other and one.low <= value <= one.high]
    return min(near, key=lambda one: one.high - one.low).interface if near else None
