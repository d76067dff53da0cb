"""The interfaces of a FortiOS device: their addresses, virtual domains and zones, and where the device sends things.

What a policy calls an interface may be one, a zone, a zone of SD-WAN, or `any`. What cannot be said from the
configuration alone (addresses given by others, learned routes, routes by policy) leaves every interface possible.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from compliance.traffic import addresses, intervals
from compliance.traffic.boxes import Family
from compliance.traffic.intervals import Interval
from evidence.formats.entries import masked, prefix
from evidence.formats.fortios_known import INTERFACE, INTERFACE6
from evidence.formats.fortios_objects import addresses_of
from evidence.formats.fortios_text import ROOT, ZERO, Entry, Table, Tree
from evidence.rules import Route

ANY = "any"
SDWAN = ("system sdwan", "system virtual-wan-link")
DEFAULT_SDWAN = "virtual-wan-link"
GIVEN = frozenset({"dhcp", "pppoe"})
# Interfaces that need an address of their own before anything is routed over them
ADDRESSED = frozenset({"physical", "vlan", "aggregate", "redundant", "hard-switch", "switch", "loopback", "emac-vlan",
                       "vap-switch"})  # fmt: skip
READ = frozenset(
    {"vdom", "ip", "mode", "status", "type", "member", "interface", "allowaccess", "security-mode", "ipmac",
     "dedicated-to", "ips-sniffer-mode", "vrf", "secondary-IP", "remote-ip", "defaultgw", "ipv6", "secondaryip",
     "vrrp", "name", "management-ip"}
)  # fmt: skip
NESTED = frozenset({"ipv6", "secondaryip", "vrrp", "client-options", "tagging", "l2tp-client-settings", "egress-queues",
                    "phy-setting", "dhcp-snooping-server-list", "wifi-networks", "wifi-mac_list", "mirroring-filter",
                    "physical", "security-groups", "fail-alert-interfaces"})  # fmt: skip
STRANGE_NAMES = frozenset({"lo"})  # what has a meaning of its own in readings
ROUTE = frozenset(
    {"seq-num", "status", "dst", "src", "gateway", "preferred-source", "distance", "weight", "priority", "device",
     "comment", "blackhole", "dynamic-gateway", "sdwan-zone", "sdwan", "virtual-wan-link", "dstaddr",
     "internet-service", "internet-service-custom", "internet-service-fortiguard", "link-monitor-exempt", "tag", "vrf",
     "bfd", "devindex"}
)  # fmt: skip
LEARNING = ("router bgp", "router ospf", "router ospf6", "router rip", "router ripng", "router isis")
TELLS_OTHERS = frozenset({"redistribute", "redistribute6"})
MAIN = "main"
Fail = Callable[[int, str, str], None]  # number, text and why of a line that nobody understood


@dataclass(slots=True)
class Interface:
    """One interface as configured. `doubts`: why what passes it may be stopped, with the line."""

    name: str
    vdom: str
    entry: Entry
    addresses: list[tuple[Family, int, int]] = field(default_factory=list)
    kind: str = "vlan"
    down: bool = False
    given: bool = False  # whether somebody else chooses its address, and perhaps a route
    doubts: list[tuple[str, int]] = field(default_factory=list)
    access: dict[Family, list[str]] = field(default_factory=dict)


class Named(NamedTuple):
    """What a policy's word for interfaces means: None = any of the domain; `doubt`: why that is not certain."""

    names: frozenset[str] | None
    doubt: str = ""


