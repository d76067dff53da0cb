"""What AWS Config says of an account, beside what was read: it supports, or is at odds and named, and never decides."""

from __future__ import annotations

import json
from typing import Any

import pytest

from evidence.host import read_host
from evidence.rules import Artefact, Reading, Verdict
from tests.bench.aws_account import ACCOUNT, IGW, account, files, group, permission, table
from tests.bench.test_aws_verdicts import CLOSED, judged

SSH = permission("tcp", 22, ranges=["0.0.0.0/0"])
AT = "2026-11-21T04:12:00+00:00"


def results(rule: str, managed: str, asked: str = "", **said: str) -> list[Artefact]:
    """One managed rule and what it says of resources (`sg_db`: `sg-db`)."""
    rules = [
        {"ConfigRuleName": rule, "InputParameters": asked, "Source": {"Owner": "AWS", "SourceIdentifier": managed}}
    ]
    found = [
        {"EvaluationResultIdentifier": {"EvaluationResultQualifier": {
            "ConfigRuleName": rule, "ResourceId": name.replace("_", "-")}}, "ComplianceType": one,
         "ResultRecordedTime": AT}
        for name, one in said.items()
    ]  # fmt: skip
    given = {"ConfigRules": rules, "EvaluationResults": found}
    return [Artefact(f"{key}.json", json.dumps({key: rows}).encode()) for key, rows in given.items()]


def with_results(*given: Artefact, **changed: Any) -> Reading:
    """The account with them beside it."""
    return read_host([*files(account(**{**CLOSED, **changed})), *given])


def odds(read: Reading) -> dict[str, str]:
    """Subject -> why, of every disagreement."""
    return {one.subject: one.because for one in judged(read)
            if one.verdict is Verdict.not_verifiable and one.subject.startswith("AWS Config on ")}  # fmt: skip


def wide(*permits: dict[str, Any]) -> dict[str, Any]:
    """The database's group with these permits beside its own."""
    mine = group("sg-db", permission("tcp", 5432, groups=["sg-app"]), *permits, out=[])
    return {"SecurityGroups": [*CLOSED["SecurityGroups"][:2], mine]}


@pytest.mark.parametrize(
    ("permits", "said", "at_odds"),
    [
        ([], "COMPLIANT", ""),
        ([SSH], "NON_COMPLIANT", ""),
        ([SSH], "COMPLIANT", "aws:sg-db/in#2 stands against it"),
        ([], "NON_COMPLIANT", "no rule that was read stands against it"),
        ([permission("tcp", 22, ranges=["10.0.0.0/8"])], "COMPLIANT", ""),
        ([permission("-1", v6=["::/0"])], "COMPLIANT", "aws:sg-db/in#2"),
        ([permission("tcp", 22, lists=["pl-unread"])], "COMPLIANT", ""),  # in doubt: nothing to hold against it
        ([SSH], "NOT_APPLICABLE", ""),
    ],
)
def test_agreement_is_silent_and_a_disagreement_is_named(permits: list[Any], said: str, at_odds: str) -> None:
    found = odds(with_results(*results("no-ssh", "INCOMING_SSH_DISABLED", sg_db=said), **wide(*permits)))
    assert len(found) == bool(at_odds), found
    if at_odds:
        assert at_odds in found["AWS Config on sg-db (no-ssh)"]
        word = "met" if said == "COMPLIANT" else "not met"
        assert (
            f"about sg-db: no-ssh (INCOMING_SSH_DISABLED) is {word}, as of {AT}"
            in found["AWS Config on sg-db (no-ssh)"]
        )


def test_the_same_word_supports_the_finding() -> None:
    read = with_results(*results("no-ssh", "INCOMING_SSH_DISABLED", sg_db="NON_COMPLIANT"), **wide(SSH))
    (because,) = [one.because for one in judged(read) if one.rule == "aws:sg-db/in#2" and one.excess]
    assert because.endswith(". AWS Config says the same by no-ssh")
    assert odds(read) == {}


def test_ports_of_a_rule_are_its_own() -> None:
    asked = json.dumps({"blockedPort1": "5433"})
    said = results("ports", "RESTRICTED_INCOMING_TRAFFIC", asked, sg_db="COMPLIANT")
    assert odds(with_results(*said, **wide(permission("tcp", 3389, ranges=["0.0.0.0/0"])))) == {}
    assert odds(with_results(*said, **wide(permission("tcp", 5433, ranges=["0.0.0.0/0"])))) != {}


def test_a_route_to_a_gateway_and_a_group_that_should_be_empty() -> None:
    said = results("routes", "NO_UNRESTRICTED_ROUTE_TO_IGW", rtb_pub="COMPLIANT", rtb_main="COMPLIANT")
    assert set(odds(with_results(*said))) == {"AWS Config on rtb-pub (routes)"}
    narrow = [table("rtb-pub", [("10.0.0.0/16", "local"), ("198.51.100.0/24", IGW)], "subnet-pub")]
    assert odds(with_results(*said, RouteTables=[*narrow, ACCOUNT["RouteTables"][1]])) == {}
    said = results("default", "VPC_DEFAULT_SECURITY_GROUP_CLOSED", sg_db="COMPLIANT")
    assert set(odds(with_results(*said))) == {"AWS Config on sg-db (default)"}


def test_what_is_not_compared_decides_nothing() -> None:
    said = results("other", "ENCRYPTED_VOLUMES", sg_db="NON_COMPLIANT", sg_gone="NON_COMPLIANT")
    read = with_results(*said)
    assert odds(read) == {}
    assert judged(read) == judged(with_results())
    gone = with_results(*results("no-ssh", "INCOMING_SSH_DISABLED", sg_gone="NON_COMPLIANT"))
    assert odds(gone) == {}  # nobody read that group: nothing to compare
