"""A wall limit around a transport: a device that hangs costs its own time, and never the worker's.

Collectors keep their deadline themselves. What cannot (a mount that does not answer, a library that waits for ever) is
left behind in a thread of its own when the limit and some grace are over.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final, Generic, TypeVar

T = TypeVar("T")
GRACE_S: Final = 5.0  # after the deadline: who keeps it comes back by himself, and says more
LOOKS_EVERY_S: Final = 2.0


class LeftBehind(Exception):
    """The work went on beyond its limit; nobody waits for it any more."""


class Aside(threading.Thread, Generic[T]):
    """Work in a thread that nobody has to wait for."""

    def __init__(self, work: Callable[[], T]) -> None:
        super().__init__(name="collector", daemon=True)
        self.work, self.over = work, threading.Event()
        self.came: list[T] = []
        self.trouble: list[BaseException] = []

    def run(self) -> None:
        """Does the work; its error is kept and raised where somebody waits."""
        with self:
            self.came.append(self.work())

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        if error is not None:
            self.trouble.append(error)
        self.over.set()
        return True


def within(seconds: float, aside: Aside[T], *, beat: Callable[[], object]) -> T:
    """What the work gives, or its error; LeftBehind when it is not over after `seconds` and the grace.

    `beat` is called every two seconds while it waits: what it raises (the job was cancelled) ends the waiting as well.
    """
    aside.start()
    last = time.monotonic() + seconds + GRACE_S
    while not aside.over.wait(max(0.0, min(LOOKS_EVERY_S, last - time.monotonic()))):
        if time.monotonic() >= last:
            raise LeftBehind
        beat()
    if aside.trouble:
        raise aside.trouble[0]
    return aside.came[0]
