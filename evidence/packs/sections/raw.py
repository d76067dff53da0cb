"""The configurations as read: every raw file of the readings in the pack, with where it came from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from evidence.artefacts import Damaged, read_back
from evidence.models import PulledArtefact, StoredArtefact
from evidence.packs.manifest import Provenance, Quality, path_part
from evidence.packs.section import Scope
from evidence.packs.sections.known import Read, last_reads, once, served, servers

READING = "reading"  # what was understood of the files, as JSON
TIERS: dict[str, Quality] = {"good": "good", "fair": "fair"}


@dataclass(frozen=True, slots=True)
class Raw:
    """One file. `content` None: its stored bytes are gone or altered, and `problem` says so."""

    path: str
    host: str
    name: str
    read_at: datetime
    sha256: str
    content: bytes | None
    provenance: Provenance
    problem: str = ""


def raws(scope: Scope) -> list[Raw]:
    """Every raw file behind the last readings of the servers, and the readings themselves as JSON."""
    return once(("raws", scope), lambda: _raws(scope))


def _raws(scope: Scope) -> list[Raw]:
    found: list[Raw] = []
    for read in last_reads(servers(scope), scope.as_of).values():
        if read.snapshot is not None:
            found.extend(of_read(read))
    return found


def of_read(read: Read) -> list[Raw]:
    """The files of one reading: `rules/<host>/<time>-<name>.raw`, and `<time>.reading.json`."""
    snapshot, stem = read.snapshot, stem_of(read)
    if snapshot is None:
        return []
    made = []
    files = PulledArtefact.objects.filter(pull=snapshot.pull).select_related("stored").order_by("name", "pk")
    for number, one in enumerate(files, start=1):
        path = f"{stem}-{number}-{path_part(one.name)}.raw"
        made.append(taken(read, path, one.name, one.observed_at, one.stored, one.command))
    return [*made, taken(read, f"{stem}.reading.json", READING, snapshot.observed_at, snapshot.reading, "")]


def stem_of(read: Read) -> str:
    """How the paths of one reading's files begin in the ZIP; "" without one."""
    if read.snapshot is None:
        return ""
    return f"rules/{path_part(read.server.name)}/{read.snapshot.observed_at.astimezone(UTC):%Y-%m-%dT%H%M%SZ}"


def taken(read: Read, path: str, name: str, observed: datetime, stored: StoredArtefact, command: str) -> Raw:
    """One stored file, checked against its digest."""
    snapshot, source = read.snapshot, read.source
    origin = Provenance(
        source=source.name if source else "Eastwest",
        collector=command or (source.kind if source else ""),
        observed_from=observed,
        observed_to=read.seen_at,
        received_at=snapshot.pull.finished_at if snapshot else None,
        quality=TIERS.get(snapshot.tier, "") if snapshot else "",
        controls=served("rules"),
    )
    try:
        content = read_back(stored)
    except (Damaged, FileNotFoundError) as problem:
        return Raw(path, read.server.name, name, observed, stored.sha256, None, origin, str(problem))
    return Raw(path, read.server.name, name, observed, stored.sha256, content, origin)


def provenance(scope: Scope) -> dict[str, Provenance]:
    """Where each raw file came from, by its path in the ZIP."""
    return {raw.path: raw.provenance for raw in raws(scope) if raw.content is not None}
