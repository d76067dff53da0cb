"""What was really tried from the hosts: expected against observed, by the sheets approved by the cut-off."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from evidence.actions.sheets import came_of, latest
from evidence.artefacts import Damaged, read_back
from evidence.models import Sheet, SheetResult
from evidence.packs.section import Cell, Scope, Section, Table
from evidence.packs.section import State as Held
from evidence.packs.sections import tried
from evidence.packs.sections.known import served
from evidence.sheet_powershell import UNVERIFIED, of_windows
from evidence.sheet_script import AS_EXPECTED, DIFFERS, text_of

TITLE: Final = "Tests from the hosts"
COLUMNS: Final = (
    "sheet", "row", "from", "to", "address", "port", "connection", "expected", "observed", "verdict", "because",
    "rules_said", "method", "heard",
)  # fmt: skip
PRINTED: Final = 60


@dataclass(frozen=True, slots=True)
class Line:
    """A pair as the pages print it."""

    sheet: str
    pair: str
    connection: str
    expected: str
    observed: str
    verdict: str
    why: str


@dataclass(frozen=True, slots=True)
class Tests:
    """What the pages print: a sentence, who let each sheet happen and which connections were tested whole, and the
    pairs that are not as expected first."""

    lead: str
    sheets: tuple[str, ...]
    lines: tuple[Line, ...]
    total: int


def build(scope: Scope) -> Section:
    """Missing where nothing was tried; partial where something was left undecided."""
    rows = Sheet.objects.with_results().filter(system__name__in=scope.systems, state=Sheet.State.APPROVED)
    rows = rows.filter(decided_at__lte=scope.as_of).order_by("pk").select_related("asked_by", "decided_by")
    sheets = list(rows.filter(results__brought_at__lte=scope.as_of).distinct())
    cells: list[tuple[Cell, ...]] = [line for sheet in sheets for line in listed(sheet, scope)]
    order = {DIFFERS: 0, AS_EXPECTED: 2}
    lines = sorted((printed(line) for line in cells), key=lambda one: order.get(one.verdict, 1))
    state, because = held_state(lines)
    tested = tried.said(tried.agreed(scope), sorted({one.connection for one in lines}))
    odd = (line for sheet in sheets for line in by_windows(sheet, scope))
    about = (*(said(sheet) for sheet in sheets), *odd, *tested)
    data = Tests(lead(lines), about, tuple(lines[:PRINTED]), len(lines))
    table = Table("tests", COLUMNS, cells)
    return Section("tests", TITLE, served("rules"), state, because, "packs/print/tests.html", data, (table,))


def listed(sheet: Sheet, scope: Scope) -> list[tuple[Cell, ...]]:
    """The pairs of a sheet as rows of the list; `heard` says whose word it is that the script ran there."""
    heard = latest(sheet, scope.as_of)
    return [
        (sheet.ref, pair["row"], pair["from"], pair["to"], pair["target"], pair["port"], pair["connection"] or None,
         pair["expected"], seen or "not tried", outcome.verdict, outcome.why, pair["said"], "TEST",
         heard_of(heard.get(pair["from"])))
        for pair, seen, outcome in came_of(sheet, scope.as_of)
    ]  # fmt: skip


def heard_of(result: SheetResult | None) -> str | None:
    """How a host's result came."""
    if result is None:
        return None
    if result.source_id:
        return "over SSH by Eastwest"
    return f"brought by {result.brought_by}" + (f", PowerShell script, {UNVERIFIED}" if windows(result) else "")


def windows(result: SheetResult) -> bool:
    """Whether the script for Windows printed it; a file that is damaged or gone fails no pack."""
    try:
        return not result.source_id and of_windows(text_of(read_back(result.stored)))
    except (OSError, Damaged):
        return False


def by_windows(sheet: Sheet, scope: Scope) -> Iterator[str]:
    """That some hosts of a sheet were tried by a script that nobody tried before."""
    names = [name for name, result in latest(sheet, scope.as_of).items() if windows(result)]
    if names:
        hosts = ", ".join(sorted(names))
        yield f"{sheet.ref}: what came from {hosts} was printed by the PowerShell script, {UNVERIFIED}."


def printed(row: Sequence[Cell]) -> Line:
    """A row of the list as it is printed."""
    pair = f"{row[2]} to {row[3]} ({row[4]}), tcp/{row[5]}"
    return Line(str(row[0]), pair, str(row[6] or ""), str(row[7]), str(row[8]), str(row[9]), str(row[10]))


def said(sheet: Sheet) -> str:
    """Who planned a sheet, who let it happen, and by which seed."""
    return (
        f"{sheet.ref}: {len(sheet.pairs)} pairs by the seed “{sheet.seed}”, planned by {sheet.asked_by}, approved by "
        f"{sheet.decided_by}; SHA-256 of the pairs {sheet.sha256}."
    )


def held_state(lines: Sequence[Line]) -> tuple[Held, str]:
    """Held only when each pair was decided."""
    if not lines:
        return "missing", "no test from the hosts was run by the cut-off"
    left = sum(one.verdict not in (AS_EXPECTED, DIFFERS) for one in lines)
    return ("partial", f"{left} of {len(lines)} pairs are not decided") if left else ("held", "")


def lead(lines: Sequence[Line]) -> str:
    """The answer in a sentence."""
    if not lines:
        return "Nothing was tried from the hosts themselves: what stands here rests on what was read."
    wrong = sum(one.verdict == DIFFERS for one in lines)
    right = sum(one.verdict == AS_EXPECTED for one in lines)
    return f"{wrong} of {len(lines)} pairs differ from what was decided, {right} are as expected."
