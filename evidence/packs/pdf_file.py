"""Writes one PDF object after another and keeps none: a file of any size in the memory of its cross-reference table.

Objects come as bytes that already name their neighbours by the numbers of this file. Small ones are packed into
object streams. The same calls give the same bytes.
"""

from __future__ import annotations

import hashlib
import zlib
from array import array
from typing import BinaryIO

PACKED = 200  # objects to an object stream: as many as a reader has to unpack to see one of them
HEADER = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"
LEVEL = 6


class PdfFile:
    """A PDF being written to `out` (a binary file at its beginning). Numbers are given by `number`, in any order."""

    def __init__(self, out: BinaryIO) -> None:
        self.out = out
        self.kinds = array("B", [0])  # 0 free, 1 at an offset, 2 in an object stream
        self.first = array("Q", [0])  # the offset, or the number of the object stream
        self.second = array("H", [65535])  # the place in the object stream
        self.waiting: list[tuple[int, bytes]] = []
        self.streams: dict[bytes, int] = {}
        self.digest = hashlib.sha256()
        self.at = 0
        self._write(HEADER)

    def number(self) -> int:
        """A number for an object that is put later."""
        self.kinds.append(0)
        self.first.append(0)
        self.second.append(0)
        return len(self.kinds) - 1

    def put(self, number: int, body: bytes) -> None:
        """An object that is no stream."""
        self.waiting.append((number, body))
        if len(self.waiting) == PACKED:
            self._pack()

    def put_alone(self, number: int, body: bytes) -> int:
        """An object outside all object streams; gives where its body begins in the file."""
        self._placed(number)
        self._write(b"%d 0 obj\n" % number)
        begins = self.at
        self._write(body + b"\nendobj\n")
        return begins

    def put_stream(self, number: int, entries: bytes, data: bytes) -> None:
        """A stream: the entries of its dictionary without << >> and Length, and its bytes as they are to stand."""
        self._placed(number)
        self._write(b"%d 0 obj\n<<%s /Length %d>>\nstream\n" % (number, entries, len(data)))
        self._write(data)
        # a reader that does without Length takes \r\n for one end of a line, and the \r would be missing from the data
        self._write(b"\r\nendstream\nendobj\n" if data.endswith(b"\r") else b"\nendstream\nendobj\n")

    def same_stream(self, entries: bytes, data: bytes) -> int:
        """The number of a stream with these very bytes, written once however often it is asked for."""
        key = hashlib.sha256(entries + b"\0" + data).digest()
        if key not in self.streams:
            self.streams[key] = self.number()
            self.put_stream(self.streams[key], entries, data)
        return self.streams[key]

    def deflated(self, data: bytes) -> int:
        """A compressed stream of these bytes, written once; gives its number."""
        return self.same_stream(b"/Filter /FlateDecode", zlib.compress(data, LEVEL))

    def close(self, root: int, info: int, identifier: bytes) -> None:
        """The rest of the file. The second half of its /ID is a hash of all that was written."""
        if self.waiting:
            self._pack()
        table = self.number()
        begins = self.at
        self._placed(table)
        width = max((self.at.bit_length() + 7) // 8, 1)
        rows = bytearray()
        for kind, first, second in zip(self.kinds, self.first, self.second, strict=True):
            rows += kind.to_bytes(1, "big") + first.to_bytes(width, "big") + second.to_bytes(2, "big")
        data = zlib.compress(bytes(rows), LEVEL)
        said = b"/Type /XRef /Size %d /W [1 %d 2] /Root %d 0 R /Info %d 0 R /ID [<%s> <%s>] /Filter /FlateDecode" % (
            len(self.kinds), width, root, info, hashlib.sha256(identifier).hexdigest()[:32].encode(),
            self.digest.hexdigest()[:32].encode(),
        )  # fmt: skip
        self._write(b"%d 0 obj\n<<%s /Length %d>>\nstream\n" % (table, said, len(data)))
        self._write(data + b"\nendstream\nendobj\nstartxref\n%d\n%%%%EOF\n" % begins)

    def _placed(self, number: int) -> None:
        self.kinds[number], self.first[number], self.second[number] = 1, self.at, 0

    def _pack(self) -> None:
        stream = self.number()
        heads, bodies, at = [], [], 0
        for place, (number, body) in enumerate(self.waiting):
            self.kinds[number], self.first[number], self.second[number] = 2, stream, place
            heads.append(b"%d %d" % (number, at))
            bodies.append(body)
            at += len(body) + 1
        head = b" ".join(heads) + b"\n"
        said = b"/Type /ObjStm /N %d /First %d /Filter /FlateDecode" % (len(heads), len(head))
        self.put_stream(stream, said, zlib.compress(head + b"\n".join(bodies), LEVEL))
        self.waiting = []

    def _write(self, data: bytes) -> None:
        self.out.write(data)
        self.digest.update(data)
        self.at += len(data)


def text(value: str) -> bytes:
    """A text string of PDF: UTF-16 in hexadecimal, so that no sign of it can mean anything else."""
    return b"<FEFF" + value.encode("utf-16-be", "surrogatepass").hex().upper().encode() + b">"
