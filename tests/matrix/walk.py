"""Walks route × method × principal × side and holds every answer against the table.

Each case runs in a transaction that is taken back. A leak is a success where the table says no, a word of a foreign
system in an answer, or a row changed where nothing may change; an answer that refuses somebody who may, or that is
neither the refusal nor the page it should be, is wrong without being a leak. Both fail.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from django.apps import apps
from django.db import connection, transaction
from django.http import HttpResponse

from compliance.views.auditing import EVIDENCE
from compliance.views.step_up import STEP_UP
from tests.matrix.principals import Principal
from tests.matrix.table import ASKER, DIRECTORY, OPEN_ACCOUNT, ROUTES, Row
from tests.matrix.targets import address, body, routes
from tests.matrix.world import OURS, THEIRS, World

METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
ABOUT_THE_VISIT: Final = (
    "django_session",
    "eastwest_cache",
    "usersessions_usersession",
)  # rows that say who came by, not what is recorded
TAKES_AND_RECORDS: Final = frozenset({"pack_zip", "pack_pdf"})  # a download is recorded with its person
LEDGER: Final = "compliance_ledgerinbox"
WRITE: Final = re.compile(r"\s*(?:INSERT(?: OR \w+)? INTO|UPDATE|DELETE FROM|REPLACE INTO)\s+\"?(\w+)", re.I)
DONE, PAGE, FORBIDDEN, HIDDEN, NO_METHOD = (200, 302), (200,), (403,), (404,), (405,)
TO_THE_DOOR = TO_CONFIRM = (302,)
ASKS_WHO: Final = ("/accounts/login/", "/accounts/reauthenticate/")


@dataclass
class Tally:
    """What came of a walk."""

    cases: int = 0
    leaks: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Case:
    """One question."""

    route: str
    method: str
    principal: Principal
    side: str

    def __str__(self) -> str:
        return f"{self.method} {self.route} ({self.side}) by {self.principal.name}"


def cases(principals: list[Principal], methods: tuple[str, ...] = METHODS) -> Iterator[Case]:
    """Every question; a route about no object is asked once, not once a side."""
    for route in sorted(routes()):
        row = ROUTES.get(route)
        for side in (OURS, THEIRS) if row and row.thing else (OURS,):
            for principal in principals:
                for method in methods:
                    yield Case(route, method, principal, side)


def walk(world: World, questions: Iterator[Case] | list[Case], said: Callable[[str], None] = lambda _: None) -> Tally:
    """Asks each question and tells what came of it."""
    tally, kept, seen = Tally(), Kept(), ""
    for case in questions:
        if case.route != seen:
            seen = case.route
            said(f"{seen} …")
        tally.cases += 1
        with watched() as tables, transaction.atomic():
            answer = ask(case, world)
            by_token = {"compliance_servicetoken"} if case.route == "metrics" else set()  # when it was last used
            touched = {table for table in tables if table not in {*ABOUT_THE_VISIT, *by_token}}
            changed = sorted(table for table in touched if kept.differs(table))
            transaction.set_rollback(True)
        judge(case, answer, changed, tally)
    return tally


def noted_view(case: Case) -> bool:
    """Whether it is a page of evidence, opened by somebody who audits: that is recorded."""
    audits = any("A" in letters for letters in case.principal.held.values())
    return case.method == "GET" and case.route in EVIDENCE and audits


def ask(case: Case, world: World) -> HttpResponse:
    """The answer of the application."""
    side = world.sides[case.side]
    client, path = case.principal.client, address(case.route, side)
    client.raise_request_exception = False
    before = client.cookies.copy()
    try:
        call = getattr(client, case.method.lower())
        posts = case.method == "POST" and case.route in ROUTES
        answer: HttpResponse = call(path, body(case.route, side, world)) if posts else call(path)
    finally:
        client.cookies = before
    return answer


def judge(case: Case, answer: HttpResponse, changed: list[str], tally: Tally) -> None:
    """What is wrong with an answer, added to the tally."""
    status, expected = answer.status_code, expects(case)
    told = f"{case}: {status}, the table says {' or '.join(map(str, expected))}"
    may_write = case.method == "POST" and expected == DONE
    if case.route in TAKES_AND_RECORDS and case.method == "GET" and PAGE[0] in expected:
        may_write = True
    if noted_view(case):
        if expected == PAGE and is_success(answer) and LEDGER not in changed:
            tally.leaks.append(f"{case}: {status}, and the ledger does not have the auditor's view")
        changed = [table for table in changed if table != LEDGER]
    if changed and not may_write:
        tally.leaks.append(f"{case}: {status} changed {', '.join(changed)}")
    if is_success(answer) and not any(code in expected for code in DONE):
        tally.leaks.append(told)
    elif status not in expected:
        tally.wrong.append(told)
    elif may_write and not changed and case.route not in CHANGES_NOTHING:
        tally.wrong.append(f"{case}: {status}, and nothing was changed")
    text = text_of(answer)
    if case.route in DIRECTORY:
        text = ENDPOINT.sub("", text)
    tally.leaks.extend(f"{case}: {status} names {word}" for word in foreign(case) if word in text)


ENDPOINT: Final = re.compile(rf"\b(?:{OURS}|{THEIRS})-(?:app-01|data-01)\b")
# their POST shows something
CHANGES_NOTHING: Final = frozenset({"import", "pack_verify", "bulk_decide", "recertify_check", "findings_acknowledge"})


def expects(case: Case) -> tuple[int, ...]:
    """The statuses that the table allows."""
    row = ROUTES.get(case.route)
    if row is None:
        return expects_of_account(case)
    post = case.method == "POST"
    if case.route in ("push", "metrics"):
        return (401, 403, *NO_METHOD)  # nobody's session opens it, and no token of less than every system
    if case.route in ("filter_forget", "kept_forget") and case.principal.signed_in and case.method == "POST":
        return HIDDEN
    if case.route == "readyz":
        return (200, 503, *NO_METHOD)  # as the machine is, to whoever asks
    if row.open and case.method in ("GET", "HEAD", "POST"):
        return (200, 410)
    if case.method not in ("GET", "HEAD", "POST"):
        return NO_METHOD
    if not case.principal.signed_in:
        return TO_THE_DOOR
    letters = row.does if post else row.sees
    if case.route == "home":
        return (302,) if not post else (302, 405)
    if case.route in TAKES_AND_RECORDS and case.method == "HEAD":
        return NO_METHOD
    if letters is None:
        return page(case, row, NO_METHOD) if post and row.sees else NO_METHOD
    if post and case.principal.stale and case.route in STEP_UP:
        return TO_CONFIRM
    if may(case, row, letters):
        return DONE if post else PAGE
    return refusal(case, row)


def page(case: Case, row: Row, otherwise: tuple[int, ...]) -> tuple[int, ...]:
    """A POST to a page that has none: refused, or answered as GET would be. It changes nothing either way."""
    return otherwise + (PAGE if row.everybody or may(case, row, row.sees or "") else refusal(case, row))


def refusal(case: Case, row: Row) -> tuple[int, ...]:
    """Foreign objects do not exist (404); what is one's own, but not for one's role, is forbidden (403)."""
    if row.thing == "system" and case.method == "POST":
        return (*FORBIDDEN, 422)  # the form does not offer the system: an answer that is no choice, or no form at all
    if row.thing and row.thing != "system" and not case.principal.held.get(case.side):
        return HIDDEN
    return FORBIDDEN


def may(case: Case, row: Row, letters: str) -> bool:
    """Whether the table lets this principal."""
    if row.everybody and case.method != "POST":
        return True
    principal, held = case.principal, case.principal.held
    mine = principal.asked == case.side
    if row.four_eyes and mine:
        return False
    if ASKER in letters and mine:
        return True
    if row.whole:
        return all(set(letters) & set(held.get(side, "")) for side in (OURS, THEIRS))
    scopes = [case.side] if row.thing else list(held)
    if row.thing == "system" and case.method != "POST":
        scopes = list(held)  # the form is shown to who may for any system; for which one is decided on POST
    return any(set(letters) & set(held.get(side, "")) for side in scopes)


def expects_of_account(case: Case) -> tuple[int, ...]:
    """Ways in and one's own account: pages, forms sent back, or ways to the sign-in page; never a fault."""
    if case.route in OPEN_ACCOUNT or case.principal.signed_in:
        return (200, 302, 400, 403, 404, 405, 422, 429)
    return (302, 405)  # to the sign-in page


