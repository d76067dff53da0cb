"""What a ledger is checked with: signed notes, the Merkle tree, keys. Part of verify_ledger.py, beside it in a pack.

Python 3.8 or later and the openssl command, nothing else.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
import subprocess  # for the openssl command, called by its full path with fixed arguments
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    Holds = Callable[[str, bytes, bytes], bool]  # key (PEM), message, signature

SPKI = bytes.fromhex("302a300506032b6570032100")  # what stands before the 32 bytes of an Ed25519 public key in DER
NOTE = re.compile(
    r"([!-~]{1,120})\n(\d{1,18})\n([A-Za-z0-9+/]{43}=)\n"
    r"time (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{6})?Z)\n\n— \1 ([A-Za-z0-9+/]{91}=)\n"
)


# What a pack holds of the ledger: the note, the key, entries as the export writes them, and a proof for each
SLICE = CHECKPOINT, KEY, ENTRIES, PROOFS = (
    "ledger/checkpoint.txt", "ledger/key.pem", "ledger/entries.jsonl", "ledger/proofs.jsonl"
)  # fmt: skip


class NotALedger(Exception):
    """The file is no ledger export at all, or what it is checked with is no key or note; the text says why."""


class Note(NamedTuple):
    """A checkpoint: which log, how many entries, their root, when, and the signature over `text`."""

    origin: str
    size: int
    root: bytes
    at: str
    text: str
    key_id: bytes
    signature: bytes


class Tree:
    """The Merkle tree of RFC 6962 as it grows: the roots of its complete subtrees, largest first."""

    def __init__(self) -> None:
        self.size = 0
        self.nodes: list[bytes] = []

    def append(self, leaf: bytes) -> None:
        """One more leaf hash."""
        size, nodes = self.size, self.nodes
        while size & 1:
            leaf = hashlib.sha256(b"\x01" + nodes.pop() + leaf).digest()
            size >>= 1
        nodes.append(leaf)
        self.size += 1

    def root(self) -> bytes:
        """The root over all leaves so far."""
        if not self.nodes:
            return hashlib.sha256(b"").digest()
        root = self.nodes[-1]
        for left in reversed(self.nodes[:-1]):
            root = hashlib.sha256(b"\x01" + left + root).digest()
        return root


class Ids:
    """All ids seen, 16 bytes each, with their entries: exact, in 20 bytes an entry."""

    def __init__(self) -> None:
        self.shelves = [bytearray() for _ in range(256)]

    def add(self, uid: str, seq: int) -> None:
        """Keeps one. Raises ValueError for what is no UUID."""
        data = bytes.fromhex(uid.replace("-", ""))
        if len(data) != 16:
            raise ValueError("no UUID")
        self.shelves[data[0]] += data + seq.to_bytes(8, "big")

    def repeated(self) -> Iterable[tuple[int, int]]:
        """Each entry whose id an earlier one has: (entry, the earlier one)."""
        for shelf in self.shelves:
            kept = sorted(bytes(shelf[at : at + 24]) for at in range(0, len(shelf), 24))
            for one, other in ((kept[at], kept[at + 1]) for at in range(len(kept) - 1)):
                if one[:16] == other[:16]:
                    yield int.from_bytes(other[16:], "big"), int.from_bytes(one[16:], "big")


def openssl_holds(key: str, message: bytes, signature: bytes) -> bool:
    """Whether the Ed25519 signature holds, by the openssl command. Raises NotALedger when there is none."""
    command = shutil.which("openssl")
    if command is None:
        raise NotALedger("there is no openssl command on this machine, so no signature can be checked")
    with tempfile.TemporaryDirectory() as folder:
        files = {"key": key.encode(), "message": message, "signature": signature}
        at = {name: str(Path(folder, name)) for name in files}
        for name, data in files.items():
            Path(at[name]).write_bytes(data)
        words = ["pkeyutl", "-verify", "-pubin", "-inkey", at["key"], "-rawin", "-in", at["message"]]
        done = subprocess.run(
            [command, *words, "-sigfile", at["signature"]], capture_output=True, check=False, timeout=60
        )
    return done.returncode == 0


def raw_key(pem: str) -> bytes:
    """The 32 bytes of an Ed25519 public key in PEM. Raises NotALedger."""
    found = re.fullmatch(r"-----BEGIN PUBLIC KEY-----\s+([A-Za-z0-9+/=\s]+?)\s+-----END PUBLIC KEY-----\s*", pem)
    try:
        der = base64.b64decode("".join(found[1].split()), validate=True) if found else b""
    except ValueError:
        der = b""
    if len(der) != 44 or not der.startswith(SPKI):
        raise NotALedger("the key is not an Ed25519 public key in PEM")
    return der[12:]


def read_note(text: str) -> Note:
    """A signed note. Raises ValueError for anything else."""
    found = NOTE.fullmatch(text)
    if found is None:
        raise ValueError("is not a checkpoint of an Eastwest ledger")
    signature = base64.b64decode(found[5])
    body = text[: text.index("\n\n") + 1]
    return Note(found[1], int(found[2]), base64.b64decode(found[3]), found[4], body, signature[:4], signature[4:])


def notes_of(text: str) -> list[Note]:
    """Every note of a file of them, as checkpoints.txt is one. Raises NotALedger when there is none."""
    found = [read_note(one[0]) for one in re.finditer(NOTE.pattern, text.replace("\r\n", "\n"))]
    if not found:
        raise NotALedger("there is no checkpoint in the file given as one")
    return found


def signed_by(note: Note, key: str, holds: Holds) -> bool:
    """Whether this key signed the note."""
    named = hashlib.sha256(note.origin.encode() + b"\n\x01" + raw_key(key)).digest()[:4]
    return named == note.key_id and holds(key, note.text.encode(), note.signature)


def rotation_text(origin: str, old: str, new: str) -> bytes:
    """What both keys sign when one follows the other."""
    hashes = [hashlib.sha256(SPKI + raw_key(key)).hexdigest() for key in (old, new)]
    return "\n".join(["eastwest-ledger-rotation", origin, *hashes, ""]).encode()


def same_key(key: str, other: str) -> bool:
    """Whether two texts hold the same public key; what is no key is none."""
    try:
        return raw_key(key) == raw_key(other)
    except NotALedger:
        return False


def included(leaf: bytes, number: int, size: int, proof: Sequence[bytes]) -> bytes:
    """The root that the proof leads to from entry `number` (from 0) of `size`; b"" when it does not fit the tree."""
    at, last, found = number, size - 1, leaf
    for one in proof:
        if last == 0:
            return b""
        if at & 1 or at == last:
            found = hashlib.sha256(b"\x01" + one + found).digest()
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            found = hashlib.sha256(b"\x01" + found + one).digest()
        at, last = at >> 1, last >> 1
    return found if last == 0 and 0 <= number < size else b""


def check_pack(report: Any, names: Sequence[str], read: Callable[[str], bytes]) -> None:
    """Adds to a pack's report (verify.py) what is wrong with its part of the ledger, and what that leaves open."""
    if CHECKPOINT not in names:
        report.not_checked.append("ledger proofs: the pack holds none")
    elif not set(SLICE) & set(report.members):  # what is wrong already is named already
        wrong, proven = check_slice({name: read(name) for name in SLICE if name in names})
        for path, problem in wrong.items():
            report.name(path, problem)
        if not wrong:
            report.not_checked.append(f"whose key ledger/key.pem is, by which {proven}: compare its fingerprint")


