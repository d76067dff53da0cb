"""CSV and XLSX files as a header and rows of text, with the numbers the rows have in the file."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from typing import Any, Final

from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from compliance.errors import Refused

MOST_ROWS: Final = 50_000
MOST_BYTES: Final = 20 * 1024 * 1024
MOST_UNPACKED: Final = 200 * 1024 * 1024
LONGEST_CELL: Final = 5_000  # characters

Rows = list[tuple[int, list[str]]]


def read_table(name: str, content: bytes) -> tuple[list[str], Rows]:
    """The header and the rows [number in the file, cells] that are not blank. Raises Refused for what is no table."""
    if len(content) > MOST_BYTES:
        raise Refused(f"{name} is too large.", f"A table may have {MOST_BYTES >> 20} MB.", "Divide it into parts.")
    lines = _xlsx(name, content) if content[:4] == b"PK\x03\x04" else _csv(name, content)
    rows = [(number, [_said(cell) for cell in cells]) for number, cells in enumerate(_few(name, lines), 1)]
    filled = [(number, cells) for number, cells in rows if any(cells)]
    if len(filled) < 2:
        raise Refused(f"{name} has no rows.", "The first row holds the names of the columns.", "Add rows below it.")
    header = filled[0][1]
    named = [title for title in header if title]
    if len(set(named)) < len(named):
        raise Refused(f"{name} cannot be read.", "Two of its columns have the same name.", "Rename one of them.")
    return header, filled[1:]


def _csv(name: str, content: bytes) -> Iterator[list[Any]]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("cp1252", errors="replace")
    if "\x00" in text:
        raise Refused(
            f"{name} is no table.", "It is neither CSV nor XLSX.", "Save it as CSV or XLSX and bring it again."
        )
    first = text.splitlines()[0] if text.strip() else ""
    divider = max(",;\t", key=first.count)
    try:
        yield from csv.reader(io.StringIO(text, newline=""), delimiter=divider, strict=True)
    except csv.Error as error:
        raise Refused(f"{name} cannot be read as CSV.", f"{error}.", "Save it as CSV again, or as XLSX.") from error


def _xlsx(name: str, content: bytes) -> Iterator[list[Any]]:
    refused = Refused(f"{name} is no spreadsheet.", "It cannot be opened as XLSX.", "Save it as XLSX or CSV again.")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            if sum(part.file_size for part in packed.infolist()) > MOST_UNPACKED:
                raise Refused(f"{name} is too large when unpacked.", "", "Save only the sheet with the rows.")
        book = load_workbook(io.BytesIO(content), read_only=True, data_only=True)
    except (zipfile.BadZipFile, InvalidFileException, KeyError, ValueError, OSError) as error:
        raise refused from error
    sheet = book.active
    if sheet is None:
        raise refused
    for cells in sheet.iter_rows(values_only=True):
        yield list(cells)


def _few(name: str, lines: Iterable[list[Any]]) -> Iterator[list[Any]]:
    for number, cells in enumerate(lines, 1):
        if number > MOST_ROWS:
            raise Refused(f"{name} has too many rows.", f"At most {MOST_ROWS} are read.", "Divide it into parts.")
        yield cells


def _said(cell: Any) -> str:
    """A cell as text: days as year-month-day, whole numbers without a point."""
    if cell is None:
        return ""
    if isinstance(cell, (datetime, date)):
        return cell.isoformat()[:10]
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell).strip()[:LONGEST_CELL]
