"""Comparing what is authorised today with what was read: verdicts, findings and stamps, published in one moment."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime
from itertools import chain
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.module_loading import import_string

from compliance import baseline
from compliance.actions.connections import stamp
from compliance.actions.reconcile import reconcile
from compliance.actions.reconcile_rows import altered_rows
from compliance.ledger.one_moment import one_moment
from compliance.models import Connection, Group, Server, System, Zone
from compliance.models.approvals import canonical
from compliance.models.estate import day_of
from compliance.register import Wanted
from compliance.run import Run
from compliance.standing import register_on
from evidence import readings
from evidence.actions import (
    accounts,
    admin,
    attestations,
    flow_days,
    flow_evidence,
    flow_results,
    learning,
    observing,
    paths,
    shares,
    sightings,
    trends,
)
from evidence.actions.cases import Case, merged
from evidence.actions.cures import Watch
from evidence.actions.deltas import note_deltas, surpluses
from evidence.actions.findings import NO_FINDING, follow
from evidence.actions.flow_cures import Seen
from evidence.actions.irregular import POINT, Found, irregular, systems_by_subject
from evidence.actions.members import grouped
from evidence.admin_flows import Reached
from evidence.authorised import wanted_on
from evidence.case import Case as Judged
from evidence.commands.rule_edits import for_people
from evidence.kept import Kept
from evidence.models import Comparison, FlowLog, Inventory, Pull, VerdictRow
from evidence.policy_estate import admin_paths, administration_services, policy_judgements
from evidence.proposals import Proposals
from evidence.rewritten import rewritten
from evidence.rules import Certainty, Reading, Verdict
from evidence.share_register import served
from evidence.share_verdicts import named
from evidence.sheet_verdicts import tested
from evidence.source_verdicts import differing, source_trouble
from evidence.unknown_verdicts import SUBJECT as UNREGISTERED
from evidence.usage_verdicts import POINT as FLOWS
from evidence.usage_verdicts import addresses_in
from evidence.verdicts import BESIDE, RANK, Judgement, judge_case, roll_up

BATCH = 500
OF_NO_HOST = frozenset({Verdict.against_policy, Verdict.review_overdue, Verdict.review_missed, Verdict.unknown_server})


def compare(*, at: datetime | None = None, run: Run | None = None) -> Comparison:
    """One comparison of the whole register. With a `run` its publishing is fenced by the job's claim."""
    moment = at or timezone.now()
    step(run, "Observing the members of groups")
    loaded = observing.observe(moment)
    step(run, "Gathering what is authorised")
    wanted = wanted_on(day_of(moment))
    last = Comparison.objects.filter(published=True, at__lt=moment).first()
    former = readings.before(None, last.at if last else None, judged=True)
    note_deltas(wanted, at=moment, run=run)  # before the readings are taken: what is noted is judged below
    fresh, absent = readings.current(moment)
    picked = readings.several(fresh, moment, loaded)
    now = readings.readings_of(fresh, loaded, picked)
    digests = readings.digests_of(fresh, picked)
    known = {digests[name]: reading for name, reading in now.items()}
    stood = {name: held for name, held in former.items() if name in fresh}
    then = readings.readings_of(stood, known, readings.several(stood, last.at if last else None))
    answers = accounts.kept_files()
    step(run, "Putting accounts together that lead into one another")
    beside = accounts.together(fresh, now, answers)
    kept = Kept(answers, {name: beside.digest(name, held) for name, held in digests.items()})
    step(run, f"Judging {len(wanted.entries)} connections on {len(now)} servers")
    services = administration_services(now, moment)
    found = flow_evidence.gathered(wanted, moment, lambda text: step(run, text), services)
    flows = found.flows if found else None
    reached = Reached.of(found.flows.coverage, found.flows.holdings, found.reached) if found else None
    also, excused = [*sightings.also(now, moment), *addresses_in(flows)], sightings.excused(moment)
    with one_moment():
        records: Found = [*reconcile(at=moment), *altered_rows(at=moment)]
    devices = paths.said(moment), readings.standings(absent)
    case = Judged(wanted, now, then if last else None, absent, kept, also, excused, *devices, wide=beside.paths)
    judgements = [
        *beside_records(judge_case(case, flows=flows, at=day_of(moment))),
        *irregular(records),
        *source_trouble(moment, {host for entry in case.wanted.entries for host, _ in entry.required}),
        *differing(picked),
        *rewritten(moment),
        *inventory_trouble(moment),
        *flow_results.flow_trouble(moment),
        *observing.judged(case, moment),
        *accounts.judged_apart(beside),
    ]
    step(run, "Holding what the rules let through against the policy")
    judgements += policy_judgements(wanted, now, moment)
    said = dict([*said_above(moment), *tested(wanted, moment)])
    judgements += said
    step(run, f"Writing {len(judgements)} verdicts")
    sightings.note(case, moment)
    whose = Whose(wanted, now, judgements, sightings.Places(case), systems_by_subject(records), beside.paths)
    whose.named |= {one.subject: system for one, system in said.items()}
    token = run.token if run else None
    comparison = stage(judgements, whose, moment, token, run)
    shares.write(comparison, served(case, judgements), whose.servers)
    ways = admin_paths(case, moment, reached)
    admin.write(comparison, ways, whose.servers)
    attestations.write_said(comparison, now, fresh, whose.servers)
    flow_results.write(comparison, found, case, flow_results.Ways(ways, whose.servers))
    step(run, "Grouping what runs and nobody authorised")
    worked_off = baseline.numbers(day_of(moment))
    Comparison.objects.filter(pk=comparison.pk).update(
        trend=trends.numbers(comparison, moment), burned=worked_off, heads=trends.heads(comparison)
    )
    learning.write(comparison, case, judgements, register_on(day_of(moment)), wanted, whose.servers, flows)
    cases = grouped(merged(whose.case(one) for one in judgements if one.verdict not in NO_FINDING))
    with finish(run):
        follow(comparison, cases, Watch(fresh, moment, Seen(flows, case.authorised, usage_not_known(judgements))))
        stamp(drifts(judgements, whose, flow_results.last_seen(found)), at=moment)
        Comparison.objects.filter(pk=comparison.pk).update(published=True)
        shares.forget_others(comparison)
        admin.forget_others(comparison)
        attestations.forget_others(comparison)
        learning.forget_others(comparison)
        flow_results.forget_others(comparison)
    flow_days.forget_others(found.results if found else ())
    kept.files.forget_others()
    comparison.refresh_from_db()
    return comparison


