"""Which three signs in a row the words of a finding hold: as of change records (compliance 0027)."""

from __future__ import annotations

from typing import Any

from django.db import migrations

ORDERS = (
    'CREATE INDEX findings_by_their_threes ON evidence_finding USING gin (eastwest_threes(words) COLLATE "C")',
    "ALTER INDEX findings_by_their_threes ALTER COLUMN 1 SET STATISTICS 0",
)
BACK = ("DROP INDEX findings_by_their_threes",)


def forwards(apps: Any, schema_editor: Any) -> None:
    """On PostgreSQL alone."""
    if schema_editor.connection.vendor == "postgresql":
        for order in ORDERS:
            schema_editor.execute(order)


def backwards(apps: Any, schema_editor: Any) -> None:
    """The other way round."""
    if schema_editor.connection.vendor == "postgresql":
        for order in BACK:
            schema_editor.execute(order)


class Migration(migrations.Migration):
    """After the words themselves, and the function that takes them apart."""

    dependencies = [("compliance", "0027_threes_of_words"), ("evidence", "0041_who_came_by_flow_logs")]
    operations = [migrations.RunPython(forwards, backwards)]
