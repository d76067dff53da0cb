"""Asking for a dated exception from a rule of the policy, for exactly what one request would open."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Final

from django.utils import timezone

from compliance.actions import risks
from compliance.actions.policy import look_at
from compliance.errors import Refused
from compliance.exceptions import as_rows, rule_key
from compliance.models import ChangeRecord, RiskAcceptance, State, User
from compliance.permissions import check
from compliance.policy.check import Hit
from compliance.policy.content import SEVERITIES

OPEN: Final = (State.DRAFT, State.SUBMITTED)
NO_MORE: Final = "Open the record again: the request, the policy or who its names stand for may have changed."


def standing_hits(change: ChangeRecord, rule: str, at: datetime) -> tuple[Hit, ...]:
    """What a rule says against a record, as far as no exception covers it yet. Refused where that is nothing.

    Refused as well where it is more traffic than anybody can read in one decision.
    """
    what = f"Nothing was asked for about {change.ref}."
    if change.state not in OPEN:
        raise Refused(what, f"It is {change.get_state_display().lower()}: the policy was asked already.", NO_MORE)
    hits = [hit for hit in look_at(change, at).hits if hit.rule == rule and hit.level in SEVERITIES]
    found = tuple(hit for hit in hits if not hit.excepted)
    if not found:
        raise Refused(what, "The rule does not stand against it, or not any more.", NO_MORE)
    if not all(hit.countable for hit in found):
        raise Refused(
            what,
            "The rule speaks of more traffic in it than anybody can read in one decision.",
            "Ask for less at once, or have the exception put into the policy itself, where it names zones and roles.",
        )
    return found


def ask(
    change: ChangeRecord,
    rule: str,
    *,
    ends_on: date,
    rating: str,
    reason: str,
    alternate_control: str,
    plan: str = "",
    by: User,
    at: datetime | None = None,
) -> RiskAcceptance:
    """Asks that the rule let exactly this request through until a day. Nothing is excepted by asking."""
    moment = at or timezone.now()
    check(by, "request_exception", change, at=moment)
    found = standing_hits(change, rule, moment)
    return risks.request(
        system=change.system, kind=RiskAcceptance.Kind.RULE, key=rule_key(found[0], change.material),
        about=f"{change.ref}: {found[0].title}. {said(found)}", path=f"/changes/{change.ref}/",
        extent=as_rows(dict.fromkeys(box for hit in found for box in hit.extent)), rating=rating, reason=reason,
        alternate_control=alternate_control, ends_on=ends_on, plan=plan, by=by, at=moment,
    )  # fmt: skip


def said(hits: Sequence[Hit]) -> str:
    """What the rule says, each sentence once."""
    return " ".join(dict.fromkeys(hit.what for hit in hits))
