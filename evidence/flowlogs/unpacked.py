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


def unpack(source: Path, into: Path, *, name: str = "", cap: int = CAP) -> Plain:
    """Writes the plain bytes of `source` to the file `into`. gzip is opened, with any number of members; what ends too
    early is kept as far as it goes and said to be cut. Raises FormatError for what is packed otherwise or too
    large."""
    name = name or source.name
    digest = hashlib.sha256()
    lines, size, last, cut = 0, 0, b"", ""
    with source.open("rb") as packed, into.open("wb") as plain:
        head = packed.read(4)
        packed.seek(0)
        kind = next((said for magic, said in OTHER.items() if head.startswith(magic)), "")
        if kind:
            raise FormatError(f"{name} is a {kind} file", "only gzip is opened", "Unpack it, or pack it with gzip.")
        try:
            for chunk in _unzipped(_read(packed, digest)) if head.startswith(GZIP) else _read(packed, digest):
                size += len(chunk)
                if size > cap:
                    why = f"it holds more than {cap // 1024**2} MiB unpacked"
                    raise FormatError(f"{name} is too large", why, "Give the log in smaller files, one an hour.")
                lines += len(chunk) - len(chunk.replace(b"\n", b""))  # looks for ends; count() goes byte by byte
                last = chunk
                plain.write(chunk)
        except _Cut as error:
            cut = str(error)
        for _ in _read(packed, digest):  # the hash is that of the whole file, whatever could be opened of it
            pass
    if head.startswith(PARQUET):
        return Plain(name, into, digest.hexdigest(), 0, cut)
    return Plain(name, into, digest.hexdigest(), lines, cut, ended=not size or last.endswith(b"\n"))


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
