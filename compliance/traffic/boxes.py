"""A box of traffic: ten inclusive integers, and what can be done with boxes of one address family.

src_lo, src_hi, dst_lo, dst_hi, proto_lo, proto_hi, sport_lo, sport_hi, dport_lo, dport_hi

ICMP and ICMPv6 carry the type where TCP and UDP carry the source port, and the code where they carry
the destination port. Protocols without ports span 0..65535 in both. Interfaces are not part of a box.
Every function here takes boxes of one family; a list of boxes means their union.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, cast

Family = Literal[4, 6]
Box = tuple[int, int, int, int, int, int, int, int, int, int]

FAMILIES: tuple[Family, Family] = (4, 6)
TOP: dict[Family, int] = {4: 2**32 - 1, 6: 2**128 - 1}
PROTO_TOP = 255
PORT_TOP = 65535
ICMP: dict[Family, int] = {4: 1, 6: 58}
ICMP_TOP = 255
FULL: dict[Family, Box] = {
    family: (0, top, 0, top, 0, PROTO_TOP, 0, PORT_TOP, 0, PORT_TOP) for family, top in TOP.items()
}
DIMENSIONS = (0, 2, 4, 6, 8)


class TooManyPieces(Exception):
    """The step budget is spent: the answer is "not decided", never a guess."""


class Budget:
    """A number of steps that a computation may take before it says "not decided"."""

    __slots__ = ("left",)

    def __init__(self, steps: int) -> None:
        self.left = steps

    def spend(self, steps: int = 1) -> None:
        """Take `steps`; raises TooManyPieces when none are left."""
        self.left -= steps
        if self.left < 0:
            raise TooManyPieces


def full(family: Family) -> Box:
    """All traffic of a family."""
    return FULL[family]


def box_of(
    family: Family,
    *,
    src: tuple[int, int] | None = None,
    dst: tuple[int, int] | None = None,
    proto: tuple[int, int] | int | None = None,
    sport: tuple[int, int] | int | None = None,
    dport: tuple[int, int] | int | None = None,
) -> Box:
    """A box from what is limited; the rest is everything. Raises ValueError when a range is empty or out of bounds."""
    bounds = list(FULL[family])
    for start, wanted in zip(DIMENSIONS, (src, dst, proto, sport, dport), strict=True):
        if wanted is None:
            continue
        low, high = (wanted, wanted) if isinstance(wanted, int) else wanted
        if not 0 <= low <= high <= bounds[start + 1]:
            raise ValueError(f"not a range within 0..{bounds[start + 1]}: {low}..{high}")
        bounds[start], bounds[start + 1] = low, high
    return cast(Box, tuple(bounds))


def overlaps(a: Box, b: Box) -> bool:
    """Whether some packet lies in both."""
    return (
        a[2] <= b[3] and b[2] <= a[3]
        and a[0] <= b[1] and b[0] <= a[1]
        and a[8] <= b[9] and b[8] <= a[9]
        and a[4] <= b[5] and b[4] <= a[5]
        and a[6] <= b[7] and b[6] <= a[7]
    )  # fmt: skip


def contains(outer: Box, inner: Box) -> bool:
    """Whether every packet of `inner` lies in `outer`."""
    return (
        outer[0] <= inner[0] and inner[1] <= outer[1]
        and outer[2] <= inner[2] and inner[3] <= outer[3]
        and outer[4] <= inner[4] and inner[5] <= outer[5]
        and outer[6] <= inner[6] and inner[7] <= outer[7]
        and outer[8] <= inner[8] and inner[9] <= outer[9]
    )  # fmt: skip


def intersect(a: Box, b: Box) -> Box | None:
    """The packets in both, or None."""
    if not overlaps(a, b):
        return None
    return (
        max(a[0], b[0]), min(a[1], b[1]),
        max(a[2], b[2]), min(a[3], b[3]),
        max(a[4], b[4]), min(a[5], b[5]),
        max(a[6], b[6]), min(a[7], b[7]),
        max(a[8], b[8]), min(a[9], b[9]),
    )  # fmt: skip


def intersect_all(boxes: Iterable[Box], others: Sequence[Box]) -> list[Box]:
    """The union of `boxes` cut to the union of `others`, pair by pair (for few boxes)."""
    return [part for box in boxes for other in others if (part := intersect(box, other)) is not None]


def is_real(box: Box) -> bool:
    """False for a box of ICMP types or codes above 255: such packets cannot exist."""
    return not (box[4] == box[5] and box[4] in ICMP.values() and (box[6] > ICMP_TOP or box[8] > ICMP_TOP))


def limited(box: Box, dimension: int, low: int, high: int) -> Box:
    """The box with one dimension (index of its lower bound) replaced."""
    return cast(Box, (*box[:dimension], low, high, *box[dimension + 2 :]))


def subtract(box: Box, cut: Box) -> list[Box]:
    """`box` without `cut`: at most ten disjoint boxes, cut by source, destination, protocol, then ports."""
    if not overlaps(box, cut):
        return [box]
    pieces: list[Box] = []
    rest = box
    for at in DIMENSIONS:
        low, high = rest[at], rest[at + 1]
        if low < cut[at]:
            pieces.append(limited(rest, at, low, cut[at] - 1))
            low = cut[at]
        if high > cut[at + 1]:
            pieces.append(limited(rest, at, cut[at + 1] + 1, high))
            high = cut[at + 1]
        rest = limited(rest, at, low, high)
    return [piece for piece in pieces if is_real(piece)]
