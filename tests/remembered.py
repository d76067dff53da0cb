"""What many tests set up alike is written by its verbs once, and from then on as the rows that came of it.

The verbs are tried by tests of their own. That the same people come about by the same two hundred queries before a
thousand tests shows nothing more, and took a fifth of the processor time of all of them.

Rows are written so only where everything is as it was the first time: every row of every table, the ledger's keys, and
nothing that waits to be said in the ledger. Otherwise the verbs do it, and that is remembered as well.
"""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Callable, Hashable
from functools import cache
from typing import Any, Final, NamedTuple, TypeVar

from django.apps import apps
from django.conf import settings
from django.db import connection, transaction

from compliance.ledger.keys import FOLDER, Keys

Made = TypeVar("Made")
Row = tuple[Any, ...]
BY_MIGRATIONS: Final = frozenset({"django_content_type", "auth_permission"})  # the same in every test, and many
AT_ONCE: Final = 400  # values a statement, below SQLite's limit


class Table(NamedTuple):
    """A table, and those of its columns that can be written, the key first."""

    name: str
    columns: tuple[str, ...]


class Left(NamedTuple):
    """What a set-up left: rows it added and rows it changed, by table, whether a log has begun, and what it gave.

    `numbered`: how far the ledger's rows were numbered then, see `numbers`.
    """

    added: dict[Table, list[Row]]
    changed: dict[Table, list[Row]]
    begun: bool
    given: bytes
    numbered: int


_left: dict[Hashable, Left] = {}


def remembered(what: Hashable, make: Callable[[], Made]) -> Made:
    """What `make` gives, which may touch nothing but the database and removes nothing of it.

    `what`: which set-up it is, and what it was told. A copy is given, so that no test finds what another did to it.
    """
    if connection.pending.waits():
        return make()
    before = content()
    begins = (what, connection.in_atomic_block, keys(), digest(before))
    if begins not in _left or _left[begins].numbered > numbers():
        made = make()
        if not connection.pending.waits():
            _left[begins] = difference(before, content(), (made, connection.pending.last))
        return made
    left = _left[begins]
    with transaction.atomic(), connection.cursor() as cursor:
        write(cursor, left)
    if left.begun:
        Keys(settings.KEYS).begin()
    made, last = pickle.loads(left.given)  # noqa: S301 pickled by this process
    if connection.in_atomic_block:
        connection.pending.last = last
    return made  # type: ignore[no-any-return]


@cache
def tables() -> tuple[Table, ...]:
    """Every table of a model."""
    models = {model._meta.db_table: model for model in apps.get_models(include_auto_created=True)}
    found = []
    for name, model in sorted(models.items()):
        key = model._meta.pk.column
        written = [one.column for one in model._meta.concrete_fields if not one.generated and one.column != key]
        if name not in BY_MIGRATIONS and model._meta.managed:
            found.append(Table(name, (key, *written)))
    return tuple(found)


def content() -> dict[Table, list[Row]]:
    """All rows of every table that has some, as the database's own driver gives them."""
    held = " UNION ALL ".join(
        f"SELECT {number} WHERE EXISTS (SELECT 1 FROM {quoted(one.name)})" for number, one in enumerate(tables())
    )
    found = {}
    with connection.cursor() as cursor:
        cursor.execute(held)
        for [number] in cursor.fetchall():
            table = tables()[number]
            names = ", ".join(map(quoted, table.columns))
            cursor.execute(f"SELECT {names} FROM {quoted(table.name)} ORDER BY 1")
            found[table] = [tuple(map(plain, row)) for row in cursor.fetchall()]
    return found


def plain(value: Any) -> Any:
    """A value that can be compared and kept: bytes come as a view of memory that is used again."""
    return bytes(value) if isinstance(value, memoryview) else value


def quoted(name: str) -> str:
    """A name as SQL has it."""
    return connection.ops.quote_name(name)


def digest(rows: dict[Table, list[Row]]) -> str:
    """By which one content is told from another."""
    return hashlib.sha256(repr(sorted(rows.items())).encode()).hexdigest()


def keys() -> Hashable:
    """By what rows are sealed: the application's secret and the ledger's keys."""
    folder = settings.KEYS / FOLDER
    names = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    return settings.SECRET_KEY, str(folder), tuple(names), connection.settings_dict["NAME"]


def numbers() -> int:
    """How far PostgreSQL has numbered the ledger's rows: a test may begin its numbers anew, and what comes next would
    then stand before rows that were written sooner. SQLite goes on behind the highest that is there.
    """
    if connection.vendor != "postgresql":
        return 0
    with connection.cursor() as cursor:
        cursor.execute("SELECT last_value FROM compliance_ledgerinbox_id_seq")
        return int(cursor.fetchone()[0])


def difference(before: dict[Table, list[Row]], after: dict[Table, list[Row]], given: Any) -> Left:
    """What came of a set-up."""
    left = Left({}, {}, Keys(settings.KEYS).begun(), pickle.dumps(given), numbers())
    for table, rows in after.items():
        known = {row[0]: row for row in before.get(table, ())}
        left.added[table] = [row for row in rows if row[0] not in known]
        left.changed[table] = [row for row in rows if row[0] in known and row != known[row[0]]]
    return left


def write(cursor: Any, left: Left) -> None:
    """Writes these rows past the verbs."""
    for table, rows in left.changed.items():
        said = ", ".join(f"{quoted(column)} = %s" for column in table.columns[1:])
        for row in rows:
            cursor.execute(
                f"UPDATE {quoted(table.name)} SET {said} WHERE {quoted(table.columns[0])} = %s", (*row[1:], row[0])
            )
    for table, rows in left.added.items():
        names, each = ", ".join(map(quoted, table.columns)), AT_ONCE // len(table.columns)
        one = f"({', '.join(['%s'] * len(table.columns))})"
        for start in range(0, len(rows), each):
            some = rows[start : start + each]
            values = [value for row in some for value in row]
            cursor.execute(f"INSERT INTO {quoted(table.name)} ({names}) VALUES {', '.join([one] * len(some))}", values)
