"""Pages made in pieces and joined: numbered, linked, tagged as one document, the same bytes each time."""

from __future__ import annotations

import io
import re
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import page
import pdfua
import pikepdf
import pytest

from evidence.packs import appendices, binder, joining, parts, render, seal, verify
from evidence.packs import pages as setting
from evidence.packs.joined import Field, JoinError
from evidence.packs.section import Section, Table
from tests.packs import content
from tests.packs.conftest import Genuine, need

AT = datetime(2026, 10, 31, 13, 0, tzinfo=UTC)
FIELD = Field("Eastwest", "Evidence pack PCK-1", AT)
HOSTILE = (
    "<script>alert(1)</script>", "<a href='https://192.0.2.1/'>x</a>", "<img src=http://192.0.2.1/x.png>",
    "<svg onload=x><image href='file:///etc/passwd'/></svg>", "\u202eevil\u2066", "\U0001f4a5\U00010348",
    "javascript:alert(1)", "/URI (http://192.0.2.1/)", "(1-2-3) 12 0 R /JavaScript", "]]>--><style>*{display:none}",
    "=cmd|'/C calc'!A0", "\u0645\u0631\u062d\u0628\u0627",
)  # fmt: skip


def lists() -> Section:
    """Two lists, a narrow one of two pieces with hostile cells, and one with more columns than fit across a page."""
    rows = [
        (f"CON-{number}", HOSTILE[number] if number < len(HOSTILE) else "x", "possible", "db-01")
        for number in range(60)
    ]
    wide = tuple(f"column_{number}" for number in range(12))
    table = Table("narrow", ("connection", "verdict_of", "certainty", "host"), rows)
    return Section(
        "more",
        "More",
        (),
        "held",
        "",
        "logs.html",
        None,
        (table, Table("wide", wide, [wide, ("w" * 10_000,) + ("",) * 11])),
    )


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[binder.Bound, parts.Plan, seal.Seal]:
    """A pack with chapters and appendices, its pieces still in their folder."""
    folder = tmp_path_factory.mktemp("pieces")
    key = seal.open_seal(folder / "keys", at=content.BUILT)
    result = next(one for one in content.sections() if one.slug == "result")
    sections = [result, lists()]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(appendices, "ROWS", 25)
        patch.setattr(setting, "LONG", 1_000)
        plan = binder.begin(folder / "plan", binder.prepared(content.face(), sections, key), sections, key)
    parts.make_all(plan)
    return binder.complete(plan, key), plan, key


@pytest.fixture(scope="module")
def document(built: tuple[binder.Bound, parts.Plan, seal.Seal]) -> Iterator[pikepdf.Pdf]:
    with pikepdf.open(io.BytesIO(built[0].document)) as pdf:
        yield pdf


def pages(document: bytes, folder: Path) -> list[str]:
    (folder / "x.pdf").write_bytes(document)
    done = subprocess.run([need("pdftotext"), "-layout", str(folder / "x.pdf"), "-"], capture_output=True, check=True)
    return done.stdout.decode().split("\f")[:-1]


def test_the_pack_is_sound_and_every_page_has_its_number_of_all(
    built: tuple[binder.Bound, parts.Plan, seal.Seal], tmp_path: Path
) -> None:
    (tmp_path / "pack.zip").write_bytes(built[0].archive)
    report = verify.verify(tmp_path / "pack.zip", built[2].fingerprint)
    assert (report.ok, report.trusted) == (True, True), report.members
    texts = pages(built[0].document, tmp_path)
    assert built[1].pieces[:2] == (parts.CHAPTER, parts.CHAPTER)
    assert [one for one in built[1].pieces if one != parts.CHAPTER] == [0, 0, 0, 1, 1, 1, 2]
    for number, text in enumerate(texts, 1):
        assert text.count(f"Page {number} of {len(texts)}") == 1
        assert text.count("Page ") == 1
    whole = "".join(texts)
    assert all(f"CON-{number} " in whole for number in range(60))
    begins = next(at for at, text in enumerate(texts[2:], 3) if "B Complete list: narrow" in " ".join(text.split()))
    line = next(line for line in texts[1].splitlines() if "Complete list: narrow" in line)
    assert re.search(r"60 rows\s*(\d+)$", line)[1] == str(begins)  # type: ignore[index]


