"""What stored flow logs say about the register: used outside it, tried, no longer used, baselines that are silent.

Nobody is told that something is unused where a flow could have passed unseen: it takes as many hours in a row as its
expected use needs, all of them watched for every pair of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from compliance.register import Entry
from compliance.traffic.addresses import family_of_value, to_text
from compliance.traffic.boxes import ICMP, Box, Family
from compliance.traffic.witness import EPHEMERAL, Witness
from evidence.case import INPUT, OUTPUT, Case
from evidence.flowlogs.seen import FlowEvidence, Tally, longest
from evidence.judgement import Judgement, at_line, counted, listed
from evidence.rules import Certainty, Verdict
from evidence.sightings import Kind, Sighting

POINT: Final = "flows"
DAY_H: Final = 24
# Hours in a row, all watched and without a use, after which a connection is said to be unused. Standby is never.
UNUSED_AFTER: Final = {
    "continuous": DAY_H, "daily": 4 * DAY_H, "weekly": 8 * DAY_H, "monthly": 32 * DAY_H, "quarterly": 93 * DAY_H,
    "yearly": 367 * DAY_H,
}  # fmt: skip
STANDBY: Final = "standby"
OPEN: Final = 50  # neither the log nor the ports tell who began
PROVEN: Final = 100  # of `sure`: the log itself tells who began


def from_logs(case: Case, flows: FlowEvidence) -> Iterator[Judgement]:
    """All of it, of the case's own address space."""
    if flows.space != case.wanted.space:
        return
    yield from _outside(case, flows)
    entries: dict[str, list[Entry]] = {}
    for one in case.wanted.entries:
        if one.share is None:
            entries.setdefault(one.id, []).append(one)
    for name, several in entries.items():
        yield from _use(name, several, flows)
        if name in flows.duties:
            yield from _duty(case, name, several, flows)


def addresses_in(flows: FlowEvidence | None) -> Iterator[Sighting]:
    """The addresses in scope that took part in some flow."""
    for family, value in flows.seen if flows else ():
        yield Sighting(Kind.FLOWS, POINT, family, value, "the flow logs")


def _outside(case: Case, flows: FlowEvidence) -> Iterator[Judgement]:
    strangers: dict[tuple[Family, int, int, int | None], list[Tally]] = {}
    for one in conversations(flows):
        if not one.passed and one.src not in case.estate.holders:
            strangers.setdefault((one.family, one.dst, one.proto, one.port), []).append(one)
            continue
        yield _said(case, flows, one)
    for several in strangers.values():
        yield _said(case, flows, several[0]) if len(several) == 1 else _tried_by_many(case, several)


def conversations(flows: FlowEvidence) -> Iterator[Tally]:
    """What nobody authorised, each conversation once, from who began it as far as anything tells."""
    proven = {(one.src, one.dst, one.proto, one.port): one for one in flows.outside if one.sure >= PROVEN}
    return _oriented(one for one in flows.outside if not _told(one, proven))


def _told(one: Tally, proven: Mapping[tuple[int, int, int, int | None], Tally]) -> bool:
    """Whether another record says the same with who began, and as much of what got through."""
    if one.sure >= PROVEN:
        return False
    turned = proven.get((one.dst, one.src, one.proto, one.other)) if one.other is not None else None
    twin = proven.get((one.src, one.dst, one.proto, one.port)) or turned
    return twin is not None and (twin.passed or not one.passed)


def _oriented(tallies: Iterable[Tally]) -> Iterator[Tally]:
    """What the log does not orient, put together for each two addresses: the port that stays the same is the service's.

    Each conversation of two high ports is a tally of its own, and so is its answer; a person is told once.
    """
    unsure: dict[tuple[Family, frozenset[int], int], list[Tally]] = {}
    for one in tallies:
        if one.other is None or one.port is None or one.sure > OPEN or one.proto in ICMP.values():
            yield one
        else:
            unsure.setdefault((one.family, frozenset((one.src, one.dst)), one.proto), []).append(one)
    for several in unsure.values():
        while several:
            times = Counter((end, port) for one in several for end, port in ((one.dst, one.port), (one.src, one.other)))
            (end, port), _ = min(times.items(), key=lambda each: (-each[1], each[0][1] or 0, each[0][0]))
            mine = [one for one in several if (end, port) in {(one.dst, one.port), (one.src, one.other)}]
            several = [one for one in several if one not in mine]
            first = mine[0]
            peer = first.src if first.dst == end else first.dst
            yield replace(
                first, src=peer, dst=end, port=port, other=None, passed=any(one.passed for one in mine),
                flows=sum(one.flows for one in mine), packets=sum(one.packets for one in mine),
                bytes=sum(one.bytes for one in mine), first=min(one.first for one in mine),
                last=max(one.last for one in mine), days=max(one.days for one in mine),
            )  # fmt: skip


