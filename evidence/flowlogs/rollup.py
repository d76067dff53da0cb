"""One file of a flow log to daily Parquet: who spoke to whom on which service, by the hour, counted.

The client's port goes where the service's is known, which is what makes a thousand connections one row; addresses
become two 64-bit numbers (Parquet has no 128-bit one), 0 and the address itself for IPv4. A row is oriented from the
one who began: by the record itself (SYN, conntrack, Zeek) with certainty, else by the port below the ephemeral range
(nine in ten), else as observed, with both ports kept.
"""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from evidence.flowlogs.engine import Engine, EngineError, quoted
from evidence.flowlogs.grouping import ODD, PORTS, SKIPDATA, group, group_columns
from evidence.flowlogs.shapes import ACCEPTED, Columns, FlowFormat, Gap, Plain, Rolled, Sifted
from evidence.flowlogs.unpacked import Packed, by_lines, unpack
from evidence.rules import FormatError, Lines, Unread

AHEAD_H: Final = 1  # hours a record may lie after the moment its file was received
SILENT_H: Final = 2  # hours of which one NODATA speaks: AWS gathers for ten minutes at most
LAST_HOUR: Final = 2**32 // 3600
FAR_H: Final = 24 * 14  # hours a record may lie before the newest of its file
BROKEN: Final = f"""
SELECT count(*) FROM grouped WHERE hour IS NULL OR kind = {ODD} OR (kind <= {ACCEPTED} AND (a IS NULL OR b IS NULL
  OR proto IS NULL OR ({PORTS} AND port IS NULL)))
"""  # noqa: S608  literals of this module
OCTET: Final = "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
PARTS: Final = "str_split(text, '.')"
TEXTS: Final = """
CREATE OR REPLACE TEMP TABLE texts AS
SELECT a AS text FROM grouped WHERE kind <= 1 UNION SELECT b FROM grouped WHERE kind <= 1
"""
NUMBERED: Final = f"""
CREATE OR REPLACE TEMP TABLE places AS
SELECT text, 4::UTINYINT AS family, 0::UBIGINT AS hi,
  ({PARTS}[1]::UBIGINT << 24) + ({PARTS}[2]::UBIGINT << 16) + ({PARTS}[3]::UBIGINT << 8) + {PARTS}[4]::UBIGINT AS lo
FROM texts WHERE regexp_full_match(text, '{OCTET}\\.{OCTET}\\.{OCTET}\\.{OCTET}')
"""  # noqa: S608  literals of this module
REST: Final = "SELECT text FROM texts WHERE text NOT IN (SELECT text FROM places)"
MIXED: Final = """
SELECT count(*) FROM grouped g JOIN places s ON s.text = g.a JOIN places d ON d.text = g.b WHERE s.family <> d.family
"""
PLAIN: Final = "g.port, g.other"
UNTYPED: Final = "IF(g.proto IN (1, 58), NULL, g.port) AS port, IF(g.proto IN (1, 58), NULL, g.other) AS other"
WRITTEN: Final = """
COPY (SELECT g.sensor, s.family, s.hi AS src_hi, s.lo AS src_lo, d.hi AS dst_hi, d.lo AS dst_lo, g.proto,
        {ports}, g.sure, g.kind = 1 AS accepted, g.hour::UINTEGER AS hour, g.flows, g.replies, g.packets, g.bytes,
        g.first, IF(g.last // 3600 > {until}, g.hour * 3600 + 3599, g.last)::UINTEGER AS last, g.hidden
      FROM grouped g JOIN places s ON s.text = g.a JOIN places d ON d.text = g.b
      WHERE g.kind <= 1 AND g.hour // 24 = {day} AND s.family = d.family)
TO {path} (FORMAT parquet, COMPRESSION zstd)
"""
# Equal for equal records, whatever their order and whatever packed them: the sum of what each row hashes to.
ALIKE: Final = "SELECT count(*), sum(hash(g)::HUGEINT) FROM grouped g"


