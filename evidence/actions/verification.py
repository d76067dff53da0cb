"""Whether a change was carried out as approved: the rules are read again, and they say."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db import transaction
from django.utils import timezone

from compliance.actions import changes as workflow
from compliance.four_eyes import concerned
from compliance.models import ChangeRecord, State
from compliance.models.approvals import canonical
from compliance.models.estate import day_of
from compliance.register import Entry, RegisterError, Wanted, wanted
from compliance.run import Run
from compliance.standing import KEPT, estate_on, mentioned, register_on, row
from compliance.traffic.boxes import FULL, overlaps
from evidence import readings
from evidence.actions.accounts import together
from evidence.actions.footprint import accounts, affected, footprint, standing_in
from evidence.actions.observing import unsure
from evidence.actions.paths import said as said_paths
from evidence.actions.pulls import fenced, take
from evidence.authorised import wanted_on
from evidence.case import RETURN, Case
from evidence.collectors.table import COLLECTORS
from evidence.judgement import Silence
from evidence.models import Pull, Snapshot, Source, Verification
from evidence.removed import rest_of
from evidence.rules import Reading, Verdict
from evidence.verdicts import BESIDE, RANK, Judgement, judge, judge_case

NOT_DECIDED = frozenset({Verdict.not_verifiable, Verdict.stale, Verdict.unreachable})
WIDER = frozenset({Verdict.permits_more, Verdict.share_wider})
ABSENT = frozenset({Verdict.not_implemented, Verdict.approved_not_done})


class Finding(NamedTuple):
    """What the rules say of a change: the outcome, a sentence, and the judgement that shows it."""

    outcome: str
    because: str
    shown: Judgement | None


def verify(change: ChangeRecord, *, run: Run, at: datetime | None = None) -> Verification:
    """Reads the affected servers again and compares. Publishes the proof and moves the change, fenced by the job."""
    moment = at or timezone.now()
    asked = with_entry(change, moment)
    servers = footprint(change, asked, moment)
    before = readings.before(servers, change.decided_at or change.created_at)
    read_again(servers, run)
    run.step(f"Comparing {change.ref}")
    fresh, absent = readings.current(moment)
    now, then = readings.readings_of(fresh), readings.readings_of(before)
    case = Case(asked, now, None, absent, **devices_of(absent, moment), wide=together(fresh, now).paths)
    said = [*judge_case(case, flows=None, at=day_of(moment)), *unsure(moment)]
    found = outcome(change, said, case, then, moment)
    with run.finish():
        return publish(change, found, [each for name in servers for each in fresh.get(name, ())], moment)


def settle(changes: Sequence[ChangeRecord], *, at: datetime) -> list[Verification]:
    """Verifies many changes at once against what was read by `at`: after a baseline, where one judgement serves all."""
    fresh, absent = readings.current(at)
    now = readings.readings_of(fresh)
    asked = wanted_on(day_of(at))
    case = Case(asked, now, None, absent, **devices_of(absent, at), wide=together(fresh, now).paths)
    said = [*judge_case(case, flows=None, at=day_of(at)), *unsure(at)]
    rows = []
    for change in changes:
        found = outcome(change, said, case, {}, at)
        ends = affected(change)
        rests_on = dict.fromkeys([*ends, *(one.account for one in standing_in(asked, now, ends))])
        snapshots = [each for name in rests_on for each in fresh.get(name, ())]
        with transaction.atomic():
            rows.append(publish(change, found, snapshots, at))
    return rows


def devices_of(absent: Mapping[str, Silence], at: datetime) -> dict[str, Any]:
    """What `judge` is told of the devices between servers, beside what it reads."""
    return {"said": said_paths(at), "stood": readings.standings(absent)}


def read_again(servers: Sequence[str], run: Run) -> None:
    """Reads every source of these servers that can be read without a person."""
    for source in Source.objects.filter(server__name__in=servers, enabled=True, kind__in=COLLECTORS):
        begun = Pull.objects.filter(source=source, job=run.job).exclude(published=True).first()
        row = begun or Pull.objects.create(source=source, job=run.job)
        take(source, row, run=run, publish=fenced(run))


def outcome(
    change: ChangeRecord, said: Sequence[Judgement], case: Case, then: Mapping[str, Reading], at: datetime
) -> Finding:
    """What these judgements of a case say of one change. `then`: what its servers showed before it was decided."""
    mine = [one for one in said if one.subject in change.refs and one.verdict not in BESIDE]
    if change.kind in (ChangeRecord.Kind.RETIRE, ChangeRecord.Kind.DECOMMISSION):
        return gone(change, mine, case)
    if change.kind == ChangeRecord.Kind.WIDEN and not change.refs:
        return Finding("verified", "No connection is authorised by it: no rule has to change.", None)
    if not mine:
        return Finding("undecided", "Nothing is known of its servers: no source covers them.", None)
    worst = max(mine, key=lambda one: RANK[one.verdict])
    if worst.verdict in NOT_DECIDED:
        return Finding("undecided", worst.because, worst)
    if worst.verdict not in (Verdict.implemented, Verdict.no_listener):
        return Finding("disputed", worst.because, worst)
    wider = widened(change, said, case, then, at)
    if wider is not None:
        return Finding("disputed", f"More was opened than {change.ref} says. {wider.because}", wider)
    points = ", ".join(sorted({one.point for one in mine if one.point}))
    return Finding("verified", f"Every packet of it is permitted at {points}, as approved.", None)


def with_entry(change: ChangeRecord, at: datetime) -> Wanted:
    """The register as authorised, with what a removal takes away put back so that it can be asked about."""
    found = wanted_on(day_of(at))
    if change.kind == ChangeRecord.Kind.DECOMMISSION:
        before = before_it(change)
        return replace(found, entries=(*found.entries, *before.entries), servers={**before.servers, **found.servers})
    if change.kind != ChangeRecord.Kind.RETIRE:
        return found
    return replace(found, entries=(*found.entries, *entries_of(change, at)))


def entries_of(change: ChangeRecord, at: datetime) -> tuple[Entry, ...]:
    """The change's own material as entries of the register of that day; of a change to the estate, what it retired.

    What is retired together with its server is asked about in the register as it was before.
    """
    if change.kind == ChangeRecord.Kind.DECOMMISSION:
        return before_it(change).entries
    if change.connection_id is None:
        return ()
    row = {"id": change.of.ref, **{key: change.material[key] for key in KEPT if change.material.get(key)}}
    if estate_on(day_of(at)).unseen & set(mentioned(change.material)):
        return ()  # it names a group that nobody is seen in
    register = register_on(day_of(at))
    kind = "shares" if change.material["kind"] == "share" else "connections"
    return wanted({**register, "connections": [], "shares": [], kind: [row]}, at=day_of(at)).entries


def asked_alone(change: ChangeRecord, at: datetime) -> Wanted:
    """What a change asks for, as the only entry of the estate of that day. Raises RegisterError."""
    row = {"id": change.of.ref, **{key: change.material[key] for key in KEPT if change.material.get(key)}}
    estate = estate_on(day_of(at))
    register = {**estate.register([]), "servers": estate.servers(set(mentioned(change.material)))}
    return wanted({**register, "shares" if change.material["kind"] == "share" else "connections": [row]}, at=day_of(at))


def before_it(change: ChangeRecord) -> Wanted:
    """What a decommissioning retired, and the servers, as they stood a moment before it was decided."""
    then = (change.decided_at or timezone.now()) - timedelta(microseconds=1)
    versions = list(change.versions_closed.select_related("connection")) or concerned(change)
    said: dict[str, list[dict[str, Any]]] = {"connections": [], "shares": []}
    for version in versions:
        said["shares" if version.material["kind"] == "share" else "connections"].append(row(version))
    return wanted({**register_on(day_of(then), known_at=then), **said}, at=day_of(then))


def gone(change: ChangeRecord, mine: Sequence[Judgement], case: Case) -> Finding:
    """A removal is done when every packet of it is certainly stopped at one of the points that it passes."""
    entries = [entry for entry in case.wanted.entries if entry.id in change.refs]
    if change.kind == ChangeRecord.Kind.RETIRE and not entries:
        why = "Nobody is seen in a group that it names: which packets are to be stopped is not known."
        return Finding("undecided", why, None)
    if change.kind == ChangeRecord.Kind.RETIRE and any(entry.share for entry in entries):
        return share_gone(mine)
    # A server that is out of service says nothing any more: the other ends have to stop it
    out = change.material["server"] if change.kind == ChangeRecord.Kind.DECOMMISSION else ""
    for entry in entries:
        rest = rest_of(case, entry, out=out)
        if rest.boxes:
            shown = next((one for one in mine if one.verdict is Verdict.implemented), None)
            if rest.through:
                return Finding("disputed", "Some of it is still let through at every point that was read.", shown)
            return Finding("undecided", "Whether all of it is stopped could not be determined.", shown)
    return Finding("verified", "Every packet of it is stopped at one of its points at least.", None)


def share_gone(mine: Sequence[Judgement]) -> Finding:
    """A share's removal is done when its server was read and does not share it any more."""
    at_server = [one for one in mine if "/shares/" in one.point]
    if at_server and all(one.verdict in ABSENT for one in at_server):
        return Finding("verified", "It is not shared any more.", None)
    shown = next((one for one in at_server if one.verdict not in NOT_DECIDED), None)
    if shown is not None:
        return Finding("disputed", f"It is still shared: {shown.because}", shown)
    return Finding("undecided", "Whether it is still shared could not be determined.", None)


