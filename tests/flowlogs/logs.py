"""Flow logs as their services write them, small, for the tests."""

from __future__ import annotations

import gzip
from pathlib import Path

from evidence.flowlogs.engine import Engine
from evidence.flowlogs.shapes import Rolled
from evidence.flowlogs.table import read_file

V2 = (
    "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status"
)
NOON = 1_790_856_000  # 1 October 2026, 12:00 UTC


def aws(src: str, dst: str, sport: int, dport: int, *, at: int = NOON, action: str = "ACCEPT", eni: str = "eni-a",
        proto: int = 6, packets: int = 10) -> str:  # fmt: skip
    """A line of version 2."""
    ends = f"{src} {dst} {sport} {dport} {proto}"
    return f"2 123456789012 {eni} {ends} {packets} {packets * 100} {at} {at + 30} {action} OK"


def silent(status: str, *, at: int = NOON, eni: str = "eni-a") -> str:
    """A line that says that there was nothing, or that something was skipped."""
    return f"2 123456789012 {eni} - - - - - - - {at} {at + 600} - {status}"


def file(folder: Path, *lines: str, name: str = "log.gz", header: str = V2) -> Path:
    """A file of these lines, packed when its name says so."""
    text = "".join(f"{line}\n" for line in ((header, *lines) if header else lines)).encode()
    path = folder / name
    path.write_bytes(gzip.compress(text) if name.endswith(".gz") else text)
    return path


def rolled(engine: Engine, path: Path, *, received: int | None = None) -> Rolled:
    """The file, rolled up beside where the engine spills."""
    into = engine.folder / "days"
    into.mkdir(exist_ok=True)
    return read_file(engine, path, into, received=received)


SEEN = "src_lo, dst_lo, port, other, sure, accepted, flows"


def rows(engine: Engine, found: Rolled, columns: str = SEEN) -> list[tuple]:
    """Columns of what a file was rolled up to, in order."""
    every = [f"'{path}'" for path in found.days.values()]
    return engine.rows(f"SELECT {columns} FROM read_parquet([{', '.join(every)}]) ORDER BY ALL") if every else []
