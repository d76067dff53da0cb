"""The workflow under everybody at once: a small share of `./run workflow`, and that it would find a broken rule."""

from __future__ import annotations

import pytest

from tests.factories import servers
from tests.people import everybody
from tests.workflow import races
from tests.workflow.play import CONTROLS, everybody_clicks, play
from tests.workflow.sweep import sweep
from tests.workflow.table import missing
from tests.workflow.world import build

RUNS, STEPS = 12, 25


@pytest.mark.django_db
def test_whatever_anybody_tries_no_rule_of_the_workflow_breaks() -> None:
    counts, violation = play(build(), runs=RUNS, steps=STEPS, seed=1)
    assert not violation, violation
    assert counts["runs"] >= RUNS
    for tried in ("request", "approve submitted", "set_stages", "widen", "request_risk"):
        assert counts[f"done {tried}"] > 0, f"no run got as far as {tried}: {counts}"


@pytest.mark.django_db
def test_every_verb_is_tried_on_a_record_in_every_state() -> None:
    world = build()
    people = world.people
    some = [people.rita.pk, people.omar.pk, people.mina.pk, people.erin.pk, people.alex.pk, world.both, world.otto]
    counts, violation = sweep(world, some)
    assert not violation, violation
    assert missing(counts) == []


@pytest.mark.django_db
def test_a_broken_rule_is_found_out() -> None:
    world = build()
    assert everybody_clicks(world) == ""
    for name, (broken, sentence) in CONTROLS.items():
        with broken():
            said = everybody_clicks(world)
        assert sentence in said, (name, said)


@pytest.mark.both
@pytest.mark.django_db(transaction=True)
def test_of_those_who_click_at_once_exactly_one_is_heard() -> None:
    people = everybody()
    servers(people)
    said: list[str] = []
    told = races.run(people, 2, said.append)
    assert (told["races"], told["race_violations"]) == (2 * len(races.RACES), 0), said
