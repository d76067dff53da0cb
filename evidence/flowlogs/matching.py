"""Who spoke to whom, against what is authorised: distinct tuples only, joined by address prefixes.

Each address of the logs is masked to the prefix lengths that occur in what is authorised, once, and that table is kept
before anything is joined: it makes the joins equalities. A tuple counts for every connection that covers it. One whose
orientation the log does not prove is tried both ways round.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from compliance.register import Entry
from compliance.traffic.addresses import BITS
from compliance.traffic.boxes import Family
from evidence.flowlogs.engine import Engine, quoted
from evidence.flowlogs.grouping import CERTAIN, OPEN

LOW64: Final = 2**64 - 1
VERSION: Final = 1  # of the stored results; another one is computed anew
# Each distinct tuple of a day, whatever files and places saw it.
SPOKEN: Final = """
  SELECT family, src_hi, src_lo, dst_hi, dst_lo, proto, port, other, max(sure) AS sure, bool_or(passed) AS passed,
    bool_or(NOT passed) AS stopped, sum(flows)::UBIGINT AS flows, sum(packets)::UBIGINT AS packets,
    sum(bytes)::UBIGINT AS bytes, min(first) AS first, max(last) AS last, max(last) FILTER (passed) AS last_passed,
    min(first) FILTER (passed) AS first_passed, count(*) AS hours, min(sensor) AS sensor
  FROM (
    SELECT family, src_hi, src_lo, dst_hi, dst_lo, proto, port, other, hour, max(sure) AS sure,
      -- stopped at one place and let on at another, and nobody answered: it did not get through
      bool_or(accepted) AND (NOT bool_or(NOT accepted) OR coalesce(sum(replies) FILTER (accepted), 0) > 0) AS passed,
      -- what several places saw is one flow: the fullest of them counts
      max(flows) AS flows, max(packets) AS packets, max(bytes) AS bytes, min(first) AS first, max(last) AS last,
      min(sensor) AS sensor
    FROM (  -- one place's files, which may be many an hour, add up
      SELECT family, src_hi, src_lo, dst_hi, dst_lo, proto, port, other, hour, sensor, accepted, max(sure) AS sure,
        sum(flows) AS flows, sum(replies) AS replies, sum(packets) AS packets, sum(bytes) AS bytes, min(first) AS first,
        max(last) AS last
      FROM read_parquet([{paths}]) GROUP BY ALL)
    GROUP BY ALL)
  GROUP BY ALL
"""
TUPLES: Final = "CREATE OR REPLACE TEMP TABLE tuples AS SELECT row_number() OVER () AS id, * FROM ({source})"
SPOTS: Final = """
CREATE OR REPLACE TEMP TABLE spots AS
SELECT row_number() OVER () AS spot, family, hi, lo FROM
  (SELECT family, src_hi AS hi, src_lo AS lo FROM tuples UNION SELECT family, dst_hi, dst_lo FROM tuples)
"""
MASKED: Final = """
CREATE OR REPLACE TEMP TABLE masked AS
SELECT p.spot, p.family, l.length, p.hi & l.mask_hi AS hi, p.lo & l.mask_lo AS lo
FROM spots p JOIN lengths l ON l.family = p.family
"""
HELD: Final = (
    "CREATE OR REPLACE TEMP TABLE held AS SELECT m.spot, n.net FROM masked m JOIN nets n USING (family, length, hi, lo)"
)
# Both ways round where the log does not prove who began; a dropped client's port leaves nothing to turn round.
ASKED: Final = f"""
CREATE OR REPLACE TEMP TABLE asked AS
SELECT t.id, s.spot AS src, d.spot AS dst, t.proto, t.port, t.other FROM tuples t
JOIN spots s ON s.family = t.family AND s.hi = t.src_hi AND s.lo = t.src_lo
JOIN spots d ON d.family = t.family AND d.hi = t.dst_hi AND d.lo = t.dst_lo
UNION ALL
SELECT t.id, d.spot, s.spot, t.proto, t.other, t.port FROM tuples t
JOIN spots s ON s.family = t.family AND s.hi = t.src_hi AND s.lo = t.src_lo
JOIN spots d ON d.family = t.family AND d.hi = t.dst_hi AND d.lo = t.dst_lo
WHERE t.sure <= {OPEN} AND (t.other IS NOT NULL OR t.port IS NULL)
"""  # noqa: S608  literals of this module
FOUND: Final = """
CREATE OR REPLACE TEMP TABLE found AS
SELECT a.id, w.entry, a.src AS spot, bool_or((w.sp_lo = 0 AND w.sp_hi = 65535 OR a.other IS NOT NULL)
                              AND (w.dp_lo = 0 AND w.dp_hi = 65535 OR a.port IS NOT NULL)) AS whole
FROM asked a JOIN held d ON d.spot = a.dst JOIN held s ON s.spot = a.src
JOIN wants w ON w.dst = d.net AND w.src = s.net
WHERE a.proto BETWEEN w.proto_lo AND w.proto_hi AND coalesce(a.port BETWEEN w.dp_lo AND w.dp_hi, true)
  AND coalesce(a.other BETWEEN w.sp_lo AND w.sp_hi, true)
GROUP BY ALL
"""
USES: Final = """
COPY (SELECT e.name AS entry, f.whole, s.family, s.hi AS src_hi, s.lo AS src_lo, min(t.first_passed) AS first,
        max(t.last_passed) AS last, sum(t.flows)::UBIGINT AS flows, sum(t.packets)::UBIGINT AS packets,
        sum(t.bytes)::UBIGINT AS bytes
      FROM found f JOIN tuples t USING (id) JOIN names e ON e.entry = f.entry JOIN spots s ON s.spot = f.spot
      WHERE t.passed GROUP BY ALL)
