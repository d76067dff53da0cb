"""Django's PostgreSQL backend; what the ORM writes to governed rows is said in the ledger, in the same transaction."""

from __future__ import annotations

from django.db.backends.postgresql import base, operations

from compliance.project.databases.compilers import NotedOperations
from compliance.project.databases.connection import SaysWhatItWrote


class DatabaseOperations(NotedOperations, operations.DatabaseOperations):
    """With compilers that note."""


class DatabaseWrapper(SaysWhatItWrote, base.DatabaseWrapper):
    """With a last word before each commit."""

    ops_class = DatabaseOperations

    def init_connection_state(self) -> None:
        """One processor for each statement, and none of them compiled first.

        Many people ask at once for little each: a statement that is shared out among processes makes the others wait,
        and what starting these, or a compiler, takes is more than what most of them save.
        """
        super().init_connection_state()
        with self.cursor() as cursor:
            cursor.execute("SET max_parallel_workers_per_gather = 0; SET jit = off")
