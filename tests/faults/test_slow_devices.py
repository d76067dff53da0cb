"""One slow device delays no other: real workers, a real broker, and hosts that take a connection and say nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.postgres import own_database

ROOT = Path(__file__).resolve().parents[2]
LIMIT_S = 15


@pytest.mark.both
@pytest.mark.slow
def test_hosts_that_hang_hold_their_own_places_and_nobody_else_s(tmp_path: Path) -> None:
    own = {
        "EASTWEST_VAR": str(tmp_path / "var"), "EASTWEST_MAY_REACH": "127.0.0.0/8", "EASTWEST_PULL_SLOTS": "4",
        "EASTWEST_PULL_LIMIT_S": str(LIMIT_S),
    }  # fmt: skip
    environment = {key: value for key, value in os.environ.items() if key != "PYTEST_CURRENT_TEST"} | own
    with own_database("eastwest_slow") as url:
        done = subprocess.run(
            [sys.executable, "-m", "tests.faults.slow_devices"],
            cwd=ROOT,
            env=environment | {"DATABASE_URL": url},
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
    assert done.returncode == 0, done.stderr[-3000:]
    said = json.loads(done.stdout.strip().splitlines()[-1])
    assert said["hung while others were read"] == 2, "they were through before the others were: the test shows nothing"
    assert set(said["codes"]) == {"timeout"}
    assert all(took <= LIMIT_S + 10 for took in said["took"])
    assert said["failures"] == [0, 0, 0, 0, 1, 1]
    assert 1 <= said["most at once of those that hung before"] <= 2
    assert said["of them not through when all others were"] >= 4
    assert said["states"] == ["ok", "unchanged"]
    assert (said["most snapshots"], said["leases left"]) == (1, 0)
