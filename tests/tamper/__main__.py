"""`./run tamper [--mutations N] [--clean N] [--rows N] [--seed S]`: everything a database's administrator can do to it.

The last line on stdout is JSON: mutations (of the log and of governed rows, all inside the promise), how many were
missed, false alarms on clean logs and databases, and beside them the clean logs, the raw row mutations by database,
and `outside`: genuine old states newer than the checkpoint, which nobody promises to notice. Exit: 0 when nothing was
missed and nothing alarmed falsely, else 1. What was missed is told on stderr.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any, Final

from tests.postgres import missing, postgres

MUTATIONS, CLEAN, ROWS = 30_000, 1_000, 1_000
WORKERS: Final = 2
SUMS: Final = ("mutations", "missed", "false_alarms", "clean", "outside")


def main(words: Sequence[str] | None = None) -> int:
    """Give the exit code."""
    asked = _arguments(words)
    if asked.part:
        print(json.dumps(_work(asked)))
        return 0
    with tempfile.TemporaryDirectory(prefix="eastwest-tamper-") as room, ExitStack() as held:
        sqlite = f"sqlite://{room}/tamper.sqlite3"
        share = [str(-(-number // WORKERS)) for number in (asked.mutations, asked.clean)]
        logs = [
            _begin(room, f"logs-{number}", sqlite, "--part", "logs", "--mutations", share[0], "--clean", share[1],
                   "--seed", str(asked.seed * 1000 + number))
            for number in range(WORKERS)
        ]  # fmt: skip
        told, failed = _end(logs)
        databases = {"sqlite": sqlite}
        if missing():
            print(f"Not on PostgreSQL: {missing()}", file=sys.stderr)
        else:
            databases["postgresql"] = held.enter_context(postgres())
        rows = [
            _begin(room, name, url, "--part", "rows", "--rows", str(asked.rows), "--seed", str(asked.seed))
            for name, url in databases.items()
        ]
        by_database, broken = _end(rows)
    every = [*told, *by_database]
    sums: dict[str, Any] = {name: sum(one[name] for one in every) for name in SUMS}
    sums["rows"] = {name: one["mutations"] - one["missed"] for name, one in zip(databases, by_database, strict=False)}
    for one in every:
        for example in one["examples"][:20]:
            print(example, file=sys.stderr)
    print(json.dumps(sums))
    return 1 if failed or broken or sums["missed"] or sums["false_alarms"] else 0


def _arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./run tamper", description="Tampers with ledger and rows, and looks.")
    parser.add_argument("--mutations", type=int, default=MUTATIONS, metavar="N", help=f"of logs (default {MUTATIONS})")
    parser.add_argument("--clean", type=int, default=CLEAN, metavar="N", help=f"clean logs (default {CLEAN})")
    parser.add_argument("--rows", type=int, default=ROWS, metavar="N", help=f"of rows, each database (default {ROWS})")
    parser.add_argument("--seed", type=int, default=1, metavar="S", help="other ones for each seed (default 1)")
    parser.add_argument("--part", choices=["logs", "rows"], help=argparse.SUPPRESS)
    return parser.parse_args(words)


def _begin(room: str, name: str, url: str, *words: str) -> subprocess.Popen[str]:
    """A process of its own, with a var/ of its own."""
    own = os.path.join(room, name)
    os.mkdir(own, 0o700)
    env = {key: value for key, value in os.environ.items() if not key.startswith("EASTWEST_")}
    env |= {"EASTWEST_VAR": own, "DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "compliance.project.settings"}
    return subprocess.Popen([sys.executable, "-m", "tests.tamper", *words], stdout=subprocess.PIPE, text=True, env=env)


def _end(running: list[subprocess.Popen[str]]) -> tuple[list[dict[str, Any]], bool]:
    """What each said on its last line; whether one ended without."""
    found, failed = [], False
    try:
        for one in running:
            said, _ = one.communicate()
            if one.returncode == 0:
                found.append(json.loads(said.splitlines()[-1]))
            failed = failed or one.returncode != 0
    finally:
        for one in running:
            one.kill()
            one.wait()
    return found, failed


def _work(asked: argparse.Namespace) -> dict[str, Any]:
    """One part, on a database that is made for it and removed."""
    import django

    django.setup()
    from django.db import connection
    from django.test.runner import DiscoverRunner

    connection.settings_dict["TEST"]["NAME"] = None  # SQLite: in memory
    runner = DiscoverRunner(verbosity=0)
    made: Any = runner.setup_databases(serialized_aliases=set())
    try:
        return _logs(asked) if asked.part == "logs" else _rows(asked)
    finally:
        runner.teardown_databases(made)


def _logs(asked: argparse.Namespace) -> dict[str, Any]:
    from compliance.actions.people import make_person
    from tests.tamper.play import play

    person = make_person("dora@example.org", "Dora Database", by=None)
    return vars(play(asked.mutations, asked.clean, seed=asked.seed, person=person))


def _rows(asked: argparse.Namespace) -> dict[str, Any]:
    from tests.tamper.rows import play_rows
    from tests.tamper.site import estate

    estate()
    return vars(play_rows(asked.rows, seed=asked.seed))


if __name__ == "__main__":
    sys.exit(main())