@dataclass(slots=True)
class Device:
    """Everything of a configuration that says where packets come in and go out."""

    interfaces: dict[str, Interface] = field(default_factory=dict)
    zones: dict[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)  # (domain, zone) -> interfaces
    within: dict[tuple[str, str], Entry] = field(default_factory=dict)  # zones that let through what stays in them
    others: set[str] = field(default_factory=set)  # names of tunnels that are declared elsewhere
    enslaved: set[str] = field(default_factory=set)  # parts of other interfaces
    unsure: set[str] = field(default_factory=set)  # domains that may know other routes than those that are written
    routes: list[tuple[str, Route]] = field(default_factory=list)
    wired: bool = False  # whether some interfaces pass on without routing

    def live(self) -> list[Interface]:
        """The interfaces that are up."""
        return [one for one in self.interfaces.values() if not one.down]

    def vdoms(self) -> list[str]:
        """The virtual domains that have an interface, in the order of the file."""
        return list(dict.fromkeys(one.vdom for one in self.interfaces.values()))

    def resolve(self, words: Iterable[str], vdom: str) -> Named:
        """The interfaces that the words of a policy mean."""
        found: set[str] = set()
        doubts = []
        for word in words:
            if word == ANY:
                return Named(None)
            if (vdom, word) in self.zones:
                found.update(self.zones[vdom, word])
            elif word in self.interfaces or word in self.others or not self.interfaces:
                found.add(word)
            else:
                doubts.append(f"interface {word} is not defined")
        return Named(None, ", ".join(doubts)) if doubts else Named(frozenset(found))

    def possible(self) -> dict[str, tuple[tuple[Family, int, int], ...]]:
        """The interfaces a packet may use, with their addresses; empty where networks of domains or VRFs overlap."""
        live = [one for one in self.live() if self.is_used(one)]
        if self.wired or _overlap(live):
            return {}
        return {one.name: tuple(one.addresses) for one in live}

    def is_used(self, one: Interface) -> bool:
        """Whether anything is routed over an interface."""
        if one.name in self.enslaved:
            return False
        return bool(one.addresses) or one.given or one.kind not in ADDRESSED

    def networks(self) -> dict[str, list[tuple[Family, int, int]]]:
        """The addresses of every interface."""
        return {name: one.addresses for name, one in self.interfaces.items()}

    def behind(self, vdom: str, family: Family, span: Interval) -> frozenset[str] | None:
        """The interfaces by which a domain sends to a range; None where that is not known."""
        low, high = span
        best: tuple[int, set[str]] | None = None
        for one in self.live():
            for held, value, length in one.addresses if one.vdom == vdom else ():
                first, last = addresses_of(held, value, length)
                if held != family or last < low or high < first:
                    continue
                if not first <= low <= high <= last:
                    return None
                if best is None or length >= best[0]:
                    names = best[1] if best is not None and best[0] == length else set()
                    best = (length, {*names, one.name})
        if best is not None:
            return frozenset(best[1])
        return self._routed(vdom, family, span)

    def _routed(self, vdom: str, family: Family, span: Interval) -> frozenset[str] | None:
        if vdom in self.unsure:
            return None
        mine = [route for domain, route in self.routes if domain == vdom and route.family == family]
        near = [route for route in mine if intervals.intersect([(route.low, route.high)], [span])]
        if not near or any(not (route.low <= span[0] and span[1] <= route.high) for route in near):
            return None
        size = min(route.high - route.low for route in near)
        closest = [route for route in near if route.high - route.low == size]
        metric = min(route.metric for route in closest)
        names = {route.interface for route in closest if route.metric == metric}
        return None if "" in names else frozenset(names)


def read_interfaces(device: Device, table: Table, fail: Fail) -> None:
    """Every interface of the table. `fail`: tells of a line that nobody understood."""
    for entry in table.entries.values():
        made = Interface(entry.name, entry.word("vdom", ROOT), entry, kind=entry.word("type", "vlan"))
        if entry.name in STRANGE_NAMES or entry.name.startswith("!") or entry.name.endswith("+"):
            fail(entry.first, f"edit {entry.name}", "an interface of such a name is not followed")
            continue
        try:
            _read_interface(device, made)
        except (ValueError, IndexError):
            fail(entry.first, f"edit {entry.name}", "its addresses are not of the form that is known")
        for key, held in entry.fields.items():
            if key not in READ and key not in INTERFACE:
                fail(held.line, f"set {key} {' '.join(held.values)}", "it is not known what this does at an interface")
        for path, inner in entry.tables.items():
            strange = set(inner.own.fields) - INTERFACE6 if path == "ipv6" else set()
            if path not in NESTED or strange:
                what = f"config {path}{f': {min(strange)}' if strange else ''}"
                fail(inner.own.first, what, "it is not known what this does at an interface")
        for line in entry.odd:
            fail(line.number, line.text.strip(), "it is not known what this does at an interface")
        device.interfaces[entry.name] = made


