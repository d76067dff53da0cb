"""What an enforcement point lets through: the three-valued evaluator over a Reading.

`pieces` cuts a box into parts that are permitted, denied or unproven, each with the rule responsible;
`permitted` gives the parts that are certainly permitted (lower) and those that may be (upper);
`decide` answers for one packet. A packet is the first of a new flow (state NEW).
Nothing here guesses: what was not read, not modelled or not reached within the step budget is unproven.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

from compliance.traffic import addresses
from compliance.traffic.boxes import Box, Budget, Family, TooManyPieces
from compliance.traffic.shares import Origin
from compliance.traffic.witness import Witness
from evidence.formats.alike import Alike
from evidence.formats.allow_union import Union
from evidence.formats.first_hit import Values
from evidence.formats.lanes import Ladders
from evidence.formats.orders import Stages, orders
from evidence.formats.pieces import PASSES_BY, TOO_MANY, Decided, Piece, both, overlay
from evidence.formats.singles import Singles, box_of_values
from evidence.formats.slices import NO_INTERFACE, Interfaces, Slice
from evidence.formats.translation import OF_DESTINATION
from evidence.formats.walk import Walk, Way
from evidence.rules import Chain, Point, Reading

Packet = Witness
STEPS = 300_000  # a step is one rule met by one piece: at most some ten seconds of work
MOST_KEPT = 100_000  # decisions that are kept to be given again
MOST_WAYS = 3  # ways that a sentence names
KEPT = 8  # points whose prepared chains are kept between calls

# The families a base chain judges, by the first part of its name (`nft:ip/`: by its first two).
FAMILIES_OF: dict[str, tuple[Family, ...]] = {
    "iptables": (4,),
    "iptables-legacy": (4,),
    "ip6tables": (6,),
    "ip6tables-legacy": (6,),
    "nft:ip": (4,),
    "nft:ip6": (6,),
    "nft:inet": (4, 6),
    "nft:bridge": (4, 6),
    "nft:netdev": (4, 6),
    "nft:arp": (),
    "aws": (4, 6),
    "ios:device": (4, 6),
    "asa:device": (4, 6),
    "panos:device": (4, 6),
    "fortios:device": (4, 6),
    "pf:device": (4, 6),
}


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer for one packet: permit, deny or unproven, the rule responsible, where it stands, and why."""

    decision: Decided
    rule: str
    origin: Origin | None
    path: tuple[str, ...]
    because: str


class Ways(NamedTuple):
    """The ways that are possible for a packet, and what they are called."""

    singles: tuple[Singles, ...]
    names: tuple[str, ...]


def judges(chain: Chain, family: Family) -> bool:
    """Whether a base chain sees packets of the family: by its name, else by the rules it has."""
    prefix, _, rest = chain.name.partition(":")
    by_name = FAMILIES_OF.get(prefix, FAMILIES_OF.get(f"{prefix}:{rest.partition('/')[0]}"))
    if by_name is not None:
        return family in by_name
    present = {rule.family for rule in chain.rules}
    return not present or family in present


