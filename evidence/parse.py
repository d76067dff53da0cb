"""Dumps are read in a child process with limits: a hostile or broken one cannot take the worker with it.

`read_in_child` is the parent's side. The child is a fork of `python -m evidence.parse`, which stands ready for the next
host (evidence/ready.py) and reads none itself: the fork limits itself, takes a request from file 0
({"artefacts": [{"path", "name", "command", "observed_at"}]}), reads all artefacts as one host and writes {"reading": …}
(evidence/reading_json.py) or {"refused": [what, why, next_step]} to file 1. `paths_in_child` asks it for the paths of
several accounts ({"accounts": {name: [artefact]}}), and is given {"paths": {name: reading}, "apart": {name: why}}.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from evidence import reading_json
from evidence.formats.aws_together import paths_together
from evidence.host import read_host
from evidence.ready import Answer, Pool, serve
from evidence.rules import Artefact, FormatError, Reading

CPU_S = 60
WALL_S = 120.0
MEMORY = 1024 * 2**20  # bytes of address space
OUT_OF_MEMORY = 3  # exit status of a child whose memory did not suffice
REFUSED = 4  # exit status of a child that refused an artefact
NAMED = 20  # files that a sentence names
RAW_BELONGS = "The raw dump is kept. Look whether it is what it should be; if it is, report it with the dump."


def read_in_child(
    artefacts: Sequence[Artefact], *, cpu_s: int = CPU_S, wall_s: float = WALL_S, memory: int = MEMORY
) -> Reading:
    """All dumps of one host at one moment, read by a child process and joined.

    `cpu_s` and `wall_s` in seconds, `memory` in bytes. Raises FormatError in plain words whatever goes wrong.
    """
    with tempfile.TemporaryDirectory(prefix="eastwest-parse-") as place:
        request = {"artefacts": _written(Path(place), artefacts)}
        answer = _run(request, {"cpu_s": cpu_s, "memory": memory}, wall_s)
        return _answered(answer.made, answer.status, artefacts, cpu_s=cpu_s, memory=memory)


def paths_in_child(
    accounts: Mapping[str, Sequence[Artefact]], *, cpu_s: int = CPU_S, wall_s: float = WALL_S, memory: int = MEMORY
) -> tuple[dict[str, Reading], dict[str, str]]:
    """The paths of accounts that lead into one another, and why others of these could not be put together.

    `cpu_s` and `wall_s` are for each account. Raises FormatError in plain words whatever goes wrong.
    """
    cpu_s, wall_s = cpu_s * len(accounts), wall_s * len(accounts)
    with tempfile.TemporaryDirectory(prefix="eastwest-parse-") as place:
        asked = {
            name: _written(Path(place), held, f"{number}-") for number, (name, held) in enumerate(accounts.items())
        }
        answer = _run({"accounts": asked}, {"cpu_s": cpu_s, "memory": memory}, wall_s)
    if answer.status == 0:
        said = json.loads(answer.made)
        return {name: reading_json.load(held.encode()) for name, held in said["paths"].items()}, said["apart"]
    every = [artefact for held in accounts.values() for artefact in held]
    raise _failure(answer.made, answer.status, every, cpu_s=cpu_s, memory=memory)


def _written(place: Path, artefacts: Sequence[Artefact], mark: str = "") -> list[dict[str, str]]:
    found: list[dict[str, str]] = []
    for number, artefact in enumerate(artefacts):
        path = place / f"artefact-{mark}{number}"
        path.write_bytes(artefact.content)
        at = artefact.observed_at.isoformat() if artefact.observed_at else ""
        found.append({"path": str(path), "name": artefact.name, "command": artefact.command, "observed_at": at})
    return found


def _run(request: dict[str, Any], bounds: dict[str, int], wall_s: float) -> Answer:
    """What the child made of it. Raises FormatError when the time is over."""
    try:
        return POOL.ask(json.dumps(request).encode("ascii"), bounds, wall_s)
    except TimeoutError:
        why = f"reading took longer than {wall_s:g} seconds"
        raise FormatError("The dumps were not read", why, RAW_BELONGS) from None


def _answered(data: bytes, status: int, artefacts: Sequence[Artefact], *, cpu_s: int, memory: int) -> Reading:
    if status == 0:
        return reading_json.load(data)
    raise _failure(data, status, artefacts, cpu_s=cpu_s, memory=memory)


def _failure(data: bytes, status: int, artefacts: Sequence[Artefact], *, cpu_s: int, memory: int) -> FormatError:
    """What went wrong in the child, in words."""
    names = ", ".join(artefact.name for artefact in artefacts[:NAMED]) + (" …" if len(artefacts) > NAMED else "")
    if status == REFUSED:
        return FormatError(*_refusal(data))
    if status == OUT_OF_MEMORY:
        why = f"reading needs more than {memory // 2**20} MiB of memory"
    elif status in {-signal.SIGXCPU, -signal.SIGKILL}:
        why = f"reading took more than {cpu_s} seconds of processor time, or the system stopped it"
    elif status == -signal.SIGXFSZ:
        why = "what was read is too large to hand over"
    else:
        why = f"the reading process stopped unexpectedly (status {status})"
    return FormatError(f"{names or 'The dumps'} could not be read", why, RAW_BELONGS)


def _refusal(data: bytes) -> tuple[str, str, str]:
    try:
        what, why, next_step = (str(part) for part in json.loads(data)["refused"])
    except (ValueError, KeyError, TypeError):
        return "The dumps were refused", "the reason was lost", RAW_BELONGS
    return what, why, next_step


def limit_child(cpu_s: int, memory: int) -> None:
    """Limits this very process: address space, processor time, size of files, no core dumps."""
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s + 1))
    resource.setrlimit(resource.RLIMIT_FSIZE, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _artefact(wanted: dict[str, str]) -> Artefact:
    at = datetime.fromisoformat(wanted["observed_at"]) if wanted["observed_at"] else None
    return Artefact(wanted["name"], Path(wanted["path"]).read_bytes(), wanted["command"], at)


def _read(bounds: Mapping[str, int]) -> int:
    """In a fork: one request, one answer; the exit status says which kind it is."""
    limit_child(bounds["cpu_s"], bounds["memory"])
    with open(0, "rb", closefd=False) as asked, open(1, "wb", closefd=False) as answer:
        try:
            request = json.load(asked)
            if "accounts" in request:
                answer.write(_paths(request["accounts"]))
            else:
                answer.write(reading_json.dump(read_host([_artefact(wanted) for wanted in request["artefacts"]])))
        except FormatError as refused:
            answer.write(json.dumps({"refused": [refused.what, refused.why, refused.next_step]}).encode())
            return REFUSED
        except MemoryError:
            return OUT_OF_MEMORY
    return 0


def _paths(accounts: Mapping[str, Sequence[dict[str, str]]]) -> bytes:
    found, apart = paths_together({name: [_artefact(wanted) for wanted in held] for name, held in accounts.items()})
    paths = {name: reading_json.dump(one).decode() for name, one in found.items()}
    return json.dumps({"paths": paths, "apart": apart}).encode()


def _environment() -> dict[str, str]:
    """Nothing of what this process has: a dump has no use for it."""
    return {"PATH": os.defpath, "LANG": "C.UTF-8"}


COMMAND: Final = ("-E", "-s", "-m", "evidence.parse")
POOL: Final = Pool(COMMAND, _environment)


def _warm() -> None:
    """Loads what reading the first host would load late: formats of others, tables."""
    with suppress(FormatError):
        read_host([Artefact("nothing", b"")])


def main() -> int:
    """The process that forks for hosts."""
    return serve(_read, warm=_warm, command=COMMAND)


if __name__ == "__main__":
    raise SystemExit(main())
