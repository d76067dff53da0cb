"""Which packets are asked about: corners of our own regions and of the rules' boxes, one step inside and outside."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import NamedTuple

from compliance.traffic.boxes import FULL, ICMP, ICMP_TOP, PORT_TOP, TOP, Box, Family
from compliance.traffic.witness import Witness
from evidence.formats.evaluate import Evaluator
from evidence.rules import Reading
from tests.oracle.layout import Layout
from tests.oracle.probe import PROTOCOLS, WITH_PORTS
from tests.oracle.vocabulary import Vocabulary

USUAL = {4: (6, 6, 6, 6, 17, 17, 1, 1), 6: (6, 6, 6, 6, 17, 17, 58, 58)}
TRACKED_BY_PORT = frozenset({6, 17, 132})  # newer kernels no longer look at the ports of DCCP and UDP-Lite
TRANSLATED = 5
REGION_STEPS = 3_000  # how far our own regions are worked out to take corners from them
POINTS = ("INPUT", "FORWARD", "OUTPUT")


class Asked(NamedTuple):
    """A packet as it is sent, and as it is asked about: perhaps without its interfaces, where they follow from it."""

    sent: Witness
    asked: Witness


class Aim:
    """Draws packets for one point and family."""

    def __init__(
        self, dice: Random, layout: Layout, words: Vocabulary, reading: Reading, point: str, family: Family
    ) -> None:
        self._dice, self._layout, self._words = dice, layout, words
        self._point, self._family = point, family
        self._boxes = _rule_boxes(reading, family) or [FULL[family]]
        self._regions: list[Box] = []

    def look_at_regions(self, evaluator: Evaluator) -> None:
        """Take corners from the pieces the evaluator cuts all traffic into as well."""
        link = self._dice.choice(self._layout.links).name
        found = evaluator.pieces(self._family, FULL[self._family], iif=link, oif=link, steps=REGION_STEPS)
        self._regions = [piece.box for piece in found]

    def packets(self, count: int) -> list[Asked]:
        """At most `count` packets, each the first of a flow of its own."""
        found: dict[tuple[object, ...], Asked] = {}
        for _ in range(count):
            packet = self._packet()
            found.setdefault(_flow(packet), Asked(packet, self._as_asked(packet)))
        return list(found.values())

    def _packet(self) -> Witness:
        dice, family = self._dice, self._family
        box = dice.choice(self._regions if self._regions and dice.random() < 0.5 else self._boxes)
        own = self._layout.own(family)
        src = dice.choice(own) if self._point == "OUTPUT" else self._stranger(box[0], box[1])
        dst = dice.choice(own) if self._point == "INPUT" else self._stranger(box[2], box[3])
        if self._point != "FORWARD":  # where the box names one of the host's addresses, that one
            low, high = (box[2], box[3]) if self._point == "INPUT" else (box[0], box[1])
            named = [value for value in own if low <= value <= high]
            if named and self._point == "INPUT":
                dst = dice.choice(named)
            elif named:
                src = dice.choice(named)
        proto = self._protocol(box)
        sport, dport = self._ports(proto, box)
        iif = None if self._point == "OUTPUT" else self._way_in(src, dst)
        oif = None if self._point == "INPUT" else self._layout.way_out(family, dst)
        return Witness(family, src, dst, proto, sport, dport, iif, oif)

    def _stranger(self, low: int, high: int) -> int:
        """A corner of the range, or one beside it, that is nobody special's; else one the rules speak of."""
        family, dice = self._family, self._dice
        for _ in range(4):
            value = _corner(dice, low, high, TOP[family])
            if (low, high) != (0, TOP[family]) and self._layout.is_ordinary(family, value):
                return value
            low, high = self._words.span(dice, family)
        low, high, _ = dice.choice(self._layout.networks[family])
        start = dice.randint(low, high)
        near = (*range(start, min(start + 4, high)), *range(low, low + 4))
        return next(value for value in near if self._layout.is_ordinary(family, value))

    def _protocol(self, box: Box) -> int:
        dice, family = self._dice, self._family
        inside = [proto for proto in PROTOCOLS[family] if box[4] <= proto <= box[5]]
        if not inside or dice.random() < 0.08:
            return dice.choice(PROTOCOLS[family])
        if len(inside) == 1 or dice.random() < 0.3:
            return dice.choice(inside)
        return dice.choice(USUAL[family])

    def _ports(self, proto: int, box: Box) -> tuple[int, int]:
        if proto in WITH_PORTS:
            return self._port(box[6], box[7], 0.5), self._port(box[8], box[9], 0.8)
        if proto != ICMP[self._family]:
            return 0, 0
        kinds = (8, 13, 0, 3) if self._family == 4 else (128, 129, 135, 1)
        low, high, first, last = (min(value, ICMP_TOP) for value in box[6:])
        kind = _corner(self._dice, low, high, ICMP_TOP)
        if box[7] - box[6] > ICMP_TOP and self._dice.random() < 0.8:
            kind = self._dice.choice(kinds)
        code = _corner(self._dice, first, last, ICMP_TOP)
        return kind, code if box[9] <= ICMP_TOP else self._dice.choice((0, 0, 0, 1, 3))

    def _port(self, low: int, high: int, named: float) -> int:
        if (low, high) == (0, PORT_TOP) and self._dice.random() < named:
            low, high = self._dice.choice(self._words.ports)
        return _corner(self._dice, low, high, PORT_TOP)

    def _way_in(self, src: int, dst: int) -> str:
        """Any interface, mostly the one that the packet would come in by."""
        dice, layout = self._dice, self._layout
        usual = layout.connected(self._family, src) or layout.holders[self._family].get(dst, "")
        return usual if usual and dice.random() < 0.6 else dice.choice(layout.links).name

    def _as_asked(self, packet: Witness) -> Witness:
        """Without interfaces now and then, where the packet takes the way that its addresses tell."""
        if self._dice.random() < 0.7 or not self._is_usual(packet):
            return packet
        return Witness(packet.family, packet.src, packet.dst, packet.proto, packet.sport, packet.dport)

    def _is_usual(self, packet: Witness) -> bool:
        layout, family = self._layout, self._family
        if self._point == "INPUT":
            return packet.iif in {layout.connected(family, packet.src), layout.holders[family][packet.dst]}
        if self._point == "OUTPUT":
            return packet.oif == (layout.connected(family, packet.dst) or layout.holders[family][packet.src])
        return layout.connected(family, packet.src) in {"", packet.iif}


