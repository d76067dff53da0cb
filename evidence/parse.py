"""Dumps are read in a child process with limits: a hostile or broken one cannot take the worker with it.

`read_in_child` is the parent's side. The child is `python -m evidence.parse`: it takes a request on stdin
({"artefacts": [{"path", "name", "command", "observed_at"}], "cpu_s", "memory"}), limits itself, reads all artefacts as
one host and writes {"reading": …} (evidence/reading_json.py) or {"refused": [what, why, next_step]} to stdout.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from evidence import reading_json
from evidence.host import read_host
from evidence.rules import Artefact, FormatError, Reading

CPU_S = 60
WALL_S = 120.0
MEMORY = 1024 * 2**20  # bytes of address space
OUT_OF_MEMORY = 3  # exit status of a child whose memory did not suffice
REFUSED = 4  # exit status of a child that refused an artefact
RAW_BELONGS = "The raw dump is kept. Look whether it is what it should be; if it is, report it with the dump."


def read_in_child(
    artefacts: Sequence[Artefact], *, cpu_s: int = CPU_S, wall_s: float = WALL_S, memory: int = MEMORY
) -> Reading:
    """All dumps of one host at one moment, read by a child process and joined.

    `cpu_s` and `wall_s` in seconds, `memory` in bytes. Raises FormatError in plain words whatever goes wrong.
    """
    with tempfile.TemporaryDirectory(prefix="eastwest-parse-") as place:
        request = {"artefacts": _written(Path(place), artefacts), "cpu_s": cpu_s, "memory": memory}
        with (Path(place) / "answer").open("w+b") as answer:
            status = _run(request, answer, wall_s)
            answer.seek(0)
            return _answered(answer.read(), status, artefacts, cpu_s=cpu_s, memory=memory)


def _written(place: Path, artefacts: Sequence[Artefact]) -> list[dict[str, str]]:
    found: list[dict[str, str]] = []
    for number, artefact in enumerate(artefacts):
        path = place / f"artefact-{number}"
        path.write_bytes(artefact.content)
        at = artefact.observed_at.isoformat() if artefact.observed_at else ""
        found.append({"path": str(path), "name": artefact.name, "command": artefact.command, "observed_at": at})
    return found


def _run(request: dict[str, Any], answer: IO[bytes], wall_s: float) -> int:
    """The exit status of the child. Raises FormatError when the time is over."""
    child = subprocess.Popen(
        [sys.executable, "-E", "-s", "-m", "evidence.parse"],
        stdin=subprocess.PIPE,
        stdout=answer,
        stderr=subprocess.DEVNULL,
        cwd=Path(__file__).resolve().parents[1],
        env={"PATH": os.defpath, "LANG": "C.UTF-8"},
        start_new_session=True,
    )
    try:
        child.communicate(json.dumps(request).encode("ascii"), timeout=wall_s)
    except subprocess.TimeoutExpired:
        child.kill()
        child.communicate()
        why = f"reading took longer than {wall_s:g} seconds"
        raise FormatError("The dumps were not read", why, RAW_BELONGS) from None
    return child.returncode


def _answered(data: bytes, status: int, artefacts: Sequence[Artefact], *, cpu_s: int, memory: int) -> Reading:
    if status == 0:
        return reading_json.load(data)
    names = ", ".join(artefact.name for artefact in artefacts)
    if status == REFUSED:
        raise FormatError(*_refusal(data))
    if status == OUT_OF_MEMORY:
        why = f"reading needs more than {memory // 2**20} MiB of memory"
    elif status in {-signal.SIGXCPU, -signal.SIGKILL}:
        why = f"reading took more than {cpu_s} seconds of processor time, or the system stopped it"
    elif status == -signal.SIGXFSZ:
        why = "what was read is too large to hand over"
    else:
        why = f"the reading process stopped unexpectedly (status {status})"
    raise FormatError(f"{names or 'The dumps'} could not be read", why, RAW_BELONGS)


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


def main() -> int:
    """The child: one request on stdin, one answer on stdout; the exit status says which kind it is."""
    request = json.load(sys.stdin)
    limit_child(int(request["cpu_s"]), int(request["memory"]))
    try:
        reading = read_host([_artefact(wanted) for wanted in request["artefacts"]])
        sys.stdout.buffer.write(reading_json.dump(reading))
    except FormatError as refused:
        json.dump({"refused": [refused.what, refused.why, refused.next_step]}, sys.stdout)
        return REFUSED
    except MemoryError:
        return OUT_OF_MEMORY
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