def beside_records(found: Iterable[Judgement]) -> Iterator[Judgement]:
    """The judgements, those on a change that goes beyond its record naming the record."""
    known = surpluses()
    for one in found:
        because = known.get((one.point, one.rule, one.family))
        surplus = because is not None and one.verdict is Verdict.changed_without_record
        yield replace(one, because=because) if surplus and because else one


def said_above(at: datetime) -> Iterator[tuple[Judgement, int]]:
    """What the room above has to say at a comparison, each with the system it is about (settings.JUDGED_ABOVE)."""
    for dotted in settings.JUDGED_ABOVE:
        yield from import_string(dotted)(at)


def step(run: Run | None, text: str) -> None:
    """Progress, where there is a job to show it."""
    if run is not None:
        run.step(text)


def finish(run: Run | None) -> AbstractContextManager[Any]:
    """The fenced end of the job, or a plain transaction."""
    return run.finish() if run is not None else transaction.atomic()


def inventory_trouble(at: datetime) -> list[Judgement]:
    """Inventories that do not show today's list, or not all of it: whom they do not name proves nothing."""
    return [
        Judgement(verdict, Certainty.unproven, f"inventory {one.name}", "", "", (), None, because)
        for one, verdict, because in sightings.troubles(at)
    ]


def is_record(one: Judgement) -> bool:
    """Whether it is about a record, and not about a host: a server may be called so."""
    return one.point.partition("/")[0] == POINT and one.verdict is Verdict.changed_without_record