class Evaluator:
    """One enforcement point of one reading, prepared once and asked many times."""

    def __init__(self, reading: Reading, point: Point | str) -> None:
        name = point if isinstance(point, str) else point.name
        self._reading = reading
        self._name = name
        self._point = next((one for one in reading.points if one.name == name), None)
        if isinstance(point, Point):
            self._point = point
        self._chains = {chain.name: chain for chain in reading.chains}
        self._ladders = Ladders(self._chains)
        self._interfaces = Interfaces(reading, (rule for chain in reading.chains for rule in chain.rules))
        self._walks: dict[tuple[Family, Way], Walk] = {}
        self._unions: dict[tuple[Family, Way], Union] = {}
        self._singles: dict[tuple[Family, Way], Singles] = {}
        self._obstacles: dict[Family, str] = {}
        self._redirecting: dict[Family, bool] = {}
        self._alikes: dict[Family, Alike] = {}
        self._orders_known: dict[Family, list[Stages]] = {}
        self._cuts: dict[Family, list[int]] = {}
        self._ways_known: dict[tuple[Family, int, int, str | None, str | None], Ways] = {}
        self._decisions: dict[tuple[object, ...], tuple[tuple[Piece, ...], Decision]] = {}

    def pieces(
        self, family: Family, box: Box, *, iif: str | None = None, oif: str | None = None, steps: int = STEPS
    ) -> list[Piece]:
        """The part of `box` that passes this point, in disjoint pieces. Interface None = not known.

        Where several interfaces are possible, a piece is permitted (denied) only if it is on each of them.
        """
        obstacle = self._obstacle_known(family)
        if obstacle:
            return [Piece(box, "unproven", "", None, (), obstacle)]
        budget = Budget(steps)
        found: list[Piece] = []
        for part in self._interfaces.slices(self._name, family, box, iif, oif):
            found.extend(self._slice_pieces(family, part, budget, chosen=oif is not None))
        if self._name == "INPUT" and self._redirects(family):
            for part in self._interfaces.foreign(family, box, iif):
                others = self._slice_pieces(family, part, budget, foreign=True)
                found.extend(piece for piece in others if piece.because != PASSES_BY)
        unread = self._unread()
        return [_unverifiable(piece, unread) for piece in found] if unread else found

    def permitted(self, family: Family, box: Box) -> tuple[list[Piece], list[Piece]]:
        """(lower, upper): the pieces certainly permitted, and those permitted or unproven."""
        found = self.pieces(family, box)
        lower = [piece for piece in found if piece.decision == "permit"]
        return lower, [piece for piece in found if piece.decision != "deny"]

    def decide(self, packet: Packet) -> Decision:
        """The answer for one packet. What does not apply at the point (out on INPUT, in on OUTPUT) is ignored."""
        values = (packet.src, packet.dst, packet.proto, packet.sport, packet.dport)
        return self.answer(packet.family, values, packet.iif or None, packet.oif or None)

    def answer(self, family: Family, values: Values, iif: str | None, oif: str | None) -> Decision:
        """The answer for one packet given by its values; the same as `pieces` gives for it alone, and quick."""
        obstacle = self._obstacle_known(family)
        if obstacle:
            return Decision("unproven", "", None, (), obstacle)
        if self._model() != "first-match":
            one = self.pieces(family, box_of_values(values), iif=iif, oif=oif)[0]
            return Decision(one.decision, one.rule, one.origin, one.path, one.because)
        ways = self._ways(family, values, iif, oif)
        found = tuple([single.piece(values, STEPS) for single in ways.singles])
        key = (ways.names, *map(id, found))
        kept = self._decisions.get(key)
        if kept is not None:  # the pieces are kept beside, so that their identities stay theirs
            return kept[1]
        piece = self._agreed(found, ways)
        if piece is None or piece.because == PASSES_BY:
            return self._nobody(family, values)
        unread = self._unread()
        one = _unverifiable(piece, unread) if unread else piece
        made = Decision(one.decision, one.rule, one.origin, one.path, one.because)
        if len(self._decisions) > MOST_KEPT:
            self._decisions.clear()
        self._decisions[key] = (found, made)
        return made

    @staticmethod
    def _agreed(found: Sequence[Piece], ways: Ways) -> Piece | None:
        """What holds of a packet whichever way it takes; None when there is no way for it."""
        if not found:
            return None
        piece = found[0]
        for known, other in enumerate(found[1:], start=1):
            piece = both(piece.box, piece, other, (_any_of(ways.names, known), ways.names[known]))
        return piece

    def _single(self, family: Family, way: Way) -> Singles:
        key = (family, way)
        if key not in self._singles:
            self._singles[key] = Singles(self._walk(family, way), family)
        return self._singles[key]

    def _ways(self, family: Family, values: Values, iif: str | None, oif: str | None) -> Ways:
        """The ways a packet may take through the point: the same for all addresses that nothing tells apart."""
        cuts = self._cuts.get(family)
        if cuts is None:
            cuts = self._cuts[family] = self._interfaces.cuts(family)
        key = (family, bisect_right(cuts, values[0]), bisect_right(cuts, values[1]), iif, oif)
        ways = self._ways_known.get(key)
        if ways is None:
            ways = self._ways_known[key] = self._ways_of(family, box_of_values(values), iif, oif)
        return ways

    def _ways_of(self, family: Family, box: Box, iif: str | None, oif: str | None) -> Ways:
        foreign = False
        slices = self._interfaces.slices(self._name, family, box, iif, oif)
        if not slices and self._name == "INPUT" and self._redirects(family):
            foreign, slices = True, self._interfaces.foreign(family, box, iif)
        ways = [
            Way(self._name, come, go, order, oif is not None and not foreign, foreign)
            for one in slices[:1]
            for come in one.iif
            for go in one.oif
            for order in range(len(self._orders(family)))
        ]
        return Ways(tuple(self._single(family, way) for way in ways), tuple(_way_text(way) for way in ways))

    def _nobody(self, family: Family, values: Values) -> Decision:
        side, value = ("destination", values[1]) if self._name == "INPUT" else ("source", values[0])
        text = addresses.to_text(family, value)
        return Decision("unproven", "", None, (), f"{side} {text} is no address of this host: not at {self._name}")

    def _obstacle_known(self, family: Family) -> str:
        if family not in self._obstacles:  # asked for every box and packet
            self._obstacles[family] = self._obstacle(family)
        return self._obstacles[family]

    def _obstacle(self, family: Family) -> str:
        if self._point is None:
            return f"no rules of {self._name} were read"
        if self._point.model == "allow-union":
            return ""
        if not self._stages(family):
            return f"no IPv{family} rules of {self._name} were read"
        return "" if self._orders(family) else f"too many chains of one priority translate on the way to {self._name}"

    def _stages(self, family: Family) -> list[str]:
        """The chains of the point that see the family; an undefined one stays, so that the walk says so."""
        if self._point is None:
            return []
        if self._point.model != "first-match":
            return list(self._point.stages)  # what is attached there denies the other family as well
        return [name for name in self._point.stages if name not in self._chains or judges(self._chains[name], family)]

    def _orders(self, family: Family) -> list[Stages]:
        """The orders its chains may stand in; what is not the same in all of them is not proven."""
        if family not in self._orders_known:
            self._orders_known[family] = orders(self._stages(family), self._chains, family)
        return self._orders_known[family]

    def _unread(self) -> int:
        listed = sum(1 for line in self._reading.unread if line.point in {"", self._name})
        return max(self._point.unread if self._point else 0, listed)

    def _redirects(self, family: Family) -> bool:
        """Whether traffic that is not sent to the host may be redirected to it."""
        if family not in self._redirecting:
            self._redirecting[family] = any(
                rule.family == family and rule.nat is not None and rule.nat.kind in OF_DESTINATION
                for chain in self._chains.values()
                for rule in chain.rules
            )
        return self._redirecting[family]

    def _slice_pieces(
        self, family: Family, part: Slice, budget: Budget, *, chosen: bool = False, foreign: bool = False
    ) -> list[Piece]:
        tiered = self._model() == "tiered"
        pairs = list(product(part.iif, part.oif))
        if self._model() == "first-match" and not foreign and len(pairs) > 1:
            pairs = self._alike(family).pairs(part.box, part.iif, part.oif)
        ways = [
            Way(self._name, iif, oif, order, chosen, foreign, tiered)
            for iif, oif in pairs
            for order in range(len(self._orders(family)))
        ]
        found = self._way_pieces(family, ways[0], part.box, budget)
        names = [_way_text(way) for way in ways]
        for known, way in enumerate(ways[1:], start=1):
            other = self._way_pieces(family, way, part.box, budget)
            try:
                found = list(overlay(found, other, (_any_of(names, known), names[known]), budget))
            except TooManyPieces:
                return [Piece(part.box, "unproven", "", None, (), TOO_MANY)]
        return found

    def _alike(self, family: Family) -> Alike:
        if family not in self._alikes:
            self._alikes[family] = Alike((rule for chain in self._chains.values() for rule in chain.rules), family)
        return self._alikes[family]

    def _model(self) -> str:
        return self._point.model if self._point else ""

    def _way_pieces(self, family: Family, way: Way, box: Box, budget: Budget) -> list[Piece]:
        if self._model() == "allow-union":
            return list(self._union(family, way).pieces(box, budget))
        return list(self._walk(family, way).pieces(box, budget))

    def _union(self, family: Family, way: Way) -> Union:
        key = (family, way)
        if key not in self._unions:
            self._unions[key] = Union(self._name, self._chains, self._stages(family), family, way.iif, way.oif)
        return self._unions[key]

    def _walk(self, family: Family, way: Way) -> Walk:
        key = (family, way)
        if key not in self._walks:
            stages = self._orders(family)[way.order]
            self._walks[key] = Walk(self._ladders, stages, family, way, self._interfaces)
        return self._walks[key]


