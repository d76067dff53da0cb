"""What must hold after every step, judged from the bare rows before and after it. Knows none of the product's checks.

`audit` gives sentences, one for each violation; an empty list when all is well.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final

from compliance.models import (
    Answer,
    Approval,
    ApprovalNeeded,
    ChangeRecord,
    ConnectionVersion,
    Delegation,
    Justification,
    LedgerInbox,
    Question,
)
from tests.workflow.rights import Rights

Row = dict[str, Any]
# From where to where a record may go in one step, written down here once more.
EDGES: Final = {
    ("draft", "submitted"), ("draft", "withdrawn"), ("submitted", "approved"), ("submitted", "rejected"),
    ("submitted", "implemented"), ("submitted", "withdrawn"),
    ("approved", "implemented"), ("disputed", "implemented"), ("implemented", "verified"),
    ("disputed", "verified"), ("implemented", "disputed"), ("verified", "disputed"), ("approved", "retired"),
    ("implemented", "retired"), ("verified", "retired"), ("disputed", "retired"),
}  # fmt: skip
CONTENT: Final = ("material", "content_hash", "title", "system_id", "last_edited_by_id", "urgency")
FOREVER: Final = ("requested_by_id", "connection_id", "kind", "created_at")
TABLES: Final = {
    "changes": ChangeRecord, "needs": ApprovalNeeded, "approvals": Approval, "reasons": Justification,
    "questions": Question, "answers": Answer, "delegations": Delegation,
}  # fmt: skip
IMMUTABLE: Final = ("needs", "approvals", "questions", "answers", "delegations")
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


@dataclass
class Rows:
    """The tables of the workflow as they stand."""

    changes: dict[int, Row] = field(default_factory=dict)
    needs: dict[int, Row] = field(default_factory=dict)
    approvals: dict[int, Row] = field(default_factory=dict)
    versions: dict[int, Row] = field(default_factory=dict)
    reasons: dict[int, Row] = field(default_factory=dict)
    questions: dict[int, Row] = field(default_factory=dict)
    answers: dict[int, Row] = field(default_factory=dict)
    delegations: dict[int, Row] = field(default_factory=dict)
    ledger: int = 0
    noted: list[Row] = field(default_factory=list)

    def of(self, change: int, table: str = "needs") -> list[Row]:
        """The needs of a change."""
        return [row for row in getattr(self, table).values() if row["change_id"] == change]

    def given(self, change: int) -> list[Row]:
        """The approvals of a change."""
        needs = {row["id"] for row in self.of(change)}
        return [row for row in self.approvals.values() if row["needed_id"] in needs]


def read(since: int = 0) -> Rows:
    """All rows now, and the ledger's rows after number `since`."""
    rows = Rows(**{name: {row["id"]: row for row in model._default_manager.values()} for name, model in TABLES.items()})
    rows.versions = {row["id"]: row for row in ConnectionVersion.objects.values()}
    rows.noted = list(LedgerInbox.objects.filter(pk__gt=since).order_by("pk").values("id", "data"))
    rows.ledger = rows.noted[-1]["id"] if rows.noted else since
    return rows


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
        *_decided(after),
    ]


def _lost(before: Rows, after: Rows) -> Iterator[str]:
    """Nothing is ever deleted, and what people said is never altered."""
    for table in (*TABLES, "versions"):
        old, new = getattr(before, table), getattr(after, table)
        yield from (f"{table} {key} is gone" for key in old.keys() - new.keys())
        if table in IMMUTABLE:
            yield from (f"{table} {key} was altered" for key in old.keys() & new.keys() if old[key] != new[key])
    for key in before.versions.keys() & after.versions.keys():
        old, new = before.versions[key], after.versions[key]
        ended = {"valid_to", "closed_by_id"} if old["valid_to"] is None else set()
        yield from (
            f"version {key}: {name} was altered" for name in old if old[name] != new[name] and name not in ended
        )


