"""The documentation inside the application: docs/*.md of this very version, for whoever is signed in.

What can be shown is the literal list of files that lie in docs/ when the process starts: an address names one of them
or nothing, and never leads to a path of its own.
"""

from __future__ import annotations

import posixpath
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

import nh3
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.token import Token

DOCS: Final = Path(settings.BASE_DIR) / "docs"
INDEX: Final = "README"
PAGES: Final = {path.relative_to(DOCS).with_suffix("").as_posix(): path for path in sorted(DOCS.rglob("*.md"))}
TAGS: Final = {
    "a", "blockquote", "br", "code", "div", "em", "h1", "h2", "h3", "h4", "hr", "li", "ol", "p", "pre", "span",
    "strong", "table", "tbody", "td", "th", "thead", "tr", "ul",
}  # fmt: skip
ATTRIBUTES: Final = {
    **{tag: {"id"} for tag in ("h1", "h2", "h3", "h4")},
    "a": {"href"}, "pre": {"tabindex"}, "div": {"class", "role", "tabindex", "aria-label"},
}  # fmt: skip
ELSEWHERE: Final = ("https://", "http://", "mailto:", "#")


class Page(NamedTuple):
    """One page as it is shown."""

    title: str
    html: SafeString


def index(request: HttpRequest) -> HttpResponse:
    """Where to begin."""
    return page(request, INDEX)


def page(request: HttpRequest, name: str) -> HttpResponse:
    """One page of the documentation by its name (`roles/engineer`, `roles` for its index); 404 for anything else."""
    name = name if name in PAGES else f"{name}/{INDEX}"
    if name not in PAGES:
        raise Http404(name)
    return render(request, "compliance/help_page.html", {"page": shown(name), "is_index": name == INDEX})


@cache
def shown(name: str) -> Page:
    """The page as safe HTML: rendered without raw HTML, then cleaned. Worked out once, as the file does not change."""
    tokens = list(without_pictures(markdown().parse(PAGES[name].read_text(encoding="utf-8"))))
    title = next((token.content for token in after(tokens, "heading_open")), name)
    named = iter(anchors([token.content for token in after(tokens, "heading_open")]))
    for token in tokens:
        if token.type == "heading_open":
            token.attrSet("id", next(named))
        elif token.type == "fence":
            token.type, token.tag = "code_block", "pre"  # no class of a language: there is no script that reads it
        relink(token.children or [], name)
    made = MarkdownIt("commonmark").enable("table").renderer.render(tokens, markdown().options, {})
    made = made.replace("<table>", '<div class="scroll" role="group" tabindex="0" aria-label="Table"><table>')
    made = made.replace("</table>", "</table></div>").replace("<pre>", '<pre tabindex="0">')
    clean = nh3.clean(made, tags=TAGS, attributes=ATTRIBUTES, url_schemes={"https", "http", "mailto"})
    return Page(title.replace("`", ""), mark_safe(clean))  # noqa: S308  cleaned just now


def markdown() -> MarkdownIt:
    """The reader of the documentation: CommonMark with tables, and no raw HTML."""
    return MarkdownIt("commonmark", {"html": False}).enable("table")


def after(tokens: Sequence[Token], kind: str) -> Iterator[Token]:
    """What follows each token of a kind."""
    return (tokens[place + 1] for place, token in enumerate(tokens) if token.type == kind)


def anchors(headings: Sequence[str]) -> list[str]:
    """The anchor of each heading of one page, as code hosts make them: letters, numbers, `-` and `_`; twins counted."""
    seen: Counter[str] = Counter()
    found = []
    for heading in headings:
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
        plain = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
        found.append(f"{plain}-{seen[plain]}" if seen[plain] else plain)
        seen[plain] += 1
    return found


def relink(inline: Sequence[Token], name: str) -> None:
    """Links to pages lead to where they are shown; what is not shown here stays as words."""
    opened: list[Token] = []
    for token in inline:
        if token.type == "link_open":
            opened.append(token)
            href = address(str(token.attrGet("href") or ""), name)
            token.attrs = {"href": href} if href else {}
            token.tag = "a" if href else "span"
        elif token.type == "link_close":
            token.tag = opened.pop().tag


def address(href: str, name: str) -> str:
    """Where a link of the page `name` leads inside the application; "" where that is not shown."""
    if href.startswith(ELSEWHERE):
        return href
    path, _, anchor = href.partition("#")
    meant = posixpath.normpath(posixpath.join(posixpath.dirname(name), path)).removesuffix(".md")
    if not path.endswith(".md") or meant not in PAGES:
        return ""
    shown_at = f"/help/{meant.removesuffix(INDEX)}" if meant.endswith(INDEX) else f"/help/{meant}/"
    return shown_at + (f"#{anchor}" if anchor else "")


def without_pictures(tokens: Sequence[Token]) -> Iterator[Token]:
    """The same without its pictures: they show the application, and the reader is there."""
    skip = 0
    for place, token in enumerate(tokens):
        following = tokens[place + 1 : place + 2]
        children = following[0].children if following and following[0].type == "inline" else None
        if token.type == "paragraph_open" and children and all(each.type == "image" for each in children):
            skip = 3
        if skip:
            skip -= 1
            continue
        token.children = [each for each in token.children if each.type != "image"] if token.children else token.children
        yield token
