"""Servers, groups and zones of a register, and what the name of an endpoint means in addresses and servers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from compliance.register_rows import ADDRESS_KEYS, GROUP_KEYS, SERVER_KEYS, ZONE_KEYS, Problems, Row, rows_of
from compliance.traffic import addresses, intervals
from compliance.traffic.addresses import Range
from compliance.traffic.boxes import TOP, Family


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What an endpoint means: its addresses, the servers of the register among them that must take part, and
    whether it is wider than those servers (a zone, a prefix, `any`)."""

    text: str
    ranges: tuple[Range, ...]
    hosts: tuple[str, ...]
    wider: bool


@dataclass(slots=True)
class Estate:
    """The servers, groups and zones by name."""

    servers: dict[str, tuple[int, ...]] = field(default_factory=dict)
    zone_of: dict[str, str] = field(default_factory=dict)
    groups: dict[str, tuple[str, ...]] = field(default_factory=dict)
    zones: dict[str, tuple[Range, ...]] = field(default_factory=dict)
    holders: dict[int, str] = field(default_factory=dict)

    @classmethod
    def read(cls, register: Mapping[str, Any], problems: Problems) -> Estate:
        """From the parsed register; what is wrong goes to `problems`."""
        estate = cls()
        for row in rows_of(register, "servers", "name", SERVER_KEYS, problems, set()):
            estate._add_server(row)
        groups = list(rows_of(register, "groups", "name", GROUP_KEYS, problems, set()))
        for row in groups:
            estate.groups[row.name] = tuple(row.texts("members", required=False))
        for row in rows_of(register, "zones", "name", ZONE_KEYS, problems, set()):
            estate._add_zone(row)
        for row in groups:
            for member in estate.groups[row.name]:
                estate._resolve(row, "members", member, (row.name,))  # only for its problems
        return estate

    def _add_server(self, row: Row) -> None:
        self.zone_of[row.name] = row.text("zone", required=False)
        values = [value for item in row.values("addresses") if (value := self._address(row, item)) is not None]
        if not row.values("addresses"):
            row.problem("addresses is missing")
        for value in values:
            holder = self.holders.setdefault(value, row.name)
            if holder != row.name:
                row.problem(f"{addresses.to_text(addresses.family_of_value(value), value)} is held by {holder} as well")
        self.servers[row.name] = tuple(dict.fromkeys(values))

    def _address(self, row: Row, item: object) -> int | None:
        if isinstance(item, Mapping):
            for key in item:
                if key not in ADDRESS_KEYS:
                    row.problem(f"addresses: unknown key {key!r}; known are {', '.join(ADDRESS_KEYS)}")
            item = item.get("ip")
        if not isinstance(item, str):
            row.problem(f"addresses: {item!r} is not an address in quotes")
            return None
        try:
            family, value = addresses.parse_host(item)
        except ValueError as wrong:
            row.problem(f"addresses: {wrong}")
            return None
        if family == 6 and value <= TOP[4]:
            row.problem(f"addresses: {item} is no address of a server (::/96)")
            return None
        return value

    def _add_zone(self, row: Row) -> None:
        found: list[Range] = []
        for text in row.texts("prefixes", required=False):
            try:
                found.append(addresses.parse(text))
            except ValueError as wrong:
                row.problem(f"prefixes: {wrong}")
        self.zones[row.name] = tuple(found)

    def endpoint(self, row: Row, key: str, *, only: str | None = None) -> Endpoint | None:
        """What stands under a key of a row (or the one name `only`): names, addresses, prefixes, `any`."""
        names = row.texts(key) if only is None else [only]
        parts = [self._resolve(row, key, name, ()) for name in names]
        known = [part for part in parts if part is not None]
        if not names or len(known) != len(parts):
            return None
        ranges = tuple(addresses.merge(one for part in known for one in part.ranges))
        hosts = tuple(dict.fromkeys(host for part in known for host in part.hosts))
        if not ranges:
            row.problem(f"{key}: {', '.join(names)} has no addresses")
            return None
        return Endpoint(", ".join(names), ranges, hosts, any(part.wider for part in known))

    def takes_part(self, host: str, asked: Endpoint, peer: Endpoint, family: Family) -> bool:
        """Whether a server has an address in its endpoint, in this family, and anyone but itself at the other end."""
        own = [(value, value) for value in self.servers[host] if addresses.family_of_value(value) == family]
        others = ((one.low, one.high) for one in peer.ranges if one.family == family)
        reached = any(_within(value, one) for value, _ in own for one in asked.ranges)
        return reached and bool(intervals.subtract(others, own))

    def _resolve(self, row: Row, key: str, name: str, within: tuple[str, ...]) -> Endpoint | None:
        if sum(name in named for named in (self.servers, self.groups, self.zones)) > 1:
            row.problem(f"{key}: {name!r} names more than one of a server, a group and a zone")
            return None
        if name in self.servers:
            return Endpoint(name, self._ranges((name,)), (name,), wider=False)
        if name in self.groups:
            return self._group(row, key, name, within)
        if name in self.zones:
            return self._zone(name)
        if addresses.looks_like_address(name) or name.lower() in {addresses.ANY, "*"}:
            return self._literal(row, key, name)
        row.problem(f"{key}: {name!r} is no server, group, zone, address, prefix or `any`")
        return None

    def _group(self, row: Row, key: str, name: str, within: tuple[str, ...]) -> Endpoint | None:
        if name in within:
            row.problem(f"{key}: group {name} holds itself ({' > '.join((*within, name))})")
            return None
        inside = f"{key} (in group {name})"
        members = [self._resolve(row, inside, member, (*within, name)) for member in self.groups[name]]
        known = [member for member in members if member is not None]
        if len(known) != len(members):
            return None
        return Endpoint(
            name,
            tuple(one for member in known for one in member.ranges),
            tuple(dict.fromkeys(host for member in known for host in member.hosts)),
            any(member.wider for member in known),
        )

    def _zone(self, name: str) -> Endpoint:
        """A zone is its prefixes, with the servers in them; without prefixes it is the servers that name it."""
        ranges = self.zones[name]
        if not ranges:
            hosts = tuple(server for server, zone in self.zone_of.items() if zone == name)
            return Endpoint(name, self._ranges(hosts), hosts, wider=False)
        hosts = tuple(
            server
            for server, values in self.servers.items()
            if any(_within(value, one) for value in values for one in ranges)
        )
        return Endpoint(name, ranges, hosts, wider=True)

    def members(self) -> dict[str, tuple[str, ...]]:
        """Zone -> its servers: those that name it, else those with an address in its prefixes."""
        found: dict[str, list[str]] = {}
        for server, values in self.servers.items():
            zone = self.zone_of.get(server) or next(
                (name for name, ranges in self.zones.items() if any(_within(v, r) for v in values for r in ranges)), ""
            )
            if zone:
                found.setdefault(zone, []).append(server)
        return {zone: tuple(servers) for zone, servers in found.items()}

    def _literal(self, row: Row, key: str, text: str) -> Endpoint | None:
        try:
            ranges = addresses.parse_any(text)
        except ValueError as wrong:
            row.problem(f"{key}: {wrong}")
            return None
        holder = self.holders.get(ranges[0].low) if len(ranges) == 1 and ranges[0].single else None
        return Endpoint(text, ranges, (holder,) if holder else (), wider=holder is None)

    def _ranges(self, hosts: tuple[str, ...]) -> tuple[Range, ...]:
        return tuple(
            Range(addresses.family_of_value(value), value, value) for host in hosts for value in self.servers[host]
        )


def _within(value: int, one: Range) -> bool:
    return addresses.family_of_value(value) == one.family and one.low <= value <= one.high