def _moved(before: Rows, after: Rows) -> Iterator[str]:
    """States go only by the table; the content changes only while it is a draft; versions only rise."""
    for key in before.changes.keys() & after.changes.keys():
        old, new = before.changes[key], after.changes[key]
        if old["state"] != new["state"] and (old["state"], new["state"]) not in EDGES:
            yield f"CHG-{key} went from {old['state']} to {new['state']}"
        if old["state"] != "draft":
            yield from (
                f"CHG-{key}: {name} was altered while {old['state']}" for name in CONTENT if old[name] != new[name]
            )
        yield from (f"CHG-{key}: {name} was altered" for name in FOREVER if old[name] != new[name])
        if old != new and new["version"] <= old["version"]:
            yield f"CHG-{key} was changed and kept its version"
    for key in after.changes.keys() - before.changes.keys():
        if after.changes[key]["state"] not in ("draft", "submitted"):
            yield f"CHG-{key} began as {after.changes[key]['state']}"


def _noted(before: Rows, after: Rows, step: Step) -> Iterator[str]:
    """What was refused left no trace; what was done stands in the ledger under its verb and person."""
    if step.refused:
        changed = [name for name in (*TABLES, "versions") if getattr(before, name) != getattr(after, name)]
        if changed or after.noted:
            yield f"{step.verb} was refused ({step.refused}) and left a trace in {changed or 'the ledger'}"
        return
    said = {(row["data"]["verb"], row["data"]["actor"]["id"]) for row in after.noted}
    if step.verb and step.ledger_verb != ANYTHING and (step.ledger_verb or step.verb, step.person) not in said:
        yield f"{step.verb} by {step.person} is not in the ledger: {sorted(map(str, said))}"


def _agreed(before: Rows, after: Rows, step: Step, rights: Rights) -> Iterator[str]:
    """Each new approval is by somebody who could, of what the record says now; who could was not turned away."""
    for key in after.approvals.keys() - before.approvals.keys():
        row = after.approvals[key]
        need = after.needs[row["needed_id"]]
        change = after.changes[need["change_id"]]
        why = rights.why_not(row["approver_id"], need, change, step.at)
        if why or row["approver_id"] != step.person:
            yield f"CHG-{change['id']} was approved by {row['approver_id']}: {why or 'somebody else clicked'}"
        if row["content_hash"] != digest(change["material"]):
            yield f"CHG-{change['id']}: an approval is bound to something else than it says"
    if step.refused and step.verb == "approve" and step.change in before.changes and step.person is not None:
        yield from _turned_away(before, step, rights)


def _turned_away(before: Rows, step: Step, rights: Rights) -> Iterator[str]:
    """Whoever could have met an open need of a waiting change, and read its newest version, must be heard."""
    change = before.changes[step.change or 0]
    given = before.given(change["id"])
    if change["state"] != "submitted" or step.person in {row["approver_id"] for row in given}:
        return
    met = {row["needed_id"] for row in given}
    for need in before.of(change["id"]):
        if need["id"] not in met and not rights.why_not(step.person or 0, need, change, step.at):
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
        if change["state"] in ("approved", "implemented", "verified", "disputed", "retired"):
            needs = after.of(key)
            if len(needs) < FEWEST or len(people) < len(needs):
                yield f"CHG-{key} is {change['state']} with {len(people)} of {len(needs)} agreements"


def authorised(rows: Rows, today: date) -> set[int]:
    """The connections that are authorised on that day, worked out from the bare rows."""
    found = set()
    for version in rows.versions.values():
        change = rows.changes[version["change_id"]]
        needs, given = rows.of(change["id"]), rows.given(change["id"])
        people = {row["approver_id"] for row in given} - {change["requested_by_id"], change["last_edited_by_id"]}
        stands = version["valid_from"] <= today and (version["valid_to"] is None or version["valid_to"] > today)
        ended = version["ends_on"] is not None and version["ends_on"] < today
        agreed = len(needs) >= FEWEST and len(people) >= len(needs) == len(given)
        bound = {row["content_hash"] for row in given} == {digest(version["material"])}
        if stands and not ended and agreed and bound:
            found.add(version["connection_id"])
    return found
