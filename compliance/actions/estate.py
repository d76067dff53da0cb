"""The estate: organisations, systems, zones, servers with their addresses, groups and outside parties, and their names.

Everything a connection can name has an Endpoint of that name; it is made together with the thing itself.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.utils import timezone

from compliance.actions.ledger import record
from compliance.actions.people import give
from compliance.actions.reach import in_use, zone_by_servers
from compliance.classification import refuse_above_ceiling
from compliance.errors import Refused
from compliance.models import (
    Address,
    AddressSpace,
    ChangeRecord,
    Endpoint,
    Group,
    Membership,
    Organisation,
    PartyPrefix,
    Role,
    Server,
    System,
    User,
    Zone,
    ZonePrefix,
)
from compliance.models.carried import Carried
from compliance.models.estate import check_prefix
from compliance.permissions import check

Thing = TypeVar("Thing", bound=models.Model)
Kind = Endpoint.Kind
QUARANTINE: Final = timedelta(days=90)  # a freed address rests: rules may still let its last holder in


def add_organisation(name: str, *, by: User, at: datetime | None = None, **fields: Any) -> Organisation:
    """An organisation: our own, an agency, a provider, a vendor. `fields`: kind, marking, agreement …"""
    return _added(Organisation(name=name.strip(), **fields), by=by, at=at)


def add_system(
    name: str, *, organisation: Organisation, owner: User, by: User, at: datetime | None = None, **fields: Any
) -> System:
    """A system with its owner. Owner and deputy get the role of owner for it, as far as they do not hold it."""
    moment = at or timezone.now()
    refuse_above_ceiling(name.strip(), fields.get("classification", System.Classification.OS))
    with transaction.atomic():
        system = _added(System(name=name.strip(), organisation=organisation, owner=owner, **fields), by=by, at=moment)
        for person in (owner, system.deputy):
            if person is not None and not person.holds([Role.SYSTEM_OWNER], system.pk, moment):
                give(person, Role.SYSTEM_OWNER, system=system, by=by, at=moment)
    return system


def add_zone(
    name: str,
    *,
    system: System,
    prefixes: Iterable[str] = (),
    space: AddressSpace | None = None,
    by: User,
    at: datetime | None = None,
    **fields: Any,
) -> Zone:
    """A zone of an address space with its prefixes, and its name for the register."""
    moment = at or timezone.now()
    with transaction.atomic():
        zone = _added(
            Zone(name=name.strip(), system=system, space=space or default_space(), **fields), by=by, at=moment
        )
        for prefix in prefixes:
            _checked(check_prefix, prefix)
            ZonePrefix(zone=zone, prefix=prefix, valid_from=moment).sealed().save(force_insert=True)
        _name(zone.name, Kind.ZONE, zone=zone)
    return zone


def add_server(
    name: str,
    *,
    system: System,
    addresses: Iterable[str] = (),
    zone: Zone | None = None,
    space: AddressSpace | None = None,
    by: User,
    at: datetime | None = None,
    **fields: Any,
) -> Server:
    """A server, its addresses and its name for the register. `fields`: role, environment, status, critical …"""
    moment = at or timezone.now()
    with transaction.atomic():
        check(by, "add_server", system, at=moment)
        if zone is not None and addresses and zone_by_servers(zone.name, moment):
            named = {"kind": "server_address", "server": name.strip(), "zone": zone.name}
            refuse_in_use(named, f"{name} was not added to {zone}.", moment)
        server = _written(Server(name=name.strip(), system=system, **fields), by=by, at=moment)
        _name(server.name, Kind.SERVER, server=server)
        for ip in addresses:
            place_address(server, ip, zone=zone, space=space, by=by, at=moment)
    return server


def add_address(
    server: Server,
    ip: str,
    *,
    zone: Zone | None = None,
    space: AddressSpace | None = None,
    interface: str = "",
    by: User,
    at: datetime | None = None,
) -> Address:
    """An address a server holds from `at` on. Its zone is the one given, or the one whose prefix holds it.

    Only while no authorisation reaches the server: from then on it is asked for (compliance.actions.widening).
    """
    moment = at or timezone.now()
    check(by, "add_server", server, at=moment)
    holding = zone or zone_of(_address(ip), space or default_space(), moment)
    named = {"kind": "server_address", "server": server.name, "zone": holding.name if holding else ""}
    refuse_in_use(named, f"{ip} cannot be given to {server} directly.", moment)
    return place_address(server, ip, zone=zone, space=space, interface=interface, by=by, at=moment)


def place_address(
    server: Server,
    ip: str,
    *,
    zone: Zone | None = None,
    space: AddressSpace | None = None,
    interface: str = "",
    by: User | None,
    at: datetime,
    change: ChangeRecord | None = None,
) -> Address:
    """The row itself, for a caller who has made sure that it may be: directly, or carried by an approved change."""
    value = _address(ip)
    room = space or (zone.space if zone else default_space())
    refuse_taken(value, room, server, at)
    with transaction.atomic():
        row = Address(
            server=server, space=room, ip=str(value), interface=interface, valid_from=at, change=change,
            zone=zone or zone_of(value, room, at),
        )  # fmt: skip
        return _written(row.sealed(), by=by, at=at)


def refuse_taken(
    value: ipaddress.IPv4Address | ipaddress.IPv6Address, space: AddressSpace, server: Server, at: datetime
) -> None:
    """An address has one holder, and rests for 90 days before another has it: rules may still let the first one in."""
    rows = Address.objects.filter(space=space, ip=str(value)).select_related("server")
    holder = rows.filter(valid_to__isnull=True).first()
    if holder is not None:
        raise Refused(f"{value} cannot be given to {server}.", f"{holder.server} holds it.", "Correct one of the two.")
    freed = rows.filter(valid_to__gt=at - QUARANTINE).exclude(server=server).order_by("-valid_to").first()
    if freed is not None and freed.valid_to is not None:
        until = timezone.localtime(freed.valid_to + QUARANTINE)
        raise Refused(
            f"{value} cannot be given to {server} yet.",
            f"{freed.server} held it until {timezone.localtime(freed.valid_to):%-d %B %Y}: rules may still let it in.",
            f"Choose another address, or wait until {until:%-d %B %Y}.",
        )


def refuse_in_use(material: dict[str, Any], what: str, at: datetime) -> None:
    """What would widen an authorisation is asked for, never done."""
    why = in_use(material, at)
    if why:
        raise Refused(what, f"It would widen what is authorised: {why}", "Ask for it: two people decide on it.")


def end_address(address: Address, *, by: User, at: datetime | None = None) -> None:
    """The server holds the address no longer; flows before that moment stay its own."""
    moment = at or timezone.now()
    check(by, "add_server", address.server, at=moment)
    with transaction.atomic():
        end_row(address, "end_address", by=by, at=moment, ip=address.ip)


def end_row(row: Carried, verb: str, *, by: User | None, at: datetime, because: str = "", **payload: Any) -> None:
    """The row's validity ends now, sealed anew. In the caller's transaction; a row that ended already stays."""
    row.valid_to = at
    row.sealed()
    fresh = type(row)._default_manager.filter(pk=row.pk, valid_to__isnull=True)
    if fresh.update(valid_to=at, seal=row.seal):
        record(verb, row, by=by, at=at, because=because, **payload)


def add_group(
    name: str,
    *,
    system: System,
    members: Iterable[Server] = (),
    by: User,
    at: datetime | None = None,
    kind: str = Group.Kind.STATIC,
    ceiling: int | None = None,
    observed: str = "",
) -> Group:
    """Servers under one name. `observed`: by what a dynamic group's members are known (compliance.observed)."""
    moment = at or timezone.now()
    with transaction.atomic():
        check(by, "add_server", system, at=moment)
        made = Group(name=name.strip(), system=system, kind=kind, ceiling=ceiling, observed=observed)
        group = _written(made, by=by, at=moment)
        _name(group.name, Kind.DYNAMIC_GROUP if kind == Group.Kind.DYNAMIC else Kind.STATIC_GROUP, group=group)
        seals = (group.observed_sealed() if observed else group).sealed()
        seals.save(update_fields=["ceiling_seal", "observed_seal"])
        rows = [Membership(group=group, server=one, valid_from=moment).sealed() for one in members]
        Membership.objects.bulk_create(rows)
    return group


