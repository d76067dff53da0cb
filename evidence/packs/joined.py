"""What belongs to the joined document as a whole: catalogue, structure, names, bookmarks and the field of the seal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pikepdf

from evidence.packs.numbers import Numbers
from evidence.packs.pdf_file import PdfFile, text

FIELD = "EvidencePackSeal"
SEAL_BYTES = 24_576  # room for the signature with its certificates and a time-stamp
RANGE = b"/ByteRange [0 %010d %010d %010d]"
FANOUT = 64  # entries of a node of a name tree


class JoinError(Exception):
    """The parts do not make one document; the text says why."""


@dataclass(frozen=True, slots=True)
class Field:
    """What the empty field of the signature says: who will sign, why, when; and certificates (DER) kept beside it."""

    name: str
    reason: str
    at: datetime
    certificates: tuple[bytes, ...] = ()
    lists: tuple[bytes, ...] = ()  # of certificates that were taken back (CRL), and answers about one (OCSP)
    answers: tuple[bytes, ...] = ()


@dataclass(slots=True)
class Mark:
    """A bookmark: its number in its part, title and place as they are written, and those below it."""

    number: int
    title: bytes
    place: bytes
    below: list[Mark]

    def numbers(self) -> list[int]:
        """Its own and those below."""
        return [self.number, *(number for one in self.below for number in one.numbers())]

    def led(self, lead: Callable[[bytes], bytes]) -> Mark:
        """The same with the numbers of the file."""
        return Mark(0, self.title, lead(self.place), [one.led(lead) for one in self.below])

    def count(self) -> int:
        """How many stand below it, at any depth."""
        return sum(1 + one.count() for one in self.below)


@dataclass(slots=True)
class Whole:
    """What is gathered from the parts. `structure`, `document`, `pages`: numbers of objects that are written last."""

    file: PdfFile
    structure: int
    document: int
    pages: int
    total: int
    numbers: Numbers | None = None
    body: bytes = b""
    front: list[bytes] = field(default_factory=list)
    carried: dict[bytes, bytes] = field(default_factory=dict)
    info: int = 0
    widget: int = 0
    first_page: int = 0
    done: int = 0
    parents: int = 0
    page_nodes: list[int] = field(default_factory=list)
    parent_nodes: list[int] = field(default_factory=list)
    sections: list[int] = field(default_factory=list)
    ids: list[list[tuple[bytes, int]]] = field(default_factory=list)
    places: dict[bytes, bytes] = field(default_factory=dict)
    wanted: set[bytes] = field(default_factory=set)
    marks: list[Mark] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.widget = self.file.number()


def gather_front(whole: Whole, pdf: pikepdf.Pdf, lead: Callable[[bytes], bytes]) -> None:
    """What the first part says for all: language, colour profile, metadata, information and the carried files."""
    root: Any = pdf.Root
    profile = lead(root.OutputIntents.unparse(resolved=True))
    whole.front = [b"/Lang " + root.Lang.unparse(), b"/OutputIntents " + profile]
    metadata = whole.file.number()
    whole.file.put_stream(metadata, b"/Type /Metadata /Subtype /XML", root.Metadata.read_bytes())
    whole.front.append(b"/Metadata %d 0 R" % metadata)
    whole.info = int(lead(b"%d 0 R" % pdf.trailer.Info.objgen[0]).split()[0])
    carried = list(root.get("/Names", {}).get("/EmbeddedFiles", {}).get("/Names", ()))
    for name, entry in zip(carried[::2], carried[1::2], strict=True):
        whole.carried[bytes(name)] = lead(entry.unparse())


def end(whole: Whole, identifier: str, seal: Field) -> None:
    """Writes the rest of the file. Raises JoinError where a link leads to no place."""
    missing = sorted(name.decode("utf-8", "replace") for name in whole.wanted - set(whole.places))
    if missing:
        raise JoinError(f"The pack's pages lead to places it does not have: {', '.join(missing)[:300]}")
    file = whole.file
    kids = b" ".join(b"%d 0 R" % node for node in whole.page_nodes)
    file.put(whole.pages, b"<< /Type /Pages /Count %d /Kids [%s] >>" % (whole.total, kids))
    signature = _field(whole, seal)
    _structure(whole)
    names = [b"/Dests %d 0 R" % _tree(file, sorted((_hex(name), place) for name, place in whole.places.items()))]
    carried = sorted((_hex(name), place) for name, place in whole.carried.items())
    if carried:
        names.append(b"/EmbeddedFiles %d 0 R" % _tree(file, carried))
        whole.front.append(b"/AF [%s]" % b" ".join(place for _, place in carried))
    if whole.marks:
        whole.front.append(b"/Outlines %d 0 R /PageMode /UseOutlines" % _outline(file, whole.marks))
    store = ((b"Certs", seal.certificates), (b"CRLs", seal.lists), (b"OCSPs", seal.answers))
    kept = [(name, b" ".join(b"%d 0 R" % file.deflated(one) for one in some)) for name, some in store if some]
    if kept:
        whole.front.append(b"/DSS << /Type /DSS %s >>" % b" ".join(b"/%s [%s]" % one for one in kept))
    root = file.number()
    file.put(root, b"<< /Type /Catalog /Pages %d 0 R /StructTreeRoot %d 0 R /MarkInfo << /Marked true >> "
                   b"/ViewerPreferences << /DisplayDocTitle true >> /Names << %s >> /AcroForm << /Fields [%d 0 R] "
                   b"/SigFlags 3 >> /Perms << /DocMDP %d 0 R >> %s >>" % (
                       whole.pages, whole.structure, b" ".join(names), whole.widget, signature, b" ".join(whole.front),
                   ))  # fmt: skip
    file.close(root, whole.info, identifier.encode())


def _field(whole: Whole, seal: Field) -> int:
    """The field on the first page, which nobody sees and a reader names; gives the number of the empty signature."""
    file = whole.file
    signature, element = file.number(), file.number()
    page, key = whole.first_page, whole.parents
    file.put(whole.widget, b"<< /Type /Annot /Subtype /Widget /FT /Sig /T %s /TU %s /Rect [0 0 0 0] /F 132 /P %d 0 R "
                           b"/V %d 0 R /StructParent %d >>" % (
                               text(FIELD), text("Seal of this evidence pack"), page, signature, key,
                           ))  # fmt: skip
    leads = b"<< /Type /OBJR /Obj %d 0 R /Pg %d 0 R >>" % (whole.widget, page)
    said = b"/Type /StructElem /S /Form /P %d 0 R /Pg %d 0 R /K [%s]" % (whole.document, page, leads)
    file.put(element, b"<< %s >>" % said)
    leaf = file.number()
    file.put(leaf, b"<< /Nums [%d %d 0 R] /Limits [%d %d] >>" % (key, element, key, key))
    whole.parent_nodes.append(leaf)
    whole.sections.append(element)
    whole.parents += 1
    said = b"/Type /Sig /Filter /Adobe.PPKLite /SubFilter /ETSI.CAdES.detached /Name %s /Reason %s /M (D:%s+00'00')" % (
        text(seal.name), text(seal.reason), seal.at.astimezone(UTC).strftime("%Y%m%d%H%M%S").encode(),
    )  # fmt: skip
    rule = (
        b"/Reference [<< /Type /SigRef /TransformMethod /DocMDP "
        b"/TransformParams << /Type /TransformParams /P 1 /V /1.2 >> >>]"
    )
    empty = b"%s\n/Contents <%s>" % (RANGE % (0, 0, 0), b"0" * 2 * SEAL_BYTES)
    file.put_alone(signature, b"<< %s %s %s >>" % (said, rule, empty))
    return signature


def _structure(whole: Whole) -> None:
    """The structure root and the document's element, with the parts and the field at its end."""
    file = whole.file
    more = b"".join(b" %d 0 R" % number for number in whole.sections)
    start = whole.body.index(b"/K [")
    cut = whole.body.index(b"]", start)
    file.put(whole.document, whole.body[:cut] + more + whole.body[cut:])
    parents = file.number()
    kids = b" ".join(b"%d 0 R" % node for node in whole.parent_nodes)
    file.put(parents, b"<< /Kids [%s] >>" % kids)
    said = b"/Type /StructTreeRoot /K [%d 0 R] /ParentTree %d 0 R /ParentTreeNextKey %d" % (
        whole.document, parents, whole.parents,
    )  # fmt: skip
    ids = [(b"(" + name + b")", b"%d 0 R" % number) for part in whole.ids for name, number in part]
    if ids:
        said += b" /IDTree %d 0 R" % _tree(file, ids)
    file.put(whole.structure, b"<< %s >>" % said)


