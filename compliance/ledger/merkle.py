"""The Merkle tree of RFC 6962 (and RFC 9162): leaves, roots, and the proofs that one log grew out of another.

Standard library only. A root is 32 bytes; the root of no entries is SHA-256 of nothing. All numbers of entries count
from 0 here, as in the RFC; people read sequence numbers from 1.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

EMPTY = hashlib.sha256(b"").digest()
HASH = 32  # bytes


def leaf(data: bytes) -> bytes:
    """SHA-256(0x00 ‖ data): the hash of one entry."""
    return hashlib.sha256(b"\x00" + data).digest()


def node(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 ‖ left ‖ right): the hash of two subtrees."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class Frontier:
    """The roots of the complete subtrees of a log, largest first: all that is needed to append and to know the root."""

    def __init__(self, size: int = 0, nodes: Iterable[bytes] = ()) -> None:
        """`nodes`: one root for each one-bit of `size`. Raises ValueError when these do not fit."""
        self.size, self.nodes = size, list(nodes)
        if size < 0 or len(self.nodes) != size.bit_count() or any(len(one) != HASH for one in self.nodes):
            raise ValueError(f"a frontier of {size} entries does not have these {len(self.nodes)} nodes")

    def append(self, leaf_hash: bytes) -> None:
        """One more entry: complete subtrees of equal size become one."""
        carried, size = leaf_hash, self.size
        while size & 1:
            carried, size = node(self.nodes.pop(), carried), size >> 1
        self.nodes.append(carried)
        self.size += 1

    def root(self) -> bytes:
        """The root over all entries so far."""
        if not self.nodes:
            return EMPTY
        root = self.nodes[-1]
        for left in reversed(self.nodes[:-1]):
            root = node(left, root)
        return root

    def packed(self) -> bytes:
        """The nodes one after the other."""
        return b"".join(self.nodes)

    @classmethod
    def unpacked(cls, size: int, data: bytes) -> Frontier:
        """The frontier of `packed`. Raises ValueError when it does not fit the size."""
        return cls(size, (data[at : at + HASH] for at in range(0, len(data), HASH)))


def root(leaves: Sequence[bytes]) -> bytes:
    """The root over these leaf hashes."""
    whole = Frontier()
    for one in leaves:
        whole.append(one)
    return whole.root()


def split(size: int) -> int:
    """The largest power of two smaller than `size` (which is 2 or more): where the RFC divides a tree."""
    return 1 << (size - 1).bit_length() - 1


def inclusion(number: int, leaves: Sequence[bytes]) -> list[bytes]:
    """The proof that entry `number` stands in the log of these leaf hashes (RFC 6962, 2.1.1). Raises ValueError."""
    if not 0 <= number < len(leaves):
        raise ValueError(f"there is no entry {number} in a log of {len(leaves)}")
    if len(leaves) == 1:
        return []
    at = split(len(leaves))
    if number < at:
        return [*inclusion(number, leaves[:at]), root(leaves[at:])]
    return [*inclusion(number - at, leaves[at:]), root(leaves[:at])]


class Levels:
    """All nodes of a log, for many inclusion proofs: level by level, an odd last node goes up as it is."""

    def __init__(self, leaves: Sequence[bytes]) -> None:
        self.levels = [list(leaves)]
        while len(below := self.levels[-1]) > 1:
            above = [node(below[at], below[at + 1]) for at in range(0, len(below) - 1, 2)]
            self.levels.append(above + below[-1:] if len(below) & 1 else above)

    def inclusion(self, number: int) -> list[bytes]:
        """The same proof as the function of that name, in as many steps as the tree is high."""
        path = []
        for level in self.levels[:-1]:
            if number ^ 1 < len(level):
                path.append(level[number ^ 1])
            number >>= 1
        return path


def included(leaf_hash: bytes, number: int, size: int, proof: Sequence[bytes], expected: bytes) -> bool:
    """Whether the proof leads from the leaf to the root of `size` entries (RFC 9162, 2.1.3.2)."""
    if not 0 <= number < size:
        return False
    at, last, found = number, size - 1, leaf_hash
    for one in proof:
        if last == 0:
            return False
        if at & 1 or at == last:
            found = node(one, found)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            found = node(found, one)
        at, last = at >> 1, last >> 1
    return last == 0 and found == expected


def consistency(size: int, leaves: Sequence[bytes]) -> list[bytes]:
    """The proof that the first `size` entries are still those of then (RFC 6962, 2.1.2). Raises ValueError."""
    if not 0 < size <= len(leaves):
        raise ValueError(f"there is no proof from {size} entries to {len(leaves)}")
    return _subproof(size, leaves, whole=True)


def _subproof(size: int, leaves: Sequence[bytes], *, whole: bool) -> list[bytes]:
    if size == len(leaves):
        return [] if whole else [root(leaves)]
    at = split(len(leaves))
    if size <= at:
        return [*_subproof(size, leaves[:at], whole=whole), root(leaves[at:])]
    return [*_subproof(size - at, leaves[at:], whole=False), root(leaves[:at])]


def consistent(old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> bool:
    """Whether the proof shows that the log of `new` entries begins with that of `old` (RFC 9162, 2.1.4.2)."""
    if old == new:
        return not proof and old_root == new_root
    if not 0 < old < new:
        return False
    path = list(proof) if old & (old - 1) else [old_root, *proof]
    if not path:
        return False
    at, last = old - 1, new - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    then = now = path[0]
    for one in path[1:]:
        if last == 0:
            return False
        if at & 1 or at == last:
            then, now = node(one, then), node(one, now)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            now = node(now, one)
        at, last = at >> 1, last >> 1
    return last == 0 and then == old_root and now == new_root
