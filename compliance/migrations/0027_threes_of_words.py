"""Which three signs in a row the words of a change record hold, as an index of PostgreSQL: what a search asks first.

SQLite has no such index: it reads the words themselves, which stand in one (changes_by_their_words).
"""

from __future__ import annotations

from typing import Any

from django.db import migrations

# Compared byte by byte ("C"), so that no sorting of a language has a say in it. Without statistics of its own: to
# gather them would take a hundred times as long as those of the whole table.
ORDERS = (
    """
    CREATE FUNCTION eastwest_threes(words text) RETURNS text[] LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
        SELECT ARRAY(SELECT substr(words, place, 3) FROM generate_series(1, char_length(words) - 2) AS place)
    $$
    """,
    """
    CREATE INDEX changes_by_their_threes ON compliance_changerecord USING gin (eastwest_threes(words) COLLATE "C")
    """,
    "ALTER INDEX changes_by_their_threes ALTER COLUMN 1 SET STATISTICS 0",
)
BACK = ("DROP INDEX changes_by_their_threes", "DROP FUNCTION eastwest_threes(text)")


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
    """After the words themselves."""

    dependencies = [("compliance", "0026_words_of_changes")]
    operations = [migrations.RunPython(forwards, backwards)]
