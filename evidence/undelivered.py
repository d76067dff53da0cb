"""Change records that nothing in the rules came of, though their servers were read before and after."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from django.db.models import Max, Min
from django.utils import timezone

from compliance.models import ChangeRecord, State
from evidence.actions.footprint import affected_by
from evidence.models import RuleChange, Snapshot, Source

CARRIED_OUT: Final = (State.IMPLEMENTED, State.VERIFIED, State.DISPUTED)


def without_delta(records: Iterable[ChangeRecord]) -> list[tuple[ChangeRecord, str]]:
    """Those among network changes said to be done for which no rule changed, each with the reason in a sentence.

    A record is left out while one of its servers was not read both before it was approved and after it was done:
    nothing is known of it then. What was learned from the rules is left out: it ran before.
    """
    found, rows = [], [change for change in records if said_to_be_done(change)]
    changed = set(RuleChange.objects.filter(change__in=rows).values_list("change", flat=True))
    named = affected_by([change for change in rows if change.pk not in changed])
    times = _times({name for servers in named.values() for name in servers})
    for change in rows:
        done, servers = change.implemented_at, named.get(change.pk)
        if done is None or not servers or not all(_read_around(times.get(name), change) for name in servers):
            continue
        where = " or ".join(servers[:3])
        when = timezone.localtime(done)
        why = (
            "What it asks for was let through before it was approved."
            if change.state == State.VERIFIED
            else "What the rules let through is what they let through before it was approved."
        )
        found.append((change, f"No rule of {where} changed for it by {when.day} {when:%B %Y}. {why}"))
    return found


def said_to_be_done(change: ChangeRecord) -> bool:
    """Whether it is a network change with which somebody was to change rules, and said that they did."""
    if change.implemented_at is None or change.decided_at is None or change.rests_on_id is not None:
        return False
    return change.state in CARRIED_OUT and change.material.get("kind") == "network"


def _times(servers: set[str]) -> dict[str, tuple[datetime, datetime]]:
    """Server → when it was first read, and when it was last seen; without those of which one is missing."""
    read = Snapshot.objects.filter(server__name__in=servers, published=True).order_by().values_list("server__name")
    seen = Source.objects.filter(server__name__in=servers).order_by().values_list("server__name")
    last = dict(seen.annotate(last=Max("last_seen_at")))
    return {name: (first, last[name]) for name, first in read.annotate(first=Min("observed_at")) if last.get(name)}


def _read_around(times: tuple[datetime, datetime] | None, change: ChangeRecord) -> bool:
    """Whether the server was read before the approval and is seen after the change was said to be done."""
    if times is None or change.decided_at is None or change.implemented_at is None:
        return False
    return times[0] < change.decided_at and times[1] >= change.implemented_at
