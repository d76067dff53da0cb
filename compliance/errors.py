"""What Eastwest says when it will not do something."""

from __future__ import annotations

from datetime import datetime


class Refused(Exception):
    """Something a person asked for is not done. `what` happened, `why`, and the `next_step` that would help.

    `link`: (label, address) of the page where the next step is done; None where it is no page of ours.
    """

    def __init__(self, what: str, why: str = "", next_step: str = "", *, link: tuple[str, str] | None = None) -> None:
        super().__init__(" ".join(part for part in (what, why, next_step) if part))
        self.what, self.why, self.next_step, self.link = what, why, next_step, link


class NotAllowed(Refused):
    """Refused because of who asks (a role, a scope, four eyes), not because of where the record stands."""


class Lost(Exception):
    """This worker no longer holds the job's lease: another one does. Nothing of this run may be published."""


class Cancelled(Exception):
    """A person cancelled the job while it ran."""


class Later(Exception):
    """A job that has to wait for somebody else (a device that is being read): again at `at`. It costs no try."""

    def __init__(self, at: datetime, because: str) -> None:
        super().__init__(because)
        self.at, self.because = at, because
