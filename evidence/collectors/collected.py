"""What a collector gives, and how it says that it could not."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from evidence.models.sources import ErrorCode
from evidence.rules import Artefact


class PullError(Exception):
    """A pull that brought nothing usable: a code of the literal list, what happened, and what to do next."""

    def __init__(self, code: ErrorCode, what: str, next_step: str) -> None:
        super().__init__(what)
        self.code, self.what, self.next_step = code, what, next_step


@dataclass(frozen=True, slots=True)
class Collected:
    """The dumps of one host at one moment. `complete` False: some of what was asked for did not come (`missing`).

    `seen_at`: the last moment for which these bytes speak, where that is not the moment of collecting: the time of the
    oldest file, of the commit. A folder that nobody writes into any more shows nothing about today.
    """

    artefacts: tuple[Artefact, ...]
    cursor: str
    complete: bool
    missing: tuple[str, ...] = ()
    seen_at: datetime | None = None
