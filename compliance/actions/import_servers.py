"""Rows of servers: new ones with their addresses, and what changes about those that are there."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from compliance.actions import estate, widening
from compliance.actions.import_rows import NO, YES, Bad, Row, always
from compliance.models import Endpoint, ImportedTable, Server, System, User, Zone
from compliance.traffic import addresses


@dataclass
class Servers:
    """Rows of servers. A server that is there already is brought up to date; addresses are added, never taken away."""

    table: ImportedTable
    by: User
    at: datetime
    placeholders: dict[str, list[int]] = field(default_factory=dict)
    seen: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """What a row is held against and no row of the file changes: read once, not ten thousand times."""
        self.systems = set(System.objects.values_list("name", flat=True))
        self.zones = set(Zone.objects.values_list("name", flat=True))
        self.retired = set(Server.objects.filter(status=Server.Status.RETIRED).values_list("name", flat=True))
        others = Endpoint.objects.exclude(kind=Endpoint.Kind.SERVER)
        self.others = set(others.values_list("name", flat=True))

    def problems(self, row: Row) -> list[Bad]:
        """What is wrong with the row."""
        found = always(row, "servers")
        name, system, zone = (row.cells.get(key, "") for key in ("name", "system", "zone"))
        if name and self.seen.setdefault(name, row.number) != row.number:
            found.append(row.bad("name", f"{name} stands in row {self.seen[name]} already.", "Keep one of the two."))
        if system and system not in self.systems:
            found.append(row.bad("system", f"There is no system {system}.", "Add it first, or correct the name."))
        if zone and zone not in self.zones:
            found.append(row.bad("zone", f"There is no zone {zone}.", "Add it first, or correct the name."))
        if name in self.retired:
            found.append(row.bad("name", f"{name} was decommissioned.", "Give the new server a name of its own."))
        if name in self.others:
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
        asked = [self.give(server, text, zone) for text in added]
        if differs:
            estate.describe_server(server, by=self.by, at=self.at, source_row=dict(row.kept), **differs)
        if not added and not differs:
            return "same", name
        return "changed", f"{name}: {', '.join([*asked, *(key.replace('_', ' ') for key in differs)])}"

    def give(self, server: Server, text: str, zone: Zone | None) -> str:
        """A further address of a server that is there: given, or asked for where it would widen an authorisation."""
        why = {
            "business_need": f"{self.table.file} says that {server} holds it.",
            "security_implications": "Whatever is authorised for the server is authorised for this address as well.",
        }
        said = widening.address(server, text, zone=zone)
        change = widening.widen(said, justification=why, by=self.by, at=self.at)
        return f"{text} (asked for)" if change else text
