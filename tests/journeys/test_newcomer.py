"""A newcomer's path on the real thing: from an empty `./run` to the first signed pack, by the pages alone.

What is brought: two spreadsheets, and a directory with a folder of dumps for each host. Counted is every click: on
links, buttons, ticks and file choosers. Not counted: typing, choosing in a list by keyboard, pasting a one-time link.
Nothing is left out that four eyes ask for: one asks, two others agree, each with a second step of signing in.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from evidence.packs import verify
from tests.browser.test_second_factor import code_of
from tests.evidence.site import allow_in, allow_out, put
from tests.people import PASSWORD

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

ROOT = Path(__file__).resolve().parents[2]
FEWER_THAN = 40
PATIENCE_MS = 60_000
STARTS_WITHIN_S = 240  # with all that runs beside it in the suite
SERVERS = """Hostname;IP Address;Application;Network zone;Function
web-01;10.30.1.11;Payroll;app;web
web-02;10.30.1.12;Payroll;app;web
db-01;10.30.2.21;Payroll;data;database
old-fax;10.30.2.99;Payroll;data;fax
"""
CONNECTIONS = """Src,Dst,Port,Why
web-01,db-01,tcp/5432,The pages show the hours of all staff
web-02,db-01,tcp/5432,The pages show the hours of all staff
"""


@pytest.fixture
def started(tmp_path: Path) -> Iterator[str]:
    """Everything as `./run` starts it, on an empty folder; gives the one-time link it prints."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("EASTWEST_", "DATABASE_URL"))}
    environment |= {"EASTWEST_VAR": str(tmp_path / "var"), "EASTWEST_PORT": str(port)}
    log = tmp_path / "said"
    with log.open("w") as said:
        running = subprocess.Popen(
            [sys.executable, "-m", "compliance.project", "start"], cwd=ROOT, env=environment, stderr=said
        )
        try:
            deadline = time.monotonic() + STARTS_WITHIN_S
            while not (found := re.search(r"Set it up, once, within a day: (\S+)", log.read_text())):
                assert running.poll() is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.2)
            yield found[1]
        finally:
            running.send_signal(signal.SIGINT)
            running.wait(timeout=30)


class Newcomers:
    """The people with a browser each, and their clicks together."""

    def __init__(self, browser: Browser, place: Path) -> None:
        self.browser, self.place, self.clicks, self.path = browser, place, 0, []

    def open(self, link: str) -> Page:
        """A browser of one's own, with the link one was given pasted into it."""
        page = self.browser.new_context().new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.goto(link)
        return page

    def click(self, one: Locator) -> None:
        """One click, counted."""
        self.clicks += 1
        self.path.append(" ".join(one.inner_text().split()) or one.get_attribute("value") or "a file")
        one.click()

    def button(self, page: Page, name: str | re.Pattern[str]) -> None:
        """A button, and the page after it."""
        one = page.get_by_role("button", name=name)
        with page.expect_navigation():
            self.click(one)

    def link(self, page: Page, name: str | re.Pattern[str]) -> None:
        """A link, and the page after it."""
        with page.expect_navigation():
            self.click(page.locator("main").get_by_role("link", name=name))

    def bring(self, page: Page, file: str, text: str) -> None:
        """Chooses a file: one click on the chooser."""
        (self.place / file).write_text(text)
        with page.expect_file_chooser() as chooser:
            self.click(page.locator("main input[type=file]"))
        chooser.value.set_files(self.place / file)


def password(page: Page) -> None:
    """A password of one's own, twice."""
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("The same again").fill(PASSWORD)


