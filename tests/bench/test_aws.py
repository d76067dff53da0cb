"""The traps of AWS, one by one: what a group, an ACL or a route means, and what is not known without an answer."""

from __future__ import annotations

import pytest

from compliance.traffic import addresses, services
from compliance.traffic.witness import Witness
from evidence.formats.evaluate import Decision, decide
from evidence.host import read_host
from evidence.rules import Artefact, FormatError, Reading
from tests.bench.aws_account import (
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
    entry,
    files,
    group,
    interface,
    permission,
    reading,
    subnet,
    table,
)

OUTSIDE = "198.51.100.7"
LOCAL = ("10.0.0.0/16", "local")


def ask(read: Reading, point: str, src: str, dst: str, service: str) -> Decision:
    """`tcp/443`, or `icmp/8/0`; what asks has the port 40000."""
    proto, first, *second = service.split("/")
    family, source = addresses.parse_host(src)
    sport, dport = (int(first), int(second[0])) if second else (40_000, int(first))
    target = addresses.parse_host(dst)[1]
    return decide(
        read, point, Witness(family, source, target, services.protocol_number(proto), sport, dport, None, None)
    )


def said(read: Reading, point: str, src: str, dst: str, service: str) -> str:
    """The decision in one word."""
    return ask(read, point, src, dst, service).decision


def groups(*made: dict[str, object]) -> list[dict[str, object]]:
    """The account's groups, some of them replaced."""
    replaced = {one["GroupId"]: one for one in made}
    kept = [one for one in account()["SecurityGroups"] if one["GroupId"] not in replaced]
    return [*kept, *made]


def test_an_interface_is_the_union_of_its_groups() -> None:
    more = group("sg-admin", permission("tcp", 22, ranges=["10.0.1.0/24"]))
    both = [interface("eni-app", APP, "subnet-priv", "sg-app", "sg-admin"), *account()["NetworkInterfaces"][:1]]
    read = reading(SecurityGroups=groups(more), NetworkInterfaces=both)
    assert ask(read, "eni-app/in", WEB, APP, "tcp/8080").rule == "aws:sg-app/in#1"
    assert ask(read, "eni-app/in", WEB, APP, "tcp/22").rule == "aws:sg-admin/in#1"
    assert ask(read, "eni-app/in", WEB, APP, "tcp/23").rule == "aws:eni-app/in#default"


def test_a_reference_is_the_private_addresses_of_the_members_now_and_the_later_ones_are_said_beside() -> None:
    read = reading()
    assert said(read, "eni-app/in", WEB, APP, "tcp/8080") == "permit"
    assert said(read, "eni-app/in", "203.0.113.10", APP, "tcp/8080") == "deny"  # the public address of the same member
    beside = {one.subject: (one.value, one.detail("now"), one.detail("later")) for one in read.statements}
    assert beside["aws:sg-app/in#1"] == (
        "sg-web", WEB, "every interface that joins sg-web is let through as well",
    )  # fmt: skip


def test_a_group_that_refers_to_itself_lets_its_members_in() -> None:
    mine = group("sg-db", permission("tcp", 5432, groups=["sg-db"]))
    two = [interface("eni-db", DB, "subnet-priv", "sg-db"), interface("eni-two", "10.0.2.21", "subnet-priv", "sg-db")]
    read = reading(SecurityGroups=groups(mine), NetworkInterfaces=two)
    assert said(read, "eni-db/in", "10.0.2.21", DB, "tcp/5432") == "permit"
    assert said(read, "eni-db/in", APP, DB, "tcp/5432") == "deny"


def test_a_reference_to_a_group_that_was_not_read_may_be_anybody() -> None:
    mine = group("sg-db", permission("tcp", 5432, groups=["sg-0fa7e"]))
    read = reading(SecurityGroups=groups(mine))
    found = ask(read, "eni-db/in", OUTSIDE, DB, "tcp/5432")
    assert (found.decision, "sg-0fa7e was not read" in found.because) == ("unproven", True)
    assert said(read, "eni-db/in", OUTSIDE, DB, "tcp/5433") == "deny"


def test_everything_of_ipv4_is_nothing_of_ipv6() -> None:
    mine = group("sg-web", permission("tcp", 443, ranges=["0.0.0.0/0"]))
    web = interface("eni-web", WEB, "subnet-pub", "sg-web", v6=["2001:db8::10"])
    read = reading(SecurityGroups=groups(mine), NetworkInterfaces=[web])
    assert said(read, "eni-web/in", OUTSIDE, WEB, "tcp/443") == "permit"
    assert said(read, "eni-web/in", "2001:db8:1::1", "2001:db8::10", "tcp/443") == "deny"
    both = group("sg-web", permission("tcp", 443, v6=["::/0"]))
    read = reading(SecurityGroups=groups(both), NetworkInterfaces=[web])
    assert said(read, "eni-web/in", "2001:db8:1::1", "2001:db8::10", "tcp/443") == "permit"
    assert said(read, "eni-web/in", OUTSIDE, WEB, "tcp/443") == "deny"


