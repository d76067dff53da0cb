"""The parts start, fall, rise and end together: with real programs, on a long path with a blank."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import redis

from compliance.errors import Refused
from compliance.project import broker
from compliance.project.supervise import Stack, hold, running_stack

SLEEPER = [sys.executable, "-c", "import time; time.sleep(600)"]
DEAF = [
    sys.executable,
    "-c",
    "import signal, time\n"
    "for number in (signal.SIGTERM, signal.SIGQUIT): signal.signal(number, signal.SIG_IGN)\n"
    "print('deaf', flush=True)\n"
    "time.sleep(600)\n",
]


def long_var(room: Path, name: str = "a blank") -> Path:
    """A var/ whose path is longer than a socket's may be, with a blank and a percent sign in it."""
    var = room / ("long" * 28) / f"{name} 100%25"
    var.mkdir(mode=0o700, parents=True)
    return var


def until(true: Callable[[], bool], within_s: float = 10.0) -> None:
    """Waits for something that must become true."""
    deadline = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def is_gone(pid: int) -> bool:
    """No such process, or only its remains."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return True
    return state == "Z"


def broker_only(var: Path) -> dict[str, list[str]]:
    return {"broker": broker.server_command(var)}


def test_the_broker_runs_from_a_long_path_and_is_private(tmp_path: Path) -> None:
    var = long_var(tmp_path)
    with running_stack(var, broker_only(var)):
        socket = broker.socket_path(var)
        assert len(os.fsencode(socket)) <= broker.SOCKET_PATH_LIMIT
        assert socket.parent.stat().st_mode & 0o777 == 0o700
        client = redis.Redis.from_url(broker.redis_url(var))
        assert client.config_get("port", "appendonly", "maxmemory-policy") == {
            "port": "0",
            "appendonly": "yes",
            "maxmemory-policy": "noeviction",
        }
    assert not socket.parent.exists()


def test_both_clients_reach_the_same_broker_by_their_own_address(tmp_path: Path) -> None:
    from celery import Celery

    var = tmp_path / "a blank 100%25"
    var.mkdir(mode=0o700)
    with running_stack(var, broker_only(var)):
        assert broker.socket_path(var).parent == var
        with Celery(broker=broker.celery_url(var)) as app:
            app.send_task("anything", queue="probe")
        assert redis.Redis.from_url(broker.redis_url(var)).llen("probe") == 1


def test_a_named_broker_is_used_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "rediss://:secret@redis.example.org:6390/2")
    assert broker.redis_url(tmp_path) == broker.celery_url(tmp_path) == "rediss://:secret@redis.example.org:6390/2"
    monkeypatch.setenv("REDIS_URL", "redis+socket:///run/redis.sock")
    assert broker.redis_url(tmp_path) == "unix:///run/redis.sock"
    assert not broker.is_ours()


def test_what_was_queued_outlives_a_killed_broker(tmp_path: Path) -> None:
    var = long_var(tmp_path)
    with running_stack(var, broker_only(var)) as stack:
        redis.Redis.from_url(broker.redis_url(var)).rpush("queue", "kept")
        time.sleep(1.1)  # appendfsync everysec
        stack.part("broker").signal(signal.SIGKILL)
        until(lambda: not stack.part("broker").is_running())
    with running_stack(var, broker_only(var)):
        assert redis.Redis.from_url(broker.redis_url(var)).lrange("queue", 0, -1) == [b"kept"]


def test_a_folder_that_others_took_is_not_used_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    var = long_var(tmp_path)
    first = broker.socket_path(var).parent
    assert broker.socket_path(var).parent == first
    first.chmod(0o755)
    assert broker.socket_path(var).parent != first


def test_two_stacks_never_share_a_var(tmp_path: Path) -> None:
    with running_stack(tmp_path, {"a": SLEEPER}), pytest.raises(Refused, match="already runs"):
        hold(tmp_path, within_s=0.2)
    hold(tmp_path, within_s=0.2).close()


def test_a_part_that_does_not_start_is_named_with_its_last_words(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "raise SystemExit('no room on the disk')"]
    with pytest.raises(Refused, match="no room on the disk"), running_stack(tmp_path, {"broker": command}):
        pytest.fail("it started")


def test_a_fallen_part_is_started_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("compliance.project.supervise.BACKOFF_S", (0.1,))
    said: list[str] = []
    with running_stack(tmp_path, {"a": SLEEPER}) as stack:
        part = stack.part("a")
        assert part.process is not None
        first = part.process.pid
        part.signal(signal.SIGKILL)
        until(lambda: not part.is_running())

        def risen() -> bool:
            stack.mend(said.append)
            return part.is_running()

        until(risen)
        assert part.process.pid != first
        assert len(said) == 1
        assert "“a” stopped" in said[0]


def test_a_deaf_part_is_killed_after_the_polite_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("compliance.project.supervise.POLITE_S", 0.3)
    monkeypatch.setattr("compliance.project.supervise.FIRM_S", 0.2)
    with running_stack(tmp_path, {"deaf": DEAF}) as stack:
        part = stack.part("deaf")
        until(lambda: "deaf" in part.last_words())
        assert part.process is not None
        pid = part.process.pid
        began = time.monotonic()
    assert 0.5 <= time.monotonic() - began < 3
    assert is_gone(pid)


def test_the_parts_die_with_a_killed_supervisor(tmp_path: Path) -> None:
    code = (
        "import pathlib, sys, time\n"
        "from compliance.project import broker, supervise\n"
        "var = pathlib.Path(sys.argv[1])\n"
        "with supervise.running_stack(var, {'broker': broker.server_command(var)}) as stack:\n"
        "    print(stack.part('broker').process.pid, flush=True)\n"
        "    time.sleep(600)\n"
    )
    supervisor = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert supervisor.stdout is not None
    pid = int(supervisor.stdout.readline())
    supervisor.kill()
    supervisor.wait()
    supervisor.stdout.close()
    until(lambda: is_gone(pid))
    Stack(tmp_path).stop()
    hold(tmp_path).close()  # the next one may start at once
