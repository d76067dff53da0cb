"""A client of a share as exports(5) and smb.conf(5) write it: an address, a network, or a name."""

from __future__ import annotations

import ipaddress

from compliance.traffic.addresses import Range


def network(text: str) -> Range | None:
    """The addresses of `10.1.1.5`, `10.1.1.0/24`, `10.1.1.0/255.255.255.0` or `2001:db8::/32`; host bits do not count.

    None for names, wildcards, netgroups, and for masks that are no prefix (`/255.255.0.255`, `/0.0.0.255`): whom
    those mean cannot be said as one range.
    """
    mask = text.partition("/")[2]
    if mask.startswith("0.") and mask.strip("0."):
        return None  # ipaddress would read it as the inverse of a mask
    try:
        found = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None
    return Range(4 if found.version == 4 else 6, int(found.network_address), int(found.broadcast_address))
