"""The chains and points of a FortiOS device.

`FORWARD`: what interfaces and access lists stop before any policy, then the policies of the virtual domain, from the
interface a packet came in by to the one it leaves by. What goes from one domain to another is judged in both, and which
way it takes there is not followed. `INPUT`: local-in policies, then what `allowaccess` opens; what else the
device serves (VPN, DHCP, routing protocols) is not read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from compliance.traffic.boxes import FAMILIES, FULL, ICMP, Box, Family, box_of
from compliance.traffic.shares import Residue
from evidence.formats import device, fortios_policy, fortios_vips
from evidence.formats.device import FORWARD, INPUT
from evidence.formats.entries import Named, made
from evidence.formats.fortios_device import Device, Interface
from evidence.formats.fortios_policy import Domain, Draft
from evidence.formats.fortios_text import Entry
from evidence.formats.fortios_vips import OriginOf, Translation
from evidence.rules import Action, Chain, Point, Rule, Unread

BEFORE, POLICIES, OWN, ALLOWED = (
    "fortios:device/before", "fortios:device/policies", "fortios:device/input", "fortios:device/allowaccess",
)  # fmt: skip
STAGES = {FORWARD: (BEFORE, POLICIES), INPUT: (OWN,)}
MULTICAST: Mapping[Family, Box] = {
    4: box_of(4, dst=(0xE0000000, 0xEFFFFFFF)), 6: box_of(6, dst=(0xFF << 120, (1 << 128) - 1)),
}  # fmt: skip
ITSELF = "what else it accepts itself (VPN, DHCP, DNS, routing protocols) is not read"
PINGS: Mapping[Family, int] = {4: 8, 6: 128}
# Services that nothing else of the device opens: without them in allowaccess they are closed
ALONE = frozenset({"ssh", "telnet", "snmp", "ping"})


@dataclass(slots=True)
class Lists:
    """The policies of one virtual domain, in their order, and what is told of its translations."""

    domain: Domain
    policies: list[Draft] = field(default_factory=list)
    multicast: list[Draft] = field(default_factory=list)
    local: list[Draft] = field(default_factory=list)
    acl: list[Draft] = field(default_factory=list)
    vips: list[Translation] = field(default_factory=list)
    groups: Mapping[str, Entry] = field(default_factory=dict)
    central: bool = False
    doubts: list[tuple[str, Entry]] = field(default_factory=list)  # what may stop or change anything


@dataclass(slots=True)
class AdminPorts:
    """Ports that the device itself answers at."""

    ssh: int = 22
    telnet: int = 23
    http: int = 80
    https: int = 443
    trusted: bool = False  # whether administrators come from given addresses alone


def chains(
    held: Device, lists: Sequence[Lists], ports: AdminPorts, origin_of: OriginOf, *, has_policies: bool
) -> list[Chain]:  # fmt: skip
    """All chains of a device."""
    several = len(lists) > 1
    found: list[Chain] = []
    before: list[Rule] = []
    policies: list[Rule] = []
    for one in lists:
        names = frozenset(name for name, each in held.interfaces.items() if each.vdom == one.domain.name)
        limits = names if several else None
        before += [rule for draft in one.acl for rule in fortios_policy.rules(draft, BEFORE)]
        before += _doubts(one, limits, origin_of)
        policies += _entrances(one, limits, found, origin_of)
        found += _lists(held, one, origin_of)
    before += _interfaces(held, origin_of)
    if several:
        policies += _between(held, lists, origin_of)
    if held.interfaces or any(one.local for one in lists):
        found += [
            device.base(OWN, "input", 0, _own(lists, held, origin_of)),
            Chain(ALLOWED, "filter", "", 0, None, tuple(_allowed(held, ports, origin_of))),
        ]
    if not has_policies:
        return found
    return [
        device.base(BEFORE, "forward", 0, before),
        Chain(POLICIES, "filter", "forward", 1, Action.DENY, tuple(policies)),
        *found,
    ]


def points(held: Sequence[Chain], unread: Sequence[Unread]) -> tuple[Point, ...]:
    """The points whose chains were read."""
    there = {chain.name for chain in held}
    return device.points({name: stages for name, stages in STAGES.items() if there.issuperset(stages)}, unread)


def _entrances(one: Lists, limits: frozenset[str] | None, found: list[Chain], origin_of: OriginOf) -> Iterator[Rule]:
    """What leads packets of a domain to its lists: translated ones, multicast, then all others."""
    name = one.domain.name
    used = one.vips if one.central else _used(one)
    if used:
        chain = f"fortios:vip/{name}"
        inner = fortios_vips.rules(one.domain, one.policies, used, one.groups, chain, central=one.central)
        end = Named(f"fortios:policy/{name}#implicit", chain, len(inner), origin_of(Entry("", 0, 0), ""))
        found.append(Chain(chain, "filter", "", 0, None, (*inner, *fortios_policy.implicit(end))))
        for rule in fortios_vips.entrances(used, chain, POLICIES, origin_of):
            yield _limited(rule, limits)
    nobody = origin_of(Entry("", 0, 0), "")
    for family in FAMILIES:
        chain = f"fortios:multicast/{name}"
        named = Named(f"{chain}#all", POLICIES, 0, nobody)
        yield made(named, family, Action.GOTO, (MULTICAST[family],), target=chain, iif=limits)
    for family in FAMILIES:
        chain = f"fortios:policy/{name}"
        named = Named(f"{chain}#all", POLICIES, 0, nobody)
        yield made(named, family, Action.GOTO, (FULL[family],), target=chain, iif=limits, oif=limits)


def _used(one: Lists) -> list[Translation]:
    names = fortios_vips.named_by(one.policies, one.groups)
    return [each for each in one.vips if each.name in names]


def _limited(rule: Rule, limits: frozenset[str] | None) -> Rule:
    if limits is None:
        return rule
    iif = limits if rule.iif is None else rule.iif & limits
    named = Named(rule.id, rule.chain, rule.seq, rule.origin)
    return made(named, rule.family, rule.action, rule.boxes, target=rule.target, iif=iif, residue=rule.residue)


def _lists(held: Device, one: Lists, origin_of: OriginOf) -> Iterator[Chain]:
    """The policies of a domain, those of multicast, each with its end."""
    name = f"fortios:policy/{one.domain.name}"
    zones = [(zone, entry) for (vdom, zone), entry in held.within.items() if vdom == one.domain.name]
    inner: list[Rule] = []
    for zone, entry in zones:
        inner += _within(held, one.domain.name, zone, entry, name, origin_of, sure=False)
    for draft in one.policies:
        inner += fortios_policy.rules(draft, name)
    for zone, entry in zones:
        inner += _within(held, one.domain.name, zone, entry, name, origin_of, sure=True)
    end = Named(f"{name}#implicit", name, len(inner), origin_of(Entry("", 0, 0), ""))
    yield Chain(name, "filter", "", 0, None, (*inner, *fortios_policy.implicit(end)))
    name = f"fortios:multicast/{one.domain.name}"
    inner = [rule for draft in one.multicast for rule in fortios_policy.rules(draft, name)]
    end = Named(f"{name}#implicit", name, len(inner), origin_of(Entry("", 0, 0), ""))
    yield Chain(name, "filter", "", 0, None, (*inner, *fortios_policy.implicit(end)))


def _within(
    held: Device, vdom: str, zone: str, entry: Entry, chain: str, origin_of: OriginOf, *, sure: bool
) -> Iterator[Rule]:  # fmt: skip
    """What stays in a zone that lets it: certain where no policy says otherwise, in doubt where one denies.

    Between a zone's interface and itself it is in doubt.
    """
    members = held.zones[vdom, zone]
    named = Named(f"fortios:default/intrazone#{zone}", chain, 0, origin_of(entry, "intrazone allow"))
    for family in FAMILIES:
        for member in members:
            others = [other for other in members if other != member]
            if not sure:
                what = "whether a policy is asked about what stays in a zone that allows it"
                yield device.doubt(named, what, family, action=Action.PERMIT, iif=[member], oif=members)
            elif others:
                yield made(named, family, Action.PERMIT, (FULL[family],), iif=member, oif=others)


def _between(held: Device, lists: Sequence[Lists], origin_of: OriginOf) -> Iterator[Rule]:
    """What goes from one virtual domain to another."""
    linked = any(each.kind == "vdom-link" or "vlink" in name for name, each in held.interfaces.items())
    nobody = origin_of(Entry("", 0, 0), "")
    named = Named("fortios:default/vdoms#between", POLICIES, 0, nobody)
    for family in FAMILIES:
        if linked:
            what = "it goes from one virtual domain to another, and is judged in each: ask about each part"
            yield device.doubt(named, what, family, action=Action.PERMIT)
        else:
            yield made(named, family, Action.DENY, (FULL[family],))


def _doubts(one: Lists, limits: frozenset[str] | None, origin_of: OriginOf) -> Iterator[Rule]:
    """What of a domain may stop anything and is not followed."""
    for text, entry in one.doubts:
        named = Named(f"fortios:{text.split()[0]}/{one.domain.name}#{entry.name or entry.first}", BEFORE, 0,
                      origin_of(entry, ""))  # fmt: skip
        wanted = one.domain.device.resolve(entry.words("srcintf"), one.domain.name).names or limits
        for family in FAMILIES:
            yield device.doubt(named, text, family, iif=wanted)


def _interfaces(held: Device, origin_of: OriginOf) -> Iterator[Rule]:
    for one in held.live():
        for text, line in one.doubts:
            named = Named(f"fortios:interface/{one.name}#{line}", BEFORE, 0, origin_of(one.entry, ""))
            for family in FAMILIES:
                yield device.doubt(named, text, family, iif=[one.name])


def _own(lists: Sequence[Lists], held: Device, origin_of: OriginOf) -> Iterator[Rule]:
    """What reaches the device itself."""
    for one in lists:
        for each in one.vips if one.central else _used(one):
            named = Named(f"fortios:vip/{one.domain.name}/{each.name}", OWN, 0, origin_of(each.entry, ""))
            residue = (Residue("nat", f"{each.name}: {each.unclear}", each.entry.first),) if each.unclear else ()
            yield made(named, each.family, Action.DENY, each.boxes(), iif=each.iif, residue=residue)
        for draft in one.local:
            for rule in fortios_policy.rules(draft, OWN):
                if rule.action is not Action.PERMIT:
                    yield rule
                    continue
                named = Named(rule.id, OWN, rule.seq, rule.origin)
                yield made(
                    named, rule.family, Action.GOTO, rule.boxes, target=ALLOWED, iif=rule.iif, residue=rule.residue,
                    enabled=rule.enabled,
                )  # fmt: skip
    named = Named("fortios:device/input#local-in", OWN, 0, origin_of(Entry("", 0, 0), ""))
    for family in FAMILIES:
        yield made(named, family, Action.GOTO, (FULL[family],), target=ALLOWED)


def _allowed(held: Device, ports: AdminPorts, origin_of: OriginOf) -> Iterator[Rule]:
    """What each interface answers for administrators, at its own addresses."""
    for one in held.live():
        for family in FAMILIES:
            if any(each[0] == family for each in one.addresses):
                yield from _answers(one, family, ports, origin_of)
    named = Named("fortios:default/own", ALLOWED, 0, origin_of(Entry("", 0, 0), ""))
    for family in FAMILIES:
        yield device.doubt(named, ITSELF, family)


def _answers(one: Interface, family: Family, ports: AdminPorts, origin_of: OriginOf) -> Iterator[Rule]:
    targets = [value for each, value, _ in one.addresses if each == family]
    residue = []
    if ports.trusted:
        residue.append(Residue("match", "administrators come from trusted hosts alone", one.entry.first))
    if one.kind == "loopback":
        residue.append(Residue("match", "a policy to the loopback interface is asked as well", one.entry.first))
    services = {
        "ssh": box_of(family, proto=6, dport=ports.ssh), "telnet": box_of(family, proto=6, dport=ports.telnet),
        "http": box_of(family, proto=6, dport=ports.http), "https": box_of(family, proto=6, dport=ports.https),
        "snmp": box_of(family, proto=17, dport=161), "fgfm": box_of(family, proto=6, dport=541),
        "ping": box_of(family, proto=ICMP[family], sport=PINGS[family]),
    }  # fmt: skip
    for name, box in services.items():
        boxes = tuple((*box[:2], value, value, *box[4:]) for value in targets)
        named = Named(f"fortios:allowaccess/{one.name}#{name}", ALLOWED, 0, origin_of(one.entry, ""))
        if name in one.access.get(family, ()):
            yield made(named, family, Action.PERMIT, boxes, iif=one.name, residue=tuple(residue))
        elif name in ALONE:
            yield made(named, family, Action.DENY, boxes, iif=one.name)
