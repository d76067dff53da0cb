"""Translated destinations (VIP) of a FortiOS device, judged as the sender meets them: by the outer address.

A packet to the outer address of a VIP gets the inner one before anything is routed. Where translations are not kept in
a table of their own (`central-nat`), a policy must name the VIP; other policies do not see such a packet, but those
that deny may (`match-vip`). With the table, policies name the inner address. Ports of services are the inner ones.
A policy is met where the interface behind the inner address is one of its `dstintf`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from compliance.traffic import addresses, intervals
from compliance.traffic.boxes import FULL, ICMP, PORT_TOP, TOP, Box, Family, overlaps
from compliance.traffic.intervals import Interval
from compliance.traffic.shares import Origin, Residue
from evidence.formats import entries, fortios_policy, known_addresses
from evidence.formats.entries import Named, Service, Side
from evidence.formats.fortios_device import Device
from evidence.formats.fortios_known import VIP
from evidence.formats.fortios_policy import Domain, Draft
from evidence.formats.fortios_text import ZERO, Entry
from evidence.rules import Action, Rule

DNS_ONLY = "dns-translation"
KINDS = frozenset({"static-nat", "load-balance", "server-load-balance", "fqdn"})
PROTOCOLS = {"tcp": 6, "udp": 17, "sctp": 132}
SERVER_TYPES = {"udp": 17, "ip": 0}
NAMING = frozenset({"name", "extintf", "srcintf-filter"})
OriginOf = Callable[[Entry, str], Origin]


@dataclass(slots=True)
class Translation:
    """One VIP. `outer` by destination; `ports`: (outer, inner) where ports are given; `unclear`: why it is in doubt."""

    name: str
    entry: Entry
    family: Family
    outer: list[Interval] = field(default_factory=list)
    inner: list[Interval] | None = None
    proto: int = 0
    ports: tuple[Interval, Interval] | None = None
    sources: list[Interval] = field(default_factory=list)
    iif: frozenset[str] | None = None
    unclear: str = ""

    def boxes(self) -> tuple[Box, ...]:
        """What is translated, as it is sent."""
        proto = (self.proto, self.proto) if self.proto else FULL[self.family][4:6]
        dport = self.ports[0] if self.ports else (0, PORT_TOP)
        return tuple(
            (*source, *target, *proto, 0, PORT_TOP, *dport)
            for source in self.sources or [(0, TOP[self.family])]
            for target in self.outer or [(0, TOP[self.family])]
        )


def read(device: Device, vdom: str, table: Mapping[str, Entry], family: Family, *, mixed: bool) -> list[Translation]:
    """The VIPs of a table that are in force. `mixed`: from one family to the other, which is not followed."""
    found = []
    for entry in table.values():
        if entry.word("status") == "disable" or entry.word("type") == DNS_ONLY:
            continue
        made = Translation(entry.name, entry, family)
        if mixed:
            made.unclear = "it translates from one family to the other"
        try:
            _fill(device, vdom, made)
        except (ValueError, IndexError):
            made.unclear = made.unclear or "it is not of the form that is known"
        found.append(made)
    _doubt_overlaps(found)
    return found


def _fill(device: Device, vdom: str, made: Translation) -> None:
    entry = made.entry
    kind = entry.word("type", "static-nat")
    outer_if = entry.words("extintf") or ["any"]
    wanted = device.resolve(entry.words("srcintf-filter") or outer_if, vdom)
    made.iif, made.unclear = wanted.names, made.unclear or wanted.doubt
    strange = [key for key in entry.fields if key not in VIP and key not in NAMING]
    strange += [f"config {path}" for path in entry.tables if path not in {"realservers", "ssl-cipher-suites", "quic",
                                                                            "ssl-server-cipher-suites"}]  # fmt: skip
    strange += [line.text.strip() for line in entry.odd] + [f"line {line} again" for line in entry.again]
    strange += [key for key in ("service", "extaddr", "src-vip-filter") if entry.word(key, "disable") != "disable"]
    if kind not in KINDS or strange:
        made.unclear = made.unclear or f"it is not followed: {', '.join(strange) or kind}"
    made.outer = [_span(word, made.family) for word in entry.words("extip")[:1]]
    if not made.outer or made.outer == [(0, 0)]:
        made.outer = [
            (value, value)
            for name in outer_if
            for one in [device.interfaces.get(name)]
            if one is not None
            for held, value, _ in one.addresses
            if held == made.family
        ]
        if not made.outer:
            made.unclear = made.unclear or "its outer address is given by somebody else"
    made.sources = [_span(word, made.family) for word in entry.words("src-filter")]
    if kind == "server-load-balance":
        _balanced(made)
        return
    inner = [_span(word, made.family) for word in entry.words("mappedip")]
    made.inner = intervals.merge(inner) if inner and kind != "fqdn" else None
    if entry.word("portforward") == "enable":
        _ported(made)


def _balanced(made: Translation) -> None:
    """Several servers behind one address; which inner port is used is each server's own."""
    entry = made.entry
    servers = [row for row in entry.rows("realservers") if row.word("status") not in {"disable", "standby"}]
    inner = [_span(row.word("ip"), made.family) for row in servers if row.word("ip", ZERO) != ZERO]
    made.inner = intervals.merge(inner) if inner else None
    made.proto = SERVER_TYPES.get(entry.word("server-type", "tcp"), 6)
    outer = _port_range(entry.word("extport", "0"))
    if outer != (0, 0):
        ports = {row.word("port", entry.word("extport", "0")) for row in servers}
        one = _port_range(next(iter(ports))) if len(ports) == 1 else (0, PORT_TOP)
        made.ports = (outer, outer if one == (0, 0) else one)


