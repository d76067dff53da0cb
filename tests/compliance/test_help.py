"""The documentation inside the application: safe, whole, and nothing but docs/."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import Client

from compliance.views import help_pages
from evidence.rules import Verdict
from tests.people import everybody


@pytest.fixture
def rita() -> Client:
    """A browser in which Rita is signed in."""
    client = Client()
    client.force_login(everybody().rita)
    return client


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A page `roles/odd` of one's own making, in place of what is in docs/."""
    page = tmp_path / "odd.md"
    monkeypatch.setitem(help_pages.PAGES, "roles/odd", page)
    help_pages.shown.cache_clear()
    yield page
    help_pages.shown.cache_clear()


@pytest.mark.django_db
def test_every_page_of_the_documentation_is_shown(rita: Client) -> None:
    assert "How a change moves" not in rita.get("/help/").content.decode()  # that page stays its own
    for name in help_pages.PAGES:
        answer = rita.get(f"/help/{name}/".replace("README/", ""))
        assert answer.status_code == 200, name
        assert answer.content.decode().count("<h1") == 1, name
    assert "How a change moves" in rita.get("/help/changes/").content.decode()


@pytest.mark.django_db
def test_nothing_else_is_shown(rita: Client) -> None:
    for name in ("nothing", "../README", "..%2fREADME", "%2e%2e/compliance/urls", "/etc/passwd", "verdicts.md"):
        assert rita.get(f"/help/{name}/", follow=True).status_code == 404, name


@pytest.mark.django_db
def test_who_is_not_signed_in_signs_in_first() -> None:
    answer = Client().get("/help/verdicts/")
    assert answer.status_code == 302
    assert "/accounts/login/" in answer.headers["Location"]


def test_a_page_runs_nothing(written: Path) -> None:
    written.write_text(
        "# Odd <script>alert(1)</script>\n\n<img src=x onerror=alert(1)>\n\n[go](javascript:alert(1)) "
        "[data](data:text/html,x) ![picture](../pictures/evidence.png)\n\n```html\n<script>alert(2)</script>\n```\n"
    )
    html = help_pages.shown("roles/odd").html
    for word in ("<script", "<img", 'href="javascript', 'href="data'):
        assert word not in html
    assert "&lt;script&gt;alert(2)" in html  # said, not run


def test_links_lead_to_where_pages_are_shown(written: Path) -> None:
    written.write_text(
        "# Links\n\n[a](../verdicts.md#three-rules) [b](engineer.md) [c](../README.md) [d](https://example.org/) "
        "[e](../../SECURITY.md) [f](#links) [g](../nothing.md) [h](README.md)\n\n"
        "## `EASTWEST_VAR`, and more\n\n## Links\n"
    )
    html = help_pages.shown("roles/odd").html
    for link in (
        "/help/verdicts/#three-rules",
        "/help/roles/engineer/",
        "/help/",
        "/help/roles/",
        "https://example.org/",
        "#links",
    ):
        assert f'href="{link}"' in html
    assert "SECURITY" not in html  # not shown here: words, and no broken link
    assert "nothing.md" not in html
    assert '<h2 id="eastwest_var-and-more">' in html
    assert '<h2 id="links-1">' in html


def test_every_verdict_has_a_page_to_lead_to() -> None:
    assert [verdict for verdict in Verdict if f"verdicts/{verdict.value}" not in help_pages.PAGES] == []
