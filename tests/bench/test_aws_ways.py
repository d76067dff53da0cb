"""Ways beyond a VPC: transit gateways, middleboxes, gateways that leave, endpoints; never a wrong open nor closed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from evidence.host import read_host
from evidence.rules import Artefact, Reading
from tests.bench.aws_account import (
    ACCOUNT,
    APP,
    DB,
    IGW,
    NAT,
    OTHER,
    PCX,
    VPC,
    WEB,
    account,
    acl,
    files,
    group,
    interface,
    permission,
    reading,
    subnet,
    table,
)
from tests.bench.test_aws import LOCAL, OUTSIDE, ask, groups, said

TGW, FAR, THIRD = "tgw-0a", "10.1.1.9", "vpc-0c"
NEAR_TABLE, FAR_TABLE = "tgw-rtb-00000000a", "tgw-rtb-00000000b"
OPEN = permission("-1", ranges=["0.0.0.0/0"])


def attached(uid: str, vpc: str, asks: str, kind: str = "vpc", owner: str = "1") -> dict[str, Any]:
    """An attachment to the transit gateway and the table it asks."""
    return {
        "TransitGatewayAttachmentId": uid, "TransitGatewayId": TGW, "TransitGatewayOwnerId": owner,
        "ResourceOwnerId": "1", "ResourceType": kind, "ResourceId": vpc, "State": "available",
        "Association": {"TransitGatewayRouteTableId": asks, "State": "associated"},
    }  # fmt: skip


def led(where: str, *to: dict[str, Any], kind: str = "propagated", state: str = "active") -> dict[str, Any]:
    """A route of a table of the transit gateway."""
    keys = ("TransitGatewayAttachmentId", "ResourceId", "ResourceType")
    made = {"DestinationCidrBlock": where, "Type": kind, "State": state}
    return made | {"TransitGatewayAttachments": [{key: one[key] for key in keys} for one in to]}


NEAR_END, FAR_END = attached("tgw-attach-a", VPC, NEAR_TABLE), attached("tgw-attach-b", OTHER, FAR_TABLE)
VPN = attached("tgw-attach-v", "vpn-1", NEAR_TABLE, "vpn")
WITH_ZONES = [{**one, "AvailabilityZone": "a"} for one in ACCOUNT["Subnets"]]


def transit(
    near: list[dict[str, Any]] | None = None, far: list[dict[str, Any]] | None = None, *, more: bool = False,
    attachments: list[dict[str, Any]] | None = None, **changed: Any,
) -> Reading:  # fmt: skip
    """Two VPCs behind a transit gateway that was read. `near`, `far`: the routes each of them asks."""
    edge = [{**subnet(uid, cidr, vpc), "AvailabilityZone": "a"} for uid, cidr, vpc in
            (("subnet-edge", "10.0.9.0/28", VPC), ("subnet-far-edge", "10.1.9.0/28", OTHER),
             ("subnet-far", "10.1.1.0/24", OTHER))]  # fmt: skip
    on = [{"TransitGatewayAttachmentId": one["TransitGatewayAttachmentId"], "VpcId": one["ResourceId"],
           "State": "available", "TransitGatewayId": TGW, "SubnetIds": [name]}
          for one, name in ((NEAR_END, "subnet-edge"), (FAR_END, "subnet-far-edge"))]  # fmt: skip
    made: dict[str, Any] = {
        "Subnets": [*WITH_ZONES, *edge],
        "NetworkAcls": [acl("acl-all", ["subnet-pub", "subnet-priv", "subnet-edge"]),
                        acl("acl-far", ["subnet-far", "subnet-far-edge"], vpc=OTHER)],
        "SecurityGroups": [*ACCOUNT["SecurityGroups"], group("sg-rep", OPEN, vpc=OTHER)],
        "NetworkInterfaces": [*ACCOUNT["NetworkInterfaces"],
                              interface("eni-rep", FAR, "subnet-far", "sg-rep", vpc=OTHER)],
        "RouteTables": [
            ACCOUNT["RouteTables"][0], table("rtb-main", [LOCAL, ("10.0.0.0/8", TGW)], main=True),
            table("rtb-far", [("10.1.0.0/16", "local"), ("0.0.0.0/0", TGW)], main=True, vpc=OTHER),
        ],
        "TransitGatewayAttachments": attachments or [NEAR_END, FAR_END],
        "TransitGatewayVpcAttachments": on,
        "TransitGatewayRouteTables": [{"TransitGatewayRouteTableId": one, "TransitGatewayId": TGW, "State": "available"}
                                      for one in (NEAR_TABLE, FAR_TABLE)],
    }  # fmt: skip
    given = files(account(**made | changed))
    routes = {NEAR_TABLE: [led("10.1.0.0/16", FAR_END)] if near is None else near,
              FAR_TABLE: [led("10.0.0.0/16", NEAR_END)] if far is None else far}  # fmt: skip
    given += [Artefact(f"{name}.json", json.dumps({"Routes": listed, "AdditionalRoutesAvailable": more}).encode())
              for name, listed in routes.items()]  # fmt: skip
    return read_host(given)


def there(read: Reading, point: str = "FORWARD") -> str:
    """From the application to the other VPC."""
    return said(read, point, APP, FAR, "tcp/443")


def test_a_transit_gateway_is_followed_by_the_table_of_the_sender() -> None:
    read = transit()
    assert (there(read), there(read, "RETURN")) == ("permit", "permit")
    assert said(read, "FORWARD", DB, FAR, "tcp/443") == "deny"  # its group lets nothing out
    assert said(read, "FORWARD", FAR, APP, "tcp/443") == "deny"  # nor does the application's let it in
    assert said(read, "FORWARD", WEB, FAR, "tcp/443") == "deny"  # its table leads to the internet alone
    assert there(transit(far=[]), "RETURN") == "deny"  # there, and not back
    assert there(transit(far=[])) == "permit"


def test_what_no_table_of_it_leads_to_is_stopped_and_named() -> None:
    found = ask(transit(near=[led("10.2.0.0/16", FAR_END)]), "FORWARD", APP, FAR, "tcp/443")
    assert (found.decision, found.rule) == ("deny", f"aws:rtb-main/away#10.0.0.0/8>{NEAR_TABLE}")
    hole = [led("10.1.0.0/16", FAR_END), led("10.1.1.0/24", kind="static", state="blackhole")]
    assert there(transit(near=hole)) == "deny"
    twins = [led("10.1.0.0/16", FAR_END), led("10.1.0.0/16", kind="static", state="blackhole")]
    assert there(transit(near=twins)) == "deny"  # of equal ones the fixed one


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"more": True}, "was not read"),
        ({"near": [{**led("10.1.0.0/16", FAR_END), "Weight": 1}]}, "was not read"),
        ({"near": [led("10.1.0.0/16", VPN)]}, "up to tgw-attach-v (vpn) and leaves there: what is beyond was not read"),
        ({"near": [led("10.1.0.0/16", FAR_END, VPN)]}, "leaves there"),
        ({"attachments": [NEAR_END]}, "where tgw-attach-b leads, was not read"),
        ({"attachments": [FAR_END]}, "no attachment of vpc-0a"),
        ({"TransitGatewayVpcAttachments": None}, "stands were not read"),
        ({"Subnets": ACCOUNT["Subnets"]}, "leads, was not read"),
    ],
)
def test_what_was_not_read_of_it_is_not_known(changed: dict[str, Any], why: str) -> None:
    found = ask(transit(**changed), "FORWARD", APP, FAR, "tcp/443")
    assert (found.decision, why in found.because) == ("unproven", True), found.because


def test_lists_and_routes_where_it_stands_are_asked_as_well() -> None:
    shut = [acl("acl-all", ["subnet-pub", "subnet-priv"]), acl("acl-edge", ["subnet-edge"], []),
            acl("acl-far", ["subnet-far", "subnet-far-edge"], vpc=OTHER)]  # fmt: skip
    assert there(transit(NetworkAcls=shut)) == "unproven"
    box = table("rtb-far-edge", [("10.1.0.0/16", "local"), ("10.1.1.0/24", "vpce-fw")], "subnet-far-edge", vpc=OTHER)
    tables = [ACCOUNT["RouteTables"][0], table("rtb-main", [LOCAL, ("10.0.0.0/8", TGW)], main=True),
              table("rtb-far", [("10.1.0.0/16", "local"), ("0.0.0.0/0", TGW)], main=True, vpc=OTHER), box]  # fmt: skip
    found = ask(transit(RouteTables=tables), "FORWARD", APP, FAR, "tcp/443")
    assert (found.decision, "sends it to vpce-fw" in found.because) == ("unproven", True)
    elsewhere = [{**one, "AvailabilityZone": "b"} for one in WITH_ZONES]
    edge = [{**subnet(uid, cidr, vpc), "AvailabilityZone": "a"} for uid, cidr, vpc in
            (("subnet-edge", "10.0.9.0/28", VPC), ("subnet-far-edge", "10.1.9.0/28", OTHER),
             ("subnet-far", "10.1.1.0/24", OTHER))]  # fmt: skip
    found = ask(transit(Subnets=[*elsewhere, *edge]), "FORWARD", APP, FAR, "tcp/443")
    assert (found.decision, "does not stand in the zone of" in found.because) == ("unproven", True)


def test_who_comes_in_by_it_is_known_where_every_attachment_was_read() -> None:
    mine = [*groups(group("sg-app", OPEN)), group("sg-rep", OPEN, vpc=OTHER)]
    assert said(transit(SecurityGroups=mine), "FORWARD", "172.16.0.9", APP, "tcp/22") == "deny"
    by_vpn = transit(
        attachments=[NEAR_END, FAR_END, {**VPN, "Association": FAR_END["Association"]}], SecurityGroups=mine
    )
    found = ask(by_vpn, "FORWARD", "172.16.0.9", APP, "tcp/22")
    assert (found.decision, "tgw-attach-v (vpn) was not read" in found.because) == ("unproven", True)
    elsewhere = transit(
        attachments=[NEAR_END, FAR_END, VPN], SecurityGroups=mine
    )  # its table leads to the far VPC alone
    assert said(elsewhere, "FORWARD", "172.16.0.9", APP, "tcp/22") == "deny"
    others = [{**NEAR_END, "TransitGatewayOwnerId": "2"}, FAR_END]  # somebody else's: not all that hangs on it is shown
    assert said(transit(attachments=others, SecurityGroups=mine), "FORWARD", "172.16.0.9", APP, "tcp/22") == "unproven"


def main_table(*routes: tuple[str, str], **changed: Any) -> Reading:
    """The private subnet with these routes beside the local one."""
    return reading(RouteTables=[ACCOUNT["RouteTables"][0], table("rtb-main", [LOCAL, *routes], main=True)], **changed)


def test_a_gateway_to_the_internet_leads_to_no_private_address() -> None:
    for target, sender in ((NAT, APP), (IGW, WEB)):
        read = reading(RouteTables=[table("rtb-pub", [LOCAL, ("0.0.0.0/0", IGW)], "subnet-pub"),
                                    table("rtb-main", [LOCAL, ("0.0.0.0/0", target)], main=True)])  # fmt: skip
        assert said(read, "FORWARD", sender, "10.77.0.1", "tcp/443") == "deny"
        assert said(read, "FORWARD", sender, OUTSIDE, "tcp/443") == "permit"


def test_a_nat_gateway_may_lead_to_private_addresses_where_nothing_shows_otherwise() -> None:
    away = table("rtb-pub", [LOCAL, ("0.0.0.0/0", IGW), ("10.77.0.0/16", TGW)], "subnet-pub")
    private = [{**ACCOUNT["NatGateways"][0], "ConnectivityType": "private"}]
    unsure = {"NatGateways": None}, {"NatGateways": private}, {"RouteTables": [away, ACCOUNT["RouteTables"][1]]}
    for changed in unsure:
        assert said(reading(**changed), "FORWARD", APP, "10.77.0.1", "tcp/443") == "unproven"
    assert said(reading(), "FORWARD", APP, "10.77.0.1", "tcp/443") == "deny"


def test_a_nat_gateway_leads_on_only_where_its_own_subnet_does() -> None:
    filtered = table("rtb-pub", [LOCAL, ("0.0.0.0/0", IGW), ("198.51.0.0/16", "vpce-fw")], "subnet-pub")
    by_box = reading(RouteTables=[filtered, ACCOUNT["RouteTables"][1]])
    assert said(by_box, "FORWARD", APP, OUTSIDE, "tcp/443") == "unproven"
    lost = [table("rtb-pub", [LOCAL], "subnet-pub"), ACCOUNT["RouteTables"][1]]
    found = ask(reading(RouteTables=lost), "FORWARD", APP, OUTSIDE, "tcp/443")
    assert (found.decision, "lead elsewhere" in found.because) == ("unproven", True)


def test_a_peering_leads_to_its_other_side_and_not_further() -> None:
    sides = {"RequesterVpcInfo": {"VpcId": VPC, "CidrBlock": "10.0.0.0/16"},
             "AccepterVpcInfo": {"VpcId": OTHER, "CidrBlock": "10.1.0.0/16"}}  # fmt: skip
    peering = [{"VpcPeeringConnectionId": PCX, "Status": {"Code": "active"}, **sides}]
    read = main_table(("10.0.0.0/8", PCX), VpcPeeringConnections=peering)
    assert said(read, "FORWARD", APP, FAR, "tcp/443") == "unproven"  # the far side was not read
    assert ask(read, "FORWARD", APP, "10.2.0.1", "tcp/443").rule == "aws:rtb-main/away#10.0.0.0/8>further"


def test_whose_the_far_side_of_a_peering_is_stands_beside_what_is_not_known() -> None:
    """The other account may have a source of its own: two readings are not put together, and the path says so."""
    near = {"VpcId": VPC, "CidrBlock": "10.0.0.0/16", "OwnerId": "111111111111", "Region": "ap-southeast-2"}
    far = {"VpcId": OTHER, "CidrBlock": "10.1.0.0/16", "OwnerId": "222222222222", "Region": "us-east-1"}
    opened = groups(group("sg-app", OPEN))
    for account_of, whose in ((far, "of account 222222222222 in us-east-1"),
                              (far | {"OwnerId": "111111111111"}, "in us-east-1"),
                              (far | {"Region": "ap-southeast-2"}, "of account 222222222222")):  # fmt: skip
        peering = [{"VpcPeeringConnectionId": PCX, "Status": {"Code": "active"},
                    "RequesterVpcInfo": near, "AccepterVpcInfo": account_of}]  # fmt: skip
        read = main_table(("10.1.0.0/16", PCX), VpcPeeringConnections=peering, SecurityGroups=opened)
        for src, dst in ((APP, FAR), (FAR, APP)):  # away by its route, and in by the peering
            found = ask(read, "FORWARD", src, dst, "tcp/443")
            why = f"the far side of {PCX} was not read: it is {OTHER} {whose}, which"
            assert (found.decision, why in found.because) == ("unproven", True), found.because


def test_a_peering_between_two_regions_stands_in_the_answers_of_both_and_is_one() -> None:
    sides = {"RequesterVpcInfo": {"VpcId": VPC, "CidrBlock": "10.0.0.0/16", "Region": "ap-southeast-2"},
             "AccepterVpcInfo": {"VpcId": OTHER, "CidrBlock": "10.1.0.0/16", "Region": "us-east-1"}}  # fmt: skip
    one = {"VpcPeeringConnectionId": PCX, "Status": {"Code": "active"}, **sides}
    tables = [ACCOUNT["RouteTables"][0], table("rtb-main", [LOCAL, ("10.0.0.0/8", PCX)], main=True)]
    given = files(account(RouteTables=tables, VpcPeeringConnections=[one]))
    wider = {**one, "AccepterVpcInfo": {**sides["AccepterVpcInfo"], "CidrBlock": "10.0.0.0/8"}}
    gone = {**one, "Status": {"Code": "deleted"}}
    for again, decision in (({**one, "Tags": [{"Key": "Name", "Value": "b"}]}, "deny"), (wider, "unproven"),
                            (gone, "unproven")):  # fmt: skip
        there_too = Artefact("us-east-1.json", json.dumps({"VpcPeeringConnections": [again]}).encode())
        read = read_host([*given, there_too])
        assert said(read, "FORWARD", APP, "10.2.0.1", "tcp/443") == decision
        assert [one.reason for one in read.unread if "comes twice" not in one.reason] == []


def test_a_middlebox_on_a_narrower_route_is_not_passed_over() -> None:
    found = ask(main_table(("10.0.1.0/24", "vpce-fw")), "FORWARD", APP, WEB, "tcp/443")
    assert (found.decision, "behind vpce-fw" in found.because) == ("unproven", True)
    assert said(main_table(("10.0.1.0/24", "vpce-fw")), "FORWARD", APP, DB, "tcp/5432") == "permit"


def test_a_table_of_a_gateway_itself_is_asked_for_what_comes_in_and_for_answers() -> None:
    edge = table("rtb-edge", [LOCAL, ("10.0.1.0/24", "vpce-fw")])
    edge["Associations"] = [{"RouteTableId": "rtb-edge", "GatewayId": IGW, "Main": False}]
    read = reading(RouteTables=[*ACCOUNT["RouteTables"], edge])
    found = ask(read, "FORWARD", OUTSIDE, WEB, "tcp/443")
    assert (found.decision, f"what comes in by {IGW} to vpce-fw" in found.because) == ("unproven", True)
    assert said(reading(), "FORWARD", OUTSIDE, WEB, "tcp/443") == "permit"
    assert said(read, "RETURN", WEB, OUTSIDE, "tcp/443") == "unproven"  # the answer comes in there
    assert said(read, "FORWARD", WEB, APP, "tcp/8080") == "permit"  # within the VPC nobody asks that table
    straight = table("rtb-edge", [LOCAL])
    straight["Associations"] = edge["Associations"]
    assert (
        said(reading(RouteTables=[*ACCOUNT["RouteTables"], straight]), "FORWARD", OUTSIDE, WEB, "tcp/443") == "permit"
    )


def test_a_written_range_goes_before_the_same_of_a_prefix_list() -> None:
    lists = [{"PrefixListId": "pl-1", "Cidrs": ["198.51.100.0/24"]}]
    main = table("rtb-main", [LOCAL, ("pl-1", NAT), ("198.51.100.0/24", PCX)], main=True)
    main["Routes"][2]["State"] = "blackhole"
    read = reading(RouteTables=[ACCOUNT["RouteTables"][0], main], PrefixLists=lists)
    assert said(read, "FORWARD", APP, OUTSIDE, "tcp/443") == "deny"


def test_an_ipv6_address_that_no_gateway_serves_is_not_reached_from_there() -> None:
    web = interface("eni-web", WEB, "subnet-pub", "sg-web", v6=["2001:db8::10"])
    mine = {"SecurityGroups": groups(group("sg-web", permission("-1", v6=["::/0"]))),
            "Subnets": [subnet("subnet-pub", "10.0.1.0/24", v6="2001:db8::/64"), ACCOUNT["Subnets"][1]],
            "NetworkAcls": [acl("acl-all", ["subnet-priv"]), acl("acl-six", ["subnet-pub"], [
                {"RuleNumber": 100, "RuleAction": "allow", "Protocol": "-1", "Egress": way, "Ipv6CidrBlock": "::/0"}
                for way in (True, False)])]}  # fmt: skip
    asked = ("FORWARD", "2001:db8:1::1", "2001:db8::10", "tcp/443")
    assert said(reading(NetworkInterfaces=[web], **mine), *asked) == "permit"
    assert said(reading(NetworkInterfaces=[{**web, "DenyAllIgwTraffic": True}], **mine), *asked) == "deny"


def endpoint(policy: Any, kind: str = "Gateway", **more: Any) -> dict[str, Any]:
    """An endpoint and its policy."""
    written = json.dumps({"Version": "2012-10-17", "Statement": policy}) if policy is not None else ""
    return {"VpcEndpointId": "vpce-0a", "VpcEndpointType": kind, "VpcId": VPC, "State": "available",
            "PolicyDocument": written, **more}  # fmt: skip


WHOLE = {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}


@pytest.mark.parametrize(
    ("policy", "decision", "why"),
    [
        ([WHOLE], "permit", ""),
        ([{**WHOLE, "Effect": "Deny"}], "deny", ""),
        (
            [WHOLE, {**WHOLE, "Effect": "Deny", "Action": "s3:Put*"}],
            "unproven",
            "(2 statements) decides which requests",
        ),
        ([{**WHOLE, "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-1"}}}], "unproven", "(1 statement)"),
        ([{**WHOLE, "Resource": "arn:aws:s3:::pay"}], "unproven", "by names and not by addresses"),
        ("nonsense", "unproven", "not understood"),
        (None, "unproven", "came without its policy"),
    ],
)
def test_the_policy_of_an_endpoint_is_never_passed_over(policy: Any, decision: str, why: str) -> None:
    lists = [{"PrefixListId": "pl-1", "Cidrs": ["52.95.128.0/21"]}]
    read = main_table(("pl-1", "vpce-0a"), PrefixLists=lists, VpcEndpoints=[endpoint(policy)])
    found = ask(read, "FORWARD", APP, "52.95.128.9", "tcp/443")
    assert (found.decision, why in found.because) == (decision, True), found.because
    eni = interface("eni-kms", "10.0.2.99", "subnet-priv", "sg-web", kind="vpc_endpoint")
    held = endpoint(policy, "Interface", NetworkInterfaceIds=["eni-kms"])
    read = reading(NetworkInterfaces=[*ACCOUNT["NetworkInterfaces"], eni], VpcEndpoints=[held])
    found = ask(read, "FORWARD", APP, "10.0.2.99", "tcp/443")
    assert found.decision == ("permit" if policy in ([WHOLE], None) else "unproven")
    assert said(read, "FORWARD", APP, "10.0.2.99", "tcp/22") == "deny"  # its group stops that


def test_what_leaves_by_a_vpn_is_known_up_to_there() -> None:
    vpn = [{"VpnConnectionId": "vpn-1", "State": "available", "VpnGatewayId": "vgw-1"}]
    found = ask(main_table(("172.16.0.0/12", "vgw-1"), VpnConnections=vpn), "FORWARD", APP, "172.16.0.9", "tcp/443")
    assert found.decision == "unproven"
    assert "let on up to vgw-1 (VPN vpn-1) and leaves the account there: what is beyond was not read" in found.because
    core = table("rtb-main", [LOCAL], main=True)
    core["Routes"].append({"DestinationCidrBlock": "10.9.0.0/16", "CoreNetworkArn": "arn:aws:core", "State": "active"})
    read = reading(RouteTables=[ACCOUNT["RouteTables"][0], core], SecurityGroups=groups(group("sg-app", OPEN)))
    assert said(read, "FORWARD", "10.9.0.1", APP, "tcp/443") == "unproven"  # what hangs on it may come in as well
