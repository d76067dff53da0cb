"""What a long run does beside itself, in a second process: tests marked `beside`, then all of `both` on PostgreSQL.

One after the other they would take half as long again on two processors. Each run has its own var/, its own database
and its own broker. A test marked `beside` is still a test of the long run: its place is at the end, and what the
second process reported of it is reported there, word for word.

    python -m tests.beside FOLDER     both runs, their words and reports in that folder (asked by `begin`)
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
from typing import Any, Final

import pytest

from tests.postgres import missing

MARK: Final = "beside"
BOTH: Final = "both"
REPORTS: Final = "BESIDE_REPORTS"  # the file into which the second process writes what became of each test
QUIETLY: Final = ("-q", "-p", "no:cacheprovider")
RUNS: Final = {MARK: ("pytest", *QUIETLY, "-m", MARK), BOTH: ("tests.postgres", *QUIETLY, "-m", BOTH)}
ROOT: Final = Path(__file__).resolve().parent.parent
FOLDERS: Final = ("packs",)  # of the tests, whose every test is marked
_running: dict[str, subprocess.Popen[bytes]] = {}
_folder: dict[str, tempfile.TemporaryDirectory[str]] = {}


def begin() -> None:
    """Starts the second process; a second call changes nothing. What it says goes to files: it waits for no reader."""
    if _running:
        return
    _folder["it"] = tempfile.TemporaryDirectory(prefix="eastwest-beside-")
    _running["it"] = subprocess.Popen(
        [sys.executable, "-m", "tests.beside", _folder["it"].name],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if not name.startswith("EASTWEST_")},
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )


def has_begun() -> bool:
    """Whether there is a second process."""
    return bool(_running)


def outcome(run: str) -> tuple[int, str]:
    """Waits for the end of one of its runs. Gives the exit code and everything it said."""
    folder = Path(_folder["it"].name)
    while not (folder / f"{run}.code").exists():
        if _running["it"].poll() is not None and not (folder / f"{run}.code").exists():
            return -1, "The process beside this one ended before its time."
        time.sleep(0.5)
    said = (folder / f"{run}.txt").read_text(encoding="utf-8", errors="replace")
    return int((folder / f"{run}.code").read_text()), said


def reports(item: pytest.Item) -> Iterator[pytest.TestReport]:
    """What the second process reported of this test; a failure with its last words where it reported nothing."""
    _, said = outcome("beside")
    lines = (Path(_folder["it"].name) / "reports").read_text().splitlines()
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
    """In the second process: keeps a report for the first."""
    if os.environ.get(REPORTS):
        said: Any = config.hook.pytest_report_to_serializable(config=config, report=report)
        with Path(os.environ[REPORTS]).open("a", encoding="utf-8") as file:
            file.write(json.dumps(said) + "\n")


def stop() -> None:
    """At the end of the run: whatever of it is still at work is asked to end, its server with it."""
    if _running and _running["it"].poll() is None:
        # As Ctrl-C does: pytest and the server beside it end in order and remove their folders.
        os.killpg(_running["it"].pid, signal.SIGINT)
        try:
            _running["it"].wait(timeout=30)
        except subprocess.TimeoutExpired:
            os.killpg(_running["it"].pid, signal.SIGKILL)
    for folder in _folder.values():
        folder.cleanup()
    _running.clear()
    _folder.clear()


def is_in_folder(path: Path) -> bool:
    """Whether a test file lies in a folder that goes on beside as a whole."""
    return any(path.is_relative_to(ROOT / "tests" / one) for one in FOLDERS)


def files(mark: str) -> list[str]:
    """The test files that speak of the mark: to collect all others for nothing takes half a minute."""
    said = f"pytest.mark.{mark}"
    return sorted(
        str(path.relative_to(ROOT))
        for path in (ROOT / "tests").rglob("test_*.py")
        if said in path.read_text() or (mark == MARK and is_in_folder(path))
    )


def main(folder: Path) -> None:
    """The second process: one run after the other. PostgreSQL is left out where there is none."""
    (folder / "reports").touch()
    for run, words in RUNS.items():
        if run == BOTH and missing():
            continue
        command = ("-m", *words, *files(run))
        env = {**os.environ, **({REPORTS: str(folder / "reports")} if run == MARK else {})}
        with (folder / f"{run}.txt").open("wb") as said:
            done = subprocess.run([sys.executable, *command], cwd=ROOT, env=env, stdout=said, stderr=said, check=False)
        (folder / f"{run}.part").write_text(str(done.returncode))
        (folder / f"{run}.part").rename(folder / f"{run}.code")  # whole, or not there


if __name__ == "__main__":
    main(Path(sys.argv[1]))
