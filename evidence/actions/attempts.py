"""What follows a reading: when the source is read next, and when it stops trying by itself.

A source that fails is tried again soon, then later and later, each with some chance in it, so that a hundred sources
behind one broken line do not come back in the same second. Where trying again could do harm it pauses: a refused
sign-in is tried once more (accounts get locked), another host key never.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

from django.db import transaction
from django.db.models import Q, QuerySet

from compliance.actions.ledger import record
from compliance.announcing import announce
from compliance.models import System
from evidence.models import ErrorCode, Source

FIRST_S: Final = 60.0
LONGEST_S: Final = 6 * 3600.0
ASKED_AT_MOST_S: Final = 24 * 3600.0  # a device that asks for longer is asked again all the same
MOST_LOOKED_AT: Final = 10
AT_ONCE: Final = 200  # asked for in one breath: the schedules of others wait for it
FAILING_AT: Final = 3  # failures in a row after which programs are told
_chance = secrets.SystemRandom()


class After(NamedTuple):
    """What follows an error: the first wait in seconds, and after how many of them in a row the source pauses."""

    first_s: float = FIRST_S
    pauses_at: int = 0  # never


# Trying again soon helps against what passes by itself. The rest waits for a person, and is asked after less often.
AFTER: Final[Mapping[ErrorCode, After]] = {
    ErrorCode.UNREACHABLE: After(),
    ErrorCode.TIMEOUT: After(),
    ErrorCode.AUTH: After(pauses_at=2),
    ErrorCode.HOSTKEY_CHANGED: After(pauses_at=1),
    ErrorCode.TLS: After(900.0),
    ErrorCode.PERMISSION: After(900.0),
    ErrorCode.RATE_LIMITED: After(),
    ErrorCode.TRUNCATED: After(),
    ErrorCode.EMPTY: After(300.0),
    ErrorCode.UNEXPECTED_SHRINK: After(900.0),
    ErrorCode.PARSE: After(900.0),
    ErrorCode.DEPENDENCY: After(900.0),
    ErrorCode.CONFIG: After(900.0),
}
# What stands on the page of a source that paused by itself
PAUSED: Final[Mapping[str, str]] = {
    ErrorCode.AUTH: "The sign-in was refused twice. A third try could lock the account, so nothing is tried any more.",
    ErrorCode.HOSTKEY_CHANGED: "The host shows another key than the one that was confirmed: it may have been set up"
    " anew, or it is another machine. Nothing is sent to it any more.",
}


def wait_s(first_s: float, failures: int) -> float:
    """Seconds until the next try after so many failures in a row: doubled each time, give or take a quarter."""
    return float(min(first_s * 2.0 ** min(failures - 1, 30), LONGEST_S) * _chance.uniform(0.75, 1.25))


def next_slot(last: datetime, every_minutes: int, now: datetime) -> datetime:
    """The next reading: whole intervals on from the last slot, so that the schedule does not drift."""
    every = timedelta(minutes=max(every_minutes, 1))
    return last + every * (max((now - last) // every, 0) + 1) if last <= now else last


def ask_due(rows: QuerySet[Any], now: datetime, ask: Callable[[Any, str], object]) -> int:
    """Asks for each of the rows (sources, flow logs) whose time has come, under a name made of the slot it leaves.

    Gives how many. Of two schedulers at once the one that moves a row on to its next slot asks.
    """
    asked = 0
    for row in rows.filter(Q(next_at__lte=now) | Q(next_at__isnull=True), enabled=True).order_by("next_at")[:AT_ONCE]:
        slot = row.next_at or now.replace(second=0, microsecond=0)
        with transaction.atomic():
            mine = rows.model._default_manager.filter(pk=row.pk, enabled=True, next_at=row.next_at)
            if not mine.update(next_at=next_slot(slot, row.every_minutes, now)):
                continue  # another scheduler was quicker
            ask(row, f"{slot.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}")
            asked += 1
    return asked


def worked(source: Source, now: datetime) -> dict[str, Any]:
    """What a reading that went well sets on its source."""
    every = timedelta(minutes=source.every_minutes)
    last = None if source.failures else source.next_at  # of a source that failed: the time of its next try
    return {"failures": 0, "next_at": next_slot(last, source.every_minutes, now) if last else now + every}


def did_not(
    source: Source, code: ErrorCode | None, now: datetime, *, retry_after: float | None = None
) -> dict[str, Any]:
    """What a failed reading sets on its source: the next try, or a pause. `code` None: the work itself was given up."""
    failures = source.failures + 1
    after = AFTER[code] if code else After()
    same = same_in_a_row(source, code)
    said: dict[str, Any] = {"failures": failures}
    if after.pauses_at and same >= after.pauses_at:
        return said | {"enabled": False, "paused_code": code, "paused_at": now, "next_at": None}
    wait = wait_s(after.first_s, failures)
    if retry_after is not None:
        asked = min(max(retry_after, 1.0), ASKED_AT_MOST_S)
        wait = max(wait, asked * _chance.uniform(1.0, 1.1))
    return said | {"next_at": now + timedelta(seconds=wait)}


def same_in_a_row(source: Source, code: ErrorCode | None) -> int:
    """How often in a row it ended with this very error since it last went well or was resumed, this time included."""
    rows = source.pulls.filter(published=True, finished_at__isnull=False).order_by("-finished_at", "-pk")
    before = list(rows.values_list("error_code", flat=True)[: min(source.failures, MOST_LOOKED_AT)])
    return 1 + next((number for number, each in enumerate(before) if each != code), len(before))


def noted(source: Source, said: Mapping[str, Any], now: datetime) -> None:
    """Writes what follows to the source, and into the ledger where it paused. In the caller's transaction."""
    Source.objects.filter(pk=source.pk).update(**said)
    if said.get("paused_code"):
        record("pause", source, by=None, at=now, because=PAUSED[said["paused_code"]])
    if said.get("paused_code") or said.get("failures") == FAILING_AT:
        code = str(said.get("paused_code") or "")
        tell_programs("source.failing", source, now, failures=said["failures"], paused=code)


def came_back(source: Source, now: datetime) -> None:
    """It was read again, after it had been said to be failing. In the caller's transaction."""
    if source.failures >= FAILING_AT:
        tell_programs("source.recovered", source, now, failures=source.failures)


def tell_programs(event: str, source: Source, now: datetime, **data: Any) -> None:
    """Programs that asked for it are told of a source, about the system of its server."""
    about = System.objects.filter(pk=source.server.system_id)
    announce(event, title=source.name, path=f"/sources/{source.pk}/", about=about, at=now, **data)
