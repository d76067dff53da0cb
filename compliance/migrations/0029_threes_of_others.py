"""Which three signs in a row stand in whom a change record or a version names beside its ends: as 0027, on PostgreSQL.

A search for an address, a server and the page of a request ask who names a server or a group; without this each read
every row that names anybody.
"""

from __future__ import annotations

from typing import Any

from django.db import migrations

TABLES = (("changes_by_others", "compliance_changerecord"), ("versions_by_others", "compliance_connectionversion"))
# Only rows that name anybody, word for word as compliance.models.written asks; statistics as in 0027
INDEX = """
    CREATE INDEX {name} ON {table} USING gin (eastwest_threes(beside) COLLATE "C")
    WHERE NOT (beside IN ('', '[]'))
"""


def forwards(apps: Any, schema_editor: Any) -> None:
    """On PostgreSQL alone."""
    if schema_editor.connection.vendor == "postgresql":
        for name, table in TABLES:
            schema_editor.execute(INDEX.format(name=name, table=table))
            schema_editor.execute(f"ALTER INDEX {name} ALTER COLUMN 1 SET STATISTICS 0")


def backwards(apps: Any, schema_editor: Any) -> None:
    """The other way round."""
    if schema_editor.connection.vendor == "postgresql":
        for name, _ in TABLES:
            schema_editor.execute(f"DROP INDEX {name}")


class Migration(migrations.Migration):
    """After the function of 0027."""

    dependencies = [("compliance", "0028_groups_are_observed")]
    operations = [migrations.RunPython(forwards, backwards)]