def _any_of(names: Sequence[str], known: int) -> str:
    """The first `known` of the names; beyond a few they are counted, as there may be hundreds."""
    shown = " or ".join(names[: min(known, MOST_WAYS)])
    return shown if known <= MOST_WAYS else f"{shown} or {known - MOST_WAYS} more"


def _way_text(way: Way) -> str:
    names = " to ".join(name for name in (way.iif, way.oif) if name != NO_INTERFACE)
    return f"{names} with chains of one priority in another order" if way.order else names


def _unverifiable(piece: Piece, unread: int) -> Piece:
    if piece.decision == "unproven":
        return piece
    lines = "1 line" if unread == 1 else f"{unread} lines"
    because = f"{lines} of this point could not be read; without them: {piece.because}"
    return Piece(piece.box, "unproven", piece.rule, piece.origin, piece.path, because)


_prepared: OrderedDict[tuple[int, str], tuple[Reading, Point | str, Evaluator]] = OrderedDict()


def evaluator(reading: Reading, point: Point | str) -> Evaluator:
    """The prepared evaluator of a point; the last few are kept, as callers ask for one point many times."""
    key = (id(reading), point if isinstance(point, str) else point.name)
    kept = _prepared.get(key)
    if kept is not None and kept[0] is reading and kept[1] == point:
        _prepared.move_to_end(key)
        return kept[2]
    made = Evaluator(reading, point)
    _prepared[key] = (reading, point, made)
    while len(_prepared) > KEPT:
        _prepared.popitem(last=False)
    return made


def decide(reading: Reading, point: Point | str, packet: Packet) -> Decision:
    """The decision of a point for one packet (interface None = not known)."""
    return evaluator(reading, point).decide(packet)


def pieces(
    reading: Reading,
    point: Point | str,
    family: Family,
    box: Box,
    *,
    iif: str | None = None,
    oif: str | None = None,
    steps: int = STEPS,
) -> list[Piece]:
    """The part of `box` that passes the point, in disjoint pieces: permit, deny or unproven, with rule and reason."""
    return evaluator(reading, point).pieces(family, box, iif=iif, oif=oif, steps=steps)


def permitted(reading: Reading, point: Point | str, family: Family, box: Box) -> tuple[list[Piece], list[Piece]]:
    """(lower, upper): the pieces of `box` certainly permitted, and those permitted or unproven."""
    return evaluator(reading, point).permitted(family, box)


__all__ = ["Decision", "Evaluator", "Packet", "Piece", "decide", "evaluator", "judges", "permitted", "pieces"]
