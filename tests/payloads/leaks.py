"""Whether something of ours is active in an answer: read as a browser, a spreadsheet or a mail program reads it."""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from email import message_from_bytes
from email.message import Message
from html.parser import HTMLParser
from typing import Final
from urllib.parse import urlsplit

import pikepdf

from tests.payloads.corpus import EVALUATED, EVIL, MARK

FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
NUMBER: Final = re.compile(r"[+-]?\d+(?:\.\d+)?\Z")
LEADS: Final = frozenset({
    "href", "src", "action", "formaction", "xlink:href", "data", "poster", "background", "ping", "cite", "manifest",
    "hx-get", "hx-post", "hx-put", "hx-delete",
})  # fmt: skip
NEVER: Final = frozenset({"srcdoc", "style", "http-equiv", "hx-vals", "hx-headers", "hx-on", "hx-trigger"})
IGNORED_IN_SCHEME: Final = re.compile(r"[\x00-\x20]")
DATA_SCRIPTS: Final = frozenset({"application/json", "importmap-none"})


class Reader(HTMLParser):
    """Collects in `found` what of ours became a tag, an attribute, a script, a style or a way out."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []
        self.nodes = 0
        self.within: tuple[str, bool] = ("", False)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A tag and its attributes."""
        self.nodes += 1
        given = {name: value or "" for name, value in attrs}
        data = given.get("type", "").lower() in DATA_SCRIPTS
        if tag in ("script", "style"):
            self.within = (tag, data)
        if MARK in tag:
            self.found.append(f"tag <{tag}>")
        for name, value in given.items():
            self.attribute(tag, name, value)

    def attribute(self, tag: str, name: str, value: str) -> None:
        """One attribute: a name of ours, a handler that holds us, an address of ours that leads out."""
        if MARK in name:
            self.found.append(f"attribute {name} of <{tag}>")
        elif MARK in value and (name.startswith("on") or name in NEVER):
            self.found.append(f"{name}={value[:80]!r} of <{tag}>")
        elif MARK in value and name in LEADS and leads_away(value):
            self.found.append(f"{name} of <{tag}> leads to {value[:80]!r}")
        elif tag == "meta" and MARK in value:
            self.found.append(f"<meta {name}={value[:80]!r}>")

    def handle_endtag(self, tag: str) -> None:
        """The end of a script or style."""
        if tag in ("script", "style"):
            self.within = ("", False)

    def handle_data(self, data: str) -> None:
        """Text; within a script or style ours is active unless it is data."""
        if self.within[0] and MARK in data and not self.within[1]:
            self.found.append(f"within <{self.within[0]}>: {data[:80]!r}")
        if EVALUATED in data:
            self.found.append(f"evaluated: {data[:80]!r}")

    def handle_comment(self, data: str) -> None:
        """A comment: nobody's text belongs there, as it could end it."""
        if MARK in data:
            self.found.append(f"comment {data[:80]!r}")


def leads_away(address: str) -> bool:
    """Whether an address runs something, or leads to another site. Mail is no site."""
    bare = IGNORED_IN_SCHEME.sub("", address).replace("\\", "/").lower()
    if bare.startswith("//"):
        return True
    try:
        parts = urlsplit(bare)
    except ValueError:
        return True
    return bool(parts.scheme and parts.scheme != "mailto" and parts.hostname not in ("testserver", "localhost"))


def in_html(text: str) -> list[str]:
    """What is active in an HTML page or an SVG."""
    reader = Reader()
    reader.feed(text)
    reader.close()
    return reader.found


def in_csv(text: str) -> list[str]:
    """The cells that a spreadsheet would run, by comma and by the separators other countries' spreadsheets use."""
    rows = csv.reader(io.StringIO(text.lstrip("\ufeff"), newline=""))
    cells = [cell for row in rows for cell in row]
    return [f"cell {cell[:60]!r}" for cell in cells if runs(cell)] + ["NUL" for _ in range(text.count("\x00"))]


def runs(cell: str) -> bool:
    """Whether a spreadsheet takes the cell for a formula; a plain number is none."""
    bare = cell.lstrip(" \u00a0\ufeff\u200b")
    return bare.startswith(FORMULA) and not NUMBER.match(bare)


def in_headers(headers: dict[str, str]) -> list[str]:
    """Headers of an answer that carry a line of ours, or lead away."""
    found = [f"header {name}" for name in headers if MARK in name.lower()]
    found += [f"{name}: {value[:80]!r}" for name, value in headers.items() if "\r" in value or "\n" in value]
    location = headers.get("Location", "")
    if location and leads_away(location):
        found.append(f"redirects to {location[:80]!r}")
    if MARK in headers.get("Set-Cookie", ""):
        found.append("sets a cookie of ours")
    return found


def in_mail(message: bytes, to: list[str]) -> list[str]:
    """What of ours stands in a rendered message's headers beside its subject, or whom it goes to beside `to`."""
    read: Message = message_from_bytes(message)
    found = [f"header {name}" for name in read if MARK in name.lower() or name.lower() in ("bcc", "cc")]
    goes = [part.strip() for part in (read["To"] or "").split(",")]
    if goes != to:
        found.append(f"goes to {goes}")
    return found + (["is HTML"] if read.get_content_type() == "text/html" else [])


def in_names(names: list[str]) -> list[str]:
    """Member names of an archive that leave it, or that a system reads otherwise."""
    odd = re.compile(r"[\x00-\x1f\\:*?\"<>|]")
    return [
        f"member {name!r}"
        for name in names
        if odd.search(name) or name.startswith(("/", "~")) or ".." in name.split("/")
    ]


def in_zip(content: bytes) -> tuple[list[str], int]:
    """What is active in an archive, and how many members were looked at."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        found, names = in_names(archive.namelist()), archive.namelist()
        for name in names:
            data = archive.read(name)
            found += [f"{name}: {one}" for one in in_file(name, data)]
    return found, len(names)


def in_file(name: str, content: bytes) -> list[str]:
    """What is active in a file, by the ending of its name. Raw dumps are as they were pulled."""
    text = content.decode("utf-8", "replace")
    if name.endswith((".html", ".svg", ".htm", ".xml")):
        return in_html(text)
    if name.endswith(".csv"):
        return in_csv(text)
    if name.endswith(".json"):
        json.loads(text)
    if name.endswith(".pdf"):
        return in_pdf(content)
    return []


def in_pdf(content: bytes) -> list[str]:
    """Scripts, launches, forms and links of ours in a PDF."""
    found = []
    with pikepdf.open(io.BytesIO(content)) as pdf:
        for each in pdf.objects:
            if isinstance(each, pikepdf.Dictionary):
                said = {key: str(each[key]) for key in ("/S", "/URI", "/JS") if key in each}
                if said.get("/S") in ("/JavaScript", "/Launch", "/SubmitForm", "/ImportData") or "/JS" in said:
                    found.append(f"PDF action {said}")
                if EVIL in said.get("/URI", "") or MARK in said.get("/URI", ""):
                    found.append(f"PDF link {said}")
    return found
