"""The decision that what a finding shows is to be switched off. Nothing is switched off from here: people type it."""

from __future__ import annotations

from datetime import date, datetime

from django.db import transaction
from django.utils import timezone

from compliance.actions.ledger import record
from compliance.errors import Refused
from compliance.models import User
from compliance.models.estate import day_of
from compliance.permissions import check
from evidence.models import Finding, Removal
from evidence.rules import Verdict

# What can be switched off: a service that listens. Rules and shares are narrowed by a change of their own.
REMOVABLE = frozenset({Verdict.listener_unauthorised})


def plan_removal(finding: Finding, *, because: str, due: date, by: User, at: datetime | None = None) -> Removal:
    """Records who decided that it is to be off by when, with the commands as shown. It stays a finding until it is.

    Raises Refused for what cannot be switched off, what is cured, and a day that is over.
    """
    moment = at or timezone.now()
    check(by, "plan_removal", finding, at=at)
    why = why_not(finding, due, day_of(moment))
    if why:
        raise Refused(
            f"The removal of {finding.ref} was not recorded.", why, "Open the finding to see where it stands."
        )
    with transaction.atomic():
        row = Removal.objects.create(
            finding=finding, because=because, due=due, commands=typed(finding), decided_by=by, decided_at=moment
        )
        Finding.objects.filter(pk=finding.pk, state=Finding.State.OPEN).update(state=Finding.State.ACKNOWLEDGED)
        record("plan_removal", finding, by=by, at=moment, because=because, due=due.isoformat(), removal=row.pk)
    finding.refresh_from_db()
    return row


def why_not(finding: Finding, due: date, today: date) -> str:
    """What stands against it, in a sentence; "" when nothing does."""
    if finding.verdict not in REMOVABLE:
        return "It is no service that could be switched off."
    if finding.state == Finding.State.CURED:
        return "It is cured already."
    return "That day is over." if due < today else ""


def typed(finding: Finding) -> str:
    """The commands of a finding, as its page shows them."""
    return finding.proposal.partition("\n")[2]
