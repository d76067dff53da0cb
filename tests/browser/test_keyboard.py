"""By keyboard alone: an approval, and a review from its opening to the second signature. The focus stays in sight."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from compliance.models import Approval, ChangeRecord
from evidence.models import Comparison, Finding
from reviews import actions
from reviews.models import Decision, Review
from tests.browser.session import cookie
from tests.browser.test_second_factor import aside
from tests.factories import asked, network, servers
from tests.people import People, everybody

if TYPE_CHECKING:
    from playwright.sync_api import Page

FOCUSED = """() => {
  const at = document.activeElement, label = at.labels?.[0], style = getComputedStyle(at);
  const field = at.matches("input, select, textarea");
  return {
    name: (label ?? at).innerText.trim().replace(/\\s+/g, " "), tag: at.tagName, field,
    seen: style.outlineStyle !== "none" || style.boxShadow !== "none",
  };
}"""
FARTHEST = 160  # presses of Tab: no page is so long that a button is farther


@pytest.fixture
def people(monkeypatch: pytest.MonkeyPatch, transactional_db: None) -> People:
    """The organisation, in an estate of three servers."""
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")

    def make() -> People:
        made = everybody()
        servers(made)
        return made

    return aside(make)


def signed_in(page: Page, person: Any, path: str) -> None:
    """A page, as this person has it."""
    site = page.context.request.get("/healthz").url.removesuffix("/healthz")
    page.context.clear_cookies()
    page.context.add_cookies([{"name": "sessionid", "value": aside(lambda: cookie(person)), "url": site}])
    page.goto(path)


def reach(page: Page, name: str) -> None:
    """Tab by Tab to the field, button or link of that name (a pattern), which then shows that it has the focus."""
    for _ in range(FARTHEST):
        page.keyboard.press("Tab")
        at = page.evaluate(FOCUSED)
        if re.search(name, at["name"]):
            assert at["seen"], f"nobody sees that {at['name']!r} has the focus"
            return
    raise AssertionError(f"{name!r} is not reached by Tab on {page.url}")


def enter(page: Page) -> None:
    """What has the focus is pressed, and the page that comes of it is there."""
    with page.expect_navigation():
        page.keyboard.press("Enter")


def choose(page: Page, option: str) -> None:
    """With the arrows, in the list that has the focus."""
    for _ in range(12):
        if page.evaluate("() => document.activeElement.selectedOptions[0].label") == option:
            return
        page.keyboard.press("ArrowDown")
    raise AssertionError(f"{option!r} is not offered")


def test_a_change_is_approved_by_keyboard_alone(page: Page, people: People) -> None:
    first, second = aside(lambda: (asked(people), asked(people, network("pay-app-01", "pay-db-01", "tcp/6432"))))
    signed_in(page, people.omar, "/inbox/")
    for key in ("j", "k", "j", "x"):
        page.keyboard.press(key)
    chosen = page.locator("li.chosen")
    assert chosen.count() == 1
    ref = second.ref if second.ref in chosen.inner_text() else first.ref
    page.locator(f"main .crumb:has-text('{ref}')").wait_for()
    assert chosen.locator("input[type=checkbox]").is_checked()
    page.keyboard.press("a")
    page.wait_for_url(f"**/{ref}/approve/**")
    assert aside(Approval.objects.count) == 0, "no key decides anything"
    reach(page, "note|Why|because")
    page.keyboard.type("Read; the pay run needs it.")
    reach(page, "^Approve")
    enter(page)
    approval = aside(lambda: Approval.objects.select_related("needed__change").get())
    assert (approval.needed.change.ref, approval.because) == (ref, "Read; the pay run needs it.")
    state = aside(lambda: ChangeRecord.objects.get(pk=approval.needed.change_id).state)
    assert state == "submitted", "Mina's is wanted too"


def test_a_review_is_opened_minuted_and_signed_by_keyboard_alone(page: Page, people: People) -> None:
    review = aside(lambda: due(people))
    signed_in(page, people.mina, f"/reviews/{review.ref}/")
    for button in ("^Open the review", "^Open"):
        reach(page, button)
        enter(page)
    reach(page, "^Decision")
    while "stranger" not in page.evaluate("() => document.activeElement.closest('li').innerText"):
        reach(page, "^Decision")
    choose(page, "To be mended")
    reach(page, "^Minutes")
    page.keyboard.type("Erin asks whose it is, by Friday.")
    reach(page, "^Save$")
    page.keyboard.press("Enter")
    page.get_by_text("Saved").first.wait_for()
    for name in ("^Mina", "^Omar"):
        reach(page, name)
        if not page.evaluate("() => document.activeElement.checked"):
            page.keyboard.press("Space")
    reach(page, "^Save who is present")
    enter(page)
    for button in ("^Note the rest", "^Keep and note them all"):  # what nobody spoke of
        reach(page, button)
        enter(page)
    sign(page, "^Sign…")
    signed_in(page, people.omar, f"/reviews/{review.ref}/")
    sign(page, "^Sign as the second")
    done = aside(lambda: Review.objects.get(pk=review.pk))
    assert done.state == "closed"
    said = aside(lambda: Decision.objects.exclude(note="").get())
    assert (said.what, said.note) == ("fix", "Erin asks whose it is, by Friday.")


def due(people: People) -> Review:
    """A review that is due today, with one finding for its agenda."""
    now = timezone.now()
    comparison = Comparison.objects.create(published=True, at=now - timedelta(hours=1))
    Finding.objects.create(
        fingerprint="stranger", verdict="unknown_server", certainty="definite", severity="medium", subject="stranger",
        because="Nobody registered it.", system=people.payroll, comparison=comparison, first_seen=comparison.at,
        last_seen=comparison.at,
    )  # fmt: skip
    return actions.add_review(people.payroll, due_at=now, chair=people.mina, by=people.mina)


def sign(page: Page, button: str) -> None:
    """From the review to the page that asks once more, and through it."""
    reach(page, button)
    enter(page)
    reach(page, "^Sign$")
    enter(page)
