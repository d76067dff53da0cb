"""A list as a workbook (XLSX) that has the same bytes each time: the rows an assessor copies into their own forms."""

from __future__ import annotations

import io
import re
import zipfile
from typing import Final

from compliance.downloads import write_xlsx
from evidence.packs.archive import zip_bytes
from evidence.packs.lists import text
from evidence.packs.section import Cell, Table

LONGEST: Final = 32_000  # a cell of a workbook holds 32,767 characters
MADE: Final = re.compile(rb"(<dcterms:(?:created|modified)[^>]*>)[^<]*(</dcterms:)")
MOMENT: Final = rb"\g<1>1980-01-01T00:00:00Z\g<2>"  # when it was made stands in the manifest


def workbook_bytes(table: Table) -> bytes:
    """The table as XLSX: a heading that stays in sight, then the rows; text is text, never a formula."""
    out = io.BytesIO()
    write_xlsx(out, [text(name) for name in table.columns], ([fitted(cell) for cell in row] for row in table.rows))
    with zipfile.ZipFile(out) as made:
        parts = [(name, MADE.sub(MOMENT, made.read(name))) for name in made.namelist()]
    return zip_bytes(parts)


def fitted(cell: Cell) -> str | int:
    """A cell as it fits; one that is cut says so and where the rest is."""
    if type(cell) is int:
        return cell
    said = text(cell)
    return said if len(said) <= LONGEST else f"{said[:LONGEST]} … (cut here: the CSV has it whole)"
