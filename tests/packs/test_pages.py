"""What a pack prints: five questions in order, markings on each page, hostile names as plain text, the same twice."""

from __future__ import annotations

import re
import subprocess
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from html.parser import HTMLParser

import pytest

from compliance.catalogue import controls
from compliance.drawing.diagram import Diagram, Link, Server, Zone
from compliance.drawing.zones import zone_map
from evidence.packs import binder, pages, render
from evidence.packs import content as c
from evidence.packs.content import Review
from evidence.packs.fonts import fonts
from evidence.packs.section import Section, Table
from tests.packs import content
from tests.packs.conftest import Genuine, need

PROOF = pages.Proof("ab" * 32, 11, "a key", "cd" * 32)
NOTHING = c.Result("No comparison ran.", 0, 0, 0, (), (), (), c.Inventory(0, 0, 0), (), 0, (), (), ())
HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</style></svg><svg onload=alert(1)>",
    "{{ face.pack }}{% include 'verify.html' %}",
    "<a href='http://192.0.2.1/'>&lt;b&gt;",
    "a\x0b\u202e\ufffeb",
)


class Seen(HTMLParser):
    """Every tag with its attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def page_texts(genuine: Genuine) -> list[str]:
    return pdf_text(genuine, genuine.bound.document)


def pdf_text(genuine: Genuine, document: bytes) -> list[str]:
    path = genuine.folder / "read.pdf"
    path.write_bytes(document)
    done = subprocess.run([need("pdftotext"), "-layout", str(path), "-"], capture_output=True, text=True, check=True)
    return done.stdout.split("\f")[:-1]


def test_every_page_carries_marking_pack_hash_and_number(genuine: Genuine) -> None:
    texts = page_texts(genuine)
    sha256 = genuine.bound.manifest_sha256
    for number, text in enumerate(texts, start=1):
        assert text.count("OFFICIAL: Sensitive") >= 2
        assert f"Page {number} of {len(texts)}" in text
        assert "PCK-42" in text
        assert sha256[:32] in text
        assert sha256[32:] in text
        assert "SAMPLE" in text


def test_the_order_is_that_of_the_five_questions(genuine: Genuine) -> None:
    whole = re.sub(r"\s+", " ", " ".join(page_texts(genuine)[2:]))
    asked = ("1 Network diagram", "2 Communication logs", "3 Change records", "4 Firewall rules", "5 Last review")
    places = [whole.index(words) for words in (*asked, "Exceptions and plan", "How to verify", "Control mapping")]
    assert places == sorted(places)
    assert "Missing this version reads no flow logs" in whole
    assert "Time-stamp None: no authority is named" in whole


def test_nothing_is_rated(genuine: Genuine) -> None:
    whole = " ".join(page_texts(genuine))
    assert "compliant" not in whole.lower()
    assert not re.search(r"\d ?%", whole)
    assert "exceptions: not as authorised" in whole


def test_every_page_is_well_filled_or_ends_a_chapter(genuine: Genuine) -> None:
    """No two thin pages in a row, none empty."""
    lines = [len([line for line in text.splitlines() if line.strip()]) for text in page_texts(genuine)]
    assert min(lines) > 8


def test_pdfsig_and_qpdf_agree_that_it_is_whole(genuine: Genuine) -> None:
    path = genuine.folder / "signed.pdf"
    path.write_bytes(genuine.bound.document)
    told = subprocess.run([need("pdfsig"), "-nocert", str(path)], capture_output=True, text=True, check=False).stdout
    assert "Signature is Valid" in told
    assert "Total document signed" in told
    attached = subprocess.run(
        [need("pdfdetach"), "-list", str(path)], capture_output=True, text=True, check=True
    ).stdout
    assert "manifest.json" in attached
    info = subprocess.run([need("pdfinfo"), str(path)], capture_output=True, text=True, check=True).stdout
    assert re.search(r"Tagged:\s+yes", info)


def test_the_same_evidence_gives_the_same_bytes(genuine: Genuine) -> None:
    again = binder.bind(content.face(), content.sections(), genuine.key)
    assert again.manifest_sha256 == genuine.bound.manifest_sha256
    signature = re.compile(rb"/Contents <[0-9a-f]+>")  # it holds a random number
    assert signature.sub(b"", again.document) == signature.sub(b"", genuine.bound.document)


def hostile(value: object, payload: str) -> object:
    """The same value with the payload in each of its texts, but for those that name a kind, a file or a zone."""
    if is_dataclass(value) and not isinstance(value, type):
        kept = {"verdict", "certainty", "state", "template", "slug", "zone", "source", "destination", "profile"}
        if isinstance(value, Zone | Diagram | Link | Server):
            return value
        if isinstance(value, Table):
            return value
        changed = {
            one.name: hostile(getattr(value, one.name), payload) for one in fields(value) if one.name not in kept
        }
        return replace(value, **changed)
    if isinstance(value, tuple):
        return tuple(hostile(one, payload) for one in value)
    return f"{payload}{value}" if isinstance(value, str) else value


@pytest.mark.parametrize("payload", HOSTILE)
def test_hostile_text_in_any_field_stays_text(payload: str) -> None:
    plain = Seen()
    plain.feed(pages.pack_html(content.face(), content.sections(), PROOF))
    sections = [
        replace(one, data=hostile(one.data, payload), because=one.because and payload) for one in content.sections()
    ]
    face = hostile(content.face(), payload)
    assert isinstance(face, type(content.face()))
    html = pages.pack_html(face, sections, PROOF)
    seen = Seen()
    seen.feed(html)
    allowed = {tag for tag, _ in plain.tags} | {"blockquote", "br", "em", "code", "p"}
    for tag, attributes in seen.tags:
        assert tag in allowed
        assert not any(name.startswith("on") for name in attributes)
        assert tag != "a" or str(attributes.get("href", "")).startswith("#")
    assert "script" not in allowed
    assert html.count("PCK-42") < html.count("{{ face.pack }}") + 60


@pytest.mark.parametrize("payload", HOSTILE)
def test_hostile_names_in_the_diagram_stay_text(payload: str) -> None:
    one, two = Zone(payload, (Server(payload, critical=True),)), Zone("b", (Server("s"),))
    svg = zone_map(Diagram((one, two), (Link(payload, "b", 3, (payload,)),), ()), title=payload)
    shapes = {element.tag.rpartition("}")[2] for element in ET.fromstring(svg).iter()}
    assert shapes <= {"svg", "title", "rect", "path", "polyline", "text", "circle"}


def test_minutes_are_cleaned() -> None:
    made = pages.clean_minutes("# A\n\n<script>x</script> [b](javascript:alert(1)) ![c](http://192.0.2.1/x.png)\n\n- d")
    seen = Seen()
    seen.feed(made)
    assert {tag for tag, _ in seen.tags} <= pages.MINUTES_TAGS
    assert not any(attributes for _, attributes in seen.tags)


def test_without_pango_the_pack_is_html_and_says_what_to_paste(
    genuine: Genuine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nothing(*_: object, **__: object) -> bytes:
        raise render.RenderUnavailable(f"PDFs cannot be made. Paste this line: {render.INSTALL_LINE}")

    monkeypatch.setattr(binder, "render_in_child", nothing)
    bound = binder.bind(content.face(), content.sections(), genuine.key)
    assert bound.name == "pack.html"
    assert "libpango-1.0-0" in bound.notice
    assert b"url(pack:" not in bound.document
    assert b"pdfsig" not in bound.document
    path = genuine.folder / "html.zip"
    path.write_bytes(bound.archive)
    report = binder.verify.verify(path, genuine.key.fingerprint)
    assert report.ok
    assert any("no signature of its own" in line for line in report.not_checked)


def test_a_missing_section_is_printed_as_missing() -> None:
    gone = Section("review", "Last review", (), "missing", "No review was held in October 2026.", "review.html", None)
    html = pages.pack_html(content.face(), [gone], PROOF)
    assert "No review was held in October 2026." in html
    assert "Missing" in html


def test_a_question_nobody_answers_is_printed_as_missing_in_its_place() -> None:
    left = [section for section in content.sections() if section.slug not in ("changes", "review")]
    shown = [(section.slug, section.state) for section in pages.answered(left)]
    assert [slug for slug, _ in shown[1:7]] == ["diagram", "logs", "changes", "rules", "review", "exceptions"]
    assert [one.slug for one in pages.answered([])] == list(pages.QUESTIONS)
    assert ("changes", "missing") in shown
    assert ("review", "missing") in shown
    html = pages.pack_html(content.face(), left, PROOF)
    assert html.count("No part of this installation answers it.") == 2


def test_a_month_in_which_nothing_was_compared_does_not_look_fine(genuine: Genuine) -> None:
    """No verdicts, no zones, no rules: never two zeroes on the cover, never "none was open"."""
    empty = [
        replace(content.result(), data=NOTHING, tables=(Table("verdicts", ("verdict",), []),)),
        replace(content.network(), data=c.Network("No zones are registered.", Diagram((), (), ()))),
        replace(content.rules(), data=c.Rules("None.", (), (), 0, 0, (), 0)),
        replace(content.exceptions(), data=c.Exceptions("None.", (), 0)),
    ]
    html = pages.pack_html(replace(content.face(), compared=0), empty, PROOF)
    assert html.count("Nothing was compared") >= 4
    assert "exceptions: not as authorised" not in html
    assert "None was open" not in html
    assert "No rule that was read" not in html
    bound = binder.bind(content.face(), empty, genuine.key)
    assert bound.counts == {"verdicts": {}, "exceptions": 0, "not_known": 0}
    assert "Nothing was compared" in "".join(pdf_text(genuine, bound.document))


def test_a_pack_without_its_verdicts_is_refused(genuine: Genuine) -> None:
    with pytest.raises(ValueError, match="table of verdicts"):
        binder.bind(content.face(), content.sections()[1:], genuine.key)


def words() -> Iterator[str]:
    for path in sorted(pages.TEMPLATES.iterdir()):
        yield path.read_text("utf-8")
    for control in controls():
        yield " ".join((control.title, control.shows, control.remains))


def test_no_template_or_catalogue_rates_a_control() -> None:
    assert not [text for text in words() if "compliant" in text.lower()]


def test_only_the_one_statement_is_quoted_with_its_attribution() -> None:
    quoted = [control for control in controls() if control.statement]
    assert [control.id for control in quoted] == ["ISM-1479"]
    assert "CC BY 4.0" in quoted[0].framework.attribution
    slugs = {section.slug for section in content.sections()}
    assert {part for control in controls() for part in control.parts} <= slugs
    assert all(control.parts or control.served == "none" for control in controls())


def test_the_review_keeps_its_minutes_in_the_pack(genuine: Genuine) -> None:
    data = content.review().data
    assert isinstance(data, Review)
    assert genuine.members()["minutes.md"].decode() == data.minutes


def test_a_change_record_of_usual_length_is_not_torn_by_the_end_of_a_page(genuine: Genuine) -> None:
    section = content.changes()
    assert isinstance(section.data, c.Changes)
    one = section.data.changes[0]
    many = tuple(
        replace(
            one,
            id=f"CHG-{at}",
            necessity=f"begins{at} " + "why it is " * (at % 11),
            rollback=f"ends{at}",
        )
        for at in range(16)
    )
    data = replace(section.data, changes=many)
    html = pages.pack_html(content.face(), [replace(section, data=data)], PROOF)
    order = render.Order(html, "PCK-1", content.AS_OF, fonts())
    texts = pdf_text(genuine, render.render_in_child(order))
    begun = [[at for at in range(16) if re.search(rf"\bbegins{at}\b", text)] for text in texts]
    ended = [[at for at in range(16) if re.search(rf"\bends{at}\b", text)] for text in texts]
    assert begun == ended
    assert sorted(at for found in begun for at in found) == list(range(16))
    assert sum(map(bool, begun)) > 5
