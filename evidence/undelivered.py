"""Change records that nothing in the rules came of, though their servers were read before and after."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from django.utils import timezone

from compliance.models import ChangeRecord, State
from evidence.actions.verification import affected
from evidence.models import Snapshot, Source

CARRIED_OUT: Final = (State.IMPLEMENTED, State.VERIFIED, State.DISPUTED)


def without_delta(records: Iterable[ChangeRecord]) -> list[tuple[ChangeRecord, str]]:
    """Those among network changes said to be done for which no rule changed, each with the reason in a sentence.

    A record is left out while one of its servers was not read both before it was approved and after it was done:
    nothing is known of it then. What was learned from the rules is left out: it ran before.
    """
    found = []
    for change in records:
        done, decided = change.implemented_at, change.decided_at
        if done is None or decided is None or change.rests_on_id is not None:
            continue
        if change.state not in CARRIED_OUT or change.rule_changes.exists():
            continue
        servers = affected(change) if change.material.get("kind") == "network" else []
        if not servers or not all(_read_around(name, change) for name in servers):
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


def _read_around(server: str, change: ChangeRecord) -> bool:
    """Whether the server was read before the approval and is seen after the change was said to be done."""
    before = Snapshot.objects.filter(server__name=server, published=True, observed_at__lt=change.decided_at).exists()
    return before and Source.objects.filter(server__name=server, last_seen_at__gte=change.implemented_at).exists()
