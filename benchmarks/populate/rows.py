"""Many rows at once: prepared by the models' own fields, written past the ORM, under all constraints of the tables.

The tables' keys are counted here, as the register is empty. What is written so the ledger is not told of: see
`compliance/project/databases`, which notes what goes through the ORM.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from django.core.management.color import no_style
from django.db import connections, models
from django.db.backends.base.base import BaseDatabaseWrapper

BATCH = 5_000


class Writer:
    """Keeps rows until there are many, and writes them in the order in which their tables came up first."""

    def __init__(self) -> None:
        self.waiting: dict[type[models.Model], list[models.Model]] = {}
        self.last: dict[type[models.Model], int] = {}
        self.written: dict[str, int] = defaultdict(int)

    def add(self, row: Any) -> Any:
        """The row with its key; on the disk at the next `flush`."""
        model = type(row)
        if model not in self.last:
            top = model._base_manager.aggregate(top=models.Max("pk"))["top"]
            self.last[model] = top or 0
        self.last[model] += 1
        row.pk = self.last[model]
        self.waiting.setdefault(model, []).append(row)
        return row

    def flush(self) -> None:
        """Writes what waits. Foreign keys are looked at when the transaction ends."""
        for model, rows in self.waiting.items():
            for start in range(0, len(rows), BATCH):
                self._write(model, rows[start : start + BATCH])
            self.written[model._meta.label_lower] += len(rows)
        self.waiting = {}

    def _write(self, model: type[models.Model], rows: Sequence[models.Model]) -> None:
        fields = [field for field in model._meta.concrete_fields if field.column and not field.generated]
        database = connections["default"]
        values = ([plain(field, row.__dict__.get(field.attname), database) for field in fields] for row in rows)
        insert(model._meta.db_table, [str(field.column) for field in fields], values)

    def finish(self) -> None:
        """The databases count on from the keys that were given, and know how many rows there are of what."""
        database = connections["default"]
        with database.cursor() as cursor:
            for statement in database.ops.sequence_reset_sql(no_style(), list(self.last)):
                cursor.execute(statement)
            cursor.execute("ANALYZE")


def plain(field: models.Field[Any, Any], value: Any, database: BaseDatabaseWrapper) -> Any:
    """A value as the database takes it. Numbers and texts, which most are, go as they are."""
    if value is None or type(value) in (int, bool):
        return value
    if isinstance(value, str):
        return str(value)
    return field.get_db_prep_save(value, database)


def insert(table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """The rows into the table: by COPY where the database has it, else one prepared statement for all."""
    database = connections["default"]
    quoted = ", ".join(database.ops.quote_name(name) for name in columns)
    with database.cursor() as cursor:
        if database.vendor == "postgresql":
            with cursor.copy(f"COPY {database.ops.quote_name(table)} ({quoted}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
            return
        marks = ", ".join(["%s"] * len(columns))
        cursor.executemany(
            f"INSERT INTO {database.ops.quote_name(table)} ({quoted}) VALUES ({marks})",  # noqa: S608 (names of models)
            list(rows),
        )
