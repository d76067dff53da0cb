"""What was learned from what runs: provisional, in force only while the risk it rests on is accepted.

The material of such a connection names its risk (`"risk": "RSK-5"`), so that nobody can cut the two apart after two
people agreed to it; the risk names what it carries by the hash of each (`mark`), under the seal of its decision. A
connection whose risk was not accepted, was revoked, has ended or never meant this one is not authorised.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any, Final

from django.db.models import QuerySet
from django.utils import timezone

from compliance.errors import Refused
from compliance.exceptions import decided_by, is_decided
from compliance.models import ChangeRecord, ConnectionVersion, RiskAcceptance, System, User
from compliance.models.approvals import content_hash
from compliance.models.estate import day_of

WHAT: Final = ("kind", "source", "destination", "services")
MONTHS: Final = 6  # that the burn-down shows
KEPT: Final = ("justified", "provisional", "kept", "removed", "lapsed", "months")


def mark(material: Mapping[str, Any]) -> str:
    """By what a risk knows a connection it carries: what it lets through, without how long."""
    return content_hash({key: material.get(key) for key in WHAT})


def without_risk(materials: Mapping[int, Mapping[str, Any]], day: date, known_at: datetime | None = None) -> list[int]:
    """The ids of those (change → material) whose risk did not carry them on that day, as known then."""
    named = {key: str(said["risk"]) for key, said in materials.items() if "risk" in said}
    if not named:
        return []
    end = datetime.combine(day, time.max, timezone.get_current_timezone())
    numbers = {int(text[4:]) for text in named.values() if text.startswith("RSK-") and text[4:].isdecimal()}
    rows = decided_by(min(end, known_at) if known_at else end)
    rows = rows.filter(pk__in=numbers, kind=RiskAcceptance.Kind.BASIS, ends_on__gte=day)
    carried = {row.ref: {each["mark"] for each in row.extent} for row in rows if is_decided(row)}
    return [key for key, ref in named.items() if mark(materials[key]) not in carried.get(ref, ())]


def individually(material: Mapping[str, Any]) -> dict[str, Any]:
    """The same on a basis of its own. The end that came with the risk goes with it."""
    said = {**material, "basis": "justified"}
    if said.pop("risk", None) is not None:
        said["ends_on"] = None
    return said


def refuse_unfounded(change: ChangeRecord, at: datetime) -> None:
    """Nobody agrees to what rests on a risk that was refused, revoked or is over: it would authorise nothing."""
    risk = change.rests_on
    if risk is None or (risk.state in ("requested", "accepted") and risk.ends_on >= day_of(at)):
        return
    now = "over" if risk.state == "accepted" else risk.get_state_display().lower()
    raise Refused(
        f"{change.ref} cannot be approved.",
        f"It rests on {risk.ref}, which is {now}: approved, it would authorise nothing.",
        "Reject it. What is needed is asked for by itself, or as a new group.",
    )


@dataclass(slots=True)
class Owned:
    """How far one owner's provisional baseline of one system is worked off.

    `months`: how many stood provisionally at the end of each month, the oldest first, and today.
    """

    owner: User
    system: System
    justified: int = 0
    provisional: int = 0
    kept: int = 0
    removed: int = 0
    lapsed: int = 0
    next_end: date | None = None
    months: list[int] = field(default_factory=list)


def burn_down(person: User, day: date) -> list[Owned]:
    """Each owner and system of this person with anything provisional, now or before; see `shown`."""
    return shown(worked_off(System.objects.for_user(person), day))


def numbers(day: date) -> dict[str, dict[str, Any]]:
    """The same of every system, as a comparison keeps it: system → the numbers of its `Owned`."""
    return {
        str(key): {name: getattr(one, name) for name in KEPT}
        | {"next_end": one.next_end.isoformat() if one.next_end else None}
        for key, one in worked_off(System.objects.all(), day).items()
    }


def as_kept(said: Mapping[str, Mapping[str, Any]], person: User) -> list[Owned]:
    """What a comparison kept, of the systems this person sees."""
    found = {}
    for system in System.objects.for_user(person).select_related("owner"):
        one = said.get(str(system.pk))
        if one is not None:
            ends = date.fromisoformat(one["next_end"]) if one["next_end"] else None
            found[system.pk] = Owned(system.owner, system, **{name: one[name] for name in KEPT}, next_end=ends)
    return shown(found)


def shown(found: Mapping[int, Owned]) -> list[Owned]:
    """Those with anything provisional, now or before; those with most of it left first."""
    some = [one for one in found.values() if one.provisional or one.kept or one.removed or one.lapsed]
    return sorted(some, key=lambda one: (-one.provisional, one.system.name))


def worked_off(systems: QuerySet[System], day: date) -> dict[int, Owned]:
    """System → how far its provisional baseline is worked off. Reads every version of these systems.

    Kept: justified by itself since. Removed: asked to be taken out, and approved. Lapsed: its end came first.
    """
    rows = ConnectionVersion.objects.filter(connection__system__in=systems.values("pk"))
    standing = set(rows.authorised_at(day).values_list("pk", flat=True))
    rows = rows.select_related("connection__system__owner", "closed_by").order_by("valid_from", "pk")
    found: dict[int, Owned] = {}
    days = [*month_ends(day, MONTHS - 1), day]
    for row in rows:
        system = row.connection.system
        one = found.setdefault(system.pk, Owned(system.owner, system, months=[0] * len(days)))
        if row.material.get("basis") == "justified":
            one.justified += row.pk in standing
        elif row.pk in standing:
            one.provisional += 1
            ends = [each for each in (row.ends_on, row.review_by, one.next_end) if each]
            one.next_end = min(ends, default=None)
        elif row.closed_by is not None:
            one.removed += row.closed_by.kind != ChangeRecord.Kind.AMEND
            one.kept += row.closed_by.kind == ChangeRecord.Kind.AMEND
        elif row.ends_on is not None and row.ends_on < day:
            one.lapsed += 1
        if row.material.get("basis") != "justified":
            for place, then in enumerate(days[:-1]):
                over = (row.valid_to and row.valid_to <= then) or (row.ends_on and row.ends_on < then)
                one.months[place] += row.valid_from <= then and not over
            one.months[-1] += row.pk in standing
    return found


def month_ends(day: date, count: int) -> list[date]:
    """The last days of the months before, the oldest first."""
    found, first = [], day.replace(day=1)
    for _ in range(count):
        found.append(first - timedelta(days=1))
        first = found[-1].replace(day=1)
    return found[::-1]
