"""Which addresses rules, shares, sockets, interfaces and neighbour tables show; the register is held against it. Pure.

A sighting says that somebody spoke of an address, not that anybody is there: a rule that stops one names it too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from compliance.traffic import intervals
from compliance.traffic.addresses import BITS, prefix_range, to_text
from compliance.traffic.boxes import FAMILIES, Family
from compliance.traffic.intervals import Interval
from compliance.traffic.shares import Origin
from evidence.judgement import at_line
from evidence.rules import Action

if TYPE_CHECKING:
    from evidence.case import Case, Host

NETWORK: dict[Family, int] = {4: 24, 6: 64}  # what servers without a zone are grouped by: their likely segment
LOCAL: dict[Family, tuple[Interval, ...]] = {  # never anybody's own address on a network
    4: ((0, 0x00FFFFFF), prefix_range(4, 0x7F000000, 8), prefix_range(4, 0xA9FE0000, 16), (0xE0000000, 0xFFFFFFFF)),
    6: ((0, 1), prefix_range(6, 0xFE80 << 112, 10), prefix_range(6, 0xFF00 << 112, 8)),
}


class Kind(StrEnum):
    """What spoke of the address."""

    RULES = "rules"
    SHARES = "shares"
    INTERFACES = "interfaces"
    LISTENERS = "listeners"
    NEIGHBOURS = "neighbours"
    INVENTORY = "inventory"
    FLOWS = "flows"


@dataclass(frozen=True, slots=True)
class Sighting:
    """One address as one seer shows it. `seer`: the host whose evidence it is, or the inventory.

    `where`: the place in words (`INPUT of db-01, iptables:filter/INPUT#3 (line 9 of rules.v4)`). `name`: what the seer
    calls it, "" where it has no name for it.
    """

    kind: Kind
    seer: str
    family: Family
    value: int
    where: str
    name: str = ""

    @property
    def address(self) -> str:
        """As people write it."""
        return to_text(self.family, self.value)


def seen_by(host: Host) -> Iterator[Sighting]:
    """Every single address that the evidence of one host names, its own among them, each place once."""
    found: dict[tuple[Kind, Family, int], Sighting] = {}
    for one in (*_rules(host), *_shares(host), *_interfaces(host), *_sockets(host), *_neighbours(host)):
        if not any(low <= one.value <= high for low, high in LOCAL[one.family]):
            found.setdefault((one.kind, one.family, one.value), one)
    yield from found.values()


def _rules(host: Host) -> Iterator[Sighting]:
    for chain in host.reading.chains:
        point = host.points_by_chain.get(chain.name, chain.name)
        for rule in chain.rules:
            if rule.action is Action.CONTINUE:
                continue
            boxes = (*rule.boxes, *(rule.nat.to if rule.nat else ()))
            for value in sorted({box[at] for box in boxes for at in (0, 2) if box[at] == box[at + 1]}):
                where = f"{point} of {host.name}, {rule.id}{at_line(rule.origin)}"
                yield Sighting(Kind.RULES, host.name, rule.family, value, where)


def _shares(host: Host) -> Iterator[Sighting]:
    for share in host.reading.shares:
        for client in share.clients:
            if not isinstance(client, str) and client[0] == client[1]:
                family: Family = 4 if client[3] <= 2**32 - 1 else 6
                where = f"the clients of {share.path} on {host.name}{at_line(share.origin)}"
                yield Sighting(Kind.SHARES, host.name, family, client[0], where)


def _interfaces(host: Host) -> Iterator[Sighting]:
    for interface, held in host.reading.addresses.items():
        for family, value, _ in held:
            if interface != "lo":
                where = f"interface {interface} of {host.name}"
                yield Sighting(Kind.INTERFACES, host.name, family, value, where, host.name)


def _sockets(host: Host) -> Iterator[Sighting]:
    for one in host.reading.listeners:
        where = f"{one.process or 'a socket'} of {host.name}{at_line(one.origin)}"
        for value in (one.address,) if one.address else host.own(one.family) or ():  # 0 hears at every address
            yield Sighting(Kind.LISTENERS, host.name, one.family, value, where, host.name)


def _neighbours(host: Host) -> Iterator[Sighting]:
    for one in host.reading.neighbours:
        how = "entered by hand" if one.by_hand else "met"
        where = f"{how} on {one.interface} of {host.name}{met_line(one.origin)}"
        yield Sighting(Kind.NEIGHBOURS, host.name, one.family, one.address, where, one.mac)


def met_line(origin: Origin) -> str:
    """A neighbour table stands on one line as the tool prints it: the line says nothing then."""
    return "" if origin.first <= 1 else at_line(origin)


class Scope:
    """The networks whose every address must be a registered server's, and the place each belongs to.

    Those of the zones; for servers that stand in none of them, the networks they stand in.
    """

    def __init__(self, case: Case) -> None:
        self._places: dict[Family, list[tuple[int, int, str]]] = {family: [] for family in FAMILIES}
        self.networks: dict[str, str] = {}  # network → the first server that brings it into scope
        for zone, ranges in case.wanted.networks.items():
            for one in ranges:
                self._places[one.family].append((one.low, one.high, f"zone {zone}"))
        for family in FAMILIES:
            declared = self._spans(family)
            for name in case.estate.servers:
                for value in case.estate.of(name, family):
                    if not intervals.holds(declared, value):
                        network = own_network(case, name, family, value)
                        self._places[family].append(network)
                        self.networks.setdefault(network[2], name)
            self._places[family] = list(dict.fromkeys(self._places[family]))  # most servers share theirs with others
        self._all = {family: self._spans(family) for family in FAMILIES}

    def _spans(self, family: Family) -> list[Interval]:
        return intervals.merge((low, high) for low, high, _ in self._places[family])

    def place(self, family: Family, value: int) -> str:
        """`zone app` or `network 10.20.4.0/24`, by the narrowest that holds it; "" outside all of them.

        The first and the last address of an IPv4 network are nobody's: they name the network and all of it.
        """
        if not intervals.holds(self._all[family], value):
            return ""
        low, high, place = min(
            (one for one in self._places[family] if one[0] <= value <= one[1]), key=lambda one: (one[1] - one[0], one)
        )
        return "" if family == 4 and high - low > 2 and value in (low, high) else place


def own_network(case: Case, name: str, family: Family, value: int) -> tuple[int, int, str]:
    """The network a server stands in: as its own interface says, else the usual size of a segment."""
    length = NETWORK[family]
    host = case.hosts.get(name)
    for held in host.reading.addresses.values() if host else ():
        own = (size for one, mine, size in held if (one, mine) == (family, value) and size < BITS[family])
        length = next(own, length)
    low, high = prefix_range(family, value, length)
    return low, high, f"network {to_text(family, low)}/{length}"


def strangers(case: Case) -> dict[Family, list[Interval]]:
    """The addresses in scope that something names and no registered server has: their traffic is judged as well."""
    found = ((one.family, one.value) for one in case.sightings if case.scope.place(one.family, one.value))
    unknown = {each for each in found if each[1] not in case.estate.holders}
    return {family: intervals.merge((v, v) for one, v in unknown if one == family) for family in FAMILIES}
