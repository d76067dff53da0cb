"""Sets the pages of a pack: sections and figures in, one HTML document out. Everything that comes from data is escaped.

A template engine of its own: only templates/packs/print is looked in, autoescape is always on, no context processors.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import nh3
from django.template import Context, Engine
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt

from compliance.catalogue import Control, controls
from compliance.drawing import around, diagram
from compliance.drawing.zones import zone_map
from evidence.packs.appendices import Piece
from evidence.packs.content import Face, Network, Review
from evidence.packs.fonts import FONT_FACES
from evidence.packs.section import Section
from evidence.packs.walking import breakable, each_text

TEMPLATES = Path(__file__).resolve().parents[2] / "templates" / "packs" / "print"
# What the auditor asks for, in the order asked: number, wording and title by slug of the section.
QUESTIONS = {
    "diagram": (1, "a network diagram of server connections, only essential paths", "Network diagram"),
    "logs": (2, "server communication logs of the past month", "Communication logs"),
    "changes": (3, "change records of server communication settings, with their justification", "Change records"),
    "rules": (4, "the firewall rule configuration", "Firewall rules"),
    "review": (5, "the minutes of the last review", "Last review"),
}
APPENDICES = ("controls",)
LONG: Final = 40_000  # signs of a part's HTML, some nine pages: it begins a page, and is set beside the others
# No links or images: a pack needs nothing from elsewhere.
MINUTES_TAGS = {"p", "h3", "h4", "h5", "ul", "ol", "li", "em", "strong", "code", "br", "blockquote",
                "table", "thead", "tbody", "tr", "th", "td"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Printed:
    """An appendix in the contents: its letter, the list's name and how many rows it has."""

    letter: str
    name: str
    rows: int


@dataclass(frozen=True, slots=True)
class Proof:
    """What the pages print about themselves: SHA-256 of the manifest, how many files it lists, signer, its key."""

    manifest_sha256: str
    members: int
    signer: str
    fingerprint: str
    document: str = "pack.pdf"
    not_checked: tuple[str, ...] = ()
    appendices: tuple[Printed, ...] = ()
    time_said: str = ""
    revocation: str = ""


@dataclass(frozen=True, slots=True)
class _Part:
    """A section as the templates see it: with its number, what was asked, and its drawings or minutes made."""

    section: Section
    number: int | None
    asked: str
    template: str
    maps: tuple[tuple[str, SafeString], ...] = ()
    matrix: diagram.Matrix | None = None
    zones: tuple[tuple[diagram.Zone, tuple[int, int, int]], ...] = ()
    minutes: SafeString | None = None
    dense: bool = False

    @property
    def appendix(self) -> bool:
        """Whether it comes after how to verify."""
        return self.section.slug in APPENDICES


def pack_html(face: Face, sections: Sequence[Section], proof: Proof) -> str:
    """The whole pack as one HTML document; for a PDF it names the pack's own font files, which the renderer serves."""
    said = _said(face, sections, proof) | {"cut": False, "to": "#"}
    return _document(said, [_contents(said), *_bodies(said)], front=True)


def cut_html(face: Face, sections: Sequence[Section], proof: Proof) -> list[str]:
    """The same as documents that are set side by side and joined: the front pages, then a chapter each. A part that
    fills many pages begins a chapter, and so a page; nothing where no part does."""
    said = _said(face, sections, proof) | {"cut": True, "to": "pack:"}
    chapters: list[list[str]] = [[]]
    for body in _bodies(said):
        if len(body) >= LONG and chapters[-1]:
            chapters.append([])
        chapters[-1].append(body)
    if len(chapters) == 1:
        return []
    return [_document(said, [_contents(said)], front=True), *(_document(said, one, front=False) for one in chapters)]


def _said(face: Face, sections: Sequence[Section], proof: Proof) -> dict[str, Any]:
    """What the templates are told."""
    parts = [_part(_settable(section)) for section in answered(sections)]
    return {
        "face": each_text(face, breakable),
        "proof": proof,
        "parts": parts,
        "mapped": any(part.appendix for part in parts),
        "leads": [_row(control, parts) for control in controls() if control.lead],
        "statement": next(control for control in controls() if control.statement),
        "css": _css(proof),
        "words": diagram.WORDS,
        "states": diagram.STATES,
        "built_at": face.built_at.isoformat(timespec="seconds"),
    }


def _contents(said: Mapping[str, Any]) -> SafeString:
    """What stands between the cover and the parts; of the executive profile, all."""
    return _rendered("executive.html" if said["face"].profile == "executive" else "contents.html", said)


