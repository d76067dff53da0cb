"""Answers that are kept from one comparison to the next: a night costs what changed since the one before.

An answer is kept under the hash of everything it rests on: the program itself, the reading, what of the register can
matter to it, and what other hosts add. Whoever asks says what that is (`excess_verdicts.rests_on`). Under another hash
there is no answer, so an edit of anything finds none and it is worked out anew. What is kept is sealed: a file that
was altered, cut short or put under another name is no answer either.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from compliance.traffic.witness import Witness
from evidence.judgement import Judgement
from evidence.rules import Certainty, Verdict

SEAL = hashlib.sha256().digest_size


def _program() -> str:
    """The digest of every line of the two rooms that judge: any change of the program forgets every answer."""
    root = Path(__file__).resolve().parents[1]
    files = [path for room in ("compliance", "evidence") for path in sorted((root / room).rglob("*.py"))]
    if not files:
        return secrets.token_hex()  # without its lines no version is known, and no answer may outlive this process
    lines = [f"{path.relative_to(root)} {hashlib.sha256(path.read_bytes()).hexdigest()}" for path in files]
    return hashlib.sha256("\n".join([sys.version, *lines]).encode()).hexdigest()


PROGRAM = _program()  # at the start, when the program is loaded, not when files may have been replaced under it


class Files:
    """Sealed answers, each in a file named by what it rests on. `secret`: of this installation."""

    def __init__(self, folder: Path, secret: bytes) -> None:
        self._folder, self._secret = folder, secret
        self._used: set[str] = set()

    def get(self, key: str) -> bytes | None:
        """The bytes kept under a key, as they were put there; else None."""
        self._used.add(key)
        try:
            held = (self._folder / key).read_bytes()
        except OSError:
            return None
        seal, content = held[:SEAL], held[SEAL:]
        return content if hmac.compare_digest(seal, self._seal(key, content)) else None

    def put(self, key: str, content: bytes) -> None:
        """Keeps the bytes, if it can: what is lost or has no room is worked out again, so nothing waits or fails."""
        with suppress(OSError):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=self._folder, delete=False) as fresh:
                fresh.write(self._seal(key, content) + content)
            Path(fresh.name).replace(self._folder / key)

    def forget_others(self) -> None:
        """Removes what nobody asked for since this was made: nothing will ever ask for most of it again."""
        with suppress(OSError):  # there may be no folder; what stays is in nobody's way
            for path in self._folder.iterdir():
                if path.name not in self._used:
                    path.unlink(missing_ok=True)

    def _seal(self, key: str, content: bytes) -> bytes:
        return hmac.digest(self._secret, b"evidence.kept\0" + key.encode() + b"\0" + content, "sha256")


class Kept:
    """The answers of earlier comparisons. `readings`: host -> the digest of the reading it is judged by."""

    def __init__(self, files: Files, readings: Mapping[str, str]) -> None:
        self.files, self.readings = files, readings
        self.found = self.made = 0

    def recall(self, rests_on: tuple[object, ...], make: Callable[[], Iterable[Judgement]]) -> list[Judgement]:
        """The judgements kept under all that they rest on (numbers, texts and tuples of them); else made and kept."""
        return [_judgement(row) for row in self.value(rests_on, lambda: [_row(one) for one in make()])]

    def value(self, rests_on: tuple[object, ...], make: Callable[[], Any]) -> Any:
        """The same for anything that JSON has: lists, numbers and texts."""
        key = hashlib.sha256(repr((PROGRAM, *rests_on)).encode("utf-8", "backslashreplace")).hexdigest()
        held = self.files.get(key)
        if held is not None:
            self.found += 1
            return json.loads(held)
        self.made += 1
        made = make()
        self.files.put(key, json.dumps(made).encode("ascii"))
        return made


def _row(one: Judgement) -> list[Any]:
    seen = one.witness
    witness = seen and [seen.family, seen.src, seen.dst, seen.proto, seen.sport, seen.dport, seen.iif, seen.oif]
    return [one.verdict, one.certainty, one.subject, one.point, one.rule, one.excess, witness, one.because, one.family,
            one.cause]  # fmt: skip


def _judgement(row: list[Any]) -> Judgement:
    verdict, certainty, subject, point, rule, excess, witness, because, family, cause = row
    return Judgement(
        Verdict(verdict), Certainty(certainty), subject, point, rule, tuple(tuple(box) for box in excess),
        None if witness is None else Witness(*witness), because, family, cause,
    )  # fmt: skip
