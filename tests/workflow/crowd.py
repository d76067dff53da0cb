"""Threads that click in the same moment, each with a connection of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from django.db import connections

from compliance.errors import Refused
from compliance.models import ChangeRecord

Click = Callable[[ChangeRecord], Any]
PATIENCE: Final = 60.0  # seconds after which a click that does not come back is a failure


@dataclass
class Crowd:
    """Threads that stay, so that a race costs no new connections."""

    pool: ThreadPoolExecutor
    size: int

    def all(self, acts: Sequence[Callable[[], Any]]) -> list[bool]:
        """All of them at once. Who was heard, in the order of `acts`."""
        gate = threading.Barrier(len(acts))

        def one(act: Callable[[], Any]) -> bool:
            gate.wait(PATIENCE)
            try:
                act()
            except Refused:
                return False
            return True

        running = [self.pool.submit(one, act) for act in acts]
        return [each.result(PATIENCE) for each in running]

    def click(self, change: ChangeRecord, clicks: Sequence[Click]) -> list[bool]:
        """All of them on one record, each on a copy that was read before."""
        return self.click_each([(change, click) for click in clicks])

    def click_each(self, clicks: Sequence[tuple[ChangeRecord, Click]]) -> list[bool]:
        """The same, each on a record of its own."""
        copies = [ChangeRecord.objects.get(pk=change.pk) for change, _ in clicks]
        return self.all([partial(click, copy) for (_, click), copy in zip(clicks, copies, strict=True)])


@contextmanager
def crowd(size: int) -> Iterator[Crowd]:
    """So many threads; their connections are closed at the end."""
    with ThreadPoolExecutor(size) as pool:
        try:
            yield Crowd(pool, size)
        finally:
            gate = threading.Barrier(size)

            def leave() -> None:
                gate.wait(PATIENCE)
                connections.close_all()

            for each in [pool.submit(leave) for _ in range(size)]:
                each.result(PATIENCE)
