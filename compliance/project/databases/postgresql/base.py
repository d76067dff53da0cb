"""Django's PostgreSQL backend; what the ORM writes to governed rows is said in the ledger, in the same transaction."""

from __future__ import annotations

from datetime import UTC, datetime

from django.db.backends.postgresql import base, operations
from psycopg.abc import Buffer
from psycopg.types.datetime import TimestamptzLoader

from compliance.project.databases.compilers import NotedOperations
from compliance.project.databases.connection import SaysWhatItWrote


class DatabaseOperations(NotedOperations, operations.DatabaseOperations):
    """With compilers that note."""


class Moments(TimestamptzLoader):
    """A moment as PostgreSQL writes it, with its distance from UTC, read by the standard library's own parser.

    Django's loader goes through a pattern and arithmetic in Python for each: 2.3 microseconds, of which 0.3 are left. A
    page that looks at thousands of rows with their days spends more on that than on anything else.
    """

    timezone = UTC  # what Django asks a loader for: a connection in another one is given Django's own

    def load(self, data: Buffer) -> datetime:
        """The moment; what only PostgreSQL can say (BC, infinity) is refused as psycopg refuses it."""
        try:
            return datetime.fromisoformat(str(data, "ascii"))
        except ValueError:
            return super().load(data)


class DatabaseWrapper(SaysWhatItWrote, base.DatabaseWrapper):
    """With a last word before each commit."""

    ops_class = DatabaseOperations

    def init_connection_state(self) -> None:
        """One processor for each statement, and none of them compiled first.

        Many people ask at once for little each: a statement that is shared out among processes makes the others wait,
        and what starting these, or a compiler, takes is more than what most of them save.
        """
        super().init_connection_state()
        self.connection.adapters.register_loader("timestamptz", Moments)
        with self.cursor() as cursor:
            cursor.execute("SET max_parallel_workers_per_gather = 0; SET jit = off")
