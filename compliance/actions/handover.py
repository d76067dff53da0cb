"""A person leaves: everything they are responsible for passes to somebody, then they are deactivated, in one moment."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from compliance.actions.ledger import record
from compliance.actions.own_charges import all_met_without
from compliance.actions.people import deactivate, may_manage
from compliance.charges import Charge, keepers
from compliance.errors import Refused
from compliance.models import ChangeRecord, Notice, User
from compliance.notices import tell


def hand_over(
    person: User,
    *,
    successors: Mapping[str, User],
    because: str,
    by: User,
    for_all: User | None = None,
    at: datetime | None = None,
) -> list[tuple[Charge, User | None]]:
    """Passes each line on and deactivates the person; gives what went to whom.

    `successors`: by the line's key; `for_all`: for lines that name nobody. Refused, and nothing done, where something
    would be left without anybody responsible.
    """
    moment = at or timezone.now()
    may_manage(by, moment)
    if not because.strip():
        raise Refused(f"{person} stays as they are.", "No reason was given.", "Say why in a sentence.")
    with transaction.atomic():
        kept = [(keeper, charge) for keeper in keepers() for charge in keeper.held(person, moment)]
        unknown = set(successors) - {charge.key for _, charge in kept}
        if unknown:
            raise Refused("Nothing was passed on.", "What they hold has changed since you looked.", "Look at it again.")
        given = [(charge, heir(charge, successors, for_all, person)) for _, charge in kept]
        theirs = list(ChangeRecord.objects.waiting_for(person))
        for (keeper, charge), (_, successor) in zip(kept, given, strict=True):
            if charge.choice != "stays":
                keeper.pass_on(charge, person, successor, by=by, at=moment)
        refuse_waiting_for_nobody(theirs, person, moment)
        said = [[charge.key, successor.pk if successor else None] for charge, successor in given]
        record("hand_over", person, by=by, at=moment, because=because, passed=said)
        deactivate(person, by=by, because=because, at=moment)
        tell_successors(person, given, moment)
    return given


def heir(charge: Charge, successors: Mapping[str, User], for_all: User | None, person: User) -> User | None:
    """Who gets one line."""
    if charge.choice == "stays":
        return None
    chosen = successors.get(charge.key) or for_all
    if chosen is None and charge.choice == "required":
        raise Refused(
            "Nothing was passed on.", f"{charge.what} {charge.text} would be left to nobody. {charge.note}".strip(),
            "Choose a successor for it.",
        )  # fmt: skip
    if chosen is not None and (not chosen.is_active or chosen.pk == person.pk):
        raise Refused("Nothing was passed on.", f"{chosen} cannot take {charge.text}.", "Choose somebody who stays.")
    return chosen


def refuse_waiting_for_nobody(theirs: list[ChangeRecord], person: User, at: datetime) -> None:
    """What waited for this person waits for somebody afterwards."""
    for change in theirs:
        if not all_met_without(change, person, at):
            raise Refused(
                "Nothing was passed on.", f"Nobody could agree to {change.ref} any more in the capacity it waits for.",
                "Pass that role on to somebody who did not ask for it.",
            )  # fmt: skip


def tell_successors(person: User, given: list[tuple[Charge, User | None]], at: datetime) -> None:
    """Everybody who took something is told once, with all of it."""
    lines: dict[User, list[str]] = defaultdict(list)
    for charge, successor in given:
        if successor is not None:
            lines[successor].append(f"{charge.what}: {charge.text}")
    for successor, texts in lines.items():
        number = f"{len(texts)} thing{'' if len(texts) == 1 else 's'}"
        tell(
            successor,
            key=f"hand-over:{person.pk}:{successor.pk}:{at.timestamp():.0f}",
            subject=f"You take over {number} from {person}",
            body="\n".join(texts),
            path="/",
            kind=Notice.SECURITY,
            at=at,
        )
