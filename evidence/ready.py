"""Processes that stand ready for an order, so that loading a program is paid once: taken, and kept for the next one.

A process loads its modules and forks for each order (`serve`); the fork alone reads the order, under its own limits,
and ends with it: no order finds anything of the one before. Each serves one order at a time, so there are never more of
them than orders that are served at once. Renders packs (evidence/packs/render_child.py), reads dumps (parse.py) and
rolls up flow logs (flowlogs/child.py).
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import resource
import socket
import subprocess  # the process is a module beside this one, run by the interpreter that runs now
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from signal import SIGKILL
from typing import Final

COLD: Final = "cold"  # the word that lets a process begin without warming
IDLE_S: Final = 30.0  # after which a process that nobody asks ends by itself
MOST: Final = os.cpu_count() or 1  # that wait at once: more could not work at once
ROOT: Final = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of an order: the exit status (below 0 the signal that ended it), what was made, the last line said."""

    status: int
    made: bytes
    told: str


class Pool:
    """The processes of one program. `command`: what follows the interpreter; `environment`: what they have of it."""

    def __init__(self, command: Sequence[str], environment: Callable[[], dict[str, str]]) -> None:
        self.command, self.environment = tuple(command), environment
        self.waiting: list[Ready] = []
        self.lock = threading.Lock()
        atexit.register(self.end_all)
        os.register_at_fork(after_in_child=self._forget)

    def ask(self, order: bytes, bounds: Mapping[str, int], wall: float) -> Answer:
        """What a process makes of an order. `bounds`: the limits its fork sets itself, as numbers by name.

        Where no process can be started the answer is how it ended. Raises TimeoutError after `wall` seconds.
        """
        ready = self._taken()
        answer = ready.ask(order, bounds, wall) if ready else None
        if ready is None or answer is None:  # none was ready, or it ended just then: begun anew, once
            if ready:
                ready.ended()
            ready = self._begun()
            answer = ready.ask(order, bounds, wall)
            if answer is None:
                return ready.ended()
        with self.lock:
            keep = len(self.waiting) < MOST
            if keep:
                self.waiting.append(ready)
        if not keep:
            ready.ended()
        return answer

    def stand_ready(self) -> None:
        """Begins a process while its order is still being written, unless one waits: loading takes a while."""
        with self.lock:
            if not any(not _stale(one) for one in self.waiting):
                self.waiting.append(self._begun())

    def end_all(self) -> None:
        """Ends the processes that nobody asks just now, and waits for them."""
        with self.lock:
            ending, self.waiting[:] = list(self.waiting), []
        for one in ending:
            one.ended()

    def _begun(self) -> Ready:
        return Ready(self.command, self.environment())

    def _taken(self) -> Ready | None:
        """One that stands ready. Those that may be about to end, or are of another interpreter, are ended."""
        with self.lock:
            old = [one for one in self.waiting if one.executable != sys.executable or _stale(one)]
            self.waiting[:] = [one for one in self.waiting if one not in old]
            found = self.waiting.pop() if self.waiting else None
        for one in old:
            one.ended()
        return found

    def _forget(self) -> None:
        """A fork of this process asks none of the processes that its parent asks."""
        self.lock = threading.Lock()
        self.waiting.clear()


class Ready:
    """One process and the socket it is asked over."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self.executable = sys.executable
        self.socket, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with its:
            self.process = subprocess.Popen(
                [self.executable, *command],
                stdin=its.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                cwd=ROOT,
                env=dict(environment),
                start_new_session=True,
            )
        self.since = time.monotonic()

    def ask(self, order: bytes, bounds: Mapping[str, int], wall: float) -> Answer | None:
        """One order; None where the process is there no more. Raises TimeoutError, with the process ended."""
        with tempfile.TemporaryFile() as asked, tempfile.TemporaryFile() as made, tempfile.TemporaryFile() as told:
            asked.write(order)
            asked.seek(0)
            self.socket.settimeout(wall)
            try:
                files = [asked.fileno(), made.fileno(), told.fileno()]
                socket.send_fds(self.socket, [json.dumps(dict(bounds)).encode()], files)
                said = self.socket.recv(64)
            except TimeoutError:
                self._stop()
                raise
            except OSError:
                said = b""
            except BaseException:  # whoever stops waiting, for whatever reason, leaves nobody behind who goes on
                self._stop()
                raise
            if not said:
                return None
            made.seek(0)
            told.seek(0)
            self.since = time.monotonic()
            return Answer(int(said), made.read(), _last_line(told.read()))

    def _stop(self) -> None:
        """Ends it, and what it forked for the order."""
        os.killpg(self.process.pid, SIGKILL)
        self.ended()

    def ended(self) -> Answer:
        """Lets it end; how it did."""
        self.socket.close()
        _, said = self.process.communicate()
        return Answer(self.process.returncode, b"", _last_line(said or b""))


def _stale(one: Ready) -> bool:
    return time.monotonic() - one.since > IDLE_S / 2


def _last_line(said: bytes) -> str:
    return " ".join(said.decode("utf-8", "replace").strip().splitlines()[-1:])


def serve(work: Callable[[Mapping[str, int]], int], *, warm: Callable[[], object], command: Sequence[str]) -> int:
    """In such a process: orders one after another until nobody asks for a while or who asked is gone; gives 0.

    `work`: in a fork of its own, with the order on file 0, a place for what is made of it on file 1 and one for words
    on file 2, it limits itself to the bounds it is given and gives its exit status. `warm` does beforehand what no fork
    shall pay for; where it leaves a thread behind, the process (`command`) begins again without: beside a thread
    nothing may fork.
    """
    if COLD not in sys.argv:
        warm()
        if len(os.listdir("/proc/self/task")) > 1:
            os.execv(sys.executable, [sys.executable, *command, COLD])  # noqa: S606  the very same program
    gc.freeze()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with socket.socket(fileno=sys.stdin.fileno()) as asker:
        asker.settimeout(IDLE_S)
        while True:
            try:
                said, files, _, _ = socket.recv_fds(asker, 1024, 3)
            except TimeoutError:
                return 0
            if not said:
                return 0
            asker.sendall(b"%d" % _in_a_fork(work, json.loads(said), files))


def _in_a_fork(work: Callable[[Mapping[str, int]], int], bounds: dict[str, int], files: Sequence[int]) -> int:
    """The exit status of a fork of its own for one order; below 0 the signal that ended it."""
    fork = os.fork()
    if not fork:
        status = 1
        try:
            for place, one in enumerate(files):
                os.dup2(one, place)
            status = work(bounds)
        finally:
            os._exit(status)  # whatever went wrong ends this fork and nothing else; the status says that nothing came
    for one in files:
        os.close(one)
    return os.waitstatus_to_exitcode(os.waitpid(fork, 0)[1])
