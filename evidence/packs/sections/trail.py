"""The whole trail of one record, in the order an assessor follows it: asked, agreed, version, rule, seen, verdict."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.utils import timezone

from compliance.models import Approval, Connection, ConnectionVersion, Justification
from compliance.models.estate import day_of
from compliance.standing import newest
from evidence.models import VerdictRow
from evidence.packs.section import Scope
from evidence.packs.sections import changes
from evidence.packs.sections.course import agreed, capacity
from evidence.packs.sections.known import Standing, comparison, finding_keys, some_findings, versions
from evidence.packs.sections.words import packet
from evidence.verdicts import BESIDE

STEPS: Final = ("request", "approvals", "version", "rule", "seen", "verdict")
NOTHING: Final = "nothing is held"
LONGEST, FEW = 240, 3  # signs of a step that are shown whole; parts of a longer one
NO_LOGS: Final = "not known: no flow log shows it"


@dataclass(frozen=True, slots=True)
class Trail:
    """One record: its id, what it is in a few words, and what is held of each step, in the order of STEPS."""

    id: str
    what: str
    steps: tuple[str, ...]

    @property
    def short(self) -> tuple[str, ...]:
        """The steps as pages show them: of many rules the first few, and how many more."""
        return tuple(cut(step) for step in self.steps)


def connection_ids(scope: Scope) -> list[str]:
    """Every connection and share that was authorised at the cut-off, as known then."""
    return [version.connection.ref for version in versions(scope, scope.as_of)]


def connections(scope: Scope, chosen: Collection[str]) -> list[Trail]:
    """The trails of these connections, by the versions that stood at the cut-off."""
    keys = keys_of(chosen)
    found = ConnectionVersion.objects.filter(connection__in=keys).authorised_at(day_of(scope.as_of), scope.as_of)
    held = newest(found.select_related("connection__source", "connection__destination", "change__requested_by"))
    changed = [version.change_id for version in held]
    why = {one.change_id: one for one in Justification.objects.filter(change_id__in=changed)}
    given: dict[int, list[Approval]] = defaultdict(list)
    approvals = Approval.objects.filter(needed__change_id__in=changed, at__lte=scope.as_of)
    for one in approvals.select_related("approver", "in_place_of", "needed").order_by("at", "pk"):
        given[one.needed.change_id].append(one)
    said: dict[int, list[VerdictRow]] = defaultdict(list)
    for row in VerdictRow.objects.filter(comparison=comparison(scope), connection__in=keys).order_by("pk"):
        if row.connection_id is not None and row.verdict not in BESIDE:
            said[row.connection_id].append(row)
    return [
        of_version(version, why.get(version.change_id), given[version.change_id], said[version.connection_id], scope)
        for version in held
    ]


def keys_of(chosen: Collection[str]) -> list[int]:
    """The keys of some ids, as people use these."""
    return [int(ref.partition("-")[2]) for ref in chosen]


def of_version(
    version: ConnectionVersion, why: Justification | None, given: Sequence[Approval], said: Sequence[VerdictRow],
    scope: Scope,
) -> Trail:  # fmt: skip
    """A connection by the version that stood."""
    row, change = version.connection, version.change
    need = f": {why.business_need}" if why else ""
    until = f", ends on {version.ends_on}" if version.ends_on else ""
    return Trail(
        row.ref,
        f"{row.source} to {row.destination}",
        (
            f"{change.ref} of {change.requested_by}, {moment(change.submitted_at or change.created_at)}{need}",
            approved(given, version.material_hash),
            f"from {version.valid_from}{until}, SHA-256 {version.material_hash}",
            ruled(said),
            seen(row, scope),
            judged(said),
        ),
    )


def cut(step: str) -> str:
    """The first few parts of a long step."""
    parts = step.split("; ")
    if len(step) <= LONGEST or len(parts) <= FEW:
        return step
    return f"{'; '.join(parts[:FEW])}; and {len(parts) - FEW} more"


def approved(given: Sequence[Approval], of: str) -> str:
    """Who agreed, in what capacity, when, and whether to this very content."""
    found = [
        f"{agreed(one)} as {capacity(one).lower()}, {moment(one.at)}"
        f"{'' if one.content_hash == of else ' (to another content)'}"
        for one in given
    ]
    return "; ".join(found) or NOTHING


def ruled(said: Sequence[VerdictRow]) -> str:
    """Which rule decides at which point."""
    found = dict.fromkeys(f"{row.point or 'no point'}: {row.rule or row.because}" for row in said)
    return "; ".join(found) or NOTHING


def seen(row: Connection, scope: Scope) -> str:
    """When traffic of it was last seen, as far as that was known then."""
    if row.last_seen_at is None or row.last_seen_at > scope.as_of:
        return NO_LOGS
    return moment(row.last_seen_at)


def judged(said: Sequence[VerdictRow]) -> str:
    """What the last comparison by the cut-off said of each end."""
    found = dict.fromkeys(f"{row.verdict} ({row.certainty})" for row in said)
    return "; ".join(found) or "not known: nothing was compared"


def moment(at: datetime) -> str:
    """A moment in words."""
    return f"{timezone.localtime(at):%-d %B %Y, %H:%M}"


def change_ids(scope: Scope) -> list[str]:
    """The change records of the period, by the same reading as their own section."""
    return [f"CHG-{key}" for key in changes.of_period(scope).values_list("pk", flat=True)]


def change_records(scope: Scope, chosen: Collection[str]) -> list[Trail]:
    """The trails of these change records."""
    return [of_change(one) for one in changes.known(scope, keys_of(chosen))]


def of_change(one: changes.Known) -> Trail:
    """A change record."""
    row, done = one.row, one.outcome
    need = f": {one.why.business_need}" if one.why else ""
    rules = "; ".join(f"{moved.where}: {moved.rule}" for moved in one.course.moved)
    holds = f". Not counted as approved: {one.unapproved}" if one.unapproved else ""
    return Trail(
        row.ref,
        f"{row.title} ({row.urgency}, {one.state})",
        (
            f"{row.requested_by}, {moment(row.submitted_at or row.created_at)}{need}",
            f"{approved(one.approvals, row.content_hash)}{holds}",
            f"SHA-256 {row.content_hash}" if row.content_hash else NOTHING,
            rules or NOTHING,
            changes.carried_out(one) or "not carried out by the cut-off",
            f"{done.outcome}, {moment(done.at)}: {done.because}" if done else "not looked for in the rules",
        ),
    )


def finding_ids(scope: Scope) -> list[str]:
    """The findings that stood at the cut-off."""
    return [f"FND-{key}" for key in finding_keys(scope)]


def standing(scope: Scope, chosen: Collection[str]) -> list[Trail]:
    """The trails of these findings."""
    return [of_finding(one) for one in some_findings(scope, keys_of(chosen))]


def of_finding(one: Standing) -> Trail:
    """A finding: what it is about, what was decided of it, the rule, the example, the verdict."""
    known, row = one.finding, one.row
    return Trail(
        known.ref,
        row.subject,
        (
            str(known.connection.ref) if known.connection else "asked for by nobody",
            decided(one),
            f"open since {one.opened_on}",
            f"{row.point}: {row.rule or row.because}",
            packet(row.witness) or "no example of traffic",
            f"{row.verdict} ({row.certainty}): {row.because}",
        ),
    )


def decided(one: Standing) -> str:
    """What people decided about a finding by the cut-off."""
    known = one.finding
    if one.state == "accepted" and known.accepted_by:
        return f"risk accepted by {known.accepted_by} until {known.accepted_until}"
    return one.state
