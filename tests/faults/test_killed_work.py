"""SIGKILL to the worker in the middle of a pull and of a pack: each is finished exactly once after restart."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.postgres import own_database

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.both
@pytest.mark.slow
def test_what_a_killed_worker_began_is_finished_exactly_once(tmp_path: Path) -> None:
    own = {"EASTWEST_VAR": str(tmp_path / "var"), "EASTWEST_JOB_LEASE_S": "3"}
    environment = {key: value for key, value in os.environ.items() if key != "PYTEST_CURRENT_TEST"} | own
    with own_database("eastwest_killed") as url:
        done = subprocess.run(
            [sys.executable, "-m", "tests.faults.killed_work"],
            cwd=ROOT,
            env=environment | {"DATABASE_URL": url},
            capture_output=True,
            text=True,
            timeout=400,
            check=False,
        )
    assert done.returncode == 0, done.stderr[-3000:]
    said = json.loads(done.stdout.strip().splitlines()[-1])
    assert said["database"] == ("postgresql" if url else "sqlite")
    assert said["pulls"] == 32
    assert set(said["pull_states"]) <= {"ok", "unchanged", "failed"}
    assert said["most_snapshots_of_one_pull"] == 1
    assert said["tries_of_the_killed"] >= 2, "no pull was killed in the middle"
    assert (said["pack"], said["packs_in_ledger"], said["verifies"]) == ("built", 1, True)
    assert said["pack_tries"] >= 2, "the pack was not killed in the middle"
