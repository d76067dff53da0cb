"""What is said of connections and groups of a cloud account: at every required point, or named where it is not."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from compliance.register import Wanted, wanted
from evidence import cli
from evidence.commands.answer import CLEAN, FINDINGS, REFUSED, UNPROVEN
from evidence.judgement import Judgement
from evidence.rules import Reading, Verdict
from evidence.verdicts import judge, roll_up
from tests.bench.aws_account import (
    ACCOUNT,
    APP,
    DB,
    WEB,
    account,
    acl,
    entry,
    files,
    group,
    interface,
    permission,
    reading,
    table,
)
from tests.bench.estate import host

SERVERS = [
    {"name": "web-01", "addresses": [WEB], "role": "web", "zone": "dmz"},
    {"name": "app-01", "addresses": [APP], "role": "app", "zone": "app"},
    {"name": "db-01", "addresses": [DB], "role": "db", "zone": "app"},
]
ZONES = [{"name": "dmz", "prefixes": ["10.0.1.0/24"]}, {"name": "app", "prefixes": ["10.0.2.0/24"]}]
PUBLISHED = {"id": "CON-1", "source": "any", "destination": "web-01", "services": ["tcp/443"]}
TO_APP = {"id": "CON-2", "source": "web-01", "destination": "app-01", "services": ["tcp/8080"]}
TO_DB = {"id": "CON-3", "source": "app-01", "destination": "db-01", "services": ["tcp/5432"]}
AUTHORISED = [PUBLISHED, TO_APP, TO_DB]
CLOSED: dict[str, Any] = {  # the account with groups that let nothing out beyond the register
    "SecurityGroups": [
        group("sg-web", permission("tcp", 443, ranges=["0.0.0.0/0"]), out=[permission("tcp", 8080, groups=["sg-app"])]),
        group("sg-app", permission("tcp", 8080, groups=["sg-web"]), out=[permission("tcp", 5432, groups=["sg-db"])]),
        group("sg-db", permission("tcp", 5432, groups=["sg-app"]), out=[]),
    ]
}


OPEN = host(v4="*filter\n:INPUT ACCEPT [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\nCOMMIT\n")
PASSED = ("eni-app/in", "eni-web/out", "FORWARD", "RETURN")
OWN = frozenset({"INPUT", "OUTPUT"})


def register(*connections: dict[str, Any]) -> Wanted:
    """The register with these connections."""
    return wanted({"servers": SERVERS, "zones": ZONES, "connections": list(connections or AUTHORISED)})


def judged(read: Reading, *connections: dict[str, Any], **others: Reading) -> list[Judgement]:
    """All that is said of the account (and of hosts that were read)."""
    readings = {"cloud": read, **{name.replace("_", "-"): one for name, one in others.items()}}
    return list(judge(register(*connections), readings, before=None, flows=None, at=date(2026, 11, 22)))


def at(found: list[Judgement], connection: str) -> dict[str, str]:
    """Point -> verdict of one connection, without what is said of its use."""
    mine = [one for one in found if one.subject == connection and one.verdict is not Verdict.usage_unknown]
    return {one.point.partition("/")[2]: one.verdict.value for one in mine}


def of_account(found: list[Judgement], connection: str) -> dict[str, str]:
    """The same without the servers' own packet filters."""
    return {point: verdict for point, verdict in at(found, connection).items() if point not in OWN}


def beyond(found: list[Judgement], verdict: Verdict = Verdict.permits_more) -> dict[str, str]:
    """Point -> why, of one verdict."""
    return {one.point.partition("/")[2]: one.because for one in found if one.verdict is verdict}


def test_a_tight_account_is_as_authorised_at_every_point() -> None:
    found = judged(reading(**CLOSED), web_01=OPEN, app_01=OPEN, db_01=OPEN)
    assert at(found, "CON-2") == dict.fromkeys([*PASSED, "INPUT", "OUTPUT"], "implemented")
    assert at(found, "CON-1") == dict.fromkeys(["eni-web/in", "FORWARD", "RETURN", "INPUT"], "implemented")
    mine = [one for one in found if one.subject.startswith("CON-")]
    assert {one.verdict for one in mine} - {Verdict.usage_unknown} == {Verdict.implemented}


def test_what_nobody_read_of_a_server_is_not_known_however_tight_its_account() -> None:
    found = judged(reading(**CLOSED), web_01=OPEN)
    assert at(found, "CON-2") == {**dict.fromkeys([*PASSED, "OUTPUT"], "implemented"), "INPUT": "not_verifiable"}
    assert roll_up(found)["CON-2"] is Verdict.not_verifiable
    (because,) = [one.because for one in found if one.point == "app-01/INPUT" and one.subject == "CON-2"]
    assert because.startswith("no evidence from app-01; what an account lets through is judged at eni-app")


