"""What every template keeps: nothing inline (the CSP would stop it), nothing unescaped, no rating, no colour alone."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.template import engines

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
STYLES = sorted((ROOT / "static" / "css").glob("*.css"))
SCRIPTS = sorted((ROOT / "static" / "js").glob("*.js"))
PAGES = [
    path for path in TEMPLATES if not {"print", "emails"} & set(path.parts)
]  # packs and mails are rendered apart, with their own styles

INLINE = (
    (re.compile(r"<style\b", re.I), "a <style> element"),
    (re.compile(r"\sstyle=", re.I), "a style attribute"),
    (re.compile(r"\son[a-z]+=", re.I), "an on… attribute"),
    (re.compile(r"<script(?![^>]*\bsrc=)(?![^>]*application/json)", re.I), "an inline script"),
    (re.compile(r"(?:src|href)=[\"'](?:https?:)?//", re.I), "something from another host"),
)
UNESCAPED = re.compile(r"\|\s*safe\b|\{%\s*autoescape\s+off|mark_safe|\bhx-on")


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


# Templates that show fields and whose errors are summed up elsewhere, each with where
SUMMED_UP: dict[str, str] = {
    "templates/compliance/person_added.html": "its form is sent to the page that adds a person, which has the summary",
    "templates/parts/form_fields.html": "the fields alone: each page that includes them has the summary",
}


def test_every_form_has_a_summary_of_its_errors() -> None:
    fields = re.compile(r"parts/(?:form_fields|field)\.html")
    without = {named(path) for path in PAGES if fields.search(path.read_text())}
    without -= {named(path) for path in PAGES if "parts/error_summary.html" in path.read_text()}
    assert without == set(SUMMED_UP)


@pytest.mark.parametrize("path", PAGES, ids=named)
def test_pages_hold_nothing_inline_and_escape_everything(path: Path) -> None:
    text = path.read_text()
    found = [what for pattern, what in INLINE if pattern.search(text)]
    found += UNESCAPED.findall(text)
    assert not found


@pytest.mark.parametrize("path", [*TEMPLATES, *SCRIPTS], ids=named)
def test_the_interface_never_rates(path: Path) -> None:
    assert "compliant" not in path.read_text().lower()


@pytest.mark.parametrize("path", PAGES, ids=named)
def test_pages_compile(path: Path) -> None:
    engines["django"].get_template(str(path.relative_to(ROOT / "templates")))


@pytest.mark.parametrize("path", TEMPLATES, ids=named)
def test_no_comment_leaks_onto_the_page(path: Path) -> None:
    """Django's {# #} holds one line only; a longer one would be printed."""
    for line in path.read_text().splitlines():
        assert line.count("{#") == line.count("#}"), line


def test_styles_fetch_only_from_here_and_every_class_used_for_tone_is_styled() -> None:
    css = "".join(path.read_text() for path in STYLES)
    assert not re.search(r"url\(\s*[\"']?(?:https?:)?//|@import", css)
    for tone in ("ok", "warn", "bad", "off"):
        for family in (".status", ".banner", ".figure"):
            assert f"{family}.{tone}" in css
        assert f".tone-{tone}" in css


def test_every_token_used_is_defined() -> None:
    css = "".join(path.read_text() for path in STYLES)
    defined = set(re.findall(r"(--[a-z-]+)\s*:", css))
    assert set(re.findall(r"var\((--[a-z-]+)", css)) <= defined
