"""Joins the PDFs of a pack's parts into its one document: pages, tags, bookmarks and links, in the memory of one part.

One part is open at a time; its objects are written under new numbers and forgotten. What belongs to the document as a
whole (catalogue, structure root, names, bookmarks, the field for the seal) is written last, by joined.py. The first
part has the front pages: it brings title, language, colour profile and the files that the document carries.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import pikepdf

from evidence.packs import joined
from evidence.packs.joined import Field, JoinError, Mark, Whole
from evidence.packs.numbers import FONT, Numbers
from evidence.packs.pdf_file import PdfFile
from evidence.packs.tagging import DROPPED

SCHEME = "pack:"
# A reference; or a string, which may look like one and stays as it is.
REFERENCE = re.compile(rb"\((?:[^()\\]|\\.)*\)|<[0-9A-Fa-f]*>|\b(\d+) 0 R\b", re.DOTALL)
PLAIN = re.compile(rb"\b(\d+) 0 R\b")  # of a body without a string in brackets: in hexadecimal digits stands no blank
IDS = re.compile(rb"/(?:ID (\([^()]*\))|Headers (\[[^\]]*\]))")
LENGTH = re.compile(rb"/Length \d+")
LEFT_OUT = (b"/Type /ObjStm", b"/Type /XRef")
DROPPED_SAID = b"<< /Type /" + DROPPED.encode()


def join(
    parts: Sequence[bytes | Path], out: BinaryIO, *, identifier: str, seal: Field, numbers: bytes | None = None,
    total: int | None = None,
) -> int:  # fmt: skip
    """Writes the document of these PDFs (as the renderer makes them) to `out`; gives the number of its pages.

    `numbers`: the page from which the signs of "Page 3 of 9" are taken, to be drawn on every page; None where the
    pages have them. `total`: how many pages they have together, where that was counted before. Raises JoinError for
    pages that lead out of the document or to a place it does not have.
    """
    if total is None:
        total = sum(pages(one) for one in parts)
    file = PdfFile(out)
    whole = Whole(file, structure=file.number(), document=file.number(), pages=file.number(), total=total)
    if numbers is not None:
        with pikepdf.open(io.BytesIO(numbers)) as sample:
            whole.numbers = Numbers(sample, file)
    for at, one in enumerate(parts):
        with opened(one) as pdf:
            _Part(pdf, at, whole).take()
    joined.end(whole, identifier, seal)
    return total


def pages(part: bytes | Path) -> int:
    """How many pages a PDF has."""
    with opened(part) as pdf:
        return len(pdf.pages)


def places(part: bytes | Path) -> tuple[int, dict[str, int]]:
    """How many pages a PDF has, and its named places → the pages before each."""
    with opened(part) as pdf:
        at = {page.obj.objgen: number for number, page in enumerate(pdf.pages)}
        return len(at), {str(name): at[place[0].objgen] for name, place in _named(pdf.Root)}


def opened(part: bytes | Path) -> pikepdf.Pdf:
    """A PDF from memory or from the disk, to be closed by the caller."""
    return pikepdf.open(part if isinstance(part, Path) else io.BytesIO(part))


class _Part:
    """One open part on its way into the whole. Numbers: `map` leads from those of the part to those of the file."""

    def __init__(self, pdf: pikepdf.Pdf, at: int, whole: Whole) -> None:
        self.pdf, self.at, self.whole = pdf, at, whole
        self.root: Any = pdf.Root
        self.tree: Any = self.root.StructTreeRoot
        self.map: dict[int, int] = {}
        self.said: dict[int, bytes] = {}  # what is no stream, as it is written in the part
        self.ids: list[tuple[bytes, int]] = []
        self.extra: dict[int, list[bytes]] = {}  # further entries of a dictionary, by its number in the part

    def take(self) -> None:
        """Writes what the pages of this part are made of, and gathers what the whole needs to know."""
        document = _number(self.tree.K[0])
        lowest, highest = self._count_parents()
        self._lead_inside()
        bookmarks = list(_bookmarks(self.root.get("/Outlines")))
        alone = {_number(one) for one in (self.root, self.tree, self.root.Metadata, self.root.get("/Outlines")) if one}
        alone |= {number for mark in bookmarks for number in mark.numbers()}
        streams: dict[int, pikepdf.Stream] = {}
        for one in self.pdf.objects:
            number = _number(one)
            if number in alone:
                continue
            if isinstance(one, pikepdf.Stream):
                streams[number], self.map[number] = one, self._new_stream(one)
                continue
            said = one.unparse(resolved=True)
            if said.startswith(DROPPED_SAID):
                self.map[number] = 0
            elif not said.startswith(b"null"):
                self.said[number], self.map[number] = said, self.whole.file.number()
        self.map[document] = self.whole.file.number() if self.at else self.whole.document
        self.map[_number(self.tree)] = self.whole.document if self.at else self.whole.structure
        self._number_pages()
        self.extra[_number(self.root.Pages)] = [b"/Parent %d 0 R" % self.whole.pages]
        self.extra[_number(self.tree.ParentTree)] = [b"/Limits [%d %d]" % (lowest, highest)]
        for number, stream in streams.items():
            self._write_stream(number, stream)
        for number, said in self.said.items():
            if number != document:
                self._write(number, said)
        self._document(document)
        self.whole.page_nodes.append(self.map[_number(self.root.Pages)])
        self.whole.parent_nodes.append(self.map[_number(self.tree.ParentTree)])
        self.whole.marks += [mark.led(self._led) for mark in bookmarks]
        self._gather_names()
        if not self.at:
            joined.gather_front(self.whole, self.pdf, self._led)

    def _new_stream(self, one: pikepdf.Stream) -> int:
        """A number in the file; 0 for what only holds a PDF together. Streams that lead nowhere are written at once."""
        file = self.whole.file
        said = one.stream_dict.unparse(resolved=True)
        if any(kind in said for kind in LEFT_OUT):
            return 0
        if _leads_on(said):
            return file.number()
        return file.same_stream(LENGTH.sub(b"", said)[2:-2].strip(), one.read_raw_bytes())

    def _led(self, body: bytes) -> bytes:
        """The same with the numbers of the file. KeyError would mean that something leads to what is left out."""
        if b"(" in body:
            return REFERENCE.sub(self._leads, body)
        parts = PLAIN.split(body)
        parts[1::2] = [b"%d 0 R" % self._number_of(one) for one in parts[1::2]]
        return b"".join(parts)

    def _leads(self, found: re.Match[bytes]) -> bytes:
        return found[0] if found[1] is None else b"%d 0 R" % self._number_of(found[1])

    def _number_of(self, said: bytes) -> int:
        try:
            return self.map[int(said)]
        except KeyError:
            raise JoinError(f"Part {self.at + 1} of the pack's pages is not whole (object {int(said)}).") from None

    def _write_stream(self, number: int, one: pikepdf.Stream) -> None:
        said = one.stream_dict.unparse(resolved=True)
        if self.map[number] and _leads_on(said):
            entries = self._led(LENGTH.sub(b"", said)[2:-2].strip())
            self.whole.file.put_stream(self.map[number], entries, one.read_raw_bytes())

    def _write(self, number: int, said: bytes) -> None:
        body = self._named(number, self._led(said))
        more = self.extra.get(number)
        if more:
            body = body[:-2] + b" ".join(more) + b" >>"
        self.whole.file.put(self.map[number], body)

    def _named(self, number: int, body: bytes) -> bytes:
        """Names of header cells are unique in a part only: they get the number of the part before them."""
        if b"/StructElem" not in body:
            return body
        before = b"(%04d-" % self.at
        if b"(" not in body:
            return body
        changed = IDS.sub(lambda found: found[0].replace(b"(", before), body)
        own = re.search(rb"/ID \(([^()]*)\)", changed)
        if own:
            self.ids.append((own[1], self.map[number]))
        return changed

    def _count_parents(self) -> tuple[int, int]:
        """Moves the keys of pages and annotations behind those of the parts before; gives the first and the last."""
        base = self.whole.parents
        nums: Any = self.tree.ParentTree.Nums
        for place in range(0, len(nums), 2):
            nums[place] = int(nums[place]) + base
        for page in self.pdf.pages:
            page.obj.StructParents = int(page.obj.StructParents) + base
            for note in page.obj.get("/Annots", ()):
                note.StructParent = int(note.StructParent) + base
        self.whole.parents = base + len(nums) // 2
        return base, self.whole.parents - 1

    def _lead_inside(self) -> None:
        """`pack:` links lead to places in other parts; nothing else may lead anywhere."""
        for page in self.pdf.pages:
            for note in page.obj.get("/Annots", ()):
                action = note.get("/A")
                if note.Subtype != "/Link" or (action is not None and action.S != "/URI"):
                    raise JoinError("The pack's pages hold something that is neither text nor a link.")
                if action is None:
                    self.whole.wanted.add(bytes(note.Dest))
                    continue
                target = bytes(action.URI).decode("utf-8", "replace")
                if not target.startswith(SCHEME):
                    raise JoinError(f"The pack's pages lead out of the pack: {target[:200]}")
                del note["/A"]
                note.Dest = pikepdf.String(target.removeprefix(SCHEME))
                note.Contents = note.Dest
                self.whole.wanted.add(bytes(note.Dest))

    def _number_pages(self) -> None:
        """Sets "Page 3 of 9" as content behind each page's own, with its face among those of the page."""
        whole = self.whole
        for page in self.pdf.pages:
            whole.done += 1
            if whole.done == 1:
                whole.first_page = self.map[_number(page.obj)]
                notes = self._led(page.obj.get("/Annots", pikepdf.Array()).unparse(resolved=True))
                if "/Annots" in page.obj:
                    del page.obj["/Annots"]
                self.extra[_number(page.obj)] = [b"/Annots %s %d 0 R]" % (notes[:-1], whole.widget)]
                self.said[_number(page.obj)] = page.obj.unparse(resolved=True)
            if whole.numbers is None:
                continue
            size = float(page.obj.MediaBox[2]), float(page.obj.MediaBox[3])
            drawn = whole.file.deflated(whole.numbers.drawn(whole.done, whole.total, size, cover=whole.done == 1))
            own = self.map[_number(page.obj.Contents)]
            del page.obj["/Contents"]
            self.said[_number(page.obj)] = page.obj.unparse(resolved=True)
            self.extra.setdefault(_number(page.obj), []).append(b"/Contents [%d 0 R %d 0 R]" % (own, drawn))
            faces = page.obj.Resources.Font
            self.extra[_number(faces)] = [b"/%s %d 0 R" % (FONT.encode(), whole.numbers.font)]

    def _document(self, number: int) -> None:
        """The element of the whole part: the document itself, or a part that hangs on it."""
        body = self._led(self.tree.K[0].unparse(resolved=True))
        if self.at:
            self.whole.sections.append(self.map[number])
            self.whole.file.put(self.map[number], body.replace(b"/S /Document", b"/S /Part"))
        else:
            self.whole.body = body

    def _gather_names(self) -> None:
        for name, place in _named(self.root):
            if bytes(name) in self.whole.places:
                raise JoinError(f"Two places of the pack have the name {bytes(name).decode('utf-8', 'replace')}.")
            self.whole.places[bytes(name)] = self._led(place.unparse(resolved=True))
        if self.ids:
            self.whole.ids.append(sorted(self.ids))


def _leads_on(said: bytes) -> bool:
    """Whether an object names another one."""
    if b"(" not in said:
        return PLAIN.search(said) is not None
    return any(found[1] for found in REFERENCE.finditer(said))


def _named(root: Any) -> Iterator[tuple[Any, Any]]:
    """The named places of a part."""
    names = root.get("/Names", {})
    entries = list(names.get("/Dests", {}).get("/Names", ())) if names else []
    yield from zip(entries[::2], entries[1::2], strict=True)


def _bookmarks(above: Any) -> Iterator[Mark]:
    """The bookmarks below one, in their order."""
    one = above.get("/First") if above is not None else None
    while one is not None:
        place = one.Dest.unparse(resolved=True)
        yield Mark(_number(one), one.Title.unparse(), place, list(_bookmarks(one)))
        one = one.get("/Next")


def _number(one: Any) -> int:
    number: int = one.objgen[0]
    return number
