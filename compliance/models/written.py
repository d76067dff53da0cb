"""Text of a row as a search looks through it, kept by the database itself beside what it was made from.

Generated columns: no verb writes them and none can forget to. To look through a hundred thousand rows, PostgreSQL would
otherwise turn the JSON of each into text and into capital letters, which takes ten times as long as comparing it. That
of change records is short enough for an index, which then is all that SQLite reads; of the few that are longer the rest
is looked through by itself (ChangeQuerySet.saying). PostgreSQL knows of each text which three signs in a row it holds
(migrations 0027, 0029 and evidence 0042), and reads only those that hold all threes of what is looked for: `Holds`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any, Final

from django.db import models
from django.db.models import F, Q, Value
from django.db.models.expressions import Expression
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast, Coalesce, Concat, Left, Length, Lower
from django.db.models.lookups import Contains, GreaterThan

NOTHING_BESIDE: Final = ("", "[]")
KEPT: Final = 600  # signs: in UTF-8 what one entry of an index may hold
THREE: Final = 3  # signs in a row: what is shorter holds none, and an index of them finds nothing by it
TEXT: Final = models.TextField()
# What people look for of a request about one connection; the rest of its material says how long and how often
SOUGHT: Final = ("source", "destination", "services", "via", "server", "path", "clients", "users")


def written(*names: str) -> models.GeneratedField:
    """A column with the text of these fields in small letters, JSON as the database writes it."""
    return _kept(Lower(_side_by_side(Cast(F(name), TEXT) for name in names)))


def requested() -> models.GeneratedField:
    """A column with the first `KEPT` signs of what a change record asks for, in small letters."""
    return _kept(Lower(Left(_request(), KEPT)))


def longer() -> models.GeneratedField:
    """Whether a change record asks for more than `requested` holds."""
    too_long = models.When(GreaterThan(Length(_request()), KEPT), then=True)
    whether = models.Case(too_long, default=False, output_field=models.BooleanField())
    return models.GeneratedField(expression=whether, output_field=models.BooleanField(), db_persist=True)


def named_beside() -> models.GeneratedField:
    """A column with whom a material names other than as its two ends: what it goes by, or the clients of a share."""
    none = Value("", output_field=TEXT)
    parts = [Coalesce(KeyTextTransform(key, "material"), none, output_field=TEXT) for key in ("via", "clients")]
    return _kept(Concat(*parts, output_field=TEXT))


class Holds(Contains):
    """`contains` of a kept text. PostgreSQL finds the rows that can hold it by the index of their threes first."""

    def as_postgresql(self, compiler: Any, connection: Any) -> tuple[str, list[Any]]:
        """What `contains` says, and that every three signs of it are among those of the text."""
        said, given = self.as_sql(compiler, connection)
        text, of_text = compiler.compile(self.lhs)
        sought, of_sought = compiler.compile(self.rhs)
        threes = (
            f'eastwest_threes({text}) COLLATE "C" @> eastwest_threes({sought})'  # word for word as the index has it
        )
        return f"({said} AND {threes})", [*given, *of_text, *of_sought]


models.TextField.register_lookup(Holds, lookup_name="holds")


def says(path: str, words: str) -> Q:
    """Rows whose column of small letters holds the words, whatever their capitals; in JSON also as escaped."""
    found = Q()
    for form in dict.fromkeys((words, json.dumps(words)[1:-1])):
        found |= Q(**{f"{path}__{'holds' if len(form) >= THREE else 'contains'}": Lower(Value(form))})
    return found


def names_beside(names: Iterable[str]) -> Q:
    """Rows that may name one of these beside their ends (SQLite takes no notice of capitals): look at what is found."""
    found = Q(pk__in=())
    for form in dict.fromkeys(json.dumps(name, ensure_ascii=ascii) for name in names for ascii in (False, True)):
        found |= Q(beside__holds=Value(form))  # in quotes, so three signs at least
    return found & ~Q(beside__in=NOTHING_BESIDE)


def _request() -> Expression:
    """Title, ticket and what is asked for; a change to the estate, which is about no connection, as a whole."""
    one = _side_by_side(KeyTextTransform(key, "material") for key in SOUGHT)
    estate = models.When(connection__isnull=True, then=Cast(F("material"), TEXT))
    asked = models.Case(estate, default=one, output_field=TEXT)
    return _side_by_side((Cast(F("title"), TEXT), Cast(F("ticket"), TEXT), asked))


def _side_by_side(parts: Iterable[Expression]) -> Expression:
    blank = Value(" ", output_field=TEXT)
    return _joined([each for part in parts for each in (Coalesce(part, blank, output_field=TEXT), blank)])


def _joined(parts: Sequence[Expression]) -> Expression:
    """One half beside the other: SQLite refuses an expression in which each part stands within the one before."""
    if len(parts) == 1:
        return parts[0]
    half = len(parts) // 2
    return Concat(_joined(parts[:half]), _joined(parts[half:]), output_field=TEXT)


def _kept(expression: Expression) -> models.GeneratedField:
    return models.GeneratedField(expression=expression, output_field=models.TextField(), db_persist=True)