TO {path} (FORMAT parquet, COMPRESSION zstd)
"""
ENDS: Final = "COPY (SELECT family, hi, lo FROM spots ORDER BY ALL) TO {path} (FORMAT parquet, COMPRESSION zstd)"
OUTSIDE: Final = """
COPY (SELECT t.* EXCLUDE (id) FROM tuples t ANTI JOIN found f USING (id))
TO {path} (FORMAT parquet, COMPRESSION zstd)
"""


class Stored(NamedTuple):
    """The Parquet files of one day: what was used, what nobody authorised, and every address that took part."""

    uses: Path
    outside: Path
    ends: Path


class Matcher:
    """What is authorised, ready to be asked about many days: `Matcher(engine, entries).day(paths, into)`."""

    def __init__(self, engine: Engine, entries: Iterable[Entry]) -> None:
        self.engine = engine
        rows: dict[tuple[int, ...], None] = {}
        nets: dict[tuple[int, int, int, int], int] = {}
        names: dict[str, int] = {}
        for entry in entries:
            number = names.setdefault(entry.id, len(names))
            for box in entry.boxes:
                for src in prefixes(entry.family, box[0], box[1]):
                    for dst in prefixes(entry.family, box[2], box[3]):
                        ends = [nets.setdefault((entry.family, *one), len(nets)) for one in (src, dst)]
                        rows[(number, *ends, *box[4:10])] = None
        said = repr((VERSION, sorted(names.items()), sorted(nets.items()), sorted(rows)))
        self.digest = hashlib.sha256(said.encode("utf-8", "backslashreplace")).hexdigest()
        columns = ("entry", "src", "dst", "proto_lo", "proto_hi", "sp_lo", "sp_hi", "dp_lo", "dp_hi")
        _load(engine, "wants", columns, list(rows))
        _load(engine, "nets", ("family", "hi", "lo", "length", "net"), [(*one, at) for one, at in nets.items()])
        lengths = {(family, length): mask(family, length) for family, _, _, length in nets}
        _load(engine, "lengths", ("family", "length", "mask_hi", "mask_lo"), [(*k, *v) for k, v in lengths.items()])
        engine.do("CREATE OR REPLACE TEMP TABLE names (name VARCHAR, entry UBIGINT)")
        if names:
            sql = "INSERT INTO names SELECT unnest(?::VARCHAR[]), unnest(?::UBIGINT[])"
            engine.do(sql, list(names), list(names.values()))

    def day(self, rollups: Sequence[Path], into: Path, *, spoken: Path | None = None, key: str = "") -> Stored:
        """The uses and what nobody authorised, of the rollups of one day (or of any others that belong together).

        Kept by what they rest on: the same files and the same register are not read again. `spoken`: the tuples of
        these rollups, where they were put together before; `key`: what both are known by to the caller.
        """
        names = "\n".join([self.digest, *sorted(one.name for one in rollups)])
        stored = stored_at(into, key or hashlib.sha256(names.encode()).hexdigest()[:32])
        if all(path.exists() for path in stored):
            return stored
        engine = self.engine
        source = SPOKEN.format(paths=", ".join(quoted(one) for one in rollups))
        engine.do(TUPLES.format(source=f"FROM read_parquet({quoted(spoken)})" if spoken else source))
        for statement in (SPOTS, MASKED, HELD, ASKED, FOUND):
            engine.do(statement)
        for path, statement in zip(stored, (USES, OUTSIDE, ENDS), strict=True):
            partial = path.with_suffix(".partial")
            engine.do(statement.format(path=quoted(partial)))
            partial.replace(path)
        return stored


def stored_at(into: Path, key: str) -> Stored:
    """Where the results of a day lie, by their key."""
    return Stored(*(into / f"{name}-{key}.parquet" for name in Stored._fields))


def prefixes(family: Family, low: int, high: int) -> Iterable[tuple[int, int, int]]:
    """The fewest prefixes that make up low..high: (upper 64 bits, lower 64 bits, length)."""
    bits = BITS[family]
    while low <= high:
        free = (low & -low).bit_length() - 1 if low else bits
        size = min(free, (high - low + 1).bit_length() - 1)
        yield low >> 64, low & LOW64, bits - size
        low += 1 << size


def mask(family: int, length: int) -> tuple[int, int]:
    """The mask of a prefix length, as two numbers."""
    bits = 32 if family == 4 else 128
    whole = ((1 << length) - 1) << (bits - length)
    return whole >> 64, whole & LOW64


def _load(engine: Engine, name: str, columns: tuple[str, ...], rows: list[tuple[int, ...]]) -> None:
    """A table of numbers, by way of a file: given one by one as parameters they take the engine ten times as long."""
    engine.do(f"CREATE OR REPLACE TEMP TABLE {name} ({', '.join(f'{one} UBIGINT' for one in columns)})")
    given = ", ".join(f"'{one}': 'UBIGINT'" for one in columns)
    with tempfile.NamedTemporaryFile("w", dir=engine.folder, suffix=".csv", encoding="ascii") as target:
        target.writelines([",".join(map(str, row)) + "\n" for row in rows])
        target.flush()
        source = f"read_csv({quoted(target.name)}, header=false, auto_detect=false, columns={{{given}}})"
        engine.do(f"INSERT INTO {name} FROM {source}")


__all__ = ["CERTAIN", "Matcher", "mask", "prefixes"]