def test_minus_one_is_every_protocol_and_port() -> None:
    read = reading(SecurityGroups=groups(group("sg-db", permission("-1", ranges=["10.0.2.10/32"]))))
    for service in ("tcp/1", "udp/65535", "icmp/8/0", "132/9", "50/0"):
        assert said(read, "eni-db/in", APP, DB, service) == "permit"
    assert said(read, "eni-db/in", WEB, DB, "tcp/1") == "deny"


@pytest.mark.parametrize(
    ("kind", "code", "passes"),
    [(8, -1, {"icmp/8/0"}), (3, 4, {"icmp/3/4"}), (-1, -1, {"icmp/8/0", "icmp/3/4", "icmp/3/1"})],
)
def test_icmp_is_type_and_code(kind: int, code: int, passes: set[str]) -> None:
    read = reading(SecurityGroups=groups(group("sg-db", permission("icmp", kind, code, ranges=["10.0.0.0/16"]))))
    asked = ("icmp/8/0", "icmp/3/4", "icmp/3/1", "tcp/3", "tcp/8")
    assert {one for one in asked if said(read, "eni-db/in", APP, DB, one) == "permit"} == passes


@pytest.mark.parametrize(
    ("answers", "decision"),
    [
        ({"PrefixLists": [{"PrefixListId": "pl-1", "Cidrs": ["192.0.2.0/24"]}]}, "permit"),
        ({"PrefixLists": [{"PrefixListId": "pl-1", "Cidrs": ["192.0.3.0/24"]}]}, "deny"),
        ({"PrefixLists": [{"PrefixListId": "pl-1"}]}, "unproven"),
        ({"PrefixLists": None}, "unproven"),
        ({"PrefixLists": [{"PrefixListId": "pl-1", "Cidrs": ["192.0.3.0/24", "nonsense"]}]}, "unproven"),
    ],
    ids=["holds it", "holds others", "no entries read", "not read", "half understood"],
)
def test_a_prefix_list_is_its_entries_or_not_known(answers: dict[str, object], decision: str) -> None:
    mine = group("sg-db", permission("tcp", 5432, lists=["pl-1"]))
    assert said(reading(SecurityGroups=groups(mine), **answers), "eni-db/in", "192.0.2.9", DB, "tcp/5432") == decision


def test_entries_of_a_list_belong_to_the_list_that_the_file_names() -> None:
    mine = group("sg-db", permission("tcp", 5432, lists=["pl-0123456789abcdef0"]))
    given = files(account(SecurityGroups=groups(mine)))
    entries = b'{"Entries": [{"Cidr": "192.0.2.0/24"}]}'
    read = read_host([*given, Artefact("pl-0123456789abcdef0.json", entries)])
    assert said(read, "eni-db/in", "192.0.2.9", DB, "tcp/5432") == "permit"
    nobodys = read_host([*given, Artefact("entries.json", entries)])
    assert said(nobodys, "eni-db/in", "192.0.2.9", DB, "tcp/5432") == "unproven"
    assert [one.reason[:38] for one in nobodys.unread] == ["nobody says whose entries these are: n"]


def test_a_network_acl_is_asked_by_number_and_its_end_is_named() -> None:
    mine = acl("acl-one", ["subnet-priv"], [
        entry(200, "allow", "6", "10.0.0.0/16", ports=(5432, 5432)),
        entry(100, "deny", "6", "10.0.1.0/24", ports=(5432, 5432)),
        entry(100, egress=True),
    ])  # fmt: skip
    read = reading(NetworkAcls=[acl("acl-all", ["subnet-pub"]), mine])
    assert ask(read, "subnet-priv/in", WEB, DB, "tcp/5432").rule == "aws:acl-one/in#100"
    assert ask(read, "subnet-priv/in", "10.0.3.1", DB, "tcp/5432").rule == "aws:acl-one/in#200"
    assert ask(read, "subnet-priv/in", WEB, DB, "tcp/22").rule == "aws:acl-one/in#32767"
    assert ask(read, "subnet-priv/in", "2001:db8::1", "2001:db8::2", "tcp/22").rule == "aws:acl-one/in#default"