def _ported(made: Translation) -> None:
    entry = made.entry
    name = entry.word("protocol", "tcp")
    if name == "icmp":
        made.proto = ICMP[made.family]
        return
    made.proto = PROTOCOLS[name] if name in PROTOCOLS else int(name)
    outer = _port_range(entry.word("extport"))
    made.ports = (outer, _port_range(entry.word("mappedport") or entry.word("extport")))


def _span(text: str, family: Family) -> Interval:
    """`10.0.0.1`, `10.0.0.1-10.0.0.9`, `10.0.0.0/24`. Raises ValueError."""
    low, dash, high = text.partition("-")
    side = entries.between(low, high) if dash else entries.prefix(text) if "/" in text else entries.host(text)
    [(first, last)] = side.ranges.get(family, [(1, 0)])
    if first > last:
        raise ValueError(f"{text} is of another family")
    return first, last


def _port_range(text: str) -> Interval:
    low, dash, high = text.partition("-")
    first, last = int(low), int(high) if dash else int(low)
    if not 0 <= first <= last <= PORT_TOP:
        raise ValueError(f"{text!r} is no range of ports")
    return first, last


def _doubt_overlaps(found: Sequence[Translation]) -> None:
    """Where two translate the same packet, it is not known which of them does."""
    held: list[tuple[Box, Translation]] = [(box, one) for one in found for box in one.boxes()]
    held.sort(key=lambda pair: pair[0][2])
    for place, (box, one) in enumerate(held):
        for other_box, other in held[place + 1 :]:
            if other_box[2] > box[3]:
                break
            meet = one.iif is None or other.iif is None or one.iif & other.iif
            if one is not other and one.family == other.family and meet and overlaps(box, other_box):
                one.unclear = one.unclear or f"{other.name} translates the same address"
                other.unclear = other.unclear or f"{one.name} translates the same address"


def named_by(drafts: Iterable[Draft], groups: Mapping[str, Entry]) -> set[str]:
    """The VIPs that some policy in force names, itself or by a group."""
    names = {name for draft in drafts if draft.enabled or draft.action is Action.PERMIT for name in draft.vips}
    return names | {one for name in names if name in groups for one in groups[name].words("member")}


def rules(
    domain: Domain, drafts: Sequence[Draft], found: Sequence[Translation], groups: Mapping[str, Entry], chain: str,
    *, central: bool,
) -> list[Rule]:  # fmt: skip
    """The policies as translated traffic meets them."""
    made: list[Rule] = []
    for draft in drafts:
        members = {one for name in draft.vips for one in (groups[name].words("member") if name in groups else [name])}
        for one in found:
            if one.family not in draft.families or one.unclear:
                continue
            residue: list[Residue] = []
            if central:
                if not _meets_inner(draft, one):
                    continue
                residue += _doubt_part(draft, one)
            elif one.name not in members:
                doubt = _denies_anyway(draft, one)
                if doubt is None:
                    continue
                residue += doubt
            made += _translated(domain, draft, one, chain, residue)
    return made


def _meets_inner(draft: Draft, one: Translation) -> bool:
    held = draft.dst.get(one.family)
    return held is not None and (one.inner is None or bool(intervals.intersect(held.may, one.inner)))


