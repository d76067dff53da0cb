"""Findings: followed from comparison to comparison, acknowledged, accepted until a day, cured by evidence alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from django.db import transaction

from compliance.actions.bulk import Outcome, outcome, refuse_mixed
from compliance.actions.ledger import record
from compliance.announcing import News, announce_all
from compliance.errors import Refused
from compliance.models import System, User
from compliance.permissions import check
from evidence.actions import members
from evidence.actions.accepted import follow_exceptions, still_accepted
from evidence.actions.cases import Case
from evidence.actions.cures import Cure, Watch
from evidence.judgement import TESTED
from evidence.models import Comparison, Finding
from evidence.rules import Verdict

# What is counted and said, and is nothing that somebody has to mend
NO_FINDING: Final = frozenset({Verdict.implemented, Verdict.usage_unknown})
SEVERITY: Final[dict[str, str]] = {
    Verdict.permits_more: "high",
    Verdict.unfiltered: "high",
    Verdict.share_wider: "high",
    Verdict.changed_without_record: "high",
    Verdict.used_outside: "high",
    Verdict.listener_unauthorised: "medium",
    Verdict.unknown_server: "medium",
    Verdict.not_verifiable: "medium",
    Verdict.unreachable: "medium",
    Verdict.stale: "medium",
    Verdict.not_implemented: "medium",
    Verdict.attempted: "medium",
    Verdict.against_policy: "medium",
    Verdict.review_overdue: "medium",
    Verdict.review_missed: "medium",
}  # all others are low
HOST_KEY: Final = "host key"  # in the place of a rule: somebody else may be answering under that address


def follow(comparison: Comparison, cases: Sequence[Case], watch: Watch) -> None:
    """Opens new findings, keeps standing ones up to date, cures those no longer found. In the caller's transaction.

    `watch`: what the comparison could look at; what it could not is not cured by not being found.
    """
    wanted = {case.fingerprint: case for case in cases}
    known = {row.fingerprint: row for row in Finding.objects.filter(fingerprint__in=wanted)}
    fresh, again, gone = [], [], []
    for mark, case in wanted.items():
        row = known.get(mark)
        if row is None:
            fresh.append(opened(comparison, mark, case))
        elif seen_again(comparison, row, case):
            again.append(row)
    Finding.objects.bulk_create(fresh, batch_size=500)
    found = {**known, **{row.fingerprint: row for row in fresh}}
    whole = [case for case in wanted.values() if case.members]
    for case in whole:
        members.keep(comparison, found[case.fingerprint], case, watch)
    follow_exceptions(list(found.values()), comparison.at)
    for row in Finding.objects.standing().exclude(fingerprint__in=wanted).select_related("server", "connection"):
        on = members.goes_on(row, whole, found)
        cure = Cure(on) if on else watch.cure(row)
        if not on and row.members.exists():
            cure = members.all_gone(row, watch, comparison)
        if not_found(row, cure, comparison.at):
            gone.append(row)
    say_which([*fresh, *again], gone, comparison.at)


def say_which(opened_now: Sequence[Finding], cured: Sequence[Finding], at: datetime) -> None:
    """Programs that asked for it are told which findings opened (anew) and which were cured."""
    systems = System.objects.in_bulk({row.system_id for row in (*opened_now, *cured)})
    announce_all(
        [
            News(event, row.because, f"/findings/{row.ref}/", (systems[row.system_id],),
                 {"verdict": row.verdict, "severity": row.severity, "certainty": row.certainty})
            for event, rows in (("finding.opened", opened_now), ("finding.cured", cured))
            for row in rows
        ],
        at=at,
    )  # fmt: skip


def not_found(row: Finding, cure: Cure, at: datetime) -> bool:
    """A finding that was not found again: cured by the snapshots that show it, or it stands and is not seen.

    An accepted risk ends on its day as well while nothing can be seen. Gives whether it is cured.
    """
    if cure.held:
        row.unseen_since, row.unseen_because = row.unseen_since or at, cure.because
        if row.state == Finding.State.ACCEPTED and not still_accepted(row, at):
            row.state = Finding.State.OPEN
    else:
        row.state, row.cured_at, row.cured_because = Finding.State.CURED, at, cure.because
        row.unseen_since, row.unseen_because = None, ""
        row.cured_by.set(cure.snapshots)
    row.save()
    return not cure.held


def opened(comparison: Comparison, mark: str, case: Case) -> Finding:
    """A finding seen for the first time."""
    return Finding(fingerprint=mark, first_seen=comparison.at, state=Finding.State.OPEN, **told(comparison, case))


def told(comparison: Comparison, case: Case) -> dict[str, Any]:
    """What a comparison says of a finding."""
    one = case.judgement
    return {
        "system_id": case.system_id,
        "verdict": one.verdict,
        "certainty": one.certainty,
        "severity": "high" if one.rule == HOST_KEY or one.point == TESTED else SEVERITY.get(one.verdict, "low"),
        "subject": one.subject[:300],
        "connection": case.connection,
        "server": case.server,
        "point": one.point,
        "rule": one.rule[:300],
        "family": one.family,
        "extent": case.extent,
        "witness": one.witness.as_dict() if one.witness else None,
        "because": one.because,
        "proposal": case.proposal,
        "last_seen": comparison.at,
        "comparison": comparison,
        **case.rule_origin,
    }


def seen_again(comparison: Comparison, row: Finding, case: Case) -> bool:
    """Still there: its latest words. An accepted risk that ended, or grew beyond what was accepted, opens again.

    Gives whether it is open and was not before.
    """
    before = row.state
    for key, value in told(comparison, case).items():
        setattr(row, key, value)
    if row.state == Finding.State.CURED:
        row.state, row.cured_at, row.cured_because = Finding.State.OPEN, None, ""
        row.first_seen = comparison.at
        row.cured_by.clear()
    row.unseen_since, row.unseen_because = None, ""
    if row.state == Finding.State.ACCEPTED and not still_accepted(row, comparison.at):
        row.state = Finding.State.OPEN
    row.save()
    return row.state == Finding.State.OPEN and before in (Finding.State.CURED, Finding.State.ACCEPTED)


def acknowledge_each(
    rows: Sequence[Finding], *, because: Mapping[int, str], by: User, at: datetime | None = None
) -> list[Outcome]:
    """Somebody looks after each of them. `because`: the note of each, by its key. Each has an outcome of its own.

    Refused as a whole where they are of several severities.
    """
    refuse_mixed({row.pk: row.severity for row in rows})

    def one(finding: Finding) -> str:
        acknowledge(finding, note=because.get(finding.pk, ""), by=by, at=at)
        return "It is acknowledged, and stays a finding until a comparison no longer finds it."

    return [outcome(row.ref, f"/findings/{row.ref}/", one, row) for row in rows]


def acknowledge(finding: Finding, *, note: str, by: User, at: datetime | None = None) -> Finding:
    """Somebody looks after it, as the note says. It stays a finding until evidence cures it."""
    check(by, "acknowledge", finding, at=at)
    if not note.strip():
        raise Refused(f"{finding.ref} was not changed", "There is no note.", "Say who looks after it, and by when.")
    with transaction.atomic():
        moved = Finding.objects.filter(pk=finding.pk, state=Finding.State.OPEN).update(state=Finding.State.ACKNOWLEDGED)
        if not moved:
            raise Refused(
                f"{finding.ref} was not changed", "It is not open any more.", "Open it again to see where it stands."
            )
        record("acknowledge", finding, by=by, at=at, because=note)
    finding.refresh_from_db()
    return finding
