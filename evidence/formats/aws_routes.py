"""Where packets go from a subnet, and by which ways packets from elsewhere come into a VPC, as far as it was read.

The longest prefix decides; of equal ones a route that somebody made goes before one by a prefix list, and that before
one that was learned. A gateway to the internet leads to public addresses, a peering to the VPC at its other side, a
transit gateway where its own tables say. What a route leads to and was not read (a VPN, an appliance, the far side of a
peering) is not known: the path is known up to there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from compliance.traffic import intervals
from compliance.traffic.addresses import Range, prefix_range, say
from compliance.traffic.boxes import FAMILIES, TOP, Box, Family, box_of
from compliance.traffic.shares import Origin, Residue
from evidence.formats.aws_endpoints import NOTHING, policy_of
from evidence.formats.aws_lists import TABLE, closing, compact, place, rule
from evidence.formats.aws_objects import Estate, Thing, destination, row, rows, text, vpc_ranges
from evidence.formats.aws_tables import ATTACHED, NOT_ON, NOT_PUBLIC, Parts, Target, is_wide, sorted_routes, target_of
from evidence.formats.aws_transit import arrivals, leaving, onward
from evidence.rules import Action, Chain, Rule, Statement

ELSEWHERE = ("CoreNetworkArn", "LocalGatewayId", "CarrierGatewayId", "OdbNetworkArn")  # links that nothing else shows
PRIVATE = tuple(
    prefix_range(4, value, length)
    for value, length in ((0x0A000000, 8), (0x64400000, 10), (0xA9FE0000, 16), (0xAC100000, 12), (0xC0A80000, 16))
)
PRIVATE_6 = (prefix_range(6, 0xFC << 120, 7), prefix_range(6, 0xFE80 << 112, 10))  # unique local, link local
PUBLIC: Mapping[Family, tuple[tuple[int, int], ...]] = {
    4: tuple(intervals.complement(intervals.merge(PRIVATE), TOP[4])),
    6: tuple(intervals.complement(intervals.merge(PRIVATE_6), TOP[6])),
}
LINKS = {  # kinds of answers that show by what else a VPC may be entered, and what they are called
    "VpcPeeringConnections": "peering", "TransitGatewayAttachments": "transit gateway", "VpnGateways": "VPN gateway",
}  # fmt: skip
EXPOSED, ADDRESS, ROUTE_THERE, NOT_READ = "exposed", "address", "route", "not read"  # what statements say of it


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


def public_six(estate: Estate, vpc: str) -> list[tuple[int, int]]:
    """The IPv6 addresses that an internet gateway of a VPC serves: none that are private by range or by their pool."""
    thing = estate.others.get("Vpcs", {}).get(vpc)
    listed = rows(thing.value, "Ipv6CidrBlockAssociationSet") if thing else []
    kept = [one for one in listed if text(one, "Ipv6AddressAttribute") == "private"]
    held = vpc_ranges({"Ipv6CidrBlockAssociationSet": kept})
    return intervals.subtract(PUBLIC[6], intervals.merge((one.low, one.high) for one in held))


def blocked(estate: Estate, vpc: str) -> str:
    """Why the internet gateways of a VPC may let nothing through; "" where nothing says so."""
    thing = estate.others.get("Vpcs", {}).get(vpc)
    mode = text(row(thing.value, "BlockPublicAccessStates"), "InternetGatewayBlockMode") if thing else ""
    return f"public access to {vpc} is restricted ({mode})" if mode not in {"", "off"} else ""


def far_side(estate: Estate, peering: str, vpc: str) -> tuple[str, list[Range]]:
    """The VPC at the other side of a peering and its ranges; "" where the peering was not read, or is not active."""
    thing = estate.others.get("VpcPeeringConnections", {}).get(peering)
    if thing is None or text(row(thing.value, "Status"), "Code") != "active":
        return "", []
    sides = [row(thing.value, side) for side in ("AccepterVpcInfo", "RequesterVpcInfo")]
    other = next((one for one in sides if one.get("VpcId") != vpc), {})
    return text(other, "VpcId"), vpc_ranges(other)


def unread_side(estate: Estate, peering: str, vpc: str) -> str:
    """Why it is not known what becomes of packets behind a peering, with whose VPC that is where the answer says it."""
    thing = estate.others.get("VpcPeeringConnections", {}).get(peering)
    sides = [row(thing.value, side) for side in ("AccepterVpcInfo", "RequesterVpcInfo")] if thing else []
    far = next((one for one in sides if one.get("VpcId") != vpc), {})
    near = next((one for one in sides if one.get("VpcId") == vpc), {})
    said = [
        f"{word} {other}"
        for key, word in (("OwnerId", "of account"), ("Region", "in"))
        if (other := text(far, key)) and other != text(near, key)
    ]
    whose = f": it is {' '.join([text(far, 'VpcId'), *said])}" if said and text(far, "VpcId") else ""
    beside = ", which this reading does not hold" if whose else ""
    return f"the far side of {peering} was not read{whose}{beside}"


def parts(
    estate: Estate, table: Thing, route: Mapping[str, Any], family: Family, spans: list[tuple[int, int]]
) -> Parts:
    """What becomes of packets to these ranges by a route."""
    name, vpc = target_of(route), table.vpc
    if text(route, "State") == "blackhole":
        yield spans, Target(Action.DENY, f"{name or 'its target'} is gone: the route is a black hole")
    elif name.startswith(("igw-", "eigw-")) and family == 6:
        yield intervals.intersect(spans, PUBLIC[6]), _outward(estate, vpc, name, family)
        yield intervals.subtract(spans, PUBLIC[6]), NOT_PUBLIC
    elif name.startswith(("igw-", "nat-")) and family == 4:
        led = _outward(estate, vpc, name, family)
        yield intervals.intersect(spans, PUBLIC[4]), led
        # A NAT gateway may lead to private addresses as well: then its own subnet has a way there, or nobody read it
        unsure = name.startswith("nat-") and led.doubt
        yield intervals.subtract(spans, PUBLIC[4]), led if unsure else NOT_PUBLIC
    elif name.startswith("pcx-"):
        far, ranges = far_side(estate, name, vpc)
        there = intervals.merge((one.low, one.high) for one in ranges if one.family == family)
        if not far or not there:
            led = _outward(estate, vpc, name, family)
            yield spans, led if led.doubt else led._replace(doubt=f"no IPv{family} address behind {name} was read")
            return
        yield intervals.intersect(spans, there), _outward(estate, vpc, name, family)
        yield intervals.subtract(spans, there), NOT_ON
    elif name.startswith("tgw-"):
        yield from onward(estate, table, name, family, spans)
    else:
        yield spans, _outward(estate, vpc, name, family)


def _outward(estate: Estate, vpc: str, name: str, family: Family) -> Target:
    if name == "local":
        return Target(Action.PERMIT, "it stays in the VPC")
    if name.startswith(("igw-", "eigw-")):
        served = tuple(Range(6, low, high) for low, high in public_six(estate, vpc))
        only = with_public(estate, vpc) if family == 4 else served
        kind = "internet" if name.startswith("igw-") else "egress-only"
        return Target(Action.PERMIT, f"by {kind} gateway {name}", blocked(estate, vpc), only)
    if name.startswith("nat-"):
        return Target(Action.PERMIT, f"by NAT gateway {name}", _nat(estate, name, family))
    if name.startswith("pcx-"):
        far, _ = far_side(estate, name, vpc)
        read = far and any(one.vpc == far for one in estate.subnets.values())
        return Target(Action.PERMIT, f"by peering {name}", "" if read else unread_side(estate, name, vpc))
    if name.startswith("vpce-"):
        return _endpoint(estate, name)
    if name.startswith("vgw-"):
        return Target(Action.PERMIT, f"by {name}", leaving(estate, name))
    return Target(Action.PERMIT, f"to {name}", f"what becomes of it behind {name or 'its target'} was not read")


def _nat(estate: Estate, name: str, family: Family) -> str:
    thing = estate.others.get("NatGateways", {}).get(name)
    if thing is None:
        return f"{name} was not read"
    if text(thing.value, "State") not in {"", "available"}:
        return f"{name} is {thing.value['State']}"
    if family == 6 or text(thing.value, "ConnectivityType") == "private":
        return f"what becomes of it behind {name} was not read"
    subnet = estate.subnets.get(text(thing.value, "SubnetId"))
    table = estate.tables.get(estate.table_of(subnet)) if subnet else None
    if subnet is None or table is None:
        return f"the routes of the subnet of {name} were not read"
    routes = [one for one in rows(table.value, "Routes") if target_of(one) != "local"]
    there = all(_leads_out(estate, target_of(one)) and text(one, "State") != "blackhole" for one in routes)
    if not there or "0.0.0.0/0" not in map(destination, routes):
        return f"the routes of {subnet.id}, where {name} stands, lead elsewhere than to an internet gateway"
    return "" if is_wide(estate, subnet, 4) else f"the network ACL of the subnet of {name} is not open to everything"


def _leads_out(estate: Estate, name: str) -> bool:
    """Whether what is handed to a target stops nowhere: an internet gateway, or an endpoint that allows everything."""
    if name.startswith("vpce-"):
        said = _endpoint(estate, name)
        return said.action is Action.PERMIT and not said.doubt
    return name.startswith("igw-")


def _endpoint(estate: Estate, name: str) -> Target:
    """A gateway endpoint, by its policy; what lies behind the others nobody reads."""
    thing = estate.others.get("VpcEndpoints", {}).get(name)
    if thing is None or text(thing.value, "VpcEndpointType") != "Gateway":
        return Target(Action.PERMIT, f"to {name}", f"what becomes of it behind {name} was not read")
    if text(thing.value, "State").lower() not in {"", "available"}:
        return Target(Action.PERMIT, f"by endpoint {name}", f"{name} is {thing.value['State']}")
    said = policy_of(thing)
    if said == NOTHING:
        return Target(Action.DENY, f"the policy of {name} allows nothing")
    return Target(Action.PERMIT, f"by endpoint {name}", said)


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
            for far, target in parts(estate, table, route, family, spans):
                mine = f"{label}>{target.via}" if target.via else label
                for action, boxes, why in _sides(target, far, family, back=back) if far else ():
                    unsure = doubt or (target.doubt if action is Action.PERMIT else "")
                    residue = (Residue("action", unsure, origin.first),) if unsure else ()
                    made = rule(mine, name, len(found) + 1, family, action, boxes, residue, origin)
                    found.append(_said(made, why) if why else made)
    found += closing(name, len(found) + 1, table, "no route leads there")
    return Chain(name, TABLE, TABLE, 0, Action.DENY, tuple(found))


def _said(made: Rule, why: str) -> Rule:
    mark = "" if ">" in made.id else "!"
    return replace(made, id=f"{made.id}{mark}", origin=replace(made.origin, comment=why))


def _sides(
    target: Target, spans: Iterable[tuple[int, int]], family: Family, *, back: bool
) -> Iterator[tuple[Action, tuple[Box, ...], str]]:
    """What is let on, and what is not because its end inside has no public address."""
    far = list(spans)
    if target.only is None:
        why = target.because if target.via and target.action is Action.DENY else ""
        yield target.action, tuple(_box(family, None, one, back=back) for one in far), why
        return
    inside = [(one.low, one.high) for one in target.only if one.family == family]
    if inside:
        yield target.action, tuple(_box(family, one, other, back=back) for one in inside for other in far), ""
    why = "an internet gateway serves only addresses that have a public one"
    yield Action.DENY, tuple(_box(family, None, one, back=back) for one in far), why


def _box(family: Family, inside: tuple[int, int] | None, far: tuple[int, int], *, back: bool) -> Box:
    mine = inside or (0, TOP[family])
    return box_of(family, src=far, dst=mine) if back else box_of(family, src=mine, dst=far)


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
            found.append((unread_side(estate, name, vpc), tuple(ranges)))
    found += [(why, ()) for why in arrivals(estate, vpc)]
    for name, thing in estate.others.get("VpnGateways", {}).items():
        if any(one.get("VpcId") == vpc and one.get("State") in ATTACHED for one in rows(thing.value, "VpcAttachments")):
            found.append((f"who comes in by {name} was not read", ()))
    for table in estate.tables.values():
        for route in rows(table.value, "Routes") if table.vpc == vpc else ():
            if any(text(route, key) for key in ELSEWHERE):
                found.append((f"who comes in by {target_of(route)} was not read", ()))
    return list(dict.fromkeys(found))


def edges(estate: Estate, vpc: str) -> list[tuple[str, str, tuple[Range, ...]]]:
    """Where what comes in by a gateway is sent on another way: the gateway, why it is not known, and to which ranges.

    A route table may be associated with a gateway itself: what its routes send to an appliance does not come straight.
    """
    found: list[tuple[str, str, tuple[Range, ...]]] = []
    for table in estate.tables.values():
        held = [text(one, "GatewayId") for one in rows(table.value, "Associations") if text(one, "GatewayId")]
        for route, ranges, doubt in sorted_routes(estate, table) if held and table.vpc == vpc else ():
            if target_of(route) != "local":
                why = doubt or f"{table.id} sends what comes in by {held[0]} to {target_of(route)}"
                found += [(gateway, why, ranges) for gateway in held]
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
                served = each.family == 6 and intervals.intersect([(each.low, each.high)], public_six(estate, one.vpc))
                if served and not one.shut:
                    address = say(6, each.low, each.high)
                    yield Statement(EXPOSED, one.id, address, (("how", ADDRESS), *shared), origin)
