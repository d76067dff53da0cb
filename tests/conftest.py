"""What every test may ask for: a broker, a stack, a browser; and an honest list of what this machine could not run."""

from __future__ import annotations

import gc
import os
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.template import Template
from django.test import TransactionTestCase
from hypothesis import settings as drawn

from tests import beside, chromium
from tests.own_var import VAR

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser, Page

LONG_RUN = 3000  # tests: more than the house has, of which each page of the documentation is several
ON_POSTGRESQL = "test_both_on_postgresql"


# A machine that does other things as well is no fault of the code: speed is measured in benchmarks, never by a test
drawn.register_profile("untimed", deadline=None)
drawn.load_profile("untimed")


@pytest.fixture(scope="session")
def own_var() -> Path:
    """The var/ of this test run."""
    return VAR


@pytest.fixture(autouse=True)
def no_ledger_yet() -> None:
    """A test begins with an empty database, and so without a log: the mark beside the keys is of the test before it.

    To the application an empty log beside that mark is one that somebody emptied.
    """
    (VAR / "keys" / "ledger" / "begun").unlink(missing_ok=True)


@pytest.fixture
def as_it_runs(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """For a walk, pages as everybody else gets them: the counts of the menu are kept for some seconds (own_var.py), and
    of what a template was given no copy is made for a test that might ask."""
    from compliance.views import keeping

    settings.NAV_KEPT_S = 10
    monkeypatch.setattr(Template, "_render", lambda self, context: self.nodelist.render(context))
    keeping.forget()
    yield
    keeping.forget()


@pytest.fixture(scope="session", autouse=True)
def emptied_is_not_migrated() -> Iterator[None]:
    """The tables that a test emptied behind it have seen no migration: what follows one is not done for each test."""

    def empty(_: TransactionTestCase) -> None:
        if connection.vendor == "postgresql":
            delete_rows()
            return
        call_command(
            "flush", verbosity=0, interactive=False, reset_sequences=False, allow_cascade=False,
            inhibit_post_migrate=True,
        )  # fmt: skip

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", empty)
        yield


def delete_rows() -> None:
    """Empties the tables that have rows. TRUNCATE makes the files of every table and index anew, some five hundred."""
    names = [connection.ops.quote_name(one) for one in connection.introspection.django_table_names(only_existing=True)]
    held = " UNION ALL ".join(f"(SELECT '{name}' WHERE EXISTS (SELECT 1 FROM {name}))" for name in names)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")  # in any order, and rows that are kept for good
        cursor.execute(held)
        for [name] in cursor.fetchall():
            cursor.execute(f"DELETE FROM {name}")


@pytest.fixture(scope="session")
def broker_url(own_var: Path) -> Iterator[str]:
    """A real Valkey on the socket the settings name, without workers. Gives its address for redis-py."""
    from compliance.project import broker
    from compliance.project.supervise import running_stack

    with running_stack(own_var, {"broker": broker.server_command(own_var)}):
        yield broker.redis_url(own_var)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The distribution's Chromium, for one file: its driver runs a loop in this thread, which others need too."""
    program = chromium.program()
    if program is None:
        pytest.skip("Chromium is not installed: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=program, args=chromium.OPTIONS)
        yield started
        started.close()


@pytest.fixture
def page(browser: Browser, live_server: object) -> Iterator[Page]:
    """A fresh page (1440 × 900, no cookies) whose relative addresses lead to the live server."""
    context = browser.new_context(
        base_url=str(live_server),
        locale="en-AU",
        timezone_id="Australia/Sydney",
        viewport={"width": 1440, "height": 900},
    )
    context.set_default_timeout(15_000)
    yield context.new_page()
    context.close()


def pytest_itemcollected(item: pytest.Item) -> None:
    """Whole folders go on beside a long run, so that all processes end at about the same time."""
    if mark := beside.mark_of(item.path):
        item.add_marker(mark)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test that asks for the browser is a browser test, marked or not. What goes on beside a long run is its end."""
    for item in items:
        if "browser" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.browser)
    if len(items) > LONG_RUN:
        items.sort(key=lambda item: (beside.run_of(item) != "", item.name == ON_POSTGRESQL))


def pytest_collection_finish(session: pytest.Session) -> None:
    """The lanes beside a long run begin with it. What was loaded until here stays: Python need not look it through
    for rubbish again and again, in the middle of what a test counts the processor time of."""
    gc.collect()
    gc.freeze()
    chosen = any(item.name == ON_POSTGRESQL for item in session.items)
    if (
        chosen
        and len(session.items) > LONG_RUN
        and not session.config.option.collectonly
        and not os.environ.get("DATABASE_URL")
    ):
        beside.begin()


def pytest_runtest_protocol(item: pytest.Item) -> bool | None:
    """A test that ran in a lane beside this process: what was reported of it there."""
    if not beside.has_begun() or not beside.run_of(item):
        return None  # else no other follows it: what the one before it left to the next is taken down at the end
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    for report in beside.reports(item):
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


class Noting:
    """A plugin of a lane beside a long run: each report is kept for it."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        beside.note(self.config, report)


def pytest_configure(config: pytest.Config) -> None:
    if os.environ.get(beside.REPORTS):
        config.pluginmanager.register(Noting(config))


def pytest_sessionfinish() -> None:
    gc.unfreeze()  # else libraries complain behind the last line of what is left at the end
    beside.stop()


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Before the last line: how PostgreSQL went, and what did not run on this machine and why, one line each."""
    tell = terminalreporter.write_line
    for outcome in ("passed", "failed"):
        for report in terminalreporter.stats.get(outcome, []):
            for name, said in getattr(report, "user_properties", []):
                if name == "postgresql":
                    tell(f"PostgreSQL: {said}")
    skipped = terminalreporter.stats.get("skipped", [])
    reasons = Counter(report.longrepr[2].removeprefix("Skipped: ") for report in skipped)
    if reasons:
        terminalreporter.section("not run on this machine")
    for reason, count in sorted(reasons.items()):
        tell(f"{count} {'test' if count == 1 else 'tests'}: {reason}")