def test_the_contents_lead_to_the_page_on_which_each_part_begins(
    built: tuple[binder.Bound, parts.Plan, seal.Seal], tmp_path: Path
) -> None:
    with pikepdf.open(io.BytesIO(built[0].document)) as pdf:
        numbers = {page.obj.objgen: number for number, page in enumerate(pdf.pages, 1)}
        root: Any = pdf.Root
        names = [one for kid in root.Names.Dests.Kids for one in list(kid.Names)]
        begins = {str(name): numbers[place[0].objgen] for name, place in zip(names[::2], names[1::2], strict=True)}
    texts = pages(built[0].document, tmp_path)
    first = next(at for at, text in enumerate(texts) if "Result, coverage and gaps" in text)
    contents = "\n".join(texts[first : first + 2])
    for slug, title in (("result", "Result"), ("logs", "Communication logs"), ("verify", "How to verify this pack")):
        printed = re.search(rf"{title}.*?(\d+)$", contents, re.MULTILINE)
        assert printed, contents
        assert int(printed[1]) == begins[slug]
        assert title in texts[begins[slug] - 1]


def test_a_pack_that_is_cut_says_what_it_says_uncut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = seal.open_seal(tmp_path / "keys", at=content.BUILT)
    made = binder.prepared(content.face(), content.sections(), key)
    whole = binder.bound(made, content.sections(), key)
    monkeypatch.setattr(setting, "LONG", 2_000)
    cut, again = (binder.bound(made, content.sections(), key) for _ in range(2))
    assert seal.emptied(cut.document) == seal.emptied(again.document)
    assert seal.emptied(cut.document) != seal.emptied(whole.document)
    one, other = (words(pages(each.document, tmp_path)) for each in (whole, cut))
    assert one == other


def words(texts: list[str]) -> set[str]:
    """What pages say, but for numbers, of which those of pages are some."""
    return {one for text in texts for one in text.split() if not one.isdecimal()}


def test_it_is_whole_for_qpdf_and_signed_as_a_whole_for_pdfsig(
    built: tuple[binder.Bound, parts.Plan, seal.Seal], tmp_path: Path
) -> None:
    path = tmp_path / "pack.pdf"
    path.write_bytes(built[0].document)
    assert "No syntax" in subprocess.run([need("qpdf"), "--check", str(path)], capture_output=True, text=True).stdout
    told = subprocess.run([need("pdfsig"), "-nocert", str(path)], capture_output=True, text=True, check=False).stdout
    assert "Signature is Valid" in told
    assert "Total document signed" in told
    assert built[0].document.count(b"%%EOF") == 1


