"""Conditions of one rule multiplied: many of them are looked up, and give the same as each with each."""

from __future__ import annotations

from random import Random

import pytest

from compliance.traffic.boxes import FAMILIES, Box
from evidence.formats import matching
from evidence.formats.matching import Match, TooWide, both


def some(dice: Random, count: int) -> list[Match]:
    """Alternatives that meet now and then, some with interfaces and states."""
    found = []
    for _ in range(count):
        low, high, proto = dice.randrange(200), dice.randrange(200), dice.choice((1, 6, 17))
        box: Box = (
            low, low + dice.randrange(60), high, high + dice.randrange(80), proto, dice.choice((proto, 255)),
            0, 65535, dice.randrange(100), dice.randrange(100, 65535),
        )  # fmt: skip
        names = dice.choice((None, frozenset({"eth0"}), frozenset({"eth1", "!eth0"})))
        states = dice.choice((None, frozenset({"NEW"}), frozenset({"INVALID", "NEW"})))
        found.append(Match(dice.choice(FAMILIES), box, names, None, states))
    return found


def test_looking_up_gives_the_same_as_each_with_each(monkeypatch: pytest.MonkeyPatch) -> None:
    dice = Random("matching")
    met = 0
    for _ in range(100):
        a, b = some(dice, 25), some(dice, 25)
        each = both(a, b)
        monkeypatch.setattr(matching, "MANY", 1)
        assert both(a, b) == each
        monkeypatch.undo()
        met += len(each)
    assert met > 1_000


def test_what_multiplies_beyond_measure_is_told_before_it_is_made() -> None:
    whole = (0, 2**32 - 1)
    left = [Match(4, (one, one, *whole, 6, 6, 0, 65535, 0, 65535)) for one in range(1_000)]
    right = [Match(4, (*whole, one, one, 6, 6, 0, 65535, 0, 65535)) for one in range(1_000)]
    assert len(both(left[:100], right[:100])) == 10_000
    with pytest.raises(TooWide, match="more than 200000 boxes"):
        both(left, right)
