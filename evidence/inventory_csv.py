"""The list of an inventory (CMDB, hypervisor, directory) as CSV: who it names, and every line nobody understood. Pure.

One bad line costs that line and no other: a row is read by itself, with the lines after it only where a quotation mark
is open. What cannot be read is a problem with its number; the rest counts.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from compliance.traffic.addresses import parse_host
from compliance.traffic.boxes import Family
from evidence.rules import FormatError, Lines

MOST_BYTES: Final = 20 * 2**20
MOST_LINES: Final = 200_000
LONGEST_LINE: Final = 64 * 1024  # characters
LONGEST_ROW: Final = 20  # lines that one row may take, within quotation marks
QUOTED: Final = 300  # characters of a line that are repeated with its problem
DIVIDERS: Final = ",;\t|"
PARTS: Final = re.compile(r"[\s,;|]+")
LEADING: Final = re.compile(r"^(?:#TYPE |sep=)", re.IGNORECASE)  # PowerShell and Excel say something of the table first
# What files call these columns, without case and punctuation; every column of addresses counts, one of the others
ADDRESSES: Final = frozenset({
    "address", "addresses", "ip", "ips", "ipaddress", "ipaddresses", "ipv4", "ipv6", "ipv4address", "ipv6address",
    "ipv4addresses", "ipv6addresses", "primaryip", "primaryipaddress", "managementip", "mgmtip", "guestip",
    "guestipaddress", "privateip", "privateipaddress", "hostip",
})  # fmt: skip
NAMES: Final = (
    "name", "hostname", "servername", "computername", "vmname", "machinename", "dnshostname", "fqdn", "vm", "host",
    "server", "computer", "displayname", "ciname",
)  # fmt: skip
STATUSES: Final = ("status", "lifecycle", "lifecyclestatus", "operationalstatus", "powerstate", "state", "enabled")
AGAIN: Final = "Save it as CSV again, with the names of the columns in its first line."


class Entry(NamedTuple):
    """A row: its line, what it calls the thing ("" for nothing), its addresses, and its status as written."""

    line: int
    name: str
    addresses: tuple[tuple[Family, int], ...]
    status: str


class Problem(NamedTuple):
    """A line, or a part of one, that was not understood."""

    line: int
    text: str
    problem: str


@dataclass(frozen=True, slots=True)
class Columns:
    """Which columns of the file say what, by the file's own names."""

    name: str = ""
    addresses: tuple[str, ...] = ()
    status: str = ""


@dataclass(slots=True)
class Listing:
    """All that was understood of a file, and all that was not."""

    columns: Columns
    lines: Lines
    entries: list[Entry] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


class Row(NamedTuple):
    """One row of cells: the lines it takes, its text, and its cells (None: no row)."""

    first: int
    last: int
    text: str
    cells: list[str] | None


def read(name: str, content: bytes, columns: Columns | None = None) -> Listing:
    """Who a CSV file names. `columns`: those a person named, else they are told by their names.

    Raises FormatError for what is no table, or has no column of names or addresses: nothing of it is used.
    """
    lines = _lines(name, content)
    start = next((at for at, text in enumerate(lines) if text.strip() and not LEADING.match(text)), None)
    if start is None:
        raise FormatError(f"{name} is empty", "it has no line with names of columns", AGAIN)
    divider = _divider(lines[:start], lines[start])
    rows = list(_rows(lines, start, divider))
    header, rows = rows[0], rows[1:]
    titles = [cell.strip() for cell in header.cells or ()]
    chosen = _checked(name, titles, columns) if columns else _guessed(name, titles)
    listing = Listing(chosen, Lines(0, 0, 0, 0))
    ignored = start  # blank, or what a program says of the table before it begins
    failed: set[int] = set()
    for row in rows:
        if row.cells is not None and not any(cell.strip() for cell in row.cells):
            ignored += row.last - row.first + 1
            continue
        found, wrong = _entry(row, titles, chosen)
        if found is not None:
            listing.entries.append(found)
        if wrong:
            failed.update(range(row.first, row.last + 1))
            listing.problems.append(Problem(row.first, row.text[:QUOTED], wrong))
    listing.lines = Lines(len(lines), len(lines) - ignored - len(failed), ignored, len(failed))
    if not listing.entries and not listing.problems:
        raise FormatError(f"{name} names nobody", "there is no row below the names of the columns", "Export it again.")
    return listing


