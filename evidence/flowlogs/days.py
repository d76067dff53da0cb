"""One day of flow logs, put together from the files of that day and kept: who spoke, and which places were awake.

Both rest on files alone, not on what is authorised, so they are made once. They are named after the files they rest on:
a file that comes late makes another name.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from compliance.traffic.boxes import Family
from compliance.traffic.intervals import Interval
from evidence.flowlogs.engine import Engine, quoted
from evidence.flowlogs.matching import SPOKEN
from evidence.flowlogs.shapes import Rolled

# sensor, day, and a bit for each hour in which it wrote anything, be it that it saw nothing
LIVE: Final = """
COPY (SELECT coalesce(sensor, '') AS sensor, bit_or(bits)::UINTEGER AS bits FROM read_parquet([{lives}]) GROUP BY ALL)
TO {path} (FORMAT parquet, COMPRESSION zstd)
"""
# An address that is an end of all flows of a network interface on that day; a row without one: it had flows.
BESIDE: Final = """
COPY (
WITH ends AS (
  SELECT coalesce(sensor, '') AS sensor, family, hi, lo, count(*) AS n FROM (
    SELECT sensor, family, src_hi AS hi, src_lo AS lo FROM read_parquet([{paths}])
    UNION ALL SELECT sensor, family, dst_hi, dst_lo FROM read_parquet([{paths}])) GROUP BY ALL),
totals AS (SELECT sensor, family, sum(n) // 2 AS n FROM ends GROUP BY ALL)
SELECT sensor, family, hi, lo FROM ends JOIN totals USING (sensor, family)
WHERE ends.n = totals.n AND (sensor LIKE 'eni-%' OR regexp_full_match(sensor, '[0-9A-Fa-f]{{12}}'))
UNION ALL SELECT sensor, family, NULL, NULL FROM totals)
TO {path} (FORMAT parquet, COMPRESSION zstd)
"""
NOBODY: Final = """
COPY (SELECT '' AS sensor, 4::UTINYINT AS family, 0::UBIGINT AS hi, 0::UBIGINT AS lo WHERE false)
TO {path} (FORMAT parquet, COMPRESSION zstd)
"""
AWAKE: Final = "SELECT sensor, bits, filename FROM read_parquet([{paths}], filename = true)"
ALONE: Final = """
WITH days AS (SELECT sensor, family, count(*) AS n FROM read_parquet([{paths}]) WHERE hi IS NULL GROUP BY ALL)
SELECT sensor, family, hi, lo FROM read_parquet([{paths}]) p JOIN days USING (sensor, family)
WHERE hi IS NOT NULL GROUP BY sensor, family, hi, lo, days.n HAVING count(*) = days.n
QUALIFY count(*) OVER (PARTITION BY sensor, family) = 1
"""


class Places(NamedTuple):
    """The Parquet files of one log and day: which places were awake in which hours, and what each stands beside."""

    live: Path
    beside: Path


def key_of(names: Iterable[str], *more: str) -> str:
    """A name that another set of files does not have."""
    return hashlib.sha256("\n".join([*more, *sorted(names)]).encode()).hexdigest()[:32]


def write_live(engine: Engine, rolled: Rolled, into: Path) -> dict[int, int]:
    """Writes for each day of one file which place said anything in which hour, NODATA too; gives day -> its hours."""
    found: dict[tuple[str, int], int] = {}
    for path in rolled.days.values():
        for sensor, hour in engine.rows("SELECT DISTINCT coalesce(sensor, ''), hour FROM read_parquet(?)", str(path)):
            key = (sensor, int(hour) // 24)
            found[key] = found.get(key, 0) | 1 << (int(hour) % 24)
    for gap in rolled.gaps:
        for hour in range(gap.first_hour, gap.last_hour + 1) if gap.kind == "nodata" else ():
            key = (gap.sensor, hour // 24)
            found[key] = found.get(key, 0) | 1 << (hour % 24)
    hours: dict[int, int] = {}
    for (_, day), bits in found.items():
        hours[day] = hours.get(day, 0) | bits
    for day in hours:
        mine = {sensor: bits for (sensor, each), bits in found.items() if each == day}
        engine.do("CREATE OR REPLACE TEMP TABLE awake (sensor VARCHAR, bits UINTEGER)")
        sql = "INSERT INTO awake SELECT unnest(?::VARCHAR[]), unnest(?::UINTEGER[])"
        engine.do(sql, list(mine), list(mine.values()))
        path = live_path(into, day, rolled.sha256)
        engine.do(f"COPY awake TO {quoted(path)} (FORMAT parquet, COMPRESSION zstd)")
    return hours


def live_path(into: Path, day: int, sha256: str) -> Path:
    """Where that lies."""
    return into / f"live-{day}-{sha256[:32]}.parquet"


def spoken(engine: Engine, rollups: Sequence[Path], into: Path) -> Path:
    """Who spoke to whom on that day, each distinct tuple once, whatever files and places saw it."""
    path = into / f"spoken-{key_of(one.name for one in rollups)}.parquet"
    if not path.exists():
        source = SPOKEN.format(paths=_listed(rollups))
        _written(engine, path, f"COPY ({source}) TO {{path}} (FORMAT parquet, COMPRESSION zstd)")
    return path


def places(engine: Engine, rollups: Sequence[Path], lives: Sequence[Path], into: Path) -> Places:
    """The places of one log on that day."""
    key = key_of(one.name for one in lives)
    found = Places(into / f"live-{key}.parquet", into / f"beside-{key}.parquet")
    if not found.live.exists():
        _written(engine, found.live, LIVE.replace("{lives}", _listed(lives)))
    if not found.beside.exists():
        _written(engine, found.beside, BESIDE.replace("{paths}", _listed(rollups)) if rollups else NOBODY)
    return found


def awake(engine: Engine, days: Mapping[int, Places]) -> dict[str, dict[int, int]]:
    """Place -> day -> the hours in which it wrote anything, of the days (since 1970) of one log."""
    named = {one.live.name: day for day, one in days.items()}
    found: dict[str, dict[int, int]] = {}
    if days:
        for sensor, bits, path in engine.rows(AWAKE.format(paths=_listed(one.live for one in days.values()))):
            found.setdefault(sensor, {})[named[Path(path).name]] = int(bits)
    return found


def alone(engine: Engine, days: Iterable[Places]) -> dict[str, dict[Family, list[Interval]]]:
    """Network interface -> the address that all its flows of all these days have in common."""
    found: dict[str, dict[Family, list[Interval]]] = {}
    paths = _listed(one.beside for one in days)
    for sensor, family, high, low in engine.rows(ALONE.format(paths=paths)) if paths else ():
        value = (high << 64) | low
        found.setdefault(sensor, {}).setdefault(family, []).append((value, value))
    return found


def _written(engine: Engine, path: Path, statement: str) -> None:
    partial = path.with_suffix(".partial")
    engine.do(statement.replace("{path}", quoted(partial)).replace("{{", "{").replace("}}", "}"))
    partial.replace(path)


def _listed(paths: Iterable[Path]) -> str:
    return ", ".join(quoted(one) for one in paths)
