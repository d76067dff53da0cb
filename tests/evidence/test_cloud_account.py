"""An AWS account as a source: opened by hand it is a change without a record, narrowed again it is cured."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from compliance.actions import estate
from compliance.models import System
from evidence.actions.compare import compare
from evidence.models import Finding, Snapshot, Source, VerdictRow
from evidence.packs.section import Scope
from evidence.packs.sections.points import POINT_COLUMNS
from evidence.packs.sections.rules import build
from tests.bench.aws_account import acl, group, interface, permission, subnet, table
from tests.evidence.site import APP, DATA, read, source_of
from tests.evidence.test_knowing import browser
from tests.factories import agreed, asked, servers
from tests.people import People, everybody

pytestmark = [pytest.mark.django_db(transaction=True)]
LOCAL = ("10.20.0.0/16", "local")


def answers(*to_data: dict[str, Any], gateway: bool = False, public: str = "") -> dict[str, Any]:
    """The account of two servers; `to_data`: what else the group of the database lets in."""
    outward = [("0.0.0.0/0", "igw-0a")] if gateway else []
    more = {"public": public} if public else {}
    return {
        "Vpcs": [{"VpcId": "vpc-0a", "CidrBlock": "10.20.0.0/16"}],
        "Subnets": [subnet("subnet-app", "10.20.20.0/24"), subnet("subnet-data", "10.20.30.0/24")],
        "SecurityGroups": [
            group("sg-app", out=[permission("tcp", 5432, groups=["sg-data"])]),
            group("sg-data", permission("tcp", 5432, groups=["sg-app"]), *to_data, out=[]),
        ],
        "NetworkInterfaces": [
            interface("eni-app", APP, "subnet-app", "sg-app"),
            interface("eni-data", DATA, "subnet-data", "sg-data", **more),
        ],
        "NetworkAcls": [acl("acl-all", ["subnet-app", "subnet-data"])],
        "RouteTables": [table("rtb-main", [LOCAL, *outward], main=True)],
        "InternetGateways": [
            {"InternetGatewayId": "igw-0a", "Attachments": [{"VpcId": "vpc-0a", "State": "available"}]}
        ],
        "VpcPeeringConnections": [], "TransitGatewayAttachments": [], "VpnGateways": [],
    }  # fmt: skip


def acted(event: str, on: str, who: str = "pat") -> dict[str, Any]:
    """What CloudTrail says of one call."""
    said = {"userIdentity": {"arn": f"arn:aws:iam::123456789012:user/{who}"}, "sourceIPAddress": "198.51.100.9",
            "requestParameters": {"groupId": on}}  # fmt: skip
    return {"EventName": event, "EventTime": "2026-11-22T03:10:00+00:00", "CloudTrailEvent": json.dumps(said)}


class Account:
    """Two servers of an account, one approved connection between them, and the account as a source."""

    def __init__(self, place: Path) -> None:
        self.people: People = everybody()
        self.servers = servers(self.people)
        self.folder = place / "account"
        self.folder.mkdir()
        holder = estate.add_server("aws-payroll", system=self.people.payroll, role="cloud account", by=self.people.alex)
        self.source: Source = source_of(holder, self.folder, self.people)
        self.change = agreed(self.people, asked(self.people))

    def shows(self, said: dict[str, Any]) -> None:
        """The account is read as it stands now, and compared."""
        for key, rows in said.items():
            (self.folder / f"{key}.json").write_text(json.dumps({key: rows}, indent=1))
        row = read(self.source, self.people)
        assert row.state == "ok", (row.what, row.next_step)
        compare()

    def open(self, verdict: str) -> list[Finding]:
        """The open findings of a verdict."""
        return list(Finding.objects.standing().filter(verdict=verdict).order_by("pk"))


@pytest.fixture
def account(tmp_path: Path) -> Account:
    return Account(tmp_path)


def test_opened_by_hand_then_narrowed(account: Account) -> None:
    account.shows(answers())
    ref = account.change.connection.ref
    said = {row.point.partition("/")[2]: row.verdict for row in VerdictRow.objects.filter(subject=ref).order_by("pk")
            if row.verdict != "usage_unknown"}  # fmt: skip
    assert said == {
        **dict.fromkeys(["eni-data/in", "eni-app/out", "FORWARD", "RETURN"], "implemented"),
        "INPUT": "not_verifiable", "OUTPUT": "not_verifiable",  # nobody read what the servers filter by themselves
    }  # fmt: skip
    page = browser(account.people.rita).get(f"/connections/{ref}/").content.decode()
    way = [page.find(f"<strong>{what}</strong>") for what in ("Sender", "Routes", "Network ACL in", "The answer back")]
    way[0] = page.find("<strong>Sender&#x27;s own filter</strong>")
    assert way == sorted(way)
    assert way[0] > 0
    assert "no evidence from pay-db-01; what an account lets through is judged at eni-data" in page
    snapshot = Snapshot.objects.get(source=account.source)
    assert (snapshot.lines_total, snapshot.lines_unread) == (10, 0)

    log = [acted("AuthorizeSecurityGroupIngress", "sg-data"), acted("AuthorizeSecurityGroupIngress", "sg-app", "kim")]
    account.shows({**answers(permission("tcp", 5432, ranges=["0.0.0.0/0"])), "Events": log})
    changed = account.open("changed_without_record")
    assert [(one.server.name if one.server else "", one.point) for one in changed] == [
        ("aws-payroll", "aws-payroll/eni-data/in")
    ]
    assert "tcp/5432" in changed[0].because
    assert "it was stopped before, and nobody authorised it" in changed[0].because
    assert changed[0].because.endswith(
        "CloudTrail names arn:aws:iam::123456789012:user/pat (AuthorizeSecurityGroupIngress on sg-data, "
        "2026-11-22T03:10:00+00:00 from 198.51.100.9)"
    )
    wide = account.open("permits_more")
    assert [one.point for one in wide] == ["aws-payroll/eni-data/in"]

    account.shows(answers())
    assert account.open("changed_without_record") == []
    assert account.open("permits_more") == []


def test_a_back_end_given_a_public_way_is_found(account: Account) -> None:
    account.shows(answers())
    account.shows(answers(gateway=True, public="203.0.113.20"))
    found = {one.subject: one.because for one in account.open("permits_more")}
    assert "has the public address 203.0.113.20, by igw-0a" in found["public way to pay-db-01"]
    assert "route table rtb-main of its subnet leads to igw-0a" in found["public way to pay-app-01"]
    account.shows(answers())
    assert account.open("permits_more") == []


def test_a_pack_counts_each_rule_once_at_its_own_list(account: Account) -> None:
    spare = group("sg-spare", permission("tcp", 22, ranges=["0.0.0.0/0"]), out=[])
    said = answers(permission("tcp", 6379, ranges=["198.51.100.0/24"]))
    account.shows({**said, "SecurityGroups": [*said["SecurityGroups"], spare]})
    systems = tuple(System.objects.values_list("name", flat=True))
    scope = Scope(systems, date(2026, 1, 1), timezone.localdate(), timezone.now())
    found = build(scope)
    lines = {row[1]: dict(zip(POINT_COLUMNS, row, strict=True)) for row in found.tables[1].rows
             if row[0] == "aws-payroll"}  # fmt: skip
    assert {"INPUT", "OUTPUT"}.isdisjoint(lines)  # an account has none, and is not missing any
    counts = {name: (row["tied"], row["untied"]) for name, row in lines.items() if row["untied"] is not None}
    assert {name: counts[name] for name in counts if name.startswith("sg-")} == {
        "sg-app/in": (0, 0), "sg-app/out": (1, 0), "sg-data/in": (1, 1), "sg-data/out": (0, 0),
        "sg-spare/in": (0, 1), "sg-spare/out": (0, 0),
    }  # fmt: skip
    assert {one.partition("-")[0] for one in counts} == {"sg", "acl"}
    assert lines["sg-spare/in"]["how"].endswith("attached to no interface")
    assert lines["eni-data/in"]["how"].endswith("its rules are counted at their lists")
    assert lines["sg-data/in"]["default"] == "deny"
    untied = [row[2] for row in found.tables[2].rows if row[0] == "aws-payroll"]
    assert sorted(untied) == ["aws:sg-data/in#2", "aws:sg-spare/in#1"]
    sums = {one.point: (one.number, one.rules, one.untied) for one in found.data.sums}
    assert sums["Security groups, in"][2] == 2
    assert sums["Interfaces, in"] == (2, None, None)


def test_a_page_that_is_missing_proves_nothing(account: Account) -> None:
    account.shows(answers())
    path = account.folder / "SecurityGroups.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "NextToken": "AAA"}))
    assert read(account.source, account.people).state == "ok"
    compare()
    assert {one.subject for one in account.open("not_verifiable")} >= {account.change.connection.ref}
