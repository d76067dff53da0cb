"""The permission matrix: a walk over every address that fits into the suite, and proof that it would find a leak."""

from __future__ import annotations

from typing import Any, Final

import pytest
from django.db.models import QuerySet

from compliance import permissions
from compliance.models import TRANSITIONS, Role
from compliance.models.scope import Scoped
from compliance.views.auditing import EVIDENCE, NOT_EVIDENCE
from compliance.views.step_up import STEP_UP
from tests.matrix import api
from tests.matrix.known import known
from tests.matrix.principals import LETTERS, Principal, everyone
from tests.matrix.table import ASKER, ROUTES, WHO
from tests.matrix.targets import unknown_rows
from tests.matrix.walk import Case, cases, walk
from tests.matrix.world import OURS, THEIRS, World

FEW: Final = {
    "anonymous", "manager here", "engineer there", "administrator everywhere", "asker of everything",
    "owner and manager an hour later",
}  # fmt: skip


PROGRAMS: Final = {"requester here", "engineer there", "all roles everywhere", "revoked", "manager with a session"}


def test_every_route_has_a_row_and_every_row_a_route() -> None:
    assert unknown_rows() == []
    assert api.unknown_rows() == []


def test_every_page_an_auditor_may_open_is_recorded_or_says_why_not() -> None:
    opened = {name for name, row in ROUTES.items() if row.sees is not None and (row.everybody or "A" in row.sees)}
    assert opened - set(EVIDENCE) == NOT_EVIDENCE
    assert not set(EVIDENCE) - opened


def test_every_verb_has_a_line_and_the_roles_of_its_line() -> None:
    letters = {verb: {LETTERS[Role(role)] for role in roles} for verb, roles in permissions.VERBS.items()}
    for verb, step in TRANSITIONS.items():
        letters[verb] = {LETTERS[Role(role)] for role in step.roles if role in Role.values}
    machine = permissions.BY_ITSELF - {"dispute"}
    said = {verb: set(line) for verb, line in WHO.items()}
    assert said == letters
    assert all(not said[verb] for verb in machine)


@pytest.mark.beside
@pytest.mark.django_db
@pytest.mark.usefixtures("as_it_runs")
def test_nobody_gets_or_does_more_than_the_table_says(monkeypatch: pytest.MonkeyPatch) -> None:
    world = known()
    people = everyone(world)
    few = [one for one in people if one.name in FEW]
    assert len(few) == len(FEW)
    tally = walk(world, [case for case in cases(few, ("GET", "POST")) if worth_asking(case)])
    assert not tally.leaks + tally.wrong, "\n".join(tally.leaks + tally.wrong)
    assert tally.cases > 500
    found_out(world, few, monkeypatch)
    programs = [one for one in api.programs(world) if one.name in PROGRAMS]
    assert len(programs) == len(PROGRAMS)
    tally = api.walk(world, api.cases(programs, ("GET", "POST")))
    assert not tally.leaks + tally.wrong, "\n".join(tally.leaks + tally.wrong)


def worth_asking(case: Case) -> bool:
    """Routes of allauth are asked by two; who came an hour ago asks for what they must confirm; who asked for it all
    posts, and looks at what is theirs alone; an administrator, to whom both sides are one, asks on one. Whether the
    application is ready is asked by one: it looks for a broker that is not there.
    """
    row, name = ROUTES.get(case.route), case.principal.name
    if case.route == "readyz":
        return name == "anonymous"
    if case.principal.stale:
        return case.method == "POST" and case.route in STEP_UP
    if row is None:
        return name in ("anonymous", "manager here")
    if name == "asker of everything":
        return case.method == "POST" or row.four_eyes or ASKER in (row.sees or "")
    return name != "administrator everywhere" or case.side == OURS


def found_out(world: World, people: list[Principal], monkeypatch: pytest.MonkeyPatch) -> None:
    """With a door left open on purpose the same walk names it: a verb without its check, a list without its scope."""
    engineer = next(one for one in people if one.name == "engineer there")
    manager = next(one for one in people if one.name == "manager here")
    with monkeypatch.context() as broken:
        broken.setattr(permissions, "may", lambda *_, **__: None)
        tally = walk(world, [Case("source_pull", "POST", manager, OURS), Case("role_add", "POST", manager, OURS)])
        assert len([leak for leak in tally.leaks if "changed" in leak]) == 2, tally
    with monkeypatch.context() as broken:
        broken.setattr(Scoped, "for_user", everything)
        tally = walk(world, [Case("connections", "GET", engineer, OURS), Case("finding", "GET", engineer, OURS)])
        assert len([leak for leak in tally.leaks if f"names {OURS}" in leak]) == 2, tally
        tally = walk(world, [Case("connections", "GET", manager, THEIRS)])
        assert [leak for leak in tally.leaks if f"names {THEIRS}" in leak]


def everything(rows: QuerySet[Any], person: object) -> QuerySet[Any]:
    """A scope that forgets whose it is."""
    return rows