def administer(us: Newcomers, page: Page) -> dict[str, str]:
    """The administrator: who there is, the system, its zones. Gives the links of the people."""
    page.get_by_label("Your name").fill("Alex Tran")
    page.get_by_label("Your mail address").fill("alex@newcomer.example")
    page.get_by_label("Your organisation").fill("Newcomer Affairs")
    password(page)
    us.button(page, "Set up")
    assert "No request for any system can be approved yet" in page.inner_text("main"), "said now, not at the first one"
    us.link(page, "People and roles")
    links = {}
    for name, role in (("Erin Walsh", "Engineer"), ("Omar Haddad", "System owner"), ("Mina Kowalski", "Manager who")):
        page.get_by_label("Name", exact=True).fill(name)
        page.get_by_label("Mail address").fill(f"{name.split()[0].lower()}@newcomer.example")
        options = page.get_by_label("Role").locator("option").all_inner_texts()
        page.get_by_label("Role").select_option(label=next(one for one in options if one.startswith(role)))
        us.button(page, "Add the person")
        links[name.split()[0]] = page.locator("code.reference").inner_text()
    us.link(page, "Back to set-up")
    us.link(page, "Systems")
    page.get_by_label("Name", exact=True).fill("Payroll")
    page.get_by_label("Organisation").select_option(label="Newcomer Affairs")
    page.get_by_label("System owner").select_option(label="Omar Haddad")
    us.button(page, "Add the system")
    us.link(page, "Zones")
    for name, prefix, how in (("app", "10.30.1.0/24", "Add it, and another"), ("data", "10.30.2.0/24", "Add the zone")):
        page.get_by_label("Name", exact=True).fill(name)
        page.get_by_label("System").select_option(label="Payroll")
        page.get_by_label("Prefixes").fill(prefix)
        us.button(page, how)
    return links


def engineer(us: Newcomers, page: Page, dumps: Path) -> None:
    """The engineer: the two spreadsheets, and a source for each host at once."""
    password(page)
    us.button(page, "Set up")
    us.link(page, "Servers")
    us.bring(page, "servers.csv", SERVERS)
    us.button(page, "See what would happen")
    us.button(page, "Import 4 rows")
    us.link(page, re.compile("^Next: Connections"))
    us.bring(page, "connections.csv", CONNECTIONS)
    us.button(page, "See what would happen")
    us.button(page, "Import 2 rows")
    us.link(page, re.compile("^Next: Sources"))
    us.link(page, "A folder with a folder for each host")
    page.get_by_label("Folder", exact=True).fill(str(dumps))
    us.button(page, "See what lies there")
    assert "Servers without any source" in page.inner_text("main"), "old-fax brought no dumps, and that is said"
    us.button(page, "Add 3 sources")


def approver(us: Newcomers, page: Page) -> None:
    """Who decides: a password, a second step, and both requests of one rating, read on one page."""
    password(page)
    us.button(page, "Set up")
    page.get_by_label("Authenticator code").fill(code_of(page.get_by_label("Secret").input_value()))
    us.button(page, "Turn it on")
    us.link(page, "Go on")
    us.link(page, re.compile("^Check 2 of"))
    us.click(page.get_by_label("I agree to each of them"))
    page.locator("#id_because").fill("Agreed with the team.")
    us.button(page, "Do it for each")
    assert "2 of 2 done" in page.inner_text("main")


def test_from_nothing_to_the_first_signed_pack(browser: Browser, started: str, tmp_path: Path) -> None:
    us, dumps = Newcomers(browser, tmp_path), tmp_path / "dumps"
    for number in (11, 12):
        put(dumps / f"web-0{number - 10}", allow_out("10.30.2.21", "5432"))
    put(dumps / "db-01", *(allow_in(f"10.30.1.{number}", "5432") for number in (11, 12)))

    links = administer(us, us.open(started))
    engineer(us, us.open(links["Erin"]), dumps)
    approver(us, us.open(links["Omar"]))
    mina = us.open(links["Mina"])
    approver(us, mina)
    with mina.expect_navigation():
        us.click(mina.get_by_role("navigation").get_by_role("link", name="Audit packs"))
    us.button(mina, re.compile("Build signed pack"))
    built = mina.get_by_role("link", name=re.compile("Download pack"))
    built.wait_for(timeout=120_000)
    with mina.expect_download() as download:
        us.click(built)
    download.value.save_as(tmp_path / "pack.zip")

    report = verify.verify(tmp_path / "pack.zip")
    assert report.ok, report.members
    print(f"\nfrom nothing to the first signed pack: {us.clicks} clicks\n  {' · '.join(us.path)}")
    assert us.clicks < FEWER_THAN, us.path
    page = us.open(started.partition("/setup/")[0])
    assert "/accounts/login/" in page.url
