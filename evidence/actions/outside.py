"""What need not be registered: an address in scope by a decision of two, what lies outside every network by a note."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Final

from django.db import transaction
from django.utils import timezone

from compliance.actions import risks
from compliance.actions.ledger import record
from compliance.errors import Refused
from compliance.models import RiskAcceptance, User
from compliance.models.estate import day_of
from compliance.permissions import check
from compliance.traffic.addresses import parse_host, to_text
from compliance.traffic.boxes import box_of
from evidence.models import SetAside, Sighting
from evidence.models.inventory import short_name

LONGEST: Final = timedelta(days=366)


def ask_outside(
    ip: str,
    *,
    ends_on: date,
    rating: str,
    reason: str,
    alternate_control: str,
    plan: str = "",
    by: User,
    at: datetime | None = None,
) -> RiskAcceptance:
    """Asks that an address in a network of the estate need not be registered until a day: that narrows the scope.

    The authorising officer of its system decides. What its traffic does is judged all the same.
    """
    moment = at or timezone.now()
    family, value = parse_host(ip)
    text = to_text(family, value)
    row = seen(text)
    check(by, "request_risk", row.system, at=moment)
    if not row.place:
        raise Refused(
            "Nothing was asked for.", f"{text} is in no network of the estate, so nothing is narrowed.",
            "Set it aside with a reason instead.",
        )  # fmt: skip
    return risks.request(
        system=row.system, kind=RiskAcceptance.Kind.SCOPE, key=text, path=f"/inventory/?q={text}",
        about=f"{text} in {row.place} need not be registered ({row.where})",
        extent=[{"family": family, "box": list(box_of(family, dst=(value, value)))}], rating=rating, reason=reason,
        alternate_control=alternate_control, ends_on=ends_on, plan=plan, by=by, at=moment,
    )  # fmt: skip


def set_aside(key: str, *, because: str, until: date, by: User, at: datetime | None = None) -> SetAside:
    """Notes that something outside every network in scope is none of ours, until a day at most a year ahead."""
    moment = at or timezone.now()
    row = seen(key)
    check(by, "set_aside", row.system, at=moment)
    if row.place:
        raise Refused(
            f"{key} was not set aside.", f"It is in {row.place}: leaving it out narrows the scope.",
            "Ask the authorising officer to decide on it.",
        )  # fmt: skip
    today = day_of(moment)
    if not because.strip() or not today < until <= today + LONGEST:
        raise Refused(
            f"{key} was not set aside.", "It takes a reason, and a day to come at most a year ahead.", "Complete it."
        )
    with transaction.atomic():
        made = SetAside.objects.create(
            key=key_of(row), system=row.system, because=because.strip(), until=until, by=by, at=moment
        )
        record("set_aside", made, by=by, at=moment, because=because, after=made.key, until=until.isoformat())
    return made


def seen(key: str) -> Sighting:
    """The sighting of an address or name that is still shown; the one of a network in scope before others."""
    rows = Sighting.objects.current().select_related("system")
    try:
        family, value = parse_host(key)
        rows = rows.filter(ip=to_text(family, value))
    except ValueError:
        rows = rows.filter(ip__isnull=True, short=short_name(key))
    row = rows.order_by("-place", "pk").first()
    if row is None:
        raise Refused(f"Nothing names {key}.", "It is not shown any more.", "Look at the list again.")
    return row


def key_of(row: Sighting) -> str:
    """What a sighting is set aside by."""
    return str(row.ip) if row.ip else row.short


def aside_on(day: date) -> dict[str, SetAside]:
    """What is set aside on a day, by its key."""
    return {row.key: row for row in SetAside.objects.filter(until__gte=day).select_related("by").order_by("pk")}
