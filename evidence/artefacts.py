"""Raw bytes, kept once under their SHA-256 before anything reads them: temp file, rename, both put on the disk."""

from __future__ import annotations

import hashlib
import logging
import os
import tempfile
from pathlib import Path

from django.conf import settings

from evidence.models import StoredArtefact

log = logging.getLogger(__name__)


class Damaged(OSError):
    """The stored bytes are not what was stored."""


def place_of(sha256: str) -> Path:
    """Where the bytes of that digest lie."""
    return Path(settings.ARTEFACTS) / sha256[:2] / sha256


def keep(content: bytes) -> StoredArtefact:
    """Keeps the bytes, once, and gives their row. Safe when two workers keep the same bytes at once.

    What lies there altered is written anew, and the log says so: else the same bytes could never be kept again.
    """
    sha256 = hashlib.sha256(content).hexdigest()
    place = place_of(sha256)
    if not place.exists():
        write_whole(place, content)
    elif place.read_bytes() != content:
        log.warning("The stored bytes of %s had been altered. They came again and were written anew.", sha256[:12])
        write_whole(place, content)
    row, _ = StoredArtefact.objects.get_or_create(sha256=sha256, defaults={"size": len(content)})
    return row


def keep_file(path: Path) -> StoredArtefact:
    """The same for a file of any size, which is moved there: it lies on the same disk, and nobody writes to it."""
    digest = hashlib.sha256()
    with path.open("rb") as source:
        while chunk := source.read(2**20):
            digest.update(chunk)
        size = source.tell()
        os.fsync(source.fileno())
    sha256 = digest.hexdigest()
    place = place_of(sha256)
    if not place.parent.is_dir():
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        settle(place.parent.parent)
    path.replace(place)  # also where it lies already: what lies there may have been altered
    settle(place.parent)
    row, _ = StoredArtefact.objects.get_or_create(sha256=sha256, defaults={"size": size})
    return row


def write_whole(place: Path, content: bytes) -> None:
    """The file whole, or not at all, also when the power fails: when this returns, bytes and name are on the disk."""
    if not place.parent.is_dir():
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        settle(place.parent.parent)
    with tempfile.NamedTemporaryFile(dir=place.parent, delete=False) as fresh:
        fresh.write(content)
        fresh.flush()
        os.fsync(fresh.fileno())
    Path(fresh.name).replace(place)
    settle(place.parent)


def settle(folder: Path) -> None:
    """Puts the names in a folder on the disk: a rename is in the folder, not in the file (fsync(2))."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def read_back(row: StoredArtefact) -> bytes:
    """The bytes, checked against their digest. Raises Damaged (or FileNotFoundError)."""
    content = place_of(row.sha256).read_bytes()
    if hashlib.sha256(content).hexdigest() != row.sha256:
        raise Damaged(f"the stored bytes of {row.sha256[:12]} were altered: restore them from a backup")
    return content
