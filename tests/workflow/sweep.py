"""Every verb on a record in every state by everybody, once each and always in the same order; each is taken back.

What chance may leave out in a short play is gone through here: the whole table of steps, and every refusal beside it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from django.db import transaction

from compliance.models import Question
from tests.workflow.machine import Violation
from tests.workflow.play import Workflow
from tests.workflow.table import RISKS, WALKED
from tests.workflow.world import World


def sweep(world: World, people: Iterable[int] | None = None) -> tuple[Counter[str], str]:
    """What was tried how often, and the first violation ("" when there was none). `people`: everybody unless said."""

    class Run(Workflow):
        counts = Counter()

    Run.world = world
    machine = Run()
    everybody = [*(world.ids if people is None else people), None]
    try:
        for key, row in sorted(world.rows.changes.items()):
            for verb in [*WALKED, "agree"]:
                for person in everybody if verb != "agree" else [None]:
                    if not left_alone(verb, person, row["state"]):
                        once(machine, verb, person, key)
        for key in sorted(world.rows.risks):
            for verb in RISKS:
                for person in everybody:
                    if person is not None:
                        once(machine, verb, person, key)
        for which in range(len(world.rows.changes)):
            back(machine, lambda which=which: machine.take_the_place(which=4 * which, what=0))
    except Violation as found:
        return Run.counts, str(found)
    finally:
        machine.teardown()
    return Run.counts, ""


def left_alone(verb: str, person: int | None, state: str) -> bool:
    """What is not tried: steps of people by nobody, and a retirement by hand where Eastwest itself has the step."""
    if person is not None:
        return False
    return verb not in ("verify", "dispute", "retire", "agree") or (verb == "retire" and state in WALKED["retire"])


def once(machine: Workflow, verb: str, person: int | None, key: int) -> None:
    """One of them, taken back."""
    place = None if person is None else machine.place(person)
    if verb in RISKS:
        back(machine, lambda: machine.on_named_risk(verb, place, key))
    elif verb == "agree":
        back(machine, lambda: machine.agree(key))
    elif verb == "answer_question":
        for row in Question.objects.filter(change=key):
            back(machine, lambda row=row: machine.answer(place, row))
    else:
        back(machine, lambda: machine.on_record(verb, place, key))


def back(machine: Workflow, act: Any) -> None:
    """Does it, and takes it back, in the database and in what the machine holds of it."""
    with transaction.atomic():
        act()
        transaction.set_rollback(True)
    machine.begin()
