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
from tests.workflow.beside import Beside
from tests.workflow.machine import Violation
from tests.workflow.steps import Steps
from tests.workflow.world import World


class Workflow(Steps, Beside):
    """All that anybody tries."""


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
    """One short story, the same each time: everybody approves each record that waits, who has two roles twice, and
    decides on each risk; a server is put into the group in use."""

    class Run(Workflow):
        counts = Counter()

    Run.world = world
    machine = Run()
    try:
        machine.request(who=machine.place(world.both), what=0, platform=False, send=True, urgent=False)
        for key in sorted(key for key, row in machine.rows.changes.items() if row["state"] == "submitted")[::-1]:
            for person in (world.both, world.both, *world.ids):
                machine.on_record("approve", machine.place(person), key)
        for place in map(machine.place, world.ids):
            machine.request_risk(who=machine.place(world.otto), what="other")
            machine.decide_risk(who=place, which=4, yes=True, stale=False)
            machine.widen(who=place, which=1, idle=False)
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
def a_later_stage_may_come_first() -> Iterator[None]:
    """Stages without their order."""

    def every(change: Any) -> Any:
        return list(change.needs.filter(approval__isnull=True).select_related("system", "person").order_by("pk"))

    with patch("compliance.four_eyes.open_needs", every), _no_shortfall():
        yield


@contextmanager
def anybody_accepts_a_risk() -> Iterator[None]:
    """Risks without the rule that the authorising officer decides."""
    with patch("compliance.risk_eyes.why_not", lambda *rest: None):
        yield


@contextmanager
def a_group_in_use_grows_freely() -> Iterator[None]:
    """Groups without the rule that what is read through them is widened by a decision."""
    with patch("compliance.actions.widening.why_ask", lambda *rest: ""):
        yield


@contextmanager
def _no_shortfall() -> Iterator[None]:
    with patch("compliance.models.approvals.shortfall", lambda *rest: ""):
        yield


# What is broken on purpose, and what the audit must say of it
CONTROLS: Final[dict[str, tuple[Callable[[], Any], str]]] = {
    "one person may agree twice": (one_person_may_agree_twice, "one person agreed twice"),
    "one's own may be agreed to": (ones_own_may_be_agreed_to, "their own change"),
    "a later stage may come first": (a_later_stage_may_come_first, "was agreed to before it was asked"),
    "anybody accepts a risk": (anybody_accepts_a_risk, "neither the officer nor a delegate"),
    "a group in use grows freely": (a_group_in_use_grows_freely, "was added to a group in use"),
}
