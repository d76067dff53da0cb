"""Every page of the app, opened by somebody it is for: no error, nothing wider than the screen, nothing axe objects to.

Light at 1440 px and dark at 390 px, on the sample organisation after a comparison and a pack. axe, which takes most of
the time, is asked at one of the two, at every other page of the table at the other. `./run looks FOLDER` asks it at all
four looks of every page and keeps a picture of each. The table is held against the URL configuration: a new page
without a row fails by name.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import pytest
from django.test import Client
from django.urls import Resolver404, URLPattern, get_resolver, resolve

from tests.browser.axe import Axe
from tests.browser.conftest import person
from tests.browser.pages import ASKS, FILE, GONE, LEADS_ON, OTHERS, PAGES, POSTS_ONLY, Row
from tests.browser.session import cookie

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

Looks = tuple[tuple[int, str], ...]  # how wide, and whether light or dark
INTO: Final = os.environ.get("LOOKS_INTO", "")  # ./run looks: all four looks, each kept as a picture in this folder
FEW: Final = ((1440, "light"), (390, "dark"))
LOOKS: Final[Looks] = (*FEW, (1440, "dark"), (390, "light")) if INTO else FEW


def routes(patterns: list[Any]) -> Iterator[str]:
    """The name of every route the front door knows."""
    for pattern in patterns:
        if isinstance(pattern, URLPattern):
            if pattern.name:  # old addresses of a library have none: they lead to the new ones
                yield pattern.name
        else:
            yield from routes(pattern.url_patterns)


def route_of(address: str) -> str:
    """The name of the route that answers an address; "" where none does."""
    try:
        return str(resolve(urlsplit(address).path).url_name)
    except Resolver404:
        return ""


def test_every_route_has_a_row_or_says_why_not() -> None:
    known = {name for name in routes(get_resolver().url_patterns) if not name.startswith("api_")}  # no pages
    shown = {row.route for row in PAGES if row.status == 200 or row.route == "setup_link"} - {""}
    assert not known - shown - set(OTHERS), "give these pages a row in tests/browser/pages.py"
    assert not (shown | set(OTHERS)) - known, "these rows speak of routes that are gone"
    assert not shown & set(OTHERS), "a page with a row needs no exemption"


def pages_without_a_row(references: dict[str, object]) -> Iterator[str]:
    """What is wrong with the exemptions: each is opened and must answer as it says."""
    for name, (who, address, instead) in OTHERS.items():
        client = Client()
        if who:
            client.cookies["sessionid"] = cookie(person(who))
        path = address.format(**references)
        answer = client.get(path)
        html = answer.headers.get("Content-Type", "").startswith("text/html")
        found = {405: POSTS_ONLY, 401: ASKS, 404: GONE, 302: LEADS_ON, 301: LEADS_ON}.get(answer.status_code, "a page")
        found = FILE if answer.status_code in (200, 503) and not html else found
        if found != instead:
            yield f"{name}: {path} answers with {found} ({answer.status_code}), not {instead}"
        if instead != GONE and route_of(path) != name:
            yield f"{name}: {path} belongs to {route_of(path) or 'nobody'}"


@pytest.mark.beside
@pytest.mark.usefixtures("as_it_runs")
def test_every_page_is_whole_narrow_enough_and_accessible(
    browser: Browser, live_server: Any, references: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    break_one_search(monkeypatch)
    context = browser.new_context(base_url=str(live_server), reduced_motion="reduce")
    context.set_default_timeout(15_000)
    Axe.ready(context)
    axe, page, said = Axe(), context.new_page(), []  # one for all: each begins with an address of its own
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    wrong = list(pages_without_a_row(references))
    for row in PAGES:
        context.clear_cookies()
        if row.who:
            fresh = cookie(person(row.who))  # of now: some pages ask for a sign-in of the last minutes
            context.add_cookies([{"name": "sessionid", "value": fresh, "url": str(live_server)}])
        said.clear()
        found = faults(page, axe, said, row, references)
        wrong.extend(f"{row.route or row.address} ({row.status}): {text}" for text in found)
    context.close()
    assert not wrong, "\n".join(wrong)


def break_one_search(monkeypatch: pytest.MonkeyPatch) -> None:
    """Searching the servers for "fault" ends in an error nobody foresaw, so that its page can be seen."""
    from compliance.views import servers

    whole = servers.filters

    def broken(request: Any, *rest: Any) -> Any:
        if request.GET.get("q") == "fault":
            raise RuntimeError("asked for by a test")
        return whole(request, *rest)

    monkeypatch.setattr(servers, "filters", broken)


def faults(page: Page, axe: Axe, said: list[str], row: Row, references: dict[str, object]) -> Iterator[str]:
    """Opens one row's page, does what the row says, and looks at it both ways. `said`: the errors on the console."""
    page.set_viewport_size({"width": 1440, "height": 900})
    page.emulate_media(color_scheme="light")
    answer = page.goto(row.address.format(**references))
    if row.act:
        answer = row.act(page)
    if answer is None or answer.status != row.status:
        yield f"status {answer.status if answer else 'none'}"
    if row.route != route_of(page.url):
        yield f"shows {page.url}, which is {route_of(page.url) or 'nobody'}'s page"
    yield from (text for text in said if row.status == 200 or not text.startswith("Failed to load resource"))
    number = PAGES.index(row)
    asked = LOOKS if INTO else LOOKS[number % 2 : number % 2 + 1]
    yield from looks(page, axe, f"{number:03}-{row.route or row.status}", asked)


def looks(page: Page, axe: Axe | None = None, name: str = "", asked: Looks = LOOKS) -> Iterator[str]:
    """What is wrong with the page as it stands: wider than the screen at any look, or an objection of axe's.

    With a `name` and a folder for them, each look is kept as a picture. `axe`: what saw the pages before this one.
    `asked`: the looks at which it is asked.
    """
    axe = axe or Axe()
    for width, theme in LOOKS:
        if (page.viewport_size or {}).get("width") != width:
            page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
        if name and INTO:
            page.screenshot(path=f"{INTO}/{name}-{width}-{theme}.png", full_page=True)
        if page.evaluate("document.documentElement.scrollWidth > window.innerWidth"):
            yield f"wider than the screen at {width} {theme}"
        for each in axe.objections(page, (width, theme)) if (width, theme) in asked else ():
            yield f"axe at {width} {theme}: {each['id']}: {each['nodes'][0]['html'][:160]}"
