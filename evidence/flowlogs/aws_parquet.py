"""AWS VPC flow logs as Parquet, which S3 gives on request: the same fields, with underscores for hyphens.

A file that ends too early has lost what says where its records are: nothing of it is used. Its account counts records.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from evidence.flowlogs.aws_fields import NUMBERS, checked, fault, table_of
from evidence.flowlogs.aws_vpc import from_text
from evidence.flowlogs.engine import Engine, EngineError, quoted
from evidence.flowlogs.shapes import Naming, Plain, Sifted, Table
from evidence.rules import FormatError

NAME: Final = "aws-vpc-parquet"
BY_LINES: Final = False
MAGIC: Final = b"PAR1"
BATCH: Final = 50_000


def sniff(head: bytes, name: str) -> float:
    """How sure it is that this is such a file, 0 to 1: other Parquet is refused by its columns."""
    return 0.9 if head.startswith(MAGIC) else 0.0


def table(plain: Plain, engine: Engine) -> Table | None:
    """The records as the engine reads them. Raises FormatError."""
    columns = _columns(plain, engine)
    names = (_read(one, kind) for one, kind in columns.items())
    source = f"(SELECT {', '.join(names)} FROM read_parquet({quoted(plain.path)}))"  # noqa: S608  quoted
    return table_of(tuple(columns), source, 0)


def sift(plain: Plain, engine: Engine, into: Path) -> Sifted:
    """Each record by itself, as the line of text it would be."""
    columns = tuple(_columns(plain, engine))
    named, total = Naming(plain.name), 0
    path = into / "part-0"
    with path.open("w", encoding="utf-8") as target:
        for line in _lines(plain, engine, columns):
            total += 1
            wrong = fault(columns, line)
            if wrong:
                named.fail(total, line, wrong)
            else:
                target.write(line + "\n")
    tables = (from_text(path, columns, 0, plain.name),)
    return Sifted(tables, 0, named.failed, tuple(named.unread), total)


def _columns(plain: Plain, engine: Engine) -> dict[str, str]:
    """Field -> the column's own name."""
    try:
        found = engine.rows(f"DESCRIBE SELECT * FROM read_parquet({quoted(plain.path)}, hive_partitioning=false)")  # noqa: S608  quoted
    except EngineError as error:
        why = "it is cut short or no Parquet: its end, which says where the records are, cannot be read"
        raise FormatError(f"{plain.name} is not used", why, "Fetch the file again.") from error
    columns = {str(name).lower().replace("_", "-"): str(name) for name, *_ in found}
    checked(tuple(columns), plain.name)
    return columns


def _read(field: str, column: str) -> str:
    name = '"' + column.replace('"', '""') + '"'
    text = f"nullif(CAST({name} AS VARCHAR), '-')"
    field = field.replace('"', '""')
    return f'TRY_CAST({text} AS {NUMBERS[field][0]}) AS "{field}"' if field in NUMBERS else f'{text} AS "{field}"'


def _lines(plain: Plain, engine: Engine, columns: tuple[str, ...]) -> Iterator[str]:
    names = ", ".join(f'"{one.replace(chr(34), chr(34) * 2)}"' for one in _columns(plain, engine).values())
    first = 0
    while True:
        rows = engine.rows(
            f"SELECT {names} FROM read_parquet({quoted(plain.path)}, file_row_number=true)"  # noqa: S608  quoted
            f" WHERE file_row_number >= {first} AND file_row_number < {first + BATCH} ORDER BY file_row_number"
        )
        if not rows:
            return
        first += BATCH
        for row in rows:
            yield " ".join("-" if cell is None or cell == "" else "_".join(str(cell).split()) or "-" for cell in row)
