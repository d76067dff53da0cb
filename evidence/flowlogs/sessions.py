"""Sessions whose beginning a file has shown: their end is the same session, and is not counted again."""

from __future__ import annotations

from typing import Final

MOST: Final = 500_000  # of one file; the ends of any beyond are counted as sessions of their own


class Sessions:
    """Of one file, by whatever names a session on a device."""

    def __init__(self) -> None:
        self._open: set[tuple[str, str]] = set()

    def begins(self, device: str, session: str) -> None:
        """A line said that it begins."""
        if len(self._open) < MOST:
            self._open.add((device, session))

    def ends(self, device: str, session: str) -> bool:
        """A line said that it ends: whether its beginning was seen."""
        known = (device, session) in self._open
        self._open.discard((device, session))
        return known
