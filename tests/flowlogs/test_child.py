"""Files are rolled up by forks of a process that stands ready, which outlives what goes wrong with one of them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from evidence.flowlogs.child import POOL, Brought, rolled_in_child
from evidence.flowlogs.engine import Engine
from evidence.rules import FormatError
from tests.flowlogs.logs import aws, file, rolled, rows

CALL = aws("10.0.0.1", "10.0.0.2", 40000, 5432)


def brought(source: Path, folder: Path, *, wall_s: float = 60) -> Brought:
    into = folder / "into"
    into.mkdir(exist_ok=True)
    return rolled_in_child(source, into, name=source.name, received=None, others={}, scratch=folder, wall_s=wall_s)


def test_one_process_loads_the_engine_for_many_files(flow_engine: Engine, tmp_path: Path) -> None:
    POOL.end_all()
    log = file(tmp_path, CALL)
    found = brought(log, tmp_path)
    (ready,) = POOL.waiting
    here = rolled(flow_engine, log)
    assert rows(flow_engine, found.rolled) == rows(flow_engine, here) != []
    assert (found.rolled.alike, found.rolled.lines) == (here.alike, here.lines)

    with pytest.raises(FormatError, match="like none of the flow logs known"):
        brought(file(tmp_path, "moon", header="", name="moon.log"), tmp_path)
    assert brought(file(tmp_path, CALL, CALL, name="more.log"), tmp_path).rolled.records == 2
    assert POOL.waiting == [ready]
    assert sorted(one.name for one in tmp_path.iterdir() if one.name.startswith("rolling-")) == []

    with pytest.raises(FormatError, match="took longer than"):
        brought(log, tmp_path, wall_s=0.001)
    assert POOL.waiting == []
    with pytest.raises(ProcessLookupError):
        os.kill(ready.process.pid, 0)
    assert brought(log, tmp_path).rolled.alike == here.alike
