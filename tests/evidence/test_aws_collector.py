"""The collector of AWS accounts over HTTP, against an emulator of EC2 and STS: all pages of all calls, or nothing."""

from __future__ import annotations

import ipaddress
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from evidence.collectors import aws, aws_refusals
from evidence.collectors.collected import Collected, PullError
from evidence.formats.aws_objects import cidr
from evidence.formats.evaluate import decide
from evidence.host import read_host
from evidence.models.sources import ErrorCode
from tests.bench.test_corpus import packet
from tests.evidence.aws_emulator import KEY, REGION, ROLE, by_hand, running


@pytest.fixture(scope="module")
def emulator() -> Iterator[str]:
    """The address of a running emulator."""
    with running(SimpleNamespace()) as address:
        yield address


@pytest.fixture(autouse=True)
def own_machine(settings: Any) -> None:
    """The emulator runs here, where a source may not lead by itself."""
    settings.MAY_REACH = (ipaddress.ip_network("127.0.0.0/8"),)


@pytest.fixture
def ec2(emulator: str) -> Any:
    """A client of somebody who works by hand."""
    return by_hand(emulator)


class Account:
    """One VPC with a subnet, two groups and two interfaces."""

    def __init__(self, ec2: Any, start: str = "10.20") -> None:
        self.ec2 = ec2
        self.vpc = ec2.create_vpc(CidrBlock=f"{start}.0.0/16")["Vpc"]["VpcId"]
        self.subnet = ec2.create_subnet(VpcId=self.vpc, CidrBlock=f"{start}.30.0/24")["Subnet"]["SubnetId"]
        self.app = ec2.create_security_group(GroupName="app", Description="a", VpcId=self.vpc)["GroupId"]
        self.data = ec2.create_security_group(GroupName="data", Description="d", VpcId=self.vpc)["GroupId"]
        self.permit(UserIdGroupPairs=[{"GroupId": self.app}])
        self.interfaces = [
            ec2.create_network_interface(SubnetId=self.subnet, PrivateIpAddress=address, Groups=[group])
            for address, group in ((f"{start}.30.31", self.app), (f"{start}.30.41", self.data))
        ]

    def permit(self, **peer: Any) -> None:
        """One more permission of the data group."""
        said = {"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432, **peer}
        self.ec2.authorize_security_group_ingress(GroupId=self.data, IpPermissions=[said])


def collect(emulator: str, *, secret: bytes | None = KEY, limit: float = 60, **config: str) -> Collected:
    """A reading of the emulator."""
    given = {"regions": REGION, "endpoint_url": emulator, **config}
    return aws.collect(given, secret=secret, since=None, deadline=time.monotonic() + limit)


def refused(emulator: str, **given: Any) -> PullError:
    """Why nothing came."""
    with pytest.raises(PullError) as error:
        collect(emulator, **given)
    assert error.value.what
    assert error.value.next_step
    return error.value


def test_all_answers_come_and_are_read(emulator: str, ec2: Any) -> None:
    Account(ec2)
    came = collect(emulator)
    assert [one.partition(":")[0] for one in came.missing] == [f"CloudTrail of {REGION}"]  # the emulator has none
    assert (came.complete, came.whole, came.device) == (True, True, {"account": "123456789012"})
    assert {call.key for call in aws.CALLS} <= {
        one.name.removeprefix(f"{REGION}-").removesuffix(".json") for one in came.artefacts
    }
    read = read_host(came.artefacts)
    assert read.unread == ()

    def said(text: str) -> str:
        return decide(read, *packet(text)).decision

    assert said("FORWARD 10.20.30.31 10.20.30.41 tcp 40000 5432") == "permit"
    assert said("FORWARD 10.20.30.41 10.20.30.31 tcp 40000 5432") == "deny"
    assert said("FORWARD 198.51.100.7 10.20.30.41 tcp 40000 5432") == "deny"


def test_a_transit_gateway_comes_with_its_tables_and_a_vpn_without_its_keys(emulator: str, ec2: Any) -> None:
    near, far = Account(ec2), Account(ec2, "10.21")
    near.permit(IpRanges=[{"CidrIp": "10.0.0.0/8"}])
    gateway = ec2.create_transit_gateway()["TransitGateway"]["TransitGatewayId"]
    ends = [ec2.create_transit_gateway_vpc_attachment(TransitGatewayId=gateway, VpcId=one.vpc, SubnetIds=[one.subnet])
            ["TransitGatewayVpcAttachment"]["TransitGatewayAttachmentId"] for one in (near, far)]  # fmt: skip
    (asked,) = [one["TransitGatewayRouteTableId"] for one in
                ec2.describe_transit_gateway_route_tables()["TransitGatewayRouteTables"]]  # fmt: skip
    led: list[tuple[str, dict[str, Any]]] = [
        ("10.20.0.0/17", {"TransitGatewayAttachmentId": ends[0]}), ("10.20.30.41/32", {"Blackhole": True}),
        ("2001:db8:20::/48", {"Blackhole": True}),
    ]  # fmt: skip
    for where, to in led:
        ec2.create_transit_gateway_route(DestinationCidrBlock=where, TransitGatewayRouteTableId=asked, **to)
    (table,) = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [far.vpc]}])["RouteTables"]
    for asks in ({"DestinationCidrBlock": "10.20.0.0/16"}, {"DestinationIpv6CidrBlock": "2001:db8::/32"}):
        ec2.create_route(RouteTableId=table["RouteTableId"], TransitGatewayId=gateway, **asks)
    customer = ec2.create_customer_gateway(Type="ipsec.1", PublicIp="198.51.100.9", BgpAsn=65000)["CustomerGateway"]
    private = ec2.create_vpn_gateway(Type="ipsec.1")["VpnGateway"]["VpnGatewayId"]
    ec2.create_vpn_connection(
        Type="ipsec.1", CustomerGatewayId=customer["CustomerGatewayId"], VpnGatewayId=private
    )  # fmt: skip
    came = collect(emulator)
    assert all(b"pre_shared_key" not in one.content for one in came.artefacts)
    read = read_host(came.artefacts)
    assert read.unread == ()

    def said(text: str) -> tuple[str, str]:
        found = decide(read, *packet(text))
        return found.decision, found.because or found.rule

    hole = said("FORWARD 10.21.30.31 10.20.30.41 tcp 40000 5432")
    assert (hole[0], f">{asked}.0" in hole[1]) == ("deny", True)
    # The emulator shows no attachment of a route: where it leads is not known
    assert said("FORWARD 10.21.30.31 10.20.30.31 tcp 40000 5432")[0] == "deny"  # its group lets nobody in
    assert said("FORWARD 10.21.30.31 10.20.30.200 tcp 40000 5432")[0] == "unproven"
    assert said("FORWARD 10.21.30.31 10.20.200.1 tcp 40000 5432") == (
        "deny", f"denied by aws:{table['RouteTableId']}/away#10.20.0.0/16>{asked}"
    )  # fmt: skip
    by_six = f"aws:{table['RouteTableId']}/away#2001:db8::/32>{asked}"
    led_on = {rule.id: rule.boxes for chain in read.chains for rule in chain.rules if rule.id.startswith(by_six)}
    black = cidr("2001:db8:20::/48")
    hole_six = (black.low, black.high)
    assert {box[2:4] for box in led_on[f"{by_six}.0"]} == {hole_six}  # a black hole, and the rest leads nowhere
    assert hole_six not in {box[2:4] for box in led_on[by_six]}


