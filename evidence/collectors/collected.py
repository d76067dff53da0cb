"""What a collector gives, and how it says that it could not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal

from evidence.models.sources import ErrorCode
from evidence.rules import Artefact

BOOT_ID: Final = "boot_id"  # another one: the host was started anew
HOST_KEY: Final = "host_key"  # the fingerprint it was known by


class PullError(Exception):
    """A pull that brought nothing usable: a code of the literal list, what happened, and what to do next.

    `retry_after`: seconds for which the device asked to be left alone.
    """

    def __init__(self, code: ErrorCode, what: str, next_step: str, *, retry_after: float | None = None) -> None:
        super().__init__(what)
        self.code, self.what, self.next_step, self.retry_after = code, what, next_step, retry_after


@dataclass(frozen=True, slots=True)
class Collected:
    """The dumps of one host at one moment. `complete` False: some of what was asked for did not come (`missing`).

    `seen_at`: the last moment for which these bytes speak, where that is not the moment of collecting: the time of the
    oldest file, of the commit. A folder that nobody writes into any more shows nothing about today.
    `whole`: the transport vouches that no artefact was cut short: each command's own end and exit status were seen. A
    file that lies somewhere is not vouched for. `device`: what the host says of itself (BOOT_ID, HOST_KEY).
    `beside`: kept as evidence, and not read: no format knows it, or another artefact says more.
    """

    artefacts: tuple[Artefact, ...]
    cursor: str
    complete: bool
    missing: tuple[str, ...] = ()
    seen_at: datetime | None = None
    whole: bool = False
    device: Mapping[str, str] = field(default_factory=dict)
    beside: tuple[Artefact, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a test of the connection. After one that failed the others are `skipped`, never left out."""

    what: str
    outcome: Literal["ok", "failed", "skipped"]
    said: str = ""
    next_step: str = ""
