"""Lists as Parquet beside their CSV: typed columns, for whoever loads a year of packs into a tool of their own.

Values as they are: no apostrophe stands before what a spreadsheet would run, for nothing here opens in one.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from types import TracebackType
from typing import Final

from evidence.packs.section import Cell, Table

KINDS: Final[tuple[tuple[type, str], ...]] = (  # the first that all cells of a column are; bool before int, which it is
    (bool, "BOOLEAN"), (int, "BIGINT"), (float, "DOUBLE"), (datetime, "TIMESTAMPTZ"), (date, "DATE"),
)  # fmt: skip
TEXT: Final = "VARCHAR"
LEAST: Final = 1024 * 1024  # bytes that the engine sets aside for one row; more where a row is longer
CONFIG: Final[dict[str, str | bool | int | float | list[str]]] = {
    # one thread: the same rows give the same bytes. No extension is fetched from anywhere.
    "threads": 1, "memory_limit": "512MB", "autoinstall_known_extensions": False, "autoload_known_extensions": False,
}  # fmt: skip


class Parquet:
    """Writes the lists of one pack, one after the other: `with Parquet() as parquet: parquet.written(table)`."""

    def __enter__(self) -> Parquet:
        import duckdb  # here: no web process that only lists packs need hold it

        self._folder = tempfile.TemporaryDirectory(prefix="eastwest-parquet-")
        self._place = Path(self._folder.name)
        self._engine = duckdb.connect(":memory:", config={**CONFIG, "temp_directory": self._folder.name})
        return self

    def __exit__(self, kind: type[BaseException] | None, said: BaseException | None, at: TracebackType | None) -> None:
        self._engine.close()
        self._folder.cleanup()

    def written(self, table: Table) -> bytes:
        """The table as a Parquet file (Zstandard), rows in their order; the same table, the same bytes."""
        rows, made = self._place / "rows.json", self._place / "made.parquet"
        kinds = [kind_of([row[at] for row in table.rows]) for at in range(len(table.columns))]
        longest = LEAST
        with rows.open("w", encoding="ascii") as out:
            for line in lines(table):
                longest = max(longest, len(line))
                out.write(line)
        read = ", ".join(f"c{at}: 'VARCHAR'" for at in range(len(kinds)))
        columns = enumerate(zip(kinds, map(quoted, table.columns), strict=True))
        cast = ", ".join(f"CAST(c{at} AS {kind}) AS {name}" for at, (kind, name) in columns)
        source = (
            f"read_json('{rows}', format='newline_delimited', columns={{{read}}}, maximum_object_size={longest})"
            if table.rows
            else f"(SELECT {', '.join(f'NULL AS c{at}' for at in range(len(kinds)))} WHERE false)"
        )
        self._engine.execute(f"COPY (SELECT {cast} FROM {source}) TO '{made}' (FORMAT parquet, COMPRESSION zstd)")  # noqa: S608  our own names, quoted
        return made.read_bytes()


def lines(table: Table) -> Iterator[str]:
    """Each row as a line of JSON: texts, and null for nothing."""
    for row in table.rows:
        yield json.dumps({f"c{at}": plain(cell) for at, cell in enumerate(row)}) + "\n"


def kind_of(cells: Sequence[Cell]) -> str:
    """The type of a column: that of all its cells that are not empty, else text."""
    held = {type(cell) for cell in cells if cell is not None}
    return next((name for kind, name in KINDS if held == {kind}), TEXT)


def plain(cell: Cell) -> str | None:
    """A cell as text that Parquet can hold: valid Unicode without NUL."""
    if type(cell) is str and cell.isascii() and "\x00" not in cell:  # nearly all are
        return cell
    if cell is None:
        return None
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, datetime):
        return cell.astimezone(UTC).isoformat()
    said = cell.isoformat() if isinstance(cell, date) else str(cell)
    return said.encode("utf-8", "backslashreplace").decode("utf-8").replace("\x00", "")


def quoted(name: str) -> str:
    """A column's name for the engine."""
    doubled = name.replace('"', '""')
    return f'"{doubled}"'
