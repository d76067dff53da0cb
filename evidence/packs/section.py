"""What a section of a pack is: the one shape every room hands in through settings.PACK_SECTIONS.

A builder is `build(scope: Scope) -> Section`. It reads its own room's records as they were known at `scope.as_of`
and gives values only: no query runs later, so what is printed, listed and signed is one and the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

State = Literal["held", "partial", "missing"]
Cell = str | int | float | bool | date | datetime | None


@dataclass(frozen=True, slots=True)
class Scope:
    """What a pack is about: system names, the first and last day of the period, the cut-off moment, the profile.

    `as_of` is aware: nothing recorded after it is in the pack. `profile` is `full` or `redacted` (ISM-1178).
    """

    systems: tuple[str, ...]
    since: date
    until: date
    as_of: datetime
    profile: str = "full"


@dataclass(frozen=True, slots=True)
class Table:
    """A complete list. `name` becomes data/<name>.csv; each row has as many cells as there are columns.

    `workbook`: it is a form people fill elsewhere, so it goes out as annexes/<name>.xlsx too.
    """

    name: str
    columns: tuple[str, ...]
    rows: Sequence[Sequence[Cell]]
    workbook: bool = False

    def __post_init__(self) -> None:
        for number, row in enumerate(self.rows, start=1):
            if len(row) != len(self.columns):
                raise ValueError(f"{self.name}: row {number} has {len(row)} cells for {len(self.columns)} columns")


@dataclass(frozen=True, slots=True)
class Section:
    """One part of a pack.

    `slug` is its anchor; `controls` the control ids it serves; `because` says in one sentence why it is partial or
    missing ("" when held); `template` names a file of templates/packs/print and `data` is what that template takes
    (evidence/packs/content.py); `tables` go to data/, `files` are further members (path in the ZIP, bytes).
    """

    slug: str
    title: str
    controls: tuple[str, ...]
    state: State
    because: str
    template: str
    data: object
    tables: tuple[Table, ...] = ()
    files: tuple[tuple[str, bytes], ...] = ()

    def __post_init__(self) -> None:
        if self.state != "held" and not self.because:
            raise ValueError(f"section {self.slug} is {self.state} and does not say why")
