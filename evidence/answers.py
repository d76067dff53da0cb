"""Whether answers find their way back through a device whose lists keep no state. Pure.

Such a device judges the answer of a connection as it judges any packet: by the list where it comes in and that where it
goes out. Here its rules are turned round, so that the question is asked in the direction of the connection, as that of
a cloud account's RETURN is (docs/adr/0030): an entry with `established` lets through what answers, and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

from compliance.traffic.boxes import ICMP, PORT_TOP, Box, Family, box_of, intersect, subtract
from compliance.traffic.shares import Residue
from evidence.attachments import FIRST_FREE_PORT
from evidence.formats.aws_lists import PORTED
from evidence.formats.device import ANSWERS, WITHOUT_STATE
from evidence.rules import Chain, Point, Reading, Rule

FORWARD, RETURN = "FORWARD", "RETURN"
STATES: Final = frozenset({"NEW", "ESTABLISHED"})  # among which devices say what is asked of TCP's flags
FIRST_ALONE: Final = frozenset({"tcp-initial", "+syn -ack match-all"})  # SYN without ACK: no answer has that
IN_EVERY_ANSWER: Final = frozenset({"ack", "+ack match-all", "+ack match-any", "+ack +rst match-any", "ack rst"})
ASKS: Final[dict[Family, tuple[int, int]]] = {4: (8, 0), 6: (128, 129)}  # echo, and what answers it


def judges_answers(reading: Reading) -> bool:
    """Whether it says anything of answers: a device that keeps state lets them through, and says nothing."""
    return any(one.about == ANSWERS for one in reading.statements)


def not_known(reading: Reading) -> str:
    """Why nothing can be said of answers, "" where something can."""
    said = next((one.value for one in reading.statements if one.about == ANSWERS), WITHOUT_STATE)
    return "" if said == WITHOUT_STATE else said


def of_answers(reading: Reading) -> Reading:
    """The reading with the one point RETURN, asked for a connection and speaking of its answers."""
    stages = next((point.stages for point in reading.points if point.name == FORWARD), ())
    unread = sum(one.point in {"", FORWARD} for one in reading.unread)
    return replace(
        reading,
        points=(Point(RETURN, "first-match", stages, unread),),
        chains=tuple(replace(chain, rules=tuple(_turned(chain))) for chain in reading.chains),
        unread=tuple(replace(one, point=RETURN) for one in reading.unread if one.point in {"", FORWARD}),
    )


def _turned(chain: Chain) -> Iterator[Rule]:
    for rule in chain.rules:
        boxes = tuple(turned for box in rule.boxes for turned in _answering(rule.family, box))
        flags = (rule.states or frozenset()) - STATES
        if (boxes or not rule.boxes) and not (flags and flags <= FIRST_ALONE):
            some = " ".join(sorted(flags - IN_EVERY_ANSWER))
            doubt = (Residue("match", f"{some}: some answers have that, not all", rule.origin.first),) if some else ()
            residue = (*rule.residue, *doubt)
            yield replace(rule, boxes=boxes, iif=rule.oif, oif=rule.iif, states=None, residue=residue)


def _answering(family: Family, box: Box) -> Iterator[Box]:
    """The connections whose answers are in the box."""
    src, src_end, dst, dst_end, proto, protos_end, sport, sport_end, dport, dport_end = box
    if proto == protos_end == ICMP[family]:
        kind, answered = ASKS[family]
        if sport <= answered <= sport_end and dport == 0:
            yield (dst, dst_end, src, src_end, proto, proto, kind, kind, 0, PORT_TOP)
        return
    yield (dst, dst_end, src, src_end, proto, protos_end, dport, dport_end, sport, sport_end)


def asked(family: Family, boxes: Iterable[Box]) -> list[Box]:
    """What of a connection is answered, as clients ask: from a free port; of ICMP only what is an echo."""
    found: list[Box] = []
    for box in boxes:
        left = [box]
        for proto in PORTED:
            taken = box_of(family, proto=proto, sport=(0, FIRST_FREE_PORT - 1))
            left = [rest for one in left for rest in subtract(one, taken)]
        icmp = box_of(family, proto=ICMP[family])
        echo = box_of(family, proto=ICMP[family], sport=ASKS[family][0])
        found += [rest for one in left for rest in subtract(one, icmp)]
        found += [part for one in left if (part := intersect(one, echo)) is not None]
    return found