def test_where_aws_runs_the_machine_nobody_of_ours_filters() -> None:
    run = {"AttachmentId": "a-1", "InstanceOwnerId": "amazon-rds", "Status": "attached"}
    ours = {**run, "InstanceOwnerId": "123456789012"}
    for attachment, points in ((run, set()), (ours, {"INPUT"})):
        db = {**interface("eni-db", DB, "subnet-priv", "sg-db"), "Attachment": attachment}
        found = judged(reading(**CLOSED, NetworkInterfaces=[*ACCOUNT["NetworkInterfaces"][:2], db]), app_01=OPEN)
        said = at(found, "CON-3")
        assert said.keys() - {"eni-db/in", "eni-app/out", "FORWARD", "RETURN", "OUTPUT"} == points
        assert {said[one] for one in points} <= {"not_verifiable"}
        (because,) = [one.because for one in found if one.subject == "CON-3" and one.point == "cloud/eni-db/in"]
        assert ("amazon-rds of AWS runs what stands behind it" in because) is not bool(points)
    shut = host(v4="*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\nCOMMIT\n")
    db["Attachment"] = run  # somebody reads it all the same: then what was read decides
    read = reading(**CLOSED, NetworkInterfaces=[*ACCOUNT["NetworkInterfaces"][:2], db])
    assert at(judged(read, app_01=OPEN, db_01=shut), "CON-3")["INPUT"] == "not_implemented"


def test_what_is_missing_is_named_where_it_is_missing() -> None:
    groups = [CLOSED["SecurityGroups"][0], group("sg-app"), CLOSED["SecurityGroups"][2]]
    found = judged(reading(SecurityGroups=groups))
    assert of_account(found, "CON-2") == {
        "eni-app/in": "not_implemented", "eni-web/out": "implemented", "FORWARD": "not_implemented",
        "RETURN": "implemented",
    }  # fmt: skip
    assert {one.rule for one in found if one.subject == "CON-2" and one.verdict is Verdict.not_implemented} == {
        "aws:eni-app/in#default"
    }


def test_an_open_group_is_found_also_where_the_path_contains_it() -> None:
    wide = group("sg-db", permission("tcp", 5432, ranges=["0.0.0.0/0"]), out=[])
    groups = [*CLOSED["SecurityGroups"][:2], wide]
    assert beyond(judged(reading(SecurityGroups=groups))).keys() == {"eni-db/in"}
    assert "contained by" in beyond(judged(reading(SecurityGroups=groups)))["eni-db/in"]
    leaving = [group("sg-web", permission("tcp", 443, ranges=["0.0.0.0/0"])), *groups[1:]]
    found = beyond(judged(reading(SecurityGroups=leaving)))
    assert f"open along the whole path, as {WEB} → {DB} tcp/5432" in found["eni-db/in"]


def test_a_public_address_opens_the_path() -> None:
    wide = [*CLOSED["SecurityGroups"][:2], group("sg-db", permission("tcp", 5432, ranges=["0.0.0.0/0"]), out=[])]
    public = [*ACCOUNT["NetworkInterfaces"][:2], interface("eni-db", DB, "subnet-priv", "sg-db", public="203.0.113.20")]
    found = beyond(judged(reading(SecurityGroups=wide, NetworkInterfaces=public)))
    assert "open along the whole path, as 1.0.0.1" in found["eni-db/in"]


def test_an_answer_that_is_stopped_is_said_and_hides_nothing() -> None:
    half = acl("acl-one", ["subnet-priv"], [entry(100), entry(100, "allow", "6", ports=(443, 443), egress=True)])
    read = reading(**CLOSED, NetworkAcls=[acl("acl-all", ["subnet-pub"]), half])
    found = judged(read)
    assert of_account(found, "CON-2") == {
        "eni-app/in": "implemented", "eni-web/out": "implemented", "FORWARD": "implemented",
        "RETURN": "not_implemented",
    }  # fmt: skip


@pytest.mark.parametrize("kind", ["NetworkAcls", "RouteTables", "Subnets"])
def test_a_path_that_was_not_read_is_not_verifiable_and_its_interfaces_are(kind: str) -> None:
    found = of_account(judged(reading(**CLOSED, **{kind: None})), "CON-2")
    assert (found["eni-app/in"], found["eni-web/out"], found["FORWARD"]) == (
        "implemented", "implemented", "not_verifiable",
    )  # fmt: skip


def test_a_server_without_an_interface_is_not_verifiable() -> None:
    found = judged(reading(**CLOSED, NetworkInterfaces=ACCOUNT["NetworkInterfaces"][:2]))
    assert at(found, "CON-3")["INPUT"] == "not_verifiable"
    assert beyond(found, Verdict.not_verifiable)["INPUT"].startswith("no evidence from db-01")


