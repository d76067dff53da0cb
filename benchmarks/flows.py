"""`./run bench flows`: files of a flow log rolled up and matched, beside DuckDB's own count of their lines and gzip.

The peers read the same files in the same run; beside two workers stands what two processes of nothing but arithmetic
gain on this machine at that moment. Every figure is a child of its own, so that memory and processor time are
its own. `BENCH_FLOWS_RECORDS` (default 1000000,10000000) chooses the sizes.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks.figures import Figure
from benchmarks.flow_files import PER_FILE, register, written

SIZES: Final = tuple(int(one) for one in os.environ.get("BENCH_FLOWS_RECORDS", "1000000,10000000").split(","))
ROUNDS: Final = 30_000_000  # of arithmetic: some seconds of one processor
CHILD: Final = (sys.executable, "-m", "benchmarks.flows")
COLUMNS: Final = (
    "{'version': 'INTEGER', 'account': 'VARCHAR', 'interface': 'VARCHAR', 'src': 'VARCHAR', 'dst': 'VARCHAR',"
    " 'sport': 'INTEGER', 'dport': 'INTEGER', 'proto': 'INTEGER',"
    " 'packets': 'BIGINT', 'bytes': 'BIGINT', 'start': 'BIGINT',"
    " 'stop': 'BIGINT', 'action': 'VARCHAR', 'status': 'VARCHAR'}"
)


def figures() -> Iterator[Figure]:
    """Every figure, the small size first; what stands on the work of many files only for the largest."""
    for size in SIZES:
        with tempfile.TemporaryDirectory(prefix="eastwest-bench-") as folder:
            yield from _of_size(Path(folder), size, largest=size == max(SIZES))


def _of_size(folder: Path, size: int, *, largest: bool) -> Iterator[Figure]:
    files = written(folder, size, size=min(PER_FILE, max(size // 4, 1)))
    packed = sum(one.stat().st_size for one in files) // 2**20
    gzip = _program(["gzip", "-dc", *map(str, files)])
    told = _child("count", folder, files)
    guessed = _child("guess", folder, files)
    ours = _child("roll", folder, files)
    matched = _child("match", folder, files)
    done = ours["cpu"] + matched["cpu"]
    beside = {
        "records": size, "files": len(files), "MB packed": packed, "rollup s": ours["cpu"], "match s": matched["cpu"],
        "count s": told["cpu"], "of count that guesses the columns": round(done / guessed["cpu"], 2),
        "gzip -dc s": gzip,
        "nfdump": "installed, and reads none of these files" if shutil.which("nfdump") else "not installed",
        "connections": matched["connections"], "used": matched["used"],
    }  # fmt: skip
    name = f"rollup and match of {size:,} packed records to 10,000 connections, of DuckDB count(*)"
    yield Figure(name, done / told["cpu"], "x", 1.5 if largest else None, beside=beside)
    yield Figure(f"memory of it at its fullest, {size:,} records", max(ours["mb"], matched["mb"]), "MB", 1024)
    if not largest:
        return
    month = _child("month", folder, files)
    if month["used"] != matched["used"]:
        raise ValueError("stored results and fresh ones differ")
    again = {"re-reading s": round(done, 2), "stored s": month["cpu"]}
    yield Figure("a month from stored results, cheaper than reading it again", done / month["cpu"], "x", 20, "at least",
                 beside=again)  # fmt: skip
    before = _machine()
    alone, together = _wall(folder, [files]), _wall(folder, [files[::2], files[1::2]])
    given = [round(one, 2) for one in (before, _machine())]
    walls = {
        "one s": round(alone, 2), "two s": round(together, 2), "load": round(os.getloadavg()[0], 1),
        "arithmetic of two processes, of one's, before and after": given,
        "of that": round(alone / together / (sum(given) / 2), 2),
    }  # fmt: skip
    yield Figure("files of two workers at once, of one worker's", alone / together, "x", 1.8, "at least", beside=walls)


def _program(words: list[str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(words, stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return round(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, 2)


def _child(task: str, folder: Path, files: Sequence[Path]) -> dict[str, Any]:
    words = [*CHILD, task, str(folder), *map(str, files)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _wall(folder: Path, shares: Sequence[Sequence[Path]]) -> float:
    """Seconds on the clock until every share of the files is rolled up, each by a process of its own."""
    return _clock([
        [*CHILD, "roll", str(folder / f"worker-{at}-{len(shares)}"), *map(str, share)]
        for at, share in enumerate(shares)
    ])  # fmt: skip


def _machine() -> float:
    """How many times as quick two processes are as one, on arithmetic that shares nothing: what the machine has to
    give just now, with all else that runs on it, and where its two processors are halves of one core."""
    return _clock([_spinning(ROUNDS)]) / _clock([_spinning(ROUNDS // 2)] * 2)


def _spinning(rounds: int) -> list[str]:
    return [sys.executable, "-S", "-c", f"n = 0\nfor i in range({rounds}): n += i * i % 7"]


def _clock(works: Sequence[Sequence[str]]) -> float:
    """Seconds on the clock until programs that were started together have all ended."""
    started = time.monotonic()
    running = [subprocess.Popen(words, stdout=subprocess.DEVNULL) for words in works]
    ended = [one.wait() for one in running]
    if any(ended):
        raise RuntimeError("a worker failed")
    return time.monotonic() - started


def work(task: str, folder: Path, files: list[Path]) -> dict[str, Any]:
    """One task in this process. What it took of the processor does not count the start of Python."""
    from evidence.flowlogs.engine import Engine
    from evidence.flowlogs.matching import Matcher
    from evidence.flowlogs.table import read_file

    rollups, results = folder / "rollups", folder / "results"
    for one in (rollups, results):
        one.mkdir(parents=True, exist_ok=True)
    entries = register() if task in {"match", "month"} else []
    started = time.process_time()
    said: dict[str, Any] = {}
    with Engine(folder) as engine:
        names = ", ".join(f"'{one}'" for one in files)
        if task == "guess":
            engine.rows(f"SELECT count(*) FROM read_csv([{names}])")  # noqa: S608  our own names
        elif task == "count":
            given = f"delim=' ', header=true, columns={COLUMNS}, auto_detect=false, quote='', escape=''"
            engine.rows(f"SELECT count(*) FROM read_csv([{names}], {given})")  # noqa: S608  our own names
        elif task == "roll":
            for one in files:
                read_file(engine, one, rollups)
        else:
            matcher = Matcher(engine, entries)
            days: dict[str, list[Path]] = {}
            for path in sorted(rollups.glob("*.parquet")):
                days.setdefault(path.name.split("-")[0], []).append(path)
            uses = [matcher.day(paths, results)[0] for paths in days.values()]
            listed = ", ".join(f"'{one}'" for one in uses)
            said["used"] = len(engine.rows(f"SELECT entry, max(last) FROM read_parquet([{listed}]) GROUP BY entry"))  # noqa: S608  our own names
            said["connections"] = len(entries)
    said["cpu"] = round(time.process_time() - started, 3)
    said["mb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    return said


if __name__ == "__main__":
    print(json.dumps(work(sys.argv[1], Path(sys.argv[2]), [Path(one) for one in sys.argv[3:]])))
