"""What many pages count and few decisions change: given again until anybody decides anything.

Whatever decides, and whether a finding stands, is said in the ledger in the same transaction (compliance/ledger), so
its last entries tell whether a count may be another one by now. What time alone changes (a source that grew late, a
review that came due) is counted anew after `NAV_KEPT_S` seconds. Nothing here is a list: rows are read for each page.
What one process of the web server counted the others give again (compliance/views/board.py).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from typing import Any, Final, NamedTuple, TypeVar

from django.conf import settings

from compliance.actions.views_seen import TAKE, VIEW
from compliance.models import LedgerInbox, User
from compliance.views.board import Board

MOST: Final = 5_000  # values that a process keeps
LAST: Final = 64  # entries of the ledger that are looked at
Value = TypeVar("Value")


class Kept(NamedTuple):
    """A value, how far the ledger was when it was made, and until when it is given again."""

    ledger: tuple[int, ...]
    until: float
    value: Any


_kept: dict[Hashable, Kept] = {}  # of this process
_board: Final = Board()  # of all processes of the web server


def kept(person: User, key: Hashable, make: Callable[[], Value]) -> Value:
    """What `make` gives, or gave for the same `key` while nothing was decided since. `person`: who reads the page.

    The key says all that the value depends on beside the ledger: whose it is, or of which systems.
    """
    ledger = ledger_seen_by(person)
    for known in (place.get(key) for place in (_kept, _board)):  # the second is asked where the first has none
        if known is not None and known.ledger == ledger and time.monotonic() < known.until:
            break
    else:
        known = Kept(ledger, time.monotonic() + settings.NAV_KEPT_S, make())
        _board.put(key, known)
    if len(_kept) >= MOST and key not in _kept:
        _kept.clear()
    _kept[key] = known
    value: Value = known.value
    return value


def forget() -> None:
    """Everything is counted anew."""
    _kept.clear()
    _board.clear()


def ledger_seen_by(person: User) -> tuple[int, ...]:
    """The last entries of the ledger that are no looks at pages.

    Several, as PostgreSQL numbers them when they are written and shows them when they are committed: an entry that was
    slower than the one after it comes to stand before the last one, and changes counts all the same.
    """
    entries = LedgerInbox.objects.exclude(verb__in=(VIEW, TAKE)).order_by("-pk").values_list("pk", flat=True)
    return person.read_once("ledger", lambda: tuple(entries[:LAST]))


def eyes(person: User) -> int | None:
    """Whose eyes, as a part of a key of what is not seen by systems alone; None: of all who see everything."""
    return None if person.system_ids() is None else person.pk


def scope(person: User) -> frozenset[int] | None:
    """The systems that somebody sees, as a part of a key; None: all of them."""
    systems = person.system_ids()
    return None if systems is None else frozenset(systems)
