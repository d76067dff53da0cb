"""Two accounts as their own EC2 answers say it: a VPC each, joined by a peering or by a transit gateway. Made up."""

from __future__ import annotations

import json
from typing import Any

from evidence.rules import Artefact
from tests.bench.aws_account import (
    ACCOUNT,
    OTHER,
    PCX,
    VPC,
    Answers,
    account,
    acl,
    files,
    group,
    interface,
    permission,
    subnet,
    table,
)
from tests.bench.test_aws_ways import led

REPORTS = "10.1.1.9"
NUMBERS = {"here": "111111111111", "there": "222222222222"}
TGW = "tgw-0a"
NEAR, FAR = "tgw-rtb-00000000a", "tgw-rtb-00000000b"
SIDES = {
    "RequesterVpcInfo": {"VpcId": VPC, "OwnerId": NUMBERS["here"], "CidrBlock": "10.0.0.0/16"},
    "AccepterVpcInfo": {"VpcId": OTHER, "OwnerId": NUMBERS["there"], "CidrBlock": "10.1.0.0/16"},
}
PEERING = {"VpcPeeringConnectionId": PCX, "Status": {"Code": "active"}, **SIDES}
ASKED = {"TransitGatewayVpcAttachments": [], "VpcEndpoints": []}


def here(way: str = PCX, **changed: Any) -> Answers:
    """The account of the applications: whatever goes to 10.1.0.0/16 goes by `way`."""
    made: dict[str, Any] = {
        "SecurityGroups": [ACCOUNT["SecurityGroups"][0],
                           group("sg-app", permission("tcp", 8080, groups=["sg-web"]),
                                 out=[permission("tcp", 443, ranges=["10.1.0.0/16"])]),
                           ACCOUNT["SecurityGroups"][2]],
        "RouteTables": [ACCOUNT["RouteTables"][0],
                        table("rtb-main", [("10.0.0.0/16", "local"), ("10.1.0.0/16", way)], main=True)],
        "VpcPeeringConnections": [PEERING], **ASKED,
    }  # fmt: skip
    return account(**made | changed)


def there(way: str = PCX, **changed: Any) -> Answers:
    """The account of the reports, which lets the applications in."""
    made: dict[str, Any] = {
        "Vpcs": [{"VpcId": OTHER, "CidrBlock": "10.1.0.0/16", "State": "available"}],
        "Subnets": [subnet("subnet-far", "10.1.1.0/24", OTHER)],
        "SecurityGroups": [group("sg-rep", permission("tcp", 443, ranges=["10.0.2.0/24"]), out=[], vpc=OTHER)],
        "NetworkAcls": [acl("acl-far", ["subnet-far"], vpc=OTHER)],
        "NetworkInterfaces": [interface("eni-rep", REPORTS, "subnet-far", "sg-rep", vpc=OTHER)],
        "RouteTables": [table("rtb-far", [("10.1.0.0/16", "local"), ("10.0.0.0/16", way)], main=True, vpc=OTHER)],
        "InternetGateways": [], "NatGateways": [], "VpcPeeringConnections": [PEERING], **ASKED,
    }  # fmt: skip
    return account(**made | changed)


def given(name: str, answers: Answers, routes: dict[str, list[dict[str, Any]]] | None = None) -> list[Artefact]:
    """The files of one of the two, which say whose they are."""
    found = [one for one in files(answers) if one.name != "NetworkInterfaces.json"]
    whose = {"OwnerId": NUMBERS[name], "Region": "ap-southeast-2"}
    held = {"NetworkInterfaces": answers["NetworkInterfaces"], **whose}
    found.append(Artefact("interfaces.json", json.dumps(held).encode()))
    for uid, listed in (routes or {}).items():
        said = {"Routes": listed, "AdditionalRoutesAvailable": False}
        found.append(Artefact(f"{uid}.json", json.dumps(said).encode()))
    return found