def test_a_role_of_an_earlier_version_reads_the_account_without_what_lies_beyond(
    emulator: str, ec2: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    Account(ec2)
    plain = aws.pages

    def denied(client: Any, call: aws.Call, asked: Any, deadline: float) -> Any:
        if call.key == "TransitGatewayRouteTables":
            raise failing("UnauthorizedOperation", 403)
        return plain(client, call, asked, deadline)

    monkeypatch.setattr(aws, "pages", denied)
    came = collect(emulator)
    assert came.missing[0] == f"Ways beyond the VPCs of {REGION}: DescribeVpcs is not permitted to us."
    assert read_host(came.artefacts).unread == ()


def test_the_same_account_gives_the_same_bytes(emulator: str, ec2: Any) -> None:
    account = Account(ec2)
    first, second = (
        {one.name: one.content for one in collect(emulator).artefacts} for _ in range(2)
    )  # fmt: skip
    assert first == second
    account.permit(IpRanges=[{"CidrIp": "0.0.0.0/0"}])
    third = {one.name: one.content for one in collect(emulator).artefacts}
    assert {name for name in third if third[name] != first[name]} == {
        f"{REGION}-SecurityGroups.json", f"{REGION}-SecurityGroupRules.json",
    }  # fmt: skip


def test_a_role_is_assumed_with_its_external_id(emulator: str, ec2: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    Account(ec2)
    asked: list[dict[str, str]] = []
    plain = aws.assumed

    def listening(sts: Any, role: str, config: Any) -> dict[str, str]:
        sts.meta.events.register("before-call.sts.AssumeRole", lambda params, **_: asked.append(dict(params["body"])))
        return plain(sts, role, config)

    monkeypatch.setattr(aws, "assumed", listening)
    assert collect(emulator, role=ROLE, external_id="of-payroll").complete
    assert [(one["RoleArn"], one["ExternalId"], one["RoleSessionName"]) for one in asked] == [
        (ROLE, "of-payroll", "eastwest")
    ]


def test_every_region_is_asked(emulator: str, ec2: Any) -> None:
    Account(ec2)
    came = collect(emulator, regions=f"{REGION}, us-east-1")
    assert {one.name.rpartition("-")[0] for one in came.artefacts if one.name.endswith("-Vpcs.json")} == {
        REGION,
        "us-east-1",
    }


def test_prefix_lists_come_with_their_entries(emulator: str, ec2: Any) -> None:
    made = ec2.create_managed_prefix_list(
        PrefixListName="offices",
        MaxEntries=5,
        AddressFamily="IPv4",
        Entries=[{"Cidr": "192.0.2.0/24", "Description": "one"}],
    )["PrefixList"]["PrefixListId"]
    account = Account(ec2)
    account.permit(PrefixListIds=[{"PrefixListId": made}])
    came = collect(emulator)
    entries = next(one for one in came.artefacts if one.name == f"{REGION}-{made}.json")
    assert json.loads(entries.content) == {
        "PrefixListId": made,
        "Entries": [{"Cidr": "192.0.2.0/24", "Description": "one"}],
    }
    read = read_host(came.artefacts)
    point = f"{account.interfaces[1]['NetworkInterface']['NetworkInterfaceId']}/in"
    assert decide(read, *packet(f"{point} 192.0.2.9 10.20.30.41 tcp 40000 5432")).decision == "permit"


class Answers:
    """What stands in the place of EC2: each call of an operation takes the next page."""

    def __init__(self, *pages: dict[str, Any]) -> None:
        self.pages, self.asked = list(pages), []  # type: ignore[var-annotated]

    def describe_vpcs(self, **asked: str) -> dict[str, Any]:
        self.asked.append(asked)
        return self.pages.pop(0)


def test_pages_are_followed_to_their_end() -> None:
    client = Answers({"Vpcs": [{"VpcId": "a"}], "NextToken": "t1"}, {"Vpcs": [{"VpcId": "b"}]})
    found = aws.pages(client, aws.CALLS[0], {}, time.monotonic() + 9)
    assert ([one["VpcId"] for one in found], client.asked) == (["a", "b"], [{}, {"NextToken": "t1"}])
    going_round = Answers(*[{"Vpcs": [], "NextToken": "t1"}] * 3)
    with pytest.raises(PullError) as error:
        aws.pages(going_round, aws.CALLS[0], {}, time.monotonic() + 9)
    assert error.value.code == ErrorCode.TRUNCATED


def test_out_of_time_is_said(emulator: str, ec2: Any) -> None:
    assert refused(emulator, limit=-1).code == ErrorCode.TIMEOUT


@pytest.mark.parametrize(
    ("given", "code", "says"),
    [
        ({"regions": "Sydney"}, ErrorCode.CONFIG, "no region"),
        ({"regions": ""}, ErrorCode.CONFIG, "No region"),
        ({"role": "admin"}, ErrorCode.CONFIG, "no role"),
        ({"role": ROLE, "external_id": "a b"}, ErrorCode.CONFIG, "external id"),
        ({"secret": b"only-a-word"}, ErrorCode.AUTH, "no access key"),
        ({"endpoint_url": "ftp://example.net"}, ErrorCode.CONFIG, "no address"),
        ({"endpoint_url": "http://169.254.169.254"}, ErrorCode.CONFIG, "a cloud keeps"),
        ({"endpoint_url": "http://127.0.0.1:1"}, ErrorCode.UNREACHABLE, "could not be reached"),
    ],
)
def test_what_is_set_up_wrongly_is_said(emulator: str, given: dict[str, Any], code: ErrorCode, says: str) -> None:
    error = refused(emulator, **given)
    assert (error.code, says in error.what) == (code, True), error.what


def failing(code: str, status: int = 400, **headers: str) -> Any:
    """An error as EC2 answers it."""
    from botocore.exceptions import ClientError

    meta: Any = {
        "HTTPStatusCode": status,
        "HTTPHeaders": {name.replace("_", "-"): value for name, value in headers.items()},
    }
    return ClientError({"Error": {"Code": code, "Message": "m"}, "ResponseMetadata": meta}, "DescribeVpcs")


@pytest.mark.parametrize(
    ("code", "status", "expected"),
    [
        ("RequestLimitExceeded", 503, ErrorCode.RATE_LIMITED),
        ("Throttling", 400, ErrorCode.RATE_LIMITED),
        ("ExpiredToken", 400, ErrorCode.AUTH),
        ("RequestExpired", 400, ErrorCode.AUTH),
        ("AuthFailure", 401, ErrorCode.AUTH),
        ("SignatureDoesNotMatch", 403, ErrorCode.AUTH),
        ("UnauthorizedOperation", 403, ErrorCode.PERMISSION),
        ("OptInRequired", 401, ErrorCode.CONFIG),
        ("InternalError", 500, ErrorCode.UNREACHABLE),
        ("SomethingElse", 400, ErrorCode.PARSE),
    ],
)
def test_what_aws_answers_is_said_in_the_words_of_the_run_model(code: str, status: int, expected: ErrorCode) -> None:
    with pytest.raises(PullError) as error, aws_refusals.explained(time.monotonic() + 9):
        raise failing(code, status)
    assert (error.value.code, bool(error.value.what), bool(error.value.next_step)) == (expected, True, True)


def test_throttling_waits_as_long_as_it_is_asked_to() -> None:
    assert aws_refusals.answered(failing("RequestLimitExceeded", 503, retry_after="17")).retry_after == 17


def test_a_call_that_is_denied_half_way_leaves_nothing(
    emulator: str, ec2: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    Account(ec2)
    plain = aws.pages

    def denied(client: Any, call: aws.Call, asked: Any, deadline: float) -> Any:
        if call.key == "RouteTables":
            raise failing("UnauthorizedOperation", 403)
        return plain(client, call, asked, deadline)

    monkeypatch.setattr(aws, "pages", denied)
    error = refused(emulator)
    assert (error.code, "not permitted" in error.what, "aws.md" in error.next_step) == (
        ErrorCode.PERMISSION,
        True,
        True,
    )


def test_the_connection_is_tried_step_by_step(emulator: str, ec2: Any) -> None:
    config = {"regions": REGION, "endpoint_url": emulator}
    steps = aws.probe(config, secret=KEY, deadline=time.monotonic() + 30)
    assert [(one.outcome, one.said.split(":")[0]) for one in steps] == [
        ("ok", "It is account 123456789012."), ("ok", "VPCs by region"),
    ]  # fmt: skip
    steps = aws.probe({**config, "regions": "nowhere"}, secret=KEY, deadline=time.monotonic() + 30)
    assert [one.outcome for one in steps] == ["failed", "skipped"]


def test_no_secret_stands_in_what_came(emulator: str, ec2: Any) -> None:
    Account(ec2)
    for one in collect(emulator, role=ROLE).artefacts:
        assert b"nobody" not in one.content
        assert "nobody" not in one.command


class Log:
    """What stands in the place of CloudTrail."""

    def __init__(self, answer: Any) -> None:
        self.answer, self.asked = answer, []  # type: ignore[var-annotated]

    def lookup_events(self, **asked: Any) -> dict[str, Any]:
        self.asked.append(asked["LookupAttributes"][0]["AttributeValue"])
        if isinstance(self.answer, Exception):
            raise self.answer
        return {"Events": self.answer if asked["LookupAttributes"][0]["AttributeValue"] == "CreateRoute" else []}


def test_who_acted_is_asked_beside_the_rules() -> None:
    event = {
        "EventId": "1", "EventName": "CreateRoute", "EventTime": datetime(2026, 11, 22, tzinfo=UTC), "Username": "pat",
        "ReadOnly": "no", "CloudTrailEvent": '{"requestParameters": {"routeTableId": "rtb-0a"}}',
    }  # fmt: skip
    log = Log([event])
    came, why = aws.acts(log, REGION, time.monotonic() + 9)
    assert (why, log.asked) == ("", list(aws.EVENTS))
    said = read_host([came]).statements
    assert [(one.subject, one.value, one.detail("at")) for one in said] == [
        ("rtb-0a", "pat", "2026-11-22T00:00:00+00:00")
    ]
    denied, why = aws.acts(Log(failing("AccessDenied", 403)), REGION, time.monotonic() + 9)
    assert (json.loads(denied.content), why) == ({"Events": []}, "DescribeVpcs is not permitted to us.")
