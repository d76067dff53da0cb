"""A small account as its EC2 answers say it: two subnets behind a gateway, web, app and db servers. Made up."""

from __future__ import annotations

import copy
import json
from typing import Any

from evidence.host import read_host
from evidence.rules import Artefact, Reading

VPC, OTHER = "vpc-0a", "vpc-0b"
IGW, NAT, PCX = "igw-0a", "nat-0a", "pcx-0ab"
ANYWHERE = {"CidrIp": "0.0.0.0/0"}
EVERYTHING = {"IpProtocol": "-1", "IpRanges": [ANYWHERE]}
WEB, APP, DB = "10.0.1.10", "10.0.2.10", "10.0.2.20"

Answers = dict[str, list[dict[str, Any]]]


def permission(proto: str, low: int | None = None, high: int | None = None, **peers: list[Any]) -> dict[str, Any]:
    """One entry of IpPermissions. `ranges`, `v6`, `lists`, `groups`: who."""
    made: dict[str, Any] = {
        "IpProtocol": proto,
        "IpRanges": [{"CidrIp": one} for one in peers.get("ranges", [])],
        "Ipv6Ranges": [{"CidrIpv6": one} for one in peers.get("v6", [])],
        "PrefixListIds": [{"PrefixListId": one} for one in peers.get("lists", [])],
        "UserIdGroupPairs": [{"GroupId": one, "UserId": "1"} for one in peers.get("groups", [])],
    }
    if low is not None:
        made |= {"FromPort": low, "ToPort": low if high is None else high}
    return made


def group(
    uid: str, *incoming: dict[str, Any], out: list[dict[str, Any]] | None = None, vpc: str = VPC
) -> dict[str, Any]:
    """A security group; without `out` everything may leave."""
    leaving = [permission("-1", ranges=["0.0.0.0/0"])] if out is None else out
    return {
        "GroupId": uid,
        "GroupName": uid,
        "VpcId": vpc,
        "IpPermissions": list(incoming),
        "IpPermissionsEgress": leaving,
    }


def entry(
    number: int, action: str = "allow", proto: str = "-1", cidr: str = "0.0.0.0/0", **more: Any
) -> dict[str, Any]:
    """One entry of a network ACL. `egress`, `ports` (a pair), `icmp` (type, code)."""
    made: dict[str, Any] = {"RuleNumber": number, "RuleAction": action, "Protocol": proto,
                            "Egress": more.get("egress", False)}  # fmt: skip
    made["Ipv6CidrBlock" if ":" in cidr else "CidrBlock"] = cidr
    if "ports" in more:
        made["PortRange"] = dict(zip(("From", "To"), more["ports"], strict=True))
    if "icmp" in more:
        made["IcmpTypeCode"] = dict(zip(("Type", "Code"), more["icmp"], strict=True))
    return made


def acl(
    uid: str, subnets: list[str], entries: list[dict[str, Any]] | None = None, vpc: str = VPC, *, six: bool = False
) -> dict[str, Any]:
    """A network ACL; without entries it is open as a default one. `six`: to all of IPv6 as well."""
    both = (False, True)
    opened = [entry(100, egress=way) for way in both] if entries is None else entries
    opened = [*opened, *(entry(101, cidr="::/0", egress=way) for way in both if six)]
    last = [entry(32767, "deny", egress=way) for way in both]
    attached = [{"SubnetId": one, "NetworkAclId": uid, "NetworkAclAssociationId": f"a-{one}"} for one in subnets]
    return {"NetworkAclId": uid, "VpcId": vpc, "IsDefault": entries is None, "Associations": attached,
            "Entries": [*opened, *last]}  # fmt: skip


def interface(uid: str, address: str, subnet: str, *groups: str, vpc: str = VPC, **more: Any) -> dict[str, Any]:
    """A network interface. `public`: its public address; `v6`: IPv6 addresses; `kind`, `label`."""
    association = {"Association": {"PublicIp": more["public"]}} if "public" in more else {}
    return {
        "NetworkInterfaceId": uid, "SubnetId": subnet, "VpcId": vpc, "PrivateIpAddress": address,
        "PrivateIpAddresses": [{"PrivateIpAddress": address, "Primary": True, **association}], **association,
        "Ipv6Addresses": [{"Ipv6Address": one} for one in more.get("v6", [])],
        "Groups": [{"GroupId": one, "GroupName": one} for one in groups],
        "InterfaceType": more.get("kind", "interface"), "Description": more.get("label", ""), "Status": "in-use",
        "SourceDestCheck": True,
    }  # fmt: skip


