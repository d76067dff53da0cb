"""The objects of an AWS account as its EC2 answers give them, each checked key by key, with the place it stands at.

A key that no list here names may change what an object means: the object is then not understood. So is one whose
values are not of the kind they should be. What is only passed over (tags, names, numbers of zones) is listed as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from compliance.traffic.addresses import Range, parse_host, prefix_range
from compliance.traffic.boxes import TOP
from evidence.formats.cursor import Account
from evidence.formats.json_objects import Found

SOMETIMES = frozenset({"Tags", "TagSet", "OwnerId", "Description"})
ASSOCIATION = frozenset({"PublicIp", "PublicDnsName", "IpOwnerId", "AllocationId", "AssociationId", "CarrierIp",
                         "CustomerOwnedIp"})  # fmt: skip
GROUP = frozenset({
    "GroupId", "GroupName", "VpcId", "IpPermissions", "IpPermissionsEgress", "SecurityGroupArn",
}) | SOMETIMES  # fmt: skip
GROUP_RULE = frozenset({
    "SecurityGroupRuleId", "GroupId", "GroupOwnerId", "IsEgress", "IpProtocol", "FromPort", "ToPort", "CidrIpv4",
    "CidrIpv6", "PrefixListId", "ReferencedGroupInfo", "SecurityGroupRuleArn",
}) | SOMETIMES  # fmt: skip
ACL = frozenset({"NetworkAclId", "VpcId", "IsDefault", "Associations", "Entries"}) | SOMETIMES
INTERFACE = frozenset({
    "NetworkInterfaceId", "VpcId", "SubnetId", "PrivateIpAddress", "PrivateIpAddresses", "Ipv6Address",
    "Ipv6Addresses", "Ipv4Prefixes", "Ipv6Prefixes", "Groups", "Association", "Attachment", "InterfaceType",
    "SourceDestCheck", "Status", "AvailabilityZone", "AvailabilityZoneId", "MacAddress", "PrivateDnsName",
    "PublicDnsName", "PublicIpDnsNameOptions", "RequesterId", "RequesterManaged", "OutpostArn", "Operator",
    "ConnectionTrackingConfiguration", "DenyAllIgwTraffic", "Ipv6Native", "AssociatedSubnets",
}) | SOMETIMES  # fmt: skip
SUBNET = frozenset({
    "SubnetId", "VpcId", "CidrBlock", "Ipv6CidrBlockAssociationSet", "State", "AvailabilityZone", "AvailabilityZoneId",
    "AvailableIpAddressCount", "DefaultForAz", "MapPublicIpOnLaunch", "AssignIpv6AddressOnCreation", "SubnetArn",
    "MapCustomerOwnedIpOnLaunch", "CustomerOwnedIpv4Pool", "EnableDns64", "Ipv6Native", "EnableLniAtDeviceIndex",
    "PrivateDnsNameOptionsOnLaunch", "BlockPublicAccessStates", "OutpostArn", "Type",
}) | SOMETIMES  # fmt: skip
ROUTE_TABLE = frozenset({"RouteTableId", "VpcId", "Associations", "PropagatingVgws", "Routes"}) | SOMETIMES
LISTED = frozenset({
    "PrefixListId", "PrefixListName", "PrefixListArn", "AddressFamily", "State", "StateMessage", "MaxEntries",
    "Version", "Cidrs", "IpamPrefixListResolverTargetId", "IpamPrefixListResolverSyncEnabled",
}) | SOMETIMES  # fmt: skip


OTHER_TEXTS = (
    "State", "ResourceId", "ResourceType", "ResourceOwnerId", "TransitGatewayId", "TransitGatewayOwnerId",
    "VpnGatewayId", "VpcEndpointType", "ConnectivityType", "SubnetId", "VpcId",
)  # fmt: skip
OPERATED = "operated"  # what statements say of interfaces whose machine AWS itself runs


def text(value: Mapping[str, Any], key: str, *, needed: bool = False) -> str:
    """A text of an object, "" where it has none. Raises ValueError."""
    found = value.get(key)
    if found is None and not needed:
        return ""
    if not isinstance(found, str) or (needed and not found):
        raise ValueError(f"{key} is no text")
    return found


def rows(value: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    """The objects of a list inside an object. Raises ValueError."""
    found = value.get(key)
    if found is None:
        return []
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise ValueError(f"{key} is no list of objects")
    return found


def row(value: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """An object inside an object, empty where there is none. Raises ValueError."""
    found = value.get(key)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise ValueError(f"{key} is no object")
    return found


def number(value: Mapping[str, Any], key: str) -> int | None:
    """A whole number of an object. Raises ValueError."""
    found = value.get(key)
    if found is not None and (isinstance(found, bool) or not isinstance(found, int)):
        raise ValueError(f"{key} is no number")
    return found


def cidr(written: str) -> Range:
    """A prefix or an address as EC2 writes it; bits behind the prefix are none of it. Raises ValueError."""
    address, slash, length = written.partition("/")
    family, value = parse_host(address)
    bits = TOP[family].bit_length()
    if slash and not (length.isascii() and length.isdigit() and int(length) <= bits):
        raise ValueError(f"{written!r} is no prefix")
    return Range(family, *prefix_range(family, value, int(length) if slash else bits))


def known(value: Mapping[str, Any], keys: frozenset[str], what: str = "") -> None:
    """Raises ValueError when the object has a key that nobody here knows."""
    strange = sorted(set(value) - keys)
    if strange:
        raise ValueError(f"nobody here knows {', '.join(map(repr, strange))}{f' of {what}' if what else ''}")


@dataclass(frozen=True, slots=True)
class Interface:
    """A network interface: what it answers for, and which of its private addresses have a public one."""

    id: str
    vpc: str
    subnet: str
    ranges: tuple[Range, ...]
    groups: tuple[str, ...]
    public: Mapping[int, str]  # private address (IPv4) -> public address
    kind: str
    label: str
    checked: bool  # it takes and sends only what is its own
    shut: bool  # an internet gateway hands nothing over to its IPv6 addresses
    operator: str  # the service of AWS whose machine it is attached to ("" = a customer's, or nobody says)
    origin: tuple[Account, Found]

    @property
    def is_balancer(self) -> bool:
        """Whether it belongs to a load balancer."""
        return "load_balancer" in self.kind or self.label.startswith("ELB ")


@dataclass(frozen=True, slots=True)
class Subnet:
    """A subnet and its ranges."""

    id: str
    vpc: str
    ranges: tuple[Range, ...]
    zone: str = ""  # availability zone


@dataclass(frozen=True, slots=True)
class Thing:
    """An object that is looked into later: a group, a list of rules, a table of routes, a gateway."""

    id: str
    vpc: str
    value: Mapping[str, Any]
    account: Account
    found: Found


@dataclass(slots=True)
class Estate:
    """All that the answers of one account show at one moment. `given`: the kinds of answers there were."""

    given: set[str] = field(default_factory=set)
    groups: dict[str, Thing] = field(default_factory=dict)
    group_rules: dict[str, list[Thing]] = field(default_factory=dict)
    acls: dict[str, Thing] = field(default_factory=dict)
    interfaces: dict[str, Interface] = field(default_factory=dict)
    subnets: dict[str, Subnet] = field(default_factory=dict)
    tables: dict[str, Thing] = field(default_factory=dict)
    prefixes: dict[str, list[Range]] = field(default_factory=dict)
    transit: dict[str, list[Mapping[str, Any]]] = field(default_factory=dict)  # table of a transit gateway -> routes
    others: dict[str, dict[str, Thing]] = field(default_factory=dict)  # kind -> id -> a gateway, a peering, …
    beyond: set[str] = field(default_factory=set)  # VPCs of other accounts, which stand beside this one's
    owners: set[str] = field(default_factory=set)  # numbers of the accounts that are put together

    def members(self, group: str) -> list[Interface]:
        """The interfaces that are in a group now."""
        return [one for one in self.interfaces.values() if group in one.groups]

    def acl_of(self, subnet: str) -> str:
        """The network ACL of a subnet; "" where none was read that names it."""
        for name, acl in self.acls.items():
            if any(one.get("SubnetId") == subnet for one in rows(acl.value, "Associations")):
                return name
        return ""

    def table_of(self, subnet: Subnet) -> str:
        """The route table of a subnet: the one that names it, else the main one of its VPC; "" where none was read."""
        main = ""
        for name, table in self.tables.items():
            for one in rows(table.value, "Associations"):
                if one.get("SubnetId") == subnet.id:
                    return name
                if one.get("Main") is True and table.vpc == subnet.vpc:
                    main = name
        return main

    def holds(self, vpc: str) -> bool:
        """Whether anything inside a VPC was read."""
        return any(one.vpc == vpc for one in self.subnets.values())

    def spans(self) -> Iterator[tuple[str, Range]]:
        """Every VPC with each of its ranges: by its own answer, by the local routes of its tables, by its subnets."""
        seen: set[tuple[str, Range]] = set()
        for name, vpc in self.others.get("Vpcs", {}).items():
            seen.update((name, one) for one in vpc_ranges(vpc.value))
        for table in self.tables.values():
            for route in rows(table.value, "Routes"):
                if route.get("GatewayId") == "local" and (written := destination(route)):
                    seen.add((table.vpc, cidr(written)))
        seen.update((subnet.vpc, one) for subnet in self.subnets.values() for one in subnet.ranges)
        yield from sorted(seen, key=lambda one: (one[0], one[1].family, one[1].low, -one[1].high))


def destination(route: Mapping[str, Any]) -> str:
    """The range a route is for; "" where it is a prefix list."""
    return text(route, "DestinationCidrBlock") or text(route, "DestinationIpv6CidrBlock")


def vpc_ranges(value: Mapping[str, Any]) -> list[Range]:
    """The ranges of a VPC (or of a side of a peering). Raises ValueError."""
    found = [text(value, "CidrBlock"), *(text(one, "CidrBlock") for one in rows(value, "CidrBlockSet"))]
    found += [
        text(one, "CidrBlock") for one in rows(value, "CidrBlockAssociationSet") if _stands(one, "CidrBlockState")
    ]
    found += [text(one, "Ipv6CidrBlock") for one in rows(value, "Ipv6CidrBlockSet")]
    found += [
        text(one, "Ipv6CidrBlock")
        for one in rows(value, "Ipv6CidrBlockAssociationSet")
        if _stands(one, "Ipv6CidrBlockState")
    ]
    return [cidr(one) for one in dict.fromkeys(found) if one]


def _stands(value: Mapping[str, Any], key: str) -> bool:
    return text(row(value, key), "State") in {"", "associated", "associating"}


def interface(account: Account, found: Found) -> Interface:
    """A network interface. Raises ValueError."""
    value = found.value
    known(value, INTERFACE)
    private = rows(value, "PrivateIpAddresses")
    public: dict[int, str] = {}
    ranges: list[Range] = []
    for one in private or [value]:
        address = text(one, "PrivateIpAddress")
        association = row(one, "Association") or (row(value, "Association") if one.get("Primary", True) else {})
        known(association, ASSOCIATION, "its association")
        if address:
            ranges.append(cidr(address))
            outside = text(association, "PublicIp") or text(association, "CarrierIp")
            if outside:
                cidr(outside)
                public[ranges[-1].low] = outside
    ranges += [cidr(text(one, "Ipv6Address", needed=True)) for one in rows(value, "Ipv6Addresses")]
    ranges += [cidr(text(one, "Ipv4Prefix", needed=True)) for one in rows(value, "Ipv4Prefixes")]
    ranges += [cidr(text(one, "Ipv6Prefix", needed=True)) for one in rows(value, "Ipv6Prefixes")]
    checked = value.get("SourceDestCheck", True)
    if not isinstance(checked, bool):
        raise ValueError("SourceDestCheck is neither true nor false")
    groups = tuple(text(one, "GroupId", needed=True) for one in rows(value, "Groups"))
    owner = text(row(value, "Attachment"), "InstanceOwnerId")  # an account's number, or `amazon-elb`, `amazon-rds`, …
    return Interface(
        text(value, "NetworkInterfaceId", needed=True), text(value, "VpcId"), text(value, "SubnetId", needed=True),
        tuple(dict.fromkeys(ranges)), groups, public, text(value, "InterfaceType") or "interface",
        text(value, "Description"), checked, value.get("DenyAllIgwTraffic") is True,
        owner if owner.startswith("amazon-") else "", (account, found),
    )  # fmt: skip


def subnet(found: Found) -> Subnet:
    """A subnet. Raises ValueError."""
    value = found.value
    known(value, SUBNET)
    return Subnet(text(value, "SubnetId", needed=True), text(value, "VpcId", needed=True), tuple(vpc_ranges(value)),
                  text(value, "AvailabilityZone"))  # fmt: skip


def check_other(key: str, value: Mapping[str, Any]) -> None:
    """Raises ValueError where what is asked of an object of these kinds later is not of the kind it should be."""
    for name in OTHER_TEXTS:
        if not isinstance(value.get(name), dict):
            text(value, name)
    for name in ("Attachments", "VpcAttachments"):
        rows(value, name)
    text(row(value, "Association"), "TransitGatewayRouteTableId")
    text(row(value, "Options"), "Ipv6Support")
    if "SubnetIds" in value and not all(isinstance(one, str) for one in value["SubnetIds"]):
        raise ValueError("SubnetIds is no list of texts")
    if key == "Vpcs":
        vpc_ranges(value)
        for one in rows(value, "Ipv6CidrBlockAssociationSet"):
            text(one, "Ipv6AddressAttribute")
        text(row(value, "BlockPublicAccessStates"), "InternetGatewayBlockMode")
    if key == "VpcPeeringConnections":
        text(row(value, "Status"), "Code")
        for side in ("AccepterVpcInfo", "RequesterVpcInfo"):
            for name in ("VpcId", "OwnerId", "Region"):
                text(row(value, side), name)
            vpc_ranges(row(value, side))


def is_same_peering(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two answers say the same of a peering: how it stands, its VPCs and their ranges."""

    def said(value: Mapping[str, Any]) -> list[Any]:
        sides = [row(value, side) for side in ("AccepterVpcInfo", "RequesterVpcInfo")]
        whose = [tuple(text(side, key) for key in ("VpcId", "OwnerId", "Region")) for side in sides]
        return [text(row(value, "Status"), "Code"), whose, [set(vpc_ranges(side)) for side in sides]]

    return said(one) == said(other)


def check_table(value: Mapping[str, Any]) -> None:
    """Raises ValueError where a route table has parts that nobody here knows, or of another kind."""
    known(value, ROUTE_TABLE)
    for one in rows(value, "Associations"):
        text(one, "SubnetId")
    for one in rows(value, "Routes"):
        for name in one:
            text(one, name)
        if one.get("GatewayId") == "local" and destination(one):
            cidr(destination(one))
