"""What a long run does beside itself, in two lanes, each of which takes the next run that is left.

One after the other all of it would take twice as long on two processors, and a processor would stand still while hosts
hang. Each run has its own var/, its own database and its own broker. A test marked `beside`, `apart` or `waits` is
still a test of the long run: its place is at the end, and what its run reported of it is reported there, word for word.

    python -m tests.beside FOLDER     a lane: its runs, their words and reports in that folder (asked by `begin`)
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

from tests.postgres import missing

MARK: Final = "beside"
APART: Final = "apart"
WAITS: Final = "waits"
BOTH: Final = "both"
BOTH_WAITS: Final = "both_waits"
REPORTS: Final = "BESIDE_REPORTS"  # the file into which a lane writes what became of each test
QUIETLY: Final = ("-q", "-p", "no:cacheprovider")


class Run(NamedTuple):
    """A run: the module that is asked, the marks of its tests, and whose files are collected for it."""

    module: str
    marks: str
    of: str


RUNS: Final = {  # in the order in which they are taken: the longest first, so that the lanes end at about one time
    MARK: Run("pytest", "beside and not waits and not apart", MARK),
    WAITS: Run("pytest", "waits", WAITS),
    APART: Run("pytest", "apart and not waits", APART),
    BOTH_WAITS: Run("tests.postgres", "both and waits", WAITS),
    BOTH: Run("tests.postgres", "both and not waits", BOTH),
}
LANES: Final = 2
ROOT: Final = Path(__file__).resolve().parent.parent
FOLDERS: Final = {  # folders whose every test is marked so
    "packs": APART, "reviews": APART, "oracle": APART,
    "faults": WAITS, "journeys": WAITS, "sample": WAITS, "tamper": WAITS, "workflow": WAITS,
}  # fmt: skip
_running: list[subprocess.Popen[bytes]] = []
_folder: dict[str, tempfile.TemporaryDirectory[str]] = {}


def begin() -> None:
    """Starts the lanes; a second call changes nothing. What they say goes to files: they wait for no reader."""
    if _running:
        return
    _folder["it"] = tempfile.TemporaryDirectory(prefix="eastwest-beside-")
    for _ in range(LANES):
        lane = subprocess.Popen(
            [sys.executable, "-m", "tests.beside", _folder["it"].name],
            cwd=ROOT,
            env={name: value for name, value in os.environ.items() if not name.startswith("EASTWEST_")},
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        _running.append(lane)


def has_begun() -> bool:
    """Whether there are lanes."""
    return bool(_running)


def run_of(item: pytest.Item) -> str:
    """The run a test belongs to in a lane; "" where it is done by the long run itself."""
    return next((mark for mark in (WAITS, APART, MARK) if item.get_closest_marker(mark)), "")


def outcome(run: str) -> tuple[int, str]:
    """Waits for the end of a run. Gives the exit code and everything it said."""
    folder = Path(_folder["it"].name)
    while not (folder / f"{run}.code").exists():
        over = all(lane.poll() is not None for lane in _running)
        if over and not (folder / f"{run}.code").exists():
            return -1, "The processes beside this one ended before their time."
        time.sleep(0.5)
    said = (folder / f"{run}.txt").read_text(encoding="utf-8", errors="replace")
    return int((folder / f"{run}.code").read_text()), said


def reports(item: pytest.Item) -> Iterator[pytest.TestReport]:
    """What its lane reported of this test; a failure with its last words where it reported nothing."""
    run = run_of(item)
    _, said = outcome(run)
    kept = Path(_folder["it"].name) / f"{run}.reports"
    lines = kept.read_text().splitlines() if kept.exists() else []
    found = [one for one in map(json.loads, lines) if one["nodeid"] == item.nodeid]
    for one in found:
        report = item.config.hook.pytest_report_from_serializable(config=item.config, data=one)
        if isinstance(report.longrepr, list):  # of one that was skipped: JSON knows no tuples
            report.longrepr = tuple(report.longrepr)
        yield report
    if not found:
        yield pytest.TestReport(
            item.nodeid, item.location, {}, "failed", f"Nothing was heard of it.\n{said[-4000:]}", "call"
        )


def note(config: pytest.Config, report: pytest.TestReport) -> None:
    """In a lane: keeps a report for the long run."""
    if os.environ.get(REPORTS):
        said: Any = config.hook.pytest_report_to_serializable(config=config, report=report)
        with Path(os.environ[REPORTS]).open("a", encoding="utf-8") as file:
            file.write(json.dumps(said) + "\n")


def stop() -> None:
    """At the end of the run: whatever of them is still at work is asked to end, its server with it."""
    ending = [process for process in _running if process.poll() is None]
    for process in ending:
        # As Ctrl-C does: pytest and the server beside it end in order and remove their folders.
        os.killpg(process.pid, signal.SIGINT)
    for process in ending:
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
    for folder in _folder.values():
        folder.cleanup()
    _running.clear()
    _folder.clear()


def mark_of(path: Path) -> str:
    """The mark of every test of the folder in which a test file lies; "" where that has none."""
    return next((mark for name, mark in FOLDERS.items() if path.is_relative_to(ROOT / "tests" / name)), "")


def files(mark: str) -> list[str]:
    """The test files that speak of the mark: to collect all others for nothing takes half a minute."""
    said = f"pytest.mark.{mark}"
    return sorted(
        str(path.relative_to(ROOT))
        for path in (ROOT / "tests").rglob("test_*.py")
        if said in path.read_text() or mark_of(path) == mark
    )


def taken(folder: Path, run: str) -> bool:
    """Whether this lane is the first that asks for the run."""
    try:
        (folder / f"{run}.taken").touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def main(folder: Path) -> None:
    """A lane: one run after the other of those that no other took. PostgreSQL is left out where there is none."""
    for run, (module, marks, of) in RUNS.items():
        if (module == "tests.postgres" and missing()) or not taken(folder, run):
            continue
        (folder / f"{run}.reports").touch()
        command = ("-m", module, *QUIETLY, "-m", marks, *files(of))
        env = {**os.environ, REPORTS: str(folder / f"{run}.reports")}
        with (folder / f"{run}.txt").open("wb") as said:
            done = subprocess.run([sys.executable, *command], cwd=ROOT, env=env, stdout=said, stderr=said, check=False)
        (folder / f"{run}.part").write_text(str(done.returncode))
        (folder / f"{run}.part").rename(folder / f"{run}.code")  # whole, or not there


if __name__ == "__main__":
    main(Path(sys.argv[1]))
