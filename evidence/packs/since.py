"""What is new, gone and still open since the pack before this one, as values for the page and the list."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

from evidence.packs.section import Table

Kind = Literal["finding", "connection"]
How = Literal["new", "gone", "still"]
COLUMNS: Final = ("kind", "id", "since_last_pack", "verdict", "what", "because")


@dataclass(frozen=True, slots=True)
class Moved:
    """One finding or connection. `because`: of what is gone, whether it was cured or only not seen any more."""

    kind: Kind
    id: str
    how: How
    what: str
    verdict: str = ""
    because: str = ""


@dataclass(frozen=True, slots=True)
class Since:
    """Against which pack (`earlier`, "" for none: `because` says why), and what moved."""

    earlier: str = ""
    since: date | None = None
    until: date | None = None
    manifest: str = ""
    because: str = "There is no earlier pack of the same systems and profile: nothing is compared."
    moved: tuple[Moved, ...] = ()

    def of(self, kind: Kind, how: How) -> tuple[Moved, ...]:
        """Those of a kind."""
        return tuple(one for one in self.moved if (one.kind, one.how) == (kind, how))

    @property
    def new(self) -> tuple[Moved, ...]:
        """Findings that were not there."""
        return self.of("finding", "new")

    @property
    def gone(self) -> tuple[Moved, ...]:
        """Findings that were there and are not."""
        return self.of("finding", "gone")

    @property
    def still(self) -> tuple[Moved, ...]:
        """Findings that stand in both."""
        return self.of("finding", "still")

    @property
    def begun(self) -> tuple[Moved, ...]:
        """Connections that are authorised now and were not."""
        return self.of("connection", "new")

    @property
    def ended(self) -> tuple[Moved, ...]:
        """Connections that were authorised and are not."""
        return self.of("connection", "gone")


def table(since: Since) -> Table:
    """All of it, for data/; no row where there is no earlier pack."""
    rows = [(one.kind, one.id, one.how, one.verdict, one.what, one.because) for one in since.moved]
    return Table("since-last-pack", COLUMNS, rows)
