"""A connection that says in the ledger, before it commits, what of its governed rows no verb has said yet."""

from __future__ import annotations

from typing import Any

from compliance.ledger.pending import Pending


class SaysWhatItWrote:
    """Mixed into the wrappers of Django's own backends."""

    in_atomic_block: bool

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.pending = Pending()
        self.migrated: set[tuple[str, int]] = set()  # rows a migration wrote, said once all have run

    def commit(self) -> None:
        """Says what is left to be said, in the same transaction, then commits."""
        if self.pending.waits():
            from compliance.actions.ledger import say_rest

            self.in_atomic_block = True
            try:
                say_rest(self)
            finally:
                self.in_atomic_block = False
        super().commit()  # type: ignore[misc]
        self.pending.forget()

    def rollback(self) -> None:
        """What was noted did not happen."""
        super().rollback()  # type: ignore[misc]
        self.pending.forget()

    def close(self) -> None:
        """A connection that is closed, or lost, keeps nothing."""
        super().close()  # type: ignore[misc]
        if not self.in_atomic_block:
            self.pending.forget()
