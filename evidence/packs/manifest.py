"""The manifest: what stands in a pack, where each file came from, and how good a copy it is."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from evidence.packs import verify

# ASD's evidence-quality tiers in our own words; proposed only, the assessor decides.
Quality = Literal["excellent", "good", "fair", "poor", ""]


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a member came from: source and collector by name, when it was observed and received, its tier."""

    source: str = "Eastwest"
    collector: str = ""
    observed_from: datetime | None = None
    observed_to: datetime | None = None
    received_at: datetime | None = None
    quality: Quality = ""
    controls: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Member:
    """One file of the ZIP. `rows`: number of rows of a list, None for anything else."""

    path: str
    content: bytes
    provenance: Provenance = Provenance()
    rows: int | None = None

    def entry(self) -> dict[str, Any]:
        """Its line in the manifest."""
        origin = self.provenance
        return {
            "path": self.path,
            "size": len(self.content),
            "sha256": hashlib.sha256(self.content).hexdigest(),
            "source": origin.source,
            "collector": origin.collector,
            "observed_from": _moment(origin.observed_from),
            "observed_to": _moment(origin.observed_to),
            "received_at": _moment(origin.received_at),
            "quality": origin.quality,
            "controls": list(origin.controls),
            "rows": self.rows,
        }


def manifest_bytes(head: Mapping[str, Any], members: Iterable[Member]) -> bytes:
    """manifest.json: the head's own fields and every member in order of path; the same input, the same bytes.

    Raises ValueError when a path stands twice (also when only its case differs), cannot be unpacked safely, or is
    one the signature itself covers (manifest.json, .sig and .tsr, pack.pdf, pack.html).
    """
    entries = sorted((member.entry() for member in members), key=lambda entry: str(entry["path"]))
    seen = {verify.MANIFEST, verify.SIGNATURE, verify.STAMP, "pack.pdf", "pack.html"}
    for entry in entries:
        path = str(entry["path"])
        if path.casefold() in seen or verify.unsafe(path) or path.endswith("/"):
            raise ValueError(f"a pack cannot hold a member of the path {path!r} (twice, reserved or unsafe)")
        seen.add(path.casefold())
    return verify.canonical({**head, "format": verify.FORMAT, "members": entries})


def path_part(name: str) -> str:
    """A name (of a host, a file) as one safe part of a path: other signs become `_`, never empty, at most 80 signs."""
    plain = "".join(sign if sign.isascii() and (sign.isalnum() or sign in "._-") else "_" for sign in name)
    return plain.strip(".")[:80] or "_"


def _moment(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
