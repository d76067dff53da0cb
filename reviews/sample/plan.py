"""What each host of the sample organisation lets through, in each month: the register's own points, and the faults.

Nothing here is read by Eastwest at run time: `make.py` turns it into the rule files beside it, which are committed.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from compliance import register_file
from compliance.register import INPUT, OUTPUT, Entry, wanted
from compliance.traffic.addresses import family_of_value, to_text
from compliance.traffic.boxes import Box, Family
from compliance.traffic.services import WITH_PORTS, protocol_name

HERE = Path(__file__).parent
MONTHS = ("two-months-ago", "one-month-ago", "now")
NOW = len(MONTHS) - 1
NEVER = NOW + 1
WAYS = (INPUT, OUTPUT)

# The month from which a host's rules carry a connection; all others have been there throughout.
DONE_FROM = {"CON-68": 1, "CON-69": 2, "CON-70": NEVER}

# The planted faults. README.md tells each of them with its host, file and line; the tests hold the two together.
WIDER_PEERS = {("pay-db-01", "CON-26"): ("10.20.20.0/24",)}  # permits_more
LEFT_OUT = {("hr-db-01", "CON-35"): 0, ("db-02", "CON-54"): NOW}  # not_implemented; changed_without_record, this month
WIDER_CLIENTS = {"CON-62": ("10.20.10.0/24",)}  # share_wider
STRAY_LISTENERS = {"gis-app-01": ("tcp", 8000)}  # listener_unauthorised
NOBODY_LISTENS = frozenset({("test-db-01", "tcp", 6379)})  # no_listener
DAMAGED_RULE = {  # not_verifiable: a quotation mark is not closed
    "dev-git-01": '-A FORWARD -s 10.20.60.0/24 -m comment --comment "build runner -j ACCEPT'
}
STRANGER = {"patch-01": "10.20.40.77"}  # unknown_server: stopped by a rule, registered by nobody
WITHOUT_RULES = frozenset({"dev-sandbox-01", "dev-sandbox-02"})  # unfiltered: no packet filter at all


@dataclass(frozen=True, slots=True)
class Permit:
    """One service of one connection at a point: `peers` are prefixes (none = everyone), ICMP types stand in `ports`.

    `own` is the host's address where the rule names it: in IPv6, so that it does not mean the link-local one too.
    """

    name: str
    point: str
    family: Family
    peers: tuple[str, ...]
    proto: str
    ports: tuple[str, ...]
    own: str


@dataclass(frozen=True, slots=True, order=True)
class Socket:
    """A port somebody listens on, on every address of a family."""

    proto: str
    port: int
    family: Family


@dataclass(frozen=True, slots=True)
class Export:
    """One file share as the server hands it out."""

    name: str
    path: str
    protocol: str
    access: str
    clients: tuple[str, ...]
    security: str
    users: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class HostPlan:
    """All that one host shows in one month."""

    name: str
    addresses: tuple[str, ...]
    permits: tuple[Permit, ...]
    sockets: tuple[Socket, ...]
    exports: tuple[Export, ...]


class Plan:
    """The estate of the register file and what every host of it shows, month by month."""

    def __init__(self, register: Mapping[str, Any] | None = None) -> None:
        self.register = register or register_file.read_text((HERE / "register.yaml").read_bytes())
        self.wanted = wanted(self.register)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The servers, in the register's order."""
        return tuple(self.wanted.servers)

    def host(self, name: str, month: int) -> HostPlan:
        """What a host shows in a month (index into MONTHS)."""
        entries = [one for one in self.wanted.entries if DONE_FROM.get(one.id, 0) <= month]
        return HostPlan(
            name=name,
            addresses=tuple(to_text(family_of_value(one), one) for one in self.wanted.servers[name]),
            permits=tuple(self._permits(name, entries, month)),
            sockets=tuple(self._sockets(name, entries)),
            exports=tuple(self._exports(name)),
        )

    def _permits(self, name: str, entries: list[Entry], month: int) -> Iterator[Permit]:
        for point in WAYS:
            for entry in entries:
                if (name, point) not in entry.required or LEFT_OUT.get((name, entry.id), NEVER) <= month:
                    continue
                for permit in _of_entry(entry, point, self._own(name)):
                    wider = WIDER_PEERS.get((name, entry.id)) if point == INPUT else None
                    yield replace(permit, peers=wider) if wider else permit

    def _own(self, name: str) -> frozenset[int]:
        return frozenset(self.wanted.servers[name])

    def _sockets(self, name: str, entries: list[Entry]) -> list[Socket]:
        found = {
            Socket(protocol_name(box[4]), box[8], entry.family)
            for entry in entries
            if (name, INPUT) in entry.required
            for box in entry.boxes
            if box[4] in WITH_PORTS and any(box[2] <= value <= box[3] for value in self._own(name))
        }
        stray = STRAY_LISTENERS.get(name)
        if stray:
            found.add(Socket(*stray, 4))
        return sorted(one for one in found if (name, one.proto, one.port) not in NOBODY_LISTENS)

    def _exports(self, name: str) -> Iterator[Export]:
        for row in self.register["shares"]:
            if row["server"] == name:
                clients = tuple(to_text(4, self.wanted.servers[client][0]) for client in row["clients"])
                yield Export(
                    row["id"], row["path"], row["protocol"], row["access"], WIDER_CLIENTS.get(row["id"], clients),
                    row["security"], tuple(row.get("users", ())),
                )  # fmt: skip


def _of_entry(entry: Entry, point: str, own: frozenset[int]) -> Iterator[Permit]:
    """The permits of one entry at one point: same peers, same protocol are one permit with several ports."""
    mine, theirs = (2, 0) if point == INPUT else (0, 2)
    parts = [(box, value) for box in entry.boxes for value in own if box[mine] <= value <= box[mine + 1]]
    peers: dict[tuple[str, str], list[str]] = {}
    for box, _ in parts:
        found = [one for one in _prefixes(box, theirs, entry.family) if not _is_one_of(one, own)]
        peers.setdefault((protocol_name(box[4]), _port(box)), []).extend(found)
    ports: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for (proto, port), networks in peers.items():
        everyone = any(one.endswith("/0") for one in networks)
        ports.setdefault((proto, () if everyone else tuple(dict.fromkeys(networks))), []).append(port)
    named = to_text(6, parts[0][1]) if entry.family == 6 else ""
    for (proto, networks_of), numbers in ports.items():
        yield Permit(entry.id, point, entry.family, networks_of, proto, tuple(numbers), named)


def _is_one_of(prefix: str, own: frozenset[int]) -> bool:
    network = ipaddress.ip_network(prefix)
    return network.prefixlen == network.max_prefixlen and int(network.network_address) in own


def _port(box: Box) -> str:
    if box[4] in WITH_PORTS:
        return str(box[8]) if box[8] == box[9] else f"{box[8]}:{box[9]}"
    return str(box[6])  # the ICMP type


def _prefixes(box: Box, at: int, family: Family) -> Iterator[str]:
    kind = ipaddress.IPv4Address if family == 4 else ipaddress.IPv6Address
    for network in ipaddress.summarize_address_range(kind(box[at]), kind(box[at + 1])):
        yield str(network)