def is_success(answer: HttpResponse) -> bool:
    """Whether it was done or shown: 2xx, or a redirect onward that does not lead to the sign-in page."""
    if answer.status_code // 100 == 2:
        return True
    return answer.status_code // 100 == 3 and not answer.headers.get("Location", "").startswith(ASKS_WHO)


def foreign(case: Case) -> list[str]:
    """The words that must not stand in this answer, in small letters: those of systems where they hold nothing."""
    return [word for word in (OURS, THEIRS) if not case.principal.held.get(word)]


def text_of(answer: HttpResponse) -> str:
    """The whole answer as small letters, headers included."""
    content = b"".join(answer.streaming_content) if answer.streaming else answer.content  # type: ignore[attr-defined]
    headers = " ".join(f"{name}: {value}" for name, value in answer.headers.items())
    return f"{headers}\n{content.decode('utf-8', 'replace')}".lower()


@contextmanager
def watched() -> Iterator[set[str]]:
    """The tables that a statement wrote to, in here."""
    tables: set[str] = set()

    def look(execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
        written = WRITE.match(sql) if isinstance(sql, str) else None
        if written:
            tables.add(written.group(1).lower())
        return execute(sql, params, many, context)

    with connection.execute_wrapper(look):
        yield tables


class Kept:
    """Every table as it was before the walk."""

    def __init__(self) -> None:
        self.tables = {model._meta.db_table: rows(model._meta.db_table) for model in apps.get_models()}

    def differs(self, table: str) -> bool:
        """Whether a table is not what it was; one nobody knows is."""
        return table not in self.tables or rows(table) != self.tables[table]


def rows(table: str) -> list[tuple[Any, ...]]:
    """A table's content."""
    with connection.cursor() as cursor:
        cursor.execute(f'SELECT * FROM "{table}" ORDER BY 1')
        return list(cursor.fetchall())
