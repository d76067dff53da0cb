"""Which servers have evidence, and whose word it is: their own, a copy, a device's in front of them, or nobody's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from compliance.models import Address, Server
from evidence import readings
from evidence.models import Snapshot, Source
from evidence.perimeter import in_front_of, is_perimeter

# what is looked at of each of many sources, and of its last reading
LOOKED_AT: Final = (
    "name", "kind", "enabled", "fresh_hours", "last_seen_at", "server", "last_good__tier",
    "last_pull__error_code", "last_pull__what", "last_pull__finished_at",
)  # fmt: skip
KINDS: Final = dict(Source.Kind.choices)
LIVE, COPY, OLD, NONE = "live", "copy", "old", "none"
# what is held of a server itself → in words
HOST: Final[dict[str, str]] = {
    LIVE: "The server says",
    COPY: "A copy of what it said",
    OLD: "Too old, or it does not answer",
    NONE: "None",
}


@dataclass(frozen=True, slots=True)
class Covered:
    """The evidence of one server. `sources`: (id, name, kind) of its own; `front`: the devices before it."""

    server: Server
    host: str
    seen_at: datetime | None
    sources: tuple[tuple[int, str, str], ...]
    front: tuple[str, ...]
    because: str

    @property
    def nothing(self) -> bool:
        """Whether nothing is known of what reaches it today."""
        return self.host in (OLD, NONE) and not self.front


def covered(servers: Iterable[Server], at: datetime) -> list[Covered]:
    """The evidence of each of these servers, in their order."""
    rows = {row.pk: row for row in servers}
    by_server: dict[int, list[Source]] = {key: [] for key in rows}
    addresses: dict[int, list[str]] = {key: [] for key in rows}
    before = devices(at)
    if before:  # with nothing in front of anybody, nobody's address matters
        held = Address.objects.filter(server__among=rows, valid_to__isnull=True).order_by("pk")
        for key, ip in held.values_list("server", "ip"):
            addresses[key].append(ip)
    found = Source.objects.filter(server__among=rows).select_related("last_pull", "last_good").only(*LOOKED_AT)
    for source in found.order_by("pk"):
        source.server = rows[source.server_id]
        by_server[source.server_id].append(source)
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


def of(server: Server, sources: Sequence[Source], before: Iterable[str], at: datetime) -> Covered:
    """One server. `before`: the devices in front of its addresses; itself does not count."""
    front = tuple(name for name in before if name != server.name)
    fresh = [source for source in sources if source.last_good and readings.is_fresh(source, at)]
    held = OLD if any(source.last_good for source in sources) else NONE
    if fresh:
        live = any(source.last_good and source.last_good.tier == Snapshot.Tier.GOOD for source in fresh)
        held = LIVE if live else COPY
    seen = max((source.last_seen_at for source in sources if source.last_seen_at), default=None)
    named = tuple((source.pk, source.name, KINDS[source.kind]) for source in sources)
    return Covered(server, held, seen, named, front, why(sources) if not fresh else "")


def why(sources: Sequence[Source]) -> str:
    """Why there is no evidence of a server today, in a sentence."""
    if not sources:
        return "No source reads it."
    said = readings.silence(sources[0]).because
    return f"{said[:1].upper()}{said[1:]}."


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