def _read_interface(device: Device, made: Interface) -> None:
    entry = made.entry
    made.down = entry.word("status") == "down"
    made.given = entry.word("mode", "static") in GIVEN
    if made.given and entry.word("defaultgw", "enable") != "disable":
        device.unsure.add(made.vdom)
    if entry.word("vrf", "0") not in {"0", "unspecified"}:
        device.unsure.add(made.vdom)
    if not made.given:
        _add(made, entry.words("ip"))
    for row in [*entry.rows("secondaryip")] if entry.word("secondary-IP", "enable") != "disable" else ():
        _add(made, row.words("ip"))
    for row in entry.rows("vrrp"):
        _add(made, row.words("vrip")[:1])
    inner = entry.tables.get("ipv6")
    if inner is not None:
        _read_ipv6(device, made, inner)
    made.access[4] = entry.words("allowaccess")
    device.enslaved.update(entry.words("member"))
    if entry.word("security-mode", "none") not in {"none", "802.1X"}:
        made.doubts.append((f"security-mode {entry.word('security-mode')}", entry.first))
    for key, harmless in (("ipmac", "disable"), ("dedicated-to", "none"), ("ips-sniffer-mode", "disable")):
        if entry.word(key, harmless) != harmless:
            made.doubts.append((f"{key} {entry.word(key)}", entry.fields[key].line))


def _read_ipv6(device: Device, made: Interface, inner: Table) -> None:
    own = inner.own
    mode = own.word("ip6-mode", "static")
    if mode == "static":
        _add(made, own.words("ip6-address"))
    else:
        made.given = True
        device.unsure.add(made.vdom)
    for row in own.rows("ip6-extra-addr"):
        _add(made, [row.name])
    made.access[6] = own.words("ip6-allowaccess")


def _add(made: Interface, words: list[str]) -> None:
    """An address with its mask or prefix; 0.0.0.0 and :: are none. Raises ValueError."""
    if not words:
        return
    if len(words) == 1:
        text, slash, length = words[0].partition("/")
        family, value = addresses.parse_host(text)
        bits = int(length) if slash else addresses.BITS[family]
        if slash:
            prefix(words[0])
    else:
        family, value = addresses.parse_host(words[0])
        mask = addresses.parse_host(words[1])[1]
        bits = (mask & 0xFFFFFFFF).bit_count()
        if family != 4 or mask != (0xFFFFFFFF << 32 - bits) & 0xFFFFFFFF:
            raise ValueError("its mask has holes")
    if value:
        made.addresses.append((family, value, bits))


def read_zones(device: Device, tree: Tree, domains: Mapping[str, str]) -> None:
    """Zones, zones of SD-WAN, switches, and the names of tunnels. `domains`: table's domain -> its name."""
    for (vdom, path), table in tree.tables.items():
        name = domains[vdom]
        if path == "system zone":
            for entry in table.entries.values():
                device.zones[name, entry.name] = tuple(entry.words("interface"))
                if entry.word("intrazone") == "allow":
                    device.within[name, entry.name] = entry
        elif path in SDWAN:
            _read_sdwan(device, name, table)
        elif path in {"vpn ipsec phase1-interface", "system gre-tunnel", "system vdom-link"}:
            device.others.update(table.entries)
            device.others.update(f"{one}{end}" for one in table.entries for end in "01" if path.endswith("link"))
            if any(entry.word("type") == "dynamic" for entry in table.entries.values()):
                device.unsure.add(name)
        elif path in {"system switch-interface", "system virtual-switch", "system physical-switch"}:
            for entry in table.entries.values():
                device.enslaved.update(entry.words("member"))
                device.enslaved.update(row.name for row in entry.rows("port"))
        elif path == "system virtual-wire-pair":
            device.wired |= bool(table.entries)
        elif path == "system settings":
            device.wired |= table.own.word("opmode") == "transparent"


