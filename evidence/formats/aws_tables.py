"""A route table as it is asked: its routes in order and what each leads to; and which network ACLs stop nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from compliance.traffic.addresses import Range
from compliance.traffic.boxes import Family
from evidence.formats.aws_objects import Estate, Subnet, Thing, cidr, destination, known, rows, text
from evidence.rules import Action

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
RANGE_KEY: dict[Family, str] = {4: "CidrBlock", 6: "Ipv6CidrBlock"}
WHOLE: dict[Family, str] = {4: "0.0.0.0/0", 6: "::/0"}
ATTACHED = frozenset({"available", "attached"})


class Target(NamedTuple):
    """What becomes of a packet that a route is for. `only`: the ends inside that it serves (None = all of them)."""

    action: Action
    because: str
    doubt: str = ""
    only: tuple[Range, ...] | None = None
    via: str = ""  # of several that one route leads to: which (an attachment of a transit gateway)


Parts = Iterator[tuple[list[tuple[int, int]], Target]]  # the ranges a route is for, each with what becomes of it
NOT_PUBLIC = Target(Action.DENY, "it leads to public addresses alone", via="private")
NOT_ON = Target(Action.DENY, "a peering leads to the addresses of the VPC at its other side alone", via="further")


def target_of(route: Mapping[str, Any]) -> str:
    """What a route leads to."""
    return next((name for key in TARGETS if (name := text(route, key))), "")


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
        rank = 2 if text(one, "Origin") == LEARNED else 0 if written else 1
        found += [((each.high - each.low + 1, rank), one, (each,), "") for each in ranges]
    return [(route, ranges, doubt) for _, route, ranges, doubt in sorted(found, key=lambda each: each[0])]


def is_wide(estate: Estate, subnet: Subnet, family: Family) -> bool:
    """Whether the network ACL of a subnet lets all of a family in and out: what passes there is stopped nowhere."""
    key = RANGE_KEY[family]
    wanted = {"RuleAction": "allow", "Protocol": "-1", key: WHOLE[family]}
    acl = estate.acls.get(estate.acl_of(subnet.id))
    entries = rows(acl.value, "Entries") if acl else []
    firsts = [min((one for one in entries if one["Egress"] is way and one.get(key)), default=None,
                  key=lambda one: one["RuleNumber"]) for way in (True, False)]  # fmt: skip
    return all(one is not None and {name: one.get(name) for name in wanted} == wanted for one in firsts)
