"""The API's part of the matrix: each of its routes × method × program × side, held against its own table.

Letters as in table.py; programs are requesters, engineers and auditors. Nobody else gets in, whatever they bring.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from django.db import transaction
from django.http import HttpResponse
from django.test import Client
from django.urls import resolve, reverse
from django.utils import timezone
from drf_spectacular.generators import SchemaGenerator

from compliance.actions import tokens
from compliance.models import Role
from compliance.models.approvals import content_hash
from tests.factories import WHY
from tests.matrix.principals import LETTERS, Principal, signed
from tests.matrix.targets import every_name
from tests.matrix.walk import ABOUT_THE_VISIT, METHODS, Kept, Tally, foreign, text_of, watched
from tests.matrix.world import NOTHING, OURS, THEIRS, Side, World, material

ALL: Final = "REA"


@dataclass(frozen=True)
class Row:
    """Who gets it by GET and for whom POST does it (None: there is no such method); `thing`: the object it is about."""

    get: str | None = ALL
    post: str | None = None
    thing: str = ""


API: Final[dict[str, Row]] = {
    "api_schema": Row(),
    "api_connections": Row(),
    "api_connection": Row(thing="connection"),
    "api_connection_amend": Row(None, "RE", "connection"),
    "api_connection_retire": Row(None, "RE", "connection"),
    "api_changes": Row(ALL, "RE"),
    "api_change": Row(thing="submitted"),
    "api_change_submit": Row(None, "RE", "draft"),
    "api_change_approve": Row(None, "", "submitted"),
    "api_change_reject": Row(None, "", "submitted"),
    "api_change_withdraw": Row(None, "", "submitted"),  # its asker takes it back, or the system's owner
    "api_change_implement": Row(None, "E", "approved"),
    "api_change_act_first": Row(None, "", "submitted"),  # only of an urgent change
    "api_change_dispute": Row(None, "E", "done"),
    "api_change_questions": Row(None, "E", "submitted"),
    "api_register_plan": Row(None, "E"),
    "api_register_apply": Row(None, "E"),
    "api_servers": Row(),
    "api_server": Row(thing="app"),
    "api_findings": Row(),
    "api_finding": Row(thing="finding"),
    "api_rule_changes": Row(),
}

CHANGES_NOTHING: Final = frozenset({"api_register_plan"})  # its POST shows what would be


@dataclass(frozen=True)
class Case:
    """One question."""

    route: str
    method: str
    principal: Principal
    side: str

    def __str__(self) -> str:
        return f"{self.method} {self.route} ({self.side}) by {self.principal.name}"


def unknown_rows() -> list[str]:
    """What the URL configuration, the OpenAPI document and the table do not have in common."""
    names = {name for name in every_name() if name.startswith("api_")} ^ {*API, "api_nothing"}
    rows = {(name, "get") for name, row in API.items() if row.get is not None}
    rows |= {(name, "post") for name, row in API.items() if row.post is not None}
    return sorted([*names, *(f"{method.upper()} {name}" for name, method in operations() ^ rows)])


def operations() -> set[tuple[str, str]]:
    """(route, method) of each operation of the OpenAPI document, and the document itself."""
    said = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return {("api_schema", "get")} | {
        (route_of(path), method) for path, methods in said["paths"].items() for method in methods
    }


def route_of(path: str) -> str:
    """The route behind a path of the document, with whatever id it takes."""
    tried = (str(resolve(re.sub(r"\{\w+\}", one, path)).url_name) for one in ("CHG-1", "CON-1", "FND-1", "1"))
    return next((name for name in tried if name != "api_nothing"), path)


def programs(world: World) -> list[Principal]:
    """Each role here, there and everywhere, all at once; tokens that open nothing; nobody; a person with a session."""
    systems = {word: side.system for word, side in world.sides.items()}
    made = []
    for where, words in (("here", (OURS,)), ("there", (THEIRS,)), ("everywhere", (OURS, THEIRS))):
        for role in (Role.REQUESTER, Role.ENGINEER, Role.AUDITOR):
            scope = [] if where == "everywhere" else [systems[words[0]]]
            _, token = token_of(world, [role], scope)
            made.append(Principal(f"{role} {where}", bearer(token), dict.fromkeys(words, LETTERS[role])))
    _, token = token_of(world, [Role.REQUESTER, Role.ENGINEER, Role.AUDITOR], [])
    made.append(Principal("all roles everywhere", bearer(token), dict.fromkeys((OURS, THEIRS), ALL)))
    row, token = token_of(world, [Role.AUDITOR], [])
    tokens.revoke_token(row, by=world.people.alex)
    made.append(Principal("revoked", bearer(token), {}, signed_in=False))
    row, token = token_of(world, [Role.AUDITOR], [])
    type(row).objects.filter(pk=row.pk).update(expires_at=timezone.now() - timedelta(hours=1))
    made.append(Principal("expired", bearer(token), {}, signed_in=False))
    made.append(Principal("nobody", Client(), {}, signed_in=False))
    person = signed("manager with a session", world.people.mina, {})
    person.signed_in = False
    return [*made, person]


def token_of(world: World, roles: list[Role], systems: list[Any]) -> tuple[Any, str]:
    """A token of these roles for a month."""
    until = timezone.now() + timedelta(days=30)
    return tokens.make_token("matrix", roles=roles, systems=systems, until=until, by=world.people.alex)


def bearer(token: str) -> Client:
    """A program that shows the token."""
    return Client(headers={"Authorization": f"Bearer {token}"})


def cases(principals: list[Principal], methods: tuple[str, ...] = METHODS) -> Iterator[Case]:
    """Every question; a route about no object is asked once, not once a side."""
    for route, row in API.items():
        for side in (OURS, THEIRS) if row.thing or row.post is not None else (OURS,):
            for principal in principals:
                for method in methods:
                    yield Case(route, method, principal, side)


def walk(world: World, questions: Iterator[Case], said: Callable[[str], None] = lambda _: None) -> Tally:
    """Asks each question in a transaction that is taken back, and tells what came of it."""
    tally, kept, seen = Tally(), Kept(), ""
    for case in questions:
        if case.route != seen:
            seen = case.route
            said(f"{seen} …")
        tally.cases += 1
        with watched() as tables, transaction.atomic():
            answer = ask(case, world.sides[case.side])
            touched = tables - {*ABOUT_THE_VISIT, "compliance_servicetoken"}
            changed = sorted(table for table in touched if kept.differs(table))
            transaction.set_rollback(True)
        judge(case, answer, changed, tally)
    return tally


def ask(case: Case, side: Side) -> HttpResponse:
    """The answer of the application."""
    client, row = case.principal.client, API[case.route]
    client.raise_request_exception = False
    key = {"name": side.app.name} if row.thing == "app" else {"number": side.things[row.thing].pk} if row.thing else {}
    call: Callable[..., HttpResponse] = getattr(client, case.method.lower())
    path = reverse(case.route, kwargs=key)
    if case.method in ("GET", "HEAD", "OPTIONS"):
        return call(path)
    return call(path, body(case.route, side), content_type="application/json")


def body(route: str, side: Side) -> dict[str, Any]:
    """What is posted: valid, so that whoever may gets it done."""
    request = {"title": "Asked by the matrix", "justification": WHY, "material": material(side, 5999)}
    if route.startswith("api_register"):
        digest = content_hash([[], content_hash({"zones": []}), False])  # of a plan without a step
        return {"register": NOTHING, "system": side.system.name, "digest": digest}
    if route == "api_changes":
        return {**request, "system": side.system.name}
    return request if route == "api_connection_amend" else {"because": "Looked at by the matrix."}


def expects(case: Case) -> tuple[int, ...]:
    """The statuses that the table allows."""
    row, held = API[case.route], case.principal.held.get(case.side, "")
    if not case.principal.signed_in:
        return (401, 429)
    method = "GET" if case.method == "HEAD" else case.method
    if method == "OPTIONS":
        return (200,)
    letters = {"GET": row.get, "POST": row.post}.get(method)
    if letters is None:
        return (405,)
    if not row.thing:
        if method == "GET":
            return (200,)
        return (200, 201) if set(letters) & set(held) else (400, 403) if not held else (403,)
    if not held:
        return (404,)
    return (200, 201) if set(letters) & set(held) else (403,)


def judge(case: Case, answer: HttpResponse, changed: list[str], tally: Tally) -> None:
    """What is wrong with an answer, added to the tally."""
    status, expected = answer.status_code, expects(case)
    told = f"{case}: {status}, the table says {' or '.join(map(str, expected))}"
    does = case.method == "POST" and expected[0] in (200, 201)
    if changed and not does:
        tally.leaks.append(f"{case}: {status} changed {', '.join(changed)}")
    if status < 400 and expected[0] >= 400:
        tally.leaks.append(told)
    elif status not in expected:
        tally.wrong.append(told)
    elif does and not changed and case.route not in CHANGES_NOTHING:
        tally.wrong.append(f"{case}: {status}, and nothing was changed")
    text = text_of(answer)
    tally.leaks.extend(f"{case}: {status} names {word}" for word in foreign(case) if word in text)  # type: ignore[arg-type]
