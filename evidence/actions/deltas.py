"""Noting what each new snapshot changed in effect, and which change record that belongs to.

Written as soon as a comparison meets a snapshot, once for each; attributed again at every comparison while no record
covers it: an urgent change is approved after it was made.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Coalesce

from compliance.models import ChangeRecord, ConnectionVersion, State
from compliance.models.approvals import unproven_changes
from compliance.models.estate import day_of
from compliance.register import RegisterError, Wanted, wanted
from compliance.run import Run
from compliance.standing import KEPT, register_on
from compliance.traffic.boxes import Box, Family
from compliance.traffic.shares import Origin
from evidence import readings
from evidence.attribution import RECORDED, REPAIR, Attribution, Record, attribute
from evidence.case import Case
from evidence.commands.rule_edits import for_people
from evidence.models import Delta, Pull, RuleChange, Snapshot
from evidence.rule_changes import Changed, rule_changes

APPROVED: Final = (State.APPROVED, State.IMPLEMENTED, State.VERIFIED, State.DISPUTED, State.RETIRED)
SEEN: Final = Coalesce("seen_at", "finished_at")  # rows of before it was noted have the latter only
SETTLED: Final = (RECORDED, REPAIR)


def note_deltas(asked: Wanted, *, at: datetime, run: Run | None = None) -> int:
    """Holds every snapshot that was not yet held against what its host showed before it; gives how many.

    `asked`: what is authorised now, for the inventory and for what a change without a record opens.
    """
    waiting = Snapshot.objects.filter(published=True, delta=None, observed_at__lte=at)
    rows = list(waiting.select_related("server", "source", "reading").order_by("observed_at", "pk"))
    for done, snapshot in enumerate(rows):
        if run is not None:
            run.step("Holding new snapshots against those before them", done, len(rows))
        note(snapshot, asked, at)
    attribute_again(asked, at)
    return len(rows)


def note(snapshot: Snapshot, asked: Wanted, at: datetime) -> Delta:
    """One snapshot held against what stood before it."""
    name = snapshot.server.name
    stood = standing_before(snapshot)
    former = stood.get(snapshot.source_id)
    found: list[Changed] = []
    case = None
    if former is not None:
        at_once = {name: list(stood.values())}, {name: list({**stood, snapshot.source_id: snapshot}.values())}
        before, now = (
            readings.readings_of(each, picked=readings.several(each, snapshot.observed_at)) for each in at_once
        )
        case = Case(asked, now, before, {})
        found = list(rule_changes(case))
    since = last_seen(former, snapshot) if former else None
    records = records_of(found, since, snapshot, at)
    with transaction.atomic():
        delta, fresh = Delta.objects.get_or_create(snapshot=snapshot, defaults={"before": former, "since": since})
        if fresh and case is not None and former is not None:
            between = since or former.observed_at, snapshot.observed_at
            RuleChange.objects.bulk_create(
                row(delta, one, attribute(one, records, between=between, authorised=case.authorised[one.family]))
                for one in found
            )
    return delta


def standing_before(snapshot: Snapshot) -> dict[int, Snapshot]:
    """What each source of the host had shown when this snapshot came: source → its snapshot."""
    earlier = Q(observed_at__lt=snapshot.observed_at) | Q(observed_at=snapshot.observed_at, pk__lt=snapshot.pk)
    rows = Snapshot.objects.filter(earlier, server=snapshot.server, published=True)
    rows = rows.select_related("server", "reading", "source")
    return {each.source_id: each for each in rows.order_by("observed_at", "pk")}


def last_seen(former: Snapshot, snapshot: Snapshot) -> datetime:
    """When the source was last seen as it was before: that night's reading said "unchanged" and made no snapshot."""
    same = Pull.objects.filter(
        source=snapshot.source_id, state=Pull.State.UNCHANGED, pk__gt=former.pull_id, pk__lt=snapshot.pull_id
    )
    newest = same.order_by("-pk").values_list(SEEN, flat=True).first()
    return max(former.observed_at, newest) if newest else former.observed_at


def row(delta: Delta, one: Changed, said: Attribution) -> RuleChange:
    """A rule change as a row."""
    origin = one.origin
    return RuleChange(
        delta=delta,
        system_id=delta.snapshot.server.system_id,
        server=delta.snapshot.server,
        at=delta.snapshot.observed_at,
        point=one.point,
        family=one.family,
        direction=one.direction,
        rule=one.rule[:300],
        rule_file=origin.name[:200] if origin else "",
        rule_line=origin.first if origin else 0,
        rule_text=for_people(origin.text)[:2000] if origin else "",
        cause=one.cause[:500],
        boxes=[list(box) for box in one.boxes],
        sure=one.sure,
        **attributed(said),
    )


def attributed(said: Attribution) -> dict[str, Any]:
    """The columns of an attribution."""
    return {
        "outcome": said.outcome,
        "change_id": int(said.ref.partition("-")[2]) if said.ref else None,
        "matched": list(said.matched),
        "surplus": [list(box) for box in said.surplus],
        "because": said.because,
    }


def attribute_again(asked: Wanted, at: datetime) -> None:
    """Looks for a record once more for what had none, or went beyond it."""
    rows = RuleChange.objects.exclude(outcome__in=SETTLED).select_related("delta__snapshot__server", "delta__before")
    case = Case(asked, {}, None, {})
    for change in rows:
        former, snapshot = change.delta.before, change.delta.snapshot
        if former is None:
            continue
        one = changed(change)
        since = change.delta.since or former.observed_at
        records = records_of([one], since, snapshot, at)
        between = since, snapshot.observed_at
        said = attributed(attribute(one, records, between=between, authorised=case.authorised[one.family]))
        if said["change_id"] != change.change_id or said["outcome"] != change.outcome:
            RuleChange.objects.filter(pk=change.pk).update(**said)


