"""The zones, groups and servers of a register file: made where they are missing, never taken away or narrowed.

What would widen something authorised is asked for (compliance.actions.widening), as in an import of a spreadsheet.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from compliance.actions import estate, widening
from compliance.actions.import_rows import YES
from compliance.errors import Refused
from compliance.models import Endpoint, Group, Server, System, User, Zone
from compliance.observed import PEOPLE, parse, said
from compliance.traffic import addresses

Cells = Mapping[str, Any]
Done = tuple[str, str]  # "new", "changed", "same" or "kept" (the same with other dates), and a line that says what

DESCRIBED: Final = ("role", "environment", "critical", "high_value")
WIDER: Final = "Whatever is authorised for {owner} is authorised for this as well."


@dataclass(frozen=True, slots=True)
class Places:
    """Whose file it is. `system`: the one of rows that name none. `at`: when it is imported."""

    file: str
    system: System | None
    by: User
    at: datetime

    def system_of(self, row: Cells, *names: str) -> System:
        """The system the row names, else that of the first of these names that has one, else the file's."""
        if row.get("system"):
            found = System.objects.filter(name=row["system"]).first()
            if found is None:
                raise Refused(f"There is no system {row['system']}.", "", "Add it first, or correct the name.")
            return found
        for end in sorted(Endpoint.objects.filter(name__in=names), key=lambda one: names.index(one.name)):
            if end.system is not None:
                return end.system
        if self.system is None:
            raise Refused("It is not known whose it is.", "", "Write its system in the row, or choose one.")
        return self.system

    def zone(self, row: Cells) -> Done:
        """A zone and its prefixes."""
        name = row["name"].strip()
        refuse_other_kind(name, Endpoint.Kind.ZONE)
        listed = networks(listed_in(row, "prefixes"))
        zone = Zone.objects.filter(name=name).first()
        if zone is None:
            estate.add_zone(name, system=self.system_of(row), prefixes=listed, by=self.by, at=self.at)
            return "new", f"zone {name} ({', '.join(listed) or 'no prefix'})"
        held = {str(ipaddress.ip_network(one.prefix)) for one in zone.prefixes.filter(valid_to__isnull=True)}
        added = [self.widen(widening.prefix(zone, text), name, text) for text in listed if text not in held]
        return ("changed" if added else "same"), f"zone {name}: {', '.join(added)}"

    def server(self, row: Cells) -> Done:
        """A server, its addresses, and what is said about it."""
        name = row["name"].strip()
        refuse_other_kind(name, Endpoint.Kind.SERVER)
        server = Server.objects.filter(name=name).first()
        if server is not None and server.status == Server.Status.RETIRED:
            raise Refused(f"{name} was decommissioned.", "", "Give the new server a name of its own.")
        said = described(row) | {"status": Server.Status.IN_SERVICE}
        fresh = server is None
        if server is None:
            system = self.system_of(row)
            server = estate.add_server(name, system=system, source_row=plain(row), by=self.by, at=self.at, **said)
        elif row.get("system"):
            said["system"] = self.system_of(row)
        differs = {key: value for key, value in said.items() if getattr(server, key) != value}
        if differs:
            estate.describe_server(server, by=self.by, at=self.at, **differs)
        added = self.addresses(server, row)
        if fresh:
            return "new", f"{name} ({', '.join(added) or 'no address'})"
        changed = [*added, *(key.replace("_", " ") for key in differs)]
        return ("changed" if changed else "same"), f"{name}: {', '.join(changed)}"

    def addresses(self, server: Server, row: Cells) -> list[str]:
        """The addresses the server does not hold yet: given or asked for, each in words."""
        held = {addresses.parse_host(one.ip) for one in server.addresses.filter(valid_to__isnull=True)}
        added = []
        for item in listed_in(row, "addresses"):
            one = item if isinstance(item, Mapping) else {"ip": item}
            if addresses.parse_host(one["ip"]) in held:
                continue
            zone = zone_named(one.get("zone") or row.get("zone"))
            wanted = widening.address(server, one["ip"], zone=zone, interface=str(one.get("interface") or ""))
            added.append(self.widen(wanted, server.name, one["ip"]))
        return added

    def group(self, row: Cells, members: list[str]) -> Done:
        """A group of servers, or an end outside the estate where all its members are addresses."""
        name = row["name"].strip()
        literal = [text for text in members if is_literal(text)]
        if not literal:
            return self.group_of_servers(row, name, members)
        if len(literal) < len(members):
            raise Refused(
                f"{name} mixes servers and addresses.", "", "Divide it: a group of servers, and one of addresses."
            )
        return self.party(name, literal)

    def group_of_servers(self, row: Cells, name: str, members: list[str]) -> Done:
        """A group; servers it lacks join it or are asked for."""
        refuse_other_kind(name, Endpoint.Kind.STATIC_GROUP, Endpoint.Kind.DYNAMIC_GROUP)
        servers = {one.name: one for one in Server.objects.filter(name__in=members)}
        lacking = [text for text in members if text not in servers]
        if lacking:
            raise Refused(f"{', '.join(lacking)} is no server.", "", "A group holds servers, or addresses alone.")
        group = Group.objects.filter(name=name).first()
        if group is None:
            system = self.system_of(row, *members)
            kind, ceiling = Group.Kind.STATIC, row.get("ceiling")
            if ceiling is not None:
                kind = Group.Kind.DYNAMIC
            estate.add_group(
                name, system=system, members=servers.values(), kind=kind, ceiling=ceiling, observed=known_by(row) or "",
                by=self.by, at=self.at,
            )  # fmt: skip
            return "new", f"group {name} ({', '.join(members)})"
        held = set(group.memberships.filter(valid_to__isnull=True).values_list("server__name", flat=True))
        added = [self.widen(widening.member(group, servers[text]), name, text) for text in servers if text not in held]
        by = known_by(row)
        if by is not None and by != group.observed:
            added.append(self.widen(widening.observed(group, by), name, f"known by {said(by)}"))
        return ("changed" if added else "same"), f"group {name}: {', '.join(added)}"

    def party(self, name: str, prefixes: list[str]) -> Done:
        """An end outside the estate. One that is there with other prefixes is not touched: that would be no import."""
        refuse_other_kind(name, *Endpoint.OUTSIDE)
        listed = networks(prefixes)
        end = Endpoint.objects.filter(name=name).first()
        if end is None:
            estate.add_party(name, prefixes=listed, by=self.by, at=self.at)
            return "new", f"{name} ({', '.join(listed)})"
        known = end.prefixes_at(self.at)
        if networks(known) != listed:
            raise Refused(
                f"{name} is known as {', '.join(known)}.",
                "An import does not change what a known name means.",
                "Give the other addresses a name of their own.",
            )
        return "same", name

    def widen(self, wanted: dict[str, Any], owner: str, text: str) -> str:
        """Added, or asked for where something authorised is reached through it; in words."""
        why = {
            "business_need": f"{self.file} says so.",
            "security_implications": WIDER.format(owner=owner),
        }
        change = widening.widen(wanted, justification=why, by=self.by, at=self.at)
        return f"{text} (asked for)" if change else text


