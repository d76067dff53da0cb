"""What a transaction wrote to governed rows and did not say in the ledger yet. One for each database connection."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID


@dataclass
class Pending:
    """`written`: label → keys. `made`: rows just inserted, whose key is known once they are saved.

    `altered`: rows that were not, before the verb, as the ledger left them. `told`: the sequencer is called already.
    `last`: entry and person of the verb that spoke last in this transaction; what it writes afterwards is part of it.
    """

    written: defaultdict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    made: list[Any] = field(default_factory=list)
    altered: set[tuple[str, int]] = field(default_factory=set)
    told: bool = False
    last: tuple[UUID, Any] | None = None

    def wrote(self, label: str, keys: Iterable[int]) -> None:
        """These rows were written (or removed)."""
        self.written[label].update(keys)

    def take(self) -> tuple[dict[str, set[int]], list[tuple[str, int]]]:
        """All of it, once: rows by label, and those found altered."""
        for one in self.made:
            if one.pk is not None:
                self.written[one._meta.label_lower].add(one.pk)
        taken, altered = dict(self.written), sorted(self.altered)
        self.written.clear()
        self.made.clear()
        self.altered.clear()
        return taken, altered

    def waits(self) -> bool:
        """Whether anything is left to be said."""
        return bool(self.written or self.made or self.altered)

    def forget(self) -> None:
        """The transaction was rolled back, or is over."""
        self.take()
        self.told = False
        self.last = None
