"""Reading many tables as they were at one moment, while others go on writing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction


@contextmanager
def one_moment() -> Iterator[None]:
    """What the body reads is of one moment, and nobody who writes waits for it. It must only read.

    Without it a row that somebody writes between the reading of the log and the reading of its table would look
    altered. Within a transaction that is open already nothing is changed.
    """
    connection.ensure_connection()
    if connection.in_atomic_block or getattr(connection.connection, "in_transaction", False):
        yield
    elif connection.vendor == "postgresql":
        with transaction.atomic(), connection.cursor() as sql:
            sql.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield
    else:
        with connection.cursor() as sql:
            sql.execute("BEGIN DEFERRED")  # Django's own transactions are IMMEDIATE: they take the one write lock
        try:
            yield
        finally:
            with connection.cursor() as sql:
                sql.execute("ROLLBACK")
