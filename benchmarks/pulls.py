"""`./run bench pulls`: a thousand sources read by the real jobs against local fakes, some of which say nothing.

What stands beside each figure is of the same run: the transport alone, the same without hanging devices, and the same
jobs one after another.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from typing import Any, Final

from benchmarks.figures import Figure

SOURCES: Final = 1_000
PLACES: Final = 8  # of one worker, as ./run starts it


def figures() -> Iterator[Figure]:
    """Every figure."""
    said = _measured()
    count, quick, alone = said["count"], said["unchanged"], said["alone"]
    beyond = 1000 * (quick["cpu"] + quick["children"] - alone["cpu"]) / count
    beside = {"sources": count, "places": said["places"], "transport alone": _round(1000 * alone["cpu"] / count)}
    yield Figure("an unchanged reading beyond its transport", beyond, "ms CPU", 30, beside=beside)
    beside = {"states": said["states"]}
    yield Figure("new snapshots of unchanged readings", said["snapshots"], "snapshots", 0, beside=beside)
    rate = 60 * count / quick["seconds"]
    beside = {"transport alone": round(60 * count / alone["seconds"]), "seconds": _round(quick["seconds"])}
    yield Figure("unchanged readings of one worker", rate, "a minute", 600, "at least", beside=beside)
    before, after = said["memory"]
    yield Figure("memory of the worker at its fullest", after, "MB", 250, beside={"before": round(before)})
    first = said["first"]
    cost = 1000 * (first["cpu"] + first["children"]) / 10
    yield Figure("a first reading, its dumps understood in a child", cost, "ms CPU", None)
    hung, slow, healthy = said["hung"], said["beside hung ones"], said["healthy"]
    beside = {"devices that hang": hung["devices"]}
    fine = 100 * hung["fine"] / (hung["asked"] - hung["devices"])
    yield Figure("readings of the others that came beside devices that hang", fine, "%", 100, "at least", beside=beside)
    lost = said["limit"] * hung["devices"]
    beside |= {"others": hung["fine"], "without": _round(healthy), "goal is": "one after another"}
    yield Figure("seconds by which they make the last of the others later", slow - healthy, "s", lost, beside=beside)
    serial = said["serial"]
    beside = {"others": serial["sources"] - serial["hung"], "that hang": serial["hung"], "goal is": "one after another"}
    few, last = said["same sources"], "until the last of a few others came, beside one that hangs"
    yield Figure(last, few, "s", serial["seconds"], beside=beside)


def _measured() -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="eastwest-bench-") as place:
        env = {**os.environ, "EASTWEST_VAR": place, "DATABASE_URL": ""}
        command = [sys.executable, "-m", "benchmarks.pull_site", str(SOURCES), str(PLACES)]
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _round(value: float) -> float:
    return round(value, 2)