def add_party(
    name: str,
    *,
    prefixes: Iterable[str],
    kind: str = Kind.EXTERNAL_PARTY,
    organisation: Organisation | None = None,
    by: User,
    at: datetime | None = None,
) -> Endpoint:
    """An end outside the estate: an external party, a managed service or a network of users, with its prefixes."""
    moment = at or timezone.now()
    check(by, "manage_estate", None, at=moment)
    if kind not in Endpoint.OUTSIDE:
        kinds = ", ".join(Endpoint.OUTSIDE)
        raise Refused(f"{name} was not added.", f"{kind} is no end outside the estate.", f"Use {kinds}.")
    named = list(prefixes)
    for prefix in named:
        _checked(check_prefix, prefix)
    with transaction.atomic():
        end = _name(name.strip(), kind, organisation=organisation)
        rows = [PartyPrefix(end=end, prefix=prefix, valid_from=moment).sealed() for prefix in dict.fromkeys(named)]
        PartyPrefix.objects.bulk_create(rows)
        record("add_party", end, by=by, at=moment, name=end.name, prefixes=named)
    return end


def describe_server(server: Server, *, by: User, at: datetime | None = None, **fields: Any) -> Server:
    """Changes what is said about a server (role, environment, flags, system …): no authorisation moves."""
    moment = at or timezone.now()
    check(by, "add_server", server, at=moment)
    before = {key: str(getattr(server, key)) for key in fields}
    with transaction.atomic():
        for key, value in fields.items():
            setattr(server, key, value)
        server.save(update_fields=list(fields))
        record(
            "describe_server", server, by=by, at=moment, before=before, after={key: str(fields[key]) for key in fields}
        )
    return server


