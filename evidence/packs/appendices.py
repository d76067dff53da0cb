"""The complete lists as pages, where somebody wants them printed: an appendix a list, in pieces of some 24 pages.

A list of few short columns is a table; of any other, each row is an entry of its named values. Nothing is cut off.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from evidence.packs.lists import text
from evidence.packs.section import Cell, Section, Table

ROWS = 400  # of a piece, at most: some twenty-five pages of a table
SIGNS = 65_000  # of a piece, at most, unless one row alone has more: a page costs more the more stand before it (docs)
ROW_SIGNS = 40  # what a row costs beside its text
WIDEST = 8  # columns that fit across a page
LONGEST = 160  # signs of a cell that a column of a table may have
WORD = 40  # signs of a word in it: a hash would be a tower of five lines


@dataclass(frozen=True, slots=True)
class Piece:
    """Some rows of an appendix. `number`: which appendix, from 0; `first`: the rows before them in it; `wide`: whether
    its columns do not fit across a page."""

    number: int
    letter: str
    table: Table
    first: int
    rows: tuple[tuple[str, ...], ...]
    wide: bool

    @property
    def entries(self) -> Iterator[tuple[str, list[tuple[str, str]]]]:
        """Each row as its first value and the other named ones that are not empty."""
        for row in self.rows:
            named = zip(self.table.columns[1:], row[1:], strict=True)
            yield row[0], [(name.replace("_", " "), value) for name, value in named if value]

    @property
    def heads(self) -> list[str]:
        """The columns in words."""
        return [name.replace("_", " ") for name in self.table.columns]


def letter(number: int) -> str:
    """A, B … Z, AA, AB …"""
    before, last = divmod(number, 26)
    return (letter(before - 1) if before else "") + chr(ord("A") + last)


def listed(sections: Sequence[Section]) -> list[Table]:
    """The lists that are printed: all that have a row, in the order of the sections."""
    return [table for section in sections for table in section.tables if table.rows]


def pieces(tables: Sequence[Table]) -> list[Piece]:
    """The appendices of these lists, cut into pieces in their order."""
    return [piece for number, table in enumerate(tables) for piece in _cut(number, table)]


def _cut(number: int, table: Table) -> Iterator[Piece]:
    long = any(isinstance(cell, str) and _is_long(cell) for row in table.rows for cell in row)
    wide = len(table.columns) > WIDEST or long
    kept: list[tuple[str, ...]] = []
    signs = first = 0
    for row in table.rows:
        said = tuple(map(_shown, row))
        more = ROW_SIGNS + sum(map(len, said))
        if kept and (len(kept) == ROWS or signs + more > SIGNS):
            yield Piece(number, letter(number), table, first, tuple(kept), wide)
            first, kept, signs = first + len(kept), [], 0
        kept.append(said)
        signs += more
    yield Piece(number, letter(number), table, first, tuple(kept), wide)


def _is_long(cell: str) -> bool:
    """Whether a column of a table is too narrow for it."""
    return len(cell) > LONGEST or (len(cell) > WORD and any(len(word) > WORD for word in cell.split()))


def _shown(cell: Cell) -> str:
    """A cell as the list has it, without the sign that keeps a spreadsheet from running it."""
    said = text(cell)
    return said[1:] if isinstance(cell, str) and said != cell and said[:1] == "'" else said
