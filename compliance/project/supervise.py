"""The parts that run together: broker, web, three workers and beat, started, watched and stopped as one.

`with stack(var):` starts the real parts and stops them quietly at the end; tests and the demo use the same parts
as the installed system. Every part is a plain command, runs in its own process group (a Ctrl-C at the terminal
reaches only the supervisor, which then stops the parts in order) and dies with the supervisor.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import redis

from compliance.errors import Refused
from compliance.project import broker

BASE_DIR = Path(__file__).resolve().parents[2]
POLITE_S = 3.0  # after TERM; a job that needs longer is given back by its lease
FIRM_S = 2.0  # after QUIT
STARTS_WITHIN_S = 120.0  # a busy machine is no broken one
LOG_LIMIT_BYTES = 5 * 1024 * 1024
BACKOFF_S = (1.0, 2.0, 5.0, 15.0, 30.0)
STEADY_S = 60.0  # a part that ran this long begins its back-off anew


def worker_command(queue: str, *options: str) -> list[str]:
    """One Celery worker on one queue; the worker's name is the queue's."""
    quiet = ("--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "WARNING")
    return [*_celery("worker"), "--queues", queue, "--hostname", f"{queue}@eastwest", *quiet, *options]


def beat_command() -> list[str]:
    """The metronome. It keeps nothing on disk: schedules are keys in the database, beat only knocks."""
    return [*_celery("beat"), "--scheduler", "celery.beat:Scheduler", "--pidfile", "", "--loglevel", "WARNING"]


def web_command(port: int, env: Mapping[str, str] = os.environ) -> list[str]:
    """The pages, on this machine's own address only.

    With PostgreSQL two processes a core, as each waits for the database while another computes (measured: fifty people
    wait for 0.34 s instead of 0.58); with SQLite, which answers in the process itself, four gain nothing over two.
    The program is loaded once and forked: a process that begins, or takes another's place, is warm.
    """
    workers, threads = (2 * (os.cpu_count() or 1), 2) if env.get("DATABASE_URL", "").strip() else (2, 4)
    crew = ("--preload", "--workers", str(workers), "--threads", str(threads))
    place = ("--bind", f"127.0.0.1:{port}", *crew, "--no-control-socket")
    return [sys.executable, "-m", "gunicorn", "compliance.project.wsgi:application", *place, "--graceful-timeout", "3"]


def _celery(command: str) -> list[str]:
    return [sys.executable, "-m", "celery", "--app", "compliance.project.celery", "--quiet", command]


@dataclass
class Part:
    """One program of the stack. `command` runs from the top of the repository; its output goes to `log`."""

    name: str
    command: Sequence[str]
    log: Path
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    falls: int = 0
    again_at: float = 0.0

    def start(self, *, keep_open: Sequence[int] = ()) -> None:
        """Starts the program with this process's environment; it gets TERM when this process dies."""
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(
                [*_dies_with_parent(), *self.command],
                cwd=BASE_DIR,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                process_group=0,
                pass_fds=tuple(keep_open),
            )
        self.started = time.monotonic()

    def is_running(self) -> bool:
        """Whether the program is alive now."""
        return self.process is not None and self.process.poll() is None

    def signal(self, number: int) -> None:
        """Sends a signal to the program, if it is alive."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)

    def clear(self) -> None:
        """Kills what is left of the program and of its own children, and collects it."""
        if self.process is None:
            return
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def last_words(self) -> str:
        """The end of its log, for the person who must find out why."""
        return self.log.read_bytes()[-1500:].decode(errors="replace").strip() if self.log.exists() else ""


@dataclass
class Stack:
    """The running parts of one var/. Made by `stack()`."""

    var: Path
    parts: list[Part] = field(default_factory=list)
    lock: IO[Any] | None = None

    def part(self, name: str) -> Part:
        """A part by its name: broker, web, work, tick or beat."""
        return next(part for part in self.parts if part.name == name)

    def start(self, commands: dict[str, list[str]]) -> None:
        """Starts the parts in order, the broker first and until it answers. Raises Refused when it does not."""
        self.lock = hold(self.var)
        logs = self.var / "log"
        logs.mkdir(mode=0o700, exist_ok=True)
        for name, command in commands.items():
            part = Part(name, command, logs / f"{name}.log")
            self.parts.append(part)
            _turn_over(part.log)
            self._start(part)
            if name == "broker":
                self._until(part, _broker_answers(self.var))

    def _start(self, part: Part) -> None:
        # The broker keeps the lock open: a second stack must wait until the old broker has put its socket away.
        keep = (self.lock.fileno(),) if part.name == "broker" and self.lock is not None else ()
        part.start(keep_open=keep)

    def _until(self, part: Part, ready: Callable[[], bool]) -> None:
        deadline = time.monotonic() + STARTS_WITHIN_S
        while not ready():
            if not part.is_running() or time.monotonic() > deadline:
                raise Refused(
                    f"The part “{part.name}” did not start.",
                    part.last_words() or "It said nothing.",
                    f"Read {part.log}, or ask: ./run doctor",
                )
            time.sleep(0.05)

    def until_web_answers(self, port: int) -> None:
        """Waits until the pages are served. Raises Refused when they are not."""
        self._until(self.part("web"), _port_answers(port))

    def mend(self, tell: Callable[[str], object]) -> None:
        """Starts again what fell, later each time; `tell` gets one sentence for each fall. Call it every second."""
        now = time.monotonic()
        for part in self.parts:
            if part.is_running():
                continue
            if part.again_at == 0.0:
                part.falls = 0 if now - part.started > STEADY_S else part.falls
                wait = BACKOFF_S[min(part.falls, len(BACKOFF_S) - 1)]
                part.falls, part.again_at = part.falls + 1, now + wait
                tell(f"The part “{part.name}” stopped; it is started again in {wait:.0f} s. Its log: {part.log}")
            elif now >= part.again_at:
                part.clear()
                part.again_at = 0.0
                self._start(part)

    def stop(self) -> None:
        """TERM, after 3 s QUIT, after 2 s KILL; the broker last, so that nobody misses it."""
        _stop([part for part in self.parts if part.name != "broker"])
        _stop([part for part in self.parts if part.name == "broker"])
        if any(part.name == "broker" for part in self.parts):
            broker.put_away(self.var)
        if self.lock is not None:
            self.lock.close()
            self.lock = None


@contextmanager
def stack(
    var: Path, *, web: bool = False, beat: bool = True, port: int = 0, slots: int = 2, pulls: int = 8
) -> Iterator[Stack]:
    """The real parts on one var/: broker (unless REDIS_URL names another), workers `work`, `pull`, `tick`, beat, web.

    `slots` is how many jobs run at once, `pulls` how many sources are read at once beside them (they wait for their
    devices most of the time, so threads do). The parts load the settings themselves, so EASTWEST_VAR must name this
    same var/. Raises Refused when a part does not start or when another stack already runs on this var/.
    """
    commands: dict[str, list[str]] = {}
    if broker.is_ours():
        commands["broker"] = broker.server_command(var)
    commands["work"] = worker_command("work", "--concurrency", str(slots), "--max-tasks-per-child", "50")
    commands["pull"] = worker_command("pull", "--pool", "threads", "--concurrency", str(pulls))
    commands["tick"] = worker_command("tick", "--pool", "solo")
    if beat:
        commands["beat"] = beat_command()
    if web:
        commands["web"] = web_command(port)
    with running_stack(var, commands) as running:
        yield running


@contextmanager
def running_stack(var: Path, commands: dict[str, list[str]]) -> Iterator[Stack]:
    """Any set of named commands, run and stopped as a stack."""
    running = Stack(var)
    try:
        running.start(commands)
        yield running
    finally:
        running.stop()


def hold(var: Path, *, within_s: float = 6.0) -> IO[Any]:
    """Takes the one lock of a var/. An old stack may still be stopping, so it waits a little. Raises Refused."""
    lock = (var / "stack.lock").open("a")
    deadline = time.monotonic() + within_s
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                lock.close()
                raise Refused(
                    "Eastwest already runs here.",
                    f"Another one works on {var}; two would fight over the same broker.",
                    "Stop the other one first, or choose another place: EASTWEST_VAR=/path ./run",
                ) from None
            time.sleep(0.1)
        else:
            return lock


def _stop(parts: Sequence[Part]) -> None:
    for number, patience in ((signal.SIGTERM, POLITE_S), (signal.SIGQUIT, FIRM_S)):
        for part in parts:
            part.signal(number)
        deadline = time.monotonic() + patience
        while any(part.is_running() for part in parts) and time.monotonic() < deadline:
            time.sleep(0.02)
    for part in parts:
        part.clear()


def _dies_with_parent() -> list[str]:
    setpriv = shutil.which("setpriv")  # util-linux; where it is missing a killed supervisor leaves its parts behind
    return [setpriv, "--pdeathsig", "TERM", "--"] if setpriv else []


def _turn_over(log: Path) -> None:
    if log.exists() and log.stat().st_size > LOG_LIMIT_BYTES:
        os.replace(log, log.with_suffix(".log.1"))


def _broker_answers(var: Path) -> Callable[[], bool]:
    client = redis.Redis.from_url(broker.redis_url(var), socket_timeout=2)

    def ready() -> bool:
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False

    return ready


def _port_answers(port: int) -> Callable[[], bool]:
    import http.client

    def ready() -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("HEAD", "/", headers={"Host": "localhost"})
            return connection.getresponse().status < 500
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    return ready
