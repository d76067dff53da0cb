"""The stored days of a span, put together into what the verdicts are drawn from."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from compliance.traffic import intervals
from compliance.traffic.boxes import Family
from compliance.traffic.intervals import Interval
from compliance.traffic.services import Span
from evidence.flowlogs.engine import Engine, quoted
from evidence.flowlogs.matching import Stored
from evidence.flowlogs.seen import Coverage, FlowEvidence, Tally, Use
from evidence.flowlogs.shapes import Rolled

USES: Final = """
SELECT entry, family, src_hi, src_lo, whole, min(first), max(last), sum(flows)::UBIGINT, sum(packets)::UBIGINT,
  sum(bytes)::UBIGINT
FROM read_parquet([{paths}]) GROUP BY ALL ORDER BY ALL
"""
OUTSIDE: Final = """
SELECT family, src_hi, src_lo, dst_hi, dst_lo, proto, port, other, max(sure), bool_or(passed), sum(flows)::UBIGINT,
  sum(packets)::UBIGINT, sum(bytes)::UBIGINT, min(first), max(last), min(sensor), count(DISTINCT filename)
FROM read_parquet([{paths}], filename = true) GROUP BY family, src_hi, src_lo, dst_hi, dst_lo, proto, port, other
ORDER BY ALL
"""
USED: Final = """
SELECT entry, min(first), max(last), sum(flows)::UBIGINT, sum(packets)::UBIGINT, sum(bytes)::UBIGINT,
  count(DISTINCT filename)
FROM read_parquet([{paths}], filename = true) WHERE whole GROUP BY entry ORDER BY entry
"""
TALKERS: Final = """
SELECT family, src_hi, src_lo, dst_hi, dst_lo, proto, port, max(sure), sum(flows)::UBIGINT, sum(packets)::UBIGINT,
  sum(bytes)::UBIGINT, min(first), max(last), count(DISTINCT filename)
FROM read_parquet([{paths}], filename = true) WHERE passed
GROUP BY family, src_hi, src_lo, dst_hi, dst_lo, proto, port ORDER BY 11 DESC, 1, 2, 3, 4, 5, 6, 7 LIMIT 5000
"""
REACHED: Final = """
SELECT family, src_hi, src_lo, dst_hi, dst_lo, proto, port, max(sure), sum(flows)::UBIGINT, sum(packets)::UBIGINT,
  sum(bytes)::UBIGINT, min(first_passed), max(last_passed), count(DISTINCT filename)
FROM read_parquet([{{paths}}], filename = true) WHERE passed AND ({services})
GROUP BY family, src_hi, src_lo, dst_hi, dst_lo, proto, port ORDER BY ALL
"""
PAIRS: Final = "SELECT DISTINCT family, src_hi, src_lo, dst_hi, dst_lo, proto, port FROM read_parquet([{paths}])"
LIVE: Final = "SELECT DISTINCT sensor, hour FROM read_parquet([{paths}])"
ENDS: Final = "SELECT DISTINCT family, hi, lo FROM read_parquet([{paths}]) ORDER BY ALL"
# A network interface watches the address that is an end of all its flows, when it is the only one. Of other places (a
# firewall, an exporter) that is no proof: what they do not see, they do not log. Those are declared.
BESIDE: Final = """
WITH ends AS (
  SELECT sensor, family, hi, lo, count(*) AS n FROM (
    SELECT sensor, family, src_hi AS hi, src_lo AS lo FROM read_parquet([{paths}])
    UNION ALL SELECT sensor, family, dst_hi, dst_lo FROM read_parquet([{paths}])) GROUP BY ALL),