class Whose:
    """Which connection, server, system and rule a judgement is about, and what to do about it."""

    def __init__(
        self,
        wanted: Wanted,
        now: dict[str, Reading],
        judged: Sequence[Judgement],
        places: sightings.Places,
        records: dict[str, int],
        beside: Mapping[str, Reading],
    ) -> None:
        self.beside = beside  # account → its paths with what other accounts show
        self.records = records  # what reconciliation found → the system of that record
        self.places, self.networks = (
            places,
            places.networks,
        )  # of servers outside every zone → the system of the first of them
        self.connections = {row.ref: row for row in Connection.objects.all()}
        self.servers = {row.name: row for row in Server.objects.select_related("system")}
        self.named = {f"zone {row.name}": row.system_id for row in Zone.objects.all()}
        self.named |= {f"group {row.name}": row.system_id for row in Group.objects.all()}
        self.named |= {f"flow log {row.name}": row.system_id for row in FlowLog.objects.all()}
        self.named |= {f"inventory {row.name}": row.system_id for row in Inventory.objects.all()}
        self.systems = dict(System.objects.values_list("name", "pk"))
        self.first = System.objects.order_by("pk").values_list("pk", flat=True).first() or 0
        self.now = now
        self.ids = {entry.id for entry in wanted.entries}
        self.proposals = Proposals(wanted, judged, now)

    def connection(self, one: Judgement) -> Connection | None:
        """The connection, where the subject is its id."""
        return self.connections.get(one.subject)

    def server(self, one: Judgement) -> Server | None:
        """The host of the point, or the subject itself; none where it is about a decision."""
        if one.verdict in OF_NO_HOST:
            return None
        if is_record(one):
            return self.servers.get(one.subject.split(" ")[0])
        if one.point == FLOWS and one.witness:
            return next((self.servers[name] for name in self.ends(one) if name in self.servers), None)
        return self.servers.get(one.point.partition("/")[0]) or self.servers.get(one.subject.split(" ")[0])

    def ends(self, one: Judgement) -> list[str]:
        """The servers at the ends of a flow, where it went first."""
        values = (one.witness.dst, one.witness.src) if one.witness else ()
        return [name for value in values if (name := self.places.case.estate.holders.get(value))]

    def system_id(self, one: Judgement) -> int:
        """The system that has to mend it: the host's, else the connection's, else the zone's or group's."""
        server, connection = self.server(one), self.connection(one)
        if one.verdict is Verdict.against_policy:
            return self.of_policy(one)
        if is_record(one) and one.subject in self.records:
            return self.records[one.subject]
        if server is not None:
            return server.system_id
        if connection is not None:
            return connection.system_id
        if one.point == FLOWS and one.witness:
            away = self.places.of(one.family, one.witness.src, self.first).system
            return self.places.of(one.family, one.witness.dst, away).system
        subject = one.subject.removeprefix(UNREGISTERED)
        # "zone app and zone data": those of the first look after it
        places = (subject, *subject.split(" and "), " ".join(subject.split(" ")[:2]))
        found = (known[name] for known in (self.named, self.networks) for name in places if name in known)
        return next(found, self.first)

    def of_policy(self, one: Judgement) -> int:
        """The system of the servers that the policy does not want reached: the last word of the subject."""
        named = [name for name in self.systems if one.subject.endswith(f", {name}")]
        return self.systems[max(named, key=len)] if named else self.first

    def origin(self, one: Judgement) -> dict[str, Any]:
        """File, line and text of the responsible rule, or of the line that shares."""
        hosts = self.ends(one) if one.point == FLOWS else [one.point.partition("/")[0]]
        several = [self.now[name] for name in hosts if name in self.now and one.rule]
        rules = (rule.origin for each in several for held in each.chains for rule in held.rules if rule.id == one.rule)
        ways = [self.beside[name] for name in hosts if name in self.beside and one.rule]
        abroad = (rule.origin for each in ways for held in each.chains for rule in held.rules if rule.id == one.rule)
        lines = (share.origin for each in several for share in each.shares if named(share) == one.rule)
        found = next(chain(rules, lines, abroad), None)
        if found is None:
            return {"rule_file": "", "rule_line": 0, "rule_text": ""}
        return {"rule_file": found.name[:200], "rule_line": found.first, "rule_text": for_people(found.text)[:2000]}

    def case(self, one: Judgement) -> Case:
        """The judgement as a finding's case."""
        extent = [{"family": one.family, "box": list(box)} for box in one.excess]
        whose = self.system_id(one), self.connection(one), self.server(one)
        return Case(one, *whose, self.origin(one), self.proposals.of(one), extent)


