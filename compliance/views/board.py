"""A piece of memory that the processes of one web server share: what one of them counted, the others read.

It is made when this module is loaded, which the first process of the web server does before it makes the others
(`--preload`, compliance/project/supervise.py), and has no name by which anything else on the machine could open it. A
program that was started by itself has one of its own.

Nobody waits for a lock. A value stands in the place that its key names, behind a digest of all its bytes: what another
process is in the middle of writing does not fit its digest and is not there.
"""

from __future__ import annotations

import hashlib
import mmap
import pickle  # of this program's own children alone, see above
import struct
from collections.abc import Hashable
from typing import Any, Final

DIGEST: Final = 16  # bytes
HEAD: Final = struct.Struct(f"<{DIGEST}sI")  # the digest of what follows, and how many bytes that is


class Board:
    """Places for values by key; a value whose place another key takes is gone, as one is that never stood there."""

    def __init__(self, places: int = 2_048, size: int = 4_096) -> None:
        """`size`: bytes of one place. Memory is taken only where something was written."""
        self.places, self.size = places, size
        self._memory = mmap.mmap(-1, places * size)  # shared with the children of this process

    def get(self, key: Hashable) -> Any:
        """The value that any of the processes put under an equal key, a copy of it; None where there is none."""
        at = self._place(key)
        digest, length = HEAD.unpack_from(self._memory, at)
        if not 0 < length <= self.size - HEAD.size:
            return None
        written = self._memory[at + HEAD.size : at + HEAD.size + length]
        if digest_of(written) != digest:
            return None
        whose, value = pickle.loads(written)  # noqa: S301 (written by `put`: nothing else reaches this memory)
        return value if whose == key else None

    def put(self, key: Hashable, value: Any) -> None:
        """Shows a value to all of them. One that is too large for a place, or cannot be copied, is not shown."""
        try:
            written = pickle.dumps((key, value), protocol=pickle.HIGHEST_PROTOCOL)
        except (pickle.PicklingError, TypeError, AttributeError):
            return
        if len(written) <= self.size - HEAD.size:
            at = self._place(key)
            whole = HEAD.pack(digest_of(written), len(written)) + written
            self._memory[at : at + len(whole)] = whole

    def clear(self) -> None:
        """Nothing stands there any more."""
        for place in range(self.places):
            HEAD.pack_into(self._memory, place * self.size, b"", 0)

    def _place(self, key: Hashable) -> int:
        # Children have the seed of their parent, so that equal keys have equal places; elsewhere nothing would be found
        return hash(key) % self.places * self.size


def digest_of(written: bytes) -> bytes:
    """By which half a value is known from a whole one."""
    return hashlib.blake2b(written, digest_size=DIGEST).digest()
