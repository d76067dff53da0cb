"""The process that sets pages, `python -m evidence.packs.render_child`: it loads the printer once and forks for orders.

Only it imports WeasyPrint. Loading, and what the first page of a process costs beside itself, a fork has behind it. An
order comes over the socket that is its standard input: one message and three open files (the order, where the pages go,
where a sentence goes). The fork alone reads the order. It fetches nothing (only names that begin with `pack:` and were
handed in), has bounded memory and processor time, and ends with its document, so that no order finds anything of the
one before. The same order gives the same bytes. It makes a part of a document, or joins parts (joining.py) into the one
that is sealed.
"""

from __future__ import annotations

import base64
import gc
import io
import json
import os
import re
import resource
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from evidence.packs import joining, tagging
from evidence.packs.fonts import FONT_FACES, fonts
from evidence.packs.joined import JoinError
from evidence.packs.render import INSTALL_LINE, REFUSED, SCHEME, UNAVAILABLE, read_field
from evidence.packs.render_ready import COMMAND
from evidence.ready import serve

FRONT = 3  # pages before what follows, as a rule: the cover and two of contents
LINK = re.compile(r"(?:at|appendix)-[a-z0-9_-]+")  # classes of the links in the contents
TYPES = {".svg": "image/svg+xml", ".png": "image/png", ".ttf": "font/ttf", ".woff2": "font/woff2", ".css": "text/css"}
# A page of our own with what pages of packs are made of: the faces in two weights, a list, a table, a drawing, a link.
WARMING = (
    f"<!doctype html><html lang=en-AU><title>x</title><style>{FONT_FACES}"
    "@page{size:A4;margin:2cm;@top-left{content:string(part)}@bottom-right{content:counter(page) counter(pages)}}"
    'html{font:9pt "IBM Plex Sans"}h2,b,th{font-weight:600;string-set:part content()}code{font-family:"IBM Plex Mono"}'
    "table{border-collapse:collapse;table-layout:fixed;width:100%}td{border-bottom:1pt solid;overflow-wrap:anywhere}"
    "dl{display:grid;grid-template-columns:3cm 1fr}.f{display:flex}a::after{content:target-counter(attr(href),page)}"
    "</style><h2 id=a>Head</h2><p class=f><a href=#a>leads</a> <code>tcp/443 <b>x</b></code><ul><li>one</ul>"
    "<dl><dt>of</dt><dd>what</dd></dl><table><thead><tr><th scope=col>of</thead><tbody><tr><td>10.0.0.0/8</table>"
    "<svg viewBox='0 0 9 9' width=9><path d='M0 0L9 9' stroke='#000'/><text font-size=3>t</text></svg>"
)


def main() -> int:
    """Serves orders one after another until nobody asks for a while or who asked is gone; gives the exit status."""
    try:
        import weasyprint  # type: ignore[import-untyped, unused-ignore]  # noqa: F401
    except OSError as error:
        sys.stderr.write(f"PDFs cannot be made on this machine: {_first_line(error)} Paste this line: {INSTALL_LINE}\n")
        return UNAVAILABLE
    gc.disable()  # a fork ends with its document; collecting costs a fifth of the time
    return serve(_served, warm=_warm, command=COMMAND)


def _warm() -> None:
    """Sets a page of our own, so that no fork pays for what is done once: types, style sheets and modules read late."""
    assets = {name: base64.b64encode(content) for name, content in fonts().items()}
    _document({"html": WARMING, "assets": assets, "made_at": "2026-01-01T00:00:00+00:00", "attachments": [],
               "numbered": False, "following": None})  # fmt: skip