def _bodies(said: Mapping[str, Any]) -> Iterator[SafeString]:
    """Each part, those of appendices behind how to verify."""
    if said["face"].profile == "executive":
        return
    for part in said["parts"]:
        if not part.appendix:
            yield _rendered("part.html", {**said, "part": part})
    yield _rendered("verify.html", said)
    for part in said["parts"]:
        if part.appendix:
            yield _rendered("part.html", {**said, "part": part})


def _document(said: Mapping[str, Any], bodies: Iterable[str], *, front: bool) -> str:
    content = mark_safe("\n".join(bodies))  # noqa: S308  made by our own templates, which escape
    return _rendered("pack.html", {**said, "front": front, "content": content})


def _rendered(template: str, said: Mapping[str, Any]) -> SafeString:
    return engine().get_template(template).render(Context(said, use_l10n=False, use_tz=False))


def appendix_html(face: Face, proof: Proof, piece: Piece) -> str:
    """Some pages of a complete list, as an HTML document of their own."""
    face, piece = each_text(face, breakable), replace(piece, rows=each_text(piece.rows, breakable))
    return _rendered("appendix.html", {"face": face, "proof": proof, "piece": piece, "css": _css(proof)})


def _settable(section: Section) -> Section:
    """The section with places to break in words that no line holds; its lists are not on these pages."""
    data, because = each_text(section.data, breakable), breakable(section.because)
    return replace(section, data=data, because=because)


def _css(proof: Proof) -> SafeString:
    css = (TEMPLATES / "pack.css").read_text("utf-8")
    return mark_safe((FONT_FACES if proof.document == "pack.pdf" else "") + css)  # noqa: S308  our own file, no data in it


def answered(sections: Sequence[Section]) -> list[Section]:
    """The sections with all five questions among them: one that nobody answers is printed as missing, in its place."""
    whole = list(sections)
    for slug, (number, _, title) in QUESTIONS.items():
        if any(section.slug == slug for section in whole):
            continue
        asked = {at: QUESTIONS[one.slug][0] for at, one in enumerate(whole) if one.slug in QUESTIONS}
        before = [at + 1 for at, other in asked.items() if other < number]
        place = max(before) if before else min(asked, default=len(whole))
        why = "No part of this installation answers it."
        whole.insert(place, Section(slug, title, (), "missing", why, "", None))
    return whole


@functools.cache
def engine() -> Engine:
    """The pack's own template engine."""
    return Engine(
        dirs=[str(TEMPLATES)],
        libraries={"packs": "evidence.packs.filters"},
        builtins=["evidence.packs.filters"],
        autoescape=True,
    )


def clean_minutes(markdown: str) -> SafeString:
    """Minutes written in Markdown as HTML that can only be text: raw HTML is shown as text, links lose their target."""
    made = MarkdownIt("commonmark", {"html": False}).enable("table").render(markdown)
    lowered = made.replace("<h2", "<h4").replace("</h2", "</h4").replace("<h1", "<h3").replace("</h1", "</h3")
    return mark_safe(nh3.clean(lowered, tags=MINUTES_TAGS, attributes={}))  # noqa: S308  cleaned by nh3 just now


def _part(section: Section) -> _Part:
    number, asked, _ = QUESTIONS.get(section.slug, (None, "", ""))
    template = Path(section.template).name
    if isinstance(section.data, Network):
        drawn = section.data.diagram
        maps = tuple(each for site, one in diagram.maps(drawn) for each in _drawings(site, one))
        zones = tuple((zone, drawn.flows(zone.name)) for zone in drawn.zones)
        dense = any(around.is_dense(one) for _, one in diagram.maps(drawn))
        return _Part(section, number, asked, template, maps, drawn.matrix(), zones, dense=dense)
    if isinstance(section.data, Review):
        return _Part(section, number, asked, template, minutes=clean_minutes(section.data.minutes))
    return _Part(section, number, asked, template)


def _drawings(site: str, one: diagram.Diagram) -> Iterator[tuple[str, SafeString]]:
    """One map; or, where nobody could follow its lines, a drawing of each zone by itself."""
    if not around.is_dense(one):
        yield site, mark_safe(zone_map(one, title=_title(site)))  # noqa: S308  every text in it is escaped
        return
    for number, name in enumerate(around.drawn_alone(one)):
        title = f"{name}: what comes in from each other zone and goes out to it; the lists below say the same in words"
        yield "" if number else site, mark_safe(around.zone_around(one, name, title=title))  # noqa: S308  as above


def _title(site: str) -> str:
    return f"Zones and the connections between them{f', {site}' if site else ''}; the lists below say the same in words"


def _row(control: Control, parts: Sequence[_Part]) -> tuple[Control, list[_Part]]:
    """A control with the sections of this pack that serve it."""
    return control, [part for part in parts if part.section.slug in control.parts]
