"""What WeasyPrint leaves out of the tags of a page, put right before its PDF is written (called in the child).

Heads and feet of pages stand in the structure as elements that belong to nothing: they become artefacts, which a
screen reader passes over. Header cells say whether they head a column or a row. What an item of a list holds beside
its text (a block of code) belongs to the item's body.
"""

from __future__ import annotations

import re
from typing import Any

DROPPED = "Dropped"  # the type of an object that is left out when the parts are joined
REFERENCE = re.compile(rb"^(\d+) 0 R$")


def put_right(_document: Any, pdf: Any) -> None:
    """WeasyPrint's `finisher`: the document and its pydyf.PDF, whose objects are altered in place."""
    root = _find(pdf, pdf.catalog["StructTreeRoot"])
    document = _find(pdf, root["K"][0])
    tied = _tied(pdf, document)
    _scopes(pdf, tied)
    _items(pdf, tied)
    nums = _find(pdf, root["ParentTree"])["Nums"]
    pages = {one["StructParents"]: one for one in pdf.objects if _is(one, "Page")}
    for place in range(0, len(nums), 2):
        page = pages.get(nums[place])
        if page is None:
            continue
        loose = {at for at, owner in enumerate(nums[place + 1]) if _number(owner) not in tied}
        if loose:
            _as_artefacts(_find(pdf, page["Contents"]), loose)
            nums[place + 1][:] = [b"null" if at in loose else owner for at, owner in enumerate(nums[place + 1])]
    for one in pdf.objects:
        if _is(one, "StructElem") and one.number not in tied:
            one.clear()
            one["Type"] = f"/{DROPPED}"  # pydyf counts its compressed objects wrongly when one of them is free


def _find(pdf: Any, reference: Any) -> Any:
    return pdf.objects[_number(reference)]


def _number(reference: Any) -> int:
    """The number of a reference; -1 for anything else."""
    found = REFERENCE.match(reference) if isinstance(reference, bytes) else None
    return int(found[1]) if found else -1


def _is(one: Any, kind: str) -> bool:
    return isinstance(one, dict) and one.get("Type") == f"/{kind}"


def _tied(pdf: Any, document: Any) -> set[int]:
    """The numbers of all objects that hang on the document's element."""
    tied, ahead = {document.number}, [document]
    while ahead:
        for kid in ahead.pop().get("K", ()):
            number = _number(kid)
            if number >= 0 and number not in tied:
                tied.add(number)
                ahead.append(pdf.objects[number])
    return tied


def _scopes(pdf: Any, tied: set[int]) -> None:
    """A header cell within a THead heads its column, any other one its row."""
    for number in tied:
        cell = pdf.objects[number]
        if not _is(cell, "StructElem") or cell["S"] != "/TH":
            continue
        row = _find(pdf, cell["P"])
        group = _find(pdf, row["P"])
        cell["A"]["Scope"] = "/Column" if group["S"] == "/THead" else "/Row"


def _items(pdf: Any, tied: set[int]) -> None:
    """An item of a list has a label and a body, and nothing beside them."""
    for number in tied:
        item = pdf.objects[number]
        if not _is(item, "StructElem") or item["S"] != "/LI":
            continue
        kids = [_find(pdf, kid) for kid in item["K"] if _number(kid) >= 0]
        bodies = [kid for kid in kids if kid["S"] == "/LBody"]
        loose = [kid for kid in kids if kid["S"] not in ("/Lbl", "/LBody")]
        if not bodies or not loose:
            continue
        for kid in loose:
            kid["P"] = bodies[0].reference
            bodies[0]["K"].append(kid.reference)
        item["K"][:] = [kid.reference for kid in kids if kid["S"] in ("/Lbl", "/LBody")]


def _as_artefacts(stream: Any, loose: set[int]) -> None:
    """Marked content of these numbers becomes an artefact: the tag, the properties and BDC are three lines each."""
    lines = stream.stream
    for at, line in enumerate(lines):
        if isinstance(line, dict) and line.get("MCID") in loose:
            if lines[at + 1] != b"BDC":
                raise ValueError("the pages are tagged in a way this version does not know")
            lines[at - 1 : at + 2] = [b"/Artifact", b"<</Type /Pagination>>", b"BDC"]
