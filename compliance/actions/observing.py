"""Who joins and who leaves a dynamic group by what its members are known by: up to the ceiling that was agreed to.

What was seen comes from the room above; here it is decided. The agreement with a group is about servers of its own
system: one of another system is named, and joins by a change record that its own owner decides on as well.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from django.db import transaction

from compliance.actions.estate import end_row
from compliance.actions.ledger import record
from compliance.actions.versions import hold_register
from compliance.errors import Refused
from compliance.models import Group, Membership, Server
from compliance.models.carried import faults
from compliance.observed import said


class Plan(NamedTuple):
    """What follows from who is seen. `above`: nobody joins beyond the ceiling; `others`: they belong to others."""

    join: list[Server]
    leave: list[Membership]
    above: list[Server]
    others: list[Server]


def planned(group: Group, seen: Iterable[Server]) -> Plan:
    """Members that are seen stay before anybody joins, and those who join are taken by name. Writes nothing."""
    rows = list(group.memberships.filter(valid_to__isnull=True).select_related("group", "server", "change"))
    wrong = faults(rows)  # such a row authorises nothing, and whoever looks into it ends it
    sound = [row for row in rows if row.pk not in wrong]
    found = {one.pk: one for one in seen}
    leave = [row for row in sound if row.server_id not in found]
    held = {row.server_id for row in rows}
    fresh = sorted((one for key, one in found.items() if key not in held), key=lambda one: one.name)
    own = [one for one in fresh if one.system_id == group.system_id]
    room = max((group.ceiling or 0) - (len(sound) - len(leave)), 0)
    return Plan(own[:room], leave, own[room:], [one for one in fresh if one.system_id != group.system_id])


def follow(group: Group, seen: Iterable[Server], *, reading: str, at: datetime) -> Plan:
    """Writes what follows from who is seen, each joining and leaving with its own entry. Gives what was done.

    `reading`: which one showed it, in words. Raises Refused where nobody agreed to what the group says of itself.
    """
    with transaction.atomic():
        hold_register()
        fresh = Group.objects.get(pk=group.pk)
        refuse_unsealed(fresh)
        plan = planned(fresh, seen)
        because = f"Observed by {reading}: {said(fresh.observed)}."
        for row in plan.leave:
            end_row(row, "remove_member", by=None, at=at, because=f"Not o{because[1:]}", name=str(row))
        for server in plan.join:
            joined = Membership(group=fresh, server=server, valid_from=at).sealed()
            joined.save(force_insert=True)
            record("add_membership", joined, by=None, at=at, because=because, name=str(joined))
    return plan


def refuse_unsealed(group: Group) -> None:
    """Neither a ceiling nor a statement that was written past Eastwest lets anybody in."""
    if not group.observed or group.ceiling is None or not group.ceiling_holds() or not group.observed_holds():
        raise Refused(
            f"Nobody joins {group} and nobody leaves it.",
            "Its ceiling, or what its members are known by, was not written through Eastwest.",
            "Look into who wrote it, and have it decided anew.",
        )
