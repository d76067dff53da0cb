"""Dynamic groups of an AWS account over HTTP: who is seen joins up to the ceiling, and what cannot be seen is said."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from compliance.actions import connections, estate
from compliance.actions.reconcile import reconcile
from compliance.actions.reconcile_rows import altered_rows
from compliance.models import Group, LedgerInbox, Server
from evidence import reading_json
from evidence.actions.compare import compare
from evidence.collectors import aws_instances
from evidence.models import Finding, Pull, VerdictRow
from tests.evidence.aws_emulator import REGION, by_hand, client, running
from tests.evidence.site import read
from tests.evidence.test_aws_collector import failing
from tests.evidence.test_knowing import browser
from tests.factories import WHY, agreed, authorised, network, servers
from tests.journeys.test_aws import Account, done, on_boarded
from tests.people import People, everybody

pytestmark = [pytest.mark.django_db(transaction=True)]

NUMBER = "123456789012"


@pytest.fixture
def emulator(settings: Any) -> Any:
    with running(settings) as address:
        yield address


class Fleet:
    """The account with an autoscaling group in the subnet of the zone app, and groups that are known by it."""

    def __init__(self, emulator: str, people: People) -> None:
        self.people = people
        self.ec2 = by_hand(emulator)
        self.account = Account(self.ec2)
        self.scaling = client(emulator, "autoscaling")
        image = self.ec2.describe_images()["Images"][0]["ImageId"]
        subnet = next(one["SubnetId"] for one in self.ec2.describe_subnets()["Subnets"]
                      if one["CidrBlock"] == "10.20.20.0/24")  # fmt: skip
        self.scaling.create_launch_configuration(
            LaunchConfigurationName="web", ImageId=image, InstanceType="t3.micro", SecurityGroups=[self.account.app]
        )
        self.scaling.create_auto_scaling_group(
            AutoScalingGroupName="web", LaunchConfigurationName="web", MinSize=0, MaxSize=9, DesiredCapacity=2,
            VPCZoneIdentifier=subnet,
        )  # fmt: skip
        self.source = on_boarded(emulator, people)

    def addresses(self) -> set[str]:
        """Of the instances that run."""
        found = self.ec2.describe_instances(Filters=[{"Name": "instance-state-name", "Values": ["running"]}])
        return {each["PrivateIpAddress"] for one in found["Reservations"] for each in one["Instances"]}

    def register(self) -> set[str]:
        """A server for each instance that has none yet; their names."""
        for address in sorted(self.addresses()):
            name = f"web-{address.rpartition('.')[2]}"
            if not Server.objects.filter(name=name).exists():
                estate.add_server(name, system=self.people.payroll, addresses=[address], by=self.people.alex)
        return {f"web-{one.rpartition('.')[2]}" for one in self.addresses()}

    def scale(self, number: int) -> None:
        """As somebody, or an alarm, does in AWS."""
        self.scaling.set_desired_capacity(AutoScalingGroupName="web", DesiredCapacity=number)

    def night(self) -> Pull:
        """A reading, and the comparison after it."""
        pull = read(self.source, self.people)
        compare()
        return pull

    def group(self, name: str, kind: str, known_by: str, ceiling: int = 3) -> Group:
        """A dynamic group that nobody is in, told by its form by what its members are known."""
        estate.add_group(name, system=self.people.payroll, kind="dynamic", ceiling=ceiling, by=self.people.alex)
        form = {"kind": kind, "name": known_by, "account": NUMBER, "region": REGION, "step": "send"}
        assert browser(self.people.erin).post(f"/groups/{name}/observed/", form)["Location"] == f"/groups/{name}/"
        return Group.objects.get(name=name)


def members(group: Group) -> set[str]:
    """By rows that count."""
    return {one.name for one in group.members_on(timezone.now())}


def standing(verdict: str, subject: str) -> list[Finding]:
    """The findings that stand."""
    return list(Finding.objects.standing().filter(verdict=verdict, subject=subject))


def not_known(ref: str) -> list[str]:
    """What the last comparison says of the members that a connection rests on."""
    rows = VerdictRow.objects.filter(subject=ref, point__startswith="group ").order_by("-comparison")
    latest = VerdictRow.objects.order_by("-comparison").values_list("comparison", flat=True)[0]
    return [row.because for row in rows if row.comparison_id == latest and row.verdict == "not_verifiable"]


def test_an_autoscaling_group_is_followed_up_to_its_ceiling(emulator: str, monkeypatch: pytest.MonkeyPatch) -> None:
    people = everybody()
    servers(people)
    fleet = Fleet(emulator, people)
    pool = fleet.group("pool", "autoscaling", "web")
    both = fleet.register()
    first = fleet.night()
    assert (first.state, "Autoscaling" in first.what) == ("ok", False)
    assert members(pool) == both
    said = LedgerInbox.objects.filter(verb="add_membership").latest("pk").data
    assert f"Observed by reading {first.pk} of {fleet.source.name}" in said["because"]
    con = authorised(people, network("pool", "pay-db-01"))

    # Who would join by something else is shown before anybody decides on it
    other = {"kind": "security-group", "name": fleet.account.app, "account": NUMBER, "region": REGION, **WHY}
    asked = browser(people.erin).post("/groups/pool/observed/", {**other, "step": "check"}).content.decode()
    assert "As last read, 1 server would join" in asked
    assert "Join: pay-app-01." in asked
    assert "10.20.20.31 → 10.20.30.31 tcp/5432" in asked

    # The third is seen before anybody registered it: it is named, and joins as soon as it is a server
    fleet.scale(3)
    (fresh,) = fleet.addresses() - {one.ip for name in both for one in Server.objects.get(name=name).addresses.all()}
    fleet.night()
    assert members(pool) == both
    page = browser(people.omar).get("/groups/pool/").content.decode()
    assert fresh in page
    assert "no registered server holds it" in page
    assert any(fresh in one.because for one in Finding.objects.standing().filter(verdict="unknown_server"))
    three = fleet.register()
    compare()
    assert members(pool) == three
    assert not_known(con.ref) == []

    # Beyond the ceiling nobody joins, and it is said loudly
    fleet.scale(5)
    beyond = fleet.register() - three
    fleet.night()
    assert members(pool) == three
    (loud,) = standing("changed_without_record", "group pool")
    assert (loud.severity, loud.system) == ("high", people.payroll)
    assert all(name in loud.because for name in beyond)
    assert "2 servers more than the 3 that were agreed to" in loud.because

    fleet.scale(1)
    fleet.night()
    left = fleet.register()
    assert (members(pool), len(left)) == (left, 1)
    assert standing("changed_without_record", "group pool") == []
    assert Finding.objects.get(pk=loud.pk).state == "cured"
    assert not_known(con.ref) == []
    assert reconcile() == altered_rows() == []

    # The permission is taken away: the account is read all the same, and who is in the group is not known
    plain = aws_instances.pages

    def denied(client: Any, call: Any, asked: Any, deadline: float) -> Any:
        if call is aws_instances.SCALING:
            raise failing("AccessDenied", 403)
        return plain(client, call, asked, deadline)

    monkeypatch.setattr(aws_instances, "pages", denied)
    fleet.scale(0)
    blind = fleet.night()
    assert (blind.state, f"Autoscaling groups of {REGION}" in blind.what) == ("ok", True)
    assert members(pool) == left
    (why,) = not_known(con.ref)
    assert why.startswith("The members of pool are as last observed on")
    assert "its autoscaling groups were not read" in why
    con.refresh_from_db()
    assert con.drift == "not_verifiable"
    assert "Not known as of now" in browser(people.omar).get("/groups/pool/").content.decode()
    monkeypatch.undo()

    # With it again nobody is seen: the name authorises nothing, and that is no order either
    fleet.night()
    assert members(pool) == set()
    assert not_known(con.ref)[0].startswith("Nobody was in pool on")
    removal = agreed(people, connections.retire(con, because="Nobody needs it.", by=people.rita))
    assert (said := done(removal, people)).outcome == "undecided"
    assert said.because.startswith("Nobody is seen in a group that it names")
    assert reconcile() == altered_rows() == []


def test_a_tag_and_a_security_group_are_followed_and_what_is_old_or_refused_shows_nobody(
    emulator: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = everybody()
    servers(people)
    fleet = Fleet(emulator, people)
    fleet.scale(0)
    app, data = (one["NetworkInterfaceId"] for one in fleet.account.interfaces)
    fleet.ec2.create_tags(Resources=[app, data], Tags=[{"Key": "role", "Value": "pay"}])
    tagged, inside = (
        fleet.group("tagged", "tag", "role=pay"),
        fleet.group("inside", "security-group", fleet.account.app),
    )
    elsewhere = fleet.group("elsewhere", "tag", "role=nobody")
    far = fleet.ec2.create_subnet(VpcId=fleet.account.vpc, CidrBlock="10.20.50.0/24")["Subnet"]["SubnetId"]
    fleet.ec2.create_network_interface(SubnetId=far, PrivateIpAddress="10.20.50.9", Groups=[fleet.account.app])
    con = None
    for at in (0, 1):
        fleet.night()
        assert members(tagged) == {"pay-app-01", "pay-db-01"}
        assert (members(inside), members(elsewhere)) == ({"pay-app-01"}, set())
        con = con or authorised(people, network("tagged", "file-01"))
        assert at == 0 or not_known(con.ref) == []
    assert con is not None

    # What was read to see who is in them is not read again to judge the connections
    loaded: list[bytes] = []
    plain = reading_json.load

    def noted(said: bytes) -> Any:
        loaded.append(said)
        return plain(said)

    with monkeypatch.context() as watched:
        watched.setattr(reading_json, "load", noted)
        compare()
    assert len(loaded) == len(set(loaded)) > 0
    (stranger,) = standing("unknown_server", "unregistered in group inside")  # in no network of the estate
    assert "10.20.50.9 (eni-" in stranger.because
    fleet.ec2.delete_tags(Resources=[data], Tags=[{"Key": "role"}])

    from evidence.collectors import aws

    def expired(*_: Any, **__: Any) -> Any:
        raise failing("ExpiredToken", 400)

    with monkeypatch.context() as away:
        away.setattr(aws, "pages", expired)
        assert fleet.night().state == "failed"
    assert members(tagged) == {"pay-app-01", "pay-db-01"}, "a refused reading takes nobody out"
    assert "was refused: The credentials have expired" in not_known(con.ref)[0]
    fleet.night()
    assert members(tagged) == {"pay-app-01"}
    assert not_known(con.ref) == []
    compare(at=timezone.now() + timedelta(days=3))
    assert members(tagged) == {"pay-app-01"}
    assert "is too old" in not_known(con.ref)[0]
