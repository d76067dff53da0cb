"""Two AWS accounts over HTTP, joined by a peering: a connection from one into the other is judged all the way."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import boto3
import pytest

from compliance.actions import estate
from compliance.models import Server, State
from evidence.actions import access, accounts
from evidence.actions.access import Given
from evidence.actions.compare import compare
from evidence.models import Finding, Source, SourceSecret, VerdictRow
from evidence.packs.sections.basis import hosts_of
from evidence.rules import FormatError
from tests.evidence.aws_emulator import KEY, REGION, by_hand, client, running
from tests.evidence.site import APP, DATA, allow_in, allow_out, put, read, source_of
from tests.evidence.test_knowing import browser
from tests.factories import agreed, asked, servers
from tests.journeys.test_aws import Account as OneAccount
from tests.journeys.test_aws import done
from tests.people import People, everybody

pytestmark = [pytest.mark.django_db(transaction=True)]
EVERYTHING = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}


class Side(NamedTuple):
    """One of the two: its role, somebody who works there by hand, and what stands there."""

    role: str
    ec2: Any
    vpc: str
    group: str
    interface: str
    table: str


def side(emulator: str, number: str, cidr: str, address: str) -> Side:
    """An account with one network, one server and a group that lets nothing out."""
    role = f"arn:aws:iam::{number}:role/eastwest-read"
    lent = client(emulator, "sts").assume_role(RoleArn=role, RoleSessionName="by-hand")["Credentials"]
    ec2 = boto3.Session(lent["AccessKeyId"], lent["SecretAccessKey"], lent["SessionToken"], REGION).client(
        "ec2", endpoint_url=emulator
    )
    vpc = ec2.create_vpc(CidrBlock=cidr)["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock=cidr)["Subnet"]["SubnetId"]
    group = ec2.create_security_group(GroupName="own", Description="own", VpcId=vpc)["GroupId"]
    ec2.revoke_security_group_egress(GroupId=group, IpPermissions=[EVERYTHING])
    made = ec2.create_network_interface(SubnetId=subnet, PrivateIpAddress=address, Groups=[group])["NetworkInterface"]
    (main,) = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["RouteTables"]
    return Side(role, ec2, vpc, group, made["NetworkInterfaceId"], main["RouteTableId"])


class Two:
    """The applications' account and the database's, and a peering between them with routes on both sides."""

    def __init__(self, emulator: str, people: People) -> None:
        by_hand(emulator)
        self.emulator, self.people = emulator, people
        self.app = side(emulator, "111111111111", "10.20.20.0/24", APP)
        self.data = side(emulator, "222222222222", "10.20.30.0/24", DATA)
        self.app.ec2.authorize_security_group_egress(
            GroupId=self.app.group, IpPermissions=[OneAccount.database(ranges=f"{DATA}/32")]
        )
        self.let_in()
        made = self.app.ec2.create_vpc_peering_connection(
            VpcId=self.app.vpc, PeerVpcId=self.data.vpc, PeerOwnerId="222222222222"
        )
        self.peering = made["VpcPeeringConnection"]["VpcPeeringConnectionId"]
        self.data.ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=self.peering)
        for one, far in ((self.app, "10.20.30.0/24"), (self.data, "10.20.20.0/24")):
            one.ec2.create_route(
                RouteTableId=one.table, DestinationCidrBlock=far, VpcPeeringConnectionId=self.peering
            )  # fmt: skip

    def let_in(self, *, out: bool = False) -> None:
        """The database's group lets the applications in; `out`: no longer."""
        change = self.data.ec2.revoke_security_group_ingress if out else self.data.ec2.authorize_security_group_ingress
        change(GroupId=self.data.group, IpPermissions=[OneAccount.database(ranges=f"{APP}/32")])

    def on_boarded(self, name: str, one: Side) -> Source:
        """Erin adds one of the accounts by its form."""
        holder = estate.add_server(name, system=self.people.payroll, role="cloud account", by=self.people.alex)
        form = {"kind": "aws", "server": holder.pk, "regions": REGION, "role": one.role, "external_id": "of-payroll",
                "endpoint_url": self.emulator, "fresh_hours": 48}  # fmt: skip
        assert browser(self.people.erin).post("/sources/new/", form).status_code == 302
        source = Source.objects.get(server=holder)
        access.set_secret(source, Given(SourceSecret.Use.PASSWORD, value=KEY), by=self.people.erin)
        return source


@pytest.fixture
def emulator(settings: Any) -> Any:
    with running(settings) as address:
        yield address


def said(ref: str) -> dict[str, str]:
    """Point → what the last comparison says of the connection there."""
    latest = VerdictRow.objects.order_by("-comparison").values_list("comparison", flat=True)[0]
    rows = VerdictRow.objects.filter(subject=ref, comparison=latest).exclude(verdict="usage_unknown")
    return {row.point: row.verdict for row in rows}


def said_at(ref: str, point: str) -> str:
    """Why, at one point of the last comparison."""
    return VerdictRow.objects.filter(subject=ref, point=point).latest("pk").because


