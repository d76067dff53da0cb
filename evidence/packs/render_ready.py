"""Processes that stand ready to set pages (render_child.py): taken for an order, kept a while for the next one.

Each serves one order at a time, so there are never more of them than orders that are served at once.
"""

from __future__ import annotations

import atexit
import json
import os
import socket
import subprocess  # the process is a module beside this one, run by the interpreter that runs now
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from signal import SIGKILL
from typing import Final

COMMAND: Final = ("-m", "evidence.packs.render_child")
IDLE_S: Final = 30.0  # after which a process that nobody asks ends by itself
# What fontconfig and Python need of the environment; where compiled modules are kept halves the loading.
KEPT: Final = ("PATH", "HOME", "LANG", "LD_LIBRARY_PATH", "PYTHONPYCACHEPREFIX", "PYTHONDONTWRITEBYTECODE")


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of an order: the exit status (below 0 the signal that ended it), the pages, the last line it said."""

    status: int
    pages: bytes
    told: str


def ask(order: bytes, bounds: Mapping[str, int], wall: float) -> Answer:
    """What a process makes of an order. `bounds`: bytes of `memory`, seconds of `cpu`, and the `epoch` of the pages.

    Where no process can be started the answer is how it ended. Raises TimeoutError after `wall` seconds.
    """
    ready = _taken()
    answer = ready.ask(order, bounds, wall) if ready else None
    if ready is None or answer is None:  # none was ready, or it ended just then: begun anew, once
        if ready:
            ready.ended()
        ready = Ready()
        answer = ready.ask(order, bounds, wall)
        if answer is None:
            return ready.ended()
    with _lock:
        _waiting.append(ready)
    return answer


def stand_ready() -> None:
    """Begins a process while its order is still being written, unless one waits: loading takes it two seconds."""
    with _lock:
        if not any(not _stale(one) for one in _waiting):
            _waiting.append(Ready())


def end_all() -> None:
    """Ends the processes that nobody asks just now, and waits for them."""
    with _lock:
        ending, _waiting[:] = list(_waiting), []
    for one in ending:
        one.ended()


class Ready:
    """One process and the socket it is asked over."""

    def __init__(self) -> None:
        self.executable = sys.executable
        self.socket, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with its:
            self.process = subprocess.Popen(
                [self.executable, *COMMAND],
                stdin=its.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                cwd=Path(__file__).resolve().parents[2],
                env=_environment(),
                start_new_session=True,
            )
        self.since = time.monotonic()

    def ask(self, order: bytes, bounds: Mapping[str, int], wall: float) -> Answer | None:
        """One order; None where the process is there no more. Raises TimeoutError, with the process ended."""
        with tempfile.TemporaryFile() as asked, tempfile.TemporaryFile() as pages, tempfile.TemporaryFile() as told:
            asked.write(order)
            asked.seek(0)
            self.socket.settimeout(wall)
            try:
                files = [asked.fileno(), pages.fileno(), told.fileno()]
                socket.send_fds(self.socket, [json.dumps(dict(bounds)).encode()], files)
                said = self.socket.recv(64)
            except TimeoutError:
                os.killpg(self.process.pid, SIGKILL)
                self.ended()
                raise
            except OSError:
                said = b""
            if not said:
                return None
            pages.seek(0)
            told.seek(0)
            self.since = time.monotonic()
            return Answer(int(said), pages.read(), _last_line(told.read()))

    def ended(self) -> Answer:
        """Lets it end; how it did."""
        self.socket.close()
        _, said = self.process.communicate()
        return Answer(self.process.returncode, b"", _last_line(said or b""))


def _taken() -> Ready | None:
    """One that stands ready. Those that may be about to end, or are of another interpreter, are ended."""
    with _lock:
        old = [one for one in _waiting if one.executable != sys.executable or _stale(one)]
        _waiting[:] = [one for one in _waiting if one not in old]
        found = _waiting.pop() if _waiting else None
    for one in old:
        one.ended()
    return found


def _stale(one: Ready) -> bool:
    return time.monotonic() - one.since > IDLE_S / 2


def _environment() -> dict[str, str]:
    """Little of what this process has, and a fixed seed, so that two runs agree."""
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    return {**kept, "PYTHONHASHSEED": "0"}


def _last_line(said: bytes) -> str:
    return " ".join(said.decode("utf-8", "replace").strip().splitlines()[-1:])


def _forget() -> None:
    """A fork of this process asks none of the processes that its parent asks."""
    global _lock
    _lock = threading.Lock()
    _waiting.clear()


_lock = threading.Lock()
_waiting: list[Ready] = []
atexit.register(end_all)
os.register_at_fork(after_in_child=_forget)
