"""From a file as it came, packed or not, to plain bytes on disk: hashed, counted, bounded, and honest about its end."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from isal import igzip_lib

from evidence.flowlogs.shapes import Plain
from evidence.rules import FormatError

CHUNK: Final = 1024 * 1024
CAP: Final = 8 * 1024**3  # bytes of one unpacked file
GZIP: Final = b"\x1f\x8b"
PARQUET: Final = b"PAR1"
OTHER: Final = {b"PK\x03\x04": "ZIP", b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"(\xb5/\xfd": "zstd"}


class Packed:
    """A file as it came. `chunks()` gives its plain bytes; after the last of them `sha256` is that of the whole file,
    and `cut` says why it is not whole ("" = it is)."""

    def __init__(self, source: Path, *, name: str = "", cap: int = CAP) -> None:
        self.name, self.cut = name or source.name, ""
        self._source, self._cap = source, cap
        self._digest = hashlib.sha256()

    @property
    def sha256(self) -> str:
        """In hexadecimal."""
        return self._digest.hexdigest()

    def head(self, size: int) -> bytes:
        """The first plain bytes. Raises FormatError as `chunks`."""
        found = b""
        for chunk in self.chunks():
            found += chunk
            if len(found) >= size:
                break
        return found[:size]

    def chunks(self) -> Iterator[bytes]:
        """From the start, each time. gzip is opened, with any number of members; what ends too early is given as far as
        it goes. Raises FormatError for what is packed otherwise or too large."""
        self.cut, self._digest = "", hashlib.sha256()
        size = 0
        with self._source.open("rb") as packed:
            head = packed.read(4)
            packed.seek(0)
            kind = next((said for magic, said in OTHER.items() if head.startswith(magic)), "")
            if kind:
                what = f"{self.name} is a {kind} file"
                raise FormatError(what, "only gzip is opened", "Unpack it, or pack it with gzip.")
            read = _read(packed, self._digest)
            try:
                for chunk in _unzipped(read) if head.startswith(GZIP) else read:
                    size += len(chunk)
                    if size > self._cap:
                        why = f"it holds more than {self._cap // 1024**2} MiB unpacked"
                        step = "Give the log in smaller files, one an hour."
                        raise FormatError(f"{self.name} is too large", why, step)
                    yield chunk
            except _Cut as error:
                self.cut = str(error)
            for _ in _read(packed, self._digest):  # the hash is that of the whole file, whatever could be opened of it
                pass


def unpack(packed: Packed, into: Path) -> Plain:
    """Writes the plain bytes of a file to the file `into`. Raises FormatError as `Packed.chunks`."""
    lines, first, last = 0, b"", b""
    with into.open("wb") as plain:
        for chunk in packed.chunks():
            lines += len(chunk) - len(chunk.replace(b"\n", b""))  # looks for ends; count() goes byte by byte
            first, last = first or chunk[:4], chunk
            plain.write(chunk)
    if first == PARQUET:
        return Plain(packed.name, into, packed.sha256, 0, packed.cut)
    return Plain(packed.name, into, packed.sha256, lines, packed.cut, ended=not last or last.endswith(b"\n"))


def by_lines(plain: Plain) -> Plain:
    """The same without a last line that has no end, which stands in `tail`: a cut copy often ends so."""
    return plain if plain.ended else replace(plain, tail=_without_tail(plain.path), ended=True)


class _Cut(Exception):
    """The packed stream ends too early, or is damaged from here on."""


def _read(source: object, digest: object) -> Iterator[bytes]:
    while chunk := source.read(CHUNK // 4):  # type: ignore[attr-defined]
        digest.update(chunk)  # type: ignore[attr-defined]
        yield chunk


def _unzipped(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The plain bytes of gzip members one after another. Raises _Cut after all that could be had."""
    opened = igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP)
    begun = False
    for chunk in chunks:
        given = chunk
        while True:
            if opened.eof:
                given = (opened.unused_data + given).lstrip(b"\0")  # tapes pad with zeros
                opened, begun = igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP), False
            if not given and opened.needs_input:
                break
            try:
                plain = opened.decompress(given, CHUNK)
            except igzip_lib.IsalError as error:  # type: ignore[misc]
                raise _Cut(f"the packed bytes are damaged ({error})") from error
            begun, given = True, b""
            if plain:
                yield plain
            if not opened.eof and opened.needs_input:
                break
            if opened.eof and not opened.unused_data:
                break
    if begun and not opened.eof:
        raise _Cut("the packed bytes end too early")


def _without_tail(path: Path) -> str:
    """Takes a last line without an end off the file and gives it as text."""
    with path.open("r+b") as plain:
        end = plain.seek(0, 2)
        back = b""
        while end and b"\n" not in back:
            step = min(end, 65536)
            end -= step
            plain.seek(end)
            back = plain.read(step) + back
        keep, _, tail = back.rpartition(b"\n")
        plain.truncate(end + len(keep) + (1 if b"\n" in back else 0))
    return tail.decode("utf-8", "replace")