def changed(stored: RuleChange) -> Changed:
    """A row as the value it was made from."""
    origin = Origin(stored.rule_file, stored.rule_file, stored.rule_line, stored.rule_line, stored.rule_text)
    return Changed(
        stored.server.name,
        stored.point,
        6 if stored.family == 6 else 4,
        "closed" if stored.direction == RuleChange.Direction.CLOSED else "opened",
        stored.rule,
        origin if stored.rule_text else None,
        tuple(tuple(box) for box in stored.boxes),
        stored.sure,
        stored.cause,
    )


def records_of(found: Sequence[Changed], since: datetime | None, snapshot: Snapshot, at: datetime) -> list[Record]:
    """The approved changes that may be the cause of what was found, or that a rule of it names."""
    if not found or since is None:
        return []
    over = Q(implemented_at__isnull=True) | Q(implemented_at__gte=since)
    near = Q(over, decided_at__lte=snapshot.observed_at)
    hurried = Q(over, urgency=ChangeRecord.Urgency.URGENT, created_at__lte=snapshot.observed_at)
    texts = " ".join(one.origin.text for one in found if one.origin)
    candidates = ChangeRecord.objects.filter(state__in=APPROVED)
    rows = list(candidates.filter(near | hurried).select_related("connection"))
    held = {change.pk for change in rows}
    named = [
        change
        for change in candidates.exclude(pk__in=held).select_related("connection")
        if any(name in texts for name in names(change))
    ]
    both = [*rows, *named]
    forged = set(unproven_changes([change.pk for change in both]))
    return list(records([change for change in both if change.pk not in forged], day=at))


def names(change: ChangeRecord) -> frozenset[str]:
    """What a rule's comment may call it: itself, its ticket, and the connections it is about."""
    return frozenset(name for name in (change.ref, change.ticket, *change.refs) if name)


def records(changes: Sequence[ChangeRecord], *, day: datetime) -> Iterator[Record]:
    """Change records as the judge of changes takes them."""
    opened = boxes_of({change.ref: opens(change, day) for change in changes}, register_on(day_of(day)), day)
    for change in changes:
        urgent = change.urgency == ChangeRecord.Urgency.URGENT
        yield Record(
            ref=change.ref,
            names=names(change),
            since=change.created_at if urgent else change.decided_at or change.created_at,
            until=change.implemented_at,
            opens=opened.get(change.ref, {}),
            closes=closes(change),
        )


def opens(change: ChangeRecord, day: datetime) -> list[dict[str, Any]]:
    """The materials that a change lets engineers open: its own, or those of the connections it widens."""
    if change.kind in (ChangeRecord.Kind.NEW, ChangeRecord.Kind.AMEND):
        return [dict(change.material)]
    if change.kind != ChangeRecord.Kind.WIDEN:
        return []
    widened = [int(ref.partition("-")[2]) for ref in change.refs]
    rows = ConnectionVersion.objects.authorised_at(day_of(day)).filter(connection_id__in=widened)
    return [dict(version.material) for version in rows]


def closes(change: ChangeRecord) -> dict[Family, tuple[Box, ...]]:
    """What a change took the place of, or took away, in the register as it was known just before."""
    former = [dict(version.material) for version in change.versions_closed.all()]
    if not former or change.decided_at is None:
        return {}
    before = change.decided_at - timedelta(microseconds=1)
    return boxes_of({change.ref: former}, register_on(day_of(before), known_at=before), before).get(change.ref, {})


def boxes_of(
    rows: Mapping[str, Sequence[Mapping[str, Any]]], known: Mapping[str, Any], day: datetime
) -> dict[str, dict[Family, tuple[Box, ...]]]:
    """Materials as sets of traffic in a register; one whose names are gone says nothing."""
    register = {**known, "connections": [], "shares": []}
    said = [
        {"id": f"{key} {number}", **{name: material[name] for name in KEPT if material.get(name)}}
        for key, materials in rows.items()
        for number, material in enumerate(materials)
        if material.get("kind") == "network"
    ]
    found: dict[str, dict[Family, tuple[Box, ...]]] = {}
    for entry in entries(register, said, day):
        own = found.setdefault(entry.id.partition(" ")[0], {})
        own[entry.family] = (*own.get(entry.family, ()), *entry.boxes)
    return found


def entries(register: dict[str, Any], rows: Sequence[Mapping[str, Any]], day: datetime) -> Iterable[Any]:
    """The entries of these rows; all at once where the register knows all their names, else one by one."""
    try:
        return wanted({**register, "connections": list(rows)}, at=day_of(day)).entries
    except RegisterError:
        return [entry for each in rows for entry in alone(register, each, day)]


def alone(register: dict[str, Any], row: Mapping[str, Any], day: datetime) -> Iterable[Any]:
    """The entries of one material, none where a name of it is gone."""
    try:
        return wanted({**register, "connections": [row]}, at=day_of(day)).entries
    except RegisterError:
        return ()


def surpluses() -> dict[tuple[str, str, int], str]:
    """(host/point, rule, family) → what goes beyond which record, where a standing surplus is known."""
    rows = RuleChange.objects.filter(outcome=RuleChange.Outcome.SURPLUS, direction=RuleChange.Direction.OPENED)
    said = rows.order_by("at", "pk").values_list("server__name", "point", "rule", "family", "because")
    return {(f"{name}/{point}", rule, family): because for name, point, rule, family, because in said}
