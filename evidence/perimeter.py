"""Which networks a device stands in front of: what a firewall shows about others is not their own word. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final

from compliance.traffic.addresses import to_text
from evidence.rules import Reading

FILTERS: Final = "forward"
ROLES: Final = re.compile(r"\b(?:firewall|fw|router|gateway)\b", re.IGNORECASE)
MOST: Final = 500  # networks of one device that are kept


def is_perimeter(role: str) -> bool:
    """Whether a server is registered as a device that stands between others: a container host forwards as well."""
    return ROLES.search(role.replace("_", " ").replace("-", " ")) is not None


def networks(reading: Reading) -> list[str]:
    """The networks of a device's interfaces, where it filters what passes between them; [] where it does not.

    One interface stands between nothing. The loopback's and link-local ones are nobody's.
    """
    filters = any(chain.hook == FILTERS and chain.rules for chain in reading.chains)
    held = {name: every for name, every in reading.addresses.items() if name != "lo" and every}
    if not filters or len(held) < 2:
        return []
    found = {
        ip_network(f"{to_text(family, value)}/{length}", strict=False)
        for every in held.values()
        for family, value, length in every
    }
    return [str(one) for one in sorted(found, key=str) if not (one.is_link_local or one.is_loopback)][:MOST]


def in_front_of(addresses: Iterable[str], devices: Mapping[str, Iterable[str]]) -> list[str]:
    """The devices (name -> networks) with an interface in the network of one of these addresses."""
    wanted = [ip_address(text) for text in addresses]
    return [name for name, held in devices.items() if any(holds(net, one) for net in held for one in wanted)]


def holds(network: str, address: IPv4Address | IPv6Address) -> bool:
    """Whether the address is in the network."""
    found = ip_network(network)
    return found.version == address.version and address in found
