"""Change records of the period: necessity, security implications, who agreed in what capacity, done and seen."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import NamedTuple

from django.db.models import Q, QuerySet
from django.utils import timezone

from compliance.models import TRANSITIONS, Approval, ChangeRecord, Justification, LedgerInbox, PolicyCheck, State
from compliance.models.approvals import shortfalls
from evidence.models import Verification
from evidence.packs import content
from evidence.packs.course import NOTHING, Course
from evidence.packs.section import Cell, Scope, Section, Table
from evidence.packs.section import State as Held
from evidence.packs.sections import course, policy_said
from evidence.packs.sections.known import Standing, comparison, findings, served, span
from evidence.rules import Verdict
from evidence.tickets import Said, says

PRINTED = 60
TITLE = "Change records"
COLUMNS = (
    "id", "connection", "kind", "urgency", "title", "state", "requested_by", "requested_at", "submitted_at",
    "necessity", "security_implications", "data_carried", "approved_by", "decided_at", "implemented_by",
    "implemented_at", "verified_at", "outcome", "difference", "ticket", "content_sha256", "approval_holds",
    *policy_said.COLUMNS, *course.COLUMNS,
    "ticket_title", "ticket_status", "ticket_read_at", "ticket_problem",
)  # fmt: skip
SETTLED = (State.APPROVED, State.IMPLEMENTED, State.VERIFIED, State.DISPUTED)

DONE = (State.IMPLEMENTED, State.VERIFIED, State.DISPUTED, State.RETIRED)


class Known(NamedTuple):
    """A change record with what was said of it by the cut-off."""

    row: ChangeRecord
    why: Justification | None
    state: str
    approvals: Sequence[Approval]
    outcome: Verification | None
    unapproved: str
    policy: PolicyCheck | None = None
    course: Course = NOTHING
    ticket: Said | None = None


def build(scope: Scope) -> Section:
    """The change records that were asked for, submitted, decided, carried out or verified in the period."""
    every = known(scope)
    held = comparison(scope)
    unrecorded = [one for one in findings(scope, held) if one.finding.verdict == Verdict.changed_without_record]
    state, because = held_state(held is not None, [one.row.ref for one in every if one.unapproved])
    data = content.Changes(
        lead=lead(len(every), sum(map(urgent, every)), len(unrecorded), compared=held is not None),
        changes=tuple(printed(one) for one in every[:PRINTED]),
        total=len(every),
        unrecorded=tuple(seen(one) for one in unrecorded),
    )
    table = Table("changes", COLUMNS, [line(one) for one in every])
    tables = (table, *course.tables([(one.row.ref, one.course) for one in every]))
    return Section("changes", TITLE, served("changes"), state, because, "packs/print/changes.html", data, tables)


def of_period(scope: Scope) -> QuerySet[ChangeRecord]:
    """The change records of the period."""
    begin, end = span(scope)
    moments = ("created_at", "submitted_at", "decided_at", "implemented_at", "verified_at")
    touched = Q()
    for name in moments:
        touched |= Q(**{f"{name}__gte": begin, f"{name}__lt": end})
        touched |= Q(**{f"{name}": end})
    mine = Q(system__name__in=scope.systems) | Q(needs__system__name__in=scope.systems)
    return ChangeRecord.objects.filter(mine, touched, created_at__lte=scope.as_of).distinct()


def known(scope: Scope, only: Collection[int] | None = None) -> list[Known]:
    """The change records of the period: the urgent ones first, then the newest first. `only`: those with these keys."""
    asked = of_period(scope) if only is None else of_period(scope).filter(pk__in=only)
    rows = list(asked.select_related("connection", "justification", "requested_by", "implemented_by").order_by("-pk"))
    keys = [row.pk for row in rows]
    given: dict[int, list[Approval]] = defaultdict(list)
    approvals = Approval.objects.filter(needed__change_id__in=keys, at__lte=scope.as_of)
    for approval in approvals.select_related("approver", "in_place_of", "needed").order_by("at", "pk"):
        given[approval.needed.change_id].append(approval)
    outcomes = {
        one.change_id: one
        for one in Verification.objects.filter(change_id__in=keys, at__lte=scope.as_of).order_by("pk")
    }
    states = states_then(rows, scope)
    short = shortfalls([key for key in keys if states[key] in SETTLED], scope.as_of)
    weighed, ways = policy_said.checks_of(keys, scope.as_of), course.courses(rows, states, given, scope)
    every = [
        Known(
            row,
            getattr(row, "justification", None),
            states[row.pk],
            given[row.pk],
            outcomes.get(row.pk),
            short.get(row.pk, ""),
            weighed.get(row.pk),
            ways[row.pk],
            says(row, by=scope.as_of) if row.ticket else None,
        )
        for row in rows
    ]
    return sorted(every, key=lambda one: not urgent(one))


def urgent(one: Known) -> bool:
    """Whether it was asked for as an urgent change."""
    return one.row.urgency == ChangeRecord.Urgency.URGENT


def states_then(rows: Sequence[ChangeRecord], scope: Scope) -> dict[int, str]:
    """Where each stood at the cut-off, from the ledger; one the ledger does not know stands where its row says."""
    found = {row.pk: str(row.state) for row in rows}
    said = LedgerInbox.objects.filter(
        data__object__type=ChangeRecord._meta.label_lower, data__object__id__in=list(found), created__lte=scope.as_of
    )
    for entry in said.order_by("created", "pk"):
        key, verb = entry.data["object"]["id"], entry.data["verb"]
        if verb == "request":
            found[key] = State.DRAFT
        elif verb == "decide":
            found[key] = entry.data["payload"].get("state", State.APPROVED)
        elif verb in TRANSITIONS and verb != "approve":  # one approval of several decides nothing
            found[key] = TRANSITIONS[verb].target
    return found


def held_state(compared: bool, unapproved: Sequence[str]) -> tuple[Held, str]:
    """Held only when the records could be held against the rules, and every approval counts."""
    if unapproved:
        names = ", ".join(unapproved[:5])
        return "partial", f"{len(unapproved)} records say approved and their approvals do not hold: {names}"
    if not compared:
        return "partial", "nothing was compared by the cut-off, so changes without a record could not be looked for"
    return "held", ""


def lead(total: int, hurried: int, unrecorded: int, *, compared: bool) -> str:
    """The answer in two sentences."""
    records = "One change record falls" if total == 1 else f"{total or 'No'} change records fall"
    records += f" in the period{f', {hurried} of them urgent' if hurried else ''}."
    if not compared:
        return f"{records} Whether anything was changed without a record is not known."
    if not unrecorded:
        return f"{records} The last comparison shows no change without a record."
    what = "one change that has no record" if unrecorded == 1 else f"{unrecorded} changes that have no record"
    return f"{records} The last comparison shows {what}."


def seen(one: Standing) -> content.Unrecorded:
    """A change nobody recorded."""
    host, _, point = one.finding.point.partition("/")
    return content.Unrecorded(one.finding.ref, host, point, one.finding.first_seen, one.row.because)


def printed(one: Known) -> content.Change:
    """A record as the pages show it."""
    row, why, done = one.row, one.why, one.outcome
    shown = done.because if done else ""
    return content.Change(
        id=row.ref,
        title=row.title,
        urgency=row.urgency,
        state=one.state,
        requested_by=str(row.requested_by),
        requested_at=row.submitted_at or row.created_at,
        necessity=why.business_need if why else "None was stated.",
        security_implications=why.security_implications if why else "",
        risk=f"Not counted as approved: {one.unapproved}." if one.unapproved else "",
        data_carried=why.data_carried if why else "",
        window=row.window,
        rollback=row.rollback,
        connections=tuple(row.refs),
        decisions=tuple(decisions(one)),
        implemented=carried_out(one),
        seen=when(done) if done and done.outcome == Verification.Outcome.VERIFIED else "",
        delta=shown,
        policy=policy_said.sentence(one.policy),
        course=replace(one.course, ticket=spoken_ticket(one.ticket)),
    )


def decisions(one: Known) -> list[content.Decision]:
    """Who agreed in what capacity; then the rejection or withdrawal, if that is how it ended."""
    found = [
        content.Decision(course.capacity(each), course.agreed(each), each.at, "approved", each.because)
        for each in one.approvals
    ]
    if one.state in (State.REJECTED, State.WITHDRAWN):
        found.append(content.Decision("Closed", "see the reason", one.row.decided_at, one.state, one.row.closing_note))
    return found


def carried_out(one: Known) -> str:
    """By whom and when it was done, as far as that was said by the cut-off."""
    row = one.row
    if row.implemented_at is None or (one.state not in DONE and not one.course.first):
        return ""
    return f"{row.implemented_by or 'not stated'}, {timezone.localtime(row.implemented_at):%-d %B %Y, %H:%M}"


def when(done: Verification) -> str:
    """The moment of a verification."""
    return f"{timezone.localtime(done.at):%-d %B %Y, %H:%M}"


def spoken_ticket(said: Said | None) -> str:
    """The same as a sentence of the page; "" where no ticket is named or no system is asked."""
    if said is None:
        return ""
    title, status, read_at, problem = ticket(said)
    when_read = f"read {timezone.localtime(said.read_at):%-d %B %Y, %H:%M}" if read_at else "not read"
    told = f"“{title or ''}”, {status}, {when_read}." if read_at else ""
    missing = f" It could not be read: {problem}" if problem and said.since else f" {problem}" if problem else ""
    return f"{said.key}: {told}{missing} It decides nothing here.".replace(":  ", ": ")


def ticket(said: Said | None) -> tuple[Cell, ...]:
    """What the ticket system said by the cut-off; that it could not be read is said, never left empty."""
    if said is None:
        return None, None, None, None
    since = f" (since {timezone.localtime(said.since):%-d %B %Y, %H:%M})" if said.since else ""
    return said.title or None, said.status or None, said.read_at, f"{said.problem}{since}" if said.problem else None


def line(one: Known) -> tuple[Cell, ...]:
    """A record as a row of the list."""
    row, why, done = one.row, one.why, one.outcome
    carried = carried_out(one) != ""
    decided = one.state not in (State.DRAFT, State.SUBMITTED)
    return (
        row.ref, "; ".join(row.refs), row.kind, row.urgency, row.title, one.state, str(row.requested_by),
        row.created_at, row.submitted_at,
        why.business_need if why else None, why.security_implications if why else None,
        why.data_carried if why else None,
        "; ".join(f"{each.approver} ({each.get_capacity_display().lower()})" for each in one.approvals),
        row.decided_at if decided else None, str(row.implemented_by) if carried and row.implemented_by else None,
        row.implemented_at if carried else None, done.at if done and done.outcome == "verified" else None,
        done.outcome if done else None, done.because if done else None, row.ticket, row.content_hash,
        not one.unapproved if one.state in SETTLED else None, *policy_said.cells(one.policy),
        *course.cells(one.course, one.approvals), *ticket(one.ticket),
    )  # fmt: skip
