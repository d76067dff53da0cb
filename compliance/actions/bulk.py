"""Several decisions with one click: each by the verb of its own, of one severity only, and none silently left out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final, Literal, NamedTuple

from django.db.models import F
from django.utils import timezone

from compliance import severity
from compliance.actions import changes as steps
from compliance.actions import connections as verbs
from compliance.baseline import individually
from compliance.errors import Refused
from compliance.models import ChangeRecord, Connection, ConnectionVersion, User
from compliance.models.connections import VersionQuerySet
from compliance.models.estate import day_of

Decision = Literal["approve", "reject"]
Recertified = Literal["keep", "narrow", "revoke"]
MOST: Final = 100  # at once: more than that nobody has read


class Outcome(NamedTuple):
    """What became of one of them: its id, whether it was done, a sentence, and where to look."""

    ref: str
    done: bool
    sentence: str
    url: str


def decide(
    rows: Sequence[tuple[ChangeRecord, int | None]],
    verb: Decision,
    *,
    because: Mapping[int, str],
    by: User,
    at: datetime | None = None,
) -> list[Outcome]:
    """Approves or rejects each change, with the version that was read of it. `because`: the reason of each, by its id.

    Refused as a whole where they are of several severities; else each has an outcome of its own.
    """
    moment = at or timezone.now()
    refuse_mixed(severity.of_changes(change for change, _ in rows))

    def one(change: ChangeRecord, seen: int | None) -> str:
        why = because.get(change.pk, "")
        if seen is None or seen != change.version:
            raise steps.overtaken(change)
        if verb == "approve":
            steps.approve(change, by=by, because=why, seen_version=seen, at=moment)
            return f"You agreed. It is {change.get_state_display().lower()}."
        steps.reject(change, by=by, because=why, at=moment)
        return "It is rejected."

    return [outcome(change.ref, f"/changes/{change.ref}/", one, change, seen) for change, seen in rows]


def outcome(ref: str, url: str, act: Callable[..., str], *given: Any) -> Outcome:
    """What became of one: done, or the refusal in its own words."""
    try:
        return Outcome(ref, True, act(*given), url)
    except Refused as refused:
        return Outcome(ref, False, str(refused), url)


def refuse_mixed(found: Mapping[int, str]) -> None:
    """A high one is not decided on in the same breath as low ones."""
    if not found:
        raise Refused("Nothing was decided.", "Nothing was ticked.", "Tick what belongs together.")
    if len(found) > MOST:
        raise Refused("Nothing was decided.", f"More than {MOST} at once are not read by anybody.", "Tick fewer.")
    if len(set(found.values())) > 1:
        said = " and ".join(sorted(set(found.values())))
        raise Refused("Nothing was decided.", f"These are of {said} severity.", "Decide on one severity at a time.")


def due(person: User, *, by_day: date, today: date) -> VersionQuerySet:
    """What stands today of this person's systems and is to be looked at again by that day; the oldest first.

    By what is written: whether each counts, seal by seal, is asked of those that are shown.
    """
    mine = Connection.objects.for_user(person).values("pk")
    rows = ConnectionVersion.objects.filter(review_by__lte=by_day, connection__in=mine).standing_on(today)
    # with the content that was asked for, said as neither before nor after it: of an equality of two tables' columns
    # PostgreSQL expects one row, and reads every change for it
    rows = rows.exclude(change__content_hash__lt=F("material_hash"))
    return rows.exclude(change__content_hash__gt=F("material_hash")).order_by("review_by", "connection_id")


def recertify(
    rows: Sequence[tuple[Connection, str]],
    what: Recertified,
    *,
    because: Mapping[int, str],
    by: User,
    until: date | None = None,
    at: datetime | None = None,
) -> list[Outcome]:
    """Asks to keep each connection until a day, begins a draft to narrow it, or asks to revoke it.

    `rows`: the connection and the hash of what was read of it. `because`: the justification of each, by its id. Nothing
    is decided by it: each becomes a change record of its own, on which the same people decide as on any other.
    """
    moment = at or timezone.now()
    stands = {connection.pk: connection.version_on(day_of(moment)) for connection, _ in rows}
    found = severity.of_materials({key: one.said if one else {"kind": "gone"} for key, one in stands.items() if one})
    refuse_mixed(found)
    if what == "keep" and (until is None or until <= day_of(moment)):
        raise Refused("Nothing was asked for.", "There is no day until which it is kept.", "Name a day to come.")

    def one(connection: Connection, seen: str) -> str:
        version = stands[connection.pk]
        if version is None or version.material_hash != seen:
            raise Refused(f"{connection.ref} was left as it is.", "It changed since you read it.", "Read it again.")
        return recertified(version, what, because.get(connection.pk, ""), until, by, moment)

    return [outcome(each.ref, f"/connections/{each.ref}/", one, each, seen) for each, seen in rows]


def recertified(
    version: ConnectionVersion, what: Recertified, because: str, until: date | None, by: User, at: datetime
) -> str:
    """One of them, by the verb it would have on its own page: what came of it."""
    return recertification(version, what, because, until, by, at)[1]


def recertification(
    version: ConnectionVersion, what: Recertified, because: str, until: date | None, by: User, at: datetime
) -> tuple[ChangeRecord, str]:
    """The change record that asks to keep (until a day), narrow (a draft) or revoke a connection, and a sentence."""
    connection = version.connection
    if what == "revoke":
        change = verbs.retire(connection, because=because, by=by, at=at)
        return change, f"{change.ref} asks for its removal."
    why = {
        "business_need": because,
        "security_implications": "As before: nothing more is let through.",
        "data_carried": version.change.justification.data_carried,
    }
    if what == "keep" and until is not None:
        said = {**individually(version.said), "review_by": until.isoformat()}
        title = f"Keep {connection} until {until.isoformat()}"
        change = verbs.amend(connection, material=said, justification=why, title=title[:200], by=by, at=at)
        return change, f"{change.ref} asks to keep it until {until.day} {until:%B %Y}."
    title = f"Narrow {connection}"
    change = verbs.amend(
        connection, material=version.said, justification=why, title=title[:200], by=by, at=at, submit=False
    )
    return change, f"{change.ref} is a draft: say what is enough, then send it."
