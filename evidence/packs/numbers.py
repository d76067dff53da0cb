"""Numbers of pages that were set before anybody knew how many there are ("Page 3 of 1020"), drawn at the joining.

The signs come from a page that the same renderer sets in the same face (SAMPLE), so they look as all others do.
"""

from __future__ import annotations

import re
from typing import Any

import pikepdf

from evidence.packs.pdf_file import PdfFile

FONT = "EwNumbers"
SIZE = 7.2  # points, as pack.css has it for what stands in the margins
# HTML of the page the signs are taken from; the renderer's own style sheet of faces goes before it.
SAMPLE = '<!doctype html><html lang="en-AU"><title>Numbers</title><style>{faces}p{{font:7.2pt "IBM Plex Sans";\
font-variant-numeric:tabular-nums}}</style><p>Page of 0123456789,'
POINT = 72 / 25.4
# Where the line ends and stands, from the right and the lower edge, as pack.css has its margins (portrait, landscape).
PLACES = {False: (20 * POINT, 43.1), True: (17 * POINT, 37.43)}
INK, ON_COVER = b"0.082353 0.133333 0.180392", b"1 1 1"
PAIR = re.compile(rb"^<([0-9a-f]{4})> <([0-9a-f]{4})>$", re.MULTILINE)


class Numbers:
    """The signs of a sample page: copied into the file once, then drawn on any page."""

    def __init__(self, sample: pikepdf.Pdf, file: PdfFile) -> None:
        faces: Any = sample.pages[0].obj.Resources.Font
        if len(faces) != 1:
            raise ValueError("the page of numbers is not set in one face")
        face: Any = next(iter(dict(faces.items()).values()))
        below = face.DescendantFonts[0]
        signs = {int(code, 16): chr(int(sign, 16)) for code, sign in PAIR.findall(face.ToUnicode.read_bytes())}
        self.codes = {sign: code for code, sign in signs.items()}
        self.widths = _widths(below.W)
        self.font = file.number()
        entries = {
            "ToUnicode": file.deflated(face.ToUnicode.read_bytes()),
            "program": file.deflated(below.FontDescriptor.FontFile2.read_bytes()),
            "descriptor": file.number(),
            "below": file.number(),
        }
        _put(file, entries["descriptor"], below.FontDescriptor, {"/FontFile2": entries["program"]})
        _put(file, entries["below"], below, {"/FontDescriptor": entries["descriptor"]})
        _put(file, self.font, face, {"/ToUnicode": entries["ToUnicode"], "/DescendantFonts": entries["below"]})

    def drawn(self, number: int, total: int, size: tuple[float, float], *, cover: bool) -> bytes:
        """The content that goes after a page's own, which leaves the page upside down as the renderer draws it."""
        line = f"Page {number} of {total}"
        width, height = size
        right, baseline = PLACES[width > height]
        long = sum(self.widths[self.codes[sign]] for sign in line) * SIZE / 1000
        codes = "".join(f"{self.codes[sign]:04x}" for sign in line)
        where = b"%.3f %.3f Td" % (width - right - long, baseline)
        return (
            b"1 0 0 -1 0 %.6f cm\n/Artifact <</Type /Pagination /Subtype /Footer>> BDC\n" % height
            + b"q %s rg BT /%s %.1f Tf %s <%s> Tj ET Q\nEMC"
            % (ON_COVER if cover else INK, FONT.encode(), SIZE, where, codes.encode())
        )


def _widths(entries: Any) -> dict[int, float]:
    """The widths of signs by their codes, from runs of `first [w w w]`."""
    given = list(entries)
    return {
        int(first) + step: float(width)
        for first, run in zip(given[::2], given[1::2], strict=True)
        for step, width in enumerate(run)
    }


def _put(file: PdfFile, number: int, original: Any, leads: dict[str, int]) -> None:
    """A dictionary with its references replaced by those of the file."""
    parts = [
        f"{key} {f'[{leads[key]} 0 R]' if key == '/DescendantFonts' else f'{leads[key]} 0 R'}".encode()
        if key in leads
        else key.encode() + b" " + _plain(value)
        for key, value in sorted(original.items())
    ]
    file.put(number, b"<< " + b" ".join(parts) + b" >>")


def _plain(value: Any) -> bytes:
    if isinstance(value, pikepdf.Object):
        return value.unparse(resolved=True)
    return pikepdf.Array([value]).unparse(resolved=True)[1:-1].strip()
