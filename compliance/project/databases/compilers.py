"""Every write of the ORM to a governed row is noted, whichever way it goes: save, update, bulk, delete, cascade.

Django asks the backend for the classes that turn a query into SQL. These are its own, with a note before and after.
What is written by other programs passes none of this, and that is how it is told apart.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import OperationalError, models, transaction
from django.db.models.sql import Query

from compliance.ledger.governed import is_governed, left_out

HISTORICAL = "__fake__"  # the module of the models that migrations work with


class Noted:
    """What the three have in common."""

    connection: Any
    query: Any
    using: str | None

    def label(self) -> str:
        """The label of the governed model that is written; "" for others and for many-to-many tables without one."""
        meta = self.query.get_meta()
        if meta.auto_created:
            meta = meta.auto_created._meta
        return str(meta.label_lower) if is_governed(meta.label_lower) else ""

    @contextmanager
    def whole(self) -> Iterator[None]:
        """Row and note are kept, or neither."""
        if self.connection.in_atomic_block or not self.connection.get_autocommit():
            yield
        else:
            with transaction.atomic(using=self.connection.alias):
                yield

    def keys(self, *extra: str) -> list[tuple[Any, ...]]:
        """The keys (and these columns) of the rows the query is about, locked where the database can."""
        meta = self.query.get_meta()
        column = f"{meta.auto_created._meta.model_name}_id" if meta.auto_created else meta.pk.attname
        query = self.query.chain(klass=Query)
        query.select_related = False
        query.clear_ordering(force=True)
        query.extra, query.select, query.related_updates = {}, (), {}
        rows: models.QuerySet[Any] = models.QuerySet(model=self.query.model, query=query, using=self.connection.alias)
        if self.connection.features.has_select_for_no_key_update and query.count_active_tables() <= 1:
            rows = rows.select_for_update(no_key=True)
        return list(rows.values_list(column, *extra))

    def historical(self) -> bool:
        """Whether a migration writes: what it did is said when the migrations are through."""
        return bool(self.query.model.__module__ == HISTORICAL)

    def checked(self, label: str, keys: list[int]) -> None:
        """Notes rows that are not, before they are written now, as the ledger left them."""
        from compliance.actions.ledger_rows import altered

        pending = self.connection.pending
        known = pending.written[label] | {one.pk for one in pending.made if one._meta.label_lower == label}
        pending.altered.update((label, key) for key in altered(label, [key for key in keys if key not in known]))


def noted_insert(base: type[Any]) -> type[Any]:
    """The backend's INSERT, noted."""

    class Insert(Noted, base):  # type: ignore[misc]
        def execute_sql(self, returning_fields: Any = None) -> Any:
            label = self.label()
            if not label:
                return super().execute_sql(returning_fields)
            with self.whole():
                answer = super().execute_sql(returning_fields)
                meta, pending = self.query.get_meta(), self.connection.pending
                if meta.auto_created:
                    parent = f"{meta.auto_created._meta.model_name}_id"
                    pending.wrote(label, (getattr(one, parent) for one in self.query.objs))
                elif self.historical():
                    self.connection.migrated.update((label, row[0]) for row in answer)
                elif returning_fields:
                    pending.wrote(label, (row[0] for row in answer))
                else:
                    pending.made.extend(self.query.objs)
                return answer

    return Insert


def noted_update(base: type[Any]) -> type[Any]:
    """The backend's UPDATE, noted when it touches a governed field."""

    class Update(Noted, base):  # type: ignore[misc]
        def execute_sql(self, result_type: Any) -> Any:
            label = self.label()
            touched = {field.attname: value for field, _, value in self.query.values} if label else {}
            if touched.keys() <= left_out(label):
                return super().execute_sql(result_type)
            with self.whole():
                rows = self.keys(*touched)
                keys = [row[0] for row in rows]
                changes = len(rows) != 1 or not same(touched, rows[0][1:], self.query)
                if changes and not self.historical():
                    self.checked(label, keys)
                answer = super().execute_sql(result_type)
                if isinstance(answer, int) and answer > len(keys):
                    raise OperationalError(f"{label} was changed by somebody else in the same moment: try again")
                if changes and self.historical():
                    self.connection.migrated.update((label, key) for key in keys)
                elif changes:
                    self.connection.pending.wrote(label, keys)
                return answer

    return Update


def noted_delete(base: type[Any]) -> type[Any]:
    """The backend's DELETE, noted."""

    class Delete(Noted, base):  # type: ignore[misc]
        def execute_sql(self, *arguments: Any, **named: Any) -> Any:
            label = self.label()
            if not label:
                return super().execute_sql(*arguments, **named)
            with self.whole():
                keys = [row[0] for row in self.keys()]
                if self.historical():
                    self.connection.migrated.update((label, key) for key in keys)
                else:
                    self.checked(label, keys)
                    self.connection.pending.wrote(label, keys)
                return super().execute_sql(*arguments, **named)

    return Delete


def same(touched: dict[str, Any], row: tuple[Any, ...], query: Any) -> bool:
    """Whether an UPDATE of one row writes what it says already (a save() of an unchanged row)."""
    for (name, value), old in zip(touched.items(), row, strict=True):
        if hasattr(value, "resolve_expression"):
            return False
        field = query.get_meta().get_field(name)
        if name not in left_out(query.get_meta().label_lower) and field.to_python(getattr(value, "pk", value)) != old:
            return False
    return True


NOTED = {"SQLInsertCompiler": noted_insert, "SQLUpdateCompiler": noted_update, "SQLDeleteCompiler": noted_delete}


class NotedOperations:
    """A backend's operations, with compilers that note."""

    _noted: dict[str, type[Any]]

    def compiler(self, compiler_name: str) -> type[Any]:
        """Django's class for this kind of query, noted where it writes."""
        base: type[Any] = super().compiler(compiler_name)  # type: ignore[misc]
        if compiler_name not in NOTED:
            return base
        cache = self.__dict__.setdefault("_noted", {})
        if compiler_name not in cache:
            cache[compiler_name] = NOTED[compiler_name](base)
        found: type[Any] = cache[compiler_name]
        return found
