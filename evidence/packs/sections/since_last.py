"""Against the pack before: read from that signed pack itself, not from what the records say of that time today."""

from __future__ import annotations

import csv
import hashlib
import io
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from evidence.models import Finding, Pack
from evidence.packs.section import Scope
from evidence.packs.sections.known import Standing, connections
from evidence.packs.since import Moved, Since

LISTS = ("data/findings.csv", "data/connections.csv")
LARGEST = 256 * 1024 * 1024  # bytes of one list
Rows = dict[str, Mapping[str, str]]


class Unreadable(Exception):
    """The earlier pack is there and cannot be read; the text says why."""


def since_last(scope: Scope, standing: Sequence[Standing]) -> Since:
    """What moved since the last pack of the same systems and profile that was built by the cut-off."""
    row = earlier(scope)
    if row is None:
        return Since()
    try:
        found, links = lists_of(row)
    except Unreadable as problem:
        return Since(because=f"{row.ref} cannot be read, so nothing is compared with it: {problem}")
    moved = [*findings_moved(found, standing), *connections_moved(links, scope)]
    return Since(row.ref, row.since, row.until, row.manifest_sha256, "", tuple(moved))


def earlier(scope: Scope) -> Pack | None:
    """The pack before: of another period, so that building a month twice compares both with the same one."""
    rows = Pack.objects.filter(state=Pack.State.BUILT, profile=scope.profile, built_at__lte=scope.as_of)
    rows = rows.exclude(since=scope.since, until=scope.until).filter(as_of__lt=scope.as_of)
    for row in rows.prefetch_related("systems").order_by("-as_of", "-pk"):
        if {system.name for system in row.systems.all()} == set(scope.systems):
            return row
    return None


def lists_of(row: Pack) -> tuple[Rows, Rows]:
    """Its findings and connections by id. Raises Unreadable when the file is gone or is not the one that was signed."""
    place = Path(settings.PACKS) / f"{row.ref}-{row.zip_sha256[:12]}.zip"
    try:
        with place.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != row.zip_sha256:
                raise Unreadable("its file is not as it was built.")
        with zipfile.ZipFile(place) as archive:
            found, links = (rows_of(archive, name) for name in LISTS)
    except FileNotFoundError as problem:
        raise Unreadable("its file is not where it was put.") from problem
    except (OSError, KeyError, zipfile.BadZipFile, UnicodeDecodeError, csv.Error) as problem:
        raise Unreadable(f"{problem}.") from problem
    return found, links


def rows_of(archive: zipfile.ZipFile, name: str) -> Rows:
    """A list of that pack by id."""
    if archive.getinfo(name).file_size > LARGEST:
        raise Unreadable(f"{name} is too large to read.")
    with archive.open(name) as file:
        lines = csv.DictReader(io.TextIOWrapper(file, "utf-8", newline=""))
        return {line["id"]: line for line in lines}


def findings_moved(then: Rows, standing: Sequence[Standing]) -> list[Moved]:
    """New and still open in the order of today's list, then what is gone."""
    now = {one.finding.ref: one for one in standing}
    known = Finding.objects.in_bulk([int(ref.rpartition("-")[2]) for ref in then if ref not in now])
    cured = {row.ref: row for row in known.values()}
    moved = [
        Moved("finding", ref, "still" if ref in then else "new", one.row.subject, one.row.verdict, one.row.because)
        for ref, one in now.items()
    ]
    return moved + [
        Moved("finding", ref, "gone", line.get("subject", ""), line.get("verdict", ""), ending(cured.get(ref)))
        for ref, line in then.items()
        if ref not in now
    ]


def ending(row: Finding | None) -> str:
    """Why a finding is gone: cured by evidence, with the words of the cure, or nobody knows."""
    if row is None:
        return "It is not known any more."
    if row.cured_at is None:
        return "It is not in the last comparison by the cut-off; nothing cured it."
    return f"Cured on {timezone.localtime(row.cured_at):%-d %B %Y}: {row.cured_because or 'no longer found'}"


def connections_moved(then: Rows, scope: Scope) -> list[Moved]:
    """Connections and shares that began or ended; what one permits may have changed too, and its record says how."""
    now = {one.ref: str(one) for one in connections(scope)}
    begun = [Moved("connection", ref, "new", text) for ref, text in now.items() if ref not in then]
    ended = [
        Moved("connection", ref, "gone", f"{line.get('from', '')} to {line.get('to', '')} {line.get('services', '')}")
        for ref, line in then.items()
        if ref not in now
    ]
    return begun + ended
