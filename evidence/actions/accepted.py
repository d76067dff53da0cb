"""Findings whose risk is accepted: asking for it, and what a decision on it brings about here.

The acceptance is an object of its own (compliance.RiskAcceptance). What stands on the finding is a stamp of it, so that
lists and packs need no join; whether it holds is asked of compliance.exceptions at every comparison.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from compliance import exceptions
from compliance.actions import risks
from compliance.actions.ledger import record
from compliance.errors import Refused
from compliance.models import RiskAcceptance, User
from evidence.models import Finding
from evidence.rules import Verdict

FINDING = RiskAcceptance.Kind.FINDING
OPEN = (Finding.State.OPEN, Finding.State.ACKNOWLEDGED, Finding.State.ACCEPTED)  # the last: to renew it


def ask(
    finding: Finding,
    *,
    ends_on: date,
    rating: str,
    reason: str,
    alternate_control: str,
    plan: str = "",
    by: User,
    at: datetime | None = None,
) -> RiskAcceptance:
    """Asks that exactly the present extent be left open until a day. The finding stays open until that is decided."""
    moment = at or timezone.now()
    with transaction.atomic():
        now = Finding.objects.select_related("system").get(pk=finding.pk)
        if now.state not in OPEN:
            raise Refused(
                f"Nothing was asked for about {now.ref}.",
                "It is not open any more.",
                "Open it again to see where it stands.",
            )
        return risks.request(
            system=now.system, kind=FINDING, key=now.fingerprint, about=f"{now.ref} {now.because}",
            path=f"/findings/{now.ref}/", extent=now.extent, rating=rating, reason=reason,
            alternate_control=alternate_control, ends_on=ends_on, plan=plan, by=by, at=moment,
        )  # fmt: skip


def risk_moved(risk: RiskAcceptance, at: datetime) -> None:
    """A risk was decided on or revoked: the findings it is about follow, in the same transaction."""
    for finding in about(risk):
        holds = holding(finding, at)
        if holds is not None:
            stamped(finding, holds, at)
        elif finding.state == Finding.State.ACCEPTED:
            Finding.objects.filter(pk=finding.pk).update(state=Finding.State.OPEN)
            record("reopen", finding, by=None, at=at, because=f"{risk.ref} does not hold any more.")


def about(risk: RiskAcceptance) -> list[Finding]:
    """The standing findings that a risk may be about: its own, or those against the rule it excepts from."""
    if risk.kind == FINDING:
        return list(Finding.objects.standing().filter(fingerprint=risk.key))
    found = Finding.objects.standing().filter(verdict=Verdict.against_policy)
    return [one for one in found if is_about(risk, one)]


def rule_of(row: Finding) -> str:
    """The rule that a finding against the policy is against."""
    return row.subject.partition(":")[0]


def holding(row: Finding, at: datetime) -> RiskAcceptance | None:
    """What leaves all of a finding open: its own acceptance, or exceptions from the rule it is against."""
    own = exceptions.in_force(FINDING, row.fingerprint, row.extent, at)
    if own is not None or row.verdict != Verdict.against_policy:
        return own
    return exceptions.by_rules(rule_of(row), row.extent, at)


def follow_exceptions(rows: Iterable[Finding], at: datetime) -> None:
    """Findings against the policy that exceptions leave open show it, as those do whose own risk was accepted."""
    for row in rows:
        holds = holding(row, at) if row.verdict == Verdict.against_policy else None
        shown = row.accepted_until if row.state == Finding.State.ACCEPTED else None
        if holds is not None and shown != holds.ends_on:
            stamped(row, holds, at)


def stamped(finding: Finding, risk: RiskAcceptance, at: datetime) -> None:
    """The finding shows the acceptance it rests on."""
    Finding.objects.filter(pk=finding.pk).update(
        state=Finding.State.ACCEPTED,
        accepted_by=risk.decided_by,
        accepted_until=risk.ends_on,
        accepted_rating=risk.rating,
        alternate_control=risk.alternate_control,
        accepted_extent=risk.extent,
    )
    record(
        "accept", finding, by=risk.decided_by, at=at, because=risk.alternate_control, until=risk.ends_on.isoformat(),
        rating=risk.rating, risk=risk.pk,
    )  # fmt: skip


def still_accepted(row: Finding, at: datetime) -> bool:
    """An accepted risk holds until its day, and only while the extent lies inside what was accepted."""
    return holding(row, at) is not None


def risks_of(row: Finding) -> list[RiskAcceptance]:
    """What was asked for about this finding, or about traffic of it by the rule it is against; the newest first."""
    mine = Q(kind=FINDING, key=row.fingerprint)
    if row.verdict == Verdict.against_policy:
        mine |= Q(kind=RiskAcceptance.Kind.RULE)
    rows = RiskAcceptance.objects.filter(mine).select_related("requested_by", "decided_by").order_by("-pk")
    return [one for one in rows if one.kind == FINDING or is_about(one, row)]


def is_about(risk: RiskAcceptance, row: Finding) -> bool:
    """Whether an exception from a rule is about some of a finding's traffic."""
    return rule_of(row) in exceptions.rules_of(risk) and exceptions.touches(risk.extent, row.extent)