def test_the_hosts_own_filter_is_required_where_it_is_a_source() -> None:
    own = host(v4="*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\nCOMMIT\n")
    found = at(judged(reading(**CLOSED), app_01=own, web_01=OPEN), "CON-2")
    assert found == {
        "OUTPUT": "implemented",
        "INPUT": "not_implemented", "eni-app/in": "implemented", "eni-web/out": "implemented",
        "FORWARD": "implemented", "RETURN": "implemented",
    }  # fmt: skip


def test_a_zone_is_those_who_stand_in_it() -> None:
    """A reference to a group lets the zone's servers in; nobody holds the zone's other addresses."""
    from_zone = {"id": "CON-5", "source": "dmz", "destination": "app-01", "services": ["tcp/8080"]}
    assert set(of_account(judged(reading(**CLOSED), PUBLISHED, from_zone, TO_DB), "CON-5").values()) == {"implemented"}
    more = [*ACCOUNT["NetworkInterfaces"], interface("eni-new", "10.0.1.99", "subnet-pub", "sg-db")]
    found = judged(reading(**CLOSED, NetworkInterfaces=more), PUBLISHED, from_zone, TO_DB)
    assert at(found, "CON-5")["eni-app/in"] == "not_implemented"  # somebody new stands there, and is not let in
    assert {one.verdict for one in found} >= {Verdict.unknown_server}


def test_an_unread_object_makes_no_interface_look_well() -> None:
    strange = [
        {**CLOSED["SecurityGroups"][1], "Isolated": True},
        CLOSED["SecurityGroups"][0],
        CLOSED["SecurityGroups"][2],
    ]
    found = judged(reading(SecurityGroups=strange))
    assert set(at(found, "CON-2").values()) == {"not_verifiable"}
    assert set(of_account(found, "CON-1").values()) == {"implemented", "not_verifiable"}
    said = beyond(found, Verdict.not_verifiable)
    assert "nobody here knows 'Isolated'" in said["eni-app/in"]


def test_open_groups_leave_pairs_unfiltered() -> None:
    anything = [group(one, permission("-1", ranges=["0.0.0.0/0"])) for one in ("sg-web", "sg-app", "sg-db")]
    found = judged(reading(SecurityGroups=anything))
    pairs = [one for one in found if one.verdict is Verdict.unfiltered]
    assert {one.subject for one in pairs} >= {"zone app"}
    assert [one for one in judged(reading(**CLOSED)) if one.verdict is Verdict.unfiltered] == []


def test_a_change_is_said_once_at_the_interface() -> None:
    wide = [*CLOSED["SecurityGroups"][:2], group("sg-db", permission("tcp", 5432, ranges=["0.0.0.0/0"]), out=[])]
    now, then = reading(SecurityGroups=wide), reading(**CLOSED)
    found = judge(register(), {"cloud": now}, before={"cloud": then}, flows=None, at=date(2026, 11, 22))
    delta = [one for one in found if one.verdict is Verdict.changed_without_record]
    assert [(one.point, one.rule) for one in delta] == [("cloud/eni-db/in", "aws:sg-db/in#1")]


def given(place: Path, **changed: Any) -> list[str]:
    """The account's answers as files, and a register beside them."""
    for one in files(account(**changed)):
        (place / one.name).write_bytes(one.content)
    row = "{{name: {name}, addresses: [{addresses[0]}], zone: {zone}}}"
    text = "servers:\n" + "".join(f"  - {row.format(**one)}\n" for one in SERVERS)
    text += "zones:\n  - {name: dmz, prefixes: [10.0.1.0/24]}\n  - {name: app, prefixes: [10.0.2.0/24]}\nconnections:\n"
    text += "".join(f"  - {json.dumps(one)}\n" for one in AUTHORISED)
    (place / "register.yaml").write_text(text)
    return ["--rules", *sorted(str(path) for path in place.glob("*.json")), "--register", str(place / "register.yaml")]


