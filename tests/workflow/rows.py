"""The bare rows of the workflow, read by plain SQL: with none of the product's queries, managers or checks."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import Any, Final

from django.db import connection, models

from compliance.models import (
    Answer,
    Approval,
    ApprovalNeeded,
    ApprovalStage,
    ChangeRecord,
    ConnectionVersion,
    Delegation,
    Justification,
    LedgerInbox,
    Membership,
    Question,
    RiskAcceptance,
)

Row = dict[str, Any]
TABLES: Final[dict[str, type[models.Model]]] = {
    "changes": ChangeRecord, "needs": ApprovalNeeded, "approvals": Approval, "reasons": Justification,
    "questions": Question, "answers": Answer, "delegations": Delegation, "stages": ApprovalStage,
    "versions": ConnectionVersion, "members": Membership, "risks": RiskAcceptance,
}  # fmt: skip


@dataclass
class Rows:
    """The tables of the workflow as they stand, by id."""

    changes: dict[int, Row] = field(default_factory=dict)
    needs: dict[int, Row] = field(default_factory=dict)
    approvals: dict[int, Row] = field(default_factory=dict)
    versions: dict[int, Row] = field(default_factory=dict)
    reasons: dict[int, Row] = field(default_factory=dict)
    questions: dict[int, Row] = field(default_factory=dict)
    answers: dict[int, Row] = field(default_factory=dict)
    delegations: dict[int, Row] = field(default_factory=dict)
    stages: dict[int, Row] = field(default_factory=dict)
    members: dict[int, Row] = field(default_factory=dict)
    risks: dict[int, Row] = field(default_factory=dict)
    ledger: int = 0
    noted: list[Row] = field(default_factory=list)

    def of(self, change: int) -> list[Row]:
        """The needs of a change."""
        return [row for row in self.needs.values() if row["change_id"] == change]

    def given(self, change: int) -> list[Row]:
        """The approvals of a change."""
        needs = {row["id"] for row in self.of(change)}
        return [row for row in self.approvals.values() if row["needed_id"] in needs]

    def open(self, change: int) -> list[Row]:
        """The needs of the stage that is asked now: those of the lowest number that nobody met."""
        met = {row["needed_id"] for row in self.approvals.values()}
        left = [row for row in self.of(change) if row["id"] not in met]
        lowest = min((row["stage"] for row in left), default=0)
        return [row for row in left if row["stage"] == lowest]


def read(since: int = 0) -> Rows:
    """All rows now, and the ledger's rows after number `since`."""
    rows = Rows(**{name: _table(model) for name, model in TABLES.items()})
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, data FROM compliance_ledgerinbox WHERE id > %s ORDER BY id", [since])
        rows.noted = [{"id": key, "data": json.loads(data)} for key, data in cursor.fetchall()]
    rows.ledger = rows.noted[-1]["id"] if rows.noted else since
    return rows


def still(rows: Rows) -> Rows:
    """The same rows after a step that wrote nothing."""
    return Rows(**{name: getattr(rows, name) for name in TABLES}, ledger=rows.ledger)


def written() -> int:
    """How many rows this connection ever wrote, as SQLite itself counts: what was taken back is counted as well."""
    connection.ensure_connection()
    return int(connection.connection.total_changes)


def newest_entry() -> int:
    """The number of the newest row of the ledger."""
    return LedgerInbox.objects.order_by("-pk").values_list("pk", flat=True).first() or 0


def _table(model: type[models.Model]) -> dict[int, Row]:
    sql, names, texts = _question(model)
    with connection.cursor() as cursor:
        cursor.execute(sql)
        found = {row[0]: dict(zip(names, row, strict=True)) for row in cursor.fetchall()}
    for row in found.values():
        for name in texts:
            row[name] = _parsed(row[name])
    return found


@cache
def _question(model: type[models.Model]) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    """The SQL, the columns, and which of them hold JSON. Moments come as the text that is kept: they sort as such."""
    fields = sorted(model._meta.concrete_fields, key=lambda one: not one.primary_key)
    moments = (models.DateTimeField, models.DateField)
    chosen = [f'CAST("{one.column}" AS TEXT)' if isinstance(one, moments) else f'"{one.column}"' for one in fields]
    texts = tuple(one.attname for one in fields if isinstance(one, models.JSONField))
    sql = f'SELECT {", ".join(chosen)} FROM "{model._meta.db_table}"'
    return sql, tuple(one.attname for one in fields), texts


@lru_cache(maxsize=4096)
def _parsed(text: str) -> Any:
    return json.loads(text)