def _tree(file: PdfFile, entries: list[tuple[bytes, bytes]]) -> int:
    """A name tree of two levels of these sorted names (as written) and values; gives its number."""
    nodes = []
    for at in range(0, len(entries), FANOUT):
        some = entries[at : at + FANOUT]
        leaf = file.number()
        pairs = b" ".join(name + b" " + value for name, value in some)
        file.put(leaf, b"<< /Limits [%s %s] /Names [%s] >>" % (some[0][0], some[-1][0], pairs))
        nodes.append(b"%d 0 R" % leaf)
    root = file.number()
    file.put(root, b"<< /Kids [%s] >>" % b" ".join(nodes) if nodes else b"<< /Names [] >>")
    return root


def _outline(file: PdfFile, marks: list[Mark]) -> int:
    root = file.number()
    first, last = _siblings(file, marks, root)
    shown = len(marks) + sum(one.count() for one in marks)
    file.put(root, b"<< /Type /Outlines /First %d 0 R /Last %d 0 R /Count %d >>" % (first, last, shown))
    return root


def _siblings(file: PdfFile, marks: list[Mark], above: int) -> tuple[int, int]:
    numbers = [file.number() for _ in marks]
    for at, one in enumerate(marks):
        said = b"/Title %s /Dest %s /Parent %d 0 R" % (one.title, one.place, above)
        if at:
            said += b" /Prev %d 0 R" % numbers[at - 1]
        if at + 1 < len(marks):
            said += b" /Next %d 0 R" % numbers[at + 1]
        if one.below:
            said += b" /First %d 0 R /Last %d 0 R /Count %d" % (*_siblings(file, one.below, numbers[at]), one.count())
        file.put(numbers[at], b"<< %s >>" % said)
    return numbers[0], numbers[-1]


def _hex(name: bytes) -> bytes:
    return b"<" + name.hex().encode() + b">"
