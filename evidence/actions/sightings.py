"""Every address that was seen, kept from comparison to comparison: by what, since when, and until when.

What a host named stays named while the host brings nothing fresh, or has lines that nobody understood: an outage makes
nobody disappear. Neighbour tables forget within minutes, so whom a host met counts for a month.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from django.db.models import Q

from compliance.exceptions import is_decided
from compliance.models import RiskAcceptance, Server, Zone
from compliance.models.estate import day_of
from compliance.traffic.addresses import parse_host, to_text
from compliance.traffic.boxes import Family
from evidence import sightings
from evidence.case import Case
from evidence.judgement import Silence
from evidence.models import Inventory, Met, Sighting
from evidence.models.inventory import short_name
from evidence.rules import Neighbour, Reading, Verdict
from evidence.sightings import Kind

MET_COUNTS: Final = timedelta(days=30)
BATCH: Final = 500
Address = tuple[Family, int]
Key = tuple[str, int | None, str]  # kind, host (None: the address is registered), address


def also(readings: Mapping[str, Reading], at: datetime) -> list[sightings.Sighting]:
    """What the fresh evidence of hosts does not show by itself: inventories, whom hosts met, and what stands of before.

    `readings`: host → what it shows now.
    """
    found = [*_listed(), *_met(readings, at)]
    known = {(one.kind, one.seer, one.value) for one in found}
    for row in _standing(readings):
        if (row.kind, row.seer, row.value) not in known:
            found.append(row)
    return found


def _listed() -> list[sightings.Sighting]:
    rows = Sighting.objects.filter(kind=Kind.INVENTORY, ip__isnull=False)
    current = rows.filter(gone_at__isnull=True, inventory__last_good__isnull=False).select_related("inventory")
    return [
        sightings.Sighting(
            Kind.INVENTORY, row.inventory.name, *parse_host(str(row.ip)), f"{row.inventory.name}, {row.where}", row.name
        )
        for row in current
        if row.inventory is not None and row.reading_id == row.inventory.last_good_id
    ]


def _met(readings: Mapping[str, Reading], at: datetime) -> list[sightings.Sighting]:
    rows = Met.objects.exclude(server__status=Server.Status.RETIRED).select_related("server")
    return [
        sightings.Sighting(Kind.NEIGHBOURS, row.server.name, *parse_host(row.ip), row.where, row.mac)
        for row in rows
        if row.last_seen >= at - MET_COUNTS or row.server.name not in readings
    ]


def _standing(readings: Mapping[str, Reading]) -> list[sightings.Sighting]:
    """What hosts named that cannot be asked now, or of which some line was not understood."""
    rows = Sighting.objects.filter(inventory__isnull=True, server__isnull=False, gone_at__isnull=True)
    rows = rows.exclude(kind=Kind.NEIGHBOURS).exclude(server__status=Server.Status.RETIRED).select_related("server")
    return [
        sightings.Sighting(Kind(row.kind), row.server.name, *parse_host(str(row.ip)), row.where, row.name)
        for row in rows
        if row.server is not None and _in_doubt(readings.get(row.server.name))
    ]


def _in_doubt(reading: Reading | None) -> bool:
    return reading is None or any(lines.unread for lines in reading.lines.values())


def excused(at: datetime) -> frozenset[Address]:
    """The addresses that somebody decided need not be registered, as long as that holds."""
    rows = RiskAcceptance.objects.filter(kind=RiskAcceptance.Kind.SCOPE, decided_at__lte=at, ends_on__gte=day_of(at))
    rows = rows.filter(state__in=["accepted", "revoked"]).filter(Q(revoked_at__isnull=True) | Q(revoked_at__gt=at))
    return frozenset(parse_host(row.key) for row in rows if is_decided(row))


class Place(NamedTuple):
    """Where an address stands and whose it is: the place as findings call it, zone and system."""

    name: str
    zone: int | None
    system: int


class Places:
    """The places of a comparison's addresses in the rows of the database."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.zones = {f"zone {zone.name}": (zone.pk, zone.system_id) for zone in Zone.objects.all()}
        self.servers = {server.name: server for server in Server.objects.all()}

    def of(self, family: Family, value: int, otherwise: int) -> Place:
        """The place of an address; `otherwise`: the system where neither holder, zone nor network tells it."""
        name = self.case.scope.place(family, value)
        zone, system = self.zones.get(name, (None, self.networks.get(name, otherwise)))
        holder = self.servers.get(self.case.estate.holders.get(value, ""))
        return Place(name[:120], zone, holder.system_id if holder else system)

    @property
    def networks(self) -> dict[str, int]:
        """Network of servers outside every zone → the system of the first of them."""
        found = self.case.scope.networks.items()
        return {name: self.servers[server].system_id for name, server in found if server in self.servers}


def note(case: Case, at: datetime) -> None:
    """Keeps what a comparison saw: new rows, the words of those that stand, and the end of those that do not."""
    places = Places(case)
    now = _now(case, places)
    rows = Sighting.objects.filter(inventory__isnull=True, gone_at__isnull=True)
    known: dict[Key, Sighting] = {(row.kind, row.server_id, str(row.ip)): row for row in rows}
    fresh = [row for key, row in now.items() if key not in known]
    for row in fresh:
        row.first_seen = at
    unsure = any(map(known_before, case.absent.values())) or any(
        _in_doubt(host.reading) for host in case.hosts.values()
    )
    over = [row.pk for key, row in known.items() if key not in now and not (unsure and key[1] is None)]
    moved = [_moved(known[key], row) for key, row in now.items() if key in known and _differs(known[key], row)]
    _write(fresh, over, moved, at)
    _place_again(places)


