"""A universe small enough to count packet by packet, for brute force against the algebra."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator

from hypothesis import strategies as st

from compliance.traffic.boxes import Box

TOP = 3  # every dimension of a tiny box runs 0..3; the protocols are moved to 6..9, so that none is ICMP
PROTO_BASE = 6
Packet = tuple[int, int, int, int, int]

SIZES = (TOP, TOP, TOP, 1, 1)


def _range(top: int, base: int = 0) -> st.SearchStrategy[tuple[int, int]]:
    pair = st.tuples(st.integers(0, top), st.integers(0, top))
    return pair.map(lambda ends: (base + min(ends), base + max(ends)))


@st.composite
def tiny_boxes(draw: st.DrawFn) -> Box:
    """A box whose source, destination and protocol run over four values and whose ports run over two."""
    src, dst = draw(_range(SIZES[0])), draw(_range(SIZES[1]))
    proto = draw(_range(SIZES[2], PROTO_BASE))
    sport, dport = draw(_range(SIZES[3])), draw(_range(SIZES[4]))
    return (*src, *dst, *proto, *sport, *dport)


UNIVERSE: Box = (0, 3, 0, 3, PROTO_BASE, PROTO_BASE + 3, 0, 1, 0, 1)


def packets_of(box: Box) -> Iterator[Packet]:
    """Every packet of a box."""
    ranges = [range(box[at], box[at + 1] + 1) for at in range(0, 10, 2)]
    yield from itertools.product(*ranges)


def packets(boxes: Iterable[Box]) -> set[Packet]:
    """The packets of a union of boxes."""
    return {packet for box in boxes for packet in packets_of(box)}


def total(boxes: Iterable[Box]) -> int:
    """How many packets the boxes hold when what they share is counted again."""
    return sum(sum(1 for _ in packets_of(box)) for box in boxes)


def lies_in(packet: Packet, box: Box) -> bool:
    """Whether a packet lies in a box."""
    return all(box[2 * at] <= value <= box[2 * at + 1] for at, value in enumerate(packet))
