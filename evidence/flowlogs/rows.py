"""For logs that the engine cannot read itself: each record written as one line of plain columns, each refusal named."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable
from functools import lru_cache
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

from evidence.flowlogs.engine import quoted
from evidence.flowlogs.shapes import COLUMNS, Gap, Naming, Plain, Sifted, Table

ICMP: Final = frozenset({1, 58})
# What ICMP says of another packet (unreachable, time exceeded …) belongs to that packet's connection, and is left out.
ABOUT_OTHERS: Final = frozenset({(1, 3), (1, 4), (1, 11), (1, 12), (58, 1), (58, 2), (58, 3), (58, 4)})
WITH_PORTS: Final = frozenset({6, 17, 33, 132, 136})
LAST_SECOND: Final = 2**32 - 1
Unit = TypeVar("Unit")


class Odd(ValueError):
    """The record cannot be used; why, in words."""


class Record(NamedTuple):
    """One record. Ports: None where the log says none; for ICMP `sport` is the type and `dport` the code."""

    sensor: str
    src: str
    dst: str
    sport: int | None
    dport: int | None
    proto: int
    packets: int
    bytes: int
    first: int
    last: int
    accepted: bool
    hint: int = 0
    hidden: bool = False


def whole(record: Record) -> str:
    """The record as a line of COLUMNS. Raises Odd where something in it cannot be."""
    for address in (record.src, record.dst):
        if not is_address(address):
            raise Odd(f"{address[:60]!r} is no address")
    if (":" in record.src) != (":" in record.dst):
        raise Odd("it mixes IPv4 and IPv6")
    if not 0 <= record.proto <= 255:
        raise Odd(f"{record.proto} is no protocol")
    if record.proto in WITH_PORTS and (record.sport is None or record.dport is None):
        raise Odd("it does not say its ports")
    if any(port is not None and not 0 <= port <= 65535 for port in (record.sport, record.dport)):
        raise Odd("its port is none")
    if not (0 <= record.first <= LAST_SECOND and 0 <= record.last <= LAST_SECOND):
        raise Odd("its time cannot be")
    if min(record.packets, record.bytes) < 0 or max(record.packets, record.bytes) >= 2**63:
        raise Odd("it counts what cannot be counted")
    sensor = " ".join(record.sensor.split())
    fields = (
        sensor, record.src, record.dst, record.sport, record.dport, record.proto, record.packets, record.bytes,
        record.first, record.last, "ACCEPT" if record.accepted else "REJECT", "OK", record.hint, record.hidden,
    )  # fmt: skip
    return "\t".join("" if one is None else str(one) for one in fields) + "\n"


def sifted(
    plain: Plain,
    into: Path,
    units: Iterable[tuple[int, Unit | Odd]],
    read: Callable[[Unit], Record | None],
    *,
    counted: bool,
    gaps: Callable[[], Iterable[Gap]] = tuple,
) -> Sifted:
    """Every unit (line, object) with its number through `read`: a record, None (says nothing about traffic), or Odd.

    `counted`: whether units are what the account counts; else the file's lines are. `gaps` is asked at the end.
    """
    named, ignored, total = Naming(plain.name), 0, 0
    path = into / "part-0"
    with path.open("w", encoding="utf-8", errors="replace") as target:
        for number, unit in units:
            total += 1
            try:
                if isinstance(unit, Odd):
                    raise unit
                record = read(unit)
                if record is None or (record.proto, record.sport) in ABOUT_OTHERS:
                    ignored += 1
                else:
                    target.write(whole(record))
            except Odd as odd:
                named.fail(number, unit if isinstance(unit, str) else "", str(odd))
            except (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError) as error:
                why = f"it is not written as such records are ({type(error).__name__}: {str(error)[:80]})"
                named.fail(number, unit if isinstance(unit, str) else "", why)
    tables = (table(path),)
    return Sifted(tables, ignored, named.failed, tuple(named.unread), total if counted else None, tuple(gaps()))


@lru_cache(maxsize=65536)
def is_address(text: str) -> bool:
    """Whether it is an address of either family, without a zone."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return "%" not in text


def table(path: Path) -> Table:
    """The written lines as the engine reads them."""
    spelt = ", ".join(f"{name}: '{kind}'" for name, kind in COLUMNS)
    return Table(
        f"SELECT * REPLACE (coalesce(sensor, '') AS sensor) FROM read_csv({quoted(path)}, delim='\\t', header=false,"  # noqa: S608  our own names and a path, quoted
        f" columns={{{spelt}}}, auto_detect=false, quote='', escape='', comment='', nullstr='')",
        0,
    )
