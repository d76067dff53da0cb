"""`aws cloudtrail lookup-events`: who changed which list, route, gateway or interface of an account, and when.

It says who acted, and nothing about what is open: a reading of an account rests on its own answers. Each event counts
as a line. Calls that AWS refused changed nothing and are passed over.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from evidence.formats.cursor import Account
from evidence.formats.json_objects import Found, members
from evidence.rules import Artefact, FormatError, Reading, Statement

NAME = "cloudtrail"
ABOUT = "acts"
POINT = f"says/{ABOUT}"
BEGINS = re.compile(r'\{\s*"Events"\s*:\s*\[')
RESOURCE = re.compile(r"\b(?:sg|acl|rtb|eni|subnet|igw|eigw|nat|pcx|pl|vgw|vpc|vpce|eipalloc)-[0-9a-z]{2,32}\b")
TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?(?:Z|[+-]\d\d:\d\d)?")
LONGEST = 200  # characters of a name that are repeated
GIVE = "Give the answer of `aws cloudtrail lookup-events` as JSON."


def sniff(head: bytes, name: str) -> float:
    """How sure it is that this is such an answer, 0 to 1."""
    start = head[:200].decode("utf-8", "replace").lstrip("\ufeff \t\r\n")
    if not BEGINS.match(start):
        return 0.0
    return 0.95 if b'"CloudTrailEvent"' in head else 0.7


def read(artefacts: Sequence[Artefact]) -> Reading:
    """Who acted on what. Raises FormatError where a file is no such answer."""
    said: list[Statement] = []
    accounts: list[Account] = []
    for artefact in artefacts:
        given = members(artefact)
        listed = given.pop("Events", None)
        strange = sorted(set(given) - {"ResponseMetadata", "NextToken"})
        if not isinstance(listed, list) or strange:
            why = f"it holds {', '.join(map(repr, strange))}" if strange else "it has no list of events"
            raise FormatError(f"{artefact.name} is no answer of CloudTrail", why, GIVE)
        account = Account(artefact, len(listed))
        accounts.append(account)
        for one in listed:
            try:
                said.extend(_event(one, account))
            except (ValueError, TypeError, AttributeError, RecursionError) as wrong:
                one.fail(account, f"not an event as CloudTrail gives it: {wrong}", POINT)
    return Reading(
        format=NAME,
        statements=tuple(sorted(said, key=lambda one: one.detail("at"), reverse=True)),
        unread=tuple(one for account in accounts for one in account.unread()),
        lines={account.name: account.lines() for account in accounts},
    )


def _event(one: Found, account: Account) -> Iterator[Statement]:
    value: dict[str, Any] = one.value
    if "\ufffd" in one.text:
        raise ValueError("it holds bytes that are no UTF-8")
    whole = json.loads(value["CloudTrailEvent"]) if value.get("CloudTrailEvent") else {}
    name, at = value.get("EventName"), str(value.get("EventTime") or whole.get("eventTime") or "")
    if not isinstance(name, str) or not name or not TIME.fullmatch(at) or not isinstance(whole, dict):
        raise ValueError("its name or its time is missing")
    if whole.get("errorCode"):
        account.ignore(one.number)
        return
    account.consume(one.number)
    identity = whole.get("userIdentity") or {}
    actor = str(identity.get("arn") or value.get("Username") or "somebody whom it does not name")[:LONGEST]
    details = (("event", name[:LONGEST]), ("at", at), ("from", str(whole.get("sourceIPAddress") or "")[:LONGEST]))
    about = json.dumps([whole.get("requestParameters"), whole.get("responseElements"), value.get("Resources")])
    for resource in dict.fromkeys(RESOURCE.findall(about)):
        yield Statement(ABOUT, resource, actor, details, one.origin(account))
