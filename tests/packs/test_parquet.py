"""Lists as Parquet: the same rows as the CSV, typed, the same bytes twice, whatever stands in a name."""

from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb

from evidence.packs.parquet import Parquet, quoted
from evidence.packs.section import Table
from tests.packs.conftest import Genuine

AT = datetime(2026, 10, 31, 13, 0, 5, 250_000, tzinfo=UTC)
ODD = "=cmd|'/C calc'!A0\x00 \ud800 \u202e\U0001f512 <svg onload=x> \"'; DROP TABLE x; --"


def read(folder: Path, content: bytes) -> tuple[list[tuple[str, str]], list[tuple[Any, ...]]]:
    """Columns with their types, and the rows."""
    place = folder / "read.parquet"
    place.write_bytes(content)
    with duckdb.connect(":memory:") as engine:
        found = engine.execute("SELECT * FROM read_parquet(?)", [str(place)])
        kinds = [(one[0], str(one[1])) for one in found.description or []]
        # a moment as microseconds: the engine would want another library to give it as a Python one
        said = ", ".join(f"epoch_us({name})" if "TIME ZONE" in kind else quoted(name)
                         for name, kind in kinds)  # fmt: skip
        return kinds, engine.execute(f"SELECT {said} FROM read_parquet(?)", [str(place)]).fetchall()


def made(table: Table) -> bytes:
    with Parquet() as parquet:
        return parquet.written(table)


def test_columns_have_the_type_of_their_cells(tmp_path: Path) -> None:
    rows = [("x", 7, True, 1.5, AT, date(2026, 10, 31), None, 1), (None, None, None, None, None, None, None, "b")]
    table = Table("t", ("a b", "count", "yes", "share", "seen", "day", "none", "mixed"), rows)
    kinds, found = read(tmp_path, made(table))
    assert [kind for _, kind in kinds] == [
        "VARCHAR", "BIGINT", "BOOLEAN", "DOUBLE", "TIMESTAMP WITH TIME ZONE", "DATE", "VARCHAR", "VARCHAR"
    ]  # fmt: skip
    assert found[0] == ("x", 7, True, 1.5, round(AT.timestamp() * 1e6), date(2026, 10, 31), None, "1")
    assert found[1] == (None, None, None, None, None, None, None, "b")


def test_hostile_text_is_text_and_long_words_are_whole(tmp_path: Path) -> None:
    table = Table("t", ('a"b', "c'd"), [(ODD, "w" * 100_000), ("", "-1")])
    _, [first, second] = read(tmp_path, made(table))
    assert first[0] == ODD.replace("\x00", "").replace("\ud800", "\\ud800")
    assert first[1] == "w" * 100_000
    assert second == ("", "-1")  # an empty text is not nothing


def test_no_rows_are_a_file_with_columns(tmp_path: Path) -> None:
    kinds, rows = read(tmp_path, made(Table("t", ("one", "two"), [])))
    assert [name for name, _ in kinds] == ["one", "two"]
    assert rows == []


def test_the_same_rows_give_the_same_bytes_in_the_order_given(tmp_path: Path) -> None:
    table = Table("t", ("n", "text"), [(number, f"{number % 7}") for number in range(30_000, 0, -1)])
    first = made(table)
    assert first == made(table)
    assert [row[0] for row in read(tmp_path, first)[1]] == list(range(30_000, 0, -1))


def test_every_list_of_a_pack_is_there_twice_with_as_many_rows(genuine: Genuine, tmp_path: Path) -> None:
    members = genuine.members()
    lists = [path.removesuffix(".csv") for path in members if path.startswith("data/") and path.endswith(".csv")]
    assert "data/verdicts" in lists
    for name in lists:
        rows = list(csv.reader(io.StringIO(members[f"{name}.csv"].decode())))
        kinds, found = read(tmp_path, members[f"{name}.parquet"])
        assert [one for one, _ in kinds] == rows[0], name
        assert len(found) == len(rows) - 1, name
