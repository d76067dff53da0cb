"""The zone matrix and the dated exceptions as lines that people type, and back.

    app -> data: allowed tcp/5432 tcp/443
    server-to-internet | mail-01 | internet | tcp/25 | 2027-01-31 | Until the relay of the agency is ready.

A line that begins with # is left out. Services may be empty: then it is all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from compliance.policy.content import Cell, Waiver

ARROWS: Final = ("→", "->")
PARTS: Final = ("rule", "source", "destination", "services", "until", "because")
Row = Mapping[str, Any]


def cells_said(cells: Iterable[Cell]) -> str:
    """The matrix as lines."""
    return "\n".join(f"{one.source} -> {one.destination}: {' '.join((one.decision, *one.services))}" for one in cells)


def waivers_said(waivers: Iterable[Waiver]) -> str:
    """The exceptions as lines."""
    return "\n".join(
        " | ".join((one.rule, one.source, one.destination, " ".join(one.services), one.until.isoformat(), one.because))
        for one in waivers
    )


def cells_read(text: str) -> list[Row]:
    """The rows of the matrix, in the shape a version keeps. Raises ValueError that names the line."""
    return list(_rows(text, _cell))


def waivers_read(text: str) -> list[Row]:
    """The rows of the exceptions, in the shape a version keeps. Raises ValueError that names the line."""
    return list(_rows(text, _waiver))


def _rows(text: str, read: Callable[[str], Row]) -> Iterator[Row]:
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip() and not line.lstrip().startswith("#"):
            try:
                yield read(line.strip())
            except ValueError as error:
                raise ValueError(f"Line {number}: {error}.") from error


def _cell(line: str) -> Row:
    ends, colon, said = line.rpartition(": ")
    arrow = next((one for one in ARROWS if one in ends), None)
    if not colon or arrow is None or not said.split():
        raise ValueError(f"{line!r} is not written as ZONE -> ZONE: DECISION SERVICES")
    source, _, destination = ends.partition(arrow)
    decision, *services = said.split()
    return {"from": source.strip(), "to": destination.strip(), "decision": decision, "services": services}


def _waiver(line: str) -> Row:
    parts = [part.strip() for part in line.split("|", len(PARTS) - 1)]
    if len(parts) != len(PARTS):
        raise ValueError(f"{line!r} is not written as {' | '.join(part.upper() for part in PARTS)}")
    row: dict[str, Any] = dict(zip(PARTS, parts, strict=True))
    return row | {"services": row["services"].split()}