def _said(case: Case, flows: FlowEvidence, one: Tally) -> Judgement:
    witness, box = _packet(one), box_of_tally(one)
    verdict = Verdict.used_outside if one.passed else Verdict.attempted
    what = "was let through" if one.passed else "was tried and did not get through"
    ends = f"from {_holder(case, flows, one, one.src)} to {_holder(case, flows, one, one.dst)}"
    because = f"{witness}, {ends}, {what}: {counted(one.flows, 'flow')}, {_span(one.first, one.last)}, seen by "
    because += f"{one.sensor or 'the log'}; nobody authorised it"
    rule = ""
    if one.passed:
        rule, where = _let_through(case, one.family, box)
        because += where
    if one.sure < PROVEN:
        because += ". The log does not say who began it: that is taken from the ports"
    certainty = Certainty.definite if one.sure >= PROVEN else Certainty.possible
    return Judgement(verdict, certainty, str(witness), POINT, rule, (box,), witness, because, one.family)


def _tried_by_many(case: Case, several: list[Tally]) -> Judgement:
    """What many addresses that are no servers tried at one service is said once: a scan is one event."""
    one = several[0]
    target = f"{to_text(one.family, one.dst)} {_service(one)}"
    flows = sum(each.flows for each in several)
    because = f"{counted(len(several), 'address', 'addresses')} that are no servers tried {target} "
    because += (
        f"({counted(flows, 'flow')}, the last {_moment(max(each.last for each in several))}), and none got through: "
    )
    because += listed(to_text(each.family, each.src) for each in several)
    boxes = tuple(box_of_tally(each) for each in several)
    certainty = Certainty.definite if all(each.sure >= PROVEN for each in several) else Certainty.possible
    return Judgement(
        Verdict.attempted, certainty, f"outside → {target}", POINT, "", boxes, _packet(one), because, one.family
    )


def _let_through(case: Case, family: Family, box: Box) -> tuple[str, str]:
    """The rule that permits it where it arrives (else where it leaves), and where that stands, in words."""
    for point, side in ((INPUT, 2), (OUTPUT, 0)):
        host = case.hosts.get(case.estate.holders.get(box[side], ""))
        if host is None or point not in host.points:
            continue
        pieces = host.pieces(point, family, box, overlook_unread=True)
        passed = [piece for piece in pieces if piece.decision == "permit"]
        if passed:
            found = passed[0]
            return found.rule, f". {host.name} lets it through by {found.rule}{at_line(found.origin)}"
        return "", f". {point} of {host.name}, as it was last read, would not let it through"
    return "", ". No rules were read at either end, so which rule let it through is not known"