def known_by(row: Cells) -> str | None:
    """By what the members of a row's group are known; "" where people name them; None where the row does not say."""
    text = str(row.get("observed") or "").strip()
    if not text:
        return None
    if text == PEOPLE:
        return ""
    try:
        found = parse(text).text
    except ValueError as error:
        raise Refused("Its members cannot be observed.", f"{error}.", "Correct `observed` in its row.") from error
    if row.get("ceiling") is None:
        raise Refused("Its members cannot be observed.", "It has no ceiling.", "Write its `ceiling` beside it.")
    return found


def listed_in(row: Cells, key: str) -> list[Any]:
    """What stands under the key as a list."""
    value = row.get(key)
    if value is None or value == "":
        return []
    return list(value) if isinstance(value, list) else [value]


def networks(texts: list[str]) -> list[str]:
    """The same addresses as the fewest prefixes, each with its length."""
    ranges = [one for text in texts for one in addresses.parse_any(text)]
    return [str(ipaddress.ip_network(text)) for text in addresses.to_prefixes(ranges)]


def is_literal(text: str) -> bool:
    """Whether it is an address, prefix, range or `any` rather than a name."""
    return addresses.looks_like_address(text) or text.strip().lower() in {addresses.ANY, "*"}


def refuse_other_kind(name: str, *kinds: str) -> None:
    """A name means one thing."""
    end = Endpoint.objects.filter(name=name).exclude(kind__in=kinds).first()
    if end is not None:
        raise Refused(
            f"{name} is the name of something else.", f"It is a {end.get_kind_display().lower()} here.", "Rename it."
        )


def zone_named(name: Any) -> Zone | None:
    """The zone of a server's row, or None where it names none."""
    if not name:
        return None
    zone = Zone.objects.filter(name=str(name).strip()).first()
    if zone is None:
        raise Refused(f"There is no zone {name}.", "", "Add it to the zones of the file, or correct the name.")
    return zone


def described(row: Cells) -> dict[str, Any]:
    """What the row says about its server, as the database keeps it."""
    said: dict[str, Any] = {key: row[key] for key in DESCRIBED if row.get(key) not in (None, "")}
    for key in {"critical", "high_value"} & said.keys():
        said[key] = str(said[key]).lower() in YES
    return {key: value if isinstance(value, bool) else str(value) for key, value in said.items()}


def plain(row: Cells) -> dict[str, Any]:
    """The row as JSON can hold it, days as year-month-day."""
    return {str(key): value.isoformat() if isinstance(value, date) else value for key, value in row.items()}
