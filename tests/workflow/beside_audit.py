"""What must hold beside the change records, judged from the bare rows: whom they ask, groups, risks, questions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final

from tests.workflow.audit import Step, approved
from tests.workflow.rights import Rights
from tests.workflow.rows import Row, Rows
from tests.workflow.table import RISK_EDGES, WALKED

ASKED_FOR: Final = (
    "system_id", "kind", "key", "about", "extent", "rating", "reason", "alternate_control", "ends_on",
    "requested_by_id",
)  # fmt: skip


@dataclass(frozen=True)
class Known:
    """What the world said once: in which system each end lies, by name; the names of the groups, by id. And the
    further stages of each system as they were set: place, title, who (None: the officer)."""

    homes: Mapping[str, int]
    groups: Mapping[int, str]
    stages: Mapping[int, list[tuple[int, str, int | None]]]

    def with_stages(self, system: int, stages: list[tuple[int, str, int | None]]) -> Known:
        """The same after the stages of a system were set."""
        return Known(self.homes, self.groups, {**self.stages, system: stages})


def audit_beside(before: Rows, after: Rows, step: Step, rights: Rights, known: Known) -> list[str]:
    """Every violation of one step, in sentences."""
    return [
        *_asked(before, after, known),
        *_risks(before, after, step, rights),
        *_questions(before, after),
        *_members(before, after, known),
    ]


def _asked(before: Rows, after: Rows, known: Known) -> Iterator[str]:
    """What is sent asks the owner and a manager of its system, an owner of each other, then the system's stages."""
    for key, change in after.changes.items():
        old = before.changes.get(key)
        if change["state"] != "submitted" or (old is not None and old["state"] == "submitted"):
            if old is not None and len(after.of(key)) != len(before.of(key)):
                yield f"CHG-{key}: its needs changed while {change['state']}"
            continue
        home = change["system_id"]
        wanted = Counter([("system_owner", home, 1, None), ("manager", home, 1, None)])
        named = _names(change["material"], after) & known.homes.keys()
        others = {known.homes[name] for name in named} - {home}
        wanted.update(("other_owner", system, 1, None) for system in others)
        for place, _, person in known.stages.get(home, []):
            wanted["authorising_officer" if person is None else "named", home, place, person] += 1
        asks = Counter((row["capacity"], row["system_id"], row["stage"], row["person_id"]) for row in after.of(key))
        if asks != wanted:
            yield f"CHG-{key} asks {dict(asks)}, it should ask {dict(wanted)}"


def _names(said: Any, rows: Rows) -> set[str]:
    """Every word in it, those of the connections that it opens included."""
    if isinstance(said, str):
        opened = [
            row for row in rows.versions.values() if f"CON-{row['connection_id']}" == said and row["valid_to"] is None
        ]
        return {said}.union(*(_names(row["material"], rows) for row in opened))
    inner = said.values() if isinstance(said, dict) else said if isinstance(said, (list, tuple)) else ()
    return set().union(*(_names(one, rows) for one in inner))


def _risks(before: Rows, after: Rows, step: Step, rights: Rights) -> Iterator[str]:
    """Decided once, by the authorising officer or a delegate, never by who asked; what was asked for stays as it is."""
    for key in after.risks.keys() - before.risks.keys():
        if after.risks[key]["state"] != "requested":
            yield f"RSK-{key} began as {after.risks[key]['state']}"
    for key in before.risks.keys() & after.risks.keys():
        old, new = before.risks[key], after.risks[key]
        if old == new:
            continue
        yield from (f"RSK-{key}: {name} was altered" for name in ASKED_FOR if old[name] != new[name])
        if (old["state"], new["state"]) not in RISK_EDGES:
            yield f"RSK-{key} went from {old['state']} to {new['state']}"
        revoking = new["state"] == "revoked"
        who = new["revoked_by_id"] if revoking else new["decided_by_id"]
        why = rights.why_not_risk(who, old, step.at, revoking=revoking)
        if why or who != step.person:
            yield f"RSK-{key} became {new['state']} by {who}: {why or 'somebody else clicked'}"


def _questions(before: Rows, after: Rows) -> Iterator[str]:
    """Asked while it is going on, by somebody else than who asked for the change; answered by somebody else again."""
    for key in after.questions.keys() - before.questions.keys():
        row = after.questions[key]
        change = after.changes[row["change_id"]]
        if change["state"] not in WALKED["ask_question"] or row["asked_by_id"] == change["requested_by_id"]:
            yield f"a question about CHG-{change['id']} was asked while {change['state']} by {row['asked_by_id']}"
    for key in after.answers.keys() - before.answers.keys():
        row = after.answers[key]
        asked = after.questions[row["question_id"]]
        if row["answered_by_id"] == asked["asked_by_id"]:
            yield f"question {asked['id']} was answered by who asked it"


def _members(before: Rows, after: Rows, known: Known) -> Iterator[str]:
    """A group that something is read through grows only by a change that everybody agreed to."""
    for key in after.members.keys() - before.members.keys():
        row = after.members[key]
        if row["change_id"] is None:
            users = used(before, known.groups[row["group_id"]])
            if users:
                yield f"member {key} was added to a group in use by {users}"
        elif not approved(after, after.changes[row["change_id"]]):
            yield f"member {key} counts by CHG-{row['change_id']}, which nobody approved"


def used(rows: Rows, name: str) -> list[str]:
    """What is authorised through the group or waits for a decision about it, by the bare rows."""
    standing = [
        f"CON-{row['connection_id']}"
        for row in rows.versions.values()
        if row["valid_to"] is None and name in _words(row["material"])
    ]
    waiting = [
        f"CHG-{row['id']}"
        for row in rows.changes.values()
        if row["state"] == "submitted" and row["connection_id"] is not None and name in _words(row["material"])
    ]
    return [*standing, *waiting]


def _words(said: Any) -> set[str]:
    return _names(said, Rows())


def members(rows: Rows, group: int, at: datetime) -> set[int]:
    """The servers that count in the group at that time, worked out from the bare rows."""
    now = moment(at)
    return {
        row["server_id"]
        for row in rows.members.values()
        if row["group_id"] == group
        and row["valid_from"] <= now
        and (row["valid_to"] is None or row["valid_to"] > now)
        and (row["change_id"] is None or approved(rows, rows.changes[row["change_id"]]))
    }


def accepted(rows: Rows, at: datetime, today: date) -> set[str]:
    """The keys of the risks that are accepted at that time, worked out from the bare rows."""
    return {row["key"] for row in rows.risks.values() if _stands(row, moment(at), today.isoformat())}


def _stands(row: Row, now: str, day: str) -> bool:
    decided = row["state"] in ("accepted", "revoked") and row["decided_by_id"] not in (None, row["requested_by_id"])
    return bool(
        decided
        and row["decided_at"] <= now
        and row["ends_on"] >= day
        and (row["revoked_at"] is None or row["revoked_at"] > now)
    )


def moment(at: datetime) -> str:
    """A moment as SQLite keeps it, so that texts compare as times do."""
    return str(at.astimezone(UTC).replace(tzinfo=None))
