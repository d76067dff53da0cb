"""What may be decided on a line of the agenda, and by which verb each decision is carried out."""

from __future__ import annotations

from typing import Final

from evidence.rules import Verdict
from reviews.models import AgendaItem, Decision

What = Decision.What
Kind = AgendaItem.Kind
# The verb by which each decision about a connection is asked for
ASKED_BY: Final = {What.KEEP: "amend", What.NARROW: "amend", What.REVOKE: "retire_connection"}


def offered(item: AgendaItem) -> list[str]:
    """The decisions that mean something for an item."""
    about = [What.KEEP, What.NARROW, What.REVOKE] if item.connection_id else []
    if item.finding_id:
        return [*about, What.FIX, What.ACCEPT, What.NOTED]
    return [*about, What.NOTED] if about else [What.NOTED, What.FIX, What.KEEP]


def step_of(item: AgendaItem, what: str) -> str:
    """The verb that carries a decision out; "" where saying it is all there is to it."""
    if what in (What.ACCEPT, What.FIX) and item.finding_id:
        return "request_risk" if what == What.ACCEPT else "acknowledge"
    if what == What.KEEP and not asks_to_keep(item):
        return ""
    return ASKED_BY.get(What(what), "") if what and item.connection_id else ""


def asks_to_keep(item: AgendaItem) -> bool:
    """Whether keeping takes a new day to be looked at by: what is due, not what is only looked at in its turn."""
    late = item.finding is not None and item.finding.verdict == Verdict.review_overdue
    return item.connection_id is not None and (item.kind == Kind.DUE or late)