def test_the_same_pieces_give_the_same_bytes_and_what_is_made_is_not_made_again(
    built: tuple[binder.Bound, parts.Plan, seal.Seal], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, plan, key = built
    field = Field(key.name, f"Evidence pack {plan.pack}", plan.made_at)
    again = parts.read(plan.folder)
    assert again == plan
    assert parts.missing(again) == []
    before = parts.joined(plan, field)
    (plan.folder / "piece-0002.pdf").unlink()
    assert parts.missing(plan) == [1]
    made: list[str] = []

    def counted(order: render.Order, limits: render.Limits | None = None) -> bytes:
        made.append(order.html[:200])
        return render.render_in_child(order, limits)

    monkeypatch.setattr(parts, "render_in_child", counted)
    parts.make_all(plan)
    assert len(made) == 1
    assert parts.joined(plan, field) == before


def test_nothing_in_it_runs_fetches_or_leads_outside(document: pikepdf.Pdf) -> None:
    root: Any = document.Root
    assert not {"/OpenAction", "/AA", "/JavaScript"} & set(root.keys())
    for one in document.objects:
        kinds = one.stream_dict if isinstance(one, pikepdf.Stream) else one
        if isinstance(kinds, pikepdf.Dictionary):
            named = set(kinds.keys())
            assert not {"/URI", "/JS", "/AA", "/OpenAction", "/XFA"} & named, kinds
            assert kinds.get("/S") not in ("/URI", "/JavaScript", "/Launch", "/GoToR", "/SubmitForm"), kinds
    assert len(list(root.AcroForm.Fields)) == 1


def test_links_tags_bookmarks_and_files_are_those_of_one_document(document: pikepdf.Pdf) -> None:
    root: Any = document.Root
    places = {str(name) for kid in root.Names.Dests.Kids for name in list(kid.Names)[::2]}
    led = {str(note.Dest) for page in document.pages for note in page.obj.get("/Annots", ()) if note.Subtype == "/Link"}
    assert {"result", "verify", "appendix-0", "appendix-1", "appendix-2"} <= led <= places
    with document.open_outline() as outline:
        named = [str(one.title) for one in outline.root]
    assert [name for name in named if "Complete list" in name] == [
        "AComplete list: verdicts", "BComplete list: narrow", "CComplete list: wide"
    ]  # fmt: skip
    carried = [str(one.UF) for one in root.AF]
    assert carried == sorted(set(carried))
    assert "manifest.json" in carried
    keys = [int(key) for kid in root.StructTreeRoot.ParentTree.Kids for key in list(kid.Nums)[::2]]
    assert keys == list(range(len(keys)))
    assert len(list(root.StructTreeRoot.K)) == 1
    ids = [str(name) for kid in root.StructTreeRoot.IDTree.Kids for name in list(kid.Names)[::2]]
    assert ids == sorted(set(ids))
    metadata = root.Metadata.read_bytes()
    assert metadata.count(b"<ns0:RDF") + metadata.count(b"<rdf:RDF") == 1
    assert root.Lang == "en-AU"
    assert all(page.obj.Tabs == "/S" for page in document.pages)


def test_the_checker_finds_no_error_in_the_signed_file(
    built: tuple[binder.Bound, parts.Plan, seal.Seal], tmp_path: Path
) -> None:
    (tmp_path / "pack.pdf").write_bytes(built[0].document)
    findings = pdfua.validate(tmp_path / "pack.pdf").findings
    assert [str(one) for one in findings if "ERROR" in str(one.severity).upper()] == []


def test_a_second_checker_finds_only_that_conformance_to_pdf_ua_is_not_claimed(
    built: tuple[binder.Bound, parts.Plan, seal.Seal], genuine: Genuine
) -> None:
    """104 rules of PDF/UA-1 and 156 of PDF/A-3a, on a joined document and on one that was made at once, both signed."""
    unclaimed = {"PDFUA1-ID-PART-001", "PDFUA1-ID-SCHEMA-001"}
    hostile = unclaimed | {"PDFUA1-NOTDEF-GLYPH-001"}  # two of its signs are in no font of the pack
    for document, expected in ((built[0].document, hostile), (genuine.bound.document, unclaimed)):
        told = page.validate_pdf_bytes(document, profile="ua1")
        assert {one.rule_id for one in told.failures} == expected, told.failures
        assert told.rules.total > 100
        archived = page.validate_pdf_bytes(document, profile="3a")
        assert {one.rule_id for one in archived.failures} <= {"PDFA3A-NOTDEF-GLYPH-001"} & {
            one.replace("UA1", "A3A") for one in expected
        }, archived.failures
    altered = io.BytesIO()
    with pikepdf.open(io.BytesIO(genuine.bound.document)) as pdf:
        del pdf.Root.MarkInfo
        pdf.save(altered)
    assert not {one.rule_id for one in page.validate_pdf_bytes(altered.getvalue(), profile="ua1").failures} <= unclaimed


@pytest.mark.parametrize(
    ("link", "said"),
    [("https://192.0.2.1/", "lead out of the pack"), ("pack:nowhere", "places it does not have: nowhere")],
)
def test_a_link_that_leads_outside_or_nowhere_fails_the_pack(link: str, said: str) -> None:
    order = render.Order(f"<!doctype html><html lang=en><title>t</title><a href='{link}'>x</a>", "PCK-1", AT)
    with pytest.raises(render.RenderError, match=said):
        render.render_in_child(order, seal=FIELD)
    with pytest.raises(JoinError, match=said):
        joining.join([render.render_in_child(order)] * 1, io.BytesIO(), identifier="x", seal=FIELD)


def test_pieces_keep_every_row_once_and_end_with_the_text_they_may_hold() -> None:
    rows = [(str(number), "x" * (35_000 if number in (5, 6) else 10)) for number in range(2000)]
    cut = appendices.pieces([Table("a", ("n", "t"), rows), Table("b", ("n",), [("1",)])])
    assert [one.number for one in cut] == [0] * (len(cut) - 1) + [1]
    assert [row[0] for one in cut[:-1] for row in one.rows] == [row[0] for row in rows]
    assert all(len(one.rows) <= appendices.ROWS for one in cut)
    assert [one.first for one in cut[:2]] == [0, 6]
    assert [appendices.letter(at) for at in (0, 25, 26, 51, 52)] == ["A", "Z", "AA", "AZ", "BA"]


def test_a_list_whose_words_fit_no_column_is_printed_as_entries() -> None:
    for cell, wide in (("10.249.249.0/24 nft:inet/main/input#39", False), ("0" * 64, True), ("x " * 90, True)):
        [piece] = appendices.pieces([Table("a", ("n", "t"), [("1", "-"), ("2", cell)])])
        assert piece.wide is wide, cell


def test_a_table_that_breaks_over_pages_with_cells_of_several_rows() -> None:
    """WeasyPrint #2719: an IndexError where a table with rowspans went on after the end of a page."""
    cells = "".join(
        f"<tr><td rowspan={2 + at % 3}>{'long ' * (at % 40)}</td><td>{at}</td></tr><tr><td>x</td></tr>"
        for at in range(120)
    )
    html = "<!doctype html><html lang=en><title>t</title><style>@page{size:A6}tr{break-inside:avoid}</style><table>"
    order = replace(
        render.Order("", "PCK-1", AT), html=f"{html}<thead><tr><th>a</th><th>b</th></tr></thead>{cells}</table>"
    )
    with pikepdf.open(io.BytesIO(render.render_in_child(order))) as pdf:
        assert len(pdf.pages) > 3