def test_the_command_judges_an_account(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def check(*more: str, without: str = "nothing", **changed: Any) -> tuple[int, Any]:
        arguments = [one for one in given(tmp_path, **changed) if without not in one]
        status = cli.main(["check", *arguments, *more, "--json"])
        return status, json.loads(capsys.readouterr().out)

    status, answer = check(**CLOSED)
    assert answer["filters_not_in_these_files"] == ["web-01", "app-01", "db-01"]
    assert (status, answer["summary"]["verdicts"]) == (CLEAN, {"implemented": 11})
    assert {one["rule"]: one["now"] for one in answer["later_members"]} == {
        "aws:sg-web/out#1": APP, "aws:sg-app/in#1": WEB, "aws:sg-app/out#1": DB, "aws:sg-db/in#1": APP,
    }  # fmt: skip
    points = {one["point"] for one in check("--host", "db-01", **CLOSED)[1]["verdicts"]}
    assert points == {"eni-db/in", "FORWARD", "RETURN"}
    assert check()[0] == FINDINGS
    assert check(without="RouteTables", **CLOSED)[0] == UNPROVEN
    assert check("--host", "web-02", **CLOSED)[0] == REFUSED
    assert check("--point", "eni-db/sideways", **CLOSED)[0] == REFUSED


def test_a_route_elsewhere_stops_the_path_alone() -> None:
    lost = table("rtb-main", [("10.0.2.0/24", "local")], main=True)
    found = at(judged(reading(**CLOSED, RouteTables=[ACCOUNT["RouteTables"][0], lost])), "CON-2")
    assert (found["FORWARD"], found["RETURN"]) == ("implemented", "not_implemented")  # there, and not back


def public_ways(read: Reading, *connections: dict[str, Any]) -> dict[str, tuple[str, str, str]]:
    """Whom the internet may reach: subject -> verdict, certainty, why."""
    found = judged(read, *connections)
    return {
        one.subject.removeprefix("public way to "): (one.verdict.value, one.certainty.value, one.because)
        for one in found
        if one.subject.startswith("public way to ")
    }


def test_back_ends_stand_in_private_subnets() -> None:
    assert public_ways(reading(**CLOSED)) == {}  # web-01 is published, the others have neither address nor route
    public = [*ACCOUNT["NetworkInterfaces"][:2], interface("eni-db", DB, "subnet-priv", "sg-db", public="203.0.113.20")]
    verdict, certainty, why = public_ways(reading(**CLOSED, NetworkInterfaces=public))["db-01"]
    assert (verdict, certainty) == ("permits_more", "definite")
    assert "db-01 is a back end and has the public address 203.0.113.20, by igw-0a" in why


def test_a_route_to_a_gateway_makes_a_subnet_public() -> None:
    tables = [table("rtb-main", [("10.0.0.0/16", "local"), ("0.0.0.0/0", "igw-0a")], main=True)]
    found = public_ways(reading(**CLOSED, RouteTables=tables))
    assert {name: one[:2] for name, one in found.items()} == {
        "app-01": ("permits_more", "possible"), "db-01": ("permits_more", "possible"),
    }  # fmt: skip
    assert "route table rtb-main of its subnet leads to igw-0a" in found["db-01"][2]
    gone = table("rtb-main", [("10.0.0.0/16", "local"), ("0.0.0.0/0", "igw-0a")], main=True)
    gone["Routes"][1]["State"] = "blackhole"
    assert public_ways(reading(**CLOSED, RouteTables=[gone])) == {}


def test_who_is_published_follows_from_the_register() -> None:
    """Without a connection from outside web-01 is a back end as well; from a private network it stays one."""
    staff = {"id": "CON-9", "source": "10.50.0.0/16", "destination": "web-01", "services": ["tcp/443"]}
    for connections in ([TO_APP, TO_DB], [TO_APP, TO_DB, staff]):
        assert public_ways(reading(**CLOSED), *connections)["web-01"][:2] == ("permits_more", "definite")


def test_load_balancers_and_nat_gateways_are_there_to_be_exposed() -> None:
    more = [
        interface("eni-lb", "10.0.1.50", "subnet-pub", "sg-web", public="203.0.113.50", label="ELB app/front/1"),
        interface("eni-nat", "10.0.1.51", "subnet-pub", public="203.0.113.51", kind="nat_gateway"),
        interface("eni-odd", "10.0.1.52", "subnet-pub", "sg-web", public="203.0.113.52"),
    ]
    found = public_ways(reading(**CLOSED, NetworkInterfaces=[*ACCOUNT["NetworkInterfaces"], *more]))
    assert set(found) == {"eni-odd"}
    assert "no registered server and no load balancer" in found["eni-odd"][2]


def test_an_ipv6_address_with_a_route_is_public() -> None:
    tables = [table("rtb-main", [("10.0.0.0/16", "local"), ("::/0", "igw-0a")], main=True)]
    six = [*ACCOUNT["NetworkInterfaces"][:2], interface("eni-db", DB, "subnet-priv", "sg-db", v6=["2001:db8::20"])]
    found = public_ways(reading(**CLOSED, RouteTables=tables, NetworkInterfaces=six))
    assert (found["db-01"][1], found["app-01"][1]) == ("definite", "possible")


def test_without_its_route_table_nobody_knows_whether_a_subnet_is_private() -> None:
    found = public_ways(reading(**CLOSED, RouteTables=None))
    assert {name: one[:2] for name, one in found.items()} == {
        "app-01": ("not_verifiable", "unproven"), "db-01": ("not_verifiable", "unproven"),
    }  # fmt: skip
