"""Row digests: what each verb left in the governed tables, so that whatever else changes them is noticed."""

from __future__ import annotations

import hashlib
import secrets
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import cache
from itertools import chain
from typing import Any, NamedTuple

from django.apps import apps
from django.db import connection, models

from compliance.ledger.governed import is_governed, left_out
from compliance.models import LedgerRow
from compliance.models.approvals import canonical

AT_ONCE = 400  # rows a query, below SQLite's limit of parameters
Row = tuple[str, int, str]  # label, key, digest ("" = gone)


def governed_models() -> list[type[models.Model]]:
    """Every model the ledger answers for, in order of label. Many-to-many tables are part of their owner's rows."""
    found = [model for model in apps.get_models() if is_governed(model._meta.label_lower)]
    return sorted(found, key=lambda model: model._meta.label_lower)


def names_of(model: type[models.Model]) -> tuple[str, ...]:
    """The fields whose values are hashed: columns, then many-to-many fields, each in order of name.

    Not what the database makes of other columns: each writes it in its own way, and what it is made from is hashed.
    """
    meta, out = model._meta, left_out(model._meta.label_lower)
    stored = [field.attname for field in meta.concrete_fields if not field.generated]
    columns = sorted(name for name in stored if name not in out)
    return (*columns, *sorted(field.name for field in meta.many_to_many if field.name not in out))


def contents(
    model: type[models.Model], names: Iterable[str], keys: list[int] | None = None
) -> Iterator[tuple[int, dict[str, Any]]]:
    """The rows (all, or those of `keys`) as the database holds them: key, {field: plain value}."""
    wanted = list(names)
    many = [field for field in model._meta.many_to_many if field.name in wanted]
    columns = tuple(name for name in wanted if name not in {field.name for field in many})
    joined = {field.name: _joined(model, field, keys) for field in many}
    found: Iterable[Sequence[Any]]
    if keys is None:
        found = model._base_manager.order_by("pk").values_list("pk", *columns).iterator()
    else:
        chunks = (keys[start : start + AT_ONCE] for start in range(0, len(keys), AT_ONCE))
        found = chain.from_iterable(_with_keys(model, columns, chunk) for chunk in chunks)
    for row in found:
        values = {name: plain(value) for name, value in zip(columns, row[1:], strict=True)}
        yield row[0], {**values, **{name: table.get(row[0], []) for name, table in joined.items()}}


@cache
def _asked(model: type[models.Model], columns: tuple[str, ...], vendor: str) -> tuple[str, str, Any, list[Any]]:
    """What asks for rows by key: the statement before and after the keys, its query and its columns.

    `vendor`: the database it is for. Django puts a statement together anew each time, which took longer than to ask for
    the few rows that a verb wrote.
    """
    query = model._base_manager.order_by().values_list("pk", *columns).query
    compiler, quoted = query.get_compiler(connection=connection), connection.ops.quote_name
    key = f"{quoted(model._meta.db_table)}.{quoted(str(model._meta.pk.column))}"
    return f"{compiler.as_sql()[0]} WHERE {key} IN (", f") ORDER BY {key}", query, [one for one, *_ in compiler.select]


def _with_keys(model: type[models.Model], columns: tuple[str, ...], keys: list[int]) -> Iterable[Sequence[Any]]:
    """The rows with these keys, in their order: the key, then the columns as their fields give them."""
    begin, end, query, selected = _asked(model, columns, connection.vendor)
    with connection.cursor() as cursor:
        cursor.execute(f"{begin}{', '.join(['%s'] * len(keys))}{end}", keys)
        rows = cursor.fetchall()
    compiler = query.get_compiler(connection=connection)
    made: Iterable[Sequence[Any]] = compiler.apply_converters(rows, compiler.get_converters(selected))
    return made


def _joined(model: type[models.Model], field: Any, keys: list[int] | None) -> dict[int, list[int]]:
    """The other ends of a many-to-many field, in order, by the key of this end."""
    table = field.remote_field.through._base_manager.all()
    found: dict[int, list[int]] = {}
    if keys is not None:
        table = table.filter(**{f"{field.m2m_field_name()}__in": keys})
    here, there = f"{field.m2m_field_name()}_id", f"{field.m2m_reverse_field_name()}_id"
    for one, other in table.order_by(here, there).values_list(here, there):
        found.setdefault(one, []).append(other)
    return found


