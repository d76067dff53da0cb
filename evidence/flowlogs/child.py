"""A flow log is rolled up in a child process with limits: a hostile or broken file cannot take the worker with it.

`rolled_in_child` is the parent's side. The child is a fork of `python -m evidence.flowlogs.child`, which stands ready
for the next file (evidence/ready.py) and reads none itself: the fork limits itself, takes a request from file 0, writes
the days, and answers {"rolled": …} or {"refused": [what, why, next_step]} to file 1.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final, NamedTuple

from evidence.flowlogs import engine
from evidence.flowlogs.days import live_path, write_live
from evidence.flowlogs.engine import Engine
from evidence.flowlogs.grown import holds_all
from evidence.flowlogs.shapes import Gap, Rolled
from evidence.flowlogs.table import read_file
from evidence.ready import Answer, Pool, serve
from evidence.rules import FormatError, Lines, Unread

CPU_S: Final = 1800
WALL_S: Final = 3600.0
MEMORY: Final = 4 * 2**30  # of address space: the engine keeps to a sixth of it, the rest is mapped and not used
REFUSED, OUT_OF_MEMORY = 4, 3
KEPT: Final = "The file is kept as it came. Look whether it is what it should be; if it is, report it with the file."


class Brought(NamedTuple):
    """A file, rolled up. `hours`: day -> a bit for each hour in which it says anything; `holds`, `held_by`: which of
    the other versions it was asked about it holds in full, and which hold it."""

    rolled: Rolled
    hours: dict[int, int]
    holds: tuple[int, ...]
    held_by: tuple[int, ...]


def rolled_in_child(
    source: Path,
    into: Path,
    *,
    name: str,
    received: int | None,
    others: Mapping[int, Sequence[Path]],
    scratch: Path,
    wall_s: float = WALL_S,
) -> Brought:
    """Rolls the file `source` up to days in the folder `into`; `others`: key -> the days of versions it may hold.

    `scratch`: where it may unpack and spill. Raises FormatError in plain words whatever goes wrong.
    """
    with tempfile.TemporaryDirectory(prefix="rolling-", dir=scratch) as place:
        days = Path(place) / "days"
        days.mkdir()
        request = {
            "source": str(source), "into": str(days), "name": name, "received": received, "scratch": place,
            "others": {str(key): [str(path) for path in days] for key, days in others.items()},
        }  # fmt: skip
        answer = _run(request, wall_s, name)
        status, said = answer.status, answer.made
        if status == 0:
            return _moved(_answered(json.loads(said)), days, into)
    if status == REFUSED:
        raise FormatError(*_refusal(said))
    if status == OUT_OF_MEMORY:
        why = f"reading needs more than {MEMORY // 2**20} MiB of memory"
    elif status in {-signal.SIGXCPU, -signal.SIGKILL}:
        why = f"reading took more than {CPU_S} seconds of processor time, or the system stopped it"
    else:
        why = f"the reading process stopped unexpectedly (status {status})"
    raise FormatError(f"{name} could not be read", why, KEPT)


def _run(request: dict[str, Any], wall_s: float, name: str) -> Answer:
    """What the child made of it. Raises FormatError when the time is over."""
    try:
        return POOL.ask(json.dumps(request).encode("ascii"), {"cpu_s": CPU_S, "memory": MEMORY}, wall_s)
    except TimeoutError:
        raise FormatError(f"{name} was not read", f"reading took longer than {wall_s:g} seconds", KEPT) from None


def _moved(brought: Brought, came: Path, into: Path) -> Brought:
    """The days whole in their place, and on the disk: two who roll the same file up never write to one file."""
    days = {day: _settled(path, into) for day, path in brought.rolled.days.items()}
    for day in brought.hours:
        _settled(live_path(came, day, brought.rolled.sha256), into)
    return brought._replace(rolled=replace(brought.rolled, days=days))


def _settled(path: Path, into: Path) -> Path:
    with path.open("rb") as written:
        os.fsync(written.fileno())
    return path.replace(into / path.name)


def _refusal(said: bytes) -> tuple[str, str, str]:
    try:
        what, why, next_step = (str(part) for part in json.loads(said)["refused"])
    except (ValueError, KeyError, TypeError):
        return "The file was refused", "the reason was lost", KEPT
    return what, why, next_step


def _answered(said: Mapping[str, Any]) -> Brought:
    held = said["rolled"]
    rolled = Rolled(
        held["format"], held["name"], held["sha256"], Lines(**held["lines"]),
        tuple(Unread(**one) for one in held["unread"]), tuple(held["unknown"]),
        tuple(Gap(**one) for one in held["gaps"]), {int(day): Path(path) for day, path in held["days"].items()},
        held["records"], held["alike"],
    )  # fmt: skip
    hours = {int(day): bits for day, bits in said["hours"].items()}
    return Brought(rolled, hours, tuple(said["holds"]), tuple(said["held_by"]))


def _said(brought: Brought) -> dict[str, Any]:
    rolled = brought.rolled
    held = {
        "format": rolled.format, "name": rolled.name, "sha256": rolled.sha256, "lines": asdict(rolled.lines),
        "unread": [asdict(one) for one in rolled.unread], "unknown": list(rolled.unknown),
        "gaps": [asdict(one) for one in rolled.gaps], "days": {str(day): str(at) for day, at in rolled.days.items()},
        "records": rolled.records, "alike": rolled.alike,
    }  # fmt: skip
    hours = {str(day): bits for day, bits in brought.hours.items()}
    return {"rolled": held, "hours": hours, "holds": list(brought.holds), "held_by": list(brought.held_by)}


def _read(request: Mapping[str, Any]) -> Brought:
    with Engine(Path(request["scratch"])) as running:
        source, into = Path(request["source"]), Path(request["into"])
        rolled = read_file(running, source, into, name=request["name"], received=request["received"])
        mine = list(rolled.days.values())
        others = {int(key): [Path(path) for path in days] for key, days in request["others"].items()}
        holds = tuple(key for key, days in others.items() if holds_all(running, mine, days))
        held_by = tuple(key for key, days in others.items() if key not in holds and holds_all(running, days, mine))
        return Brought(rolled, write_live(running, rolled, into), holds, held_by)


def limit(cpu_s: int, memory: int) -> None:
    """Limits this very process: address space, processor time, no core dumps."""
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _serve(bounds: Mapping[str, int]) -> int:
    """In a fork: one request, one answer; the exit status says which kind it is."""
    limit(bounds["cpu_s"], bounds["memory"])
    with open(0, "rb", closefd=False) as asked, open(1, "wb", closefd=False) as answer:
        try:
            answer.write(json.dumps(_said(_read(json.load(asked)))).encode("ascii"))
        except FormatError as refused:
            answer.write(json.dumps({"refused": [refused.what, refused.why, refused.next_step]}).encode("ascii"))
            return REFUSED
        except MemoryError:
            return OUT_OF_MEMORY
    return 0


def _environment() -> dict[str, str]:
    """Nothing of what this process has: a flow log has no use for it. numpy starts no threads of its own, which a fork
    would lose, and asks for no huge pages: clearing them took 0.2 s of a file of a million lines, small ones 0.08 s."""
    return {"PATH": os.defpath, "LANG": "C.UTF-8", "OPENBLAS_NUM_THREADS": "1", "NUMPY_MADVISE_HUGEPAGE": "0"}


COMMAND: Final = ("-E", "-s", "-m", "evidence.flowlogs.child")
POOL: Final = Pool(COMMAND, _environment)


def main() -> int:
    """The process that forks for files."""
    return serve(_serve, warm=engine.load, command=COMMAND)


if __name__ == "__main__":
    raise SystemExit(main())
