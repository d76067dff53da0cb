"""What is decided on a line of the agenda: the words, and the record they become when somebody carries them out."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Final

from django.db import transaction
from django.utils import timezone

from compliance.actions.bulk import recertification
from compliance.actions.ledger import record
from compliance.errors import Refused
from compliance.models import ChangeRecord, RiskAcceptance, User
from compliance.models.estate import day_of
from compliance.permissions import check
from evidence.actions import accepted, findings
from reviews.actions.session import refuse_closed
from reviews.models import AgendaItem, Decision, Review
from reviews.steps import step_of

What = Decision.What
Kind = AgendaItem.Kind
# What somebody only takes note of: one click for all of them, where nobody has anything to say
INFORMS: Final = (Kind.CHANGE, Kind.ACTION, Kind.COVERAGE, Kind.NOTE)


def decide(
    item: AgendaItem,
    *,
    what: str,
    note: str = "",
    until: date | None = None,
    seen: int | None = None,
    by: User,
    at: datetime | None = None,
) -> Decision:
    """What was decided on an item. It can be put better until the review is closed; each wording is in the ledger.

    `what` "" keeps what was said, and decides nothing. `seen`: the version that was read (0: none was there); where
    somebody else wrote since, nothing is kept and they are named, unless both wrote the same.
    """
    moment = at or timezone.now()
    check(by, "run_review", item.review, at=moment)
    if what and what not in What.values:
        raise Refused("The decision was not kept", f"{what} is no decision.", "Choose one of those offered.")
    if what == What.ACCEPT and (until is None or until < day_of(moment)):
        raise Refused("The decision was not kept", "A risk is accepted until a day to come.", "Say until when.")
    with transaction.atomic():
        refuse_closed(item.review)
        row = Decision.objects.filter(item=item).select_related("by").first()
        said = {"what": what, "note": note.strip(), "until": until}
        if row is None:
            row = Decision.objects.create(item=item, by=by, at=moment, **said)
        else:
            if all(getattr(row, name) == value for name, value in said.items()):
                return row
            refuse_unseen(row, seen, by)
            if row.outcome and (row.what, row.until) != (what, until):
                raise Refused("The decision was not changed", row.outcome, "Withdraw that first, on its own page.")
            for name, value in (said | {"by": by, "at": moment, "version": row.version + 1}).items():
                setattr(row, name, value)
            row.save()
        record("decide", item.review, by=by, at=moment, after=what, because=note, item=item.position)
    return row


def refuse_unseen(row: Decision, seen: int | None, by: User) -> None:
    """Refuses to write over words that somebody else wrote since they were read."""
    if seen is None or seen == row.version or row.by_id == by.pk:
        return
    words = ". ".join(filter(None, (row.get_what_display() if row.what else "", row.note)))
    raise Refused(
        "Your words were not kept yet.",
        f"{row.by} wrote in the meantime: {words or 'nothing'}.",
        "Put both together, and save again.",
    )


def carry_out(item: AgendaItem, *, by: User, at: datetime | None = None, **said: Any) -> Decision:
    """Makes the record that a decision asks for, once: a change record, a draft, or the request to accept a risk.

    `said`: for a connection `because` and (to keep it) `until`; for a risk the fields of evidence.actions.accepted.ask.
    It takes the role that asking on its own page takes, and approves nothing. In one transaction with the line.
    """
    moment = at or timezone.now()
    with transaction.atomic():
        refuse_closed(item.review)
        row = Decision.objects.select_for_update().filter(item=item).first()
        step = step_of(item, row.what) if row else ""
        if row is None or not step:
            raise Refused("Nothing was asked for.", "Nothing follows from this line by itself.", "Decide on it first.")
        if row.outcome:
            raise Refused("Nothing was asked for again.", row.outcome, "Open that record.")
        made, row.outcome = asked_for(item, row, by, moment, said)
        row.change = made if isinstance(made, ChangeRecord) else None
        row.risk = made if isinstance(made, RiskAcceptance) else None
        row.carried_by, row.carried_at, row.version = by, moment, row.version + 1
        row.save()
        record("carry_out", item.review, by=by, at=moment, after=row.outcome, item=item.position)
    return row


def asked_for(
    item: AgendaItem, row: Decision, by: User, at: datetime, said: dict[str, Any]
) -> tuple[ChangeRecord | RiskAcceptance | None, str]:
    """The record, and a sentence about it."""
    if row.what == What.FIX and item.finding is not None:
        findings.acknowledge(item.finding, note=f"{item.review.ref}: {row.note}", by=by, at=at)
        return None, f"{item.finding.ref} is acknowledged: somebody looks after it."
    if row.what == What.ACCEPT and item.finding is not None:
        risk = accepted.ask(item.finding, by=by, at=at, **said)
        day = f"{risk.ends_on.day} {risk.ends_on:%B %Y}"
        return risk, f"{risk.ref} asks the authorising officer to accept it until {day}."
    version = item.connection.version_on(day_of(at)) if item.connection else None
    if version is None:
        raise Refused("Nothing was asked for.", f"{item.title} is not authorised today.", "Note that instead.")
    until = said.get("until")
    if row.what == What.KEEP and (until is None or until <= day_of(at)):
        raise Refused("Nothing was asked for.", "There is no day until which it is kept.", "Name a day to come.")
    what = {What.KEEP: "keep", What.NARROW: "narrow", What.REVOKE: "revoke"}[What(row.what)]
    return recertification(version, what, said.get("because", ""), until, by, at)  # type: ignore[arg-type]


def undone(review: Review) -> list[AgendaItem]:
    """The lines whose decision nobody has asked for yet. To acknowledge a finding is nobody's errand."""
    rows = review.agenda.filter(decision__outcome="").exclude(decision__what__in=["", What.FIX, What.NOTED])
    rows = rows.select_related("decision", "finding", "connection")
    return [item for item in rows if step_of(item, item.decision.what)]


def note_rest(review: Review, *, by: User, at: datetime | None = None) -> int:
    """Everything nobody has anything to say about: what informs is noted, the part of the register is kept as it is.

    Findings, what is due, logs and attestations are decided on one by one. Gives how many lines it was.
    """
    moment = at or timezone.now()
    check(by, "run_review", review, at=moment)
    with transaction.atomic():
        refuse_closed(review)
        rows = list(rest(review))
        for item in rows:
            what = What.KEEP if item.kind == Kind.REGISTER else What.NOTED
            said = {"what": what, "by": by, "at": moment}
            row, fresh = Decision.objects.get_or_create(item=item, defaults=said)
            if not fresh:
                Decision.objects.filter(pk=row.pk).update(**said, version=row.version + 1)
        if rows:
            record("note_rest", review, by=by, at=moment, items=[item.position for item in rows])
    return len(rows)


def rest(review: Review) -> list[AgendaItem]:
    """The lines that may be dealt with at once: nobody decided on them yet."""
    decided = Decision.objects.filter(item__review=review).exclude(what="")
    return list(review.agenda.filter(kind__in=[*INFORMS, Kind.REGISTER]).exclude(decision__in=decided))