def _use(name: str, several: list[Entry], flows: FlowEvidence) -> Iterator[Judgement]:
    uses = flows.uses.get(name, ())
    expected = several[0].expected_use
    if expected == STANDBY:
        return
    coverage, needed = flows.coverage, UNUSED_AFTER[expected]
    watched = coverage.every
    for one in several:
        watched &= coverage.of_boxes(one.family, one.boxes)
    last = flows.last_used(name)
    after = max(last // 3600 if last is not None else coverage.first_hour - 1, flows.since.get(name, 0) - 1)
    quiet = longest(coverage.from_hour(watched, after))
    seen = f"its last use was {_moment(last)}" if last is not None else "no use of it was seen"
    maybe = [one for one in uses if not one.whole and (last is None or one.last > last)]
    if quiet >= needed and not maybe:
        because = f"{name} is expected to be used {expected}: {seen}, and {_long(quiet)} in a row were watched since "
        because += "without any"
        yield Judgement(Verdict.unused, Certainty.definite, name, POINT, "", (), None, because)
    elif last is None or coverage.last_hour - last // 3600 >= needed or maybe:
        share = f"{watched.bit_count()} of {coverage.every.bit_count()} hours were watched for all of it, "
        share += f"{_long(quiet)} in a row since; to call it unused takes {_long(needed)}"
        why = (
            "a flow that may be a use of it was seen, and the log does not keep the port that tells" if maybe else share
        )
        because = f"whether {name} is used is not known: {seen}, and {why}"
        yield Judgement(Verdict.usage_unknown, Certainty.unproven, name, POINT, "", (), None, because)


def _duty(case: Case, name: str, several: list[Entry], flows: FlowEvidence) -> Iterator[Judgement]:
    """Each server in the source of a standard service that never turned to it in hours that were watched."""
    needed = UNUSED_AFTER.get(several[0].expected_use)
    if needed is None:
        return
    duty, coverage = flows.duties[name], flows.coverage
    last: dict[int, int] = {}
    for use in flows.uses.get(name, ()):
        last[use.source] = max(last.get(use.source, 0), use.last)
    silent: dict[str, int] = {}
    spoke: set[str] = set()
    for one in several:
        for address, server in case.estate.holders.items():
            if family_of_value(address) != one.family:
                continue
            boxes = [(address, address, *box[2:]) for box in one.boxes if box[0] <= address <= box[1]]
            if not boxes or any(box[2] <= address <= box[3] for box in boxes):
                continue
            after = max(
                last[address] // 3600 if address in last else coverage.first_hour - 1, flows.since.get(name, 0) - 1
            )
            quiet = longest(coverage.from_hour(coverage.of_boxes(one.family, boxes), after))
            if quiet >= needed:
                silent[server] = max(silent.get(server, 0), quiet)
            else:
                spoke.add(server)
    for server, quiet in sorted(silent.items()):
        if server not in spoke:
            because = (
                f"{server} sent nothing to its {duty} service ({name}) in {_long(quiet)} in a row that were watched, "
            )
            because += f"and it should {several[0].expected_use}: the duty is not done"
            yield Judgement(
                Verdict.silent_baseline, Certainty.definite, f"{server} {duty}", POINT, "", (), None, because
            )


def _holder(case: Case, flows: FlowEvidence, one: Tally, address: int) -> str:
    """Whose the address was when the flows were seen."""
    held = [each for each in flows.holdings if (each.family, each.address) == (one.family, address)]
    then = [each.server for each in held if each.first <= one.last and one.first <= each.last]
    if then:
        return " and then ".join(dict.fromkeys(then))
    if held:
        return "an address that was nobody's then"
    return case.estate.holders.get(address, "an address of no server")


def _packet(one: Tally) -> Witness:
    if one.proto in ICMP.values():
        return Witness(one.family, one.src, one.dst, one.proto, one.other or 0, one.port or 0)
    sport = EPHEMERAL if one.other is None else one.other
    return Witness(one.family, one.src, one.dst, one.proto, sport, one.port or 0)


def subject_of_tally(one: Tally) -> str:
    """What a finding about it is called."""
    return str(_packet(one))


def box_of_tally(one: Tally) -> Box:
    """The traffic it was, as far as the log keeps its ports."""
    ports = (0, 65535) if one.port is None else (one.port, one.port)
    others = (0, 65535) if one.other is None or one.proto not in ICMP.values() else (one.other, one.other)
    return (one.src, one.src, one.dst, one.dst, one.proto, one.proto, *others, *ports)


def _service(one: Tally) -> str:
    return str(_packet(one)).rpartition(" ")[2]


def _span(first: int, last: int) -> str:
    return f"on {_moment(last)}" if first // 60 == last // 60 else f"from {_moment(first)} to {_moment(last)}"


def _moment(second: int | None) -> str:
    return datetime.fromtimestamp(second or 0, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _long(hours: int) -> str:
    return counted(hours, "hour") if hours % DAY_H or not hours else counted(hours // DAY_H, "day")
