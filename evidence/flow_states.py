"""How a flow log stands, for pages and findings: whether it is fetched, how new its newest record is, what it lacks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db.models import Count, Max, Min, Q

from compliance.words import span
from evidence.models import FlowFile, FlowLog, FlowPull

FAILED: Final = (FlowPull.State.FAILED, FlowPull.State.PARTIAL)
LOST: Final = (FlowFile.State.REFUSED, FlowFile.State.FAILED)


@dataclass(frozen=True, slots=True)
class Stands:
    """A flow log at a moment. `state`: of compliance.words.SOURCES; `said`: what is wrong with it, "" = nothing."""

    state: str
    said: str
    next_step: str
    first_at: datetime | None
    last_at: datetime | None
    files: int
    lost: int
    waiting: int
    aside: int


def stands(logs: Iterable[FlowLog], at: datetime) -> dict[int, Stands]:
    """Each flow log (with its `last_pull`) by its key."""
    rows = list(logs)
    read = Q(state=FlowFile.State.READ)
    numbers = {
        one["log"]: one
        for one in FlowFile.objects.filter(log__in=rows)
        .order_by()
        .values("log")
        .annotate(
            first=Min("first_at", filter=read), last=Max("last_at", filter=read), files=Count("pk", filter=read),
            lost=Count("pk", filter=Q(state__in=LOST)), waiting=Count("pk", filter=Q(state=FlowFile.State.WAITING)),
            unread=Count("pk", filter=read & Q(lines_unread__gt=0)),
            aside=Count("pk", filter=Q(state=FlowFile.State.ASIDE)),
        )
    }  # fmt: skip
    return {log.pk: _stands(log, numbers.get(log.pk, {}), at) for log in rows}


def _stands(log: FlowLog, found: Mapping[str, object], at: datetime) -> Stands:
    last = found.get("last")
    newest = last if isinstance(last, datetime) else None
    first = found.get("first")
    files, lost, waiting, aside = (int(str(found.get(key) or 0)) for key in ("files", "lost", "waiting", "aside"))
    unread = int(str(found.get("unread") or 0))
    pull, limit = log.last_pull, timedelta(hours=log.fresh_hours)
    state, said, next_step = "fresh", "", ""
    if log.paused_code:
        state, said = "stopped", pull.what if pull else ""
    elif not log.enabled:
        state, said = "paused", "Nobody fetches it: what it would show is a gap."
    elif pull is not None and pull.state in FAILED:
        state, said, next_step = "failing", pull.what, pull.next_step
    elif newest is None:
        state = "never"
        said = "" if waiting else "No record of it was ever read: who talked to whom is not known from it."
    elif at - newest - timedelta(hours=1) > limit:
        state = "stale"
        said = f"Its newest record is of {newest:%-d %B %Y, %H:%M} UTC, and its limit is {span(log.fresh_hours)}."
        next_step = "Look whether the log still runs, and bring or fetch what it wrote."
    elif lost or unread:
        what = [f"{lost} of its files {'is' if lost == 1 else 'are'} not used"] if lost else []
        what += [f"{unread} hold{'s' if unread == 1 else ''} lines that were not understood"] if unread else []
        state, said, next_step = "partial", f"{', '.join(what)}.", "Look at them below."
    begun = first if isinstance(first, datetime) else None
    return Stands(state, said, next_step, begun, newest, files, lost, waiting, aside)
