"""Binds a pack: sections in, one signed ZIP out. Pure but for the key file and the rendering child.

Order matters: lists and files first, then the manifest over them, then the pages (they print the manifest's hash and
carry it), then one signature in the PDF, then the signature over manifest and PDF. Where a part fills many pages, and
with appendices, the pages are made in pieces (parts.py), the front pages last, and joined.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import Any

from compliance.drawing import diagram
from compliance.drawing.zones import zone_map
from evidence.packs import appendices as printing
from evidence.packs import lists, parts, render_ready, seal, verify
from evidence.packs.archive import zip_bytes
from evidence.packs.content import Face, Network, Review
from evidence.packs.fonts import fonts
from evidence.packs.joined import Field
from evidence.packs.manifest import Member, Provenance, manifest_bytes
from evidence.packs.oscal import oscal_members
from evidence.packs.pages import Printed, Proof, appendix_html, cut_html, pack_html
from evidence.packs.parquet import Parquet
from evidence.packs.render import Limits, Order, RenderUnavailable, render_in_child
from evidence.packs.section import Section
from evidence.packs.workbooks import workbook_bytes

VERIFIER = ("verify.py", "verify_ledger.py", "verify_notes.py", "verify_sampling.py", "verify_stamps.py")
VERDICTS = "verdicts"  # the table whose column `verdict` is counted on the cover and by the verifier


STAMPED = """
   The pack is time-stamped: with --authority FILE.pem, certificates of the authority that you got elsewhere, it says
   whether the stamps are that authority's."""


