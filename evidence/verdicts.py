"""`judge`: what is wanted against what was read. Pure: no clock, no database, no files.

Total: one judgement for each connection and required point (and one for each share where it is shared), and then
what the readings show beyond: over-permissive rules, unfiltered pairs, wider shares, listeners, changes, addresses;
last what is said beside: use, and reviews that are overdue.
What was not read, reached or decided is said; `implemented` is only said when every packet of it is proven through.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Final

from compliance.register import Wanted
from compliance.traffic.boxes import Family
from evidence.case import Case
from evidence.change_verdicts import changes
from evidence.connection_verdicts import connections
from evidence.excess_verdicts import excesses
from evidence.exposure_verdicts import exposures
from evidence.flow_verdicts import usage
from evidence.flowlogs.seen import FlowEvidence
from evidence.judgement import Judgement, Silence
from evidence.listener_verdicts import listeners
from evidence.paths import Said, Standing
from evidence.review_verdicts import overdue
from evidence.rules import FlowRecord, Reading, Verdict
from evidence.second_opinion import disagreements
from evidence.share_changes import share_changes
from evidence.share_verdicts import shares
from evidence.sightings import Sighting
from evidence.unfiltered_verdicts import unfiltered, unseen
from evidence.unknown_verdicts import unknown
from evidence.usage_verdicts import addresses_in

if TYPE_CHECKING:
    from evidence.kept import Kept

# From best to worst. A connection's one verdict is the worst of its points. What flows say about its use comes
# before `implemented`: it never takes the place of what the rules prove.
ORDER: tuple[Verdict, ...] = (
    Verdict.usage_unknown,
    Verdict.review_overdue,
    Verdict.review_missed,
    Verdict.silent_baseline,
    Verdict.unused,
    Verdict.implemented,
    Verdict.no_listener,
    Verdict.stale,
    Verdict.unreachable,
    Verdict.not_verifiable,
    Verdict.approved_not_done,
    Verdict.not_implemented,
    Verdict.attempted,
    Verdict.unknown_server,
    Verdict.listener_unauthorised,
    Verdict.against_policy,
    Verdict.unfiltered,
    Verdict.used_outside,
    Verdict.changed_without_record,
    Verdict.permits_more,
    Verdict.share_wider,
)
Flows = Iterable[FlowRecord] | FlowEvidence | None  # single records, what stored logs say, or nothing was read
RANK = {verdict: rank for rank, verdict in enumerate(ORDER)}
# Said beside the verdict of a connection and never in its place: about its use, and about who looks at it again.
BESIDE: Final = frozenset({
    Verdict.usage_unknown, Verdict.unused, Verdict.review_overdue, Verdict.review_missed,
})  # fmt: skip
# More is let through than anybody authorised.
WIDER: Final = frozenset({
    Verdict.permits_more, Verdict.unfiltered, Verdict.share_wider, Verdict.listener_unauthorised,
    Verdict.changed_without_record, Verdict.used_outside,
})  # fmt: skip


def judge(
    wanted: Wanted,
    readings: Mapping[str, Reading],
    *,
    before: Mapping[str, Reading] | None,
    flows: Flows,
    at: date,
    absent: Mapping[str, Verdict | Silence] | None = None,
    kept: Kept | None = None,
    also: Iterable[Sighting] = (),
    excused: Collection[tuple[Family, int]] = (),
    said: Sequence[Said] = (),
    stood: Iterable[Standing] = (),
    wide: Mapping[str, Reading] | None = None,
) -> tuple[Judgement, ...]:
    """Every judgement about the servers of `wanted`, in a stable order.

    `readings`: host -> its merged reading; `before`: the last good readings before them, for what changed;
    `absent`: why a host has no reading (`stale`, `unreachable`; else `not_verifiable`); `kept`: the answers of
    earlier comparisons, which change nothing but the time it takes; `also`: addresses that inventories and earlier
    readings show (those that stored flow logs show are taken from `flows`); `excused`: those that somebody decided
    need not be registered; `said`: which devices stand between two zones, by hand; `stood`: where devices stood of
    which nothing fresh is known; `wide`: account -> its paths with what other accounts show.
    """
    if isinstance(flows, FlowEvidence):
        also = (*also, *addresses_in(flows))
    return judge_case(
        Case(wanted, readings, before, absent or {}, kept, also, excused, said, stood, wide), flows=flows, at=at
    )


def judge_case(case: Case, *, flows: Flows, at: date) -> tuple[Judgement, ...]:
    """The same for a case that somebody else looks at as well."""
    return tuple(_every(case, flows, at))


def _every(case: Case, flows: Flows, at: date) -> Iterator[Judgement]:
    said = [*connections(case), *shares(case), *excesses(case), *unfiltered(case)]
    yield from said
    yield from unseen(case, said)
    yield from exposures(case)
    yield from disagreements(case)
    yield from listeners(case)
    yield from changes(case)
    yield from share_changes(case)
    yield from unknown(case)
    yield from usage(case, flows, at)
    yield from overdue(case, at)


def roll_up(judgements: Iterable[Judgement]) -> dict[str, Verdict]:
    """subject -> its worst verdict (ORDER): one for each connection and share id, so that they sum to the register.

    What is said beside a verdict (BESIDE) is left out: a review that is overdue alters nothing of what the rules prove.
    """
    worst: dict[str, Verdict] = {}
    for one in judgements:
        if one.verdict in BESIDE:
            continue
        held = worst.get(one.subject)
        if held is None or RANK[one.verdict] > RANK[held]:
            worst[one.subject] = one.verdict
    return worst


__all__ = ["BESIDE", "ORDER", "WIDER", "Judgement", "judge", "judge_case", "roll_up"]
