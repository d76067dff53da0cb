"""Which servers have evidence, and whose word it is: their own, a copy, a device's in front of them, or nobody's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from django.db.models import QuerySet

from compliance.models import Address, Server
from evidence import readings
from evidence.models import Snapshot, Source
from evidence.perimeter import in_front_of, is_perimeter

KINDS: Final = dict(Source.Kind.choices)
LIVE, COPY, OLD, NONE = "live", "copy", "old", "none"
# what is held of a server itself → in words
HOST: Final[dict[str, str]] = {
    LIVE: "The server says",
    COPY: "A copy of what it said",
    OLD: "Too old, or it does not answer",
    NONE: "None",
}


class Read(NamedTuple):
    """What is looked at of a source, by the columns of `covered`: thousands of them are no objects of a model."""

    pk: int
    name: str
    kind: str
    server: int
    fresh_hours: int
    seen_at: datetime | None
    silent: bool  # not fresh however lately it was read
    tier: str | None  # of the last good reading; None without any


class Whose(NamedTuple):
    """A server as it is named here, by the columns of `covered`."""

    pk: int
    name: str
    system: str


class Covered(NamedTuple):
    """The evidence of one server. `sources`: (id, name, kind) of its own; `front`: the devices before it."""

    server: Whose
    host: str
    seen_at: datetime | None
    sources: tuple[tuple[int, str, str], ...]
    front: tuple[str, ...]

    @property
    def nothing(self) -> bool:
        """Whether nothing is known of what reaches it today."""
        return self.host in (OLD, NONE) and not self.front


def covered(servers: QuerySet[Server], at: datetime) -> list[Covered]:
    """The evidence of each of these servers, in their order."""
    rows = {row[0]: Whose._make(row) for row in servers.values_list("pk", "name", "system__name")}
    by_server: dict[int, list[Read]] = {key: [] for key in rows}
    addresses: dict[int, list[str]] = {key: [] for key in rows}
    before = devices(at)
    if before:  # with nothing in front of anybody, nobody's address matters
        held = Address.objects.filter(server__among=rows, valid_to__isnull=True).order_by("pk")
        for key, ip in held.values_list("server", "ip"):
            addresses[key].append(ip)
    theirs = Source.objects.filter(server__among=rows)
    silent = readings.silent_among(theirs)
    columns = ("pk", "name", "kind", "server", "fresh_hours", "last_seen_at", "last_good__tier")
    for key, *others, tier in theirs.order_by("pk").values_list(*columns):
        source = Read._make((key, *others, key in silent, tier))
        by_server[source.server].append(source)
    return [of(row, by_server[row.pk], in_front_of(addresses[row.pk], before), at) for row in rows.values()]


def devices(at: datetime) -> dict[str, list[str]]:
    """The firewalls and routers whose rules are fresh → the networks they stand in front of."""
    rows = Source.objects.exclude(last_good__isnull=True).exclude(server__status=Server.Status.RETIRED)
    rows = rows.exclude(last_good__networks=[]).defer("last_good__points", "last_good__unread")
    found: dict[str, list[str]] = {}
    for source in rows.select_related("server", "last_good", "last_pull").order_by("server__name", "pk"):
        good = source.last_good
        if good and good.networks and is_perimeter(source.server.role) and readings.is_fresh(source, at):
            found.setdefault(source.server.name, []).extend(good.networks)
    return found


def of(server: Whose, sources: Sequence[Read], before: Iterable[str], at: datetime) -> Covered:
    """One server. `before`: the devices in front of its addresses; itself does not count."""
    front = tuple(name for name in before if name != server.name)
    good = [one for one in sources if one.tier is not None]
    fresh = [one for one in good if not one.silent and readings.within(one.seen_at, one.fresh_hours, at)]
    held = OLD if good else NONE
    if fresh:
        held = LIVE if any(one.tier == Snapshot.Tier.GOOD for one in fresh) else COPY
    seen = max((one.seen_at for one in sources if one.seen_at), default=None)
    named = tuple((one.pk, one.name, KINDS[one.kind]) for one in sources)
    return Covered(server, held, seen, named, front)


def reasons(rows: Iterable[Covered]) -> dict[int, str]:
    """Why there is no evidence of these servers today, in a sentence each; nothing of those that have some."""
    without = [row for row in rows if row.host in (OLD, NONE)]
    first = [row.sources[0][0] for row in without if row.sources]
    found = Source.objects.filter(pk__among=first).select_related("last_pull", "server")
    because = {row.server.pk: "No source reads it." for row in without}
    for source in found:
        said = readings.silence(source).because
        because[source.server_id] = f"{said[:1].upper()}{said[1:]}."
    return because


def counts(rows: Iterable[Covered]) -> dict[str, int]:
    """How many servers of each kind, and with a device in front of them, and with nothing at all."""
    held = list(rows)
    by_host = Counter(row.host for row in held)
    return {
        **{name: by_host[name] for name in HOST},
        "front": sum(bool(row.front) for row in held),
        "nothing": sum(row.nothing for row in held),
        "total": len(held),
    }
