"""An AWS account over HTTP: a role on-boarded, a group opened by hand, found with an example, narrowed, cured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from compliance.actions import changes, estate
from compliance.models import ChangeRecord, Server, State
from evidence import jobs
from evidence.actions import access
from evidence.actions.access import Given
from evidence.actions.compare import compare
from evidence.collectors import aws
from evidence.models import Finding, Pull, Source, SourceSecret, VerdictRow, Verification
from tests.evidence.aws_emulator import KEY, REGION, ROLE, by_hand, running
from tests.evidence.site import APP, DATA, allow_in, allow_out, begin, put, read, source_of
from tests.evidence.test_knowing import browser
from tests.factories import agreed, asked, servers
from tests.people import People, everybody

pytestmark = [pytest.mark.django_db(transaction=True)]


class Account:
    """The account of two registered servers, as somebody set it up: one subnet for each, a group for each."""

    def __init__(self, ec2: Any) -> None:
        self.ec2 = ec2
        self.vpc = ec2.create_vpc(CidrBlock="10.20.0.0/16")["Vpc"]["VpcId"]
        near = ec2.create_subnet(VpcId=self.vpc, CidrBlock="10.20.20.0/24")["Subnet"]["SubnetId"]
        far = ec2.create_subnet(VpcId=self.vpc, CidrBlock="10.20.30.0/24")["Subnet"]["SubnetId"]
        self.app, self.data = (
            ec2.create_security_group(GroupName=name, Description=name, VpcId=self.vpc)["GroupId"]
            for name in ("app", "data")
        )
        everything = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
        for group in (self.app, self.data):
            ec2.revoke_security_group_egress(GroupId=group, IpPermissions=[everything])
        ec2.authorize_security_group_egress(GroupId=self.app, IpPermissions=[self.database(of=self.data)])
        ec2.authorize_security_group_ingress(GroupId=self.data, IpPermissions=[self.database(of=self.app)])
        self.interfaces = [
            ec2.create_network_interface(SubnetId=subnet, PrivateIpAddress=address, Groups=[group])["NetworkInterface"]
            for subnet, address, group in ((near, APP, self.app), (far, DATA, self.data))
        ]

    @staticmethod
    def database(*, of: str = "", ranges: str = "") -> dict[str, Any]:
        """The database's port, for a group or a range."""
        who = {"UserIdGroupPairs": [{"GroupId": of}]} if of else {"IpRanges": [{"CidrIp": ranges}]}
        return {"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432, **who}

    def give_a_public_way(self) -> str:
        """An internet gateway, the main table's route to it, and a public address for the database."""
        gateway = self.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        self.ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=self.vpc)
        tables = self.ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [self.vpc]}])["RouteTables"]
        self.ec2.create_route(
            RouteTableId=tables[0]["RouteTableId"], DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway
        )  # fmt: skip
        return str(gateway)


@pytest.fixture
def emulator(settings: Any) -> Any:
    with running(settings) as address:
        yield address


def on_boarded(emulator: str, people: People) -> Source:
    """Erin adds the source by its form and says what it signs in with."""
    holder = estate.add_server("aws-payroll", system=people.payroll, role="cloud account", by=people.alex)
    erin = browser(people.erin)
    form = {"kind": "aws", "server": holder.pk, "regions": REGION, "role": ROLE, "external_id": "of-payroll",
            "endpoint_url": emulator, "fresh_hours": 48}  # fmt: skip
    wrong = erin.post("/sources/new/", {**form, "regions": "Sydney", "role": "admin"})
    assert wrong.status_code == 422
    for words in (b"is no region", b"is no role"):
        assert words in wrong.content
    added = erin.post("/sources/new/", form)
    assert added.status_code == 302
    source = Source.objects.get(kind="aws")
    assert not source.pulls.exists()  # it waits until somebody says what it signs in with
    access.set_secret(source, Given(SourceSecret.Use.PASSWORD, value=KEY), by=people.erin)
    access.set_secret(source, Given(SourceSecret.Use.PASSWORD, value=KEY), by=people.erin)
    assert [row.state for row in source.pulls.all()] == ["queued"]
    page = erin.get(f"/sources/{source.pk}/").content.decode()
    assert ROLE in page
    assert "secret/of" not in page
    return source


