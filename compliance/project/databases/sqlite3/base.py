"""Django's SQLite backend; what the ORM writes to governed rows is said in the ledger, in the same transaction."""

from __future__ import annotations

from django.db.backends.sqlite3 import base, operations

from compliance.project.databases.compilers import NotedOperations
from compliance.project.databases.connection import SaysWhatItWrote


class DatabaseOperations(NotedOperations, operations.DatabaseOperations):
    """With compilers that note."""


class DatabaseWrapper(SaysWhatItWrote, base.DatabaseWrapper):
    """With a last word before each commit."""

    ops_class = DatabaseOperations
