"""Beyond a VPC: transit gateways by their own tables, and the gateways that leave AWS.

A transit gateway asks the table its sender's attachment is associated with; the longest prefix decides, a fixed route
before a propagated one. A route may lead to several attachments; one that leads to a VPN, a Direct Connect gateway or
another region leaves what this account shows: the path is known up to there. Where a packet enters or leaves a VPC by
an attachment, the network ACLs and routes of the attachment's own subnets are asked as well. IPv6 is asked by the
same tables and routes; an attachment carries it only where that is switched on and its subnets have IPv6 ranges.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from compliance.traffic import intervals
from compliance.traffic.boxes import Family
from evidence.formats.aws_objects import Estate, Thing, cidr, known, row, rows, text
from evidence.formats.aws_tables import ATTACHED, Parts, Target, is_wide, sorted_routes, target_of
from evidence.rules import Action

ATTACHMENTS, ON_VPCS, TABLES = "TransitGatewayAttachments", "TransitGatewayVpcAttachments", "TransitGatewayRouteTables"
ROUTE = frozenset({
    "DestinationCidrBlock", "PrefixListId", "TransitGatewayRouteTableAnnouncementId", "TransitGatewayAttachments",
    "Type", "State",
})  # fmt: skip
Span = tuple[int, int]


def check_route(value: Mapping[str, Any]) -> None:
    """Raises ValueError where a route of a transit gateway has parts that nobody here knows, or of another kind."""
    known(value, ROUTE)
    cidr(text(value, "DestinationCidrBlock", needed=True))
    for one in rows(value, "TransitGatewayAttachments"):
        for name in ("ResourceId", "ResourceType", "TransitGatewayAttachmentId"):
            text(one, name)
    if value.get("State") not in {"active", "blackhole"} or value.get("Type") not in {"static", "propagated"}:
        raise ValueError("nobody here knows its state, or how it came")


def leaving(estate: Estate, gateway: str) -> str:
    """Why a path that leaves by a VPN gateway is not known beyond it."""
    held = [name for name, one in estate.others.get("VpnConnections", {}).items()
            if gateway in {text(one.value, "VpnGatewayId"), text(one.value, "TransitGatewayId")}
            and text(one.value, "State") == "available"]  # fmt: skip
    by = f" (VPN {', '.join(held)})" if held else ""
    return f"it is let on up to {gateway}{by} and leaves the account there: what is beyond was not read"


def onward(estate: Estate, table: Thing, gateway: str, family: Family, spans: list[Span]) -> Parts:
    """What becomes of packets that a route table hands to a transit gateway."""
    mine = attachment(estate, gateway, table.vpc)
    if mine is None:
        yield spans, Target(Action.PERMIT, f"to {gateway}", f"no attachment of {table.vpc} to {gateway} was read")
        return
    asked = text(row(mine.value, "Association"), "TransitGatewayRouteTableId")
    routes = estate.transit.get(asked) if asked else None
    if routes is None:
        which = f"the routes of {asked}" if asked else f"the table {mine.id} is associated with"
        yield spans, Target(Action.PERMIT, f"to {gateway}", f"{which} of {gateway} was not read")
        return
    near = _uncovered(estate, table, mine) or _inside(estate, mine, family, [])
    left = spans
    for number, (low, high, route) in enumerate(ordered(routes, family)):
        shared = intervals.intersect(left, [(low, high)])
        if not shared:
            continue
        left = intervals.subtract(left, [(low, high)])
        for far, target in _hop(estate, asked, route, family, shared):
            doubt = target.doubt or near
            yield far, target._replace(doubt=doubt, via=f"{asked}.{number}{target.via}")
    if left:
        yield left, Target(Action.DENY, f"no route of {asked} ({gateway}) leads there", via=asked)


def ordered(routes: list[Mapping[str, Any]], family: Family) -> list[tuple[int, int, Mapping[str, Any]]]:
    """The routes of a table of a transit gateway as they are asked: lowest and highest address, and the route."""
    found = []
    for one in routes:
        held = cidr(text(one, "DestinationCidrBlock", needed=True))
        if held.family == family:
            found.append(((held.high - held.low, text(one, "Type") == "propagated"), held.low, held.high, one))
    return [(low, high, one) for _, low, high, one in sorted(found, key=lambda each: each[0])]


def _hop(estate: Estate, asked: str, route: Mapping[str, Any], family: Family, spans: list[Span]) -> Parts:
    """What a route of a transit gateway leads to."""
    held = rows(route, "TransitGatewayAttachments")
    names = ", ".join(text(one, "TransitGatewayAttachmentId") for one in held)
    if text(route, "State") == "blackhole":
        yield spans, Target(Action.DENY, f"a route of {asked} to {text(route, 'DestinationCidrBlock')} is a black hole")
        return
    if not held:
        yield spans, Target(Action.PERMIT, "on", f"nobody says where the route of {asked} leads")
        return
    kinds = {text(one, "ResourceType") for one in held}
    if kinds != {"vpc"} or len(held) > 1:
        beyond = (
            f"it is let on up to {names} ({', '.join(sorted(kinds))}) and leaves there: what is beyond was not read"
        )
        yield spans, Target(Action.PERMIT, f"by {names}", beyond)
        return
    vpc = text(held[0], "ResourceId")
    there = estate.others.get(ATTACHMENTS, {}).get(text(held[0], "TransitGatewayAttachmentId"))
    if there is None or text(there.value, "ResourceId") != vpc or not estate.holds(vpc):
        yield spans, Target(Action.PERMIT, f"by {names}", f"{vpc}, where {names} leads, was not read")
        return
    mine = intervals.merge((one.low, one.high) for name, one in estate.spans() if name == vpc and one.family == family)
    towards = intervals.intersect(spans, mine)
    yield towards, Target(Action.PERMIT, f"by {names}", _inside(estate, there, family, towards))
    passed_on = f"{names} hands it to {vpc}, which has no such address: what becomes of it there was not read"
    yield intervals.subtract(spans, mine), Target(Action.PERMIT, f"by {names}", passed_on, via="+")


def attachment(estate: Estate, gateway: str, vpc: str) -> Thing | None:
    """The attachment of a VPC to a transit gateway."""
    for one in estate.others.get(ATTACHMENTS, {}).values():
        held = text(one.value, "TransitGatewayId"), text(one.value, "ResourceId"), text(one.value, "State")
        if held == (gateway, vpc, "available"):
            return one
    return None


def _inside(estate: Estate, mine: Thing, family: Family, towards: list[Span]) -> str:
    """Why the subnets in which an attachment stands may stop packets, or send them on another way; "" = they do not."""
    listed = estate.others.get(ON_VPCS, {}).get(mine.id)
    names = listed.value.get("SubnetIds") if listed else None
    subnets = [estate.subnets.get(name) for name in names] if isinstance(names, list) else []
    if not subnets or None in subnets:
        return f"the subnets in which {mine.id} stands were not read"
    if family == 6 and listed and text(row(listed.value, "Options"), "Ipv6Support") != "enable":
        return f"nothing that was read says that {mine.id} carries IPv6"
    for one in subnets:
        if one is None:
            continue
        if family == 6 and not any(each.family == 6 for each in one.ranges):
            return f"{one.id}, where {mine.id} stands, has no IPv6 range: whether IPv6 is carried there is not known"
        if not is_wide(estate, one, family):
            kind = "everything" if family == 4 else "all of IPv6"
            return f"the network ACL of {one.id}, where {mine.id} stands, is not known to be open to {kind}"
        table = estate.tables.get(estate.table_of(one))
        if table is None:
            return f"the routes of {one.id}, where {mine.id} stands, were not read"
        for route, ranges, doubt in sorted_routes(estate, table) if towards else ():
            elsewhere = [(each.low, each.high) for each in ranges if each.family == family]
            if doubt or (target_of(route) != "local" and _stronger(elsewhere, towards, estate, table, family)):
                return doubt or f"{table.id}, where {mine.id} stands, sends it to {target_of(route)}"
    return ""


def _stronger(spans: list[Span], towards: list[Span], estate: Estate, table: Thing, family: Family) -> bool:
    """Whether a route is for some of these addresses of the VPC before its local one is asked."""
    local = [(one.low, one.high) for name, one in estate.spans() if name == table.vpc and one.family == family]
    narrow = [one for one in spans if any(low <= one[0] and one[1] <= high for low, high in local)]
    return bool(intervals.intersect(narrow, towards))


def _uncovered(estate: Estate, table: Thing, mine: Thing) -> str:
    """Why some subnet of a table may not reach the attachment: it must stand in the subnet's own zone."""
    listed = estate.others.get(ON_VPCS, {}).get(mine.id)
    names = listed.value.get("SubnetIds") if listed else None
    if not isinstance(names, list):
        return f"the subnets in which {mine.id} stands were not read"
    zones = {estate.subnets[name].zone for name in names if name in estate.subnets}
    for one in estate.subnets.values():
        if one.vpc == table.vpc and estate.table_of(one) == table.id and (not one.zone or one.zone not in zones):
            return f"{mine.id} does not stand in the zone of {one.id}"
    return ""


