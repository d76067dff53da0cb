"""The workflow under everybody at once: a small share of `./run workflow`, and that it would find a broken rule."""

from __future__ import annotations

import pytest

from tests.factories import servers
from tests.people import everybody
from tests.workflow import races
from tests.workflow.play import CONTROLS, everybody_clicks, play
from tests.workflow.world import build

RUNS, STEPS = 15, 25


@pytest.mark.django_db
def test_whatever_anybody_tries_no_rule_of_the_workflow_breaks() -> None:
    counts, violation = play(build(), runs=RUNS, steps=STEPS, seed=1)
    assert not violation, violation
    assert counts["runs"] >= RUNS
    for verb in ("request", "approve"):
        assert counts[f"{verb} done"] > 0, f"no run got as far as {verb}: {counts}"
        assert counts[f"{verb} refused"] > 0


@pytest.mark.django_db
def test_a_broken_rule_is_found_out() -> None:
    world = build()
    assert everybody_clicks(world) == ""
    for name, broken in CONTROLS.items():
        with broken():
            said = everybody_clicks(world)
        assert "approved by" in said or "agreed" in said, name


@pytest.mark.both
@pytest.mark.django_db(transaction=True)
def test_of_those_who_click_at_once_exactly_one_is_heard() -> None:
    people = everybody()
    servers(people)
    said: list[str] = []
    told = races.run(people, 3, said.append)
    assert (told["races"], told["race_violations"]) == (12, 0), said
