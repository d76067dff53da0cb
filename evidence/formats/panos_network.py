"""The network of a PAN-OS device as configured: interfaces with their addresses, and its fixed routes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from compliance.traffic import addresses
from compliance.traffic.boxes import Family
from evidence.formats.panos_tree import Node
from evidence.formats.slices import LOOPBACK
from evidence.formats.static_routes import Statics
from evidence.rules import Route

MEDIA = frozenset({"ethernet", "aggregate-ethernet", "loopback", "tunnel", "vlan", "cellular", "fail-open"})
ALONE = frozenset({"loopback", "tunnel", "vlan"})  # what stands directly below them is the interface of that name
LEARNS = frozenset({"dhcp-client", "pppoe", "bgp", "ospf", "ospfv3", "rip", "rib-filter"})


@dataclass(slots=True)
class Network:
    """Interfaces by name with their addresses; `learns`: somebody else chooses an address of it."""

    held: dict[str, list[tuple[Family, int, int]]] = field(default_factory=dict)
    learns: set[str] = field(default_factory=set)
    statics: Statics = field(default_factory=Statics)
    routers: int = 0

    def addresses(self, zoned: Mapping[str, str], *, flat: bool) -> dict[str, tuple[tuple[Family, int, int], ...]]:
        """What each interface that carries traffic holds. `flat`: also by interfaces without address, so by any."""
        found: dict[str, tuple[tuple[Family, int, int], ...]] = dict.fromkeys(zoned, ())
        for name, held in self.held.items():
            key = LOOPBACK if name.startswith("loopback") and name not in zoned else name
            if held:
                found[key] = (*found.get(key, ()), *(() if flat else held))
        return found

    def routes(self, held: Mapping[str, tuple[tuple[Family, int, int], ...]]) -> tuple[Route, ...]:
        """The fixed routes; none where others may be learned."""
        self.statics.unsure |= bool(self.learns) or self.routers > 1
        return self.statics.made(held)


def read(nodes: Iterable[Node]) -> Network:
    """The network of all sections of that name. All below interfaces and routers counts as used."""
    found = Network()
    for node in nodes:
        for child in node.children:
            if child.word == "interface":
                child.use()
                for medium in child.children:
                    _medium(found, medium)
            elif child.word in {"virtual-router", "logical-router"}:
                child.use()
                for router in child.children:
                    found.routers += 1
                    _router(found, router)
    return found


def _medium(network: Network, medium: Node) -> None:
    if medium.word in ALONE:
        _interface(network, medium.word, medium)
        units = next((one for one in medium.children if one.word == "units"), None)
        for unit in units.children if units is not None else ():
            _interface(network, unit.word, unit)
        return
    for entry in medium.children if medium.word in MEDIA else ():
        _interface(network, entry.word, entry)


def _interface(network: Network, name: str, node: Node) -> None:
    """One interface with what it holds, and those below it."""
    held = network.held.setdefault(name, [])
    for child in node.children:
        if child.word in {"layer3", "layer2", "virtual-wire", "tap"}:
            _interface(network, name, child)
        elif child.word == "units" and node.word not in ALONE:
            for unit in child.children:
                _interface(network, unit.word, unit)
        elif child.word == "ip":
            for entry in child.children:
                _held(network, name, held, entry.word)
        elif child.word == "ipv6":
            for inner in child.children:
                for entry in inner.children if inner.word == "address" else ():
                    _held(network, name, held, entry.word)
                if inner.word in {"dhcp-client", "inherited"}:
                    network.learns.add(name)
        elif child.word in LEARNS:
            network.learns.add(name)


def _held(network: Network, name: str, held: list[tuple[Family, int, int]], text: str) -> None:
    """`10.0.0.1/24`, `2001:db8::1/64`; anything else (an object, a variable) is not known here."""
    address, slash, length = text.partition("/")
    try:
        family, value = addresses.parse_host(address)
        bits = int(length) if slash else addresses.BITS[family]
        if not 0 <= bits <= addresses.BITS[family]:
            raise ValueError(text)
    except ValueError:
        network.learns.add(name)
        return
    held.append((family, value, bits))


def _router(network: Network, node: Node) -> None:
    for one in _all(node):
        if one.word == "static-route":
            for entry in one.children:
                _route(network, entry)
        elif one.word in LEARNS and _is_on(one):
            network.statics.unsure = True


def _all(node: Node) -> Iterator[Node]:
    waiting = [node]
    while waiting:
        one = waiting.pop()
        yield one
        waiting += reversed(one.children)


def _is_on(node: Node) -> bool:
    said = next((one for one in node.children if one.word == "enable"), None)
    return bool(node.children) and (said is None or [one.word for one in said.children] != ["no"])


def _route(network: Network, entry: Node) -> None:
    said: dict[str, str] = {}
    for child in entry.children:
        inner = child.children[0] if child.children else None
        if child.word == "nexthop" and inner is not None:
            said["kind"] = inner.word
            said["way"] = inner.children[0].word if inner.children else ""
        elif child.word == "path-monitor" and _is_on(child):
            network.statics.unsure = True
        elif inner is not None:
            said[child.word] = inner.word
    way = said.get("interface", "") or (
        said.get("way", "") if said.get("kind") in {"ip-address", "ipv6-address"} else ""
    )
    if said.get("kind") == "discard":
        way = "null0"
    if not way or "destination" not in said:
        network.statics.unsure = True
        return
    network.statics.add([said["destination"]], [way])
