"""IPv6 of AWS beyond a VPC: through transit gateways as far as it was read, and what no gateway serves."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from compliance.register import wanted
from evidence.rules import Reading
from evidence.verdicts import judge
from tests.bench.aws_account import APP, IGW, OTHER, VPC, WEB, acl, group, interface, permission, reading, subnet, table
from tests.bench.test_aws import LOCAL, ask, said
from tests.bench.test_aws_verdicts import PUBLISHED, of_account
from tests.bench.test_aws_ways import FAR, FAR_END, NEAR_END, NEAR_TABLE, OPEN, TGW, VPN, led, there, transit

SIX_APP, SIX_FAR = "2001:db8:a:2::10", "2001:db8:b:1::9"
LEADS_SIX = [led("2001:DB8:b::/48", FAR_END)]
OPEN_SIX = permission("-1", ranges=["0.0.0.0/0"], v6=["::/0"])


def transit_six_parts(shut: str = "") -> dict[str, Any]:
    """Answers of the same two VPCs with IPv6 on both sides. `shut`: the subnet whose network ACL has none for IPv6."""
    ranges = {"subnet-priv": ("10.0.2.0/24", "2001:db8:a:2::/64", VPC),
              "subnet-far": ("10.1.1.0/24", "2001:db8:b:1::/64", OTHER),
              "subnet-edge": ("10.0.9.0/28", "2001:db8:a:9::/64", VPC),
              "subnet-far-edge": ("10.1.9.0/28", "2001:db8:b:9::/64", OTHER)}  # fmt: skip
    on = [{"TransitGatewayAttachmentId": one["TransitGatewayAttachmentId"], "VpcId": one["ResourceId"],
           "State": "available", "TransitGatewayId": TGW, "SubnetIds": [name], "Options": {"Ipv6Support": "enable"}}
          for one, name in ((NEAR_END, "subnet-edge"), (FAR_END, "subnet-far-edge"))]  # fmt: skip
    return {
        "Subnets": [{**subnet(uid, four, vpc, six), "AvailabilityZone": "a"}
                    for uid, (four, six, vpc) in ranges.items()],
        "NetworkAcls": [acl(f"acl-{uid}", [uid], vpc=vpc, six=uid != shut) for uid, (_, _, vpc) in ranges.items()],
        "SecurityGroups": [group("sg-app", out=[OPEN_SIX]), group("sg-rep", OPEN_SIX, vpc=OTHER)],
        "NetworkInterfaces": [interface("eni-app", APP, "subnet-priv", "sg-app", v6=[SIX_APP]),
                              interface("eni-rep", FAR, "subnet-far", "sg-rep", vpc=OTHER, v6=[SIX_FAR])],
        "RouteTables": [
            table("rtb-main", [LOCAL, ("2001:db8:a::/48", "local"), ("2001:db8::/32", TGW)], main=True),
            table("rtb-far", [("10.1.0.0/16", "local"), ("2001:db8:b::/48", "local"), ("::/0", TGW)],
                  main=True, vpc=OTHER),
        ],
        "TransitGatewayVpcAttachments": on,
    }  # fmt: skip


def transit_six(near: list[dict[str, Any]] | None = None, *, shut: str = "", **changed: Any) -> Reading:
    """The same two VPCs with IPv6 on both sides, read; some answers replaced."""
    far = [led("2001:db8:a::/48", NEAR_END)]
    return transit(LEADS_SIX if near is None else near, far, **transit_six_parts(shut) | changed)


def six(read: Reading, point: str = "FORWARD") -> tuple[str, str]:
    """From the application to the other VPC over IPv6: the decision, and why or by which rule."""
    found = ask(read, point, SIX_APP, SIX_FAR, "tcp/443")
    return found.decision, found.because or found.rule


def test_ipv6_goes_through_a_transit_gateway_by_the_same_tables() -> None:
    read = transit_six()
    assert (six(read)[0], six(read, "RETURN")[0], there(read)) == ("permit", "permit", "deny")
    assert ask(read, "FORWARD", SIX_FAR, SIX_APP, "tcp/443").decision == "deny"  # the application's group lets none in
    hole = [*LEADS_SIX, led("2001:db8:b:1::/64", kind="static", state="blackhole")]
    assert six(transit_six(hole)) == ("deny", f"denied by aws:rtb-main/away#2001:db8::/32>{NEAR_TABLE}.0")
    twins = [*LEADS_SIX, led("2001:db8:b:0::/48", kind="static", state="blackhole")]
    assert six(transit_six(twins))[0] == "deny"  # of equal ones the fixed one
    nothing = transit_six([led("10.1.0.0/16", FAR_END), led("0.0.0.0/0", FAR_END)])
    assert six(nothing) == ("deny", f"denied by aws:rtb-main/away#2001:db8::/32>{NEAR_TABLE}")
    four = group("sg-rep", OPEN, vpc=OTHER)
    assert six(transit_six(SecurityGroups=[group("sg-app", out=[OPEN_SIX]), four]))[0] == "deny"
    assert six(transit_six(shut="subnet-far"))[1] == "denied by aws:acl-subnet-far/in#default"


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        (
            {"shut": "subnet-edge"},
            "network ACL of subnet-edge, where tgw-attach-a stands, is not known to be open to all",
        ),
        ({"shut": "subnet-far-edge"}, "network ACL of subnet-far-edge, where tgw-attach-b stands"),
        ({"near": [led("2001:db8:b::/48", VPN)]}, "leaves there: what is beyond was not read"),
        ({"TransitGatewayVpcAttachments": None}, "stands were not read"),
        ({"options": ("subnet-edge", {})}, "nothing that was read says that tgw-attach-a carries IPv6"),
        ({"options": ("subnet-far-edge", {"Ipv6Support": "disable"})}, "says that tgw-attach-b carries IPv6"),
        ({"without": "subnet-far-edge"}, "subnet-far-edge, where tgw-attach-b stands, has no IPv6 range"),
    ],
)
def test_what_was_not_read_of_ipv6_through_it_is_not_known(changed: dict[str, Any], why: str) -> None:
    given = dict(changed)
    plain = transit_six_parts()
    if "options" in given:
        where, options = given.pop("options")
        given["TransitGatewayVpcAttachments"] = [{**one, "Options": options} if one["SubnetIds"] == [where] else one
                                                 for one in plain["TransitGatewayVpcAttachments"]]  # fmt: skip
    if "without" in given:
        without = given.pop("without")
        given["Subnets"] = [{**one, "Ipv6CidrBlockAssociationSet": []} if one["SubnetId"] == without else one
                            for one in plain["Subnets"]]  # fmt: skip
    decision, because = six(transit_six(**given))
    assert (decision, why in because) == ("unproven", True), because


def test_private_ipv6_is_served_by_no_internet_gateway() -> None:
    mine = "fd00:a:2::10"
    parts = transit_six_parts() | {
        "Subnets": [{**subnet("subnet-priv", "10.0.2.0/24", v6="fd00:a:2::/64"), "AvailabilityZone": "a"}],
        "NetworkInterfaces": [interface("eni-app", APP, "subnet-priv", "sg-app", v6=[mine])],
        "RouteTables": [table("rtb-main", [LOCAL, ("fd00:a::/48", "local"), ("::/0", IGW)], main=True)],
        "NetworkAcls": [acl("acl-all", ["subnet-priv"], six=True)], "TransitGatewayAttachments": [],
        "SecurityGroups": [group("sg-app", OPEN_SIX, out=[OPEN_SIX])],
    }  # fmt: skip
    read = reading(**parts)
    for far in ("2001:db8:1::1", "fd00:b::1"):
        assert said(read, "FORWARD", far, mine, "tcp/443") == "deny"
        assert said(read, "FORWARD", mine, far, "tcp/443") == "deny"
    assert not [one for one in read.statements if one.about == "exposed" and one.value == mine]
    pool = {"VpcId": VPC, "CidrBlock": "10.0.0.0/16", "Ipv6CidrBlockAssociationSet": [
        {"Ipv6CidrBlock": "2001:db8:a::/48", "Ipv6AddressAttribute": "private"}]}  # fmt: skip
    parts |= {"NetworkInterfaces": [interface("eni-app", APP, "subnet-priv", "sg-app", v6=[SIX_APP])],
              "Subnets": [{**subnet("subnet-priv", "10.0.2.0/24", v6="2001:db8:a:2::/64"), "AvailabilityZone": "a"}],
              "RouteTables": [table("rtb-main", [LOCAL, ("::/0", IGW)], main=True)]}  # fmt: skip
    assert said(reading(**parts), "FORWARD", SIX_APP, "2001:db8:1::1", "tcp/443") == "permit"
    assert said(reading(**parts, Vpcs=[pool]), "FORWARD", SIX_APP, "2001:db8:1::1", "tcp/443") == "deny"
    assert said(reading(**parts, Vpcs=[pool]), "FORWARD", "2001:db8:1::1", SIX_APP, "tcp/443") == "deny"


def test_what_is_published_to_anybody_over_ipv6_comes_from_public_addresses() -> None:
    six_web = "2001:db8:a:1::10"
    lists = acl("acl-all", ["subnet-pub"], six=True)
    read = reading(
        NetworkInterfaces=[interface("eni-web", WEB, "subnet-pub", "sg-web", v6=[six_web])], NetworkAcls=[lists],
        SecurityGroups=[group("sg-web", permission("tcp", 443, v6=["::/0"]), out=[])],
        Subnets=[subnet("subnet-pub", "10.0.1.0/24", v6="2001:db8:a:1::/64")],
        RouteTables=[table("rtb-pub", [LOCAL, ("2001:db8:a:1::/64", "local"), ("::/0", IGW)], main=True)],
    )  # fmt: skip
    asked = wanted({"servers": [{"name": "web-01", "addresses": [six_web], "role": "web", "zone": "dmz"}],
                    "zones": [{"name": "dmz", "prefixes": ["2001:db8:a:1::/64"]}],
                    "connections": [PUBLISHED]})  # fmt: skip
    found = judge(asked, {"cloud": read}, before=None, flows=None, at=date(2026, 11, 22))
    assert of_account(list(found), "CON-1") == dict.fromkeys(["eni-web/in", "FORWARD", "RETURN"], "implemented")
