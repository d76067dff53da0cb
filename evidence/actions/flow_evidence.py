"""What all flow logs say at a comparison: as the judge takes it, and as the pages and packs show it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from compliance.models import Address, Connection, ConnectionVersion
from compliance.register import Wanted
from compliance.traffic import intervals
from compliance.traffic.addresses import parse, parse_host
from compliance.traffic.boxes import FAMILIES, Family
from compliance.traffic.index import Index
from compliance.traffic.intervals import Interval
from compliance.traffic.services import Span
from evidence.actions.flow_days import Days, number_of, put_together, read_days
from evidence.actions.flow_files import incoming
from evidence.flow_states import LOST
from evidence.flowlogs.days import alone, awake
from evidence.flowlogs.engine import Engine
from evidence.flowlogs.gathered import Pair, Talk, Used, gather, pairs_of, reached_of, talkers_of, used_of
from evidence.flowlogs.seen import Coverage, FlowEvidence, Holding, Tally
from evidence.flowlogs.shapes import Gap
from evidence.models import FlowFile, FlowGap, FlowLog
from evidence.usage_verdicts import box_of_tally

RECENT: Final = 31  # days whose flows are said to be outside what is authorised, or tried
BEFORE: Final = 93  # days before them: a pair of these is not new
TALKERS: Final = 50
HOUR_S: Final = 3600
DAY_H: Final = 24
SAYING: Final = (FlowFile.State.READ, FlowFile.State.ASIDE)  # their gaps count


@dataclass(frozen=True)
class Gathered:
    """`flows`: for the judge. `logs`: the logs that say something; `hours`: log -> day -> its hours; `places`: log ->
    place -> day -> its hours; `used`: of each connection, all sources together; `reached`: what got through to the
    services that were asked for; `earlier`: pairs of before, None where no day of before was read."""

    flows: FlowEvidence
    logs: dict[int, FlowLog]
    places: dict[int, dict[str, dict[int, int]]]
    used: dict[str, Used]
    talkers: tuple[Talk, ...]
    reached: tuple[Talk, ...]
    earlier: frozenset[Pair] | None
    earlier_days: int
    results: frozenset[Path]
    first_day: int
    last_day: int


def gathered(
    wanted: Wanted, at: datetime, step: Callable[[str], None], services: Iterable[Span] = ()
) -> Gathered | None:
    """What the flow logs say at a moment; None where no file of any was ever read. `services`: those of which it is
    asked who came in by them."""
    today = at.astimezone(UTC).date()
    files = read_days(today)
    if not files:
        return None
    step(f"Reading {len(files)} days of flow logs")
    with tempfile.TemporaryDirectory(dir=incoming()) as scratch, Engine(Path(scratch)) as engine:
        days = put_together(engine, files, wanted, step)
        logs = {row.pk: row for row in FlowLog.objects.select_related("system", "last_pull")}
        live = {log: awake(engine, found) for log, found in days.places.items()}
        beside = {log: alone(engine, found.values()) for log, found in days.places.items()}
        first, last = min(files), number_of(at)
        coverage = covered(logs, live, beside, first * DAY_H, int(at.timestamp()) // HOUR_S)
        recent = [stored for day, stored in days.stored.items() if day > last - RECENT]
        servers = {value for held in wanted.servers.values() for value in held}
        scope = {
            family: intervals.merge((one.low, one.high) for one in wanted.prefixes if one.family == family)
            for family in FAMILIES
        }
        flows = gather(
            engine, recent, coverage, servers=servers, scope=scope, space=wanted.space, uses=days.stored.values()
        )
        before = [stored for day, stored in days.stored.items() if last - RECENT - BEFORE < day <= last - RECENT]
        return Gathered(
            flows=completed(flows, wanted, first, last),
            logs=logs,
            places=live,
            used=used_of(engine, days.stored.values()),
            talkers=talkers_of(engine, _recent(days, last), servers, scope, TALKERS),
            reached=reached_of(engine, _recent(days, last), services),
            earlier=pairs_of(engine, before) if before else None,
            earlier_days=len(before),
            results=frozenset(days.used),
            first_day=first,
            last_day=last,
        )


def _recent(days: Days, last: int) -> list[Path]:
    return [path for day, path in days.spoken.items() if day > last - RECENT]


def place_name(log: FlowLog, sensor: str) -> str:
    """A place that logs, as sentences call it: two logs may call theirs the same."""
    return f"{log.name}: {sensor}" if sensor else log.name


def covered(
    logs: dict[int, FlowLog],
    live: dict[int, dict[str, dict[int, int]]],
    beside: dict[int, dict[str, dict[Family, list[Interval]]]],
    first_hour: int,
    last_hour: int,
) -> Coverage:
    """Which hours which addresses were watched, by all logs. What a person stated of a log counts while any of its
    places is awake."""
    bits: dict[str, int] = {}
    watches: dict[str, dict[Family, list[Interval]]] = {}
    names: dict[int, list[str]] = {}
    for key, sensors in live.items():
        log, whole = logs[key], 0
        for sensor, days in sensors.items():
            held = sum(hours << (day * DAY_H - first_hour) for day, hours in days.items())
            name = place_name(log, sensor)
            bits[name], whole = bits.get(name, 0) | held, whole | held
            if sensor in beside.get(key, {}):
                watches[name] = beside[key][sensor]
            names.setdefault(key, []).append(name)
        if log.watches:
            bits[log.name] = whole
            names[key] = list(dict.fromkeys([*names.get(key, ()), log.name]))
            for text in log.watches:
                found = parse(text)
                stated = watches.setdefault(log.name, {}).setdefault(found.family, [])
                stated.append((found.low, found.high))
    every = (1 << (last_hour - first_hour + 1)) - 1
    bits = {name: held & every for name, held in bits.items()}
    return Coverage(first_hour, last_hour, bits, watches, list(gaps_of(logs, names, first_hour)))


def gaps_of(logs: dict[int, FlowLog], names: dict[int, list[str]], first_hour: int) -> Iterable[Gap]:
    """What files show to be missing, by the places as they are called here, and what files could not show at all."""
    rows = FlowGap.objects.filter(file__state__in=SAYING, last_hour__gte=first_hour)
    wanted = ("file__log_id", "kind", "sensor", "first_hour", "last_hour", "records", "because")
    for key, kind, sensor, first, last, records, because in rows.exclude(kind="nodata").values_list(*wanted):
        several = names.get(key, ()) if not sensor else {place_name(logs[key], sensor), logs[key].name}
        for name in several:
            yield Gap(kind, name, first, last, records, because)
    lost = FlowFile.objects.filter(state__in=LOST)
    for key, name, received in lost.values_list("log_id", "name", "received_at"):
        last = int(received.timestamp()) // HOUR_S
        reach = logs[key].blind_hours
        why = f"{name} was not understood: which hours it holds is not known"
        for place in names.get(key, ()):
            if last >= first_hour:
                yield Gap("unread", place, max(last - reach, first_hour), last, 0, why)


def completed(flows: FlowEvidence, wanted: Wanted, first: int, last: int) -> FlowEvidence:
    """With whose each address was when that changed, since when connections are in force, and what must be shown.

    What became authorised since is not said to be outside any more.
    """
    return replace(
        flows,
        outside=tuple(still_outside(flows.outside, wanted)),
        holdings=tuple(holdings(first)),
        since=in_force_since(first),
        duties=standard_services(),
    )


def still_outside(tallies: Iterable[Tally], wanted: Wanted) -> Iterable[Tally]:
    """Those that nobody authorised today either."""
    known = {family: Index([box for one in wanted.entries if one.family == family for box in one.boxes])
             for family in FAMILIES}  # fmt: skip
    for one in tallies:
        if known[one.family].holder(box_of_tally(one)) is None:
            yield one


def holdings(first: int) -> Iterable[Holding]:
    """Whose an address was, of those that changed hands or came within the span."""
    begin = datetime.fromtimestamp(first * DAY_H * HOUR_S, UTC)
    moved = set(Address.objects.filter(valid_to__gte=begin).values_list("ip", flat=True))
    rows = Address.objects.filter(ip__in=moved).select_related("server").order_by("valid_from", "pk")
    for row in rows:
        until = int(row.valid_to.timestamp()) - 1 if row.valid_to else 2**32
        yield Holding(*parse_host(str(row.ip)), row.server.name, int(row.valid_from.timestamp()), until)


def in_force_since(first: int) -> dict[str, int]:
    """Connection -> the hour from which it stood, where that lies in the span."""
    begins: dict[int, int] = {}
    for key, day in ConnectionVersion.objects.values_list("connection_id", "valid_from"):
        begins[key] = min(begins.get(key, number_of(day)), number_of(day))
    return {f"CON-{key}": day * DAY_H for key, day in begins.items() if day > first}


def standard_services() -> dict[str, str]:
    """Connection -> what every server in its source must turn to: a standard service, by the role of who gives it."""
    rows = Connection.objects.filter(standard_service=True, kind=Connection.Kind.NETWORK).select_related("destination")
    return {row.ref: row.destination.name for row in rows}
