"""What a change rests on: the servers at its ends, the devices between them, and the accounts they stand in."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db.models import Q
from django.utils import timezone

from compliance.actions.material import names_of
from compliance.four_eyes import concerned
from compliance.models import Address, ChangeRecord, Endpoint, Membership, Server
from compliance.register import Wanted
from evidence import readings
from evidence.actions.paths import said
from evidence.attachments import Attachment, attachments, is_fabric
from evidence.models import Source
from evidence.paths import Paths
from evidence.rules import Reading

ACCOUNT = "aws"  # the kind of source, and the format, of an account


def footprint(change: ChangeRecord, asked: Wanted, at: datetime) -> list[str]:
    """Every server, device and account whose rules decide about a change, by name: what is read again for it."""
    ends = affected(change)
    found = [*ends, *between(change, asked, at, ends), *accounts(asked, ends)]
    return list(dict.fromkeys(found))


def between(change: ChangeRecord, asked: Wanted, at: datetime, ends: Collection[str]) -> list[str]:
    """The devices that its connections pass, or may pass: engineers change them as well."""
    devices = readings.standings()
    if not devices:
        return []
    paths = Paths(asked, {}, said(at), devices)
    mine = [entry for entry in asked.entries if entry.id in change.refs]
    passed = {one.device for entry in mine for one in paths.crossings(entry.family, entry.boxes)}
    return sorted(passed.difference(ends))


def accounts(asked: Wanted, ends: Collection[str]) -> list[str]:
    """The accounts in which one of these servers stood when they were last read, and those that never were."""
    rows = Source.objects.exclude(server__status=Server.Status.RETIRED).select_related("server", "last_good__reading")
    of_accounts = rows.filter(Q(kind=ACCOUNT) | Q(last_good__points__icontains="/in")).order_by("pk")
    never = [one.server.name for one in of_accounts if one.last_good is None]
    held = {one.server.name: [one.last_good] for one in of_accounts if one.last_good is not None}
    stood_in = {one.account for one in standing_in(asked, readings.readings_of(held), ends)}
    return sorted({*never, *stood_in})


def standing_in(asked: Wanted, found: Mapping[str, Reading], ends: Collection[str]) -> set[Attachment]:
    """The interfaces of accounts behind which these servers stand."""
    mine = {name: values for name, values in asked.servers.items() if name in ends}
    held = attachments(mine, {name: one for name, one in found.items() if is_fabric(one)})
    return {one for each in held.values() for one in each}


def affected(change: ChangeRecord) -> list[str]:
    """The servers at both ends, by name."""
    return affected_by([change])[change.pk]


def affected_by(changes: Sequence[ChangeRecord]) -> dict[int, list[str]]:
    """Change → the servers at both ends, by name; asked once for all of them."""
    named = {
        change.pk: {name for material in (change.material, *stood(change)) for name in names_of(material)}
        for change in changes
    }
    wanted_names = {name for names in named.values() for name in names}
    ends = list(Endpoint.objects.filter(name__in=wanted_names).select_related("server"))
    members: defaultdict[int | None, set[str]] = defaultdict(set)
    standing: defaultdict[int | None, set[str]] = defaultdict(set)
    inside = Membership.objects.filter(group__in={end.group_id for end in ends}).authorised_at(timezone.now())
    for group, server in inside.values_list("group", "server__name"):
        members[group].add(server)
    placed = Address.objects.filter(zone__in={end.zone_id for end in ends})
    for zone, server in placed.order_by().values_list("zone", "server__name").distinct():
        standing[zone].add(server)
    behind = {
        end.name: {end.server.name} if end.server else members[end.group_id] if end.group_id else standing[end.zone_id]
        for end in ends
    }
    return {key: sorted(set().union(*(behind.get(name, ()) for name in names))) for key, names in named.items()}


def stood(change: ChangeRecord) -> list[dict[str, Any]]:
    """What is or was authorised of the connections that a change to the estate widens or retires."""
    ended = [version.said for version in change.versions_closed.all()]
    return ended or [version.said for version in concerned(change)]