def _read_sdwan(device: Device, vdom: str, table: Table) -> None:
    names = [row.name for row in table.own.rows("zone")] or [DEFAULT_SDWAN]
    members: dict[str, list[str]] = {name: [] for name in (DEFAULT_SDWAN, *names)}
    for row in table.own.rows("members"):
        members.setdefault(row.word("zone", DEFAULT_SDWAN), []).extend(row.words("interface"))
    for name, held in members.items():
        device.zones[vdom, name] = tuple(held)


def read_routes(device: Device, tree: Tree, domains: Mapping[str, str]) -> None:
    """Fixed routes, and whether there may be others."""
    for (vdom, path), table in tree.tables.items():
        name = domains[vdom]
        if path in {"router static", "router static6"}:
            for entry in table.entries.values():
                device.routes += [(name, one) for one in _routes_of(device, name, entry, 4 if path[-1] != "6" else 6)]
        elif path in LEARNING:
            if any(inner.entries for part, inner in table.own.tables.items() if part not in TELLS_OTHERS):
                device.unsure.add(name)
        elif path in {"router policy", "router policy6", "system link-monitor", "firewall identity-based-route"}:
            if any(entry.word("status", "enable") != "disable" for entry in table.entries.values()):
                device.unsure.add(name)
        elif path == "vpn ssl settings" and table.own.words("source-interface"):
            device.unsure.add(name)  # its clients have routes of their own


def _routes_of(device: Device, vdom: str, entry: Entry, family: Family) -> Iterator[Route]:
    """The routes of an entry; none, and nothing known of the domain, where it cannot be followed."""
    if entry.word("status", "enable") == "disable":
        return
    ways = [entry.word("device")] if entry.word("device") else []
    zone = entry.word("sdwan-zone")
    if not zone and "enable" in {entry.word("sdwan"), entry.word("virtual-wan-link")}:
        zone = DEFAULT_SDWAN
    if zone:
        ways = [name for word in entry.words("sdwan-zone") or [zone] for name in device.zones.get((vdom, word), ())]
    if entry.word("blackhole") == "enable":
        ways = [""]
    said = entry.words("dst") or ([ZERO, ZERO] if family == 4 else ["::/0"])
    strange = bool(set(entry.fields) - ROUTE or entry.odd or entry.tables)
    for key in ("dstaddr", "internet-service", "internet-service-custom", "internet-service-fortiguard"):
        strange = strange or entry.word(key, "0") not in {"0", "", "disable"}
    try:
        side = prefix(said[0]) if len(said) == 1 else masked(said[0], said[1], wildcard=False)
        [(low, high)] = side.ranges[family]
        metric = int(entry.word("distance", "10")) * 65536 + int(entry.word("priority", "0"))
    except (ValueError, IndexError, KeyError):
        strange = True
    if strange or not ways or any(way and way not in device.interfaces for way in ways):
        device.unsure.add(vdom)
        return
    for way in ways:
        yield Route(family, low, high, way, MAIN, min(metric, 2**31))


def routes_said(device: Device) -> tuple[Route, ...]:
    """The routes of a device with one virtual domain, where they are all known; connected networks among them."""
    domains = device.vdoms()
    if len(domains) != 1 or domains[0] in device.unsure or not device.routes or not device.possible():
        return ()
    connected = [
        Route(family, *addresses_of(family, value, length), one.name, MAIN, 0)
        for one in device.live()
        for family, value, length in one.addresses
        if 0 < length < addresses.BITS[family]
    ]
    return (*connected, *(route for _, route in device.routes))


def _overlap(live: Iterable[Interface]) -> bool:
    """Whether networks of different domains or VRFs hold the same addresses: then an address tells no interface."""
    spans: list[tuple[Family, int, int, tuple[str, str]]] = []
    for one in live:
        place = (one.vdom, one.entry.word("vrf", "0"))
        spans += [(family, *addresses_of(family, value, length), place) for family, value, length in one.addresses]
    spans.sort()
    for number, (family, _, last, place) in enumerate(spans):
        for other_family, first, _, other in spans[number + 1 :]:
            if other_family != family or first > last:
                break
            if other != place:
                return True
    return False
