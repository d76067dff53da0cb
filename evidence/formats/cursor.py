"""From raw bytes to numbered lines: size limits, decoding, and the account in which every line ends up.

A file that is not text is refused as a whole. Bytes that are no UTF-8 become U+FFFD, and the line says so
(`Line.damaged`): where such a byte stands in a name or a value, the reader must not trust the line.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass

from compliance.traffic.shares import Origin
from evidence.rules import Artefact, FormatError, Lines, Unread

LINE_CAP = 64 * 1024  # bytes of one line
FILE_CAP = 256 * 1024 * 1024  # bytes of one artefact
DAMAGE = "\ufffd"
LONE_RETURN = re.compile(r"\r(?!\n)")
QUOTED_CAP = 500  # characters of a line that are repeated in an Unread entry
PACKED = {b"\x1f\x8b": "gzip", b"PK\x03\x04": "ZIP", b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"(\xb5/\xfd": "zstd"}


@dataclass(frozen=True, slots=True)
class Line:
    """One line without its line end, numbered from 1. `damaged`: it held bytes that are no UTF-8."""

    number: int
    text: str

    @property
    def damaged(self) -> bool:
        """Whether some bytes of the line could not be decoded."""
        return DAMAGE in self.text


def digest(artefact: Artefact) -> str:
    """SHA-256 of the raw bytes in hex: how an Origin names its artefact."""
    return hashlib.sha256(artefact.content).hexdigest()


def decode(artefact: Artefact) -> str:
    """The whole artefact as text. Raises FormatError when it is too large or no text at all."""
    content, name = artefact.content, artefact.name
    if len(content) > FILE_CAP:
        size = f"it has {len(content) // 2**20} MiB, the limit is {FILE_CAP // 2**20} MiB"
        raise FormatError(f"{name} is too large", size, "Give the plain configuration alone.")
    packed = next((kind for magic, kind in PACKED.items() if content.startswith(magic)), None)
    if packed:
        raise FormatError(f"{name} is a {packed} file", "packed files are not opened", "Unpack it and give the text.")
    if b"\0" in content:
        place = content.index(b"\0")
        why = f"byte {place} is zero, which no configuration text contains"
        raise FormatError(f"{name} is not text", why, "Give the dump as plain UTF-8 text.")
    return content.removeprefix(b"\xef\xbb\xbf").decode("utf-8", errors="replace")


def without_lone_returns(text: str) -> str:
    """The text with a blank for each carriage return that ends no line here: XML takes it for the end of one, and every
    number of a line after it would be of another one."""
    return LONE_RETURN.sub(" ", text)


def lines_of(artefact: Artefact) -> list[Line]:
    """All lines in order; a line end at the very end opens no further line. Raises FormatError."""
    text = decode(artefact)
    parts = text.split("\n")
    if parts[-1] == "":
        parts.pop()
    found = [Line(number, part.removesuffix("\r")) for number, part in enumerate(parts, start=1)]
    long = next((line for line in found if len(line.text) > LINE_CAP // 4 and len(line.text.encode()) > LINE_CAP), None)
    if long is not None:
        why = f"line {long.number} is longer than {LINE_CAP // 1024} KiB"
        raise FormatError(f"{artefact.name} is not such a dump", why, "Give the dump as the tool printed it.")
    return found


def ends_whole(artefact: Artefact) -> bool:
    """Whether the last line is complete: tools end every line, a cut copy often does not."""
    return artefact.content.endswith(b"\n")


class Account:
    """Where each line of one artefact went: consumed, ignored (by a named list) or unread.

    JSON stands on one line or on many, as the tool likes: there, one object of the list counts as a line.
    """

    def __init__(self, artefact: Artefact, total: int) -> None:
        self.name, self.digest, self.total = artefact.name, digest(artefact), total
        self._consumed: set[int] = set()
        self._ignored: set[int] = set()
        self._failed: set[int] = set()
        self._unread: list[Unread] = []

    def consume(self, number: int) -> None:
        """The line (or object) of this number, from 1, was understood."""
        self._consumed.add(number)

    def ignore(self, number: int) -> None:
        """The line says nothing about traffic, by a named list."""
        self._ignored.add(number)

    def fail(self, number: int, text: str, reason: str, *points: str, line: int | None = None) -> None:
        """Nobody understood the line; `points` are the points it makes unverifiable (none = every point).

        `line`: where it stands in the file, when `number` counts objects.
        """
        quoted = text if len(text) <= QUOTED_CAP else text[:QUOTED_CAP] + "…"
        self._failed.add(number)
        at = number if line is None else line
        self._unread.extend(Unread(self.name, at, quoted, reason, point) for point in points or ("",))

    def fail_too(self, number: int) -> None:
        """One more line (or object) of what is named as unread at another one."""
        self._failed.add(number)

    def left(self) -> set[int]:
        """The lines of which nobody has said anything yet."""
        return set(range(1, self.total + 1)) - self._consumed - self._ignored - self._failed

    def unread(self) -> tuple[Unread, ...]:
        """The lines nobody understood, in the order of the file."""
        return tuple(sorted(self._unread, key=lambda one: one.line))

    def lines(self) -> Lines:
        """The account. What is both unread and something else counts as unread."""
        ignored = self._ignored - self._failed
        consumed = self._consumed - self._failed - ignored
        return Lines(self.total, len(consumed), len(ignored), len(self._failed))

    def origin(self, line: Line, *, uid: str = "", comment: str = "") -> Origin:
        """Where a statement of one line stands."""
        return Origin(self.digest, self.name, line.number, line.number, line.text, uid, comment)


def words(text: str) -> Iterator[str]:
    """The words of a line, parted by blanks and tabs only."""
    return (word for word in text.replace("\t", " ").split(" ") if word)