totals AS (SELECT sensor, family, sum(n) // 2 AS n FROM ends GROUP BY ALL)
SELECT e.sensor, e.family, e.hi, e.lo FROM ends e JOIN totals t USING (sensor, family)
WHERE e.n = t.n AND (e.sensor LIKE 'eni-%' OR regexp_full_match(e.sensor, '[0-9A-Fa-f]{{12}}'))
QUALIFY count(*) OVER (PARTITION BY e.sensor, e.family) = 1
ORDER BY ALL
"""
Watches = Mapping[str, Mapping[Family, Sequence[Interval]]]


def gather(
    engine: Engine,
    stored: Iterable[Stored],
    coverage: Coverage,
    *,
    servers: Collection[int],
    scope: Mapping[Family, Sequence[Interval]],
    space: str = "default",
    uses: Iterable[Stored] | None = None,
) -> FlowEvidence:
    """What the stored days say. `servers`: the registered addresses; `scope`: the ranges whose every address should be
    one. What neither end of which is a server or in scope is counted, and nothing is said of it. `uses`: the days
    whose uses count, where these are more."""
    days = list(stored)
    using = days if uses is None else list(uses)
    found: dict[str, list[Use]] = {}
    for entry, family, high, low, *rest in _rows(engine, USES, (one.uses for one in using)):
        found.setdefault(entry, []).append(Use(family, _value(high, low), *rest))
    outside: list[Tally] = []
    elsewhere = 0
    for family, *ends in _rows(engine, OUTSIDE, (one.outside for one in days)):
        src, dst = _value(ends[0], ends[1]), _value(ends[2], ends[3])
        tally = Tally(family, src, dst, *ends[4:])
        if any(value in servers or intervals.holds(scope.get(family, ()), value) for value in (src, dst)):
            outside.append(tally)
        else:
            elsewhere += tally.flows
    every = ((family, _value(high, low)) for family, high, low in _rows(engine, ENDS, (one.ends for one in days)))
    seen = tuple(one for one in every if intervals.holds(scope.get(one[0], ()), one[1]))
    kept = {name: tuple(several) for name, several in found.items()}
    return FlowEvidence(coverage, kept, tuple(outside), elsewhere, seen, space=space)


def _rows(engine: Engine, sql: str, paths: Iterable[Path]) -> list[tuple[Any, ...]]:
    listed = _listed(paths)
    return engine.rows(sql.format(paths=listed)) if listed else []


class Used(NamedTuple):
    """All proven uses of one connection together. `days`: on how many days."""

    first: int
    last: int
    flows: int
    packets: int
    bytes: int
    days: int


class Talk(NamedTuple):
    """What two ends exchanged on one service over several days, of what got through."""

    family: Family
    src: int
    dst: int
    proto: int
    port: int | None
    sure: int
    flows: int
    packets: int
    bytes: int
    first: int
    last: int
    days: int


Pair = tuple[int, int, int, int, int | None]  # family, source, destination, protocol, port


def used_of(engine: Engine, stored: Iterable[Stored]) -> dict[str, Used]:
    """Connection -> its proven uses."""
    return {entry: Used(*rest) for entry, *rest in _rows(engine, USED, (one.uses for one in stored))}


def talkers_of(
    engine: Engine, spoken: Iterable[Path], servers: Collection[int], scope: Mapping[Family, Sequence[Interval]],
    most: int,
) -> tuple[Talk, ...]:  # fmt: skip
    """Those who exchanged most, of what goes to or from a server or a range in scope."""
    found: list[Talk] = []
    for family, *ends in _rows(engine, TALKERS, spoken):
        src, dst = _value(ends[0], ends[1]), _value(ends[2], ends[3])
        if any(value in servers or intervals.holds(scope.get(family, ()), value) for value in (src, dst)):
            found.append(Talk(family, src, dst, *ends[4:]))
            if len(found) == most:
                break
    return tuple(found)


def reached_of(engine: Engine, spoken: Iterable[Path], services: Iterable[Span]) -> tuple[Talk, ...]:
    """What got through to one of these services, authorised or not."""
    spans = dict.fromkeys((one[0], one[1], one[4], one[5]) for one in services)
    asked = " OR ".join(f"(proto BETWEEN {a} AND {b} AND port BETWEEN {c} AND {d})" for a, b, c, d in spans)
    rows = _rows(engine, REACHED.format(services=asked), spoken) if asked else []
    return tuple(Talk(family, _value(a, b), _value(c, d), *rest) for family, a, b, c, d, *rest in rows)


def pairs_of(engine: Engine, stored: Iterable[Stored]) -> frozenset[Pair]:
    """The pairs that nobody had authorised on the days they were seen."""
    rows = _rows(engine, PAIRS, (one.outside for one in stored))
    return frozenset((family, _value(a, b), _value(c, d), proto, port) for family, a, b, c, d, proto, port in rows)


def span(engine: Engine, files: Iterable[Rolled]) -> tuple[int, int] | None:
    """The first and the last hour of which the files speak; None when they speak of none.

    What a doubtful clock wrote does not stretch it.
    """
    several = list(files)
    wrong = {(gap.sensor, hour) for one in several for gap in one.gaps if gap.kind == "clock"
             for hour in (gap.first_hour, gap.last_hour)}  # fmt: skip
    paths = _listed(path for one in several for path in one.days.values())
    hours = {(name, hour) for name, hour in engine.rows(LIVE.format(paths=paths))} if paths else set()
    hours |= {(gap.sensor, gap.first_hour) for one in several for gap in one.gaps if gap.kind == "nodata"}
    kept = [hour for name, hour in hours if (name, hour) not in wrong] or [hour for _, hour in hours]
    return (min(kept), max(kept)) if kept else None


def covered(
    engine: Engine,
    files: Iterable[Rolled],
    first_hour: int,
    last_hour: int,
    *,
    declared: Watches | None = None,
    known: Iterable[str] = (),
) -> Coverage:
    """Which hours were watched, by the files of the span.

    `declared`: what each place watches, where that is known; else a network interface watches the one address that all
    its flows have in common. `known`: places that should log, whether or not they did.
    """
    several = list(files)
    paths = _listed(path for one in several for path in one.days.values())
    live: dict[str, set[int]] = {name: set() for name in (*known, *(declared or {}))}
    watches: dict[str, dict[Family, list[Interval]]] = {}
    if paths:
        for sensor, hour in engine.rows(LIVE.format(paths=paths)):
            live.setdefault(sensor, set()).add(hour)
        for sensor, family, high, low in engine.rows(BESIDE.format(paths=paths)):
            value = _value(high, low)
            watches.setdefault(sensor, {}).setdefault(family, []).append((value, value))
    gaps = [gap for one in several for gap in one.gaps]
    for gap in gaps:
        if gap.kind == "nodata":
            live.setdefault(gap.sensor, set()).update(range(gap.first_hour, gap.last_hour + 1))
    return Coverage(first_hour, last_hour, live, {**watches, **(declared or {})}, gaps)


def _value(high: int, low: int) -> int:
    return (high << 64) | low


def _listed(paths: Iterable[Path]) -> str:
    return ", ".join(quoted(one) for one in paths)
