"""What listens, is shared, is against the policy and can be learned behind the interfaces of an account."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from compliance.policy.facts import Side
from compliance.policy.shipped import described, shipped
from compliance.traffic import addresses
from evidence import ends
from evidence.admin_path import paths
from evidence.case import INPUT, Case
from evidence.judgement import Judgement
from evidence.learn import Learned, Left, learn
from evidence.policy_verdicts import against
from evidence.rules import Reading, Verdict
from evidence.verdicts import judge_case
from tests.bench.aws_account import APP, DB, WEB, group, permission, reading
from tests.bench.estate import host
from tests.bench.test_aws_verdicts import CLOSED, OPEN, register

SOCKETS = 'tcp LISTEN 0 128 0.0.0.0:9000 0.0.0.0:* users:(("java",pid=1,fd=3))\n'
EXPORT = "/srv/hr  *(sync,wdelay,hide,no_subtree_check,sec=sys,rw,root_squash,no_all_squash)\n"
V4 = "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\nCOMMIT\n"
SHUT = V4.replace(":INPUT ACCEPT", ":INPUT DROP")
WIDE = {"SecurityGroups": [
    group("sg-web", permission("tcp", 443, ranges=["0.0.0.0/0"]), out=[permission("-1", ranges=["10.0.0.0/16"])]),
    CLOSED["SecurityGroups"][1],
    group("sg-db", permission("tcp", 9000, ranges=["10.0.1.10/32"]), permission("tcp", 22, ranges=["10.0.1.10/32"]),
          permission("tcp", 2049, ranges=["10.0.1.10/32"]), out=[]),
]}  # fmt: skip


def case(account: dict[str, Any], **hosts: Reading) -> Case:
    """The account and the hosts that were read."""
    readings = {"cloud": reading(**account), **{name.replace("_", "-"): one for name, one in hosts.items()}}
    return Case(register(), readings, None, {})


def said(asked: Case, verdict: Verdict) -> list[Judgement]:
    """Of one verdict."""
    return [one for one in judge_case(asked, flows=None, at=date(2026, 11, 22)) if one.verdict is verdict]


@pytest.mark.parametrize(
    ("account", "rules", "words"),
    [
        (CLOSED, V4, "contained by eni-db/in of cloud, which lets nothing to it in"),
        (CLOSED, SHUT, "contained by INPUT of db-01, eni-db/in of cloud, which let nothing to it in"),
        (WIDE, V4, "INPUT of db-01, eni-db/in of cloud let traffic to it in"),
        (WIDE, SHUT, "contained by INPUT of db-01, which lets nothing to it in"),
        (WIDE, "", "is not proven: what db-01 itself filters was not read"),
    ],
)
def test_who_listens_is_contained_by_what_stands_before_it(account: dict[str, Any], rules: str, words: str) -> None:
    asked = case(account, db_01=host(ss=SOCKETS, **({"v4": rules} if rules else {})))
    (found,) = said(asked, Verdict.listener_unauthorised)
    assert found.because.endswith(words)


def test_a_share_is_contained_by_an_interface_as_well() -> None:
    shared = host(exportfs=EXPORT, v4=V4)
    for account, words in ((CLOSED, "contained by INPUT, eni-db/in (aws:eni-db/in#default)"), (WIDE, "let 10.0.1.10")):
        assert words in said(case(account, db_01=shared), Verdict.share_wider)[0].because


def side(name: str, address: str, role: str) -> Side:
    """A server with its role."""
    return Side((name,), (addresses.parse(address),), role=role, zone="z", environment="production", system="Payroll")


SIDES = (side("web-01", WEB, "web"), side("app-01", APP, "app"), side("db-01", DB, "database"))


def forbidden(asked: Case) -> list[Judgement]:
    """What the policy on administration says."""
    outside = Side(("the internet",), (), outside="internet")
    found = against(asked, shipped(), described(), SIDES, outside, on=date(2026, 11, 22))
    return [one for one in found if one.subject.startswith("administration-from-bastion")]


def test_administration_through_a_group_is_against_the_policy() -> None:
    (unread,) = forbidden(case(WIDE))
    assert (unread.certainty, unread.rule) == ("possible", "aws:sg-db/in#2")  # nobody read the servers' own filters
    (proven,) = forbidden(case(WIDE, web_01=OPEN, db_01=host(v4=V4)))
    assert (proven.certainty, str(proven.witness)) == ("definite", f"{WEB} → {DB} tcp/22")
    assert forbidden(case(WIDE, db_01=host(v4=SHUT))) == forbidden(case(CLOSED)) == []
    kept = {"SecurityGroups": [CLOSED["SecurityGroups"][0], *WIDE["SecurityGroups"][1:]]}
    assert forbidden(case(kept)) == []  # the sender's own group holds it back


def test_ways_of_administration_are_those_that_a_group_leaves() -> None:
    for account, hosts, reach in (
        (WIDE, {}, "possible"), (WIDE, {"db_01": host(v4=V4)}, "others"), (CLOSED, {}, "nobody"),
        (CLOSED, {"db_01": host(v4=V4)}, "nobody"),
    ):  # fmt: skip
        found = {one.server: one for one in paths(case(account, **hosts), shipped(), SIDES)}["db-01"]
        assert found.reach == reach, (account, found)


def test_what_a_group_stops_elsewhere_is_not_learned() -> None:
    def learned(account: dict[str, Any]) -> set[str]:
        asked = case(account, db_01=host(ss=SOCKETS, v4=V4), web_01=OPEN)
        found = list(learn(asked, said(asked, Verdict.permits_more), []))
        entries = {str(one[:3]) for one in found if isinstance(one, Learned) and one.point == "cloud/eni-db/in"}
        return entries | {one.because for one in found if isinstance(one, Left) and one.point == "cloud/eni-db/in"}

    assert str(("web-01", "db-01", "tcp/9000")) in learned(WIDE)
    kept = {"SecurityGroups": [CLOSED["SecurityGroups"][0], *WIDE["SecurityGroups"][1:]]}
    assert learned(kept) == {
        "eni-web/out of cloud stops it from web-01 to db-01",
        "nobody listens on tcp/22 of db-01: the rule can go",
        "nobody listens on tcp/2049 of db-01: the rule can go",
    }


def test_traffic_to_an_address_no_interface_holds_passes_none() -> None:
    """A container's own network behind the server: the account says nothing about it."""
    asked = case(CLOSED, db_01=host(v4=V4))
    own = (0, 2**32 - 1, 0xAC110002, 0xAC110002, 6, 6, 0, 65535, 9000, 9000)
    found = ends.asked(asked, "db-01", INPUT, 4, own)
    assert {one.rule for one in found} == {"iptables:filter/INPUT#policy"}