def test_an_acl_without_its_last_entry_denies_the_rest_all_the_same() -> None:
    bare = acl("acl-one", ["subnet-priv"], [entry(100, "allow", "6", ports=(443, 443))])
    bare["Entries"] = bare["Entries"][:1]
    read = reading(NetworkAcls=[acl("acl-all", ["subnet-pub"]), bare])
    assert ask(read, "subnet-priv/in", WEB, DB, "tcp/22").rule == "aws:acl-one/in#default"


def closed_out(*entries: dict[str, object]) -> Reading:
    """The private subnet lets only this out."""
    mine = acl("acl-one", ["subnet-priv"], [entry(100), *entries])
    return reading(NetworkAcls=[acl("acl-all", ["subnet-pub"]), mine])


def test_the_answer_needs_the_ports_it_goes_to() -> None:
    narrow = closed_out(entry(100, "allow", "6", "10.0.1.0/24", ports=(32768, 60999), egress=True))
    assert (
        said(narrow, "FORWARD", WEB, APP, "tcp/8080") == "permit"
    )  # what asks comes in; nothing is asked of the way out
    assert said(narrow, "RETURN", WEB, APP, "tcp/8080") == "permit"
    none = closed_out(entry(100, "allow", "6", "10.0.1.0/24", ports=(8080, 8080), egress=True))
    assert said(none, "FORWARD", WEB, APP, "tcp/8080") == "permit"
    assert ask(none, "RETURN", WEB, APP, "tcp/8080").rule == "aws:acl-one/answers-out#32767"


def test_the_answer_to_a_ping_is_another_type() -> None:
    for kind, decision in ((0, "permit"), (8, "deny"), (-1, "permit")):
        read = closed_out(entry(100, "allow", "1", "10.0.1.0/24", icmp=(kind, -1), egress=True))
        assert said(read, "RETURN", WEB, APP, "icmp/8/0") == decision


def test_within_a_subnet_no_acl_is_asked() -> None:
    shut = acl("acl-one", ["subnet-priv"], [])
    read = reading(NetworkAcls=[acl("acl-all", ["subnet-pub"]), shut])
    assert said(read, "FORWARD", APP, DB, "tcp/5432") == "permit"
    assert said(read, "RETURN", APP, DB, "tcp/5432") == "permit"
    assert ask(read, "FORWARD", WEB, APP, "tcp/8080").rule == "aws:acl-one/in#32767"


def test_a_subnet_that_no_table_names_has_the_main_one() -> None:
    read = reading()
    assert said(read, "FORWARD", APP, OUTSIDE, "tcp/443") == "permit"  # by the NAT gateway of the main table
    main = table("rtb-main", [LOCAL], main=True)
    read = reading(RouteTables=[account()["RouteTables"][0], main])
    assert ask(read, "FORWARD", APP, OUTSIDE, "tcp/443").rule == "aws:rtb-main/away#default"


def test_the_longest_prefix_decides_and_a_black_hole_ends_it() -> None:
    main = table("rtb-main", [LOCAL, ("0.0.0.0/0", NAT), ("198.51.100.0/24", PCX)], main=True)
    main["Routes"][2]["State"] = "blackhole"
    read = reading(RouteTables=[account()["RouteTables"][0], main])
    assert ask(read, "FORWARD", APP, OUTSIDE, "tcp/443").rule == "aws:rtb-main/away#198.51.100.0/24"
    assert said(read, "FORWARD", APP, "192.0.2.1", "tcp/443") == "permit"


def test_an_internet_gateway_serves_only_public_addresses_and_a_nat_gateway_lets_nothing_in() -> None:
    read = reading()
    assert said(read, "FORWARD", WEB, OUTSIDE, "tcp/443") == "permit"
    open_app = groups(group("sg-app", permission("-1", ranges=["0.0.0.0/0"])))
    read = reading(SecurityGroups=open_app)
    assert ask(read, "FORWARD", OUTSIDE, APP, "tcp/8080").rule == f"aws:path/route#{VPC}-no-way-in"
    hidden = [interface("eni-web", WEB, "subnet-pub", "sg-web"), *account()["NetworkInterfaces"][1:]]
    read = reading(NetworkInterfaces=hidden)
    assert ask(read, "FORWARD", WEB, OUTSIDE, "tcp/443").rule == "aws:rtb-pub/away#0.0.0.0/0!"
    assert said(read, "FORWARD", OUTSIDE, WEB, "tcp/443") == "deny"