def arrivals(estate: Estate, vpc: str) -> Iterator[str]:
    """Why it is not known who comes into a VPC by transit gateways; nothing where all who may were read."""
    for mine in estate.others.get(ATTACHMENTS, {}).values():
        if text(mine.value, "ResourceId") != vpc or text(mine.value, "State") not in ATTACHED:
            continue
        gateway = text(mine.value, "TransitGatewayId")
        # Only its owner is shown all that is attached to a transit gateway
        if not gateway or not _is_own(estate, mine) or not _is_read(estate, gateway):
            yield f"who comes in by {mine.id} was not read"
            continue
        for other in estate.others[ATTACHMENTS].values():
            if other.id != mine.id and text(other.value, "TransitGatewayId") == gateway:
                yield from _coming(estate, other, mine)


def _is_own(estate: Estate, mine: Thing) -> bool:
    """Whether the account that owns the transit gateway is the attached VPC's own, or is put together with it."""
    owner = text(mine.value, "TransitGatewayOwnerId")
    return owner != "" and owner in {text(mine.value, "ResourceOwnerId"), *estate.owners}


def _is_read(estate: Estate, gateway: str) -> bool:
    tables = [name for name, one in estate.others.get(TABLES, {}).items()
              if text(one.value, "TransitGatewayId") == gateway]  # fmt: skip
    return bool(tables) and all(name in estate.transit for name in tables)


def _coming(estate: Estate, other: Thing, mine: Thing) -> Iterator[str]:
    """Why who comes from another attachment is not known, where the table it asks leads to this one."""
    asked = text(row(other.value, "Association"), "TransitGatewayRouteTableId")
    if text(other.value, "State") not in ATTACHED:
        return
    live = [one for one in estate.transit.get(asked, []) if text(one, "State") != "blackhole"]
    led = {text(each, "TransitGatewayAttachmentId") for one in live for each in rows(one, "TransitGatewayAttachments")}
    if asked in estate.transit and mine.id not in led:
        return
    vpc, kind = text(other.value, "ResourceId"), text(other.value, "ResourceType")
    passing = [one.id for one in estate.interfaces.values() if one.vpc == vpc and not one.checked]
    if kind != "vpc" or not estate.holds(vpc):
        yield f"who comes in by {other.id} ({kind or 'nobody says what it is'}) was not read"
    elif passing:
        yield f"{passing[0]} may send on what is not its own by {other.id}"
