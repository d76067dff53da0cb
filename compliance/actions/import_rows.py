"""What the rows of an import become: servers with their addresses, and requests for connections."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import product
from typing import Any, Final, NamedTuple, Protocol

from compliance.actions import connections, estate
from compliance.models import ChangeRecord, Endpoint, ImportedTable, Server, State, System, User, Zone
from compliance.models.estate import day_of
from compliance.register_rows import EXPECTED_USES
from compliance.traffic import addresses, services

PROVISIONAL_DAYS: Final = 180  # a baseline that was only written down is looked at within six months
YES: Final = frozenset({"yes", "y", "true", "1", "x", "ja", "oui"})
NO: Final = frozenset({"", "no", "n", "false", "0", "-"})
PARTS: Final = re.compile(r"[;,\n]")  # several values in a cell
CLOSED: Final = (State.REJECTED, State.WITHDRAWN, State.RETIRED)


class Column(NamedTuple):
    """A column of ours, and other names by which files call it."""

    name: str
    label: str
    required: bool
    also: tuple[str, ...] = ()


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
        Column("system", "System", False, ("application",)),
        Column("via", "Via", False, ("through", "proxy")),
        Column("business_need", "Business need", False, ("justification", "reason", "purpose", "why")),
        Column("security_implications", "Security implications", False, ("security", "risk")),
        Column("data_carried", "Data carried", False, ("data",)),
        Column("expected_use", "How often it is used", False, ("use", "frequency", "usage")),
        Column("ends_on", "Ends on", False, ("end", "end date", "expires", "valid until")),
        Column("ticket", "Ticket", False, ("reference", "change number")),
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


def _always(row: Row, kind: str) -> list[Bad]:
    """What is asked of every row: the required cells are filled, none stands outside the header."""
    found = [
        row.bad(one.name, f"{one.label} is empty.") for one in COLUMNS[kind] if one.required and not row.cells[one.name]
    ]
    if row.loose:
        found.append(
            Bad(row.number, "", row.loose[0], "It has more cells than the header.", "Name the column, or clear it.")
        )
    return found


@dataclass
class Servers:
    """Rows of servers. A server that is there already is brought up to date; addresses are added, never taken away."""

    table: ImportedTable
    by: User
    at: datetime
    placeholders: dict[str, list[int]] = field(default_factory=dict)
    seen: dict[str, int] = field(default_factory=dict)

    def problems(self, row: Row) -> list[Bad]:
        """What is wrong with the row."""
        found = _always(row, "servers")
        name, system, zone = (row.cells.get(key, "") for key in ("name", "system", "zone"))
        if name and self.seen.setdefault(name, row.number) != row.number:
            found.append(row.bad("name", f"{name} stands in row {self.seen[name]} already.", "Keep one of the two."))
        if system and not System.objects.filter(name=system).exists():
            found.append(row.bad("system", f"There is no system {system}.", "Add it first, or correct the name."))
        if zone and not Zone.objects.filter(name=zone).exists():
            found.append(row.bad("zone", f"There is no zone {zone}.", "Add it first, or correct the name."))
        taken = Endpoint.objects.filter(name=name).exclude(kind=Endpoint.Kind.SERVER)
        if name and taken.exists():
            found.append(row.bad("name", f"{name} is the name of something else.", "Give the server another name."))
        for text in row.values("addresses"):
            try:
                addresses.parse_host(text)
            except ValueError as wrong:
                found.append(row.bad("addresses", f"{wrong}.", "Write for example 10.20.4.12; 2001:db8::12."))
        for column in ("critical", "high_value"):
            if row.cells.get(column, "").lower() not in YES | NO:
                found.append(row.bad(column, "It is neither yes nor no.", "Write yes or no."))
        return found

    def write(self, row: Row) -> tuple[str, str]:
        """A new server, or what changes about one that is there."""
        said: dict[str, Any] = {
            "system": System.objects.get(name=row.cells["system"]),
            "status": Server.Status.IN_SERVICE,
            **{key: row.cells[key] for key in ("role", "environment") if row.cells.get(key)},
            **{key: row.cells[key].lower() in YES for key in ("critical", "high_value") if key in row.cells},
        }
        name, listed = row.cells["name"], row.values("addresses")
        zone = Zone.objects.filter(name=row.cells.get("zone", "")).first()
        server = Server.objects.filter(name=name).first()
        if server is None:
            estate.add_server(
                name, addresses=listed, zone=zone, source_row=dict(row.kept), by=self.by, at=self.at, **said
            )
            return "new", f"{name} ({', '.join(listed) or 'no address'})"
        held = {addresses.parse_host(one.ip) for one in server.addresses.filter(valid_to__isnull=True)}
        added = [text for text in listed if addresses.parse_host(text) not in held]
        differs = {key: value for key, value in said.items() if getattr(server, key) != value}
        for text in added:
            estate.add_address(server, text, zone=zone, by=self.by, at=self.at)
        if differs:
            estate.describe_server(server, by=self.by, at=self.at, source_row=dict(row.kept), **differs)
        if not added and not differs:
            return "same", name
        return "changed", f"{name}: {', '.join([*added, *(key.replace('_', ' ') for key in differs)])}"


@dataclass
class Connections:
    """Rows of connections: each becomes a request on a provisional basis. Unknown names become placeholders."""

    table: ImportedTable
    by: User
    at: datetime
    placeholders: dict[str, list[int]] = field(default_factory=dict)

    def problems(self, row: Row) -> list[Bad]:
        """What is wrong with the row."""
        found = _always(row, "connections")
        for text in row.values("services"):
            try:
                services.parse(text)
            except ValueError as wrong:
                found.append(row.bad("services", f"{wrong}.", "Write for example tcp/5432; udp/53."))
        use, ends_on, system = (row.cells.get(key, "") for key in ("expected_use", "ends_on", "system"))
        if use and use.lower() not in EXPECTED_USES:
            found.append(row.bad("expected_use", "That is not known.", f"Write one of {', '.join(EXPECTED_USES)}."))
        if ends_on and not _is_day(ends_on):
            found.append(row.bad("ends_on", "That is no day.", "Write it year-month-day: 2027-05-31."))
        if system and not System.objects.filter(name=system).exists():
            found.append(row.bad("system", f"There is no system {system}.", "Add it first, or correct the name."))
        if not found and self.system_of(row) is None:
            found.append(
                row.bad("system", "Nobody knows either end, so its system is not known.", "Fill the column System.")
            )
        return found

    def write(self, row: Row) -> tuple[str, str]:
        """One request for each pair of a source and a destination."""
        system = self.system_of(row)
        if system is None:
            raise LookupError("a row without a system was let through")
        for name in [*row.values("source"), *row.values("destination"), *row.values("via")]:
            self.known(name, system, row)
        pairs = list(product(row.values("source"), row.values("destination")))
        fresh = [pair for pair in pairs if not self.asked_before(*pair, row)]
        for source, destination in fresh:
            connections.request(
                system=system,
                material=self.material(source, destination, row),
                justification=self.justification(row),
                title=f"{source} → {destination}"[:200],
                ticket=row.cells.get("ticket", "")[:60],
                source_row={"file": self.table.file, "row": row.number, **row.kept},
                by=self.by,
                at=self.at,
            )
        said = ", ".join(f"{source} → {destination}" for source, destination in fresh or pairs)
        return ("new" if fresh else "same"), f"{said}: {', '.join(row.values('services'))}"

    def system_of(self, row: Row) -> System | None:
        """The system named in the row, else that of its destination, else of its source."""
        if row.cells.get("system"):
            return System.objects.filter(name=row.cells["system"]).first()
        for name in [*row.values("destination"), *row.values("source")]:
            end = Endpoint.objects.filter(name=name).first()
            if end is not None and end.system is not None:
                return end.system
        return None

    def known(self, name: str, system: System, row: Row) -> None:
        """Makes a placeholder of a name nobody knows, and notes the rows that use one."""
        end = Endpoint.objects.filter(name=name).select_related("server").first()
        if end is None:
            estate.add_server(
                name, system=system, status=Server.Status.PLACEHOLDER, source_row=dict(row.kept), by=self.by, at=self.at
            )
        if end is None or (end.server is not None and end.server.status == Server.Status.PLACEHOLDER):
            numbers = self.placeholders.setdefault(name, [])
            if row.number not in numbers:
                numbers.append(row.number)

    def asked_before(self, source: str, destination: str, row: Row) -> bool:
        """Whether the same traffic is authorised or asked for already."""
        wanted = (set(row.values("services")), row.values("via"))
        changes = ChangeRecord.objects.exclude(state__in=CLOSED).exclude(kind=ChangeRecord.Kind.RETIRE)
        there = changes.filter(connection__source__name=source, connection__destination__name=destination)
        said = there.filter(connection__kind="network").values_list("material", flat=True)
        return any((set(one["services"]), one["via"]) == wanted for one in said)

    def material(self, source: str, destination: str, row: Row) -> dict[str, object]:
        """What would be authorised, on a provisional basis."""
        return {
            "kind": "network",
            "source": source,
            "destination": destination,
            "services": row.values("services"),
            "via": row.values("via"),
            "expected_use": (row.cells.get("expected_use") or "continuous").lower(),
            "basis": "provisional",
            "review_by": (day_of(self.at) + timedelta(days=PROVISIONAL_DAYS)).isoformat(),
            "ends_on": row.cells.get("ends_on") or None,
        }

    def justification(self, row: Row) -> dict[str, str]:
        """The row's own reasons; where there are none, that is said."""
        origin = f"Not given in {self.table.file}, row {row.number}: to be completed by the first review."
        return {
            "business_need": row.cells.get("business_need") or origin,
            "security_implications": row.cells.get("security_implications") or origin,
            "data_carried": row.cells.get("data_carried", ""),
        }


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


IMPORTERS: Final[dict[str, type[Importer]]] = {"servers": Servers, "connections": Connections}