def _corner(dice: Random, low: int, high: int, top: int) -> int:
    """An end of the range, the value beside it, or one within."""
    kind = dice.randint(0, 6)
    if kind == 6:
        return dice.randint(low, high)
    value = (low, low, high, high, low - 1, high + 1)[kind]
    return value if 0 <= value <= top else dice.randint(low, high)


def _flow(packet: Witness) -> tuple[object, ...]:
    """What the kernel knows a connection by, the same in both directions. ICMP has the packet's number as well."""
    if packet.proto in ICMP.values():
        return (packet,)
    ports = (packet.sport, packet.dport) if packet.proto in TRACKED_BY_PORT else (0, 0)
    ends = sorted(((packet.src, ports[0]), (packet.dst, ports[1])))
    return (packet.proto, *ends)


def _rule_boxes(reading: Reading, family: Family) -> list[Box]:
    rules = [rule for chain in reading.chains for rule in chain.rules if rule.family == family]
    # Translations are rare, and what comes after one is worth more questions.
    return [box for rule in rules for box in rule.boxes * (1 if rule.nat is None else TRANSLATED)]


def drawn(
    dice: Random, layout: Layout, words: Vocabulary, evaluators: dict[str, Evaluator], reading: Reading, count: int
) -> dict[str, Sequence[Asked]]:
    """point -> packets of both families for it."""
    found: dict[str, Sequence[Asked]] = {}
    for point in POINTS:
        asked: list[Asked] = []
        for family in (4, 6):
            aim = Aim(dice, layout, words, reading, point, 4 if family == 4 else 6)
            if dice.random() < 0.3:
                aim.look_at_regions(evaluators[point])
            asked.extend(aim.packets(count))
        found[point] = asked
    return found
