"""Distinct tuples against what is authorised: the joins agree with looking at every pair, both families, both ways."""

from __future__ import annotations

import random
from ipaddress import ip_address
from pathlib import Path

import pytest

from compliance.register import Entry
from compliance.traffic.boxes import Box, Family
from evidence.flowlogs.engine import Engine
from evidence.flowlogs.matching import Matcher, prefixes
from tests.flowlogs.logs import NOON, aws, file, rolled

BASE: dict[Family, int] = {4: int(ip_address("10.0.0.0")), 6: int(ip_address("2001:db8::"))}


def entry(name: str, *boxes: Box, family: Family = 4) -> Entry:
    return Entry(name, boxes, (), None, "daily", family)


def matched(engine: Engine, entries: list[Entry], folder: Path, *lines: str) -> tuple[list[tuple], list[tuple]]:
    found = rolled(engine, file(folder, *lines))
    uses, outside, _ = Matcher(engine, entries).day(list(found.days.values()), folder)
    return (
        engine.rows(f"SELECT entry, whole, sum(flows)::BIGINT FROM read_parquet('{uses}') GROUP BY ALL ORDER BY ALL"),
        engine.rows(f"SELECT src_lo, dst_lo, port, passed, flows FROM read_parquet('{outside}') ORDER BY ALL"),
    )


def test_prefixes_make_up_a_range_and_nothing_else() -> None:
    pieces = list(prefixes(4, 5, 18))
    held = [value for _, low, length in pieces for value in range(low, low + (1 << (32 - length)))]
    assert held == list(range(5, 19))
    assert list(prefixes(6, 0, 2**128 - 1)) == [(0, 0, 0)]


@pytest.mark.parametrize("family", [4, 6])
def test_the_joins_agree_with_every_pair_by_itself(family: Family, flow_engine: Engine, tmp_path: Path) -> None:
    dice, base = random.Random(family), BASE[family]
    top = 2**32 - 1 if family == 4 else 2**128 - 1
    entries = []
    for at in range(60):
        low, far = base + dice.randrange(40), base + dice.randrange(40)
        source = dice.choice([(low, low), (low, low + dice.randrange(9)), (0, top)])
        port = dice.choice([22, 443, 5432])
        ports = dice.choice([(port, port), (port, port + 100), (0, 65535)])
        box = (*source, far, far + dice.choice([0, 0, 3]), 6, dice.choice([6, 17]), 0, 65535, *ports)
        entries.append(entry(f"CON-{at}", box, family=family))
    lines, asked = [], []
    for at in range(300):
        src, dst, port = base + dice.randrange(48), base + dice.randrange(48), dice.choice([22, 80, 443, 450, 5432])
        proto = dice.choice([6, 6, 17])
        lines.append(aws(str(ip_address(src)), str(ip_address(dst)), 40000 + at, port, proto=proto))
        asked.append((src, dst, proto, port))
    uses, outside = matched(flow_engine, entries, tmp_path, *lines)
    expected: dict[str, int] = {}
    alone = 0
    for src, dst, proto, port in asked:
        names = [
            one.id for one in entries for box in one.boxes
            if all(box[at] <= value <= box[at + 1] for at, value in ((0, src), (2, dst), (4, proto), (8, port)))
        ]  # fmt: skip
        alone += not names
        for name in names:
            expected[name] = expected.get(name, 0) + 1
    assert {name: flows for name, whole, flows in uses if whole} == expected
    assert 0 < sum(row[4] for row in outside) == alone < 300


def test_what_the_log_does_not_orient_is_tried_both_ways(flow_engine: Engine, tmp_path: Path) -> None:
    one, two = BASE[4] + 1, BASE[4] + 2
    only = entry("CON-1", (two, two, one, one, 6, 6, 0, 65535, 50051, 50051))
    uses, outside = matched(flow_engine, [only], tmp_path, aws("10.0.0.1", "10.0.0.2", 50051, 60000))
    assert uses == [("CON-1", True, 1)]
    assert outside == []


def test_a_source_port_that_was_not_kept_proves_nothing(flow_engine: Engine, tmp_path: Path) -> None:
    one, two = BASE[4] + 1, BASE[4] + 2
    only = entry("CON-1", (one, one, two, two, 6, 6, 40000, 40000, 5432, 5432))
    uses, _ = matched(flow_engine, [only], tmp_path, aws("10.0.0.1", "10.0.0.2", 41000, 5432))
    assert uses == [("CON-1", False, 1)]


def test_let_on_at_one_place_and_stopped_at_the_next_is_no_use(flow_engine: Engine, tmp_path: Path) -> None:
    one, two = BASE[4] + 1, BASE[4] + 2
    only = entry("CON-1", (one, one, two, two, 6, 6, 0, 65535, 5432, 5432))
    out = aws("10.0.0.1", "10.0.0.2", 40000, 5432)
    stopped = aws("10.0.0.1", "10.0.0.2", 40000, 5432, action="REJECT", eni="eni-b")
    assert matched(flow_engine, [only], tmp_path, out, stopped)[0] == []
    answered = aws("10.0.0.2", "10.0.0.1", 5432, 40000)
    assert [row[0] for row in matched(flow_engine, [only], tmp_path, out, stopped, answered)[0]] == ["CON-1"]
    later = aws("10.0.0.1", "10.0.0.2", 40000, 5432, at=NOON + 3600)
    assert [row[0] for row in matched(flow_engine, [only], tmp_path, out, stopped, later)[0]] == ["CON-1"]


def test_what_two_places_saw_is_counted_once_and_what_one_place_wrote_in_parts_adds_up(
    flow_engine: Engine, tmp_path: Path
) -> None:
    one, two = BASE[4] + 1, BASE[4] + 2
    only = entry("CON-1", (one, one, two, two, 6, 6, 0, 65535, 5432, 5432))
    lines = [aws("10.0.0.1", "10.0.0.2", 40000 + at, 5432, eni=eni) for at in range(3) for eni in ("eni-a", "eni-b")]
    assert matched(flow_engine, [only], tmp_path, *lines)[0] == [("CON-1", True, 3)]


def test_stored_results_are_taken_for_the_same_files_and_register_only(flow_engine: Engine, tmp_path: Path) -> None:
    found = rolled(flow_engine, file(tmp_path, aws("10.0.0.1", "10.0.0.2", 40000, 5432)))
    one, two = BASE[4] + 1, BASE[4] + 2
    files = list(found.days.values())
    first = Matcher(flow_engine, []).day(files, tmp_path)
    changed = first[0].stat().st_mtime_ns
    assert Matcher(flow_engine, []).day(files, tmp_path) == first
    assert first[0].stat().st_mtime_ns == changed
    other = Matcher(flow_engine, [entry("CON-1", (one, one, two, two, 6, 6, 0, 65535, 5432, 5432))])
    assert other.day(files, tmp_path) != first
