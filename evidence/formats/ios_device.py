"""What the lists of a router with IOS do to traffic: its interfaces, and the chains and points that come of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from compliance.traffic import addresses
from compliance.traffic.boxes import FAMILIES, Box, Family, box_of
from compliance.traffic.shares import Residue
from evidence.formats import device
from evidence.formats.cursor import Account, Line
from evidence.formats.device import FORWARD, INPUT, AccessList, Attachment
from evidence.formats.entries import Named, made
from evidence.formats.sections import Said
from evidence.formats.static_routes import Statics
from evidence.rules import Action, Chain, Reading, Rule, Statement

COMING, BETWEEN, GOING, OWN, CONTROL = (
    "ios:device/in", "ios:device/between", "ios:device/out", "ios:device/input", "ios:device/control",
)  # fmt: skip
STAGES = {FORWARD: (COMING, BETWEEN, GOING), INPUT: (OWN, CONTROL)}
DISCOVERY = (("nd-na", 136), ("nd-ns", 135))  # what every IPv6 list lets through before its implicit end
REDUNDANT = frozenset({"standby", "vrrp", "glbp", "hsrp"})
LOOPBACK = "lo"
SECRETIVE = frozenset({"dhcp", "negotiated", "pool"})


@dataclass(slots=True)
class Interface:
    """One interface as configured."""

    name: str
    line: Line
    addresses: list[tuple[Family, int, int]] = field(default_factory=list)
    attachments: list[Attachment] = field(default_factory=list)
    vrf: str = ""
    zone: str = ""
    nat: str = ""
    down: bool = False
    switched: bool = False
    learns: bool = False  # whether its address, and perhaps a route, is somebody else's choice
    speaks: bool = False  # whether it has an address at all, be it one that somebody else chooses
    doubts: list[tuple[str, str, Line]] = field(default_factory=list)  # direction, what, where
    inspects: list[str] = field(default_factory=list)  # what remembers connections and lets their answers in


@dataclass(slots=True)
class Router:
    """Everything of a configuration that matters to traffic."""

    interfaces: dict[str, Interface] = field(default_factory=dict)
    lists: dict[tuple[str, Family], AccessList] = field(default_factory=dict)
    routes: set[Family] = field(default_factory=lambda: {4})
    translations: list[Said] = field(default_factory=list)
    dropping: set[str] = field(default_factory=set)  # policies that drop
    control: list[Said] = field(default_factory=list)  # what guards the device itself
    filters: list[Said] = field(default_factory=list)  # what may stop anything
    statics: Statics = field(default_factory=Statics)
    discovery: tuple[tuple[str, int], ...] = DISCOVERY
    objects: list[Statement] = field(default_factory=list)  # what each group holds
    keeping: list[str] = field(default_factory=list)  # what lets answers in by what it saw before


def interface_line(router: Router, held: Interface, said: Said) -> bool:
    """Reads one line of an interface; False when it is not one that matters. Raises ValueError or IndexError."""
    words = said.words
    first, second = words[0], words[1] if len(words) > 1 else ""
    if first == "shutdown":
        held.down = True
    elif first == "no":
        return _no(held, words[1:])
    elif (first, second) in {("ip", "address"), ("ipv6", "address")}:
        _address(held, words)
    elif (first, second) in {("ip", "unnumbered"), ("ipv6", "enable"), ("ipv6", "unnumbered")}:
        held.speaks = True
    elif first in REDUNDANT:
        _shared(held, words)
    elif (first, second) in {("ip", "access-group"), ("ipv6", "traffic-filter")}:
        if len(words) != 4 or words[3] not in {"in", "out"}:
            raise ValueError("it is not known how this list is attached")
        family: Family = 4 if first == "ip" else 6
        known = [one for one in held.attachments if (one.direction, one.family) != (words[3], family)]
        held.attachments = [*known, Attachment(held.name, words[3], family, words[2], said.line)]
    elif (first, second) in {("vrf", "forwarding"), ("ip", "vrf")}:
        held.vrf = words[-1]
    elif first == "ip" and second == "nat":
        held.nat = words[2] if words[2] in {"inside", "outside"} else held.nat
    elif first == "zone-member":
        held.zone = words[-1]
    elif first == "switchport":
        held.switched = True
    elif first == "service-policy":
        held.doubts.append(("policy", words[-1], said.line))
    elif first == "crypto" and second == "map":
        held.doubts.append(("crypto", "what comes out of a tunnel (crypto map) is not judged by the list", said.line))
    elif (first, second) in {("ip", "policy"), ("ipv6", "policy")}:
        held.doubts.append(("route", "a policy chooses where it goes", said.line))
    elif (first, second) in {("ip", "admission"), ("ip", "auth-proxy"), ("ip", "urlfilter")}:
        held.doubts.append(("in", f"{first} {second} may stop it", said.line))
    elif (first, second) in {("ip", "inspect"), ("ip", "ips")}:
        if second == "inspect":  # lets answers in; a first packet is judged by the lists
            held.inspects.append("ip inspect")
    else:
        return False
    return True


def _no(held: Interface, words: Sequence[str]) -> bool:
    if words == ["shutdown"]:
        held.down = False
    if words == ["switchport"]:
        held.switched = False
    return True


def _address(held: Interface, words: Sequence[str]) -> None:
    held.speaks = True
    text = words[2].lower()
    if text in SECRETIVE or text in {"autoconfig", "prefix-name"}:
        held.learns = True
        return  # of an address that somebody else chooses nothing is known
    if words[0] == "ip" and "/" not in text:
        family, value = addresses.parse_host(text)
        mask = addresses.parse_host(words[3])[1]
        length = 32 - (~mask & 0xFFFFFFFF).bit_length()
        held.addresses.append((family, value, length))
        return
    address, slash, length_text = text.partition("/")
    family, value = addresses.parse_host(address)
    if slash and "eui-64" in words:
        return  # its lower half is made of the interface's own number
    held.addresses.append((family, value, int(length_text) if slash else addresses.BITS[family]))


def _shared(held: Interface, words: Sequence[str]) -> None:
    """`standby 1 ip 10.0.0.1`: an address that the device has while it is the active one. The rest says no address."""
    if "ip" not in words[1:-1]:
        return
    family, value = addresses.parse_host(words[words.index("ip", 1) + 1])
    held.addresses.append((family, value, addresses.BITS[family]))


def reading(name: str, router: Router, account: Account) -> Reading:
    """The points of a router, or, where it has no interface, of each of its lists."""
    whole = bool(router.interfaces)
    attachments = [one for held in router.interfaces.values() for one in held.attachments]
    _account_bad(router, account, attachments, whole=whole)
    chains = [_list_chain(found, account, router.discovery) for found in router.lists.values() if not found.is_empty()]
    live = [held for held in router.interfaces.values() if not held.down]
    if whole:
        chains = [*_bases(router, live, account), *chains]
    router.statics.unsure |= any(one.vrf or one.learns for one in live)
    held = _addresses(live)
    unread = account.unread()
    fragments = device.fragment_points([one for one in router.lists.values() if not one.is_empty()], unread)
    return Reading(
        format=name,
        points=device.points(STAGES, unread) if whole else fragments,
        chains=tuple(chains),
        addresses=held,
        routes=router.statics.made(held),
        unread=unread,
        lines={account.name: account.lines()},
        families=frozenset(FAMILIES) if whole else frozenset(family for _, family in router.lists),
        statements=(
            *device.said(router.lists.values(), attachments, account, whole=whole),
            *router.objects,
            *([device.answers(account, _keeping(router, live))] if whole else ()),
        ),
    )


def _keeping(router: Router, live: Iterable[Interface]) -> list[str]:
    """Why answers are not judged by the lists alone: what remembers a connection, or another address they come to."""
    inspected = [f"{what} at {held.name}" for held in live for what in held.inspects]
    translated = ["addresses are translated"] if router.translations and any(held.nat for held in live) else []
    return [*router.keeping, *inspected, *translated]


def _account_bad(router: Router, account: Account, attachments: Iterable[Attachment], *, whole: bool) -> None:
    """Lines of lists that nobody understood: they make unverifiable what the list is attached to."""
    used: dict[tuple[str, Family | None], list[Attachment]] = {}
    for one in attachments:
        used.setdefault((one.name, one.family), []).append(one)
    for (name, family), found in router.lists.items():
        directions = {one.direction for one in used.get((name, family), [])}
        points = [FORWARD, *([INPUT] if "in" in directions else [])] if directions else [name]
        for line, why in found.bad:
            account.fail(line.number, line.text, why, *(points if whole else [name]))


def _list_chain(found: AccessList, account: Account, lets_through: Sequence[tuple[str, int]]) -> Chain:
    if found.families == (4,):
        return device.list_chain(found, account)
    origin = account.origin(found.head)
    discovery = [
        made(
            Named(f"{found.chain}#implicit-{name}", found.chain, len(found.rules) + number, origin), 6, Action.PERMIT,
            (box_of(6, proto=58, sport=kind),),
        )
        for number, (name, kind) in enumerate(lets_through, start=1)
    ]  # fmt: skip
    return device.list_chain(found, account, before=discovery)


def _addresses(live: Iterable[Interface]) -> dict[str, tuple[tuple[Family, int, int], ...]]:
    """What the device holds; what stands on a loopback is its own and no network around it.

    By an interface without an address nothing of IP comes in or goes out.
    """
    found: dict[str, tuple[tuple[Family, int, int], ...]] = {}
    for held in live:
        if held.name.lower().startswith(("null", "nve")) or not held.speaks:
            continue
        loops = held.name.lower().startswith("loopback")
        key = LOOPBACK if loops else held.name
        found[key] = (*found.get(key, ()), *held.addresses)
    return found


def _bases(router: Router, live: Sequence[Interface], account: Account) -> list[Chain]:
    lists = dict(router.lists)
    routed = [held for held in live if not held.switched]
    coming = [one for held in routed for one in held.attachments if one.direction == "in"]
    going = [one for held in routed for one in held.attachments if one.direction == "out"]
    known: dict[tuple[str, Family | None], AccessList] = {(name, family): one for (name, family), one in lists.items()}
    return [
        device.base(COMING, "forward", 0, (
            *_doubts_in(router, live, account, COMING),
            *device.attached("ios:acl", COMING, known, coming, account, side="iif"),
        )),
        device.base(BETWEEN, "forward", 1, _between(router, routed, account)),
        device.base(GOING, "forward", 2, (
            *_doubts_out(router, live, account),
            *device.attached("ios:acl", GOING, known, going, account, side="oif"),
        )),
        device.base(OWN, "input", 0, (
            *_doubts_in(router, live, account, OWN),
            *_translated(router, live, account, OWN),
            *device.attached("ios:acl", OWN, known, coming, account, side="iif"),
        )),
        device.base(CONTROL, "input", 1, _control(router, account)),
    ]  # fmt: skip


def _doubts_in(router: Router, live: Iterable[Interface], account: Account, chain: str) -> list[Rule]:
    found: list[Rule] = []
    for held in live:
        for kind, what, line in held.doubts:
            named = Named(f"ios:interface/{held.name}#{kind}", chain, 0, account.origin(line))
            if kind == "policy" and what in router.dropping and "input" in line.text.split():
                found += _each(named, f"policy {what} may drop it", iif=[held.name])
            elif kind == "in" or (kind == "route" and chain == COMING and _has_lists(live, "out")):
                found += _each(named, what, iif=[held.name])
            elif kind == "crypto" and any(one.direction == "in" for one in held.attachments):
                found += _each(named, what, action=Action.PERMIT, iif=[held.name])
        for one in held.attachments if held.switched else ():
            named = Named(f"ios:interface/{held.name}#port-list", chain, 0, account.origin(one.line))
            found += _each(named, f"list {one.name} judges what this port switches")
    for said in router.filters:
        named = Named(f"ios:device#{said.words[0]}", chain, 0, account.origin(said.line))
        found += _each(named, " ".join(said.words[:3]))
    return found


def _has_lists(live: Iterable[Interface], direction: str) -> bool:
    return any(one.direction == direction for held in live for one in held.attachments)


def _doubts_out(router: Router, live: Iterable[Interface], account: Account) -> list[Rule]:
    found: list[Rule] = []
    for held in live:
        for kind, what, line in held.doubts:
            if kind == "policy" and what in router.dropping and "output" in line.text.split():
                named = Named(f"ios:interface/{held.name}#policy", GOING, 0, account.origin(line))
                found += _each(named, f"policy {what} may drop it", oif=[held.name])
    return found


def _each(
    named: Named, what: str, *, action: Action = Action.DENY, iif: Iterable[str] | None = None,
    oif: Iterable[str] | None = None,
) -> list[Rule]:  # fmt: skip
    return [device.doubt(named, what, family, action=action, iif=iif, oif=oif) for family in FAMILIES]


def _between(router: Router, live: Sequence[Interface], account: Account) -> list[Rule]:
    """What is not routed at all, and what crosses from one routing table, zone or translation to another."""
    found: list[Rule] = []
    origin = account.origin(live[0].line) if live else account.origin(Line(0, ""))
    for family in FAMILIES:
        if family not in router.routes:
            named = Named(f"ios:default/ipv{family}#not-routed", BETWEEN, 0, origin)
            found.append(made(named, family, Action.DENY, (box_of(family),)))
    tables: dict[str, list[str]] = {}
    for held in live:
        tables.setdefault(held.vrf, []).append(held.name)
    for vrf, names in tables.items() if len(tables) > 1 else ():
        named = Named(f"ios:vrf/{vrf or 'global'}#leaves", BETWEEN, 0, origin)
        found += _each(named, "another routing table (vrf)", iif=names, oif=[f"!{name}" for name in names])
    zones: dict[str, list[str]] = {}
    for held in live:
        zones.setdefault(held.zone, []).append(held.name)
    for zone, names in zones.items() if set(zones) != {""} else ():
        named = Named(f"ios:zone/{zone or 'none'}#leaves", BETWEEN, 0, origin)
        found += _each(named, "the policy between zones", iif=names, oif=[f"!{name}" for name in names])
    return [*found, *_translated(router, live, account, BETWEEN), *_sources(router, live, account)]


def _translated(router: Router, live: Iterable[Interface], account: Account, chain: str) -> list[Rule]:
    """Destinations that become others (static translations), as they are met where they come in."""
    outside = [held for held in live if held.nat == "outside"]
    found: list[Rule] = []
    for said in router.translations if outside else ():
        if "static" not in said.words and said.words[2:4] == ["inside", "source"]:
            continue
        number = said.line.number
        named = Named(f"ios:nat#{number}", chain, number, account.origin(said.line))
        residue = (Residue("nat", " ".join(said.words), number),)
        iif = [held.name for held in outside] if said.words[2] == "inside" else None
        for box in _globals(said, live):
            found.append(made(named, 4, Action.PERMIT, (box,), iif=iif, residue=residue))
    return found


def _globals(said: Said, live: Iterable[Interface]) -> list[Box]:
    """The destinations that a static translation is about: its second address, or an interface's; else all."""
    words = said.words
    if words[2] != "inside" or "static" not in words[:-2] or "network" in words:
        return [box_of(4)]
    left = words[words.index("static") + 1 :]
    left = left[3 if left[0] in {"tcp", "udp"} else 2 if left[0] == "esp" else 1 :]
    if left[:1] == ["interface"]:
        held = [one for one in live if [one.name.lower()] == [word.lower() for word in left[1:2]]]
        own = [value for one in held for family, value, _ in one.addresses if family == 4]
        return [box_of(4, dst=(value, value)) for value in own] or [box_of(4)]
    try:
        family, value = addresses.parse_host(left[0])
    except (ValueError, IndexError):
        return [box_of(4)]
    return [box_of(4, dst=(value, value))] if family == 4 else [box_of(4)]