def default_space() -> AddressSpace:
    """The address space of an estate that has only one."""
    return AddressSpace.objects.get_or_create(name="default")[0]


def zone_of(value: ipaddress.IPv4Address | ipaddress.IPv6Address, space: AddressSpace, at: datetime) -> Zone | None:
    """The zone whose narrowest prefix holds the address at that time."""
    rows = ZonePrefix.objects.filter(zone__space=space).authorised_at(at).select_related("zone")
    holding = [(net.prefixlen, row.pk, row.zone) for row in rows if value in (net := ipaddress.ip_network(row.prefix))]
    return max(holding)[2] if holding else None


def _added(thing: Thing, *, by: User, at: datetime | None) -> Thing:
    moment = at or timezone.now()
    check(by, "manage_estate", None, at=moment)
    return _written(thing, by=by, at=moment)


def _written(thing: Thing, *, by: User | None, at: datetime) -> Thing:
    """Keeps a new thing under the rules of the database, each told in its sentence."""
    with transaction.atomic():
        _checked(thing.full_clean)
        thing.save(force_insert=True)
        record(f"add_{thing._meta.model_name}", thing, by=by, at=at, name=str(thing))
    return thing


def _name(name: str, kind: str, **what: Any) -> Endpoint:
    """The name by which the register calls it."""
    end = Endpoint(name=name, kind=kind, **what)
    _checked(end.full_clean)
    end.save(force_insert=True)
    return end


def _checked(clean: Any, *values: Any) -> None:
    """Runs a validation and says what it says as a refusal."""
    try:
        clean(*values)
    except ValidationError as error:
        raise Refused("This was not added.", " ".join(error.messages), "Correct it and try again.") from error


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    try:
        return ipaddress.ip_address(text.strip())
    except ValueError as error:
        raise Refused(f"{text} is no address.", "", "Write for example 10.20.4.12 or 2001:db8::12.") from error
