"""What flows say about the register. Without any: usage unknown, once for each network connection.

`usage_verdicts` draws them from stored flow logs; here are single records, and none at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date

from compliance.traffic.boxes import Box
from compliance.traffic.witness import Witness
from evidence.case import Case
from evidence.flowlogs.seen import FlowEvidence
from evidence.judgement import Judgement
from evidence.rules import Certainty, FlowRecord, Verdict
from evidence.usage_verdicts import POINT, from_logs


def usage(case: Case, flows: Iterable[FlowRecord] | FlowEvidence | None, at: date) -> Iterator[Judgement]:
    """Flows of the case's address space between servers or to and from them, and the connections none was seen of."""
    if isinstance(flows, FlowEvidence):
        yield from from_logs(case, flows)
        return
    used: set[str] = set()
    for flow in flows or ():
        if flow.space != case.wanted.space or not {flow.src, flow.dst} & set(case.estate.holders):
            continue
        box = _box(flow)
        ids = [one.id for one in case.wanted.entries if one.family == flow.family and _within(box, one.boxes)]
        used.update(ids if flow.accepted else ())
        if not ids:
            yield _outside(flow, box)
    why = (
        "no flow log was read"
        if flows is None
        else "no accepted flow of it was seen, and not every point is known to log"
    )
    for name in dict.fromkeys(one.id for one in case.wanted.entries if one.share is None):
        if name not in used:
            because = f"whether {name} is used is not known on {at.isoformat()}: {why}"
            yield Judgement(Verdict.usage_unknown, Certainty.unproven, name, POINT, "", (), None, because)


def _box(flow: FlowRecord) -> Box:
    return (
        flow.src, flow.src, flow.dst, flow.dst, flow.proto, flow.proto,
        flow.sport, flow.sport, flow.dport, flow.dport,
    )  # fmt: skip


def _within(packet: Box, boxes: Iterable[Box]) -> bool:
    return any(all(box[at] <= packet[at] <= box[at + 1] for at in (0, 2, 4, 6, 8)) for box in boxes)


def _outside(flow: FlowRecord, box: Box) -> Judgement:
    witness = Witness(flow.family, flow.src, flow.dst, flow.proto, flow.sport, flow.dport)
    verdict = Verdict.used_outside if flow.accepted else Verdict.attempted
    what = "was let through" if flow.accepted else "was tried and stopped"
    because = f"{witness} {what} ({flow.packets} packets, last {flow.last.isoformat()}), and nobody authorised it"
    certainty = Certainty.definite if flow.orientation >= 0.99 else Certainty.possible
    return Judgement(verdict, certainty, str(witness), POINT, "", (box,), witness, because, flow.family)
