"""What must hold after every step, judged from the bare rows before and after it. Knows none of the product's checks.

`audit` gives sentences, one for each violation; an empty list when all is well. What stands beside the change records
(groups, risks, questions, delegations) is judged in beside_audit.py.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from tests.workflow.rights import Rights
from tests.workflow.rows import TABLES, Row, Rows
from tests.workflow.table import EDGES

CONTENT: Final = ("material", "content_hash", "title", "system_id", "last_edited_by_id", "urgency")
FOREVER: Final = ("requested_by_id", "connection_id", "kind", "created_at")
IMMUTABLE: Final = ("needs", "approvals", "questions", "answers")
# Of what may end, and only once: everything else in it stays as it was written
ENDING: Final = {
    "versions": {"valid_to", "closed_by_id"}, "delegations": {"ended_at"}, "stages": {"valid_to"},
    "members": {"valid_to", "seal"},
}  # fmt: skip
BEGUN: Final = {"versions": "valid_to", "delegations": "ended_at", "stages": "valid_to", "members": "valid_to"}
PAST_DECISION: Final = ("approved", "implemented", "verified", "disputed", "retired")
FEWEST: Final = 2
ANYTHING: Final = "*"  # of a step that may find its work done already: it need not stand in the ledger again


@dataclass(frozen=True)
class Step:
    """What was tried: the verb, by whom (None: Eastwest), when, on which record, and whether it was refused."""

    verb: str
    person: int | None
    at: datetime
    change: int | None = None
    refused: str = ""
    ledger_verb: str = ""


def digest(material: Any) -> str:
    """The hash an approval is bound to, computed here and not there."""
    text = json.dumps(material, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def audit(before: Rows, after: Rows, step: Step, rights: Rights) -> list[str]:
    """Every violation of one step, in sentences."""
    return [
        *_lost(before, after),
        *_moved(before, after),
        *_noted(before, after, step),
        *_agreed(before, after, step, rights),
        *_turned_away(before, step, rights),
        *_decided(after),
    ]


def _lost(before: Rows, after: Rows) -> Iterator[str]:
    """Nothing is ever deleted, and what people said is never altered."""
    for table in TABLES:
        old, new = getattr(before, table), getattr(after, table)
        if old is new:
            continue
        yield from (f"{table} {key} is gone" for key in old.keys() - new.keys())
        if table in IMMUTABLE:
            yield from (f"{table} {key} was altered" for key in old.keys() & new.keys() if old[key] != new[key])
        if table in ENDING:
            for key in old.keys() & new.keys():
                free = ENDING[table] if old[key][BEGUN[table]] is None else set()
                yield from (
                    f"{table} {key}: {name} was altered"
                    for name in old[key]
                    if old[key][name] != new[key][name] and name not in free
                )


def _moved(before: Rows, after: Rows) -> Iterator[str]:
    """States go only by the table; the content changes only while it is a draft; versions only rise."""
    for key in before.changes.keys() & after.changes.keys():
        old, new = before.changes[key], after.changes[key]
        if old == new:
            continue
        if old["state"] != new["state"] and (old["state"], new["state"]) not in EDGES:
            yield f"CHG-{key} went from {old['state']} to {new['state']}"
        if old["state"] != "draft":
            yield from (
                f"CHG-{key}: {name} was altered while {old['state']}" for name in CONTENT if old[name] != new[name]
            )
        yield from (f"CHG-{key}: {name} was altered" for name in FOREVER if old[name] != new[name])
        if new["version"] <= old["version"]:
            yield f"CHG-{key} was changed and kept its version"
    for key in after.changes.keys() - before.changes.keys():
        if after.changes[key]["state"] not in ("draft", "submitted"):
            yield f"CHG-{key} began as {after.changes[key]['state']}"


def _noted(before: Rows, after: Rows, step: Step) -> Iterator[str]:
    """What was refused left no trace; what was done stands in the ledger under its verb and person."""
    if step.refused:
        changed = [name for name in TABLES if getattr(before, name) != getattr(after, name)]
        if changed or after.noted:
            yield f"{step.verb} was refused ({step.refused}) and left a trace in {changed or 'the ledger'}"
        return
    said = {(row["data"]["verb"], row["data"]["actor"]["id"]) for row in after.noted}
    if step.verb and step.ledger_verb != ANYTHING and (step.ledger_verb or step.verb, step.person) not in said:
        yield f"{step.verb} by {step.person} is not in the ledger: {sorted(map(str, said))}"
    moved = {key for key, new in after.changes.items() if new["state"] != before.changes.get(key, new)["state"]}
    told = {row["data"]["object"]["id"] for row in after.noted if row["data"]["object"]}
    yield from (f"CHG-{key} moved, and no entry is about it" for key in moved - told)


def _agreed(before: Rows, after: Rows, step: Step, rights: Rights) -> Iterator[str]:
    """Each new approval is by somebody who could, of what the record says now, and of the stage that is asked."""
    for key in after.approvals.keys() - before.approvals.keys():
        row = after.approvals[key]
        need = after.needs[row["needed_id"]]
        change = after.changes[need["change_id"]]
        why = rights.why_not(row["approver_id"], need, change, step.at)
        if why or row["approver_id"] != step.person:
            yield f"CHG-{change['id']} was approved by {row['approver_id']}: {why or 'somebody else clicked'}"
        if row["content_hash"] != digest(change["material"]):
            yield f"CHG-{change['id']}: an approval is bound to something else than it says"
        if need["id"] not in {one["id"] for one in before.open(change["id"])}:
            yield f"CHG-{change['id']}: stage {need['stage']} was agreed to before it was asked"


def _turned_away(before: Rows, step: Step, rights: Rights) -> Iterator[str]:
    """Whoever could have met an open need of a waiting change, and read its newest version, must be heard."""
    if not step.refused or step.verb != "approve" or step.person is None or step.change not in before.changes:
        return
    change = before.changes[step.change]
    given = before.given(change["id"])
    if change["state"] != "submitted" or step.person in {row["approver_id"] for row in given}:
        return
    if change["kind"] == "widen" and "something else" in step.refused:
        return  # what it opens has changed since: nobody could have agreed to it
    for need in before.open(change["id"]):
        if not rights.why_not(step.person, need, change, step.at):
            yield f"{step.person} could agree to CHG-{change['id']} and was refused: {step.refused}"


def _decided(after: Rows) -> Iterator[str]:
    """What is past its decision was agreed to by one distinct person for each need, two at least."""
    for key, change in after.changes.items():
        given = after.given(key)
        people = {row["approver_id"] for row in given}
        if len(people) < len(given):
            yield f"CHG-{key}: one person agreed twice"
        if people & {change["requested_by_id"], change["last_edited_by_id"]}:
            yield f"CHG-{key}: somebody agreed to their own change"
        if change["state"] in PAST_DECISION:
            needs = after.of(key)
            if len(needs) < FEWEST or len(people) < len(needs):
                yield f"CHG-{key} is {change['state']} with {len(people)} of {len(needs)} agreements"


def approved(rows: Rows, change: Row) -> bool:
    """Whether enough distinct people agreed to exactly what the record says, worked out from the bare rows."""
    needs, given = rows.of(change["id"]), rows.given(change["id"])
    people = {row["approver_id"] for row in given} - {change["requested_by_id"], change["last_edited_by_id"]}
    enough = len(needs) >= FEWEST and len(people) >= len(needs) == len(given)
    return enough and {row["content_hash"] for row in given} == {digest(change["material"])}


def authorised(rows: Rows, today: date) -> set[int]:
    """The connections that are authorised on that day, worked out from the bare rows."""
    found, day = set(), today.isoformat()
    for version in rows.versions.values():
        change = rows.changes[version["change_id"]]
        stands = version["valid_from"] <= day and (version["valid_to"] is None or version["valid_to"] > day)
        ended = version["ends_on"] is not None and version["ends_on"] < day
        same = digest(version["material"]) == digest(change["material"])
        if stands and not ended and same and approved(rows, change):
            found.add(version["connection_id"])
    return found