def _doubt_part(draft: Draft, one: Translation) -> list[Residue]:
    """A policy that holds only some of the inner addresses, or perhaps."""
    held = draft.dst[one.family]
    if one.inner is not None and not intervals.subtract(one.inner, held.sure):
        return []
    return [Residue("nat", f"only a part of what {one.name} translates to may be meant", one.entry.first)]


def _denies_anyway(draft: Draft, one: Translation) -> list[Residue] | None:
    """Whether a policy that does not name a VIP stops its traffic: None = it does not see it."""
    held = draft.dst.get(one.family)
    said = draft.entry.word("match-vip")
    if draft.action is Action.PERMIT or held is None or said == "disable":
        return None
    if not intervals.intersect(held.may, [*one.outer, *(one.inner or [])]):
        return None
    whole = not intervals.subtract([(0, TOP[one.family])], held.sure)
    if whole and said == "enable":
        return []
    why = "which addresses match-vip compares" if said else "match-vip is not given, and is not the same everywhere"
    return [Residue("match", why, draft.entry.first)]


def _translated(domain: Domain, draft: Draft, one: Translation, chain: str, residue: Sequence[Residue]) -> list[Rule]:
    family = one.family
    src = draft.src[family]
    if one.sources:
        known = known_addresses.certain(one.sources)
        sure, may = intervals.intersect(src.sure, known.sure), intervals.intersect(src.may, known.sure)
        src = known_addresses.Known(sure, may, src.doubts, src.ways)
    more = list(residue)
    if draft.oif.names is not None and not draft.oif.doubt:
        behind = _behind(domain, one)
        if behind is None:
            more.append(Residue("nat", f"by which interface {one.name} is reached is not known", one.entry.first))
        elif not behind & draft.oif.names:
            return []
        elif not behind <= draft.oif.names:
            more.append(Residue("nat", f"{one.name} may be reached by an interface that is not meant", one.entry.first))
    named, doubts = draft.services_of(family)
    services = [service for service, _ in _outer_services(named, one)]
    if not services and not doubts:
        return []
    if any(partly for _, partly in _outer_services(named, one)):
        more.append(Residue("nat", f"which ports of {one.name} lead to those of the policy", one.entry.first))
    sides = (known_addresses.side_of(family, src), Side({family: list(one.outer)}))
    found = fortios_policy.one_way(draft, chain, family, sides, services, doubts, oif=None, residue=more)
    return [rule for rule in found if rule.boxes]


def _behind(domain: Domain, one: Translation) -> frozenset[str] | None:
    if one.inner is None:
        return None
    names: set[str] = set()
    for span in one.inner:
        held = domain.device.behind(domain.name, one.family, span)
        if held is None:
            return None
        names |= held
    return frozenset(names)


def _outer_services(services: Iterable[Service], one: Translation) -> Iterator[tuple[Service, bool]]:
    """Services of inner ports as the ports that the sender uses, and whether only some of those may be meant."""
    for service in services:
        if one.proto and not service.proto[0] <= one.proto <= service.proto[1]:
            continue
        proto = (one.proto, one.proto) if one.proto else service.proto
        if one.ports is None:
            yield Service(proto, service.sport, service.dport), False
            continue
        outer, inner = one.ports
        low, high = max(service.dport[0], inner[0]), min(service.dport[1], inner[1])
        if low > high:
            continue
        if (low, high) == inner:
            yield Service(proto, service.sport, outer), False
        elif outer[1] - outer[0] != inner[1] - inner[0]:
            yield Service(proto, service.sport, outer), True
        else:
            yield Service(proto, service.sport, (low - inner[0] + outer[0], high - inner[0] + outer[0])), False


def entrances(found: Iterable[Translation], chain: str, base: str, origin_of: OriginOf) -> Iterator[Rule]:
    """What leads translated traffic to its policies; a translation that is not followed is in doubt."""
    for one in found:
        where = ", ".join(addresses.say(one.family, low, high) for low, high in one.inner or [])
        named = Named(
            f"{chain}/{one.name}", base, one.entry.first, origin_of(one.entry, f"to {where}" if where else "")
        )
        if one.unclear:
            residue = (Residue("nat", f"{one.name}: {one.unclear}", one.entry.first),)
            yield entries.made(named, one.family, Action.PERMIT, one.boxes(), iif=one.iif, residue=residue)
        else:
            yield entries.made(named, one.family, Action.GOTO, one.boxes(), target=chain, iif=one.iif)