def table(uid: str, routes: list[tuple[str, str]], *subnets: str, main: bool = False, vpc: str = VPC) -> dict[str, Any]:
    """A route table: (destination, target) pairs and the subnets that name it."""
    keys = {"igw": "GatewayId", "loc": "GatewayId", "vgw": "GatewayId", "vpc": "GatewayId", "nat": "NatGatewayId",
            "pcx": "VpcPeeringConnectionId", "tgw": "TransitGatewayId"}  # fmt: skip
    made = []
    for where, target in routes:
        key = {"pl-": "DestinationPrefixListId"}.get(where[:3]) or (
            "DestinationIpv6CidrBlock" if ":" in where else "DestinationCidrBlock"
        )
        made.append({key: where, keys[target[:3]]: target, "State": "active", "Origin": "CreateRoute"})
    named = [
        {"RouteTableId": uid, "SubnetId": one, "Main": False, "RouteTableAssociationId": f"r-{one}"} for one in subnets
    ]
    named += [{"RouteTableId": uid, "Main": True, "RouteTableAssociationId": f"r-{uid}"}] if main else []
    return {"RouteTableId": uid, "VpcId": vpc, "Associations": named, "PropagatingVgws": [], "Routes": made}


def subnet(uid: str, cidr: str, vpc: str = VPC, v6: str = "") -> dict[str, Any]:
    """A subnet."""
    six = [{"Ipv6CidrBlock": v6, "Ipv6CidrBlockState": {"State": "associated"}}] if v6 else []
    return {"SubnetId": uid, "VpcId": vpc, "CidrBlock": cidr, "Ipv6CidrBlockAssociationSet": six, "State": "available"}


ACCOUNT: Answers = {
    "Vpcs": [{"VpcId": VPC, "CidrBlock": "10.0.0.0/16", "State": "available"}],
    "Subnets": [subnet("subnet-pub", "10.0.1.0/24"), subnet("subnet-priv", "10.0.2.0/24")],
    "SecurityGroups": [
        group("sg-web", permission("tcp", 443, ranges=["0.0.0.0/0"])),
        group("sg-app", permission("tcp", 8080, groups=["sg-web"])),
        group("sg-db", permission("tcp", 5432, groups=["sg-app"]), out=[]),
    ],
    "NetworkAcls": [acl("acl-all", ["subnet-pub", "subnet-priv"])],
    "NetworkInterfaces": [
        interface("eni-web", WEB, "subnet-pub", "sg-web", public="203.0.113.10"),
        interface("eni-app", APP, "subnet-priv", "sg-app"),
        interface("eni-db", DB, "subnet-priv", "sg-db"),
    ],
    "RouteTables": [
        table("rtb-pub", [("10.0.0.0/16", "local"), ("0.0.0.0/0", IGW)], "subnet-pub"),
        table("rtb-main", [("10.0.0.0/16", "local"), ("0.0.0.0/0", NAT)], main=True),
    ],
    "InternetGateways": [{"InternetGatewayId": IGW, "Attachments": [{"VpcId": VPC, "State": "available"}]}],
    "NatGateways": [{"NatGatewayId": NAT, "SubnetId": "subnet-pub", "VpcId": VPC, "State": "available"}],
    "VpcPeeringConnections": [], "TransitGatewayAttachments": [], "VpnGateways": [], "PrefixLists": [],
}  # fmt: skip


def account(**changed: Any) -> Answers:
    """The account with some answers replaced (None: not given)."""
    made = copy.deepcopy(ACCOUNT)
    made.update({key: value for key, value in changed.items() if value is not None})
    return {key: value for key, value in made.items() if key not in changed or changed[key] is not None}


def files(answers: Answers) -> list[Artefact]:
    """One file for each answer."""
    return [Artefact(f"{key}.json", json.dumps({key: rows}, indent=1).encode()) for key, rows in answers.items()]


def reading(answers: Answers | None = None, **changed: Any) -> Reading:
    """The account as it is read."""
    return read_host(files(account(**changed) if answers is None else answers))
