"""Everything marked `both` on a real PostgreSQL, in a process beside the run on SQLite.

One after the other the two would take a third longer. Each has its own var/, its own database and its own broker.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import IO

COMMAND = ("-m", "tests.postgres", "-q", "-m", "both", "-p", "no:cacheprovider")
_running: dict[str, subprocess.Popen[str]] = {}
_said: dict[str, IO[str]] = {}


def begin() -> None:
    """Starts it; a second call changes nothing. What it says goes to a file, so it never waits for a reader."""
    if _running:
        return
    _said["both"] = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115 # closed in stop()
    _running["both"] = subprocess.Popen(
        [sys.executable, *COMMAND],
        cwd=Path(__file__).resolve().parent.parent,
        env={name: value for name, value in os.environ.items() if not name.startswith("EASTWEST_")},
        stdin=subprocess.DEVNULL,
        stdout=_said["both"],
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def outcome() -> tuple[int, str]:
    """Waits for its end. Gives the exit code and everything it said."""
    code = _running["both"].wait()
    _said["both"].seek(0)
    return code, _said["both"].read()


def stop() -> None:
    """At the end of the run: whatever of it is still at work is asked to end, its server with it."""
    if _running and _running["both"].poll() is None:
        # As Ctrl-C does: pytest and the server beside it end in order and remove their folders.
        os.killpg(_running["both"].pid, signal.SIGINT)
        try:
            _running["both"].wait(timeout=30)
        except subprocess.TimeoutExpired:
            os.killpg(_running["both"].pid, signal.SIGKILL)
    for file in _said.values():
        file.close()
    _running.clear()
    _said.clear()
