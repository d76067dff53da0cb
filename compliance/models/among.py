"""`pk__among=keys`: as `pk__in`, and the keys are one parameter, however many they are.

Each value of an `in` is prepared, numbered and quoted by itself: a thousand keys are some ten milliseconds of
processor time before the database hears of them, and SQLite takes no more than so many parameters.
"""

from __future__ import annotations

import json
from typing import Any, ClassVar

from django.core.exceptions import EmptyResultSet
from django.db import models
from django.db.models import Lookup


class Among(Lookup):
    """Whole numbers: keys. Of none nothing is asked, as with `in`."""

    lookup_name = "among"
    prepare_rhs = False
    kind: ClassVar[str] = "bigint"  # what PostgreSQL calls one of them

    def get_prep_lookup(self) -> list[Any]:
        """The keys, each once and in their order: the same set is the same statement."""
        return sorted(set(self.rhs))

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, Any]:
        """For SQLite: the keys as one JSON list."""
        left, given = self._asked(compiler, connection)
        return f"{left} IN (SELECT value FROM json_each(%s))", [*given, json.dumps(self.rhs)]  # noqa: S608  (a column)

    def as_postgresql(self, compiler: Any, connection: Any) -> tuple[str, Any]:
        """For PostgreSQL: the keys as one array, which is planned as `in` is."""
        left, given = self._asked(compiler, connection)
        return f"{left} = ANY(%s::{self.kind}[])", [*given, self.rhs]

    def _asked(self, compiler: Any, connection: Any) -> Any:
        if not self.rhs:
            raise EmptyResultSet
        return self.process_lhs(compiler, connection)


class AmongWords(Among):
    """The same, of words: names."""

    kind = "text"


models.IntegerField.register_lookup(Among)
models.ForeignKey.register_lookup(Among)
models.CharField.register_lookup(AmongWords)
