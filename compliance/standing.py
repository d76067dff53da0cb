"""What stands: the register on a day, out of the database, in the shape of a register file."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date, datetime, time
from functools import cached_property
from typing import Any, Final

from django.db.models import Q
from django.utils import timezone

from compliance.models import (
    Address,
    Connection,
    ConnectionVersion,
    Endpoint,
    Group,
    Membership,
    PartyPrefix,
    Server,
    System,
    Zone,
    ZonePrefix,
)  # fmt: skip
from compliance.models.carried import Carried, faults
from compliance.models.scope import each_once

KEPT: Final = (
    "source", "destination", "services", "via", "server", "path", "protocol", "access", "clients", "security",
    "squash", "users",
)  # fmt: skip
Named = dict[int, list[Any]]  # key of the owner → what counts of it
_kept: ContextVar[dict[tuple[datetime, datetime | None], Standing] | None] = ContextVar("estates_read", default=None)


def register_on(
    day: date, *, known_at: datetime | None = None, systems: Iterable[System] | None = None
) -> dict[str, Any]:
    """The register as of the end of that day. Connections go by their ids (CON-42).

    Members, prefixes and addresses that no approved change carries and that were not put there before anything named
    their owner are left out, and with them the connections whose end then means nothing at all.
    """
    versions = ConnectionVersion.objects.authorised_at(day, known_at).select_related("connection")
    if systems is not None:
        versions = versions.filter(connection__system__in=list(systems))
    return estate_on(day, known_at).register(versions)


def estate_on(day: date, known_at: datetime | None = None) -> Standing:
    """The estate as of the end of that day; within `read_once` the same one for all who ask about it."""
    end = datetime.combine(day, time.max, timezone.get_current_timezone())
    moment, kept = min(end, known_at) if known_at else end, _kept.get()
    if kept is None:
        return Standing(moment, known_at)
    return kept.setdefault((moment, known_at), Standing(moment, known_at))


@contextmanager
def read_once() -> Iterator[None]:
    """Within it an estate is read once: for a page several parts of which compare the same request with it."""
    token = _kept.set({})
    try:
        yield
    finally:
        _kept.reset(token)


def newest(versions: Iterable[ConnectionVersion]) -> list[ConnectionVersion]:
    """One version a connection: on the day of a change the later one stands."""
    found: dict[int, ConnectionVersion] = {}
    for version in versions:
        held = found.get(version.connection_id)
        if held is None or (version.valid_from, version.pk) > (held.valid_from, held.pk):
            found[version.connection_id] = version
    return [found[key] for key in sorted(found)]


def row(version: ConnectionVersion) -> dict[str, Any]:
    """One row of the register file."""
    material = version.material
    said = {"id": version.connection.ref, **{key: material[key] for key in KEPT if material.get(key)}}
    for key in ("review_by", "ends_on", "expected_use", "basis"):
        if material.get(key):
            said[key] = material[key]
    return said


def mentioned(material: Mapping[str, Any]) -> list[str]:
    """Every name of an end that the material of a connection or share mentions."""
    if material["kind"] == "share":
        return [*material["clients"], material["server"]]
    return [material["source"], *material.get("via", []), material["destination"]]


class Standing:
    """The estate at a moment, by the rows that count, each kind read when it is asked for.

    `within`: the addresses that are looked at, where somebody needs to know of a few servers only.
    """

    def __init__(self, moment: datetime, known_at: datetime | None = None, *, within: Q | None = None) -> None:
        self.moment, self.known_at, self.within = moment, known_at, within or Q()
        self._hollow: set[str] = set()

    @cached_property
    def members(self) -> Named:
        """The members of groups that count, by group."""
        return self.counted(Membership.objects.all(), "group", "server")

    @cached_property
    def prefixes(self) -> Named:
        """The prefixes of zones that count, by zone."""
        return self.counted(ZonePrefix.objects.all(), "zone")

    @cached_property
    def addresses(self) -> Named:
        """The addresses of servers that count, by server."""
        return self.counted(Address.objects.filter(self.within), "server", "zone")

    @cached_property
    def parties(self) -> Named:
        """The prefixes of parties outside that count, by end."""
        return self.counted(PartyPrefix.objects.all(), "end")

    @cached_property
    def hollow(self) -> set[str]:
        """The names that have rows, and none that counts."""
        _ = self.members, self.prefixes, self.addresses, self.parties
        return self._hollow

    @cached_property
    def named(self) -> list[Group]:
        """All groups."""
        return list(Group.objects.all())

    @property
    def unseen(self) -> set[str]:
        """The groups whose members are observed and that have none now: nothing is authorised by these names."""
        return {group.name for group in self.named if group.observed and not self.members_of(group)}

    def counted(self, rows: Any, owner: str, *others: str) -> Named:
        """The rows that count by their owner, read with `others`; owners with rows and none that counts are hollow."""
        # In one order: PostgreSQL gives rows as they lie, and what is written of them would differ for nothing
        names = dict.fromkeys((owner, *others), ("name",))
        listed: list[Carried] = each_once(rows.in_force(self.moment).order_by("pk"), *names, only=names)
        bad = faults(listed, self.known_at)
        found: Named = defaultdict(list)
        for each in listed:
            if each.pk not in bad:
                found[getattr(each, f"{owner}_id")].append(each)
        named = {getattr(each, owner) for each in listed}
        self._hollow |= {one.name for one in named if one.pk not in found}
        return found

    def register(self, versions: Iterable[ConnectionVersion]) -> dict[str, Any]:
        """These versions, one a connection, with all of the estate: in the shape of a register file."""
        hollow = self.hollow | self.unseen
        rows = [version for version in newest(versions) if not hollow & set(mentioned(version.material))]
        return {
            "servers": self.servers({name for one in rows for name in mentioned(one.material)}),
            "groups": [dict(one) for one in self.groups],
            "zones": [dict(one) for one in self.zones],
            "connections": [row(version) for version in rows if version.material["kind"] == "network"],
            "shares": [row(version) for version in rows if version.material["kind"] == "share"],
        }

    def servers(self, named: set[str]) -> list[dict[str, Any]]:
        """The servers in service then with the addresses they held; without any, only those that are `named`."""
        return [dict(one) for one in self.in_service if one["addresses"] or one["name"] in named]

    @cached_property
    def in_service(self) -> list[dict[str, Any]]:
        """The servers in service then, those without an address too."""
        here = Q(status=Server.Status.IN_SERVICE) | Q(retired_at__gt=self.moment)
        found = []
        for key, name in Server.objects.filter(here).values_list("pk", "name"):
            held: list[Address] = self.addresses.get(key, [])
            zone = next((address.zone.name for address in held if address.zone), "")
            said: dict[str, Any] = {"name": name, "addresses": [address.ip for address in held]}
            found.append(said | ({"zone": zone} if zone else {}))
        return found

    @cached_property
    def groups(self) -> list[dict[str, Any]]:
        """The groups with their members then, and parties outside with their prefixes."""
        inside = [{"name": group.name, "members": self.members_of(group)} for group in self.named]
        outside = [
            {"name": end.name, "members": [one.prefix for one in self.parties.get(end.pk, [])]}
            for end in Endpoint.objects.filter(server__isnull=True, group__isnull=True, zone__isnull=True)
        ]
        return [each for each in [*inside, *outside] if each["members"]]

    def members_of(self, group: Group) -> list[str]:
        """The names of the members that hold an address."""
        rows: list[Membership] = self.members.get(group.pk, [])
        return sorted({one.server.name for one in rows if self.addresses.get(one.server_id)})

    @cached_property
    def zones(self) -> list[dict[str, Any]]:
        """The zones with their prefixes then."""
        return [
            {"name": zone.name, "prefixes": [one.prefix for one in self.prefixes.get(zone.pk, [])]}
            for zone in Zone.objects.all()
        ]


def with_systems(register: dict[str, Any]) -> dict[str, Any]:
    """The same register, and with each row the system it belongs to: an import elsewhere asks the same owners."""
    refs = {one.ref: one.system.name for one in Connection.objects.select_related("system")}
    named: dict[str, dict[str, str]] = {
        "servers": dict(Server.objects.values_list("name", "system__name")),
        "groups": dict(Group.objects.values_list("name", "system__name")),
        "zones": dict(Zone.objects.values_list("name", "system__name")),
        "connections": refs,
        "shares": refs,
    }
    bounds = {one.name: one.bounds for one in Group.objects.exclude(ceiling=None)}
    said = dict(register)
    for part, systems in named.items():
        key = "id" if part in ("connections", "shares") else "name"
        said[part] = [row | ({"system": systems[row[key]]} if row[key] in systems else {}) for row in register[part]]
    said["groups"] = [row | bounds.get(row["name"], {}) for row in said["groups"]]
    return said