@dataclass(frozen=True, slots=True)
class Bound:
    """A finished pack. `document` is the PDF (or, with `notice`, the HTML) as it stands in the ZIP under `name`.

    `notice` is "" or says why there is no PDF and what to paste to get one. `counts` as verify.tally.
    """

    archive: bytes
    name: str
    document: bytes
    manifest_sha256: str
    fingerprint: str
    counts: Mapping[str, Any]
    notice: str = ""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A pack without its pages: what the cover says, the members, the head of the manifest."""

    face: Face
    members: tuple[Member, ...]
    head: Mapping[str, Any]


def bind(
    face: Face,
    sections: Sequence[Section],
    key: seal.Seal,
    *,
    provenance: Mapping[str, Provenance] | None = None,
    limits: Limits | None = None,
    ledger: Sequence[Member] = (),
    appendices: bool = False,
) -> Bound:
    """The pack of these sections in this order. `provenance`: where a file came from, by its path in the ZIP.

    `ledger`: its part of the ledger (evidence/packs/ledger_files.py), of which `face.sealed` is printed.
    `appendices`: whether the complete lists are printed as well, here one piece after another on all processors;
    `begin`, `parts.make` and `complete` do the same in steps that may be far from each other.

    Needs a table named `verdicts` with a column `verdict`. Without Pango the pack is made with HTML pages and says
    so in `notice`. Raises ValueError for sections that do not fit together, RenderError and SealError.
    """
    made = prepared(face, sections, key, provenance=provenance, ledger=ledger)
    return bound(made, sections, key, limits=limits, appendices=appendices)


def bound(
    made: Prepared,
    sections: Sequence[Section],
    key: seal.Seal,
    *,
    limits: Limits | None = None,
    appendices: bool = False,
) -> Bound:
    """The same of what is prepared already."""
    try:
        manifest, proof = _proved(made, key, "pack.pdf")
        documents = [] if appendices else cut_html(made.face, sections, proof)
        if not appendices and not documents:
            return _bound(made, sections, key, manifest, proof, limits)
        with tempfile.TemporaryDirectory() as name:
            if appendices:
                plan = begin(Path(name), made, sections, key, limits)
            else:
                plan = _laid_out(Path(name), made, key, manifest, documents, (), limits)
            parts.make_all(plan, limits)
            return complete(plan, key, limits)
    except RenderUnavailable as unavailable:
        return on_screen(made, sections, key, str(unavailable))


def prepared(
    face: Face,
    sections: Sequence[Section],
    key: seal.Seal,
    *,
    provenance: Mapping[str, Provenance] | None = None,
    ledger: Sequence[Member] = (),
) -> Prepared:
    """Everything but the pages: the members, and what the manifest says at its head."""
    render_ready.POOL.stand_ready()  # the pages are set next
    counts = verify.tally(_verdicts(sections))
    compared = sum(counts["verdicts"].values())
    faced = replace(face, compared=compared, exceptions=counts["exceptions"], not_known=counts["not_known"])
    members = [*_lists(sections), *_files(sections, provenance or {}), *_own_files(faced, sections, key), *ledger]
    members += oscal_members(faced, sections, members)
    return Prepared(faced, tuple(members), _head(faced, key, counts))


def on_screen(made: Prepared, sections: Sequence[Section], key: seal.Seal, notice: str) -> Bound:
    """The pack with HTML pages, where no PDF can be made; `notice` says why and what to paste."""
    manifest, proof = _proved(made, key, "pack.html")
    document = pack_html(made.face, sections, proof).encode("utf-8")
    return replace(_sealed(made.members, made.head, key, manifest, "pack.html", document), notice=notice)


def begin(
    folder: Path, made: Prepared, sections: Sequence[Section], key: seal.Seal, limits: Limits | None = None
) -> parts.Plan:
    """Lays out a pack with appendices in a folder: what every piece is made from, to be made anywhere, in any order."""
    manifest, proof = _proved(made, key, "pack.pdf")
    tables = printing.listed(sections)
    named = tuple(Printed(printing.letter(at), one.name, len(one.rows)) for at, one in enumerate(tables))
    proof = replace(proof, appendices=named)
    cut = printing.pieces(tables)
    documents = cut_html(made.face, sections, proof) or [pack_html(made.face, sections, proof)]
    rest = ((one.number, appendix_html(made.face, proof, one)) for one in cut)
    return _laid_out(folder, made, key, manifest, documents, rest, limits)


def _laid_out(
    folder: Path,
    made: Prepared,
    key: seal.Seal,
    manifest: bytes,
    documents: Sequence[str],
    appendices: Iterable[tuple[int, str]],
    limits: Limits | None,
) -> parts.Plan:
    """The folder of a pack whose first document has the front pages and whose others are its chapters."""
    front, *chapters = documents
    pieces = chain(((parts.CHAPTER, one) for one in chapters), appendices)
    identifier = f"{made.face.pack} {hashlib.sha256(manifest).hexdigest()}"
    plan = parts.Plan(folder, identifier, made.face.pack, made.face.built_at, key.fingerprint, dict(made.head), ())
    return parts.lay_out(plan, front, pieces, manifest, made.members, limits)


def complete(plan: parts.Plan, key: seal.Seal, limits: Limits | None = None) -> Bound:
    """Joins, signs and packs what was laid out, once every piece is made."""
    if key.fingerprint != plan.fingerprint:
        raise seal.SealError("The signing key was replaced while the pack was being built. Build it again.")
    if key.revocation.said != plan.head.get("revocation", key.revocation.said):
        raise seal.SealError("What the authorities say of the key changed while the pack was being built. Try again.")
    if key.stamps is None and not plan.head["not_held"]:
        raise seal.SealError(
            f"The pages say that the pack is time-stamped, and it is not. {key.time_said} Build it again."
        )
    manifest, members = parts.kept(plan)
    document = seal.sign_pdf(key, parts.joined(plan, _field(key, plan.pack, plan.made_at), limits))
    return _sealed(members, plan.head, key, manifest, "pack.pdf", document)


def _bound(
    made: Prepared, sections: Sequence[Section], key: seal.Seal, manifest: bytes, proof: Proof, limits: Limits | None
) -> Bound:
    """The pack as one document that is made at once."""
    attached = parts.attachments(manifest, made.members)
    html = pack_html(made.face, sections, proof)
    order = Order(html, f"{made.face.pack} {proof.manifest_sha256}", made.face.built_at, fonts(), attached)
    pages = render_in_child(order, limits, seal=_field(key, made.face.pack, made.face.built_at))
    return _sealed(made.members, made.head, key, manifest, "pack.pdf", seal.sign_pdf(key, pages))


def _field(key: seal.Seal, pack: str, at: datetime) -> Field:
    stamps, told = key.stamps.certificates if key.stamps else (), key.revocation
    chain = (key.certificate, key.authority, *key.others) if told.lists or told.answers else ()
    kept = dict.fromkeys([*stamps, *(one.public_bytes(seal.DER) for one in chain)])
    return Field(key.name, f"Evidence pack {pack}", at, tuple(kept), told.lists, told.answers)


def _proved(made: Prepared, key: seal.Seal, name: str) -> tuple[bytes, Proof]:
    """The manifest of a pack whose document has that name, and what the pages print of it."""
    head = {**made.head, "document": name}
    if name != "pack.pdf" and key.stamps:
        head |= {"time_stamp": key.stamps.said_without_pdf}
    manifest = manifest_bytes(head, made.members)
    proof = Proof(hashlib.sha256(manifest).hexdigest(), len(made.members), key.name, key.fingerprint, name)
    not_compared = f"what {name} prints is not compared with the lists in data/"
    proof = replace(proof, not_checked=(not_compared,), time_said=str(head["time_stamp"]))
    return manifest, replace(proof, revocation=str(head["revocation"]))


def _sealed(
    members: Sequence[Member], head: Mapping[str, Any], key: seal.Seal, manifest: bytes, name: str, document: bytes
) -> Bound:
    stamp = seal.stamp_manifest(key, manifest)
    signature = seal.sign_lines(key, manifest=manifest, document=name, content=document, stamp=stamp)
    sealed = [(name, document), (verify.MANIFEST, manifest), (verify.SIGNATURE, signature)]
    sealed += [(verify.STAMP, stamp)] if stamp else []
    archive = zip_bytes([*sealed, *sorted((one.path, one.content) for one in members)])
    sha256 = hashlib.sha256(manifest).hexdigest()
    return Bound(archive, name, document, sha256, key.fingerprint, head["counts"])


def _verdicts(sections: Sequence[Section]) -> list[str]:
    tables = [table for section in sections for table in section.tables if table.name == VERDICTS]
    if len(tables) != 1 or "verdict" not in tables[0].columns:
        raise ValueError("a pack needs one table of verdicts, with a column named verdict")
    column = tables[0].columns.index("verdict")
    return [lists.text(row[column]) for row in tables[0].rows]


def _head(face: Face, key: seal.Seal, counts: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "pack": face.pack,
        "organisation": face.organisation,
        "sample": face.sample,
        "systems": [system.name for system in face.systems],
        "marking": face.marking,
        "profile": face.profile,
        "period": {"from": face.since.isoformat(), "to": face.until.isoformat()},
        "as_of": face.as_of.isoformat(),
        "built_at": face.built_at.isoformat(),
        "signer": key.signer(),
        "counts": dict(counts),
        "time_stamp": key.time_said,
        "revocation": key.revocation.said,
        "not_held": [] if key.stamps else ["outside time-stamp"],
    }


def _lists(sections: Sequence[Section]) -> list[Member]:
    """Each list as CSV and Parquet; those that people fill into forms of their own as workbooks too."""
    found = []
    with Parquet() as parquet:
        for section in sections:
            about = Provenance(controls=section.controls)
            for table in section.tables:
                made = {f"data/{table.name}.csv": lists.csv_bytes(table)}
                made[f"data/{table.name}.parquet"] = parquet.written(table)
                if table.workbook:
                    made[f"annexes/{table.name}.xlsx"] = workbook_bytes(table)
                found += [Member(path, content, about, len(table.rows)) for path, content in made.items()]
    return found


def _files(sections: Sequence[Section], provenance: Mapping[str, Provenance]) -> list[Member]:
    return [
        Member(path, content, provenance.get(path, Provenance(controls=section.controls)))
        for section in sections
        for path, content in section.files
    ]


def _own_files(face: Face, sections: Sequence[Section], key: seal.Seal) -> list[Member]:
    """The diagram, the minutes, how to verify and the verifier itself."""
    members = [
        Member("VERIFY.txt", _verify_text(face, key).encode("utf-8")),
        *(Member(name, Path(verify.__file__).with_name(name).read_bytes()) for name in VERIFIER),
    ]
    for section in sections:
        about = Provenance(controls=section.controls)
        if isinstance(section.data, Network):
            model = json.dumps(section.data.diagram.as_json(), indent=1, sort_keys=True, ensure_ascii=False)
            members.append(Member("diagram.json", (model + "\n").encode("utf-8"), about))
            for number, (site, one) in enumerate(diagram.maps(section.data.diagram)):
                path = f"diagram-{number + 1}.svg" if number else "diagram.svg"
                members.append(Member(path, zone_map(one, title=f"Zones {site}".strip()).encode("utf-8"), about))
        if isinstance(section.data, Review) and section.data.minutes:
            members.append(Member("minutes.md", section.data.minutes.encode("utf-8"), about))
    return members


def _verify_text(face: Face, key: seal.Seal) -> str:
    return f"""How to verify evidence pack {face.pack}
{"SAMPLE: made from a made-up organisation, not evidence." if face.sample else face.organisation}

1. Ask the organisation for the fingerprint of its signing key by a way other than this pack.
   This pack says: {verify.grouped(key.fingerprint)}
   ({key.name}). A forged pack would say its own.
2. Take verify.py and the verify_*.py beside it from the released version; the copies here are for convenience.
3. Run, with Python 3.8 or later and the openssl command, no network needed:
   python3 verify.py {face.pack}.zip --fingerprint {key.fingerprint}
   It ends with 0 when the pack is sound, 1 when it is not (it names each member that is wrong), 2 when the file is
   not a pack. It lists what it did not check.{STAMPED if key.stamps else ""}
4. ledger/ holds what was decided, with proofs against ledger/checkpoint.txt. Keep that file: with it and the ledger's
   key (ask for its fingerprint too) verify_ledger.py tells from a later export whether anything before was changed.
5. Where the pack holds pack.pdf: pdfsig pack.pdf must say both "Signature is Valid" and "Total document signed".
"""