def list_of(ref: str, point: str) -> list[str]:
    """Whose readings a pack names behind the verdict at that point."""
    return hosts_of(VerdictRow.objects.filter(subject=ref, point=point).latest("pk"))


def test_a_connection_into_another_account_is_judged_once_both_are_read(emulator: str, tmp_path: Path) -> None:
    people = everybody()
    servers(people)
    two = Two(emulator, people)
    for name, rule in (("pay-app-01", allow_out(DATA, "5432")), ("pay-db-01", allow_in(APP, "5432"))):
        source_of(Server.objects.get(name=name), put(tmp_path / name, rule), people)
    for source in Source.objects.all():
        read(source, people)
    change = agreed(people, asked(people))
    ref = change.connection.ref

    app = two.on_boarded("aws-app", two.app)
    assert read(app, people).state == "ok"
    compare()
    assert said(ref)["aws-app/FORWARD"] == "not_verifiable"
    (row,) = VerdictRow.objects.filter(subject=ref, point="aws-app/FORWARD")
    assert f"it is {two.data.vpc} of account 222222222222, which this reading does not hold" in row.because

    data = two.on_boarded("aws-data", two.data)
    assert read(data, people).state == "ok"
    compare()
    points = {"aws-app/FORWARD", "aws-app/RETURN", f"aws-app/{two.app.interface}/out", "aws-data/FORWARD",
              "aws-data/RETURN", f"aws-data/{two.data.interface}/in",
              "pay-app-01/OUTPUT", "pay-db-01/INPUT"}  # fmt: skip
    assert said(ref) == dict.fromkeys(points, "implemented")
    assert not Finding.objects.standing().filter(verdict="permits_more").exists()
    assert said_at(ref, "aws-data/FORWARD").endswith("; it rests on what aws-app shows as well")
    assert list_of(ref, "aws-app/FORWARD") == ["aws-app", "aws-data"]
    page = browser(people.rita).get(f"/connections/{ref}/").content.decode()
    assert "Network ACL in" in page
    proof = done(change, people)  # asks both accounts again
    assert (proof.outcome, change.state) == ("verified", State.VERIFIED), proof.because

    two.let_in(out=True)  # by hand, in the account that the applications' one cannot see
    read(data, people)
    compare()
    lost = {point for point, verdict in said(ref).items() if verdict != "implemented"}
    assert lost == {"aws-app/FORWARD", "aws-data/FORWARD", f"aws-data/{two.data.interface}/in"}
    assert f"line 5 of {REGION}-NetworkInterfaces.json of aws-data" in said_at(ref, "aws-app/FORWARD")
    (stopped,) = Finding.objects.standing().filter(verdict="not_implemented", point="aws-app/FORWARD")
    assert stopped.rule_file == f"{REGION}-NetworkInterfaces.json of aws-data"

    two.let_in()
    two.data.ec2.delete_route(RouteTableId=two.data.table, DestinationCidrBlock="10.20.20.0/24")
    read(data, people)
    compare()
    assert {point for point, verdict in said(ref).items() if verdict != "implemented"} == {
        "aws-app/RETURN", "aws-data/RETURN",
    }  # fmt: skip


def test_two_accounts_that_were_read_before_and_after_a_peering_changed_are_not_put_together(emulator: str) -> None:
    people = everybody()
    servers(people)
    two = Two(emulator, people)
    app, data = two.on_boarded("aws-app", two.app), two.on_boarded("aws-data", two.data)
    assert read(app, people).state == "ok"
    two.data.ec2.delete_vpc_peering_connection(VpcPeeringConnectionId=two.peering)
    assert read(data, people).state == "ok"
    change = agreed(people, asked(people))
    compare()
    assert said(change.connection.ref)["aws-app/FORWARD"] == "not_verifiable"
    latest = VerdictRow.objects.filter(subject="aws-app FORWARD").latest("comparison")
    assert latest.because.startswith("aws-app leads into another account that was read, and what that one shows")
    assert f"{two.peering} is not the same in aws-app and aws-data" in latest.because


def test_a_look_that_failed_is_said_and_taken_again(emulator: str, monkeypatch: pytest.MonkeyPatch) -> None:
    people = everybody()
    servers(people)
    two = Two(emulator, people)
    for name, one in (("aws-app", two.app), ("aws-data", two.data)):
        assert read(two.on_boarded(name, one), people).state == "ok"
    change = agreed(people, asked(people))

    def no_memory(*_: Any, **__: Any) -> Any:
        raise FormatError("The files could not be read", "reading needs more than 1024 MiB of memory", "Report it.")

    with monkeypatch.context() as broken:
        broken.setattr(accounts, "paths_in_child", no_memory)
        compare()
    said_of_it = VerdictRow.objects.filter(subject="aws-app FORWARD").latest("pk").because
    assert said_of_it.startswith("Whether aws-app leads into others was not looked at: The files could not be read")
    assert said(change.connection.ref)["aws-app/FORWARD"] == "not_verifiable"
    compare()
    assert said(change.connection.ref)["aws-app/FORWARD"] == "implemented"
