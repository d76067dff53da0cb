"""Whether anything gets from one place to another, by the rules that were read: never `closed` for what was not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Final

from compliance.traffic import intervals
from compliance.traffic.addresses import family_of_value
from compliance.traffic.boxes import FAMILIES, FULL, Box, Family, box_of
from evidence.case import INPUT, OUTPUT, Estate, Host
from evidence.packs.sections.places import Place
from evidence.rules import Reading

STEPS: Final = 20_000  # of the evaluator for one question; beyond, the answer is "not known"
QUESTIONS: Final = 40_000  # to the evaluator for one diagram; beyond, the rest is "not known"


class Gate(StrEnum):
    """What a point does with the traffic between two places."""

    DENIES = "denies"
    OPEN = "open"
    UNKNOWN = "unknown"


class Gates:
    """The points of the servers whose rules were read, asked once for each place at the other end."""

    def __init__(self, readings: Mapping[str, Reading], servers: Mapping[str, tuple[int, ...]]) -> None:
        self.estate = Estate(servers)
        self.hosts = {name: Host(name, reading, self.estate) for name, reading in readings.items()}
        self._known: dict[tuple[str, str, str], Gate] = {}
        self._left = QUESTIONS

    def between(self, source: Place, target: Place) -> Gate:
        """DENIES only when every point on the way was read and understood, and each packet is denied at one of them."""
        comes_in = {name: self.at(name, INPUT, source) for name in target.servers}
        goes_out = {name: self.at(name, OUTPUT, target) for name in source.servers}
        every = [*comes_in.values(), *goes_out.values()]
        if Gate.UNKNOWN in every or not self._judged(source, target):
            return Gate.UNKNOWN
        passed = [name for name, gate in comes_in.items() if gate is Gate.OPEN]
        sent = [name for name, gate in goes_out.items() if gate is Gate.OPEN]
        if not source.servers:
            return Gate.OPEN if passed else Gate.DENIES
        if not target.servers:
            return Gate.OPEN if sent else Gate.DENIES
        return Gate.OPEN if any(a != b for a in sent for b in passed) else Gate.DENIES

    @staticmethod
    def _judged(source: Place, target: Place) -> bool:
        """Whether our points say anything of the pair: an empty zone of ours is nowhere one could have looked."""
        looked = bool(target.servers) if source.outside else bool(source.servers)
        return looked and (bool(target.servers) or target.outside)

    def at(self, name: str, point: str, other: Place) -> Gate:
        """What the point of a server does with all traffic from (INPUT) or to (OUTPUT) a place."""
        key = (name, point, other.name)
        if key not in self._known:
            self._known[key] = self._ask(name, point, other)
        return self._known[key]

    def _ask(self, name: str, point: str, other: Place) -> Gate:
        host = self.hosts.get(name)
        if host is None or point not in host.points:
            return Gate.UNKNOWN
        said = [gate for family in FAMILIES if (gate := self._family(host, point, other, family)) is not None]
        if not said or Gate.UNKNOWN in said:
            return Gate.UNKNOWN
        return Gate.OPEN if Gate.OPEN in said else Gate.DENIES

    def _family(self, host: Host, point: str, other: Place, family: Family) -> Gate | None:
        """The answer for one family; None when no traffic of it is possible between the two."""
        if host.takes_part(family) is False:
            return None
        if not other.ranges[family] and not self._may_speak(other, family):
            return None
        boxes = self._boxes(host, point, other, family)
        self._left -= len(boxes)
        if self._left < 0:
            return Gate.UNKNOWN
        decisions = set()
        for box in boxes:
            found = host.pieces(point, family, box)
            decisions |= {piece.decision for piece in found} or {"unproven"}
        if "unproven" in decisions:
            return Gate.UNKNOWN
        if "permit" in decisions:
            return Gate.OPEN if other.ranges[family] else Gate.UNKNOWN
        return Gate.DENIES

    def _may_speak(self, other: Place, family: Family) -> bool:
        """Whether some server there has, or may have, an address of the family that nobody registered."""
        if other.outside or not other.servers:
            return False
        hosts = [self.hosts.get(name) for name in other.servers]
        return any(host is None or host.takes_part(family) is not False for host in hosts)

    def _boxes(self, host: Host, point: str, other: Place, family: Family) -> Sequence[Box]:
        """The traffic asked about. The host's own addresses at the other end are its own business."""
        own = [(value, value) for value in host.own(family) or () if family_of_value(value) == family]
        ranges = intervals.subtract(other.ranges[family], own) if own else other.ranges[family]
        if not other.ranges[family]:
            return [FULL[family]]
        if point == INPUT:
            return [box_of(family, src=one) for one in ranges]
        return [box_of(family, dst=one) for one in ranges]
