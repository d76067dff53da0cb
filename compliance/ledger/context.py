"""From where something is done: a page, a job or a command, and how the person there had signed in.

A context variable, set by the middleware of pages and by the jobs; where nobody set it, it is a command.
"""

from __future__ import annotations

import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Origin:
    """`via`: page, api, job or command. `request`: id of the request or key of the job. `methods`: of the sign-in.
    `confirmed_at`: when the person last showed who they are (by sign-in or when asked again), "" where nobody did."""

    via: str
    request: str
    methods: tuple[str, ...] = field(default=())
    mfa: bool = False
    person: int | None = None
    confirmed_at: str = ""


_current: ContextVar[Origin | None] = ContextVar("eastwest_origin", default=None)


def current() -> Origin:
    """Where this is done from. Without a page or a job around it, it is a command, named as it was typed."""
    return _current.get() or Origin("command", Path(sys.argv[0]).name[:60] if sys.argv else "")


def fresh_id() -> str:
    """An id for one request."""
    return secrets.token_hex(8)


def signed_in_as(person: int, methods: tuple[str, ...]) -> None:
    """Who this request turned out to be from, where that is known only within it (a token of the API)."""
    here = current()
    _current.set(Origin(here.via, here.request, methods, False, person))


@contextmanager
def done_from(origin: Origin) -> Iterator[None]:
    """What the body does is done from there."""
    token = _current.set(origin)
    try:
        yield
    finally:
        _current.reset(token)
