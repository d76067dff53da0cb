"""Complete lists as CSV that a spreadsheet can open without running anything that stands in a name."""

from __future__ import annotations

import csv
import io
from datetime import date, datetime

from compliance.spreadsheets import guarded
from evidence.packs.section import Cell, Table


def csv_bytes(table: Table) -> bytes:
    """The table as UTF-8 CSV: a header line, then the rows, lines ended by CRLF (RFC 4180), always the same bytes."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([text(name) for name in table.columns])
    writer.writerows([text(cell) for cell in row] for row in table.rows)
    return out.getvalue().encode("utf-8")


def text(cell: Cell) -> str:
    """One cell as text: ISO 8601 times, yes/no, "" for nothing, and no text a spreadsheet would run."""
    if type(cell) is str:  # nearly all are
        return guarded(cell)
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, (int, float)):
        return str(cell)
    if isinstance(cell, (date, datetime)):
        return cell.isoformat()
    return guarded(cell)
