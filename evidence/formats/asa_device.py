"""What an ASA does to traffic: its interfaces with their security levels, and the chains that come of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from compliance.traffic import addresses
from compliance.traffic.boxes import FAMILIES, FULL, Box, Family
from compliance.traffic.shares import Residue
from evidence.formats import device, entries
from evidence.formats.cursor import Account, Line
from evidence.formats.device import FORWARD, INPUT, AccessList, Attachment
from evidence.formats.entries import Named, Side, made
from evidence.formats.object_groups import Expanded
from evidence.formats.sections import Said
from evidence.formats.static_routes import Statics
from evidence.rules import Action, Chain, Reading, Rule

COMING, BETWEEN, GOING, OWN = ("asa:device/in", "asa:device/between", "asa:device/out", "asa:device/input")
STAGES = {FORWARD: (COMING, BETWEEN, GOING), INPUT: (OWN,)}
TRUSTED, OUTSIDE = 100, 0  # the levels of an interface called inside, and of any other, where none is given
ITSELF = "what it accepts itself is set by ssh, http, telnet, icmp, snmp and VPN statements, which are not read"


@dataclass(slots=True)
class Interface:
    """One interface as configured; `nameif` is what everything else calls it."""

    name: str
    line: Line
    nameif: str = ""
    level: int | None = None
    addresses: list[tuple[Family, int, int]] = field(default_factory=list)
    down: bool = False
    management: bool = False
    bridged: bool = False
    families: set[Family] = field(default_factory=lambda: {4})


@dataclass(slots=True)
class Firewall:
    """Everything of a configuration that matters to traffic."""

    has_interfaces: bool = False
    interfaces: dict[str, Interface] = field(default_factory=dict)
    lists: dict[str, AccessList] = field(default_factory=dict)
    attachments: list[Attachment] = field(default_factory=list)
    overridden: list[Said] = field(default_factory=list)
    same: set[str] = field(default_factory=set)
    translations: list[tuple[Said, str]] = field(default_factory=list)  # with the object that is translated
    tunnels: list[tuple[str, Said]] = field(default_factory=list)
    tunnels_pass: bool = True
    filters: list[Said] = field(default_factory=list)
    real_addresses: bool = True
    groups: Expanded | None = None
    names: Mapping[str, str] = field(default_factory=dict)
    statics: Statics = field(default_factory=Statics)

    def level(self, name: str) -> int:
        """The security level of an interface."""
        held = self.interfaces[name]
        if held.level is not None:
            return held.level
        return TRUSTED if name == "inside" else OUTSIDE


def interface_line(held: Interface, said: Said, names: Mapping[str, str]) -> bool:
    """Reads one line of an interface; False when it is not one that matters. Raises ValueError or IndexError."""
    words = said.words
    if words[0] == "nameif":
        held.nameif = words[1]
    elif words[0] == "security-level":
        held.level = int(words[1])
    elif words[0] in {"shutdown", "management-only"}:
        held.down, held.management = held.down or words[0] == "shutdown", held.management or words[0] != "shutdown"
    elif words[0] == "bridge-group":
        held.bridged = True
    elif words[:2] == ["ipv6", "enable"]:
        held.families.add(6)
    elif words[:2] == ["ip", "address"]:
        if words[2] in {"dhcp", "pppoe"}:
            return True  # of an address that somebody else chooses nothing is known
        family, value = addresses.parse_host(names.get(words[2], words[2]))
        mask = addresses.parse_host(words[3])[1]
        held.addresses.append((family, value, 32 - (~mask & 0xFFFFFFFF).bit_length()))
    elif words[:2] == ["ipv6", "address"]:
        held.families.add(6)
        if "/" not in words[2] or "eui-64" in words:
            return True  # a part of it is chosen by somebody else
        address, _, length = words[2].partition("/")
        held.addresses.append((6, addresses.parse_host(address)[1], int(length)))
    else:
        return False
    return True


def reading(name: str, firewall: Firewall, account: Account) -> Reading:
    """The points of a firewall, or, where it has no interface, of each of its lists."""
    whole = firewall.has_interfaces or bool(firewall.attachments)
    _account_bad(firewall, account, whole=whole)
    lists = list(firewall.lists.values())
    if whole:
        _undeclared(firewall)
        bases = _bases(firewall, account)
        chains = [*bases, *(Chain(one.chain, "filter", "", 0, None, tuple(one.rules)) for one in lists)]
    else:
        chains = [device.list_chain(one, account) for one in lists]
    unread = account.unread()
    live = [one for one in firewall.interfaces.values() if not one.down]
    # The network of a bridge is reached by its members, and lists are attached to those: which one is not known.
    bridged = any(one.bridged for one in live)
    held = {} if bridged else {one.nameif: tuple(one.addresses) for one in live}
    firewall.statics.unsure |= any(not one.addresses for one in live)
    return Reading(
        format=name,
        points=device.points(STAGES, unread) if whole else device.fragment_points(lists, unread),
        chains=tuple(chains),
        addresses=held,
        routes=firewall.statics.made(held),
        unread=unread,
        lines={account.name: account.lines()},
        families=frozenset(FAMILIES) if whole else frozenset(family for one in lists for family in one.families),
        statements=(
            *device.said(lists, firewall.attachments, account, whole=whole),
            *(firewall.groups.said(account) if firewall.groups else ()),
        ),
    )


def _undeclared(firewall: Firewall) -> None:
    """Interfaces that a list is attached to and that this file does not show."""
    for one in firewall.attachments:
        if one.interface and one.interface not in firewall.interfaces:
            shown = Interface(one.interface, one.line, one.interface, families=set(FAMILIES))
            firewall.interfaces[one.interface] = shown


def _account_bad(firewall: Firewall, account: Account, *, whole: bool) -> None:
    used = {one.name for one in firewall.attachments}
    for found in firewall.lists.values():
        for line, why in found.bad:
            account.fail(line.number, line.text, why, *([FORWARD] if whole and found.name in used else [found.name]))


def _bases(firewall: Firewall, account: Account) -> list[Chain]:
    live = [name for name, held in firewall.interfaces.items() if not held.down]
    shut = [
        made(Named("asa:default/own", OWN, 1, account.origin(Line(0, ""))), family, Action.DENY, (FULL[family],),
             residue=(Residue("match", ITSELF, 0),))
        for family in FAMILIES
    ]  # fmt: skip
    return [
        device.base(COMING, "forward", 0, _coming(firewall, live, account)),
        device.base(BETWEEN, "forward", 1, _between(firewall, live, account)),
        device.base(GOING, "forward", 2, _attached(firewall, "out", account, GOING)),
        device.base(OWN, "input", 0, shut),
    ]


def _coming(firewall: Firewall, live: Sequence[str], account: Account) -> list[Rule]:
    """Doubts, the lists of interfaces, the list of all, then what security levels let through."""
    found: list[Rule] = []
    for said in firewall.filters:
        named = Named(f"asa:{said.words[0]}#{said.line.number}", COMING, 0, account.origin(said.line))
        found += [device.doubt(named, " ".join(said.words), family) for family in FAMILIES]
    for said in firewall.overridden:
        named = Named(f"asa:access-group#{said.line.number}", COMING, 0, account.origin(said.line))
        residue = (Residue("action", " ".join(said.words[5:]), said.line.number),)
        limits = said.words[4]
        found += [made(named, each, Action.PERMIT, (FULL[each],), iif=limits, residue=residue) for each in FAMILIES]
    for interface, said in firewall.tunnels if firewall.tunnels_pass else ():
        named = Named(f"asa:tunnel/{interface}#{said.line.number}", COMING, 0, account.origin(said.line))
        what = "what comes out of a tunnel is not judged by lists (sysopt connection permit-vpn)"
        found += [
            device.doubt(named, what, family, action=Action.PERMIT, iif=[interface]) for family in FAMILIES
        ]  # fmt: skip
    found += _attached(firewall, "in", account, COMING)
    everywhere = [one for one in firewall.attachments if not one.interface and one.name in firewall.lists]
    covered: dict[Family, set[str]] = {family: set() for family in FAMILIES}
    for one in firewall.attachments:
        held = firewall.lists.get(one.name)
        if one.direction == "in" and held is not None:
            for family in held.families:
                covered[family].update([one.interface] if one.interface else live)
    if everywhere:
        return found
    for family in FAMILIES:
        found += _by_level(firewall, [name for name in live if name not in covered[family]], live, family, account)
    return found


def _by_level(
    firewall: Firewall, without: Sequence[str], live: Sequence[str], family: Family, account: Account
) -> list[Rule]:
    """Where an interface has no list: nothing goes to a higher level."""
    found: list[Rule] = []
    listed = {one.interface for one in firewall.attachments if one.direction == "out"}
    for name in without:
        higher = [other for other in live if firewall.level(other) > firewall.level(name)]
        origin = account.origin(firewall.interfaces[name].line)
        certain, doubtful = [one for one in higher if one not in listed], [one for one in higher if one in listed]
        named = Named(f"asa:default/security-level#{name}", COMING, 0, origin)
        if certain:
            found.append(made(named, family, Action.DENY, (FULL[family],), iif=name, oif=certain))
        if doubtful:
            what = f"to a higher security level, where {', '.join(doubtful)} has an outbound list"
            found.append(device.doubt(named, what, family, iif=[name], oif=doubtful))
    return found


def _attached(firewall: Firewall, direction: str, account: Account, chain: str) -> list[Rule]:
    """The lists of one direction, each with its end; with a list of all interfaces the end is behind that one."""
    wanted = [one for one in firewall.attachments if one.direction == direction]
    everywhere = [one for one in wanted if not one.interface]
    own = [one for one in wanted if one.interface]
    found: list[Rule] = []
    for one in (*own, *everywhere):
        held = firewall.lists.get(one.name)
        origin = account.origin(one.line)
        iif = [one.interface] if direction == "in" and one.interface else None
        oif = [one.interface] if direction == "out" else None
        if held is None:
            named = Named(f"asa:acl/{one.name}#undefined", chain, 0, origin)
            found += [
                device.doubt(named, f"list {one.name} is not defined", each, iif=iif, oif=oif) for each in FAMILIES
            ]
            continue
        named = Named(f"{held.chain}#{direction}", chain, 0, origin)
        for family in held.families:
            found.append(
                made(named, family, Action.JUMP, (FULL[family],), target=held.chain, iif=iif, oif=oif)
            )  # fmt: skip
    for one in everywhere or own:
        held = firewall.lists.get(one.name)
        iif = [one.interface] if direction == "in" and one.interface else None
        oif = [one.interface] if direction == "out" else None
        for family in held.families if held is not None else ():
            named = Named(f"asa:acl/{one.name}#implicit", chain, 0, account.origin(one.line))
            found.append(made(named, family, Action.DENY, (FULL[family],), iif=iif, oif=oif))
    return found


def _between(firewall: Firewall, live: Sequence[str], account: Account) -> list[Rule]:
    """What stays within one interface or one level, and what is translated."""
    found: list[Rule] = []
    by_level: dict[int, list[str]] = {}
    for name in live:
        by_level.setdefault(firewall.level(name), []).append(name)
        named = Named(f"asa:default/intra-interface#{name}", BETWEEN, 0, account.origin(firewall.interfaces[name].line))
        if "intra-interface" not in firewall.same:
            found += [
                made(named, each, Action.DENY, (FULL[each],), iif=name, oif=name) for each in FAMILIES
            ]  # fmt: skip
    for level, names in by_level.items() if "inter-interface" not in firewall.same else ():
        for name in names if len(names) > 1 else ():
            origin = account.origin(firewall.interfaces[name].line)
            named = Named(f"asa:default/same-security-{level}#{name}", BETWEEN, 0, origin)
            others = [one for one in names if one != name]
            found += [made(named, each, Action.DENY, (FULL[each],), iif=name, oif=others) for each in FAMILIES]
    return [*found, *_closed(firewall, live, account), *_translated(firewall, account)]


def _closed(firewall: Firewall, live: Sequence[str], account: Account) -> list[Rule]:
    """Interfaces that pass nothing on, or nothing of IPv6 as they have none."""
    found: list[Rule] = []
    for name in live:
        held = firewall.interfaces[name]
        origin = account.origin(held.line)
        for family in FAMILIES:
            if held.management or family not in held.families:
                what = "management-only" if held.management else "no-ipv6"
                named = Named(f"asa:default/{what}#{name}", BETWEEN, 0, origin)
                found.append(made(named, family, Action.DENY, (FULL[family],), iif=name))
                found.append(made(named, family, Action.DENY, (FULL[family],), oif=name))
    return found


def _translated(firewall: Firewall, account: Account) -> list[Rule]:
    """Destinations that become others. Before 8.3 lists name translated addresses: then nothing is certain."""
    found: list[Rule] = []
    for said, real in firewall.translations:
        number = said.line.number
        named = Named(f"asa:nat#{number}", BETWEEN, number, account.origin(said.line))
        residue = (Residue("nat", " ".join(said.words), number),)
        for family, boxes, iif in _mapped(firewall, said, real):
            limits = [iif] if iif in firewall.interfaces else None
            found.append(made(named, family, Action.PERMIT, boxes, iif=limits, residue=residue))
    return found


def _mapped(firewall: Firewall, said: Said, real: str) -> Iterable[tuple[Family, tuple[Box, ...], str]]:
    """(family, destinations, interface at which they are met) of a translation."""
    words = said.words
    whole = len(words) > 3 and words[0] == "nat" and words[1].startswith("(")
    if not firewall.real_addresses or not whole:
        yield from ((family, (FULL[family],), "") for family in FAMILIES)
        return
    inner, _, outer = words[1].strip("()").partition(",")
    if real:
        if words[2:3] == ["static"]:
            yield from _towards(firewall, words[3], outer)
        return
    left = words[2:]
    for side, met in (("source", outer), ("destination", inner)):
        at = left.index(side) if side in left else -1
        if at >= 0 and left[at + 1 : at + 2] == ["static"] and len(left) > at + 3 and left[at + 2] != left[at + 3]:
            mapped = left[at + 3] if side == "source" else left[at + 2]
            yield from _towards(firewall, mapped, met)


def _towards(firewall: Firewall, mapped: str, met: str) -> Iterable[tuple[Family, tuple[Box, ...], str]]:
    side = _addresses_of(firewall, mapped, met)
    for family in FAMILIES:
        boxes = tuple((0, FULL[family][1], low, high, *FULL[family][4:]) for low, high in side.widest(family))
        if boxes:
            yield family, boxes, met


def _addresses_of(firewall: Firewall, mapped: str, met: str) -> Side:
    if mapped == "interface":
        held = firewall.interfaces.get(met)
        found = Side()
        for family, value, _ in held.addresses if held else ():
            found.ranges.setdefault(family, []).append((value, value))
        return found if found.ranges else entries.unknown("the address of the interface")
    try:
        return entries.host(firewall.names.get(mapped, mapped))
    except ValueError:
        return firewall.groups.network(mapped) if firewall.groups else entries.unknown(mapped)
