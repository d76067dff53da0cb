"""Connections that were asked for together and rest on one accepted risk: one line in the inbox, a list on its page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from compliance.models import ChangeRecord, RiskAcceptance, User
from compliance.views.shown import ends, services


def apart(listing: Iterable[ChangeRecord]) -> tuple[list[ChangeRecord], list[dict[str, Any]]]:
    """The changes that are decided on one by one, and the groups of the others: each a line of the inbox."""
    singles, groups = [], dict[int, list[ChangeRecord]]()
    for change in listing:
        if change.rests_on_id is None:
            singles.append(change)
        else:
            groups.setdefault(change.rests_on_id, []).append(change)
    risks = RiskAcceptance.objects.in_bulk(list(groups))
    return singles, [bundle(risks[key], rows) for key, rows in groups.items()]


def bundle(risk: RiskAcceptance, rows: list[ChangeRecord]) -> dict[str, Any]:
    """One line for a group."""
    return {
        "ref": risk.ref,
        "url": f"/risks/{risk.ref}/",
        "count": len(rows),
        "about": risk.about,
        "by": str(rows[0].requested_by),
        "until": risk.ends_on,
        "state": risk.get_state_display().lower(),
    }


def rows_of(risk: RiskAcceptance, person: User) -> dict[str, Any] | None:
    """What rests on a risk: each change with where it stands, and where those that wait for this person are decided."""
    mine = list(risk.changes.filter(pk__in=ChangeRecord.objects.for_user(person).values("pk")).order_by("pk"))
    if not mine:
        return None
    waits = ChangeRecord.objects.waiting_for(person).filter(rests_on=risk).order_by("pk").values_list("pk", flat=True)
    refs = "&".join(f"change=CHG-{key}" for key in waits)
    counts = Counter(change.get_state_display().lower() for change in mine)
    return {
        "rows": [
            {
                "ref": change.ref,
                "url": f"/changes/{change.ref}/",
                "text": " → ".join(part for part in ends(change.material) if part),
                "services": services(change.material),
                "state": change.state,
            }
            for change in mine
        ],
        "counts": ", ".join(f"{count} {state}" for state, count in counts.items()),
        "decide_url": f"/inbox/bulk/?{refs}" if refs else "",
        "waiting": len(waits),
    }
