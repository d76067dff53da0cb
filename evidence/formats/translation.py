"""Address translation as a transform of sets: what later rules see of traffic that was sent on under another address.

A translation takes the destination (DNAT, REDIRECT) or the source (SNAT, MASQUERADE) of a box away from what was
sent: that dimension now holds the range the kernel may choose from, and what was sent is kept aside until a piece is
given out. Where the range is one value, later rules cut it as ever. Where it is wider, nobody knows which value a
packet gets, so a rule that sees only a part of it may or may not match.

Sources: net/netfilter/nf_nat_core.c (destination ports stay unless named; source ports may change), nf_nat_redirect.c.
"""

from __future__ import annotations

from typing import NamedTuple

from compliance.traffic import addresses
from compliance.traffic.boxes import FULL, PORT_TOP, Box, Family, limited
from compliance.traffic.shares import Origin
from evidence.formats.lanes import Step, by_ports
from evidence.formats.matching import DPORT, DST, SPORT, SRC
from evidence.formats.slices import Interfaces
from evidence.rules import Nat, Rule

OF_DESTINATION = frozenset({"dnat", "redirect"})
TO_ITSELF: dict[Family, int] = {4: 0x7F000001, 6: 1}  # where a REDIRECT of what the host itself sends goes
Range = tuple[int, int]


class Shift(NamedTuple):
    """What was translated so far. `kept`: (dimension, low, high) as sent; `path`: the rules that led there."""

    kept: tuple[tuple[int, int, int], ...] = ()
    destination: bool = False
    source: bool = False
    path: tuple[str, ...] = ()
    said: str = ""
    origin: Origin | None = None
    redirected: bool = False


UNSHIFTED = Shift()


def as_sent(box: Box, shift: Shift) -> Box:
    """The traffic of a box as its sender sends it."""
    for at, low, high in shift.kept:
        box = limited(box, at, low, high)
    return box


def seen(step: Step, box: Box, shift: Shift) -> Step:
    """The step as traffic under other addresses meets it: where it is a matter of chance, in doubt and for all."""
    for at, _, _ in shift.kept:
        low, high = box[at], box[at + 1]
        if step.box[at] > low or step.box[at + 1] < high:
            doubt = step.doubt or f"it is not known which {_NAME[at]} {shift.path[-1]} gives"
            step = step._replace(box=limited(step.box, at, low, high), doubt=doubt)
    return step


def translated(
    box: Box, shift: Shift, rule: Rule, nat: Nat, path: tuple[str, ...], ends: Ends
) -> list[tuple[Box, Shift]]:
    """The parts of a box under their new addresses. Empty when what they become is not known at all."""
    destination = nat.kind in OF_DESTINATION
    address, port = (DST, DPORT) if destination else (SRC, SPORT)
    span = _addresses(nat, address, ends)
    ports = _hull(nat, port, (0, PORT_TOP))
    if destination and span is None and ports is None:
        return []
    if not destination:
        span = span or (FULL[ends.family][SRC], FULL[ends.family][SRC + 1])
        ports = ports or (0, PORT_TOP)
    found = []
    for part, ported in by_ports(box) if ports is not None else [(box, False)]:
        kept, changed = list(shift.kept), part
        for at, new in ((address, span), (port, ports if ported else None)):
            if new is not None:
                if at not in {one for one, _, _ in kept}:
                    kept.append((at, changed[at], changed[at + 1]))
                changed = limited(changed, at, *new)
        done = Shift(
            kept=tuple(kept),
            destination=shift.destination or destination,
            source=shift.source or not destination,
            path=(*path, rule.id),
            said=_said(rule, nat, ends.family, span, ports if ported else None),
            origin=rule.origin,
            redirected=shift.redirected or nat.kind == "redirect",
        )
        found.append((changed, done))
    return found


class Ends:
    """Where packets of one family that come in by one interface are redirected to."""

    def __init__(self, interfaces: Interfaces, family: Family, iif: str) -> None:
        self._interfaces, self.family, self._iif = interfaces, family, iif
        self.local = False  # whether the host itself sends the packets

    def own(self) -> Range:
        """The addresses a REDIRECT may choose from, as one range."""
        if self.local:
            return TO_ITSELF[self.family], TO_ITSELF[self.family]
        held = self._interfaces.held(self.family, self._iif)
        return (min(held), max(held)) if held else (0, FULL[self.family][DST + 1])


def _addresses(nat: Nat, at: int, ends: Ends) -> Range | None:
    if nat.kind == "redirect":
        return ends.own()
    return _hull(nat, at, (0, FULL[ends.family][at + 1]))


def _hull(nat: Nat, at: int, whole: Range) -> Range | None:
    """The smallest range around all new values of a dimension; None when it stays as it was."""
    if all((box[at], box[at + 1]) == whole for box in nat.to):
        return None
    return min(box[at] for box in nat.to), max(box[at + 1] for box in nat.to)


def _said(rule: Rule, nat: Nat, family: Family, span: Range | None, ports: Range | None) -> str:
    where = [addresses.say(family, *span)] if span is not None else []
    if ports is not None and ports != (0, PORT_TOP):
        where.append(f"port {ports[0]}" if ports[0] == ports[1] else f"ports {ports[0]}-{ports[1]}")
    side = "sent on to" if nat.kind in OF_DESTINATION else "sent on from"
    return f"{side} {' '.join(where)} by {rule.id}"


_NAME = {SRC: "source", DST: "destination", SPORT: "source port", DPORT: "destination port"}
