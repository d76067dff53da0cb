"""Binds a pack: sections in, one signed ZIP out. Pure but for the key file and the rendering child.

Order matters: lists and files first, then the manifest over them, then the pages (they print the manifest's hash and
carry it), then one signature in the PDF, then the signature over manifest and PDF.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from compliance.drawing import diagram
from compliance.drawing.zones import zone_map
from evidence.packs import lists, seal, verify
from evidence.packs.archive import zip_bytes
from evidence.packs.content import Face, Network, Review
from evidence.packs.fonts import fonts
from evidence.packs.manifest import Member, Provenance, manifest_bytes
from evidence.packs.oscal import oscal_members
from evidence.packs.pages import Proof, pack_html
from evidence.packs.parquet import Parquet
from evidence.packs.render import Attachment, Limits, Order, RenderUnavailable, render_in_child
from evidence.packs.section import Section
from evidence.packs.workbooks import workbook_bytes

VERIFIER = ("verify.py", "verify_ledger.py", "verify_notes.py", "verify_sampling.py")
VERDICTS = "verdicts"  # the table whose column `verdict` is counted on the cover and by the verifier


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


def bind(
    face: Face,
    sections: Sequence[Section],
    key: seal.Seal,
    *,
    provenance: Mapping[str, Provenance] | None = None,
    limits: Limits | None = None,
    ledger: Sequence[Member] = (),
) -> Bound:
    """The pack of these sections in this order. `provenance`: where a file came from, by its path in the ZIP.

    `ledger`: its part of the ledger (evidence/packs/ledger_files.py), of which `face.sealed` is printed.

    Needs a table named `verdicts` with a column `verdict`. Without Pango the pack is made with HTML pages and says
    so in `notice`. Raises ValueError for sections that do not fit together, RenderError and SealError.
    """
    counts = verify.tally(_verdicts(sections))
    compared = sum(counts["verdicts"].values())
    faced = replace(face, compared=compared, exceptions=counts["exceptions"], not_known=counts["not_known"])
    members = [*_lists(sections), *_files(sections, provenance or {}), *_own_files(faced, sections, key), *ledger]
    members += oscal_members(faced, sections, members)
    head = _head(faced, key, counts)
    try:
        return _bound(faced, sections, key, members, {**head, "document": "pack.pdf"}, limits)
    except RenderUnavailable as unavailable:
        made = _bound(faced, sections, key, members, {**head, "document": "pack.html"}, limits)
        return replace(made, notice=str(unavailable))


def _bound(
    face: Face,
    sections: Sequence[Section],
    key: seal.Seal,
    members: Sequence[Member],
    head: Mapping[str, Any],
    limits: Limits | None,
) -> Bound:
    manifest = manifest_bytes(head, members)
    sha256 = hashlib.sha256(manifest).hexdigest()
    name = str(head["document"])
    html = pack_html(face, sections, Proof(sha256, len(members), key.name, key.fingerprint, name, verify.NOT_HELD))
    document = html.encode("utf-8")
    if name == "pack.pdf":
        attached = [Attachment(verify.MANIFEST, manifest, "What stands in the pack, with sizes and hashes")]
        attached += [
            Attachment(Path(one.path).name, one.content, "OSCAL" if one.rows is None else f"All {one.rows} rows")
            for one in members
            if one.path.startswith("oscal/") or (one.rows is not None and one.path.endswith(".csv"))
        ]
        order = Order(html, f"{face.pack} {sha256}", face.built_at, fonts(), tuple(attached))
        document = seal.sign_pdf(key, render_in_child(order, limits), reason=f"Evidence pack {face.pack}")
    signature = seal.sign_lines(key, manifest=manifest, document=name, content=document)
    sealed = [(name, document), (verify.MANIFEST, manifest), (verify.SIGNATURE, signature)]
    archive = zip_bytes([*sealed, *sorted((one.path, one.content) for one in members)])
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
        "not_held": list(verify.NOT_HELD),
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
   not a pack. It lists what it did not check.
4. ledger/ holds what was decided, with proofs against ledger/checkpoint.txt. Keep that file: with it and the ledger's
   key (ask for its fingerprint too) verify_ledger.py tells from a later export whether anything before was changed.
5. Where the pack holds pack.pdf: pdfsig pack.pdf must say both "Signature is Valid" and "Total document signed".
"""
