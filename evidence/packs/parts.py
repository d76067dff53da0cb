"""A pack of many pages on its way: a folder with what each piece is made from, the pieces that are made, and the rest.

Pieces are made in any order, by any process that sees the folder, and stay when that process is killed: what is there
is not made again. The front pages come last, because their contents print where the appendices begin.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from zipfile import ZipFile

from evidence.artefacts import write_whole
from evidence.packs import joining, verify
from evidence.packs.archive import zip_bytes
from evidence.packs.fonts import FONT_FACES, fonts
from evidence.packs.joined import Field
from evidence.packs.manifest import Member
from evidence.packs.numbers import SAMPLE
from evidence.packs.render import JOINING, Attachment, Limits, Order, join_in_child, render_in_child

PLAN, FRONT, NUMBERS, MEMBERS = "plan.json", "front.html", "numbers.pdf", "members.zip"
CHAPTER: Final = -1  # instead of the number of an appendix


@dataclass(frozen=True, slots=True)
class Plan:
    """A pack that is laid out. `pieces`: for each the number of its appendix, or CHAPTER; `head`: of the manifest.

    `identifier`, `made_at` (aware) and `fingerprint` (of the key that will sign) are what every part says of the pack.
    """

    folder: Path
    identifier: str
    pack: str
    made_at: datetime
    fingerprint: str
    head: dict[str, Any]
    pieces: tuple[int, ...]


def lay_out(
    plan: Plan,
    front: str,
    pieces: Iterable[tuple[int, str]],
    manifest: bytes,
    members: Sequence[Member],
    limits: Limits | None,
) -> Plan:
    """Writes the folder; the plan itself last, so that a folder with a plan is whole. `pieces`: the number of the
    appendix, or CHAPTER, and the HTML of each. Gives the plan with them. Raises RenderUnavailable."""
    sample = Order(SAMPLE.format(faces=FONT_FACES), plan.identifier, plan.made_at, fonts())
    write_whole(plan.folder / NUMBERS, render_in_child(sample, limits))
    write_whole(plan.folder / FRONT, front.encode())
    write_whole(plan.folder / verify.MANIFEST, manifest)
    held = zip_bytes(((one.path, one.content) for one in members), packed=False)  # the ZIP of the pack packs them
    write_whole(plan.folder / MEMBERS, held)
    write_whole(plan.folder / "lists.json", json.dumps({one.path: one.rows for one in members}).encode())
    numbers = []
    for at, (number, html) in enumerate(pieces):
        write_whole(_piece(plan, at, "html"), html.encode())
        numbers.append(number)
    plan = replace(plan, pieces=tuple(numbers))
    said = {**asdict(plan), "folder": "", "made_at": plan.made_at.isoformat()}
    write_whole(plan.folder / PLAN, json.dumps(said).encode())
    return plan


def read(folder: Path) -> Plan | None:
    """The plan of a folder; None where none was finished."""
    try:
        said = json.loads((folder / PLAN).read_bytes())
    except FileNotFoundError:
        return None
    when = datetime.fromisoformat(said["made_at"])
    return Plan(**{**said, "folder": folder, "made_at": when, "pieces": tuple(said["pieces"])})


def make(plan: Plan, at: int, limits: Limits | None = None) -> None:
    """Makes one piece, unless it is there. Raises RenderError."""
    place = _piece(plan, at, "pdf")
    if not place.exists():
        html = _piece(plan, at, "html").read_text("utf-8")
        order = Order(html, plan.identifier, plan.made_at, fonts(), numbered=False)
        made = render_in_child(order, limits)
        pages, places = joining.places(made)  # here, where others work beside
        write_whole(_piece(plan, at, "pages"), json.dumps([pages, places]).encode())
        write_whole(place, made)


def missing(plan: Plan) -> list[int]:
    """The pieces that are not made yet."""
    return [at for at in range(len(plan.pieces)) if not _piece(plan, at, "pdf").exists()]


def make_all(plan: Plan, limits: Limits | None = None) -> None:
    """Makes every piece here, as many at once as there are processors; the longest first, so that none waits alone."""
    sizes = {at: _piece(plan, at, "html").stat().st_size for at in range(len(plan.pieces))}
    with ThreadPoolExecutor(os.cpu_count() or 1) as several:
        list(several.map(lambda at: make(plan, at, limits), sorted(sizes, key=lambda at: -sizes[at])))


def joined(plan: Plan, seal: Field, limits: Limits | None = None) -> bytes:
    """The whole document with its empty field, once every piece is made. Raises RenderError."""
    made = [_piece(plan, at, "pdf") for at in range(len(plan.pieces))]
    following, behind = _following(plan)
    manifest, members = kept(plan)
    carried, html = attachments(manifest, members), (plan.folder / FRONT).read_text("utf-8")
    order = Order(html, plan.identifier, plan.made_at, fonts(), carried, numbered=False, following=following)
    front = plan.folder / "front.pdf"
    write_whole(front, render_in_child(order, limits))
    numbers = plan.folder / NUMBERS
    bounds = replace(JOINING, memory=limits.memory) if limits else JOINING
    total = joining.pages(front) + behind
    return join_in_child([front, *made], numbers, total=total, identifier=plan.identifier, seal=seal, limits=bounds)


def _following(plan: Plan) -> tuple[dict[str, int], int]:
    """What the contents lead to behind the front pages → how many pages come between; and how many there are."""
    found: dict[str, int] = {}
    pages = 0
    for at, number in enumerate(plan.pieces):
        long, places = _counted(plan, at)
        if number == CHAPTER:
            found |= {f"at-{name}": pages + page for name, page in places.items()}
        else:
            found.setdefault(f"appendix-{number}", pages)
        pages += long
    return found, pages


def _counted(plan: Plan, at: int) -> tuple[int, dict[str, int]]:
    """How many pages a piece has, and on which its places are, as was counted when it was made; anew for one of a
    version that did not count."""
    try:
        said = json.loads(_piece(plan, at, "pages").read_text())
    except FileNotFoundError:
        said = 0
    if isinstance(said, int):
        return joining.places(_piece(plan, at, "pdf"))
    pages, places = said
    return pages, places


def kept(plan: Plan) -> tuple[bytes, tuple[Member, ...]]:
    """The manifest and the members it lists."""
    rows = json.loads((plan.folder / "lists.json").read_bytes())
    with ZipFile(plan.folder / MEMBERS) as archive:
        members = tuple(Member(name, archive.read(name), rows=rows[name]) for name in archive.namelist())
    return (plan.folder / verify.MANIFEST).read_bytes(), members


def attachments(manifest: bytes, members: Sequence[Member]) -> tuple[Attachment, ...]:
    """What the document carries: the manifest, the complete lists and OSCAL."""
    own = Attachment(verify.MANIFEST, manifest, "What stands in the pack, with sizes and hashes")
    lists = (
        Attachment(Path(one.path).name, one.content, "OSCAL" if one.rows is None else f"All {one.rows} rows")
        for one in members
        if one.path.startswith("oscal/") or (one.rows is not None and one.path.endswith(".csv"))
    )
    return (own, *lists)


def _piece(plan: Plan, at: int, kind: str) -> Path:
    return plan.folder / f"piece-{at + 1:04d}.{kind}"
