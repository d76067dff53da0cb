"""Ordered lists of rules against counting every packet of a tiny universe."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import policies
from compliance.traffic.alignment import aligned, unmatched
from compliance.traffic.boxes import FULL, Box, Budget, Family, TooManyPieces, contains
from compliance.traffic.comparison import Comparison
from compliance.traffic.index import Index
from compliance.traffic.policy import Listed, Policy, differences
from compliance.traffic.residual import covered, residual
from tests.traffic.tiny import packets, tiny_boxes

LISTS = st.lists(st.tuples(tiny_boxes(), st.booleans()), max_size=9)
REGISTERS = st.lists(tiny_boxes(), max_size=6)


def first_match(rules: list[Listed], packet: tuple[int, ...]) -> int | None:
    return next((number for number, (box, _) in enumerate(rules) if packet in packets([box])), None)


def let_through(rules: list[Listed]) -> set[tuple[int, ...]]:
    found: set[tuple[int, ...]] = set()
    for box, permit in reversed(rules):
        found = found | packets([box]) if permit else found - packets([box])
    return found


@given(LISTS, REGISTERS)
def test_every_answer_is_that_of_counting(rules: list[Listed], register: list[Box]) -> None:
    policy, authorised = Policy(rules), Index(register)
    for number, (box, permit) in enumerate(rules):
        denied = packets(one for one, allow in rules[:number] if not allow)
        beyond = packets([box]) - packets(register) - denied if permit else set()
        assert packets(policy.excess(number, authorised)) == beyond
        earlier = packets(one for one, _ in rules[:number])
        shadow = policy.shadow(number)
        assert (shadow is not None) == (packets([box]) <= earlier)
        if shadow is not None and shadow.rule is not None:
            assert shadow.rule < number
            assert contains(rules[shadow.rule][0], box)
        without = [*rules[:number], *rules[number + 1 :]]
        if policy.redundant(number):
            assert let_through(without) == let_through(rules)
    for box in register:
        passed = policy.passes(box)
        assert passed.permit == (packets([box]) <= let_through(rules))
        if not passed.permit:
            assert not packets([passed.box]) & let_through(rules)
            assert packets([passed.box]) <= packets([box])
            assert all(first_match(rules, packet) == passed.rule for packet in packets([passed.box]))


@given(LISTS, tiny_boxes())
def test_pieces_are_the_box_and_each_meets_its_rule_first(rules: list[Listed], box: Box) -> None:
    seen: set[tuple[int, ...]] = set()
    for piece in Policy(rules).decide(box):
        inside = packets([piece.box])
        assert not inside & seen
        seen |= inside
        assert {first_match(rules, packet) for packet in inside} == {piece.rule}
    assert seen == packets([box])


@given(LISTS, LISTS)
def test_differences_are_exact(old: list[Listed], new: list[Listed]) -> None:
    found = list(differences(Policy(old), Policy(new)))
    opened = packets(one.box for one in found if one.after.permit)
    closed = packets(one.box for one in found if one.before.permit)
    assert opened == let_through(new) - let_through(old)
    assert closed == let_through(old) - let_through(new)


@settings(max_examples=200)
@given(LISTS, st.lists(LISTS, min_size=1, max_size=4), REGISTERS)
def test_following_edits_gives_what_starting_anew_gives(
    first: list[Listed], later: list[list[Listed]], register: list[Box]
) -> None:
    kept = Comparison(first, register)
    for rules in [*later, first, first[::-1], first[1:] + first[:1]]:
        kept.follow(rules)
        assert said(kept) == said(Comparison(rules, register))


def said(comparison: Comparison) -> tuple[object, ...]:
    """What it says, by the places of the rules. Pieces may be cut differently; each must be what it claims."""
    policy = comparison.policy
    rules = [policy.rules[number] for number in policy.order]
    for number, piece in comparison.excess.items():
        assert packets([piece]) <= packets([policy.rules[number][0]]) - packets(comparison.authorised.boxes)
    for found in comparison.missing.values():
        stopped = None if found.rule is None else policy.places[found.rule]
        assert {first_match(rules, packet) for packet in packets([found.box])} == {stopped}
    places = policy.places
    return (
        {places[number] for number in comparison.excess}, {places[number] for number in comparison.shadowed},
        set(comparison.missing), comparison.undecided,
    )  # fmt: skip


def test_following_a_long_list_touches_only_what_changed() -> None:
    rules, register = policies.realistic(1500)
    kept = Comparison(rules, register)
    for seed in range(4):
        rules = policies.changed(rules, 0.02, seed=seed)
        kept.follow(rules)
        anew = Comparison(rules, register)
        places = kept.policy.places
        assert {places[one] for one in kept.excess} == set(anew.excess)
        assert {places[one] for one in kept.shadowed} == set(anew.shadowed)
        assert set(kept.missing) == set(anew.missing)


@given(st.lists(st.integers(0, 5), max_size=60), st.lists(st.integers(0, 5), max_size=60))
def test_blocks_are_equal_and_rise(old: list[int], new: list[int]) -> None:
    end = (0, 0)
    for block in aligned(old, new):
        assert block.length > 0
        assert block.old >= end[0]
        assert block.new >= end[1]
        assert old[block.old : block.old + block.length] == new[block.new : block.new + block.length]
        end = (block.old + block.length, block.new + block.length)


def test_an_edit_of_a_long_list_leaves_only_the_edit_unmatched() -> None:
    old = list(range(5000))
    new = [*old[:700], -1, *old[700:2000], *old[2003:4000], *old[4300:], *old[4000:4300]]
    gone, come = unmatched(old, new)
    assert gone == [2000, 2001, 2002, *range(4000, 4300)]
    assert [new[place] for place in come] == [-1, *range(4000, 4300)]
    assert unmatched(old, old) == ([], [])


@pytest.mark.parametrize("family", [4, 6])
def test_ten_thousand_fragments_cover_everything_and_one_less_does_not(family: Family) -> None:
    pieces = policies.fragments(10_000, family=family)
    assert covered(FULL[family], pieces, budget=Budget(200_000))
    gap = pieces.pop(4321)
    left = list(residual(FULL[family], pieces, budget=Budget(200_000)))
    assert left
    assert all(contains(gap, piece) for piece in left)
    assert covered(gap, left)


def test_stripes_leave_their_crossings_without_cutting_them_all() -> None:
    piece = next(residual(FULL[4], policies.stripes(10_000), budget=Budget(50_000)))
    assert (piece[1] - piece[0], piece[3] - piece[2]) == (8, 8)


def test_above_the_budget_it_is_not_decided() -> None:
    rules = [(box, True) for box in policies.fragments(3000)]
    policy = Policy([*rules[:-1], (FULL[4], True)])
    with pytest.raises(TooManyPieces):
        policy.shadow(2999, budget=Budget(20))
    kept = Comparison([(FULL[4], True)], [])
    assert kept.excess == {0: FULL[4]}