def _sources(router: Router, live: Sequence[Interface], account: Account) -> list[Rule]:
    """Sources that are translated before an outbound list sees them."""
    inside = [held.name for held in live if held.nat == "inside"]
    listed = [
        held.name
        for held in live
        if held.nat == "outside" and any(one.direction == "out" and one.family == 4 for one in held.attachments)
    ]
    found: list[Rule] = []
    for said in router.translations if inside and listed else ():
        named = Named(f"ios:nat#{said.line.number}", BETWEEN, said.line.number, account.origin(said.line))
        residue = (Residue("nat", " ".join(said.words), said.line.number),)
        found.append(made(named, 4, Action.PERMIT, (box_of(4),), iif=inside, oif=listed, residue=residue))
    return found


def _control(router: Router, account: Account) -> list[Rule]:
    """What guards the device itself behind its lists: policies of the control plane, lists of the terminal lines."""
    found: list[Rule] = []
    for said in router.control:
        named = Named(f"ios:control#{said.line.number}", CONTROL, said.line.number, account.origin(said.line))
        text = " ".join(said.words)
        if "access-class" in said.words:
            for family in FAMILIES:
                boxes = (box_of(family, proto=6, dport=(22, 23)),)
                found.append(device.doubt(named, text, family, boxes=boxes))
        else:
            found += _each(named, text)
    return found