def test_a_public_address_comes_in_whatever_the_route_table_says() -> None:
    """The table decides where packets of the subnet go; what the gateway translates is handed over all the same."""
    mine = [interface("eni-app", APP, "subnet-priv", "sg-app", public="203.0.113.77")]
    read = reading(
        SecurityGroups=groups(group("sg-app", permission("tcp", 8080, ranges=["0.0.0.0/0"]))), NetworkInterfaces=mine
    )
    assert said(read, "FORWARD", OUTSIDE, APP, "tcp/8080") == "permit"
    assert said(read, "FORWARD", OUTSIDE, "203.0.113.77", "tcp/8080") == "unproven"


@pytest.mark.parametrize("kind", ["SecurityGroups", "NetworkInterfaces", "Subnets", "NetworkAcls", "RouteTables"])
def test_without_an_answer_no_path_is_proven(kind: str) -> None:
    read = reading(**{kind: None})
    assert said(read, "FORWARD", WEB, APP, "tcp/8080") == "unproven"


@pytest.mark.parametrize("kind", ["VpcPeeringConnections", "TransitGatewayAttachments", "VpnGateways"])
def test_without_the_links_nobody_knows_who_comes_in(kind: str) -> None:
    read = reading(**{kind: None})
    assert said(read, "FORWARD", "10.9.9.9", APP, "tcp/8080") == "deny"  # its group stops it
    opened = groups(group("sg-app", permission("tcp", 8080, ranges=["0.0.0.0/0"])))
    assert said(reading(SecurityGroups=opened), "FORWARD", "10.9.9.9", APP, "tcp/8080") == "deny"
    assert said(reading(SecurityGroups=opened, **{kind: None}), "FORWARD", "10.9.9.9", APP, "tcp/8080") == "unproven"


def peered(status: str = "active", *, far: bool = True, back: bool = True) -> Reading:
    """A second VPC behind a peering. `far`: it was read as well; `back`: it has a route back."""
    sides = {"RequesterVpcInfo": {"VpcId": VPC, "CidrBlock": "10.0.0.0/16"},
             "AccepterVpcInfo": {"VpcId": OTHER, "CidrBlock": "10.1.0.0/16"}}  # fmt: skip
    main = table("rtb-main", [LOCAL, ("10.1.0.0/16", PCX)], main=True)
    changed = {
        "VpcPeeringConnections": [{"VpcPeeringConnectionId": PCX, "Status": {"Code": status}, **sides}],
        "RouteTables": [account()["RouteTables"][0], main],
    }
    if far:
        routes = [("10.1.0.0/16", "local"), *([("10.0.0.0/16", PCX)] if back else [])]
        reports = group("sg-rep", permission("tcp", 443, groups=["sg-app"]), vpc=OTHER)
        changed["RouteTables"].append(table("rtb-far", routes, main=True, vpc=OTHER))
        changed["Subnets"] = [*account()["Subnets"], subnet("subnet-far", "10.1.1.0/24", OTHER)]
        changed["NetworkAcls"] = [*account()["NetworkAcls"], acl("acl-far", ["subnet-far"], vpc=OTHER)]
        changed["SecurityGroups"] = [*account()["SecurityGroups"], reports]
        changed["NetworkInterfaces"] = [
            *account()["NetworkInterfaces"], interface("eni-rep", "10.1.1.9", "subnet-far", "sg-rep", vpc=OTHER)
        ]  # fmt: skip
    return reading(**changed)


def test_a_peering_is_followed_where_both_sides_were_read() -> None:
    assert said(peered(), "FORWARD", APP, "10.1.1.9", "tcp/443") == "permit"
    assert said(peered(), "FORWARD", APP, "10.1.1.9", "tcp/22") == "deny"
    assert said(peered(), "FORWARD", DB, "10.1.1.9", "tcp/443") == "deny"
    assert said(peered(), "RETURN", APP, "10.1.1.9", "tcp/443") == "permit"
    assert ask(peered(back=False), "RETURN", APP, "10.1.1.9", "tcp/443").rule == "aws:rtb-far/back#default"
    assert said(peered(far=False), "FORWARD", APP, "10.1.1.9", "tcp/443") == "unproven"


def test_a_reference_over_a_peering_holds_only_while_the_peering_stands() -> None:
    assert said(peered(), "eni-rep/in", APP, "10.1.1.9", "tcp/443") == "permit"
    assert said(peered("deleted"), "eni-rep/in", APP, "10.1.1.9", "tcp/443") == "unproven"


