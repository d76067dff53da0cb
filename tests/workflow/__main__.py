"""`./run workflow [--runs N] [--steps N] [--seed S] [--races N]`: everybody tries everything, and people click at once.

The last line on stdout is JSON: runs, steps and attempts of the state machine and its violations; how many pairs of a
verb and a state there are and were tried, how many of them lead on and were walked; the attempts of the sweep (every
verb, state and person once); races and their violations, the databases, and how many deliberately broken rules were
found out. What is wrong is told on stderr. Exit: 0 when nothing is, every pair was tried and every broken rule was
found, else 1.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any, Final

from tests.postgres import missing, postgres
from tests.workflow.table import coverage
from tests.workflow.table import missing as missing_of

RUNS, STEPS, TIMES = 20_000, 50, 500
CONTROL_RUNS: Final = 60
MOST_WORKERS: Final = 2
COUNTED: Final = ("runs", "steps", "attempts", "violations", "swept", "races", "race_violations", "broken", "caught")


def main(words: Sequence[str] | None = None) -> int:
    """Give the exit code."""
    asked = _arguments(words)
    if asked.part:
        print(json.dumps(_work(asked)))
        return 0
    with tempfile.TemporaryDirectory(prefix="eastwest-workflow-") as room, ExitStack() as held:
        databases = {"sqlite": f"sqlite://{room}/races.sqlite3"}
        if missing():
            print(f"Not on PostgreSQL: {missing()}", file=sys.stderr)
        else:
            databases["postgresql"] = held.enter_context(postgres())
        sums, failed = _together(asked, databases, room)
    told = {name: sums[name] for name in COUNTED} | coverage(sums) | {"databases": list(databases)}
    print(json.dumps(told))
    whole = sums["caught"] == sums["broken"] > 0 and not failed and sums["swept_all"]
    return 0 if whole and not sums["violations"] and not sums["race_violations"] else 1


def _arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./run workflow", description="Tries the workflow, by everybody, at once.")
    parser.add_argument("--runs", type=int, default=RUNS, metavar="N", help=f"of the state machine (default {RUNS})")
    parser.add_argument("--steps", type=int, default=STEPS, metavar="N", help=f"of each run (default {STEPS})")
    parser.add_argument("--seed", type=int, default=1, metavar="S", help="other runs for each seed (default 1)")
    parser.add_argument("--races", type=int, default=TIMES, metavar="N", help=f"of each kind (default {TIMES})")
    parser.add_argument("--workers", type=int, default=min(MOST_WORKERS, os.cpu_count() or 1), metavar="N")
    parser.add_argument("--part", choices=["machine", "sweep", "races", "controls"], help=argparse.SUPPRESS)
    return parser.parse_args(words)


def _together(asked: argparse.Namespace, databases: dict[str, str], room: str) -> tuple[Counter[str], bool]:
    """The machine in several processes, then the races on each database; their figures added. Whether one failed."""
    share = -(-asked.runs // asked.workers)
    machines = [
        _begin(room, f"machine-{number}", databases["sqlite"], "--part", "machine", "--runs", str(share),
               "--steps", str(asked.steps), "--seed", str(asked.seed * 1000 + number))
        for number in range(asked.workers)
    ]  # fmt: skip
    sums, failed = _end(machines)
    rest = [_begin(room, part, databases["sqlite"], "--part", part, "--seed", str(asked.seed))
            for part in ("sweep", "controls")]  # fmt: skip
    races = [_begin(room, name, url, "--part", "races", "--races", str(asked.races)) for name, url in databases.items()]
    more, other = _end([*rest, *races])
    return sums + more, failed or other


def _begin(room: str, name: str, url: str, *words: str) -> subprocess.Popen[str]:
    """A process of its own, with a var/ of its own."""
    own = os.path.join(room, name)
    os.mkdir(own, 0o700)
    env = os.environ | {
        "EASTWEST_VAR": own,
        "DATABASE_URL": url,
        "DJANGO_SETTINGS_MODULE": "compliance.project.settings",
    }
    return subprocess.Popen(
        [sys.executable, "-m", "tests.workflow", *words], stdout=subprocess.PIPE, text=True, env=env
    )


def _end(running: list[subprocess.Popen[str]]) -> tuple[Counter[str], bool]:
    """What each said on its last line, added; whether one ended without."""
    sums: Counter[str] = Counter()
    failed = False
    try:
        for one in running:
            said, _ = one.communicate()
            failed = failed or one.returncode != 0
            sums.update(json.loads(said.splitlines()[-1] if one.returncode == 0 else "{}"))
    finally:
        for one in running:
            one.kill()
            one.wait()
    return sums, failed


def _work(asked: argparse.Namespace) -> dict[str, int]:
    """One part, on a database that is made for it and removed."""
    import django

    django.setup()
    from django.db import connection
    from django.test.runner import DiscoverRunner

    if asked.part != "races":
        connection.settings_dict["TEST"]["NAME"] = None  # in memory: one process, nothing to wait for
    runner = DiscoverRunner(verbosity=0)
    made: Any = runner.setup_databases()
    try:
        return {"machine": _machine, "sweep": _sweep, "races": _races, "controls": _controls}[asked.part](asked)
    finally:
        runner.teardown_databases(made)


def _machine(asked: argparse.Namespace) -> dict[str, int]:
    from tests.workflow.play import play
    from tests.workflow.world import build

    world = build()
    gc.collect()
    gc.freeze()  # what stays is not looked through again and again
    gc.set_threshold(100_000, 50, 100)
    counts, violation = play(world, runs=asked.runs, steps=asked.steps, seed=asked.seed)
    for name, number in sorted(counts.items()):
        print(f"{number:>9} {name}", file=sys.stderr)
    if violation:
        print(violation, file=sys.stderr)
    return counts | {"steps": asked.steps * counts["runs"], "violations": int(bool(violation))}


def _sweep(asked: argparse.Namespace) -> dict[str, int]:
    from tests.workflow.sweep import sweep
    from tests.workflow.world import build

    counts, violation = sweep(build())
    if violation:
        print(violation, file=sys.stderr)
    missed = missing_of(counts)
    if missed:
        print(f"Not gone through: {missed}", file=sys.stderr)
    return {"swept": counts["attempts"], "violations": int(bool(violation)), "swept_all": int(not missed)}


def _races(asked: argparse.Namespace) -> dict[str, int]:
    from tests.factories import servers
    from tests.people import everybody
    from tests.workflow import races

    people = everybody()
    servers(people)
    return dict(races.run(people, asked.races, lambda text: print(text, file=sys.stderr)))


def _controls(asked: argparse.Namespace) -> dict[str, int]:
    from tests.workflow.play import CONTROLS, play
    from tests.workflow.world import build

    world, caught = build(), 0
    for name, (broken, _) in CONTROLS.items():
        with broken():
            _, violation = play(world, runs=CONTROL_RUNS, steps=STEPS, seed=asked.seed, shrink=False)
        caught += bool(violation)
        print(f"Broken on purpose, {name}: {'found out' if violation else 'NOT FOUND OUT'}", file=sys.stderr)
    return {"broken": len(CONTROLS), "caught": caught}


if __name__ == "__main__":
    sys.exit(main())
