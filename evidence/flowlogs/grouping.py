"""Records to groups: the table `grouped` in the engine, a row for each hour, sensor, pair of ends and service.

Two ways lead there. The engine reads a relation, as whatever was looked at line by line. Or lines are taken apart by
the column (evidence.flowlogs.fields), and the engine groups the numbers; the lines that are written otherwise than
such lines are it reads itself. Both give the same rows.
"""

from __future__ import annotations

from typing import Final

from evidence.flowlogs.engine import Engine
from evidence.flowlogs.shapes import ACCEPTED, REJECTED, Columns, Plain
from evidence.flowlogs.unpacked import Packed

EPHEMERAL: Final = 32768  # where Linux and Windows begin to choose a client's port
CERTAIN, LIKELY, OPEN = 100, 90, 50
NODATA, SKIPDATA, ODD = 2, 3, 9
PORTS: Final = "proto IN (6, 17, 33, 132, 136)"
TURNED: Final = f"hint = -1 OR (hint = 0 AND {PORTS} AND dport >= {EPHEMERAL} AND sport < {EPHEMERAL})"
SURE: Final = f"""(CASE WHEN hint <> 0 THEN {CERTAIN} WHEN NOT {PORTS} THEN {OPEN}
  WHEN (sport < {EPHEMERAL}) <> (dport < {EPHEMERAL}) THEN {LIKELY} ELSE {OPEN} END)::UTINYINT"""
KIND: Final = f"""(CASE status WHEN 'OK'
  THEN CASE action WHEN 'ACCEPT' THEN {ACCEPTED} WHEN 'REJECT' THEN {REJECTED} ELSE {ODD} END
  WHEN 'NODATA' THEN {NODATA} WHEN 'SKIPDATA' THEN {SKIPDATA} ELSE {ODD} END)::UTINYINT"""
BY_TEXT: Final = "sensor, IF(turned, dst, src) AS a, IF(turned, src, dst) AS b"
BY_WORD: Final = """sensor0, sensor1, sensor2, IF(turned, dst0, src0) AS a0, IF(turned, dst1, src1) AS a1,
  IF(turned, src0, dst0) AS b0, IF(turned, src1, dst1) AS b1"""
GROUPED: Final = f"""
SELECT {{who}}, proto, IF(turned, sport, dport) AS port,
  CASE WHEN sure >= {LIKELY} AND {PORTS} THEN NULL WHEN turned THEN dport ELSE sport END AS other,
  sure, kind, first // 3600 AS hour, count(*) AS flows, sum(turned::INTEGER)::UINTEGER AS replies,
  sum(packets)::UBIGINT AS packets, sum(bytes)::UBIGINT AS bytes, min(first) AS first, max(last) AS last,
  sum(hidden::INTEGER)::UINTEGER AS hidden, sum((last < first)::INTEGER)::UINTEGER AS backwards
FROM (SELECT *, {TURNED} AS turned, {SURE} AS sure{{kind}} FROM ({{source}}))
GROUP BY ALL
"""  # noqa: S608  literals of this module
MOST_TEXTS: Final = 500_000  # different ones that are held in memory; the engine holds more of them on the disk
MOST_GROUPS: Final = 1_000_000
FIRST, MORE = "CREATE OR REPLACE TEMP TABLE coded AS", "INSERT INTO coded"
WORDS: Final = """
SELECT a0 AS w0, a1 AS w1, 0::UBIGINT AS w2 FROM coded UNION SELECT b0, b1, 0::UBIGINT FROM coded
UNION SELECT sensor0, sensor1, sensor2 FROM coded
"""
TOLD: Final = """
SELECT s.spelt AS sensor, a.spelt AS a, b.spelt AS b, g.* EXCLUDE (sensor0, sensor1, sensor2, a0, a1, b0, b1)
FROM coded g
JOIN spelt s ON s.w0 = g.sensor0 AND s.w1 = g.sensor1 AND s.w2 = g.sensor2
JOIN spelt a ON a.w0 = g.a0 AND a.w1 = g.a1 AND a.w2 = 0
JOIN spelt b ON b.w0 = g.b0 AND b.w1 = g.b1 AND b.w2 = 0
"""
SUMMED: Final = """
SELECT sensor, a, b, proto, port, other, sure, kind, hour, sum(flows)::BIGINT AS flows,
  sum(replies)::UINTEGER AS replies, sum(packets)::UBIGINT AS packets, sum(bytes)::UBIGINT AS bytes,
  min(first) AS first, max(last) AS last, sum(hidden)::UINTEGER AS hidden, sum(backwards)::UINTEGER AS backwards
FROM ({source})
GROUP BY ALL
"""


def group(engine: Engine, source: str) -> None:
    """Groups the records of a relation in SQL. Raises EngineError."""
    engine.do(f"CREATE OR REPLACE TEMP TABLE grouped AS {_by_text(source)}")


def group_columns(engine: Engine, packed: Packed, columns: Columns) -> Plain | None:
    """Groups the lines of a file; None where too many are not written as such lines are, or
    name too many addresses. The plain bytes are nowhere
    kept. Raises EngineError for what the engine refuses of the others, FormatError as `Packed.chunks`."""
    from evidence.flowlogs import fields  # here: it needs numpy, which only the process that reads files holds

    left = engine.folder / "left"
    batches = 0
    try:
        with left.open("wb") as rest:
            reader = fields.Reader(columns.fields, rest)
            for batch in reader.batches(packed.chunks(), columns.header):
                made = GROUPED.format(who=BY_WORD, kind="", source=columns.sql)
                engine.lend("batch", batch, f"{MORE if batches else FIRST} {made}")
                batches += 1
                if engine.rows("SELECT count(*) FROM coded")[0][0] > MOST_GROUPS:
                    return None
        if not batches:
            return None
        words = engine.columns(WORDS)
        if len(words[0]) > MOST_TEXTS:
            return None
        spelt = {f"w{n}": word for n, word in enumerate(words)} | {"spelt": fields.texts(words)}
        told = TOLD
        if left.stat().st_size:
            told += f" UNION ALL BY NAME {_by_text(columns.table(left).sql)}"
        if told != TOLD or batches > 1:
            told = SUMMED.format(source=told)
        engine.lend("spelt", spelt, f"CREATE OR REPLACE TEMP TABLE grouped AS {told}")
    except fields.TooOdd:
        return None
    finally:
        left.unlink(missing_ok=True)
        engine.do("DROP TABLE IF EXISTS coded")
    return Plain(packed.name, left, packed.sha256, reader.lines, packed.cut, reader.tail)


def _by_text(source: str) -> str:
    return GROUPED.format(who=BY_TEXT, kind=f", {KIND} AS kind", source=source)