def check_slice(files: Mapping[str, bytes]) -> tuple[dict[str, str], str]:
    """A pack's part of the ledger, by path: what is wrong with each file, and in words what was proven.

    Every entry stands in the log whose root the note names, and the key in the pack signed that note. Whose key it is
    the reader must know by another way.
    """
    wrong: dict[str, str] = {}
    try:
        note, key = read_note(files[CHECKPOINT].decode("utf-8")), files[KEY].decode("ascii")
    except (ValueError, KeyError) as error:
        return {CHECKPOINT: f"is no checkpoint with its key: {error}"}, ""
    try:
        if not signed_by(note, key, openssl_holds):
            wrong[CHECKPOINT] = "is not signed by ledger/key.pem"
    except NotALedger as error:
        wrong[KEY] = f"cannot be checked with: {error}"
    lines, proofs = files.get(ENTRIES, b"").splitlines(), files.get(PROOFS, b"").splitlines()
    if len(lines) != len(proofs):
        wrong[PROOFS] = f"holds {len(proofs)} proofs for {len(lines)} entries"
    for line, proof in zip(lines, proofs):  # noqa: B905  Python 3.8 knows no strict; the lengths were compared
        try:
            data, said = line[68:-1], json.loads(proof)
            path = [bytes.fromhex(one) for one in said["proof"]]
            leads = included(hashlib.sha256(b"\x00" + data).digest(), said["seq"] - 1, note.size, path)
            good = leads == note.root and json.loads(data)["seq"] == said["seq"]
        except (ValueError, KeyError, TypeError, RecursionError):
            good = False
        if not good:
            wrong.setdefault(ENTRIES, f"holds an entry whose proof does not hold: line {lines.index(line) + 1}")
    return wrong, f"{len(lines)} ledger entries stand in the log as checkpoint #{note.size} of {note.at} seals it"
