"""How a campaign stands: what became of each connection by what is authorised now; and the frozen result."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final, Literal, NamedTuple

from compliance.models import ChangeRecord, ConnectionVersion, State, System
from compliance.models.approvals import canonical
from compliance.models.estate import day_of
from compliance.views.shown import ends, services
from evidence.judgement import counted
from reviews.models import Campaign, CampaignItem

Stood = Literal["open", "changed", "draft", "refused", "asked", "kept", "narrowed", "removed", "gone"]
LEFT: Final = ("open", "changed", "draft", "refused")  # the owner's to do: silence is never "kept"
ORDER: Final[tuple[Stood, ...]] = (
    "refused",
    "open",
    "changed",
    "draft",
    "asked",
    "kept",
    "narrowed",
    "removed",
    "gone",
)
DONE: Final[Mapping[str, Stood]] = {"keep": "kept", "narrow": "narrowed", "revoke": "removed"}
TURNED_DOWN: Final = (State.REJECTED, State.WITHDRAWN)


class Stand(NamedTuple):
    """One connection. `version`: what is authorised of it now, None when nothing is; `note`: what happened since."""

    item: CampaignItem
    state: Stood
    version: ConnectionVersion | None
    note: str

    @property
    def left(self) -> bool:
        """Whether its owner has still to decide."""
        return self.state in LEFT


def stands(items: Iterable[CampaignItem], at: datetime) -> list[Stand]:
    """Each of these as it stands, what is left first."""
    rows = list(items)
    asked = ConnectionVersion.objects.filter(connection__in=[one.connection_id for one in rows])
    versions = asked.authorised_at(day_of(at))
    related = ("connection__system__owner", "connection__source", "connection__destination", "change")
    now = {one.connection_id: one for one in versions.select_related(*related)}
    found = [stand(one, now.get(one.connection_id)) for one in rows]
    return sorted(found, key=lambda one: (ORDER.index(one.state), one.item.pk))


def stand(item: CampaignItem, now: ConnectionVersion | None) -> Stand:
    """What became of one: by what is authorised, never by a flag."""
    change = item.change
    if change is not None and came_of(item, change, now):
        return Stand(item, DONE[item.what], now, f"{change.ref} is {change.get_state_display().lower()}.")
    if now is None:
        return Stand(item, "gone", now, "It was retired, or ended, meanwhile.")
    if change is not None and change.state == State.DRAFT:
        return Stand(item, "draft", now, f"{change.ref} was begun and never sent.")
    if change is not None and change.state in TURNED_DOWN:
        why = f": {change.closing_note}" if change.closing_note else ""
        return Stand(item, "refused", now, f"{change.ref} was {change.get_state_display().lower()}{why}")
    if change is not None:
        return Stand(item, "asked", now, f"{change.ref} is {change.get_state_display().lower()}.")
    if now.pk != item.version_id:
        return Stand(item, "changed", now, f"{now.change.ref} changed it meanwhile.")
    return Stand(item, "open", now, "")


def came_of(item: CampaignItem, change: ChangeRecord, now: ConnectionVersion | None) -> bool:
    """Whether what was decided is in force: what was kept or narrowed stands (or stood), what was removed does not."""
    if item.what == CampaignItem.What.REVOKE:
        return now is None and change.decided_at is not None and change.state not in TURNED_DOWN
    return (now is not None and now.change_id == change.pk) or change.state == State.RETIRED


def is_overdue(campaign: Campaign, rows: Sequence[Stand], today: date) -> bool:
    """Whether its day is past and somebody has not decided."""
    return campaign.state == Campaign.State.OPEN and campaign.due < today and any(one.left for one in rows)


class Share(NamedTuple):
    """What one owner has to decide, and how far they came."""

    system: System
    numbers: Mapping[str, int]
    total: int
    left: int


def shares(rows: Iterable[Stand]) -> list[Share]:
    """By system, whose owner decides; who has most left first."""
    by_system: dict[System, list[Stand]] = {}
    for one in rows:
        by_system.setdefault(one.item.system, []).append(one)
    found = [
        Share(system, Counter(one.state for one in mine), len(mine), sum(one.left for one in mine))
        for system, mine in by_system.items()
    ]
    return sorted(found, key=lambda one: (-one.left, one.system.name))


def sentence(rows: Sequence[Stand]) -> str:
    """How far it is, in a line."""
    left = sum(one.left for one in rows)
    waits = sum(one.state == "asked" for one in rows)
    text = f"{left} of {counted(len(rows), 'connection')} not decided"
    return f"{text}, {waits} decided and waiting for agreement" if waits else text


def line(one: Stand) -> dict[str, Any]:
    """One connection in plain values: of the frozen result, and of a file."""
    item = one.item
    material = (one.version or item.version).material
    return {
        "connection": item.connection.ref,
        "title": " → ".join(part for part in ends(material) if part),
        "services": services(material),
        "system": item.system.name,
        "owner": str(item.system.owner),
        "state": one.state,
        "decided": item.get_what_display() if item.what else "",
        "because": item.because,
        "until": item.until.isoformat() if item.until else "",
        "by": str(item.decided_by or ""),
        "at": item.decided_at.isoformat() if item.decided_at else "",
        "change": item.change.ref if item.change else "",
        "note": one.note,
    }


def frozen(campaign: Campaign, rows: Sequence[Stand], at: datetime) -> str:
    """The result of a campaign that closes: the same rows give the same text."""
    numbers = Counter(one.state for one in rows)
    said = {
        "campaign": campaign.ref,
        "title": campaign.title,
        "due": campaign.due.isoformat(),
        "closed_at": at.isoformat(),
        "numbers": dict(sorted(numbers.items())),
        "not_decided": sum(one.left for one in rows),
        "connections": [line(one) for one in sorted(rows, key=lambda one: one.item.pk)],
    }
    return canonical(said).decode()


def result(campaign: Campaign) -> dict[str, Any]:
    """The frozen result; {} while it goes on, and where its text is not that of its hash: then it says nothing."""
    if hashlib.sha256(campaign.result.encode()).hexdigest() != campaign.result_hash:
        return {}
    found: dict[str, Any] = json.loads(campaign.result)
    return found
