"""The algebra of boxes against counting every packet of a tiny universe."""

from __future__ import annotations

import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compliance.traffic import boxes
from compliance.traffic import residual as left_over
from compliance.traffic.boxes import Box, Budget, TooManyPieces
from compliance.traffic.difference import beyond, shared
from compliance.traffic.index import Index
from tests.traffic.tiny import UNIVERSE, packets, tiny_boxes, total

LISTS = st.lists(tiny_boxes(), max_size=8)


@given(tiny_boxes(), tiny_boxes())
def test_intersect_contains_overlaps(a: Box, b: Box) -> None:
    both = packets([a]) & packets([b])
    part = boxes.intersect(a, b)
    assert packets([part] if part else []) == both
    assert boxes.overlaps(a, b) == bool(both)
    assert boxes.contains(a, b) == (packets([b]) <= packets([a]))


@given(tiny_boxes(), tiny_boxes())
def test_subtract(a: Box, b: Box) -> None:
    pieces = boxes.subtract(a, b)
    assert packets(pieces) == packets([a]) - packets([b])
    assert total(pieces) == len(packets(pieces)), "pieces overlap"


@given(tiny_boxes(), LISTS)
def test_residual_and_covered(box: Box, cuts: list[Box]) -> None:
    pieces = list(left_over.residual(box, cuts))
    assert packets(pieces) == packets([box]) - packets(cuts)
    assert total(pieces) == len(packets(pieces)), "pieces overlap"
    assert left_over.covered(box, cuts) == (packets([box]) <= packets(cuts))


@given(LISTS, LISTS)
def test_disjoint_difference_same(a: list[Box], b: list[Box]) -> None:
    union = left_over.disjoint(a)
    assert packets(union) == packets(a)
    assert total(union) == len(packets(a))
    left = left_over.difference(a, b)
    assert packets(left) == packets(a) - packets(b)
    assert total(left) == len(packets(left))
    assert left_over.same_traffic(a, b) == (packets(a) == packets(b))
    assert left_over.same_traffic(a, list(reversed(union)))


@given(LISTS, st.lists(tiny_boxes(), max_size=20))
def test_index_and_beyond(a: list[Box], b: list[Box]) -> None:
    index = Index(b)
    for box in [*a, UNIVERSE]:
        assert list(index.numbers(box)) == [place for place, other in enumerate(b) if boxes.overlaps(box, other)]
        assert list(index.numbers(box, 3)) == [n for n in index.numbers(box) if n >= 3]
    assert packets(beyond(a, index)) == packets(a) - packets(b)
    assert packets(part for part, _ in shared(a, index)) == packets(a) & packets(b)


@settings(max_examples=20)
@given(st.integers(0, 10**6))
def test_index_finds_what_a_scan_finds_among_many(seed: int) -> None:
    dice = random.Random(seed)

    def some() -> Box:
        host, port = dice.randrange(2**32), dice.randrange(65536)
        wide = dice.random() < 0.2
        dst = (0, 2**32 - 1) if wide else (host & ~255, host | 255)
        return (0, 2**32 - 1, *dst, 6, 6, 0, 65535, port, min(65535, port + dice.choice([0, 0, 900])))

    many = [some() for _ in range(200)]
    index = Index(many)
    for query in [*many[:10], boxes.full(4), boxes.limited(boxes.full(4), 8, 80, 90)]:
        assert index.overlapping(query) == [box for box in many if boxes.overlaps(box, query)]


def test_icmp_types_above_255_are_no_left_over() -> None:
    icmp = boxes.box_of(4, proto=1, sport=(0, 255), dport=(0, 255))
    assert left_over.covered(boxes.box_of(4, proto=1), [icmp])
    assert boxes.subtract(boxes.box_of(4, proto=1), icmp) == []


def test_box_of_refuses_what_is_no_range() -> None:
    assert boxes.box_of(6, dport=443)[8:] == (443, 443)
    for wrong in ((5, 4), (-1, 4), (0, 70000)):
        with pytest.raises(ValueError, match="not a range"):
            boxes.box_of(4, dport=wrong)


def test_budget_says_not_decided() -> None:
    cuts = [boxes.box_of(4, src=(n * 4, n * 4), dport=n) for n in range(50)]
    with pytest.raises(TooManyPieces):
        list(left_over.residual(boxes.full(4), cuts, budget=Budget(10)))


def test_thousands_against_thousands_is_not_quadratic() -> None:
    dice = random.Random(7)
    rules = [
        boxes.box_of(4, src=(s, s), dst=(d, d), proto=6, dport=p)
        for s, d, p in ((dice.randrange(2**32), dice.randrange(2**32), dice.randrange(65536)) for _ in range(5000))
    ]
    authorised = rules[:-1]
    begun = time.process_time()
    assert list(beyond(rules, authorised)) == [rules[-1]]
    assert time.process_time() - begun < 5
