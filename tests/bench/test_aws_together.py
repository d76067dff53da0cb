"""Paths from one account into another: judged where both were read alike and agree, and else not known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import pytest

from compliance.register import wanted
from evidence.formats.aws_together import paths_together
from evidence.host import read_host
from evidence.rules import Artefact, Reading, Verdict
from evidence.verdicts import judge
from tests.bench.aws_account import ACCOUNT, DB, OTHER, VPC, WEB, files, group, interface, permission, subnet, table
from tests.bench.aws_account import APP as SENDER
from tests.bench.aws_two import PEERING, REPORTS, given, here, joined_by_transit, lent_by_a_network_account, there
from tests.bench.estate import host
from tests.bench.test_aws import ask, said
from tests.bench.test_aws_ways import led

OPEN = host(v4="*filter\n:INPUT ACCEPT [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\nCOMMIT\n")
OPEN_TO_ALL = permission("-1", ranges=["0.0.0.0/0"])
Files = Mapping[str, Sequence[Artefact]]


def both(mine: dict[str, Any] | None = None, theirs: dict[str, Any] | None = None) -> dict[str, list[Artefact]]:
    """The two accounts with some answers replaced."""
    return {"here": given("here", here(**mine or {})), "there": given("there", there(**theirs or {}))}


def paths(accounts: Files) -> dict[str, Reading]:
    """The paths of those that could be put together."""
    return paths_together(accounts)[0]


def refused(accounts: Files) -> dict[str, str]:
    """Why the others could not."""
    return paths_together(accounts)[1]


def ways(accounts: Files, service: str = "tcp/443", src: str = SENDER, dst: str = REPORTS) -> set[tuple[str, str]]:
    """The path and the way back, by either account: they are the same."""
    return {(said(one, "FORWARD", src, dst, service), said(one, "RETURN", src, dst, service))
            for one in paths(accounts).values()}  # fmt: skip


def test_alone_neither_account_knows_the_path_and_together_both_do() -> None:
    for name, given_by in both().items():
        assert said(read_host(given_by), "FORWARD", SENDER, REPORTS, "tcp/443") == "unproven", name
    assert ways(both()) == {("permit", "permit")}
    assert ways(both(), "tcp/22") == {("deny", "permit")}  # the sender's group lets nothing else out
    assert ways(both(), src=DB) == {("deny", "permit")}  # nor the database's anything at all


def test_each_stage_of_either_account_stops_the_path() -> None:
    nobody = {"SecurityGroups": [group("sg-rep", out=[], vpc=OTHER)]}
    assert ways(both(theirs=nobody)) == {("deny", "permit")}
    nowhere = {"RouteTables": [table("rtb-far", [("10.1.0.0/16", "local")], main=True, vpc=OTHER)]}
    assert ways(both(theirs=nowhere)) == {("permit", "deny")}  # there, and not back
    found = ask(paths(both(theirs=nobody))["here"], "FORWARD", SENDER, REPORTS, "tcp/443")
    assert found.rule == "aws:eni-rep/in#default"
    unheld = ask(paths(both())["here"], "FORWARD", SENDER, "10.1.1.77", "tcp/443")
    assert (unheld.decision, unheld.rule) == ("unproven", f"aws:path/enter#{OTHER}-beyond")


def test_a_rule_that_names_a_group_of_the_other_account_is_known_on_the_path() -> None:
    named = {"SecurityGroups": [group("sg-rep", permission("tcp", 443, groups=["sg-app"]), out=[], vpc=OTHER)]}
    assert ways(both(theirs=named)) == {("permit", "permit")}
    assert said(paths(both(theirs=named))["here"], "FORWARD", WEB, REPORTS, "tcp/443") == "deny"


def test_a_transit_gateway_of_one_account_leads_into_the_other() -> None:
    assert ways(joined_by_transit()) == {("permit", "permit")}
    assert ways(joined_by_transit(near=[led("10.2.0.0/16", {"TransitGatewayAttachmentId": "tgw-attach-b",
                "ResourceId": OTHER, "ResourceType": "vpc"})])) == {("deny", "permit")}  # fmt: skip
    guest = read_host(joined_by_transit()["there"])
    assert said(guest, "FORWARD", SENDER, REPORTS, "tcp/443") == "unproven"


@pytest.mark.parametrize(
    ("mine", "theirs", "why"),
    [
        ({}, {"VpcPeeringConnections": []}, "pcx-0ab is not the same in"),
        ({}, {"VpcPeeringConnections": [{**PEERING, "Status": {"Code": "deleted"}}]}, "pcx-0ab is not the same in"),
        ({}, {"NetworkAcls": None}, "NetworkAcls was asked of one of"),
        ({"InternetGateways": None}, {}, "InternetGateways was asked of one of"),
        ({}, {"SecurityGroups": [{**group("sg-rep", vpc=OTHER), "Strange": 1}]}, "not everything that there answered"),
        ({"SecurityGroups": [{**ACCOUNT["SecurityGroups"][0], "Strange": 1}]}, {}, "not everything that here answered"),
    ],
)  # fmt: skip
def test_accounts_that_were_not_read_alike_are_not_put_together(
    mine: dict[str, Any], theirs: dict[str, Any], why: str
) -> None:
    accounts = both(mine, theirs)
    if mine.get("InternetGateways", ()) is None:
        accounts["here"] = given("here", {key: one for key, one in here().items() if key != "InternetGateways"})
    if theirs.get("NetworkAcls", ()) is None:
        accounts["there"] = given("there", {key: one for key, one in there().items() if key != "NetworkAcls"})
    assert not paths(accounts)
    assert all(why in said for said in refused(accounts).values()), refused(accounts)
    assert "here" in refused(accounts)


def test_the_same_account_twice_and_one_that_nothing_leads_into_are_left_alone() -> None:
    alone = {"VpcPeeringConnections": []}
    assert paths_together(both(alone, alone)) == ({}, {})
    assert paths_together({"here": both()["here"]}) == ({}, {})
    again = {"here": both()["here"], "copy": [*both()["there"][:-1], given("here", there())[-1]]}
    assert set(refused(again).values()) == {"copy is the same account", "here is the same account"}


def test_one_that_does_not_fit_keeps_no_other_from_being_put_beside() -> None:
    third = {"VpcPeeringConnectionId": "pcx-0ac", "Status": {"Code": "active"}, "RequesterVpcInfo": {"VpcId": VPC},
             "AccepterVpcInfo": {"VpcId": "vpc-0c", "CidrBlock": "10.2.0.0/16"}}  # fmt: skip
    kinds = ("Vpcs", "SecurityGroups", "NetworkInterfaces", "NetworkAcls", "RouteTables", "VpcPeeringConnections")
    empty: dict[str, Any] = {key: [] for key in kinds}
    other = there(**{**empty, "Subnets": [subnet("subnet-c", "10.2.1.0/24", "vpc-0c")]})
    accounts = {**both({"VpcPeeringConnections": [PEERING, third]}), "other": files(other)}
    assert said(paths(accounts)["here"], "FORWARD", SENDER, REPORTS, "tcp/443") == "permit"
    assert refused(accounts) == {"here": "pcx-0ac is not the same in here and other"}


def test_a_transit_gateway_that_the_two_show_otherwise_is_not_known() -> None:
    accounts = joined_by_transit()
    files = [one for one in accounts["there"] if one.name != "TransitGatewayAttachments.json"]
    gone = {**accounts, "there": [*files, Artefact("TransitGatewayAttachments.json", b'{"TransitGatewayAttachments": ['
            b'{"TransitGatewayAttachmentId": "tgw-attach-b", "TransitGatewayId": "tgw-0a", "ResourceType": "vpc",'
            b' "ResourceId": "vpc-0b", "State": "available", "ResourceOwnerId": "3"}]}')]}  # fmt: skip
    assert not paths(gone)
    assert "tgw-attach-b is another one in" in refused(gone)["here"]


def test_who_else_may_come_in_by_a_transit_gateway_is_known_with_its_owner_alone() -> None:
    """From the reports' side: its own answers show its own attachment, the owner's all of them."""
    accounts = joined_by_transit(SecurityGroups=[group("sg-rep", OPEN_TO_ALL, out=[], vpc=OTHER)])
    found = paths(accounts)["there"]
    assert said(found, "FORWARD", "10.2.0.1", REPORTS, "tcp/443") == "deny"  # nobody else is attached
    alone = read_host(accounts["there"])
    assert said(alone, "FORWARD", "10.2.0.1", REPORTS, "tcp/443") == "unproven"


def test_two_vpcs_of_one_account_are_joined_by_a_transit_gateway_of_another() -> None:
    accounts = lent_by_a_network_account()
    assert said(read_host(accounts["guest"]), "FORWARD", SENDER, REPORTS, "tcp/443") == "unproven"
    assert ways(accounts) == {("permit", "permit")}
    assert set(paths(accounts)) == {"guest"}  # the other one has no servers


def test_two_vpcs_with_the_same_addresses_prove_nothing() -> None:
    same = {"Vpcs": [*ACCOUNT["Vpcs"], {"VpcId": "vpc-0c", "CidrBlock": "10.1.0.0/16", "State": "available"}],
            "Subnets": [*ACCOUNT["Subnets"], subnet("subnet-same", "10.1.1.0/24", "vpc-0c")]}  # fmt: skip
    assert ways(both(same)) == {("unproven", "unproven"), ("permit", "permit")}  # there sees but its own and VPC 0a


SERVERS = [
    {"name": "app-01", "addresses": [SENDER], "role": "app", "zone": "app"},
    {"name": "rep-01", "addresses": [REPORTS], "role": "app", "zone": "reports"},
]
ZONES = [{"name": "app", "prefixes": ["10.0.2.0/24"]}, {"name": "reports", "prefixes": ["10.1.1.0/24"]}]
TO_REPORTS = {"id": "CON-1", "source": "app-01", "destination": "rep-01", "services": ["tcp/443"]}
TO_ZONE = {"id": "CON-1", "source": "app-01", "destination": "reports", "services": ["tcp/443"]}
EVERYWHERE = {f"{name}/{point}" for name, point in (
    ("here", "eni-app/out"), ("here", "FORWARD"), ("here", "RETURN"), ("there", "eni-rep/in"), ("there", "FORWARD"),
    ("there", "RETURN"), ("app-01", "OUTPUT"), ("rep-01", "INPUT"))}  # fmt: skip


def judged(accounts: Files, connection: dict[str, Any], *, wide: bool, servers: Any = SERVERS) -> dict[str, str]:
    """Point -> verdict of the connection."""
    asked = wanted({"servers": servers, "zones": ZONES, "connections": [connection]})
    readings = {name: read_host(files) for name, files in accounts.items()} | {"app-01": OPEN, "rep-01": OPEN}
    found = judge(asked, readings, before=None, flows=None, at=date(2026, 11, 23), wide=paths(accounts) if wide else {})
    return {one.point: one.verdict.value for one in found
            if one.subject == "CON-1" and one.verdict is not Verdict.usage_unknown}  # fmt: skip


@pytest.mark.parametrize("connection", [TO_REPORTS, TO_ZONE])
def test_a_connection_from_one_account_into_another_is_implemented_at_every_point(connection: dict[str, Any]) -> None:
    assert judged(both(), connection, wide=True) == dict.fromkeys(EVERYWHERE, "implemented")
    alone = judged(both(), connection, wide=False)
    unknown = {point for point, verdict in alone.items() if verdict == "not_verifiable"}
    assert unknown == {"here/FORWARD", "there/FORWARD", "there/RETURN"}  # the way back from here is the sender's own


def test_a_server_that_no_interface_holds_keeps_a_whole_zone_from_being_known() -> None:
    more = [*SERVERS, {"name": "rep-02", "addresses": ["10.1.1.50"], "role": "app", "zone": "reports"}]
    found = judged(both(), TO_ZONE, wide=True, servers=more)
    assert (found["here/FORWARD"], found["there/FORWARD"]) == ("not_verifiable", "implemented")


def test_what_stops_it_in_the_other_account_is_named() -> None:
    nobody = {"SecurityGroups": [group("sg-rep", out=[], vpc=OTHER)]}
    found = judged(both(theirs=nobody), TO_REPORTS, wide=True)
    stopped = {point for point, verdict in found.items() if verdict != "implemented"}
    assert stopped == {"there/eni-rep/in", "here/FORWARD", "there/FORWARD"}


def test_a_server_of_the_other_account_that_no_interface_holds_is_not_known() -> None:
    moved = {"NetworkInterfaces": [interface("eni-rep", "10.1.1.10", "subnet-far", "sg-rep", vpc=OTHER)]}
    found = judged(both(theirs=moved), TO_REPORTS, wide=True)
    assert found["here/FORWARD"] == "not_verifiable"