def widened(
    change: ChangeRecord, said: Sequence[Judgement], case: Case, then: Mapping[str, Reading], at: datetime
) -> Judgement | None:
    """An over-permissive rule at one of its ends that was not there before: approved 443, implemented 1-65535."""
    ends = set(affected(change))
    interfaces = {f"{one.account}/{one.interface}" for name in ends for one in case.attached.get(name, ())}
    former = {
        (one.verdict, one.point, one.subject)
        for one in judge(case.wanted, then, before=None, flows=None, at=day_of(at))
        if one.verdict in WIDER
    }
    fresh = (
        one for one in said
        if one.verdict in WIDER
        and (one.point.partition("/")[0] in ends or one.point.rpartition("/")[0] in interfaces)
    )  # fmt: skip
    mine = [entry for entry in case.wanted.entries if entry.id in change.refs]
    added = (one for one in fresh if (one.verdict, one.point, one.subject) not in former)
    return next((one for one in added if concerns(one, mine, then)), None)


def concerns(one: Judgement, mine: Sequence[Entry], then: Mapping[str, Reading]) -> bool:
    """Whether a wider rule is this change's doing: it is new, or lies between its ends."""
    if one.point.partition("/")[0] in then:
        return True
    ends = [(entry.family, (*box[:4], *FULL[entry.family][4:])) for entry in mine for box in entry.boxes]
    return any(family == one.family and overlaps(box, ours) for family, ours in ends for box in one.excess)


