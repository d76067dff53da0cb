"""What the policy is asked about, out of the database: the ends of a request with all that is recorded of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from itertools import pairwise
from typing import Any, Final

from compliance.models import Address, ChangeRecord, Endpoint, Justification, Membership, Server, State, ZonePrefix
from compliance.policy.content import Policy
from compliance.policy.facts import INTERNET, Asked, Outside, Reasons, ShareAsked, Side, is_everyone, spans_of
from compliance.traffic import addresses, intervals
from compliance.traffic.addresses import Range
from compliance.traffic.boxes import FAMILIES, Family
from compliance.traffic.witness import Inventory

Material = Mapping[str, Any]
NFS: Final = ("tcp/2049",)  # what a share's clients must reach; see compliance/register.py
SMB: Final = ("tcp/445",)
# Addresses that are nobody's on the internet: RFC 1918, 6598, 3927, 1122, 4193, 4291
PRIVATE: Final = tuple(
    addresses.parse(text)
    for text in (
        "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16", "127.0.0.0/8",
        "fc00::/7", "fe80::/10", "::1/128",
    )
)  # fmt: skip
# Unicast addresses that routers pass on: IPv4 without 0/8 and above 224/4 (RFC 1122, 1112), IPv6 2000::/3 (RFC 4291)
PUBLIC: Final[dict[Family, list[tuple[int, int]]]] = {
    4: [(0x01000000, 0xDFFFFFFF)],
    6: [(0x2000 << 112, (0x4000 << 112) - 1)],
}
ASKABLE: Final = ("network", "share")


def asked_of(material: Material, reasons: Reasons, policy: Policy, at: datetime) -> Asked:
    """The request as the policy sees it. `material` must hold together (compliance.actions.material)."""
    sides = Ends(names_in(material), policy, at)
    if material["kind"] == "share":
        sources = tuple(side for name in material["clients"] for side in sides.of(name))
        legs: tuple[Any, ...] = ((sources, sides.of(material["server"])),)
    else:
        stations = [material["source"], *material.get("via", []), material["destination"]]
        legs = tuple((sides.of(one), sides.of(other)) for one, other in pairwise(stations))
    ends_on = date.fromisoformat(material["ends_on"]) if material.get("ends_on") else None
    return Asked(legs, spans_of(offered(material)), share_asked(material), reasons, ends_on)


def offered(material: Material) -> tuple[str, ...]:
    """Its services as written; of a share what its clients must reach."""
    if material["kind"] == "share":
        return SMB if material["protocol"] == "smb" else NFS
    return tuple(material["services"])


def share_asked(material: Material) -> ShareAsked | None:
    """What it says of a share, where it is one."""
    if material["kind"] != "share":
        return None
    return ShareAsked(material["protocol"], material["path"], material["access"], material["security"])


def names_in(material: Material) -> list[str]:
    """Every name of an end that it mentions."""
    if material["kind"] == "share":
        return [*material["clients"], material["server"]]
    return [material["source"], *material.get("via", []), material["destination"]]


def reasons_of(justification: Mapping[str, str], *, system_id: int, beside: int | None) -> Reasons:
    """The justification, with the records of the same system that say the same need word for word.

    `beside`: the connection it is about, whose own records do not count.
    """
    need = justification.get("business_need", "").strip()
    rows = Justification.objects.filter(business_need=need, change__system_id=system_id)
    rows = rows.exclude(change__state__in=[State.REJECTED, State.WITHDRAWN])
    if beside is not None:
        rows = rows.exclude(change__connection_id=beside)
    keys = rows.order_by("change_id").values_list("change_id", flat=True)[:100] if need else []
    said = {key: justification.get(key, "").strip() for key in ("security_implications", "data_carried")}
    return Reasons(
        need, said["security_implications"], said["data_carried"], tuple(ChangeRecord(pk=key).ref for key in keys)
    )


def shortest_of(policy: Policy) -> dict[int, int]:
    """By family: a prefix shorter than this comes to every address there is."""
    setting = policy.rules["any-address"]
    return {4: setting.number("shortest_ipv4_prefix"), 6: setting.number("shortest_ipv6_prefix")}


class Ends:
    """The ends of these names, each as the sides it consists of."""

    def __init__(self, names: Iterable[str], policy: Policy, at: datetime) -> None:
        rows = Endpoint.objects.filter(name__in=set(names)).select_related("group", "zone", "organisation")
        rows, self.at = rows.prefetch_related("party_prefixes"), at
        self.ends = {row.name: row for row in rows}
        self.shortest = shortest_of(policy)
        self.members = self._members([row.group_id for row in rows if row.group_id], at)
        self.prefixes: dict[int, list[str]] = defaultdict(list)
        zones = [row.zone_id for row in rows if row.zone_id]
        if zones:
            for prefix in ZonePrefix.objects.in_force(at).filter(zone_id__in=zones):
                self.prefixes[prefix.zone_id].append(prefix.prefix)
        mine = {row.server_id for row in rows if row.server_id}
        self.servers = sides_of_servers(mine | {key for held in self.members.values() for key in held}, zones, at)

    def of(self, name: str) -> tuple[Side, ...]:
        """The sides of one end; an end nobody knows has none."""
        end = self.ends.get(name)
        if end is None:
            return ()
        if end.server_id:
            return self.servers.get(end.server_id, ())
        if end.group_id:
            return tuple(side for key in self.members[end.group_id] for side in self.servers.get(key, ()))
        if end.zone is not None:
            inside = [side for sides in self.servers.values() for side in sides if side.zone == end.zone.name]
            ranges = ranges_of(self.prefixes[end.zone.pk])
            rest = Side((f"the rest of {name}",), ranges, end.zone.name, end.zone.environment)
            return (*inside, rest) if ranges else tuple(inside)
        return (outside(end, self.shortest, end.prefixes_at(self.at)),)

    def _members(self, groups: Sequence[int], at: datetime) -> dict[int, list[int]]:
        found: dict[int, list[int]] = defaultdict(list)
        if groups:
            rows = Membership.objects.in_force(at).filter(group_id__in=groups).order_by("server__name")
            for group, server in rows.values_list("group_id", "server_id"):
                found[group].append(server)
        return found


def sides_of_servers(keys: Iterable[int], zones: Iterable[int], at: datetime) -> dict[int, tuple[Side, ...]]:
    """Server → its sides, one for each zone it has an address in. `zones`: all servers in these as well."""
    wanted = set(keys)
    held = Address.objects.in_force(at).select_related("zone").order_by("pk")
    listed = list(held.filter(server_id__in=wanted))
    in_zones = list(zones)
    if in_zones:
        more = [one for one in held.filter(zone_id__in=in_zones) if one.server_id not in wanted]
        listed, wanted = [*listed, *more], wanted | {one.server_id for one in more}
    by_server: dict[int, list[Address]] = defaultdict(list)
    for address in listed:
        by_server[address.server_id].append(address)
    servers = Server.objects.filter(pk__in=wanted).select_related("system").order_by("name")
    return {server.pk: tuple(_sides(server, by_server[server.pk])) for server in servers}


def _sides(server: Server, held: Sequence[Address]) -> Iterator[Side]:
    zones: dict[str, list[str]] = defaultdict(list)
    for address in held:
        zones[address.zone.name if address.zone else ""].append(address.ip)
    for zone, texts in zones.items() or [("", [])]:
        yield side_of(server, zone, texts)


def side_of(server: Server, zone: str, texts: Iterable[str]) -> Side:
    """A server in one zone, with these addresses."""
    return Side(
        names=(server.name,),
        ranges=ranges_of(texts),
        zone=zone,
        environment=server.environment,
        role=server.role.strip().lower(),
        classification=server.system.classification,
        system=server.system.name,
    )


def outside(end: Endpoint, shortest: Mapping[int, int], prefixes: Iterable[str]) -> Side:
    """An end that is no server of the estate, with these of its prefixes."""
    ranges = ranges_of(prefixes)
    organisation = end.organisation
    kind: Outside = "internet"
    if is_everyone(ranges, shortest):
        kind = "everyone"
    elif end.kind == Endpoint.Kind.USER_NETWORK:
        kind = "users"
    elif organisation is not None or (ranges and all(_is_private(one) for one in ranges)):
        kind = "party"
    return Side(
        (end.name,),
        ranges,
        outside=kind,
        organisation=organisation.name if organisation else "",
        agreement=organisation.agreement if organisation else "",
        agreement_ends=organisation.agreement_ends if organisation else None,
    )


def _is_private(one: Range) -> bool:
    return any(each.family == one.family and each.low <= one.low and one.high <= each.high for each in PRIVATE)


def ranges_of(texts: Iterable[str]) -> tuple[Range, ...]:
    """Addresses and prefixes as ranges."""
    return tuple(addresses.parse(text) for text in texts)


def inventory(asked: Asked) -> Inventory:
    """The addresses of the servers a request is about, to choose examples from."""
    sides = [side for sources, destinations in asked.legs for side in (*sources, *destinations)]
    return Inventory(one.low for side in sides if side.server for one in side.ranges if one.single)


def estate_sides(at: datetime) -> tuple[Side, ...]:
    """Every server in service with an address, as its sides."""
    keys = Server.objects.filter(status=Server.Status.IN_SERVICE).values_list("pk", flat=True)
    return tuple(side for sides in sides_of_servers(keys, (), at).values() for side in sides if side.ranges)


def the_internet(sides: Iterable[Side], at: datetime) -> Side:
    """Every address that is neither private nor of the estate, nor of an end that somebody answers for."""
    return nobody_s(sides, [one for one in ends_outside(at) if one.outside in ("party", "users")], at)


def internet_ends(sides: Iterable[Side], at: datetime) -> tuple[Side, ...]:
    """The same in parts: each end on the internet that the register names, and all the rest of it."""
    named = [one for one in ends_outside(at) if one.outside == "internet" and one.ranges]
    answered = [one for one in ends_outside(at) if one.outside in ("party", "users")]
    return (*named, nobody_s(sides, [*answered, *named], at))


def ends_outside(at: datetime) -> list[Side]:
    """Every end outside the estate, as a side."""
    rows = Endpoint.objects.filter(server__isnull=True, group__isnull=True, zone__isnull=True)
    rows = rows.select_related("organisation").prefetch_related("party_prefixes").order_by("name")
    return [outside(end, {4: 8, 6: 16}, end.prefixes_at(at)) for end in rows]


def nobody_s(sides: Iterable[Side], known: Iterable[Side], at: datetime) -> Side:
    """The public addresses without those of the estate and of these ends."""
    taken = [one for side in (*sides, *known) for one in side.ranges]
    taken += [*ranges_of(ZonePrefix.objects.in_force(at).values_list("prefix", flat=True)), *PRIVATE]
    left = tuple(
        Range(family, low, high)
        for family in FAMILIES
        for low, high in intervals.subtract(
            PUBLIC[family], intervals.merge((one.low, one.high) for one in taken if one.family == family)
        )
    )
    return Side((INTERNET,), left, outside="internet")