def roll_up(
    engine: Engine,
    format_: FlowFormat,
    packed: Packed,
    into: Path,
    *,
    columns: Columns | None = None,
    received: int | None = None,
) -> Rolled:
    """Writes `into` one Parquet a day. `columns`: how its lines are taken apart by the column, if they can be;
    `received`: when the file came (seconds since 1970), which tells clocks that are wrong. Raises FormatError when the
    file is not what it claims to be; then nothing of it is used."""
    grouped = _by_columns(engine, packed, columns) if columns else None
    plain, sifted = grouped or _by_engine(engine, format_, packed, received)
    records = int(engine.rows("SELECT coalesce(sum(flows), 0) FROM grouped")[0][0])
    unread, failed, lines = sifted.unread, sifted.failed, plain.lines
    ignored = sifted.ignored
    if sifted.total is not None:
        lines = sifted.total
    elif plain.tail:
        lines, failed = lines + 1, failed + 1
        unread = (*unread, Unread(plain.name, lines, plain.tail[:500], plain.cut or "the line has no end", ""))
    account = Lines(lines, lines - ignored - failed, ignored, failed) if lines else Lines(records, records, 0, 0)
    if records != account.consumed:
        why = f"of {lines} lines {records} were counted as records, {ignored} left out and {failed} not understood"
        raise FormatError(f"{plain.name} is not used", why, "Report it: a line went missing.")
    unknown = tuple(dict.fromkeys(one for table in sifted.tables for one in table.unknown))
    until = _until(engine, received)
    days = _written(engine, into, plain.sha256, until, icmp=all(table.icmp for table in sifted.tables))
    number, total = engine.rows(ALIKE)[0]
    alike = hashlib.sha256(f"{number} {total}".encode()).hexdigest()
    gaps = (*sifted.gaps, *_gaps(engine, plain, failed, until))
    return Rolled(format_.NAME, plain.name, plain.sha256, account, unread, unknown, gaps, days, records, alike)


def _by_columns(engine: Engine, packed: Packed, columns: Columns) -> tuple[Plain, Sifted] | None:
    """The whole file in one go and never on the disk; None when anything in it needs to be looked at line by line."""
    try:
        plain = group_columns(engine, packed, columns)
    except EngineError:
        return None
    if plain is None or not _whole(engine, plain, columns.header):
        return None
    return plain, Sifted((columns.table(plain.path),), columns.header, 0, ())


def _by_engine(engine: Engine, format_: FlowFormat, packed: Packed, received: int | None) -> tuple[Plain, Sifted]:
    """The plain bytes on the disk: in one statement, else line by line. Raises FormatError."""
    place = engine.folder / "plain"
    try:
        plain = replace(unpack(packed, place), received=received)
        if format_.BY_LINES:
            plain = by_lines(plain)
        return plain, _quick(engine, format_, plain) or _line_by_line(engine, format_, plain)
    finally:
        place.unlink(missing_ok=True)


def _line_by_line(engine: Engine, format_: FlowFormat, plain: Plain) -> Sifted:
    work = engine.folder / plain.sha256[:16]
    work.mkdir(parents=True, exist_ok=True)
    sifted = format_.sift(plain, engine, work)
    if not sifted.tables:
        raise FormatError(f"{plain.name} is not used", "it holds no record", "Look at what was put there.")
    try:
        group(engine, " UNION ALL BY NAME ".join(one.sql for one in sifted.tables))
    except EngineError as error:
        raise FormatError(f"{plain.name} is not used", f"the engine refused it: {error}", "Report it.") from error
    _number(engine)
    if _broken(engine):
        raise FormatError(f"{plain.name} is not used", "records were left that are none", "Report it.")
    return sifted


def _quick(engine: Engine, format_: FlowFormat, plain: Plain) -> Sifted | None:
    """The whole file in one statement; None as `_by_columns`."""
    table = format_.table(plain, engine)
    if table is None:
        return None
    try:
        group(engine, table.sql)
    except EngineError:
        return None
    return Sifted((table,), table.header, 0, ()) if _whole(engine, plain, table.header) else None


def _whole(engine: Engine, plain: Plain, header: int) -> bool:
    """Whether the groups are all there is in the lines. Numbers the addresses."""
    # lines beyond these are blank, or the engine took them for something else
    counted = int(engine.rows("SELECT coalesce(sum(flows), 0) FROM grouped")[0][0])
    if plain.lines and counted + header != plain.lines:
        return False
    return not (_number(engine) or _broken(engine))


