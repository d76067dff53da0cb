"""`./run bench judging`: `eastwest check` of a large firewall, and the nightly comparison of many hosts.

The comparison is measured as the job has it, without the database: stored readings are loaded, and everything is
judged. What stands beside a night with kept answers is the same night without any.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import tempfile
import time
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path

from benchmarks.dumps import Site, written
from benchmarks.figures import Figure, seconds
from compliance.register import Wanted, wanted
from evidence import cli, reading_json
from evidence.host import read_host
from evidence.judgement import Judgement
from evidence.kept import Files, Kept
from evidence.rules import Artefact
from evidence.verdicts import judge

SIZES = ((2_000, 200), (20_000, 2_000))
HOSTS, RULES, CONNECTIONS = 50, 2_000, 5_000
DAY = date(2026, 11, 21)
Stored = Mapping[str, bytes]


def figures() -> Iterator[Figure]:
    """Every figure, the quick ones first."""
    taken = [_checked(*size) for size in SIZES]
    (rules, connections), last = SIZES[-1], taken[-1]
    beside = {"rules": rules, "connections": connections}
    yield Figure("eastwest check, 20k rules x 2k connections", last, "s CPU", 10, beside=beside)
    yield Figure("growth of eastwest check from 2k to 20k rules", last / taken[0], "x", 15)
    yield from _nights()


def _checked(rules: int, connections: int) -> float:
    with tempfile.TemporaryDirectory(prefix="eastwest-bench-") as folder:
        files, register = written(Path(folder), Site(rules, connections))
        words = ["check", "--json", "--rules", *map(str, files), "--register", str(register)]
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            return seconds(lambda: cli.main(words), best_of=2)


def _nights() -> Iterator[Figure]:
    site = Site(RULES, CONNECTIONS, seed="night")
    servers = site.servers[:: len(site.servers) // HOSTS][:HOSTS]
    asked = wanted(json.loads(site.register()), at=DAY)
    every = {one.name: _stored(site.host(one, RULES)) for one in servers}
    one_host = {**every, servers[0].name: _stored(site.host(servers[0], RULES, seed=1))}
    all_hosts = {one.name: _stored(site.host(one, RULES, seed=1)) for one in servers}
    for name, later, goal in (("all in one of 50 hosts", one_host, 10), ("spread over 50 hosts", all_hosts, None)):
        with tempfile.TemporaryDirectory(prefix="eastwest-bench-") as folder:
            _judged(asked, every, every, Path(folder))
            quick, said = _judged(asked, later, every, Path(folder))
        full, same = _judged(asked, later, every, None)
        if said != same:
            raise ValueError("kept and fresh answers differ")
        beside = {"hosts": len(servers), "rules a host": RULES, "seconds": round(quick, 2), "anew": round(full, 2)}
        yield Figure(f"a night with changes {name}, of one without kept answers", 100 * quick / full, "%", goal,
                     beside=beside)  # fmt: skip


def _stored(files: Mapping[str, str]) -> bytes:
    return reading_json.dump(read_host([Artefact(name, text.encode()) for name, text in files.items()]))


def _judged(asked: Wanted, now: Stored, before: Stored, folder: Path | None) -> tuple[float, tuple[Judgement, ...]]:
    started = time.process_time()
    readings = {name: reading_json.load(content) for name, content in now.items()}
    then = {
        name: readings[name] if content == now[name] else reading_json.load(content) for name, content in before.items()
    }
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in now.items()}
    kept = Kept(Files(folder, b"of the benchmark"), digests) if folder else None
    found = judge(asked, readings, before=then, flows=None, at=DAY, kept=kept)
    return time.process_time() - started, found
