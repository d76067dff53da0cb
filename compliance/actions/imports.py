"""Servers, connections and shares from the spreadsheet people have, or a register file: kept, matched, tried, then all
rows or none.

A connection or share that is imported authorises nothing: it becomes a change record on a provisional basis that two
people approve like any other.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from django.db import transaction
from django.utils import timezone

from compliance.actions import import_rows as rows
from compliance.actions.import_file import MOST_BYTES, Rows, read_table
from compliance.actions.import_register import RegisterRows
from compliance.actions.import_requests import Connections, Shares
from compliance.actions.import_servers import Servers
from compliance.actions.ledger import record
from compliance.errors import Refused
from compliance.models import ColumnMapping, ImportedTable, System, User
from compliance.models.approvals import canonical
from compliance.permissions import check
from compliance.register import RegisterError
from compliance.register_file import read_text

Bad = rows.Bad
IMPORTERS: Final[dict[str, type[rows.Importer]]] = {"servers": Servers, "connections": Connections, "shares": Shares}
REGISTER: Final = "register"  # one file with servers, groups, zones, connections and shares
LARGE: Final = 500  # rows: beyond, a file with bad rows is not tried as well
PREVIEW: Final = 50  # lines of what would be written


@dataclass(frozen=True, slots=True)
class Placeholder:
    """A name nobody knows yet, and the rows that use it ("3, 7")."""

    name: str
    rows: str


@dataclass(frozen=True, slots=True)
class Line:
    """One row of what would be written: "new" or "changed"; "kept" where what stands differs."""

    row: int
    what: str
    text: str


@dataclass(slots=True)
class Result:
    """What an import would do, or did. With one bad row nothing is imported. `unit`: what rows are counted by."""

    file: str
    rows: int = 0
    new: int = 0
    changed: int = 0
    same: int = 0
    bad: list[Bad] = field(default_factory=list)
    placeholders: list[Placeholder] = field(default_factory=list)
    preview: list[Line] = field(default_factory=list)
    unit: str = "row"


def fields(kind: str) -> list[tuple[str, str, bool]]:
    """Our columns of a kind: (name, label, required)."""
    return [(one.name, one.label, one.required) for one in rows.COLUMNS[kind]]


def keep(name: str, content: bytes, *, kind: str, by: User, at: datetime | None = None) -> ImportedTable:
    """Reads a CSV or XLSX file (its first row: the names of the columns) and keeps its cells as text."""
    moment = at or timezone.now()
    check(by, "import", None, at=moment)
    if kind not in (*rows.COLUMNS, REGISTER):
        raise Refused(
            "This cannot be imported.", f"{kind} is not something Eastwest imports.", "Servers, connections or shares."
        )
    header, lines = read_register(name, content) if kind == REGISTER else read_table(name, content)
    return ImportedTable.objects.create(
        kind=kind,
        file=name[:200],
        digest=hashlib.sha256(content).hexdigest(),
        header=header,
        rows=[list(line) for line in lines],
        brought_by=by,
        brought_at=moment,
    )


def read_register(name: str, content: bytes) -> tuple[list[str], Rows]:
    """A register file as one row with all its text. Raises Refused for what is none, with the line."""
    if len(content) > MOST_BYTES:
        raise Refused(f"{name} is too large.", f"A file may have {MOST_BYTES >> 20} MB.", "Divide it into parts.")
    try:
        read_text(content)
    except RegisterError as error:
        raise Refused(f"{name} is no register file.", f"{error.problems[0]}.", "Mend it and bring it again.") from error
    return [], [(1, [content.decode("utf-8-sig")])]


def kept(number: int, *, by: User) -> ImportedTable:
    """The file somebody brought, for the same person."""
    table = ImportedTable.objects.filter(pk=number, brought_by=by).first()
    if table is None:
        raise Refused("That file is not here.", "Somebody else brought it, or nobody did.", "Choose the file again.")
    return table


def guess(table: ImportedTable) -> dict[str, str]:
    """Our name of each column → the file's: as it was matched last time, else by the words in the header."""
    remembered = ColumnMapping.objects.filter(kind=table.kind, header_digest=header_digest(table)).first()
    if remembered is not None:
        return dict(remembered.mapping)
    if table.kind == REGISTER:
        return {}
    plain = {rows.plain(title): title for title in reversed(table.header)}
    found = {}
    for column in rows.COLUMNS[table.kind]:
        words = [rows.plain(word) for word in (column.name, column.label, *column.also)]
        matches = [plain[word] for word in words if word in plain]
        if matches:
            found[column.name] = matches[0]
    return found


