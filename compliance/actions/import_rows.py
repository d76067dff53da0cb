"""The rows of an import under our own names of the columns, and what is asked of every row."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple, Protocol

from compliance.models import ImportedTable, User

YES: Final = frozenset({"yes", "y", "true", "1", "x", "ja", "oui"})
NO: Final = frozenset({"", "no", "n", "false", "0", "-"})
PARTS: Final = re.compile(r"[;,\n]")  # several values in a cell


class Column(NamedTuple):
    """A column of ours, and other names by which files call it."""

    name: str
    label: str
    required: bool
    also: tuple[str, ...] = ()


# of every request, whatever it asks for
REASONS: Final = (
    Column("system", "System", False, ("application",)),
    Column("business_need", "Business need", False, ("justification", "reason", "purpose", "why")),
    Column("data_carried", "Data carried", False, ("data",)),
    Column("expected_use", "How often it is used", False, ("use", "frequency", "usage")),
    Column("ends_on", "Ends on", False, ("end", "end date", "expires", "valid until")),
    Column("ticket", "Ticket", False, ("reference", "change number")),
)
COLUMNS: Final[dict[str, tuple[Column, ...]]] = {
    "servers": (
        Column("name", "Server", True, ("server name", "host", "hostname", "fqdn")),
        Column("system", "System", True, ("application", "service name")),
        Column("addresses", "Addresses", False, ("address", "ip", "ips", "ip address", "ip addresses")),
        Column("zone", "Zone", False, ("network zone", "segment", "vlan")),
        Column("role", "Role", False, ("function", "purpose")),
        Column("environment", "Environment", False, ("env", "stage")),
        Column("critical", "Critical", False, ("critical server",)),
        Column("high_value", "High value", False, ("high-value server", "hvs")),
    ),
    "connections": (
        Column("source", "From", True, ("source server", "src", "source name")),
        Column("destination", "To", True, ("destination server", "dst", "dest", "target")),
        Column("services", "Services", True, ("service", "port", "ports", "protocol/port")),
        Column("via", "Via", False, ("through", "proxy")),
        *REASONS,
        Column("security_implications", "Security implications", False, ("security", "risk")),
    ),
    "shares": (
        Column("server", "Server", True, ("file server", "host", "hostname", "server name")),
        Column("path", "Path or share", True, ("path", "share", "share name", "export", "folder")),
        Column("clients", "Clients", True, ("client", "used by", "mounted by", "from", "source", "hosts")),
        Column("protocol", "Protocol", False, ("type", "share type")),
        Column("access", "Access", False, ("permission", "permissions", "rights", "mode")),
        Column("security", "Security", False, ("sec", "security flavour", "encryption")),
        Column("squash", "Squash", False, ("root squash",)),
        Column("users", "Users", False, ("user", "valid users", "accounts")),
        *REASONS,
        Column("security_implications", "Security implications", False, ("risk",)),
    ),
}


class Bad(NamedTuple):
    """What is wrong with a row: its number in the file, the column, what stands there, a sentence, and what to do."""

    row: int
    column: str
    value: str
    problem: str
    fix: str


@dataclass(frozen=True, slots=True)
class Row:
    """A row by our column names. `kept`: all its cells by the file's own header. `loose`: cells without a header."""

    number: int
    cells: Mapping[str, str]
    kept: Mapping[str, str]
    loose: tuple[str, ...]

    def values(self, column: str) -> list[str]:
        """The values in a cell: divided by comma, semicolon or a new line, without blanks and doubles."""
        return list(dict.fromkeys(part.strip() for part in PARTS.split(self.cells.get(column, "")) if part.strip()))

    def bad(self, column: str, problem: str, fix: str = "") -> Bad:
        """A problem of one cell."""
        return Bad(self.number, column, self.cells.get(column, ""), problem, fix)


class Importer(Protocol):
    """Rows of one kind into the database."""

    placeholders: dict[str, list[int]]

    def __init__(self, *, table: ImportedTable, by: User, at: datetime) -> None: ...

    def problems(self, row: Row) -> list[Bad]:
        """What is wrong with the row, all at once."""

    def write(self, row: Row) -> tuple[str, str]:
        """Writes it: what became of it ("new", "changed", "same"), and a line that says what."""


def row_of(number: int, header: list[str], cells: list[str], mapping: Mapping[str, str]) -> Row:
    """The cells of a row under our names, and under the file's."""
    kept = {title: cell for title, cell in zip(header, cells, strict=False) if title}
    ours = {name: kept.get(title, "") for name, title in mapping.items()}
    return Row(number, ours, kept, tuple(cell for cell in cells[len(header) :] if cell))


def plain(title: str) -> str:
    """A column's name without case and punctuation."""
    return re.sub(r"[^a-z0-9]", "", title.lower())


def always(row: Row, kind: str) -> list[Bad]:
    """What is asked of every row: the required cells are filled, none stands outside the header."""
    found = [
        row.bad(one.name, f"{one.label} is empty.") for one in COLUMNS[kind] if one.required and not row.cells[one.name]
    ]
    if row.loose:
        found.append(
            Bad(row.number, "", row.loose[0], "It has more cells than the header.", "Name the column, or clear it.")
        )
    return found
