"""The main job in a browser: asked for, approved by two, done, proven by the rules, reviewed, packed, taken away."""

from __future__ import annotations

import os
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from compliance.actions import jobs
from compliance.actions import people as accounts
from compliance.models import ChangeRecord, State, User
from evidence.models import PackDownload, Verification
from evidence.packs import verify
from reviews import actions as meetings
from reviews.models import Review
from tests.browser.session import cookie
from tests.evidence.site import APP, DATA, allow_in, allow_out, put, source_of
from tests.factories import servers
from tests.people import PASSWORD, People, everybody

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.both, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def beside_a_browser(monkeypatch: pytest.MonkeyPatch) -> None:
    """The browser's driver runs a loop in this thread; the database is used from it all the same."""
    monkeypatch.setitem(os.environ, "DJANGO_ALLOW_ASYNC_UNSAFE", "true")


def become(page: Page, person: User) -> None:
    """A session of that person in the browser."""
    page.context.clear_cookies()
    page.context.add_cookies([{"name": "sessionid", "value": cookie(person), "url": base(page)}])


def base(page: Page) -> str:
    """The live server's address."""
    return str(page.evaluate("location.origin")) if page.url.startswith("http") else ADDRESS[0]


ADDRESS: list[str] = []


def work_off() -> None:
    """Every job that waits, in a thread of its own: the browser's driver has a loop running in this one."""

    def work() -> None:
        try:
            jobs.work_off()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as worker:
        worker.submit(work).result(timeout=120)


def sign_in(page: Page, person: User) -> None:
    """Through the page, with the password set by a one-time link."""
    accounts.use_link(accounts.set_up_link(person, by=None), PASSWORD)
    page.goto("/accounts/login/")
    page.get_by_label(re.compile("mail", re.I)).fill(person.email)
    if not page.get_by_label("Password", exact=True).is_visible():
        page.get_by_role("button", name=re.compile("continue|sign in|next", re.I)).first.click()
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name=re.compile("sign in", re.I)).first.click()
    page.wait_for_url("**/evidence/**")


def ask(page: Page) -> ChangeRecord:
    """Rita fills the form, checks her answers, and sends."""
    page.goto("/requests/new/")
    page.get_by_label("In a few words").fill("The pay run reads the hours")
    page.get_by_label("System", exact=True).select_option(label="Payroll")
    page.get_by_label("From", exact=True).select_option("pay-app-01")
    page.get_by_label("To", exact=True).select_option("pay-db-01")
    page.get_by_label(re.compile("^Services")).fill("tcp/5432")
    page.get_by_label("Business need").fill("The pay run reads the hours of all staff each night.")
    page.get_by_label("Security implications").fill("Read only, one service, from one server.")
    page.get_by_label("Review by").fill((timezone.localdate() + timedelta(days=300)).isoformat())
    page.get_by_role("button", name="Check your answers").click()
    page.get_by_role("heading", name="Check your answers").wait_for()
    page.get_by_role("button", name="Send for approval").click()
    page.get_by_text(re.compile(r"CHG-\d+")).first.wait_for()
    return ChangeRecord.objects.get()


def confirm(page: Page, path: str, button: str, note: str = "") -> None:
    """Opens a confirmation page and carries the verb out."""
    page.goto(path)
    if note:
        page.locator("textarea").first.fill(note)
    page.get_by_role("button", name=button, exact=True).click()
    page.wait_for_load_state()


def test_from_a_request_to_a_pack_in_the_auditors_hands(page: Page, live_server: Any, tmp_path: Path) -> None:
    ADDRESS[:] = [str(live_server)]
    people = everybody()
    hosts = servers(people)
    app, data = put(tmp_path / "app"), put(tmp_path / "data")
    source_of(hosts["pay-app-01"], app, people)
    source_of(hosts["pay-db-01"], data, people)
    work_off()

    sign_in(page, people.rita)
    change = ask(page)
    own_request_cannot_be_approved(page, change)

    for person in (people.omar, people.mina):
        become(page, person)
        page.goto("/inbox/")
        page.get_by_role("link", name=re.compile("Approve as asked")).click()
        page.get_by_role("button", name="Approve", exact=True).click()
        page.wait_for_url(f"**/changes/{change.ref}/")
    change.refresh_from_db()
    assert change.state == State.APPROVED

    put(app, allow_out(DATA, "5432"))
    put(data, allow_in(APP, "5432"))
    become(page, people.erin)
    confirm(page, f"/changes/{change.ref}/implement/", "Mark as done")
    work_off()
    change.refresh_from_db()
    assert change.state == State.VERIFIED, Verification.objects.get().because
    page.goto(f"/changes/{change.ref}/")
    assert page.get_by_text("Verified").first.is_visible()

    from evidence.actions.compare import compare

    compare()
    hold_review(page, people)
    take_pack(page, people, tmp_path)


def own_request_cannot_be_approved(page: Page, change: ChangeRecord) -> None:
    """Rita sees no button, and what she posts by hand is refused."""
    page.goto(f"/changes/{change.ref}/")
    assert page.get_by_role("link", name=re.compile("Approve")).count() == 0
    answer = page.goto(f"/changes/{change.ref}/approve/")
    assert answer is not None
    assert answer.status == 403
    by_hand = Client()
    by_hand.cookies["sessionid"] = cookie(change.requested_by)
    assert by_hand.post(f"/changes/{change.ref}/approve/", {"because": "mine"}).status_code == 403
    change.refresh_from_db()
    assert (change.state, change.needs.filter(approval__isnull=False).count()) == (State.SUBMITTED, 0)


def hold_review(page: Page, people: People) -> None:
    """Mina opens the review, decides on every finding, and signs it off with Omar."""
    review = meetings.add_review(people.payroll, due_at=timezone.now(), chair=people.mina, by=people.mina)
    become(page, people.mina)
    confirm(page, f"/reviews/{review.ref}/open/", "Open the review")
    page.get_by_label("Omar Haddad").check()
    page.get_by_role("button", name="Save who is present").click()
    page.wait_for_load_state()
    for item in review.agenda.filter(kind="finding"):
        form = page.locator(f"#item-{item.position} form")
        form.get_by_label("Decision").select_option("fix")
        form.get_by_role("button", name="Save").click()
        page.locator(f"#saved-{item.position}", has_text="saved").wait_for()
    page.goto(f"/reviews/{review.ref}/sign/")
    page.get_by_role("button", name="Sign", exact=True).click()
    page.wait_for_url(f"**/reviews/{review.ref}/")
    become(page, people.omar)
    confirm(page, f"/reviews/{review.ref}/countersign/", "Sign")
    review.refresh_from_db()
    assert (review.state, len(review.minutes_hash)) == (Review.State.CLOSED, 64)


def take_pack(page: Page, people: People, place: Path) -> None:
    """Ada asks for the pack, and takes it away; it verifies, and the download is recorded."""
    become(page, people.ada)
    page.goto("/packs/")
    page.get_by_role("button", name=re.compile("Build signed pack")).click()
    page.wait_for_url("**/packs/PCK-*/")
    work_off()
    page.reload()
    with page.expect_download() as download:
        page.get_by_role("link", name=re.compile("Download pack")).click()
    kept = place / "pack.zip"
    download.value.save_as(kept)
    report = verify.verify(kept)
    assert report.ok, report.members
    assert report.counts["verdicts"]["implemented"] == 1
    assert PackDownload.objects.get().person == people.ada
