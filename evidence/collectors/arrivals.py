"""What a transport of flow logs gives: one object after another, none of which has been fetched yet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

LARGEST: Final = 2 * 2**30  # bytes of one object as it lies there; logs are cut by the hour or less


@dataclass(frozen=True, slots=True)
class Arrival:
    """One object of a flow log. `name`: as its place calls it; `mark`: differs when its bytes do.

    `received`: when it came there, which tells a wrong clock. `fetch` writes its bytes to a file of that path, or
    raises PullError. `cursor`: where the next fetching may go on once this one is kept ("" = its kind has none).
    """

    name: str
    mark: str
    received: datetime
    fetch: Callable[[Path], None]
    cursor: str = ""
