"""Every operation of the OpenAPI document, called for every role with what its schema allows and with what it does not.

Looked for: a fault (5xx), an answer that its own document does not describe, a success without a token or of a
decision, and a word of another system in an answer.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis.checks import load_all_checks
from schemathesis.core.failures import FailureGroup

from compliance.models.tokens import SERVICE_ROLES
from tests.api.programs import Program
from tests.people import People

DECISIONS: Final = ("/approve/", "/reject/")
CHECKED: Final = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
)


@contextmanager
def one_connection() -> Iterator[None]:
    """Requests that come by WSGI leave the test's own database connection open, as Django's test client sees to."""
    request_started.disconnect(close_old_connections)
    request_finished.disconnect(close_old_connections)
    try:
        yield
    finally:
        request_started.connect(close_old_connections)
        request_finished.connect(close_old_connections)


@dataclass
class Tally:
    """What came of a walk."""

    calls: int = 0
    faults: list[str] = field(default_factory=list)
    breaks: list[str] = field(default_factory=list)
    leaks: list[str] = field(default_factory=list)


def document(program: Program) -> dict[str, Any]:
    """The OpenAPI document as the API itself gives it."""
    return json.loads(program.get("schema/").content)  # type: ignore[no-any-return]


def callers(people: People) -> Iterator[tuple[str, Program | None]]:
    """Nobody; each role here, for another system, and for all; and all roles together."""
    yield "nobody", None
    for role in SERVICE_ROLES:
        yield f"{role} here", Program(people, role, systems=(people.payroll,))
        yield f"{role} elsewhere", Program(people, role, systems=(people.platform,))
    yield "all roles everywhere", Program(people, *SERVICE_ROLES)


def walk(people: People, *, examples: int, start: int, fix: Callable[[Any, int], None], foreign: str) -> Tally:
    """Calls each operation so often for each caller. `fix` puts real ids in; `foreign`: a word of Payroll's only."""
    load_all_checks()
    tally = Tally()
    schema = schemathesis.openapi.from_dict(document(Program(people, "auditor")))
    inner = get_wsgi_application()
    # every server says who calls; rate limits go by it
    schema.app = lambda environ, start: inner({"REMOTE_ADDR": "127.0.0.1", **environ}, start)
    with one_connection():
        for who, program in callers(people):
            header = {"Authorization": f"Bearer {program.token}"} if program else {}
            for result in schema.get_all_operations():
                one = result.ok()
                call(one, who, header, tally, examples=examples, start=start, fix=fix, foreign=foreign)
    return tally


def call(
    operation: Any,
    who: str,
    header: dict[str, str],
    tally: Tally,
    *,
    examples: int,
    start: int,
    fix: Callable[[Any, int], None],
    foreign: str,
) -> None:
    """One operation for one caller."""

    @seed(start)
    @settings(
        max_examples=examples, deadline=None, database=None, phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=operation.as_strategy())
    def ask(case: Any) -> None:
        tally.calls += 1
        fix(case, tally.calls)
        answer = case.call(headers=header or {"Authorization": ""})
        named = f"{operation.method.upper()} {case.formatted_path} by {who}: {answer.status_code}"
        if answer.status_code >= 500:
            tally.faults.append(f"{named} {case.body!r}"[:400])
            return
        success = answer.status_code < 400
        if success and (who == "nobody" or any(part in operation.path for part in DECISIONS)):
            tally.leaks.append(named)
        if ("elsewhere" in who or who == "nobody") and foreign in answer.text:
            tally.leaks.append(f"{named} names {foreign}")
        try:
            case.validate_response(answer, checks=checks(), headers=header)
        except FailureGroup as error:
            tally.breaks.append(f"{named} {answer.text[:200]}: {[str(one)[:200] for one in error.exceptions]}")

    ask()


def checks() -> list[Any]:
    """The checks of the tool that hold an answer against its document."""
    known = {check.__name__: check for check in schemathesis.checks.CHECKS.get_all()}
    return [known[name] for name in CHECKED]