def test_an_address_of_two_vpcs_is_nobodys() -> None:
    twin = subnet("subnet-twin", "10.0.2.0/24", OTHER)
    read = reading(Subnets=[*account()["Subnets"], twin])
    assert said(read, "FORWARD", WEB, APP, "tcp/8080") == "unproven"
    assert said(read, "eni-app/in", WEB, APP, "tcp/8080") == "permit"


def test_what_lies_behind_a_transit_gateway_was_not_read() -> None:
    main = table("rtb-main", [LOCAL, ("10.0.0.0/8", "tgw-1")], main=True)
    read = reading(RouteTables=[account()["RouteTables"][0], main])
    assert said(read, "FORWARD", APP, "10.7.7.7", "tcp/443") == "unproven"
    assert said(read, "FORWARD", DB, "10.7.7.7", "tcp/443") == "deny"  # its group lets nothing out, wherever it goes


def test_an_interface_without_groups_is_open() -> None:
    appliance = interface("eni-nlb", "10.0.1.77", "subnet-pub", kind="network_load_balancer")
    read = reading(NetworkInterfaces=[*account()["NetworkInterfaces"], appliance])
    assert ask(read, "eni-nlb/in", OUTSIDE, "10.0.1.77", "tcp/1").rule == "aws:eni-nlb/in#no-group"


def listed(uid: str, group_id: str, **more: object) -> dict[str, object]:
    """One answer of describe-security-group-rules."""
    return {"SecurityGroupRuleId": uid, "GroupId": group_id, "IsEgress": False, "IpProtocol": "tcp", **more}


RULES = [
    listed("sgr-1", "sg-web", FromPort=443, ToPort=443, CidrIpv4="0.0.0.0/0"),
    listed("sgr-2", "sg-web", IsEgress=True, IpProtocol="-1", FromPort=-1, ToPort=-1, CidrIpv4="0.0.0.0/0"),
]


def test_rules_with_ids_name_the_rule_and_must_say_the_same() -> None:
    read = reading(SecurityGroupRules=RULES)
    assert ask(read, "eni-web/in", OUTSIDE, WEB, "tcp/443").rule == "aws:sg-web/in#sgr-1"
    wider = [{**RULES[0], "FromPort": 1}, RULES[1]]
    doubted = reading(SecurityGroupRules=wider)
    assert said(doubted, "eni-web/in", OUTSIDE, WEB, "tcp/443") == "unproven"
    assert any("sg-web has other rules" in one.reason for one in doubted.unread)


def test_a_group_without_any_rule_of_its_own_in_the_list_must_have_none() -> None:
    """The list of all rules says nothing of a group that has some: they are not of one moment."""
    doubted = reading(SecurityGroupRules=RULES)
    assert {one.point for one in doubted.unread if "sg-app has" in one.reason} >= {"eni-app/in", "FORWARD"}


def test_two_answers_of_one_object_are_not_of_one_moment() -> None:
    twice = [*account()["SecurityGroups"], group("sg-web")]
    read = reading(SecurityGroups=twice)
    assert said(read, "eni-web/in", OUTSIDE, WEB, "tcp/443") == "unproven"


def test_bits_behind_the_prefix_are_none_of_it() -> None:
    read = reading(SecurityGroups=groups(group("sg-db", permission("tcp", 5432, ranges=["10.0.2.10/24"]))))
    assert said(read, "eni-db/in", "10.0.2.200", DB, "tcp/5432") == "permit"


def test_a_delegated_prefix_is_the_interfaces_own() -> None:
    node = {
        **interface("eni-node", "10.0.2.50", "subnet-priv", "sg-app"),
        "Ipv4Prefixes": [{"Ipv4Prefix": "10.0.2.64/28"}],
    }
    read = reading(NetworkInterfaces=[node, account()["NetworkInterfaces"][0]])
    assert said(read, "FORWARD", WEB, "10.0.2.70", "tcp/8080") == "permit"
    assert read.addresses["eni-node"] == ((4, 0x0A000232, 32), (4, 0x0A000240, 28))


def test_answers_and_dumps_are_not_of_one_thing() -> None:
    dump = Artefact("rules.v4", b"*filter\n:INPUT DROP [0:0]\nCOMMIT\n")
    with pytest.raises(FormatError, match="dump of a host"):
        read_host([*files(account()), dump])


def test_restricted_public_access_is_not_certain() -> None:
    closed = [
        {
            "VpcId": VPC,
            "CidrBlock": "10.0.0.0/16",
            "BlockPublicAccessStates": {"InternetGatewayBlockMode": "block-ingress"},
        }
    ]
    assert said(reading(Vpcs=closed), "FORWARD", OUTSIDE, WEB, "tcp/443") == "unproven"
    assert IGW
