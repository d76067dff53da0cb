"""The register against everything that was seen: registered, seen but not registered, registered and never seen.

What could not be read is said beside the numbers: nobody is registered, missing or gone because a source fell silent.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property, lru_cache
from typing import Final, NamedTuple

from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils import timezone

from compliance.models import Address, RiskAcceptance, Server, System, User
from compliance.models.estate import day_of
from compliance.models.holders import believed
from compliance.traffic.addresses import parse_host, to_text
from evidence import readings
from evidence.actions.outside import aside_on
from evidence.actions.sightings import MET_COUNTS, excused, trouble
from evidence.models import Inventory, Met, PulledArtefact, Sighting, Snapshot, Source
from evidence.models.inventory import short_name
from evidence.rules import Verdict
from evidence.sightings import Kind

# What hosts show: its label, and what a reading of a host must hold to show it (a point, or a format of a file)
HOST_KINDS: Final[dict[str, tuple[str, str]]] = {
    Kind.RULES: ("Rules", "INPUT"),
    Kind.SHARES: ("File shares", "shares/"),
    Kind.LISTENERS: ("Listening sockets", "listeners"),
    Kind.INTERFACES: ("Interfaces (ip addr)", "ip-addr"),
    Kind.NEIGHBOURS: ("Neighbour tables (ip neigh)", "ip-neigh"),
}
LISTED: Final = 6  # names that a sentence repeats
READINGS_KEPT: Final = 20_000  # whose parts, and keys whose order, a process remembers
_parts: dict[tuple[int, str], frozenset[str]] = {}  # (key, digest) of a reading → what `parts_of` says


@dataclass(frozen=True, slots=True)
class Seer:
    """One source of sightings: a kind of host evidence, or an inventory."""

    key: str  # as it stands in addresses of pages: "rules", "inventory-3"
    label: str
    state: str  # of compliance.words.SOURCES
    said: str  # what of it could not be read, in a sentence; "" when all was
    read_at: datetime | None
    url: str = ""


class Read(NamedTuple):
    """What is looked at of a source, by the columns of `_host_seers`: thousands of them are no objects of a model."""

    pk: int
    server: str
    seen_at: datetime | None
    fresh_hours: int
    good: int | None
    digest: str | None  # of the good one


class Glimpse(NamedTuple):
    """What is looked at of each of thousands of sightings: what it is of, who shows it, and where it stands."""

    pk: int
    kind: str
    inventory: int | None
    ip: str | None
    short: str
    place: str
    system: int


class Seen(NamedTuple):
    """One sighting as a row of a page shows it, by the columns of `seen_in`."""

    pk: int
    kind: str
    inventory: int | None
    inventory_name: str | None
    name: str
    where: str
    host_system: int | None  # of the host whose evidence it is
    first_seen: datetime


@dataclass(slots=True)
class Held:
    """A registered server: its addresses, since when, and which sources show it now or showed it once."""

    name: str
    system: System
    addresses: list[str] = field(default_factory=list)
    since: datetime | None = None
    seen: dict[str, datetime] = field(default_factory=dict)  # key of the seer → first seen
    gone: dict[str, datetime] = field(default_factory=dict)  # key of the seer → not shown any more since


@dataclass(slots=True)
class Stranger:
    """Something that was seen and that nobody registered: an address, or a name without one."""

    key: str
    rows: list[Glimpse]  # the first seen first
    decided: str = ""  # why it need not be registered, where somebody decided so
    place: str = field(init=False)  # the network in scope it stands in; "" outside all of them
    seers: frozenset[str] = field(init=False)  # keys of the sources that show it

    def __post_init__(self) -> None:
        """Each list and each count of it asks for these again. Most are seen once, by the same few sources."""
        if len(self.rows) == 1:
            (row,) = self.rows
            self.place, self.seers = row.place, alone(row.kind, row.inventory)
        else:
            self.place = max(row.place for row in self.rows)
            self.seers = frozenset(key_of(row.kind, row.inventory) for row in self.rows)

    def by(self, seer: str) -> bool:
        """Whether that source shows it."""
        return seer in self.seers


class Lists:
    """The lists of one person at one moment."""

    def __init__(self, person: User, at: datetime | None = None) -> None:
        self.person, self.at = person, at or timezone.now()
        self.mine = Server.objects.for_user(person).filter(status=Server.Status.IN_SERVICE)
        held, shown = Address.objects.in_force(self.at), Sighting.objects.for_user(person).current()
        # the seals of those these lists ask about: what a server of this person holds, and what was seen
        self.held, bad = believed(held.filter(Q(server__in=self.mine) | Q(ip__in=shown.values("ip"))))
        self.addresses = held.exclude(pk__in=list(bad))
        self.seers = [*self._host_seers(), *self._inventories()]

    def seer(self, key: str) -> Seer | None:
        """The source of that key, among those this person may see."""
        return next((one for one in self.seers if one.key == key), None)

    def _host_seers(self) -> Iterator[Seer]:
        sources = Source.objects.for_user(self.person).exclude(server__status=Server.Status.RETIRED)
        columns = ("pk", "server__name", "last_seen_at", "fresh_hours", "last_good", "last_good__digest")
        found, silent = sources.order_by().values_list(*columns), readings.silent_among(sources)
        rows = [Read._make(row) for row in found]
        held = parts_of([(row.good, row.digest) for row in rows if row.good and row.digest])
        alike: dict[frozenset[str], list[Read]] = defaultdict(list)  # most hosts show the same kinds
        for row in rows:
            alike[held.get(row.good or 0, frozenset())].append(row)
        names = {name for _, name, _ in self.registry}
        met = Met.objects.filter(server__in=self.mine, last_seen__gte=self.at - MET_COUNTS)
        meeting = set(met.values_list("server__name", flat=True))
        groups = {parts: self._fresh(some, silent) for parts, some in alike.items()}
        for kind, (label, part) in HOST_KINDS.items():
            shown = [one for parts, one in groups.items() if part in parts]
            if kind == Kind.NEIGHBOURS:
                shown.append(self._fresh([row for row in rows if row.server in meeting], silent))
            fresh = set().union(*(servers for servers, _ in shown))
            read_at = min((at for _, at in shown if at), default=None)
            yield Seer(str(kind), label, *host_state(names, fresh), read_at)

    def _fresh(self, rows: list[Read], silent: set[int]) -> tuple[set[str], datetime | None]:
        """(servers of the fresh ones among these, when the oldest of all was read)."""
        fresh = {
            row.server for row in rows
            if row.pk not in silent and readings.within(row.seen_at, row.fresh_hours, self.at)
        }  # fmt: skip
        return fresh, min((row.seen_at for row in rows if row.seen_at), default=None)

    def _inventories(self) -> Iterator[Seer]:
        mine = Inventory.objects.for_user(self.person)
        named = Sighting.objects.for_user(self.person).filter(inventory__isnull=False).values("inventory")
        rows = Inventory.objects.filter(Q(pk__in=mine.values("pk")) | Q(pk__in=named))
        visible = set(mine.values_list("pk", flat=True))
        for row in rows.select_related("last_reading", "last_good").order_by("name"):
            state, said = inventory_state(row, self.at)
            url = f"/inventory/{row.pk}/" if row.pk in visible else ""
            yield Seer(key_of(Kind.INVENTORY, row.pk), row.name, state, said, row.last_seen_at, url)

    @cached_property
    def strangers(self) -> list[Stranger]:
        """What was seen and nobody registered, those in scope first; without what was decided to be none of ours."""
        return [one for one in self._unregistered if not one.decided]

    @cached_property
    def outside(self) -> list[Stranger]:
        """What was decided to be none of ours, as long as that holds."""
        return [one for one in self._unregistered if one.decided]

    @cached_property
    def _unregistered(self) -> list[Stranger]:
        here = Server.objects.filter(status=Server.Status.IN_SERVICE)
        shorts = {short_name(name) for name in here.values_list("name", flat=True)}
        shown = Sighting.objects.for_user(self.person).current()
        shown = shown.annotate(held=Exists(self.addresses.filter(ip=OuterRef("ip")))).filter(held=False)
        found: dict[str, list[Glimpse]] = defaultdict(list)
        for row in map(Glimpse._make, shown.order_by("first_seen", "pk").values_list(*Glimpse._fields)):
            if row.ip or row.short not in shorts:
                found[row.ip or row.short].append(row)
        decided = self._decided()
        made = [Stranger(key, rows, decided.get((key, bool(rows[0].place)), "")) for key, rows in found.items()]
        return sorted(made, key=lambda one: (not one.place, one.place, sorting(one.key)))

    def _decided(self) -> dict[tuple[str, bool], str]:
        """(key, in scope) → who decided that it need not be registered, until when and why."""
        rows = RiskAcceptance.objects.filter(kind=RiskAcceptance.Kind.SCOPE, state=RiskAcceptance.State.ACCEPTED)
        rows = rows.select_related("decided_by")
        held = {to_text(*one) for one in excused(self.at)}
        found = {
            (row.key, True): f"{row.ref}, {row.decided_by}, until {said(row.ends_on)}: {row.reason}"
            for row in rows
            if row.key in held
        }
        for key, row in aside_on(day_of(self.at)).items():
            found[key, False] = f"{row.by}, until {said(row.until)}: {row.because}"
        return found

    def seen(self, strangers: Iterable[Stranger]) -> dict[str, list[Seen]]:
        """Where each of these was seen, the first first, by their keys; nowhere any more, if an inventory was read anew
        in between."""
        keys = {row.pk: one.key for one in strangers for row in one.rows}
        found: dict[str, list[Seen]] = {key: [] for key in keys.values()}
        for row in seen_in(Sighting.objects.filter(pk__among=keys)):
            found[keys[row.pk]].append(row)
        return found

    @cached_property
    def registry(self) -> list[tuple[int, str, int]]:
        """(key, name, system) of every registered server of this person."""
        return list(self.mine.order_by("name").values_list("pk", "name", "system"))

    @cached_property
    def servers(self) -> list[Held]:
        """Every registered server of this person with what shows it."""
        found = {key: Held(name, self.systems[system]) for key, name, system in self.registry}
        owner: dict[str, Held] = {}
        for address in self.held:
            held = found.get(address.server_id)
            if held is None:
                continue
            held.addresses.append(address.ip)
            held.since = min(held.since or address.valid_from, address.valid_from)
            owner[address.ip] = held
        shorts = {short_name(held.name): held for held in found.values()}
        visible = {one.key for one in self.seers}
        theirs = self.addresses.filter(server__in=self.mine).values("ip")
        rows = Sighting.objects.filter(Q(ip__in=theirs) | Q(short__among=shorts, kind=Kind.INVENTORY))
        rows = rows.filter(Q(inventory=None) | Q(reading=F("inventory__last_good")))
        for kind, number, ip, short, first, gone in rows.values_list(
            "kind", "inventory", "ip", "short", "first_seen", "gone_at"
        ):
            held_by = owner.get(str(ip)) or (shorts.get(short) if kind == Kind.INVENTORY else None)
            key = key_of(kind, number)
            if held_by is not None and key in visible:
                told(held_by, key, first, gone)
        return list(found.values())

    @cached_property
    def systems(self) -> dict[int, System]:
        """The systems by their keys, with their owners."""
        rows = System.objects.select_related("owner").only("name", "owner__name", "owner__email")
        return {row.pk: row for row in rows}

    @cached_property
    def seen_by(self) -> Counter[str]:
        """How many strangers each source shows."""
        return Counter(seer for one in self.strangers for seer in one.seers)

    def never(self, seer: str = "") -> list[Held]:
        """Registered servers that a source does not show; without one, those that no source shows."""
        return [one for one in self.servers if not (seer in one.seen if seer else one.seen)]

    def registered(self, seer: str = "") -> list[Held]:
        """Registered servers that a source (or any) shows."""
        return [one for one in self.servers if (seer in one.seen if seer else one.seen)]


def told(held: Held, key: str, first_seen: datetime, gone_at: datetime | None) -> None:
    """Notes one sighting of a server with its source."""
    if gone_at is None:
        held.seen[key] = min(held.seen.get(key, first_seen), first_seen)
        held.gone.pop(key, None)
    elif key not in held.seen:
        held.gone[key] = max(held.gone.get(key, gone_at), gone_at)


def key_of(kind: str, inventory: int | None) -> str:
    """The key of a source of sightings."""
    return f"inventory-{inventory}" if inventory else str(kind)


@lru_cache
def alone(kind: str, inventory: int | None) -> frozenset[str]:
    """The keys of the sources of what one source shows."""
    return frozenset({key_of(kind, inventory)})


@lru_cache(maxsize=READINGS_KEPT)
def sorting(key: str) -> tuple[int, int, str]:
    """Addresses in their order, names after them."""
    try:
        return (*parse_host(key), "")
    except ValueError:
        return (9, 0, key)


def said(day: date) -> str:
    """A day in a sentence."""
    return f"{day.day} {day:%B %Y}"


def parts_of(good: Collection[tuple[int, str]]) -> dict[int, frozenset[str]]:
    """Which kinds of host evidence (parts of HOST_KINDS) each of these readings (key, digest) holds: as a point, or as
    a file of such a format. A reading never changes, so each process looks at it once."""
    fresh = [one for one in good if one not in _parts]
    if fresh:
        parts = [part for _, part in HOST_KINDS.values()]
        rows = Snapshot.objects.filter(pk__among=[key for key, _ in fresh])
        files = PulledArtefact.objects.filter(format__in=parts, pull__in=rows.order_by().values("pull"))
        formats = set(files.values_list("pull__snapshot", "format").distinct())
        if len(_parts) + len(fresh) > READINGS_KEPT:
            _parts.clear()
        for key, digest, points in rows.order_by().values_list("pk", "digest", "points"):
            names = {str(point.get("name", "")) for point in points}
            _parts[key, digest] = frozenset(
                part for part in parts
                if part in names
                or (key, part) in formats
                or (part.endswith("/") and any(name.startswith(part) for name in names))
            )  # fmt: skip
    return {one[0]: _parts.get(one, frozenset()) for one in good}


def seen_in(rows: QuerySet[Sighting]) -> list[Seen]:
    """These sightings, as the lists look at them."""
    found = rows.order_by("first_seen", "pk").values_list(
        "pk", "kind", "inventory", "inventory__name", "name", "where", "server__system", "first_seen"
    )
    return [Seen._make(row) for row in found]


def inventory_state(row: Inventory, at: datetime) -> tuple[str, str]:
    """(state, what is wrong) of an inventory."""
    wrong, because = trouble(row, at)
    if row.last_good is None:
        return "never", because or f"{row.name} was never read."
    return ("stale" if wrong == Verdict.stale else "partial" if wrong else "fresh"), because


def host_state(names: set[str], fresh: set[str]) -> tuple[str, str]:
    """(state, what is missing) of a kind of host evidence."""
    missing = sorted(names - fresh)
    if not names:
        return "never", "No server is registered."
    if not fresh:
        return "never", f"None of {len(names)} servers shows any."
    if not missing:
        return "fresh", ""
    more = f" and {len(missing) - LISTED} more" if len(missing) > LISTED else ""
    return "partial", f"{len(missing)} of {len(names)} servers show none: {', '.join(missing[:LISTED])}{more}."
