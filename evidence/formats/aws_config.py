"""AWS Config: its rules, and what each of them found of the resources of an account. A second opinion beside our own.

It says what AWS Config thinks, and nothing about what is open: a reading of an account rests on its own answers. Each
rule and each result counts as a line.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from evidence.formats.aws_objects import row, text
from evidence.formats.cursor import Account
from evidence.formats.json_objects import Found, members
from evidence.rules import Artefact, FormatError, Reading, Statement

NAME = "aws-config"
RESULT, RULE = "config result", "config rule"  # what statements say
POINT = "says/config"
RULES, RESULTS = "ConfigRules", "EvaluationResults"
MET, NOT_MET = "met", "not met"  # in our words, which rate nobody
AGAINST = "NON_COMPLIANT"
WORDS = {AGAINST.removeprefix("NON_"): MET, AGAINST: NOT_MET, "NOT_APPLICABLE": "", "INSUFFICIENT_DATA": ""}
SSH, COMMON = "INCOMING_SSH_DISABLED", "RESTRICTED_INCOMING_TRAFFIC"
CLOSED, TO_GATEWAY = "VPC_DEFAULT_SECURITY_GROUP_CLOSED", "NO_UNRESTRICTED_ROUTE_TO_IGW"
COMPARED = frozenset({SSH, COMMON, CLOSED, TO_GATEWAY})  # rules of AWS that are a matter of one list
BEGINS = re.compile(r'\{\s*"(?:ConfigRules|EvaluationResults)"\s*:\s*\[')
GIVE = "Give the answers of `aws configservice describe-config-rules` and `get-compliance-details-by-config-rule`."


def sniff(head: bytes, name: str) -> float:
    """How sure it is that this is such an answer, 0 to 1."""
    return 0.95 if BEGINS.match(head[:200].decode("utf-8", "replace").lstrip("\ufeff \t\r\n")) else 0.0


def read(artefacts: Sequence[Artefact]) -> Reading:
    """What AWS Config says. Raises FormatError where a file is no such answer."""
    said: list[Statement] = []
    accounts: list[Account] = []
    for artefact in artefacts:
        given = members(artefact)
        lists = {key: given.pop(key) for key in (RULES, RESULTS) if key in given}
        strange = sorted(set(given) - {"ResponseMetadata", "NextToken"})
        if strange or not lists or not all(isinstance(one, list) for one in lists.values()):
            why = f"it holds {', '.join(map(repr, strange))}" if strange else "it has no list of rules or results"
            raise FormatError(f"{artefact.name} is no answer of AWS Config", why, GIVE)
        account = Account(artefact, sum(map(len, lists.values())))
        accounts.append(account)
        for key, listed in lists.items():
            for one in listed:
                try:
                    said.extend(_rule(one, account) if key == RULES else _result(one, account))
                    account.consume(one.number)
                except (ValueError, TypeError, AttributeError, RecursionError) as wrong:
                    one.fail(account, f"not as AWS Config gives it: {wrong}", POINT)
    return Reading(
        format=NAME,
        statements=tuple(said),
        unread=tuple(one for account in accounts for one in account.unread()),
        lines={account.name: account.lines() for account in accounts},
    )


def _rule(found: Found, account: Account) -> Iterator[Statement]:
    value: dict[str, Any] = found.value
    name, source = text(value, "ConfigRuleName", needed=True), row(value, "Source")
    asked = json.loads(text(value, "InputParameters") or "{}")
    if not isinstance(asked, dict):
        raise ValueError("InputParameters are no object")
    managed = text(source, "SourceIdentifier") if text(source, "Owner") == "AWS" else ""
    details = tuple(sorted((str(key), str(one)) for key, one in asked.items()))
    yield Statement(RULE, name, managed, details, found.origin(account))


def _result(found: Found, account: Account) -> Iterator[Statement]:
    value: dict[str, Any] = found.value
    about = row(row(value, "EvaluationResultIdentifier"), "EvaluationResultQualifier")
    said = text(value, "ComplianceType", needed=True)
    if said not in WORDS:
        raise ValueError(f"nobody here knows {said!r}")
    rule, resource = (text(about, key, needed=True) for key in ("ConfigRuleName", "ResourceId"))
    details = (("rule", rule), ("at", str(value.get("ResultRecordedTime") or "")))
    yield Statement(RESULT, resource, WORDS[said], details, found.origin(account))
