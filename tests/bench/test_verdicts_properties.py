"""The verdicts against brute force: random rules and registers in a universe small enough to ask packet by packet."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from compliance.register import INPUT, Entry, Wanted, part_at
from compliance.traffic.boxes import Box
from compliance.traffic.witness import Witness
from evidence.formats.evaluate import Evaluator
from evidence.rules import Certainty, Reading, Verdict
from evidence.verdicts import judge
from tests.bench.estate import DAY
from tests.bench.test_evaluate import readings
from tests.traffic.tiny import UNIVERSE, Packet, lies_in, packets, packets_of, tiny_boxes

HOST, PEER = "h", "p"
SERVERS = {HOST: (1, 2), PEER: (0,)}
OWN = [packet for packet in packets_of(UNIVERSE) if packet[1] in SERVERS[HOST]]


@st.composite
def registers(draw: st.DrawFn) -> Wanted:
    """Up to four connections to the host."""
    entries = []
    for number in range(draw(st.integers(0, 4))):
        boxes = tuple(draw(st.lists(tiny_boxes(), min_size=1, max_size=2)))
        entries.append(Entry(f"CON-{number}", boxes, ((HOST, INPUT),), None, "continuous"))
    return Wanted("default", SERVERS, tuple(entries))


def decisions(reading: Reading) -> dict[Packet, str]:
    """What the point decides for every packet to the host's own addresses."""
    evaluator = Evaluator(reading, INPUT)
    return {packet: evaluator.decide(Witness(4, *packet)).decision for packet in OWN}


def inside(packet: Packet, boxes: tuple[Box, ...]) -> bool:
    """Whether a packet lies in one of the boxes."""
    return any(lies_in(packet, box) for box in boxes)


@settings(max_examples=120, deadline=None)
@given(readings(residues=True), registers())
def test_verdicts_say_what_every_single_packet_says(reading: Reading, wanted: Wanted) -> None:
    decided = decisions(reading)
    found = judge(wanted, {HOST: reading}, before=None, flows=None, at=DAY)
    for entry in wanted.entries:
        part = part_at(entry, HOST, INPUT, wanted)
        (one,) = [one for one in found if one.subject == entry.id and one.point == f"{HOST}/{INPUT}"]
        mine = {decided[packet] for packet in packets(part) if packet in decided}
        if not mine:
            continue
        expected = Verdict.implemented if mine == {"permit"} else Verdict.not_verifiable
        assert one.verdict is (Verdict.not_implemented if "deny" in mine else expected)
        assert one.certainty is (Certainty.unproven if one.verdict is Verdict.not_verifiable else Certainty.definite)
        if one.verdict is Verdict.not_implemented:
            assert one.witness is not None
            assert decided[one.witness.src, one.witness.dst, *one.witness.box()[4:10:2]] == "deny"


@settings(max_examples=120, deadline=None)
@given(readings(residues=True), registers())
def test_over_permissive_is_all_and_only_what_is_permitted_and_not_authorised(reading: Reading, wanted: Wanted) -> None:
    authorised = tuple(box for entry in wanted.entries for box in entry.boxes)
    decided = decisions(reading)
    wide = [one for one in judge(wanted, {HOST: reading}, before=None, flows=None, at=DAY)
            if one.verdict is Verdict.permits_more]  # fmt: skip
    for packet, decision in decided.items():
        named = [one for one in wide if inside(packet, one.excess)]
        if decision == "deny" or inside(packet, authorised):
            assert not named
        elif decision == "permit":
            assert [one.certainty for one in named] == [Certainty.definite]
        else:
            assert len(named) == 1
    for one in wide:
        assert one.witness is not None
        decision = Evaluator(reading, INPUT).decide(one.witness).decision
        assert decision == "permit" if one.certainty is Certainty.definite else decision == "unproven"
        assert not inside((one.witness.src, one.witness.dst, *one.witness.box()[4:10:2]), authorised)


@settings(max_examples=60, deadline=None)
@given(readings(residues=False), readings(residues=False), registers())
def test_what_opened_without_authorisation_is_exactly_the_difference(a: Reading, b: Reading, wanted: Wanted) -> None:
    authorised = tuple(box for entry in wanted.entries for box in entry.boxes)
    then, now = decisions(a), decisions(b)
    found = judge(wanted, {HOST: b}, before={HOST: a}, flows=None, at=DAY)
    changed = [one for one in found if one.verdict is Verdict.changed_without_record]
    ids = {entry.id for entry in wanted.entries}
    opened = tuple(box for one in changed if one.subject not in ids for box in one.excess)
    lost = tuple(box for one in changed if one.subject in ids for box in one.excess)
    for packet in OWN:
        before, after = then[packet], now[packet]
        assert inside(packet, opened) == ((before, after) == ("deny", "permit") and not inside(packet, authorised))
        assert inside(packet, lost) == ((before, after) == ("permit", "deny") and inside(packet, authorised))
