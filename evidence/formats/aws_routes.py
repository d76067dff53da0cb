"""Where packets go from a subnet, and by which ways packets from elsewhere come into a VPC, as far as it was read.

The longest prefix decides; of equal ones a route that somebody made goes before one that was learned. What a route
leads to and was not read (a transit gateway, a VPN, an appliance, the far side of a peering) is not known.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from compliance.traffic import intervals
from compliance.traffic.addresses import Range, prefix_range, say
from compliance.traffic.boxes import FAMILIES, TOP, Box, Family, box_of
from compliance.traffic.shares import Origin, Residue
from evidence.formats.aws_lists import TABLE, closing, compact, place, rule
from evidence.formats.aws_objects import Estate, Thing, cidr, destination, known, row, rows, text, vpc_ranges
from evidence.rules import Action, Chain, Rule, Statement

ROUTE = frozenset({
    "DestinationCidrBlock", "DestinationIpv6CidrBlock", "DestinationPrefixListId", "EgressOnlyInternetGatewayId",
    "GatewayId", "InstanceId", "InstanceOwnerId", "NatGatewayId", "TransitGatewayId", "LocalGatewayId",
    "CarrierGatewayId", "NetworkInterfaceId", "Origin", "State", "VpcPeeringConnectionId", "CoreNetworkArn",
    "OdbNetworkArn", "IpAddress",
})  # fmt: skip
TARGETS = (
    "GatewayId", "NatGatewayId", "VpcPeeringConnectionId", "TransitGatewayId", "EgressOnlyInternetGatewayId",
    "NetworkInterfaceId", "InstanceId", "LocalGatewayId", "CarrierGatewayId", "CoreNetworkArn", "OdbNetworkArn",
)  # fmt: skip
LEARNED = "EnableVgwRoutePropagation"
PRIVATE = tuple(
    prefix_range(4, value, length)
    for value, length in ((0x0A000000, 8), (0x64400000, 10), (0xA9FE0000, 16), (0xAC100000, 12), (0xC0A80000, 16))
)
PUBLIC: Mapping[Family, tuple[tuple[int, int], ...]] = {
    4: tuple(intervals.complement(intervals.merge(PRIVATE), TOP[4])), 6: ((0, TOP[6]),),
}  # fmt: skip
LINKS = {  # kinds of answers that show by what else a VPC may be entered, and what they are called
    "VpcPeeringConnections": "peering", "TransitGatewayAttachments": "transit gateway", "VpnGateways": "VPN gateway",
}  # fmt: skip
EVERYTHING = {"RuleAction": "allow", "Protocol": "-1", "CidrBlock": "0.0.0.0/0"}
EXPOSED, ADDRESS, ROUTE_THERE, NOT_READ = "exposed", "address", "route", "not read"  # what statements say of it
ATTACHED = frozenset({"available", "attached"})


class Target(NamedTuple):
    """What becomes of a packet that a route is for. `only`: the ends inside that it serves (None = all of them)."""

    action: Action
    because: str
    doubt: str = ""
    only: tuple[Range, ...] | None = None


def gateways(estate: Estate, vpc: str) -> list[str]:
    """The internet gateways of a VPC, by their own answer or by a route that leads to one."""
    found = [
        name
        for name, thing in estate.others.get("InternetGateways", {}).items()
        for one in rows(thing.value, "Attachments")
        if one.get("VpcId") == vpc and one.get("State") in ATTACHED
    ]
    routes = (one for table in estate.tables.values() if table.vpc == vpc for one in rows(table.value, "Routes"))
    found += [target for one in routes if (target := text(one, "GatewayId")).startswith("igw-")]
    return list(dict.fromkeys(found))


def with_public(estate: Estate, vpc: str) -> tuple[Range, ...]:
    """The private addresses of a VPC that have a public one."""
    mine = (one for one in estate.interfaces.values() if one.vpc == vpc)
    return tuple(Range(4, value, value) for one in mine for value in one.public)


def blocked(estate: Estate, vpc: str) -> str:
    """Why the internet gateways of a VPC may let nothing through; "" where nothing says so."""
    thing = estate.others.get("Vpcs", {}).get(vpc)
    mode = text(row(thing.value, "BlockPublicAccessStates"), "InternetGatewayBlockMode") if thing else ""
    return f"public access to {vpc} is restricted ({mode})" if mode not in {"", "off"} else ""


def target_of(route: Mapping[str, Any]) -> str:
    """What a route leads to."""
    return next((name for key in TARGETS if (name := text(route, key))), "")


def far_side(estate: Estate, peering: str, vpc: str) -> tuple[str, list[Range]]:
    """The VPC at the other side of a peering and its ranges; "" where the peering was not read, or is not active."""
    thing = estate.others.get("VpcPeeringConnections", {}).get(peering)
    if thing is None or text(row(thing.value, "Status"), "Code") != "active":
        return "", []
    sides = [row(thing.value, side) for side in ("AccepterVpcInfo", "RequesterVpcInfo")]
    other = next((one for one in sides if one.get("VpcId") != vpc), {})
    return text(other, "VpcId"), vpc_ranges(other)


def _target(estate: Estate, vpc: str, route: Mapping[str, Any], family: Family) -> Target:
    name = target_of(route)
    if text(route, "State") == "blackhole":
        return Target(Action.DENY, f"{name or 'its target'} is gone: the route is a black hole")
    if name == "local":
        return Target(Action.PERMIT, "it stays in the VPC")
    if name.startswith("igw-"):
        only = with_public(estate, vpc) if family == 4 else None
        return Target(Action.PERMIT, f"by internet gateway {name}", blocked(estate, vpc), only)
    if name.startswith("eigw-"):
        return Target(Action.PERMIT, f"by egress-only gateway {name}", blocked(estate, vpc))
    if name.startswith("nat-"):
        return Target(Action.PERMIT, f"by NAT gateway {name}", _nat(estate, name, family))
    if name.startswith("pcx-"):
        far, _ = far_side(estate, name, vpc)
        read = far and any(one.vpc == far for one in estate.subnets.values())
        return Target(Action.PERMIT, f"by peering {name}", "" if read else f"the far side of {name} was not read")
    if name.startswith("vpce-"):
        return Target(Action.PERMIT, f"by endpoint {name}", _endpoint(estate, name))
    return Target(Action.PERMIT, f"to {name}", f"what becomes of it behind {name or 'its target'} was not read")


def _nat(estate: Estate, name: str, family: Family) -> str:
    thing = estate.others.get("NatGateways", {}).get(name)
    if thing is None:
        return f"{name} was not read"
    if text(thing.value, "State") not in {"", "available"}:
        return f"{name} is {thing.value['State']}"
    if family == 6 or text(thing.value, "ConnectivityType") == "private":
        return f"what becomes of it behind {name} was not read"
    acl = estate.acls.get(estate.acl_of(text(thing.value, "SubnetId")))
    entries = rows(acl.value, "Entries") if acl else []
    firsts = [min((one for one in entries if one["Egress"] is way and one.get("CidrBlock")), default=None,
                  key=lambda one: one["RuleNumber"]) for way in (True, False)]  # fmt: skip
    wide = all(one is not None and {key: one.get(key) for key in EVERYTHING} == EVERYTHING for one in firsts)
    return "" if wide else f"the network ACL of the subnet of {name} is not open to everything"


def _endpoint(estate: Estate, name: str) -> str:
    thing = estate.others.get("VpcEndpoints", {}).get(name)
    if thing is None or text(thing.value, "VpcEndpointType") != "Gateway":
        return f"what becomes of it behind {name} was not read"
    return ""


def table_chain(estate: Estate, table: Thing, *, back: bool = False) -> Chain:
    """The routes of a table. `back`: for the answers, said of the packet that asks (its source is where they go)."""
    name = f"{TABLE}:{table.id}/{'back' if back else 'away'}"
    found: list[Rule] = []
    for route, ranges, doubt in sorted_routes(estate, table):
        origin = place(table, compact(route), target_of(route))
        label = f"{name}#{destination(route) or text(route, 'DestinationPrefixListId')}"
        for family in FAMILIES:
            spans = [(one.low, one.high) for one in ranges if one.family == family]
            if doubt:
                spans = [(0, TOP[family])]
            if not spans:
                continue
            target = _target(estate, table.vpc, route, family)
            for action, boxes, why in _sides(target, spans, family, back=back):
                unsure = doubt or (target.doubt if action is Action.PERMIT else "")
                residue = (Residue("action", unsure, origin.first),) if unsure else ()
                made = rule(label, name, len(found) + 1, family, action, boxes, residue, origin)
                found.append(made if not why else _said(made, why))
    found += closing(name, len(found) + 1, table, "no route leads there")
    return Chain(name, TABLE, TABLE, 0, Action.DENY, tuple(found))


def _said(made: Rule, why: str) -> Rule:
    return replace(made, id=f"{made.id}!", origin=replace(made.origin, comment=why))


def _sides(
    target: Target, spans: Iterable[tuple[int, int]], family: Family, *, back: bool
) -> Iterator[tuple[Action, tuple[Box, ...], str]]:
    """What is let on, and what is not because its end inside has no public address."""
    far = list(spans)
    if target.only is None:
        yield target.action, tuple(_box(family, None, one, back=back) for one in far), ""
        return
    inside = [(one.low, one.high) for one in target.only if one.family == family]
    if inside:
        yield target.action, tuple(_box(family, one, other, back=back) for one in inside for other in far), ""
    why = "an internet gateway serves only addresses that have a public one"
    yield Action.DENY, tuple(_box(family, None, one, back=back) for one in far), why


def _box(family: Family, inside: tuple[int, int] | None, far: tuple[int, int], *, back: bool) -> Box:
    mine = inside or (0, TOP[family])
    return box_of(family, src=far, dst=mine) if back else box_of(family, src=mine, dst=far)


def sorted_routes(estate: Estate, table: Thing) -> list[tuple[Mapping[str, Any], tuple[Range, ...], str]]:
    """The routes of a table in the order in which they are asked, each with its ranges and why these may be others.

    A route to several ranges (a prefix list) is taken apart. What is not understood may be for anything: it comes
    first.
    """
    found: list[tuple[tuple[int, int], Mapping[str, Any], tuple[Range, ...], str]] = []
    for one in rows(table.value, "Routes"):
        try:
            known(one, ROUTE)
            written, listed = destination(one), text(one, "DestinationPrefixListId")
            ranges = [cidr(written)] if written else estate.prefixes.get(listed)
        except ValueError as wrong:
            found.append(((0, 0), one, (), str(wrong)))
            continue
        if ranges is None:
            found.append(((0, 0), one, (), f"the entries of prefix list {listed} were not read"))
            continue
        learned = int(text(one, "Origin") == LEARNED)
        found += [((each.high - each.low + 1, learned), one, (each,), "") for each in ranges]
    return [(route, ranges, doubt) for _, route, ranges, doubt in sorted(found, key=lambda each: each[0])]


def links(estate: Estate, vpc: str) -> list[tuple[str, tuple[Range, ...]]]:
    """By what else packets may come into a VPC: why it is not known, and from where (() = from anywhere)."""
    found: list[tuple[str, tuple[Range, ...]]] = []
    for kind, called in LINKS.items():
        if kind not in estate.given:
            found.append((f"whether a {called} leads into {vpc} was not read", ()))
    for name in estate.others.get("VpcPeeringConnections", {}):
        far, ranges = far_side(estate, name, vpc)
        sides = [row(estate.others["VpcPeeringConnections"][name].value, side).get("VpcId")
                 for side in ("AccepterVpcInfo", "RequesterVpcInfo")]  # fmt: skip
        if far and vpc in sides and not any(one.vpc == far for one in estate.subnets.values()):
            found.append((f"the far side of {name} was not read", tuple(ranges)))
    for name, thing in estate.others.get("TransitGatewayAttachments", {}).items():
        if text(thing.value, "ResourceId") == vpc and text(thing.value, "State") in ATTACHED:
            found.append((f"who comes in by {name} was not read", ()))
    for name, thing in estate.others.get("VpnGateways", {}).items():
        if any(one.get("VpcId") == vpc and one.get("State") in ATTACHED for one in rows(thing.value, "VpcAttachments")):
            found.append((f"who comes in by {name} was not read", ()))
    for table in estate.tables.values():
        if any("GatewayId" in one for one in rows(table.value, "Associations")) and table.vpc == vpc:
            found.append((f"{table.id} sends what comes in by a gateway on another way", ()))
    return found


def exposures(estate: Estate) -> Iterator[Statement]:
    """By what each interface is, or could be, reached from the internet: its public addresses, and routes to a gateway.

    One statement each; `value` is the public address, the route table, or "" where the table was not read.
    """
    for one in estate.interfaces.values():
        account, found = one.origin
        origin = Origin(account.digest, account.name, found.first, found.last, one.id, one.id)
        role = "load balancer" if one.is_balancer else "NAT gateway" if one.kind == "nat_gateway" else ""
        by = gateways(estate, one.vpc)
        shared = (("role", role), ("by", ", ".join(by)))
        for text_of in one.public.values():
            yield Statement(EXPOSED, one.id, text_of, (("how", ADDRESS), *shared), origin)
        subnet = estate.subnets.get(one.subnet)
        table = estate.tables.get(estate.table_of(subnet)) if subnet else None
        if table is None:
            yield Statement(EXPOSED, one.id, "", (("how", NOT_READ), *shared), origin)
            continue
        routes = [route for route in rows(table.value, "Routes") if target_of(route).startswith("igw-")]
        there = [route for route in routes if route.get("State") != "blackhole"]
        if there:
            yield Statement(EXPOSED, one.id, table.id, (("how", ROUTE_THERE), *shared), origin)
        if any(route.get("DestinationIpv6CidrBlock") for route in there):
            for each in one.ranges:
                if each.family == 6:
                    address = say(6, each.low, each.high)
                    yield Statement(EXPOSED, one.id, address, (("how", ADDRESS), *shared), origin)
