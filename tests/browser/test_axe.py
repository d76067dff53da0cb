"""What is left out of a look at a page hides nothing: whatever differs from what was seen is looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.browser.axe import Axe

if TYPE_CHECKING:
    from playwright.sync_api import Browser

PAGE = """<!doctype html><html lang="en"><head><title>A page</title><style>
body {{ color: #111; background: #fff }} .faint {{ color: #eee }} {css}</style></head>
<body><div class="app"><aside aria-label="Menu"><a href="/" {menu}>Home</a></aside><div><main><h1>A page</h1>
<table><thead><tr><th>Name</th></tr></thead><tbody>{rows}</tbody></table></main></div></div></body></html>"""
PLAIN = "<tr><td><span>db-01</span></td></tr>"
NAMED = '<tr><td><a href="/a" aria-label="The server"></a><label for="{0}">Name</label><input id="{0}"></td></tr>'


def ids(browser: Browser, *pages: dict[str, str]) -> list[list[str]]:
    """What axe objects to on these pages, one after the other."""
    axe, page = Axe(), browser.new_page()
    found = []
    for said in pages:
        page.set_content(PAGE.format(**{"rows": PLAIN * 8, "menu": "", "css": ""} | said))
        found.append([each["id"] for each in axe.objections(page, "light")])
    page.close()
    return found


@pytest.mark.parametrize(
    ("row", "wrong"),
    [
        ('<tr><td><span class="faint">db-01</span></td></tr>', "color-contrast"),
        ('<tr><td><span style="color: #eee">db-01</span></td></tr>', "color-contrast"),
        ('<tr><td class="faint"><span>db-01</span></td></tr>', "color-contrast"),
        ('<tr><td><span><a href="/x"></a></span></td></tr>', "link-name"),
        ('<tr><td><span>db-01</span><input type="text"></td></tr>', "label"),
        ('<tr><td><span role="nonsense">db-01</span></td></tr>', "aria-roles"),
    ],
)
def test_a_later_row_that_is_unlike_those_before_it_is_looked_at(browser: Browser, row: str, wrong: str) -> None:
    assert ids(browser, {}, {"rows": PLAIN * 7 + row}) == [[], [wrong]]


@pytest.mark.parametrize(
    ("of", "instead", "wrong"), [('"The server"', '""', "link-name"), ('for="i7"', 'for="i99"', "label")]
)
def test_what_stands_in_an_attribute_of_a_later_row_is_not_taken_for_granted(
    browser: Browser, of: str, instead: str, wrong: str
) -> None:
    whole = "".join(NAMED.format(f"i{number}") for number in range(8))
    before, last = whole[: whole.rindex("<tr>")], whole[whole.rindex("<tr>") :]
    assert of in last
    assert ids(browser, {"rows": whole}, {"rows": before + last.replace(of, instead)}) == [[], [wrong]]


def test_the_menu_is_looked_at_once_and_again_when_it_is_another(browser: Browser) -> None:
    faint = 'class="faint"'
    assert ids(browser, {}, {"menu": faint}, {"menu": faint}) == [[], ["color-contrast"], []]


def test_the_first_two_of_many_alike_are_looked_at(browser: Browser) -> None:
    striped = "tbody tr:nth-child(even) {{ background: #888 }} tbody tr:nth-child(even) span {{ color: #777 }}"
    assert ids(browser, {"css": striped.replace("{{", "{").replace("}}", "}")}) == [["color-contrast"]]