def known_before(why: Verdict | Silence) -> bool:
    """Whether a host that says nothing today was read before."""
    return why.known if isinstance(why, Silence) else True


def _now(case: Case, places: Places) -> dict[Key, Sighting]:
    """What hosts show now: an address that is registered once for each kind, any other once for each host."""
    found: dict[Key, Sighting] = {}
    for one in case.sightings:
        seer = places.servers.get(one.seer)
        held = one.value in case.estate.holders
        if one.kind is Kind.INVENTORY or seer is None or not (held or case.scope.place(one.family, one.value)):
            continue
        key = (str(one.kind), None if held else seer.pk, one.address)
        place = places.of(one.family, one.value, seer.system_id)
        if key not in found:
            found[key] = Sighting(
                kind=one.kind, server=None if held else seer, system_id=place.system, zone_id=place.zone,
                place=place.name, ip=one.address, name=one.name[:200], short=short_name(one.name)[:200],
                where=one.where[:400],
            )  # fmt: skip
    return found


SAID: Final = ("where", "name", "short", "place", "zone_id", "system_id")


def _differs(old: Sighting, new: Sighting) -> bool:
    return any(getattr(old, key) != getattr(new, key) for key in SAID)


def _moved(old: Sighting, new: Sighting) -> Sighting:
    for key in SAID:
        setattr(old, key, getattr(new, key))
    return old


def _write(fresh: list[Sighting], over: list[int], moved: list[Sighting], at: datetime) -> None:
    """In short batches: each is true by itself, and the next comparison goes on where one stopped."""
    for start in range(0, len(over), BATCH):
        Sighting.objects.filter(pk__in=over[start : start + BATCH]).update(gone_at=at)
    for start in range(0, len(fresh), BATCH):
        Sighting.objects.bulk_create(fresh[start : start + BATCH], ignore_conflicts=True)
    for start in range(0, len(moved), BATCH):
        Sighting.objects.bulk_update(moved[start : start + BATCH], [key.removesuffix("_id") for key in SAID])


def _place_again(places: Places) -> None:
    """What inventories named stands where the zones are now."""
    moved = []
    for row in Sighting.objects.filter(inventory__isnull=False, ip__isnull=False).select_related("inventory"):
        place = places.of(*parse_host(str(row.ip)), row.inventory.system_id if row.inventory else row.system_id)
        if (row.place, row.zone_id, row.system_id) != (place.name, place.zone, place.system):
            row.place, row.zone_id, row.system_id = place.name, place.zone, place.system
            moved.append(row)
    for start in range(0, len(moved), BATCH):
        Sighting.objects.bulk_update(moved[start : start + BATCH], ["place", "zone", "system"])


def note_met(server: Server, met: Iterable[Neighbour], at: datetime) -> None:
    """Whom a host met in this reading, beside whom it met before. In the caller's transaction."""
    seen: dict[str, Met] = {}
    for one in met:
        text = to_text(one.family, one.address)
        how = "entered by hand" if one.by_hand else "met"
        where = f"{how} on {one.interface} of {server.name}"[:300]
        seen[text] = Met(server=server, ip=text, where=where, mac=one.mac[:60], first_seen=at, last_seen=at)
    renewed = ["where", "mac", "last_seen"]
    Met.objects.bulk_create(seen.values(), update_conflicts=True, unique_fields=["server", "ip"], update_fields=renewed)


def troubles(at: datetime) -> list[tuple[Inventory, Verdict, str]]:
    """Inventories that do not show today's list, each with its sentence: what they do not name proves nothing."""
    found = []
    for one in Inventory.objects.select_related("last_reading", "last_good"):
        verdict, because = trouble(one, at)
        if verdict is not None:
            found.append((one, verdict, because))
    return found


def trouble(one: Inventory, at: datetime) -> tuple[Verdict | None, str]:
    """What is wrong with an inventory; (None, "") when nothing is."""
    last, good = one.last_reading, one.last_good
    stands = "The one before it stands." if good else "Nothing of it was ever read."
    if last is not None and last.state == last.State.FAILED:
        return Verdict.not_verifiable, f"The last reading of {one.name} was refused: {last.what} {stands}"
    if good is None or one.last_seen_at is None:
        waited = at - one.created_at > timedelta(hours=one.fresh_hours)
        return (Verdict.stale, f"{one.name} was never read.") if waited else (None, "")
    if at - one.last_seen_at > timedelta(hours=one.fresh_hours):
        days = one.fresh_hours // 24
        limit = f"{days} days" if days > 2 else f"{one.fresh_hours} hours"
        return Verdict.stale, f"What {one.name} says is older than {limit}."
    if good.lines_unread:
        lines = "1 line" if good.lines_unread == 1 else f"{good.lines_unread} lines"
        return Verdict.not_verifiable, f"{lines} of {one.name} could not be read: whom they name is not known."
    return None, ""