def plain(value: Any) -> Any:
    """A value as JSON can say it, the same on every database."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, (uuid.UUID, Decimal)):
        return str(value)
    if isinstance(value, (bytes, memoryview)):
        return bytes(value).hex()
    return value


def digest(label: str, key: int, values: Mapping[str, Any], salt: str) -> str:
    """SHA-256 (hex) over salt, label, key, names and values; the salt keeps short values from being guessed."""
    return hashlib.sha256(salt.encode() + canonical([label, key, dict(values)])).hexdigest()


def noted(written: Mapping[str, set[int]], uid: uuid.UUID) -> list[Row]:
    """What these rows say now, where that is not what the ledger said last. The caller writes it into entry `uid`."""
    ids = [(label, key) for label in sorted(written) for key in sorted(written[label])]
    return [row for start in range(0, len(ids), AT_ONCE) for row in _noted(ids[start : start + AT_ONCE], uid)]


def _noted(ids: list[tuple[str, int]], uid: uuid.UUID) -> list[Row]:
    """The same, of so many that the statements can name them all: a verb writes a few rows in each of some tables."""
    wanted: dict[str, list[int]] = {}
    for label, key in ids:
        wanted.setdefault(label, []).append(key)
    said, rows, fresh = _said(wanted), list[Row](), list[LedgerRow]()
    gone: dict[str, list[int]] = {}
    for label, keys in wanted.items():
        model = apps.get_model(label)
        names, now = names_of(model), set[int]()
        for key, values in contents(model, names, keys):
            now.add(key)
            before, joined = said.get((label, key)), ",".join(names)
            if before and before.names == joined and before.digest == digest(label, key, values, before.salt):
                continue
            made = _says(label, key, values, joined, uid)
            fresh.append(made)
            rows.append((label, key, made.digest))
        gone[label] = [key for key in keys if key not in now and (label, key) in said]
        rows.extend((label, key, "") for key in gone[label])
    LedgerRow.objects.bulk_create(
        fresh,
        update_conflicts=True,
        unique_fields=["label", "key"],
        update_fields=["digest", "salt", "names", "uid"],
        batch_size=AT_ONCE,
    )
    for label, keys in gone.items():
        if keys:
            LedgerRow.objects.filter(label=label, key__in=keys).delete()
    return rows


def _says(label: str, key: int, values: Mapping[str, Any], names: str, uid: uuid.UUID) -> LedgerRow:
    """What entry `uid` says of a row, not yet written."""
    grains = secrets.token_hex(16)
    return LedgerRow(label=label, key=key, digest=digest(label, key, values, grains), salt=grains, names=names, uid=uid)


class Said(NamedTuple):
    """What the ledger said last of a row: the fields (a comma between), their digest, and its salt."""

    names: str
    digest: str
    salt: str


def _said(wanted: Mapping[str, list[int]]) -> dict[tuple[str, int], Said]:
    """What the ledger said last of these rows, by label and key."""
    if not wanted:
        return {}
    table, quoted = LedgerRow._meta.db_table, connection.ops.quote_name
    columns = ", ".join(map(quoted, ("label", "key", "names", "digest", "salt")))
    each = [
        f"{quoted('label')} = %s AND {quoted('key')} IN ({', '.join(['%s'] * len(keys))})" for keys in wanted.values()
    ]
    given: list[str | int] = []
    for label, keys in wanted.items():
        given += [label, *keys]
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {columns} FROM {quoted(table)} WHERE {' OR '.join(each)}", given)  # noqa: S608 names of ours
        return {(label, key): Said(*rest) for label, key, *rest in cursor.fetchall()}


def altered(label: str, keys: list[int]) -> list[int]:
    """Which of these rows are not as the ledger left them, or were never said. Rows that are gone are no answer."""
    model = apps.get_model(label)
    found: list[int] = []
    for start in range(0, len(keys), AT_ONCE):
        chunk = keys[start : start + AT_ONCE]
        said = {key: row for (_, key), row in _said({label: chunk}).items()}
        for names in {row.names for row in said.values()}:
            mine = [key for key in chunk if key in said and said[key].names == names]
            known = known_names(model, names)
            if known is None:
                continue  # a field is gone since: what it said cannot be compared any more
            for key, values in contents(model, known, mine):
                if digest(label, key, values, said[key].salt) != said[key].digest:
                    found.append(key)
        found.extend(key for key, _ in contents(model, (), [key for key in chunk if key not in said]))
    return sorted(found)


def known_names(model: type[models.Model], names: str) -> list[str] | None:
    """The names a digest was made of, as long as the model has them all; None when one is gone."""
    listed = names.split(",")
    have = {field.attname for field in model._meta.concrete_fields} | {f.name for f in model._meta.many_to_many}
    return listed if have.issuperset(listed) else None


def taken(uid: uuid.UUID) -> tuple[list[Row], list[tuple[str, int]]]:
    """What this transaction wrote so far and did not say yet, for entry `uid`; and rows it found altered before."""
    pending = getattr(connection, "pending", None)
    if pending is None or not pending.waits():
        return [], []
    written, found = pending.take()
    return noted(written, uid), found