def _number(engine: Engine) -> bool:
    """Numbers the addresses, each once. Whether there was one that is none."""
    engine.do(TEXTS)
    engine.do(NUMBERED)
    odd = [text for (text,) in engine.rows(REST) if text is not None]
    found: list[tuple[str, int, int]] = []
    for text in odd:
        try:
            value = ipaddress.ip_address(text)
        except ValueError:
            return True
        if value.version == 4 or "%" in text:
            return True
        found.append((text, int(value) >> 64, int(value) & (2**64 - 1)))
    if found:
        texts, high, low = zip(*found, strict=True)
        sql = "INSERT INTO places SELECT unnest(?::VARCHAR[]), 6, unnest(?::UBIGINT[]), unnest(?::UBIGINT[])"
        engine.do(sql, list(texts), list(high), list(low))
    return False


def _broken(engine: Engine) -> bool:
    return any(engine.rows(statement)[0][0] for statement in (BROKEN, MIXED))


def _written(engine: Engine, into: Path, name: str, until: int, *, icmp: bool) -> dict[int, Path]:
    days = engine.rows("SELECT DISTINCT hour // 24 FROM grouped WHERE kind <= 1 ORDER BY 1")
    found: dict[int, Path] = {}
    for (day,) in days:
        path = into / f"{int(day)}-{name[:32]}.parquet"
        partial = path.with_suffix(".partial")
        engine.do(WRITTEN.format(day=int(day), until=until, path=quoted(partial), ports=PLAIN if icmp else UNTYPED))
        partial.replace(path)
        found[int(day)] = path
    return found


def _until(engine: Engine, received: int | None) -> int:
    """The last hour that a record can speak of: when the file came, or two weeks after the newest of its records."""
    late = (received // 3600 + AHEAD_H) if received else LAST_HOUR
    return min(late, _newest(engine, late) + FAR_H)


def _newest(engine: Engine, until: int) -> int:
    return int(engine.rows("SELECT max(hour) FROM grouped WHERE hour <= ?", until)[0][0] or 0)


def _gaps(engine: Engine, plain: Plain, failed: int, until: int) -> Sequence[Gap]:
    found: list[Gap] = []
    silent = engine.rows(
        "SELECT kind, coalesce(sensor, ''), hour, max(last) // 3600, sum(flows) FROM grouped"
        " WHERE kind > 1 GROUP BY kind, sensor, hour ORDER BY ALL"
    )
    for kind, sensor, first, last, number in silent:
        if kind == SKIPDATA:
            why = "the log skipped records by its own account (SKIPDATA)"
            found.append(Gap("skipdata", sensor, int(first), max(int(first), min(int(last), until)), int(number), why))
        elif last - first > SILENT_H or last > until:
            why = f"the clock is doubtful: NODATA of more than {SILENT_H} hours, or of hours to come, says nothing"
            found.append(Gap("clock", sensor, int(first), int(first), int(number), why))
        else:
            why = "the log ran and saw nothing (NODATA)"
            found.append(Gap("nodata", sensor, int(first), int(last), int(number), why))
    (low, high), *_ = engine.rows("SELECT min(hour), max(hour) FROM grouped") or [(None, None)]
    low, high = int(low or 0), int(high or 0)
    if plain.cut:
        found.append(Gap("cut", "", low, high, 0, f"{plain.name} is cut short: {plain.cut}"))
    if failed:
        found.append(Gap("unread", "", low, high, failed, f"{failed} lines of {plain.name} were not understood"))
    early = _newest(engine, until) - FAR_H  # a file may come late; what it holds lies together all the same
    wrong = engine.rows(
        "SELECT coalesce(sensor, ''), min(hour), max(hour), sum(flows), sum(backwards) FROM grouped WHERE hour > ?"
        " OR hour < ? OR backwards > 0 OR (kind <= 1 AND last // 3600 > ?) GROUP BY sensor ORDER BY ALL",
        until, early, until,
    )  # fmt: skip
    for sensor, first, last, number, backwards in wrong:
        why = f"the clock is doubtful: {number} records lie after the file came or far from its others, or end before "
        why += f"they begin ({backwards} of the latter)"
        found.append(Gap("clock", sensor, int(first), int(last), int(number), why))
    behind = engine.rows(
        "SELECT coalesce(sensor, ''), min(hour), max(hour), sum(hidden) FROM grouped WHERE hidden > 0 GROUP BY sensor"
        " ORDER BY ALL"
    )
    for sensor, first, last, number in behind:
        why = "a translator stands here: the interface's addresses are not those of the packets, which were taken"
        found.append(Gap("hidden", sensor, int(first), int(last), int(number), why))
    return found
