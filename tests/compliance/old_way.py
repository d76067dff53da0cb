"""An installation that goes the way of the old migrations, one after the other, with a party in it halfway.

Run by `test_migrating.py` as `python -m tests.compliance.old_way` with EASTWEST_VAR on an empty folder. Prints JSON:
what its tables are, and what became of the party.
"""

from __future__ import annotations

import json
import re
import sys
from typing import Any, Final

from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader

OURS: Final = ("compliance_", "evidence_", "reviews_")
STOOD: Final = (
    ("compliance", "0014_notices"),
    ("evidence", "0016_shares_and_admin_paths"),
    ("reviews", "0001_the_first"),
)
PREFIXES: Final = ("203.0.113.0/28", "2001:db8:ffff::/48")

ON_SQLITE: Final = "SELECT tbl_name, sql FROM sqlite_master WHERE sql IS NOT NULL"
ON_POSTGRESQL: Final = """
    SELECT table_name, concat_ws(' ', column_name, data_type, character_maximum_length, is_nullable, column_default,
        is_identity, generation_expression) FROM information_schema.columns WHERE table_schema = 'public'
    UNION ALL
    SELECT conrelid::regclass::text, conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint
        WHERE connamespace = 'public'::regnamespace
    UNION ALL
    SELECT tablename, indexdef FROM pg_indexes WHERE schemaname = 'public'"""


def main() -> None:
    """From the first migration to when a party's prefixes were a list; and on from there as `./run` does it."""
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection

    from compliance.models import Endpoint

    before = halfway(connection).apps.get_model("compliance", "Endpoint").objects
    before.create(kind="external_party", name="vendor", prefixes=list(PREFIXES))
    call_command("migrate", verbosity=0)
    end = Endpoint.objects.get(name="vendor")
    rows = end.party_prefixes.order_by("pk")
    said = {"prefixes": [row.prefix for row in rows], "seals_hold": [row.seal_holds() for row in rows]}
    json.dump(said | {"tables": tables(connection)}, sys.stdout)


class OldWay(MigrationLoader):
    """The migrations without those that go a shorter way."""

    def load_disk(self) -> None:
        super().load_disk()
        self.disk_migrations = {key: one for key, one in self.disk_migrations.items() if not one.replaces}


def halfway(database: Any) -> Any:
    """Migrates to where an installation stood before there was a shorter way: libraries had made all their tables.

    Gives the state of the models.
    """
    executor = MigrationExecutor(database)
    executor.loader = OldWay(database)
    libraries = [one for one in executor.loader.graph.leaf_nodes() if f"{one[0]}_" not in OURS]
    return executor.migrate([*libraries, *STOOD])


def tables(database: Any) -> dict[str, list[str]]:
    """Each of our tables and indexes → its parts, in an order that does not tell when which was added.

    Django writes the words of a set (`IN (…)`) in another order each time.
    """
    asked = ON_SQLITE if database.vendor == "sqlite" else ON_POSTGRESQL
    found: dict[str, list[str]] = {}
    with database.cursor() as cursor:
        cursor.execute(asked)
        for name, part in cursor.fetchall():
            if name.startswith(OURS):
                part = re.sub(r"IN \(([^()]*)\)", lambda one: f"IN {sorted(one[1].split(','))}", part)
                found.setdefault(name, []).extend(parts(part) if database.vendor == "sqlite" else [part])
    return {name: sorted(several) for name, several in found.items()}


def parts(sql: str) -> list[str]:
    """A statement's parts between the commas of its outermost brackets; the words before them are a part."""
    head, _, rest = sql.partition("(")
    found, depth, part = [head], 0, ""
    for sign in rest.rpartition(")")[0]:
        depth += (sign == "(") - (sign == ")")
        if sign == "," and not depth:
            found.append(part.strip())
            part = ""
        else:
            part += sign
    return [*found, part.strip()]


if __name__ == "__main__":
    main()
