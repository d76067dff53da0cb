"""What runs and nobody authorised, in groups: written with each comparison, and asked for as a provisional baseline.

One group is one decision: one reason, one rating, one end at most six months ahead, one accepted risk. Below it each
connection keeps a change record of its own, on which its owner and a manager decide as on any other.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final, NamedTuple

from django.db import transaction
from django.utils import timezone

from compliance import severity
from compliance.actions import risks
from compliance.actions.baseline import request_or_keep
from compliance.actions.import_requests import asked_before
from compliance.baseline import mark
from compliance.errors import Refused
from compliance.models import ChangeRecord, Endpoint, Notice, RiskAcceptance, Server, User
from compliance.models.approvals import content_hash
from compliance.models.estate import day_of
from compliance.notices import tell
from compliance.permissions import check
from compliance.register import Wanted
from evidence.case import Case
from evidence.flowlogs.seen import FlowEvidence
from evidence.judgement import Judgement, listed
from evidence.learn import Learned, Left, learn, named_ends
from evidence.learn_flows import Talked, learn_flows
from evidence.models import BaselineGroup, Comparison, Unlearned

BATCH: Final = 200
MOST: Final = 100  # connections of one decision: more than that nobody has read
BASIS: Final = RiskAcceptance.Kind.BASIS
WAITING: Final = (RiskAcceptance.State.REQUESTED, RiskAcceptance.State.ACCEPTED)
Pair = tuple[str, str]
Rules = frozenset[tuple[str, str]]
Atom = tuple[str, str, str]  # source, destination, service
USES: Final = (("daily", 22), ("weekly", 4), ("monthly", 0))  # seen on so many days of 31
SEEN: Final = ("first", "last", "days", "flows", "bytes", "sure")


class Kind(NamedTuple):
    """What the rows of a group have in common: whose it is, from what, to what, and how much it could do."""

    system: int
    source: str
    destination: str
    severity: str


@dataclass(slots=True)
class Ends:
    """The ends of the register by name: whose they are, and what they are called together with their like."""

    systems: dict[str, int] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls) -> Ends:
        """Servers by their role, else by their zone, else by their name; every other end by its name."""
        found = cls()
        rows = Endpoint.objects.select_related("server__system", "group__system", "zone__system")
        zones = dict(
            Server.objects.filter(addresses__zone__isnull=False).values_list("name", "addresses__zone__name").distinct()
        )
        for end in rows:
            system, label = end.system, end.name
            if end.server is not None:
                role, zone = end.server.role, zones.get(end.name, "")
                label = f"role {role} of {system}" if role else f"servers of zone {zone}" if zone else end.name
            found.labels[end.name] = label
            if system is not None:
                found.systems[end.name] = system.pk
        return found


def write(
    comparison: Comparison,
    case: Case,
    judged: Sequence[Judgement],
    register: Mapping[str, Any],
    wanted: Wanted,
    servers: Mapping[str, Server],
    flows: FlowEvidence | None = None,
) -> int:
    """The groups of an unpublished comparison, and what is not learned. Gives how many groups."""
    named = named_ends(register, wanted)
    said: list[Learned | Talked | Left] = list(learn(case, judged, named))
    said += learn_flows(case, flows, named) if flows and flows.space == wanted.space else []
    made = list(groups([one for one in said if not isinstance(one, Left)], Ends.read()))
    for group in made:
        group.comparison = comparison
    BaselineGroup.objects.bulk_create(made, batch_size=BATCH)
    rows = left(comparison, said, servers)
    Unlearned.objects.bulk_create(rows, batch_size=BATCH)
    return len(made)


def groups(learned: Iterable[Learned | Talked], ends: Ends) -> Iterator[BaselineGroup]:
    """The groups, unsaved. Services that the same rules let through between the same ends are decided on together, and
    so are those that no rule is known of and flow logs saw between the same ends."""
    atoms: dict[Atom, set[tuple[str, str]]] = defaultdict(set)
    seen: dict[Atom, dict[str, Any]] = {}
    for one in learned:
        if one.source in ends.labels and one.destination in ends.labels:
            atom = one.source, one.destination, one.service
            rules = atoms[atom]
            if isinstance(one, Learned):
                rules.add((one.point, one.rule))
            else:
                seen[atom] = added(seen.get(atom), one)
    alone = {number: material(atom[0], atom[1], [atom[2]]) for number, atom in enumerate(atoms)}
    grades = severity.of_materials(alone)
    alike: dict[tuple[Kind, str], dict[Pair, Rules]] = defaultdict(dict)
    for number, ((source, destination, service), rules) in enumerate(atoms.items()):
        system = ends.systems.get(destination) or ends.systems.get(source)
        if system is not None:
            kind = Kind(system, ends.labels[source], ends.labels[destination], grades[number])
            alike[kind, service][source, destination] = frozenset(rules)
    together: dict[tuple[Kind, frozenset[tuple[Pair, Rules]]], list[str]] = defaultdict(list)
    for (kind, service), rows in alike.items():
        together[kind, frozenset(rows.items())].append(service)
    for (kind, carried), services in together.items():
        yield from parts(kind, sorted(services), sorted((pair, sorted(rules)) for pair, rules in carried), seen)


def added(before: Mapping[str, Any] | None, one: Talked) -> dict[str, Any]:
    """What flow logs saw of one service between two ends, of several addresses together. Moments in seconds."""
    now = {key: getattr(one, key) for key in SEEN}
    if before is None:
        return now
    return {
        "first": min(before["first"], one.first), "last": max(before["last"], one.last),
        "days": max(before["days"], one.days), "flows": before["flows"] + one.flows,
        "bytes": before["bytes"] + one.bytes, "sure": before["sure"] and one.sure,
    }  # fmt: skip


def parts(
    kind: Kind,
    services: list[str],
    rows: Sequence[tuple[Pair, list[tuple[str, str]]]],
    seen: Mapping[Atom, Mapping[str, Any]],
) -> Iterator[BaselineGroup]:
    """A group, in parts that somebody can read."""
    key = content_hash([*kind, services])
    for start in range(0, len(rows), MOST):
        mine = rows[start : start + MOST]
        yield BaselineGroup(
            system_id=kind.system, key=key, source=kind.source[:200], destination=kind.destination[:200],
            services=services, severity=kind.severity, part=start // MOST + 1,
            rules=len({rule for _, rules in mine for rule in rules}),
            rows=[{"source": pair[0], "destination": pair[1], "rules": [list(one) for one in rules],
                   "seen": {each: found for each in services if (found := seen.get((*pair, each)))}}
                  for pair, rules in mine],
        )  # fmt: skip


def left(
    comparison: Comparison, said: Sequence[Learned | Talked | Left], servers: Mapping[str, Server]
) -> list[Unlearned]:
    """The rules of which something, or all, is not learned, and the flows: one row each with every reason."""
    learned = {(one.point, one.rule) for one in said if isinstance(one, Learned)}
    reasons: dict[tuple[str, str], dict[str, None]] = defaultdict(dict)
    for one in said:
        if isinstance(one, Left):
            reasons[one.point, one.rule][one.because] = None
    rows = []
    for (point, rule), why in reasons.items():
        server = servers.get(point.partition("/")[0])
        if server is not None:
            rows.append(
                Unlearned(comparison=comparison, system_id=server.system_id, server=server, point=point[:200],
                          rule=rule[:300], wholly=(point, rule) not in learned, because=listed(why))
            )  # fmt: skip
    return rows


def forget_others(comparison: Comparison) -> None:
    """Removes what earlier comparisons wrote: what runs now is decided on."""
    for model in (BaselineGroup, Unlearned):
        model.objects.exclude(comparison=comparison).filter(comparison__published=True).delete()


def material(source: str, destination: str, services: Sequence[str], **terms: Any) -> dict[str, Any]:
    """The material of one connection of a group."""
    ends = {"kind": "network", "source": source, "destination": destination}
    return {**ends, "services": list(services), "via": [], **terms}


def marks_asked(at: datetime | None = None) -> dict[str, str]:
    """What was asked for as a baseline and is not over, by the mark of each connection → the id of its risk."""
    today = day_of(at or timezone.now())
    risks = RiskAcceptance.objects.filter(kind=BASIS, state__in=WAITING, ends_on__gte=today).order_by("pk")
    return {each["mark"]: risk.ref for risk in risks for each in risk.extent}


def waiting(group: BaselineGroup, at: datetime) -> list[dict[str, Any]]:
    """The rows of a group that nobody asked for and nothing authorises: not yet, or not any more.

    What rested on a risk that was refused, was revoked or is over stands no longer, and may be asked for again.
    """
    asked, found = marks_asked(at), []
    for row in group.rows:
        wanted = wanted_of(group, row)
        known = asked_before(wanted)
        if known is None or ("risk" in known and mark(wanted) not in asked):
            found.append(row)
    return found


def wanted_of(group: BaselineGroup, row: Mapping[str, Any]) -> dict[str, Any]:
    """What one row of a group would authorise, without how long."""
    return material(row["source"], row["destination"], group.services)


def ask(
    group: BaselineGroup,
    *,
    business_need: str,
    security_implications: str,
    rating: str,
    alternate_control: str,
    ends_on: date,
    by: User,
    at: datetime | None = None,
) -> RiskAcceptance:
    """Asks that what a group lets through be a provisional baseline until a day at most six months ahead.

    Nothing is authorised by asking: each connection is approved by its owner and a manager, and stands only while the
    authorising officer accepts the risk. What the policy does not permit is kept as a draft.
    """
    moment = at or timezone.now()
    check(by, "request", group.system, at=moment)
    with transaction.atomic():
        rows = waiting(group, moment)
        if not rows:
            raise Refused(
                "Nothing was asked for.", "All of this group was asked for or authorised already.", "See the changes."
            )
        risk = risks.request(
            system=group.system, kind=BASIS, key=f"{group.key}:{group.part}:{len(rows)}",
            about=f"{len(rows)} connections that run today: {group}",
            extent=[{"mark": mark(wanted_of(group, row))} for row in rows], rating=rating, reason=business_need,
            alternate_control=alternate_control, ends_on=ends_on, by=by, at=moment,
        )  # fmt: skip
    until = ends_on.isoformat()
    terms = {"basis": "provisional", "review_by": until, "ends_on": until}
    for row in rows:  # each in a transaction of its own: what a kill leaves out is still to be asked for
        request_or_keep(
            system=group.system,
            material=wanted_of(group, row) | terms | {"risk": risk.ref, "expected_use": expected(row)},
            justification={
                "business_need": f"{business_need.strip()} ({row['source']} → {row['destination']})",
                "security_implications": security_implications,
                "data_carried": "",
            },
            title=f"Baseline: {row['source']} → {row['destination']} {', '.join(group.services)}"[:200],
            source_row={"learned": row["rules"], "seen": row.get("seen", {})},
            rests_on=risk,
            by=by,
            at=moment,
        )
    return risk


def expected(row: Mapping[str, Any]) -> str:
    """How often it is expected to be used: continuously, as long as nothing but rules is known of it; else by the days
    on which flow logs saw the service that was seen on the fewest."""
    days = [one["days"] for one in row.get("seen", {}).values()]
    if not days:
        return "continuous"
    return next(use for use, least in USES if min(days) >= least)


def tell_owners(*, by: User, at: datetime | None = None) -> int:
    """Tells each owner once a comparison how many groups of theirs nobody asked for. Gives how many were told."""
    moment = at or timezone.now()
    check(by, "request", None, at=moment)
    mine = BaselineGroup.objects.for_user(by).current().select_related("system__owner", "comparison")
    asked = marks_asked(moment)
    open_ones = [one for one in mine if any(mark(wanted_of(one, row)) not in asked for row in one.rows)]
    counts = Counter(one.system for one in open_ones)
    told = 0
    with transaction.atomic():
        for system, count in counts.items():
            what = (
                f"{count} {'group' if count == 1 else 'groups'} of connections of {system} run that nobody authorised"
            )
            key = f"learn:{open_ones[0].comparison_id}:{system.pk}"
            row = tell(
                system.owner, key=key, subject=what[:200], at=moment, kind=Notice.DUE, path="/learn/?owner=me",
                body="Say which of them are needed; the rest is to be stopped.", about=[system],
            )  # fmt: skip
            told += row.created_at == moment
    return told


def resting_on(risk: RiskAcceptance) -> list[ChangeRecord]:
    """The change records of a group that was asked for, oldest first."""
    return list(risk.changes.select_related("connection", "requested_by").order_by("pk"))
