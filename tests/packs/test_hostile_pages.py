"""Words of ten thousand letters, right-to-left, astral signs, markup in what people write: text, within the page."""

from __future__ import annotations

import io
import re
import subprocess
import xml.etree.ElementTree as ET
from dataclasses import is_dataclass, replace
from typing import Any

import pikepdf
import pytest

from evidence.packs import binder
from evidence.packs.lists import csv_bytes
from evidence.packs.section import Section, Table
from evidence.packs.walking import breakable
from tests.packs import content
from tests.packs.conftest import Genuine, need

LONG = "W" * 10_000
MARKUP = "<script>alert(1)</script><svg onload=x><a href='https://192.0.2.1/'>"
ODD = f"{MARKUP} \u202eevil\u202c \u05d0\u05d1\u05d2 \U0001f512 =cmd|'/C calc'!A0 {LONG[:300]}"
# part → what people write in it, and the one text of its first row that has the word of ten thousand letters
LEADS = {"result": "lead", "changes": "lead", "rules": "lead", "exceptions": "lead", "logs": "next_step"}
WITHIN = {
    "changes": ("changes", "necessity", ("title", "security_implications", "rollback")),
    "exceptions": ("findings", "because", ("subject", "proposal", "owner")),
    "result": ("gaps", "what", ("owner",)),
    "rules": ("rules", "text", ("host", "permits")),
    "review": ("actions", "what", ("owner",)),
}


def written(one: Section) -> Section:
    """The section with the odd text in the first of each of its lists."""
    data: Any = one.data
    if not is_dataclass(data):
        return one
    if one.slug in LEADS:
        data = replace(data, **{LEADS[one.slug]: ODD})  # type: ignore[type-var]
    if one.slug in WITHIN:
        name, whole, parts = WITHIN[one.slug]
        first, *others = getattr(data, name)
        said = dict.fromkeys(parts, ODD) | {whole: f"{ODD} {LONG}"}
        data = replace(data, **{name: (replace(first, **said), *others[:2])})
    return replace(one, data=data, because=one.because and ODD, title=one.title)


@pytest.fixture(scope="module")
def bound(genuine: Genuine) -> binder.Bound:
    system = replace(content.face().systems[0], boundary_in=f"{ODD} {LONG}", inherited=ODD, owner=ODD)
    face = content.face(organisation=ODD, systems=(system,), prepared_for=ODD)
    return binder.bind(face, [written(one) for one in content.sections()], genuine.key)


def test_every_word_lies_within_its_page(bound: binder.Bound, genuine: Genuine) -> None:
    place = genuine.folder / "hostile.pdf"
    place.write_bytes(bound.document)
    done = subprocess.run([need("pdftotext"), "-bbox", str(place), "-"], capture_output=True, check=True)
    plain = re.sub(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]|&#x?[0-9A-Fa-f]+;", b"", done.stdout)
    pages = ET.fromstring(plain[plain.index(b"<doc>") : plain.index(b"</doc>") + len(b"</doc>")]).iter("page")
    letters, tops = 0, []
    for page in pages:
        wide, high = float(page.get("width", 0)), float(page.get("height", 0))
        for word in page:
            assert float(word.get("xMin", 0)) >= 0, word.text
            assert float(word.get("xMax", 0)) <= wide, word.text
            assert float(word.get("yMax", 0)) <= high, word.text
            letters += (word.text or "").count("W")
        tops.append(min((float(word.get("yMin", 0)) for word in page), default=0))
    assert letters > len(WITHIN) * len(LONG)  # printed whole, wherever they are written
    assert min(tops) >= 0


def test_the_cover_keeps_its_title(bound: binder.Bound, genuine: Genuine) -> None:
    place = genuine.folder / "hostile.pdf"
    place.write_bytes(bound.document)
    cover = subprocess.run(
        [need("pdftotext"), "-l", "1", "-layout", str(place), "-"], capture_output=True, text=True, check=True
    ).stdout
    lines = [line for line in cover.splitlines() if line.strip()]
    assert any("Server-to-server" in line for line in lines)
    title = next(at for at, line in enumerate(lines) if "Server-to-server" in line)
    assert all("WWWW" not in line for line in lines[: title + 1])  # nothing has grown over it


def test_nothing_in_the_document_acts_or_leads_away(bound: binder.Bound) -> None:
    with pikepdf.open(io.BytesIO(bound.document)) as document:
        said = [str(one) for one in document.objects if not isinstance(one, pikepdf.Stream)]
    for name in ("/URI", "/JavaScript", "/JS", "/Launch", "/GoToR", "/SubmitForm"):
        assert not [one for one in said if re.search(rf"{name}\b", one)], name
    assert all("192.0.2.1" not in one for one in said if "/Title" not in one and "/ActualText" not in one)


def test_a_list_runs_nothing_and_keeps_long_words() -> None:
    row = csv_bytes(Table("t", ("a", "b"), [(f"={LONG}", ODD)])).decode()
    assert row.splitlines()[1].startswith("'=")
    assert row.count("W") == len(LONG) + 300


def test_only_words_that_no_line_holds_get_places_to_break() -> None:
    digest = "ab" * 32
    assert breakable(f"{digest} and words") == f"{digest} and words"
    assert breakable("2026-11-22T19:00:00+11:00") == "2026-11-22T\u200b19:00:00+11:00"
    assert breakable(LONG).replace("\u200b", "") == LONG
    assert max(len(one) for one in breakable(LONG).split("\u200b")) == 40
