"""A small share of `./run equivalence`, and that it would notice a difference."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.equivalence import dialects
from tests.equivalence.dialects import DIALECTS, differences
from tests.equivalence.policies import drawn

POLICIES = 24


def test_every_dialect_lets_through_the_same() -> None:
    tally: Counter[str] = Counter()
    found = {number: differences(drawn(f"suite/{number}", (4, 4, 6)[number % 3]), tally) for number in range(POLICIES)}
    assert {number: told for number, told in found.items() if told} == {}
    expected = {name for name, one in DIALECTS.items() if name != dialects.REFERENCE and one.possible()}
    assert set(tally) == expected


def test_a_reader_that_loses_an_entry_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = DIALECTS["cisco-asa"]

    def cut(text: str, _family: int) -> str:
        lines = text.splitlines()
        last = max(number for number, line in enumerate(lines) if " permit " in line)
        return "\n".join([*lines[:last], *lines[last + 1 :]])

    monkeypatch.setitem(DIALECTS, "cisco-asa", whole._replace(file=cut))
    found = [one for number in range(6) for one in differences(drawn(f"suite/{number}", 4), Counter())]
    assert found
    assert {one.split(":")[0] for one in found} == {"cisco-asa"}