def publish(change: ChangeRecord, found: Finding, snapshots: Sequence[Snapshot], at: datetime) -> Verification:
    """The proof's row, and the change moved by it. In the caller's transaction."""
    shown = found.shown
    facts = {
        "change": change.ref,
        "content": change.content_hash,
        "outcome": found.outcome,
        "because": found.because,
        "snapshots": sorted(snapshot.digest for snapshot in snapshots),
    }
    proof = hashlib.sha256(canonical(facts)).hexdigest()
    row = Verification.objects.create(
        change=change,
        at=at,
        outcome=found.outcome,
        because=found.because,
        extra=[list(box) for box in shown.excess] if shown and shown.verdict in WIDER else [],
        missing=[list(box) for box in shown.excess] if shown and shown.verdict in ABSENT else [],
        witness=shown.witness.as_dict() if shown and shown.witness else None,
        proof=proof,
    )
    row.snapshots.set(snapshots)
    change.refresh_from_db()
    if found.outcome == Verification.Outcome.VERIFIED and change.state in (State.IMPLEMENTED, State.DISPUTED):
        workflow.verify(change, proof=proof, at=at)
    elif found.outcome == Verification.Outcome.DISPUTED and change.state in (State.IMPLEMENTED, State.VERIFIED):
        workflow.dispute(change, why=found.because, at=at)
    return row


def before_approval(change: ChangeRecord) -> dict[str, Any]:
    """For who decides: what the rules do with it today. Reads only; {} where there is nothing to say."""
    if change.state not in (State.DRAFT, State.SUBMITTED) or change.connection_id is None:
        return {}
    now = timezone.now()
    try:
        asked = asked_alone(change, now)
    except RegisterError as error:
        return {"opens": banner("warn", "This cannot be compared with the register", error.problems[0])}
    ends = affected(change)
    whose = [*ends, *accounts(asked, ends)]
    fresh, _ = readings.current(now, whose)
    near = [name for name in whose if name in fresh]
    case = Case(asked, readings.readings_of({name: fresh[name] for name in near}), None, {})
    points = [
        (entry, host, point) for entry in case.wanted.entries for host, point in entry.required if point != RETURN
    ]
    states = [state_at(case, *place) for place in points]
    unread = sorted({host for _, host, _ in points if host not in case.hosts})
    checks = [
        {"outcome": "pass", "text": "Who decides is not who asked: the system sees to it"},
        {"outcome": "unknown" if unread else "pass", "text": coverage(unread)},
    ]
    return {"opens": opens(states, unread), "checks": checks}


def state_at(case: Case, entry: Entry, name: str, point: str) -> str:
    """permit, deny or unproven: what a point does today with all of an entry's part (mixed counts as deny)."""
    host = case.hosts.get(name)
    if host is None:
        return "unproven"
    pieces = (piece for box in case.part(entry, host, point) for piece in host.pieces(point, entry.family, box))
    said = {piece.decision for piece in pieces}
    if "deny" in said:
        return "deny"
    return "permit" if said == {"permit"} else "unproven"


def coverage(unread: Sequence[str]) -> str:
    """Which servers are read, in a sentence."""
    return (
        f"The rules of {', '.join(unread)} are not known" if unread else "The rules of every server concerned were read"
    )


def opens(states: Sequence[str], unread: Sequence[str]) -> dict[str, Any]:
    """The banner above a decision."""
    if states and all(state == "permit" for state in states):
        return banner(
            "warn", "The rules let this through already", "It is open today without anybody having authorised it."
        )
    if "deny" in states:
        return banner(
            "off", "The rules stop this today", "Once it is approved and done, exactly this traffic is let through."
        )
    because = f"Nothing fresh is known of {', '.join(unread)}." if unread else "The rules read leave it open."
    return banner("warn", "Whether it is open today could not be determined", because)


def banner(tone: str, title: str, text: str) -> dict[str, Any]:
    """Context of the banner."""
    return {"tone": tone, "title": title, "text": text, "packet": "", "packet_says": ""}
