"""What many pages count and few decisions change: given again until anybody decides anything.

Whatever decides, and whether a finding stands, is said in the ledger in the same transaction (compliance/ledger), so
its last entry tells whether a count may be another one by now. What time alone changes (a source that grew late, a
review that came due) is counted anew after `NAV_KEPT_S` seconds. Nothing here is a list: rows are read for each page.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from typing import Any, Final, NamedTuple, TypeVar

from django.conf import settings

from compliance.actions.views_seen import TAKE, VIEW
from compliance.models import LedgerInbox, User

MOST: Final = 5_000  # values that a process keeps
Value = TypeVar("Value")


class Kept(NamedTuple):
    """A value, how far the ledger was when it was made, and until when it is given again."""

    ledger: int | None
    until: float
    value: Any


_kept: dict[Hashable, Kept] = {}  # of this process


def kept(person: User, key: Hashable, make: Callable[[], Value]) -> Value:
    """What `make` gives, or gave for the same `key` while nothing was decided since. `person`: who reads the page.

    The key says all that the value depends on beside the ledger: whose it is, or of which systems.
    """
    known, ledger = _kept.get(key), ledger_seen_by(person)
    if known is not None and known.ledger == ledger and time.monotonic() < known.until:
        value: Value = known.value
        return value
    made = make()
    if len(_kept) >= MOST:
        _kept.clear()
    _kept[key] = Kept(ledger, time.monotonic() + settings.NAV_KEPT_S, made)
    return made


def ledger_seen_by(person: User) -> int | None:
    """The last entry of the ledger that is no look at a page."""
    entries = LedgerInbox.objects.exclude(verb__in=(VIEW, TAKE)).order_by("-pk").values_list("pk", flat=True)
    return person.read_once("ledger", entries.first)


def eyes(person: User) -> int | None:
    """Whose eyes, as a part of a key of what is not seen by systems alone; None: of all who see everything."""
    return None if person.system_ids() is None else person.pk


def scope(person: User) -> frozenset[int] | None:
    """The systems that somebody sees, as a part of a key; None: all of them."""
    systems = person.system_ids()
    return None if systems is None else frozenset(systems)
