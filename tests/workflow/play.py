"""Playing the machine: so many runs of so many steps from a seed, and broken four-eyes that must be found out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final
from unittest.mock import patch

from hypothesis import HealthCheck, Phase, core, settings
from hypothesis.stateful import run_state_machine_as_test

from compliance.models import User
from tests.workflow.machine import OWNER, Violation, Workflow
from tests.workflow.world import World


def play(world: World, *, runs: int, steps: int, seed: int, shrink: bool = True) -> tuple[Counter[str], str]:
    """What was tried how often, and the first violation with its shortest story ("" when there was none)."""
    phases = (Phase.generate, Phase.shrink) if shrink else (Phase.generate,)
    how = settings(
        max_examples=runs, stateful_step_count=steps, deadline=None, database=None, phases=phases,
        suppress_health_check=list(HealthCheck), print_blob=False,
    )  # fmt: skip

    class Run(Workflow):
        counts = Counter()

    Run.world = world
    before, core.global_force_seed = core.global_force_seed, seed
    try:
        run_state_machine_as_test(Run, settings=how)
    except Violation as found:
        return Run.counts, "\n".join([str(found), *getattr(found, "__notes__", [])])
    finally:
        core.global_force_seed = before
    return Run.counts, ""


def everybody_clicks(world: World) -> str:
    """One short story, the same each time: requests, and everybody approves each, who has two roles twice."""

    class Run(Workflow):
        counts = Counter()

    Run.world = world
    machine = Run()
    try:
        machine.some_requests(first=0, second=8, third=4)
        machine.request(who=OWNER, what=0, platform=False, send=True, urgent=False)
        for key in list(machine.rows.changes):
            for person in (world.both, world.both, *world.ids):
                machine.on_record("approve", machine.place(person), key)
    except Violation as found:
        return str(found)
    finally:
        machine.teardown()
    return ""


@contextmanager
def one_person_may_agree_twice() -> Iterator[None]:
    """Four-eyes without the rule that needs are met by different people."""
    from compliance import four_eyes

    def lenient(person: Any, verb: str, change: Any, at: Any) -> Any:
        own = person.pk in (change.requested_by_id, change.last_edited_by_id)
        return whole(person, verb, change, at) if own or four_eyes.need_for(person, change, at) is None else None

    whole = four_eyes.why_not_decide
    with patch("compliance.permissions.why_not_decide", lenient), _no_shortfall():
        yield


@contextmanager
def ones_own_may_be_agreed_to() -> Iterator[None]:
    """Four-eyes gone from every layer above the database, and the requester that the database checks is a false one."""

    def anybody(person: Any, verb: str, change: Any, at: Any) -> None:
        return None

    def forged(change: Any, needs: Any, approval: Any) -> str:
        approval.requested_by = User.objects.exclude(pk=approval.approver_id).first()
        return "0" * 64

    with (
        patch("compliance.permissions.why_not_decide", anybody),
        patch("compliance.actions.changes.hold_still", lambda change, by: None),
        patch("compliance.actions.changes.seal", forged),
        _no_shortfall(),
    ):
        yield


@contextmanager
def _no_shortfall() -> Iterator[None]:
    with patch("compliance.models.approvals.shortfall", lambda *rest: ""):
        yield


CONTROLS: Final[dict[str, Callable[[], Any]]] = {
    "one person may agree twice": one_person_may_agree_twice,
    "one's own may be agreed to": ones_own_may_be_agreed_to,
}
