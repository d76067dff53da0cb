"""Complete lists as CSV that a spreadsheet can open without running anything that stands in a name."""

from __future__ import annotations

import csv
import io
from datetime import date, datetime

from evidence.packs.section import Cell, Table

# A cell that starts with one of these is taken for a formula (or ends the cell) by Excel, LibreOffice and Sheets.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
BLANKS = " \u00a0\u200b\ufeff"


def csv_bytes(table: Table) -> bytes:
    """The table as UTF-8 CSV: a header line, then the rows, lines ended by CRLF (RFC 4180), always the same bytes."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([text(name) for name in table.columns])
    writer.writerows([text(cell) for cell in row] for row in table.rows)
    return out.getvalue().encode("utf-8")


def text(cell: Cell) -> str:
    """One cell as text: ISO 8601 times, yes/no, "" for nothing, and no text a spreadsheet would run.

    A leading apostrophe is put before text that begins like a formula (OWASP, CSV injection). NUL is dropped:
    csv readers stop at it.
    """
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, (int, float)):
        return str(cell)
    if isinstance(cell, (date, datetime)):
        return cell.isoformat()
    shown = cell.replace("\x00", "")
    return f"'{shown}" if shown.lstrip(BLANKS).startswith(FORMULA_STARTS) else shown