def stage(
    judgements: Sequence[Judgement], whose: Whose, at: datetime, token: UUID | None, run: Run | None
) -> Comparison:
    """The verdict rows in short batches, unpublished, owned by the claim."""
    heads = headlines(judgements, whose)
    digest = hashlib.sha256(canonical(register_on(day_of(at)))).hexdigest()
    comparison = Comparison.objects.create(
        at=at, token=token, job=run.job if run else None, register_digest=digest, counts=counts(judgements, heads)
    )
    rows = [row(comparison, one, whose, headline=number in heads) for number, one in enumerate(judgements)]
    for start in range(0, len(rows), BATCH):
        VerdictRow.objects.bulk_create(rows[start : start + BATCH])
        step(run, f"Writing verdicts {start} of {len(rows)}")
    return comparison


def headlines(judgements: Sequence[Judgement], whose: Whose) -> set[int]:
    """The judgements that are counted: the worst of each connection or share, and each extra once."""
    rolled = roll_up(judgements)
    heads: dict[tuple[str, ...], int] = {}
    for number, one in enumerate(judgements):
        if one.verdict is Verdict.usage_unknown:
            continue
        if one.subject in whose.ids and one.verdict not in BESIDE:
            if rolled[one.subject] is one.verdict:
                heads.setdefault(("register", one.subject), number)
        else:
            heads.setdefault((one.verdict, one.point, one.subject), number)
    return set(heads.values())


def counts(judgements: Sequence[Judgement], heads: set[int]) -> dict[str, int]:
    """{verdict: subjects}, usage apart: what flows do not say never takes the place of what the rules prove."""
    found = Counter(one.verdict.value for number, one in enumerate(judgements) if number in heads)
    unknown = len({one.subject for one in judgements if one.verdict is Verdict.usage_unknown})
    if unknown:
        found[Verdict.usage_unknown.value] = unknown
    return dict(sorted(found.items(), key=lambda each: RANK[Verdict(each[0])]))


def row(comparison: Comparison, one: Judgement, whose: Whose, *, headline: bool) -> VerdictRow:
    """One judgement as a row."""
    return VerdictRow(
        comparison=comparison,
        system_id=whose.system_id(one),
        verdict=one.verdict,
        certainty=one.certainty,
        subject=one.subject[:300],
        connection=whose.connection(one),
        server=whose.server(one),
        point=one.point[:200],
        rule=one.rule[:300],
        family=one.family,
        excess=[list(box) for box in one.excess],
        witness=one.witness.as_dict() if one.witness else None,
        because=one.because,
        headline=headline,
    )


def usage_not_known(judgements: Iterable[Judgement]) -> set[str]:
    """The connections of which the flow logs do not say whether they are used."""
    return {one.subject for one in judgements if one.verdict is Verdict.usage_unknown}


def drifts(
    judgements: Sequence[Judgement], whose: Whose, seen: Mapping[str, datetime]
) -> list[tuple[int, str, datetime | None]]:
    """The worst verdict of each connection, as its stamp, and its last proven use."""
    rolled = roll_up(judgements)
    return [
        (whose.connections[subject].pk, verdict.value, seen.get(subject))
        for subject, verdict in rolled.items()
        if subject in whose.connections
    ]


def sweep(now: datetime) -> int:
    """Removes or ends what no claim owns any more: what workers had begun when they died for good."""
    over = ["done", "dead", "cancelled"]
    removed, _ = Comparison.objects.filter(published=False, job__state__in=over).delete()
    begun = Pull.objects.filter(state__in=[Pull.State.QUEUED, Pull.State.RUNNING], job__state__in=over)
    return removed + begun.update(state=Pull.State.FAILED, finished_at=now, what="Its job ended before it was read.")
