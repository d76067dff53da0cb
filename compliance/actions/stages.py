"""What a system asks for beyond the two people every change needs. What was sent keeps what it was sent with."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from django.db import transaction
from django.utils import timezone

from compliance.actions.ledger import record
from compliance.errors import Refused
from compliance.models import ApprovalStage, Role, System, User
from compliance.permissions import check

Wanted = tuple[str, User | None]  # title, and who decides: None for the authorising officer
MOST: Final = 3
FIRST: Final = 2


def set_stages(
    system: System,
    stages: Sequence[Wanted],
    *,
    because: str,
    by: User,
    seen: Sequence[int] | None = None,
    at: datetime | None = None,
) -> list[ApprovalStage]:
    """Replaces the further stages of a system, in their order. Administrators do it, who decide on no change.

    `seen`: the ids of the stages the person looked at; when others stand by now, nothing is written.
    """
    moment = at or timezone.now()
    check(by, "set_stages", system, at=moment)
    refuse_odd(system, stages, because, moment)
    with transaction.atomic():
        System.objects.select_for_update().get(pk=system.pk)
        standing = list(ApprovalStage.objects.filter(system=system).in_force(moment).select_related("set_by"))
        if seen is not None and sorted(seen) != sorted(row.pk for row in standing):
            raise changed(system)
        ApprovalStage.objects.filter(pk__in=[row.pk for row in standing]).update(valid_to=moment)
        made = [
            ApprovalStage.objects.create(
                system=system, position=place, title=title.strip(), person=person, valid_from=moment, set_by=by,
                because=because.strip(),
            )
            for place, (title, person) in enumerate(stages, FIRST)
        ]  # fmt: skip
        before = [[row.position, row.title, row.person_id] for row in standing]
        after = [[row.position, row.title, row.person_id] for row in made]
        record("set_stages", system, by=by, at=moment, because=because, before=before, after=after, stages=after)
    return made


def refuse_odd(system: System, stages: Sequence[Wanted], because: str, at: datetime) -> None:
    """Refuses stages nobody could decide in, and a change without a reason."""
    what = f"The stages of {system} stay as they are."
    if not because.strip():
        raise Refused(what, "No reason was given.", "Say why in a sentence.")
    if len(stages) > MOST:
        raise Refused(what, f"There are {MOST} further stages at most.", "Leave some out.")
    for title, person in stages:
        if not title.strip():
            raise Refused(what, "A stage has no title.", "Say who decides in it, such as Security officer.")
        if person is None and system.authorising_officer is None:
            raise Refused(what, f"{system} names no authorising officer.", "Name one, or a person for the stage.")
        if person is not None and not person.holds(
            [role for role in Role.values if role not in (Role.ADMINISTRATOR, Role.AUDITOR)], system.pk, at
        ):
            raise Refused(what, f"{person} has no role in {system}.", "Choose somebody who works with the system.")


def changed(system: System) -> Refused:
    """Somebody set other stages since the page was opened: who, when, and what stands now."""
    last = ApprovalStage.objects.filter(system=system).select_related("set_by").order_by("-pk").first()
    standing = ApprovalStage.objects.filter(system=system, valid_to__isnull=True).order_by("position")
    now = ", then ".join(row.title for row in standing) or "no further stage"
    who, when = (str(last.set_by), timezone.localtime(last.valid_from)) if last else ("somebody", timezone.localtime())
    return Refused(
        f"Nothing was done to the stages of {system}.",
        f"They were changed by {who} at {when:%H:%M} on {when.day} {when:%B %Y} since you opened them: now {now}.",
        "Compare them with what you typed, then send yours again or leave theirs.",
    )