def attached(uid: str, vpc: str, asks: str, owner: str) -> dict[str, Any]:
    """An attachment to the transit gateway of the applications' account, and the table it asks ("" = not shown)."""
    asked = {"Association": {"TransitGatewayRouteTableId": asks, "State": "associated"}} if asks else {}
    return {
        "TransitGatewayAttachmentId": uid, "TransitGatewayId": TGW, "TransitGatewayOwnerId": NUMBERS["here"],
        "ResourceOwnerId": owner, "ResourceType": "vpc", "ResourceId": vpc, "State": "available", **asked,
    }  # fmt: skip


def joined_by_transit(*, near: list[dict[str, Any]] | None = None, **changed: Any) -> dict[str, list[Artefact]]:
    """The two behind a transit gateway that the first of them owns, and shares with the other."""
    mine, theirs = (attached(uid, vpc, asks, NUMBERS[whose]) for uid, vpc, asks, whose in
                    (("tgw-attach-a", VPC, NEAR, "here"), ("tgw-attach-b", OTHER, FAR, "there")))  # fmt: skip
    owner = here(TGW, Subnets=zoned(ACCOUNT["Subnets"]), TransitGatewayAttachments=[mine, theirs],
                 TransitGatewayVpcAttachments=ON, VpcPeeringConnections=[])  # fmt: skip
    guest = there(
        TGW, Subnets=zoned([subnet("subnet-far", "10.1.1.0/24", OTHER)]),
        TransitGatewayAttachments=[attached("tgw-attach-b", OTHER, "", NUMBERS["there"])],
        TransitGatewayVpcAttachments=ON[1:], VpcPeeringConnections=[], **changed,
    )  # fmt: skip
    owner["TransitGatewayRouteTables"], guest["TransitGatewayRouteTables"] = ROUTED, []
    routes = {NEAR: [led("10.1.0.0/16", theirs)] if near is None else near, FAR: [led("10.0.0.0/16", mine)]}
    return {"here": given("here", owner, routes), "there": given("there", guest)}


def lent_by_a_network_account() -> dict[str, list[Artefact]]:
    """Both VPCs stand in one account; the transit gateway between them is of another, which has no VPC of its own."""
    mine, theirs = (attached(uid, vpc, asks, NUMBERS["there"]) for uid, vpc, asks in
                    (("tgw-attach-a", VPC, NEAR), ("tgw-attach-b", OTHER, FAR)))  # fmt: skip
    one, other = here(TGW), there(TGW)
    guest: Answers = {key: [*one[key], *other[key]] for key in one}
    untold = [{key: value for key, value in each.items() if key != "Association"} for each in (mine, theirs)]
    guest |= {"VpcPeeringConnections": [], "Subnets": zoned(guest["Subnets"]), "TransitGatewayAttachments": untold,
              "TransitGatewayVpcAttachments": ON, "TransitGatewayRouteTables": []}  # fmt: skip
    network: Answers = {**{key: [] for key in one}, "TransitGatewayAttachments": [mine, theirs],
                        "TransitGatewayVpcAttachments": ON, "TransitGatewayRouteTables": ROUTED}  # fmt: skip
    routes = {NEAR: [led("10.1.0.0/16", theirs)], FAR: [led("10.0.0.0/16", mine)]}
    return {"network": given("here", network, routes), "guest": given("there", guest)}


def zoned(subnets: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """All in one zone, in which the attachments stand."""
    return [{**one, "AvailabilityZone": "a"} for one in subnets]


ON = [
    {
        "TransitGatewayAttachmentId": uid,
        "VpcId": vpc,
        "State": "available",
        "TransitGatewayId": TGW,
        "SubnetIds": [name],
    }
    for uid, vpc, name in (("tgw-attach-a", VPC, "subnet-priv"), ("tgw-attach-b", OTHER, "subnet-far"))
]
ROUTED = [{"TransitGatewayRouteTableId": uid, "TransitGatewayId": TGW, "State": "available"} for uid in (NEAR, FAR)]
