"""A connection's way in order, and where on it something stops or is not known."""

from __future__ import annotations

from typing import Any

from evidence.along import UNKNOWN_WAY, Said, Step, ways
from evidence.judgement import Judgement
from evidence.rules import Verdict
from tests.bench.aws_account import ACCOUNT, acl, entry, group, reading, table
from tests.bench.estate import host
from tests.bench.test_aws_verdicts import CLOSED, OPEN, judged

ORDER = [
    "Sender's own filter", "Security groups out", "Network ACL out", "Routes", "Network ACL in", "Security groups in",
    "Receiver's own filter", "The answer back",
]  # fmt: skip


def way(found: list[Judgement], connection: str = "CON-2") -> list[Step]:
    """The steps of a connection over IPv4."""
    mine = [one for one in found if one.subject == connection and one.verdict is not Verdict.usage_unknown]
    ((_, steps),) = ways(Said(one.point, one.verdict.value, one.rule, one.because, one.family) for one in mine)
    return steps


def states(**changed: Any) -> dict[str, str]:
    """Step -> state, both servers being read and open."""
    return {one.what: one.state for one in way(judged(reading(**{**CLOSED, **changed}), web_01=OPEN, app_01=OPEN))}


def test_each_point_stands_in_its_order() -> None:
    found = states()
    assert list(found) == ORDER
    assert set(found.values()) == {"through"}


def test_what_nobody_read_is_a_step_of_its_own() -> None:
    found = {one.what: one for one in way(judged(reading(**CLOSED), web_01=OPEN))}
    assert [name for name, one in found.items() if one.state != "through"] == ["Receiver's own filter"]
    own = found["Receiver's own filter"]
    assert (own.state, own.where) == ("unknown", "INPUT of app-01")
    assert own.because.startswith("no evidence from app-01")


def test_the_list_that_stops_it_is_told_from_those_beside_it() -> None:
    shut = acl("acl-one", ["subnet-priv"], [entry(100, "deny", "6", ports=(8080, 8080)), entry(110, egress=True)])
    found = states(NetworkAcls=[acl("acl-all", ["subnet-pub"]), shut])
    assert (found["Network ACL in"], found["Network ACL out"], found["Routes"]) == ("stopped", "apart", "apart")
    lost = table("rtb-pub", [("10.0.1.0/24", "local")], "subnet-pub")
    found = states(RouteTables=[lost, ACCOUNT["RouteTables"][1]])
    assert (found["Routes"], found["Network ACL in"]) == ("stopped", "apart")
    groups = [CLOSED["SecurityGroups"][0], group("sg-app"), CLOSED["SecurityGroups"][2]]
    found = states(SecurityGroups=groups)
    assert (found["Security groups in"], found["Network ACLs and routes"]) == ("stopped", "apart")


def test_devices_on_the_path_are_a_step() -> None:
    rows = [Said("a/OUTPUT", "implemented", "", "", 4), Said("fw-01/FORWARD", "not_implemented", "ios:x#1", "shut", 4),
            Said("fw-01/RETURN", "implemented", "", "", 4), Said("b/INPUT", "implemented", "", "", 4)]  # fmt: skip
    ((_, steps),) = ways(rows)
    assert [(one.what, one.state, one.where) for one in steps] == [
        ("Sender's own filter", "through", "OUTPUT of a"), ("Routers and firewalls", "stopped", "FORWARD of fw-01"),
        ("Receiver's own filter", "through", "INPUT of b"), ("The answer back", "through", "RETURN of fw-01"),
    ]  # fmt: skip


def test_a_path_that_was_not_read_is_said_to_be_unknown() -> None:
    assert states(NetworkAcls=None)["Network ACL out"] == "unknown"
    assert states(RouteTables=None)["Routes"] == "unknown"
    plain = {one.what: one for one in way(judged(host(), web_01=OPEN, app_01=OPEN))}
    assert (plain["Between them"].state, plain["Between them"].because) == ("unseen", UNKNOWN_WAY)
    assert list(plain) == ["Sender's own filter", "Between them", "Receiver's own filter"]


def test_two_accounts_that_say_the_same_of_a_path_are_one_step_each() -> None:
    def rows(*far: tuple[str, str]) -> list[Said]:
        ends = [Said("here/eni-a/out", "implemented", "", "", 4), Said("there/eni-b/in", "implemented", "", "", 4)]
        return [
            *ends,
            *(Said(f"{name}/FORWARD", *said, "why", 4) for name, said in zip(("here", "there"), far, strict=True)),
        ]

    ((_, through),) = ways(rows(("implemented", ""), ("implemented", "")))
    assert [(one.what, one.state, one.where) for one in through][1:4] == [
        (what, "through", "here, there") for what in ("Network ACL out", "Routes", "Network ACL in")
    ]
    ((_, stopped),) = ways(rows(("not_verifiable", "aws:rtb-a/away#1"), ("not_implemented", "aws:rtb-a/away#1")))
    assert [(one.what, one.state, one.where) for one in stopped][1:4] == [
        ("Network ACL out", "apart", "here, there"), ("Routes", "stopped", "there"),
        ("Network ACL in", "apart", "here, there"),
    ]  # fmt: skip