def tells_all(table: ImportedTable, mapping: dict[str, str]) -> bool:
    """Whether the header says of every column that is needed which it is, so that nobody has to be asked."""
    wanted = rows.COLUMNS.get(table.kind, ())
    return bool(wanted) and all(column.name in mapping for column in wanted if column.required)


def header_digest(table: ImportedTable) -> str:
    """What makes two files have the same header."""
    return hashlib.sha256(canonical(table.header)).hexdigest()


def dry_run(table: ImportedTable, *, mapping: dict[str, str], by: User, at: datetime | None = None) -> Result:
    """Carries the import out and takes it back: exactly what would happen, every bad row named. Nothing is written."""
    moment = at or timezone.now()
    check(by, "import", None, at=moment)
    with transaction.atomic():
        result = _write(table, mapping, by, moment)
        transaction.set_rollback(True)
    return result


def carry_out(table: ImportedTable, *, mapping: dict[str, str], by: User, at: datetime | None = None) -> Result:
    """Imports every row, or none when one is bad, and remembers how the columns were matched."""
    moment = at or timezone.now()
    check(by, "import", None, at=moment)
    with transaction.atomic():
        fresh = ImportedTable.objects.filter(pk=table.pk, imported_at__isnull=True)
        if not fresh.update(imported_at=moment):
            raise Refused(f"{table.file} is imported already.", "", "Bring the file again if it has changed.")
        result = _write(table, mapping, by, moment)
        if result.bad:
            first = result.bad[0]
            raise Refused(
                f"Nothing was imported: {len(result.bad)} of {result.rows} rows cannot be.",
                f"{result.unit.capitalize()} {first.row}: {first.problem}",
                "Mend the rows in your file and bring it again.",
            )
        ColumnMapping.objects.update_or_create(
            kind=table.kind, header_digest=header_digest(table), defaults={"mapping": mapping}
        )
        record("import", table, by=by, at=moment, after=table.digest, file=table.file, rows=result.rows)
    return result


def _write(table: ImportedTable, mapping: dict[str, str], by: User, at: datetime) -> Result:
    """Writes row after row, each in a savepoint of its own, and notes what became of it."""
    if table.kind == REGISTER:
        return _write_register(table, mapping, by, at)
    importer = IMPORTERS[table.kind](table=table, by=by, at=at)
    result = Result(file=table.file, rows=len(table.rows))
    missing = [column.label for column in rows.COLUMNS[table.kind] if column.required and column.name not in mapping]
    if missing:
        raise Refused("The columns are not matched yet.", f"{', '.join(missing)} must be.", "Choose a column for each.")
    if table.kind == "servers" and len(table.rows) > LARGE:
        result.bad = bad_rows(table, mapping, by, at)
    for number, cells in () if result.bad else table.rows:
        row = rows.row_of(number, table.header, cells, mapping)
        problems = importer.problems(row)
        if problems:
            result.bad.extend(problems)
            continue
        try:
            with transaction.atomic():
                what, text = importer.write(row)
        except Refused as refused:
            result.bad.append(Bad(number, "", "", f"{refused.what} {refused.why}".strip(), refused.next_step))
            continue
        setattr(result, what, getattr(result, what) + 1)
        if what != "same" and len(result.preview) < PREVIEW:
            result.preview.append(Line(number, what, text))
    used = importer.placeholders.items()
    result.placeholders = [Placeholder(name, ", ".join(map(str, numbers))) for name, numbers in used]
    return result


def bad_rows(table: ImportedTable, mapping: dict[str, str], by: User, at: datetime) -> list[Bad]:
    """What is wrong with the rows of servers by themselves, without writing any: of ten thousand in seconds."""
    importer = IMPORTERS[table.kind](table=table, by=by, at=at)
    found: list[Bad] = []
    for number, cells in table.rows:
        found.extend(importer.problems(rows.row_of(number, table.header, cells, mapping)))
    return found


def _write_register(table: ImportedTable, mapping: dict[str, str], by: User, at: datetime) -> Result:
    """The same for a register file. `mapping`: {"system": the name of the system of rows that name none}."""
    system = System.objects.filter(name=mapping.get("system", "")).first()
    importer = RegisterRows(table=table, by=by, at=at, system=system)
    result = Result(file=table.file, rows=importer.count, unit="line")
    result.bad = importer.problems()
    for written in () if result.bad else importer.write():
        if isinstance(written, rows.Bad):
            result.bad.append(written)
            continue
        line, what, text = written
        count = "same" if what == "kept" else what
        setattr(result, count, getattr(result, count) + 1)
        if what != "same" and len(result.preview) < PREVIEW:
            result.preview.append(Line(line, what, text))
    return result