def _lines(name: str, content: bytes) -> list[str]:
    if len(content) > MOST_BYTES:
        raise FormatError(f"{name} is too large", f"a list may have {MOST_BYTES >> 20} MB", "Divide it into parts.")
    text = _decoded(content)
    if "\0" in text or content.startswith(b"PK\x03\x04"):
        raise FormatError(f"{name} is no CSV", "it is a spreadsheet or another kind of file", "Save it as CSV.")
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    if lines and not lines[-1]:
        lines.pop()
    if len(lines) > MOST_LINES:
        raise FormatError(f"{name} has too many lines", f"at most {MOST_LINES} are read", "Divide it into parts.")
    return lines


def _decoded(content: bytes) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", errors="replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace")


def _divider(before: Sequence[str], header: str) -> str:
    said = next((line[4:5] for line in before if line.lower().startswith("sep=")), "")
    return said if said in DIVIDERS and said else max(DIVIDERS, key=header.count)


def _rows(lines: Sequence[str], start: int, divider: str) -> Iterator[Row]:
    """Row after row; one that cannot be read is a row without cells, and the next line begins the next."""
    at = start
    while at < len(lines):
        cells, taken = _cells(lines, at, divider)
        yield Row(at + 1, at + taken, lines[at], cells)
        at += taken


def _cells(lines: Sequence[str], at: int, divider: str) -> tuple[list[str] | None, int]:
    """(the cells of the row that begins here, the lines it takes); (None, 1) where it is no row."""
    if len(lines[at]) > LONGEST_LINE:
        return None, 1
    if not lines[at].strip():
        return [], 1
    marks = 0
    for taken in range(1, min(LONGEST_ROW, len(lines) - at) + 1):
        marks += lines[at + taken - 1].count('"')
        if taken > 1 and marks % 2:
            continue  # a mark is still open
        try:
            parsed = list(csv.reader(["\n".join(lines[at : at + taken])], delimiter=divider, strict=True))
        except csv.Error:
            if not marks % 2:
                return None, 1
            continue
        if len(parsed) == 1:
            return parsed[0], taken
    return None, 1


def _plain(title: str) -> str:
    return re.sub(r"[^a-z0-9]", "", title.lower())


def _guessed(name: str, titles: Sequence[str]) -> Columns:
    plain = {_plain(title): title for title in reversed(titles) if title}
    pick = {key: next((plain[word] for word in words if word in plain), "") for key, words in
            (("name", NAMES), ("status", STATUSES))}  # fmt: skip
    addresses = tuple(title for title in titles if _plain(title) in ADDRESSES)
    if not pick["name"] and not addresses:
        said = ", ".join(title for title in titles if title)[:QUOTED] or "none"
        why = f"none of its columns is called like a name or an address; they are: {said}"
        raise FormatError(f"{name} cannot be read", why, "Say on the page of the inventory which columns hold them.")
    return Columns(pick["name"], addresses, pick["status"])


def _checked(name: str, titles: Sequence[str], columns: Columns) -> Columns:
    missing = [one for one in (columns.name, *columns.addresses, columns.status) if one and one not in titles]
    if missing or not (columns.name or columns.addresses):
        what = f"it has no column {', '.join(missing)}" if missing else "no column of names or addresses was named"
        said = ", ".join(title for title in titles if title)[:QUOTED]
        raise FormatError(f"{name} cannot be read", f"{what}; its columns are: {said}", "Correct which columns count.")
    return columns


def _entry(row: Row, titles: Sequence[str], columns: Columns) -> tuple[Entry | None, str]:
    """What a row says, and what of it is wrong ("" for nothing); both where only a part is."""
    if row.cells is None:
        return None, "it is no row: a quotation mark is not closed, or it is too long"
    if any(cell.strip() for cell in row.cells[len(titles) :]):
        return None, f"it has {len(row.cells)} cells, and the header names {len(titles)}"
    cells = dict(zip(titles, (cell.strip() for cell in row.cells), strict=False))
    absent = [one for one in (columns.name, *columns.addresses) if one and one not in cells]
    if absent:
        return None, f"it ends before its column {absent[0]}"
    found, wrong = _addresses(cells, columns.addresses)
    name = cells.get(columns.name, "")
    if not found and not name:
        return None, wrong or "it names nobody: neither a name nor an address"
    return Entry(row.first, name[:200], found, cells.get(columns.status, "")[:40]), wrong


def _addresses(cells: Mapping[str, str], columns: Sequence[str]) -> tuple[tuple[tuple[Family, int], ...], str]:
    found: dict[tuple[Family, int], None] = {}
    wrong: list[str] = []
    for part in (part for one in columns for part in PARTS.split(cells[one]) if part not in ("", "-")):
        try:
            found[parse_host(part.partition("/")[0].partition("%")[0])] = None
        except ValueError:
            wrong.append(part[:60])
    said = f"{', '.join(wrong[:3])} {'is no address' if len(wrong) == 1 else 'are no addresses'}" if wrong else ""
    return tuple(found), said
