"""Lists as files: text or a workbook, with cells that no spreadsheet takes for a formula."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

from openpyxl import Workbook
from openpyxl.utils import get_column_letter

from compliance.spreadsheets import guarded

# What no XML file holds (XML 1.0, 2.2): control characters, halves of pairs, U+FFFE and U+FFFF
NOT_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
SHEET: Final = 1_048_570  # rows that fit into a sheet of a workbook, with one to say that there are more


def safe(cell: Any) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return "" if cell is None else guarded(str(cell))


def write_csv(out: Any, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """As text, to anything that takes text."""
    writer = csv.writer(out)
    writer.writerow(columns)
    for row in rows:
        writer.writerow([safe(cell) for cell in row])


def write_xlsx(out: Any, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """As a workbook, to anything that takes bytes. Its first row stays in sight and filters; numbers are numbers,
    all else is text.
    """
    book = Workbook(write_only=True)
    sheet = book.create_sheet("Eastwest")
    sheet.freeze_panes = "A2"
    sheet.append(list(columns))
    count = 1
    for row in rows:
        if count >= SHEET:
            sheet.append(["There are more rows than a sheet holds: take the CSV."])
            break
        sheet.append([cell if type(cell) is int else NOT_XML.sub(" ", safe(cell)) for cell in row])
        count += 1
    sheet.auto_filter.ref = f"A1:{get_column_letter(max(len(columns), 1))}{count}"
    book.save(out)