def standing(verdict: str) -> list[Finding]:
    """The findings of a verdict that stand."""
    return list(Finding.objects.standing().filter(verdict=verdict).order_by("pk"))


def done(change: ChangeRecord, people: People) -> Verification:
    """Erin marks it as done, and the rules are asked."""
    changes.implement(change, by=people.erin)
    jobs.verify_change(begin("verify_change"))
    change.refresh_from_db()
    return Verification.objects.filter(change=change).latest("pk")


def test_the_account_from_its_role_to_the_cure(emulator: str, tmp_path: Path) -> None:
    people = everybody()
    servers(people)
    account = Account(by_hand(emulator))
    source = on_boarded(emulator, people)
    change = agreed(people, asked(people))

    def night() -> Pull:
        pull = read(source, people)
        compare()
        return pull

    first = night()
    assert first.state == "ok"
    assert f"Not read: CloudTrail of {REGION}" in first.what  # the emulator has none, and the reading says so
    data = f"aws-payroll/{account.interfaces[1]['NetworkInterfaceId']}/in"
    ref = change.connection.ref
    rows = VerdictRow.objects.filter(subject=ref).exclude(verdict="usage_unknown")
    assert {row.verdict for row in rows if row.point.startswith("aws-payroll/")} == {"implemented"}
    assert {row.verdict for row in rows if row.point in {"pay-db-01/INPUT", "pay-app-01/OUTPUT"}} == {"not_verifiable"}
    assert standing("permits_more") == standing("changed_without_record") == []

    opened = [account.database(ranges="0.0.0.0/0")]
    account.ec2.authorize_security_group_ingress(GroupId=account.data, IpPermissions=opened)
    night()
    (changed,) = standing("changed_without_record")
    assert (changed.point, changed.server) == (data, Server.objects.get(name="aws-payroll"))
    assert f"→ {DATA} tcp/5432 through; it was stopped before" in changed.because
    assert [one.point for one in standing("permits_more")] == [data]

    # Marked as done while it is open to everybody: the account itself is asked again, and says so
    for name, rule in (("pay-app-01", allow_out(DATA, "5432")), ("pay-db-01", allow_in(APP, "5432"))):
        source_of(Server.objects.get(name=name), put(tmp_path / name, rule), people)
    said = done(change, people)
    assert (said.outcome, change.state) == ("disputed", State.DISPUTED)
    assert said.because.startswith(f"More was opened than {change.ref} says.")

    account.ec2.revoke_security_group_ingress(GroupId=account.data, IpPermissions=opened)
    said = done(change, people)  # nothing was read in between: verifying reads what the way rests on
    assert (said.outcome, change.state) == ("verified", State.VERIFIED), said.because
    assert "aws-payroll/FORWARD" in said.because
    assert {one.server.name for one in said.snapshots.all()} == {"aws-payroll", "pay-app-01", "pay-db-01"}
    night()
    assert standing("permits_more") == standing("changed_without_record") == []
    assert Finding.objects.get(pk=changed.pk).state == "cured"

    gateway = account.give_a_public_way()
    night()
    found = {one.subject: one.because for one in standing("permits_more")}
    assert set(found) == {"public way to pay-app-01", "public way to pay-db-01"}
    assert f"leads to {gateway}" in found["public way to pay-db-01"]


def test_a_failing_account_changes_nothing(emulator: str, monkeypatch: pytest.MonkeyPatch) -> None:
    people = everybody()
    servers(people)
    Account(by_hand(emulator))
    source = on_boarded(emulator, people)
    assert read(source, people).state == "ok"
    good = Source.objects.get(pk=source.pk).last_good_id

    def expired(*_: Any, **__: Any) -> Any:
        from tests.evidence.test_aws_collector import failing

        raise failing("ExpiredToken", 400)

    monkeypatch.setattr(aws, "pages", expired)
    failed = read(source, people)
    assert (failed.state, failed.error_code) == ("failed", "auth")
    assert failed.what.startswith("The credentials have expired")
    assert "Set a key that lasts" in failed.next_step
    assert Source.objects.get(pk=source.pk).last_good_id == good