def _served(bounds: Mapping[str, int]) -> int:
    """The order that stands in file 0, its pages in file 1; gives the exit status."""
    resource.setrlimit(resource.RLIMIT_AS, (bounds["memory"], bounds["memory"]))
    resource.setrlimit(resource.RLIMIT_CPU, (bounds["cpu"], bounds["cpu"]))
    os.environ["SOURCE_DATE_EPOCH"] = str(bounds["epoch"])  # fontTools writes it into the fonts it cuts
    with open(0, "rb", closefd=False) as order, open(1, "wb", closefd=False) as pages:
        asked = json.load(order)
        if "parts" in asked:
            return _joined([Path(one) for one in asked["parts"]], Path(asked["numbers"]).read_bytes(), asked, pages)
        pdf, refused = _document(asked)
        if refused:
            wanted = ", ".join(refused)[:300]
            sys.stderr.write(f"The pack's pages ask for something that is not part of the pack: {wanted}\n")
            return REFUSED
        if asked["seal"]:
            return _joined([pdf], None, asked, pages)
        pages.write(pdf)
        return 0


def _joined(
    parts: Sequence[bytes | Path], numbers: bytes | None, asked: dict[str, Any], pages: io.BufferedWriter
) -> int:
    """Writes the joined document; gives the exit status."""
    try:
        joining.join(parts, pages, identifier=asked["identifier"], seal=read_field(asked["seal"]), numbers=numbers,
                     total=asked.get("total"))  # fmt: skip
    except JoinError as error:
        sys.stderr.write(f"{error}\n")
        return REFUSED
    return 0


def _first_line(error: OSError) -> str:
    """The first sentence of a loader's complaint, ended by a full stop."""
    return str(error).splitlines()[0].split(".  ")[0].rstrip(".")[:200] + "."


def _document(asked: dict[str, Any]) -> tuple[bytes, list[str]]:
    """The PDF and the addresses that were asked for and refused (WeasyPrint swallows a refusal inside SVG)."""
    from weasyprint import HTML
    from weasyprint import Attachment as Attached
    from weasyprint.urls import URLFetcher, URLFetcherResponse  # type: ignore[import-untyped, unused-ignore]

    assets = {name: base64.b64decode(content) for name, content in asked["assets"].items()}
    refused: list[str] = []

    class PackOnly(URLFetcher):  # type: ignore[misc, unused-ignore]
        """Serves what was handed in by name; everything else is refused and remembered."""

        def fetch(self, url: str, headers: Mapping[str, str] | None = None) -> URLFetcherResponse:
            name = url.removeprefix(SCHEME)
            if not url.startswith(SCHEME) or name not in assets:
                refused.append(url[:120])
                raise ValueError("not part of the pack")
            return URLFetcherResponse(url, assets[name], {"Content-Type": TYPES.get(Path(name).suffix, "text/plain")})

    fetcher = PackOnly()
    made_at = datetime.fromisoformat(asked["made_at"])
    attached = [
        Attached(file_obj=io.BytesIO(base64.b64decode(content)), name=name, description=description, created=made_at,
                 modified=made_at, relationship="Data", url_fetcher=fetcher)
        for name, content, description in asked["attachments"]
    ]  # fmt: skip
    # no identifier: the printer would write every object twice for its hash, and the joining gives the file its own
    said = {"pdf_variant": "pdf/a-3a", "pdf_tags": True, "pdf_identifier": False, "attachments": attached}
    page = HTML(string=asked["html"], base_url=SCHEME, url_fetcher=fetcher)
    before = FRONT if asked["following"] is not None else 0
    set_pages = page.render(stylesheets=_styles(asked, before), **said)
    # where the rest begins is known when the pages before it are set: again, where they are more or fewer than usual
    while asked["following"] is not None and len(set_pages.pages) != before:
        before = len(set_pages.pages)
        set_pages = page.render(stylesheets=_styles(asked, before), **said)
    pdf = set_pages.write_pdf(finisher=tagging.put_right, **said)
    return bytes(pdf), refused


def _styles(asked: dict[str, Any], before: int) -> list[Any]:
    """Page numbers that come later are left out; those of what follows, `before` pages on, are put in the contents."""
    from weasyprint import CSS

    rules = [] if asked["numbered"] else ["@page { @bottom-right { content: none !important } }"]
    rules += [
        f'.{name}::after {{ content: "{before + 1 + between}" }}'
        for name, between in (asked["following"] or {}).items()
        if LINK.fullmatch(name)
    ]
    return [CSS(string="\n".join(rules))] if rules else []


if __name__ == "__main__":
    sys.exit(main())
