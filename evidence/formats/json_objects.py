"""JSON dumps as numbered objects: each object of the list with the lines it stands on and its source text."""

from __future__ import annotations

import json
from dataclasses import dataclass
from json.decoder import JSONDecodeError
from typing import Any

from compliance.traffic.shares import Origin
from evidence.formats.cursor import Account, decode
from evidence.rules import Artefact, FormatError

AGAIN = "Take the dump again and give the whole output."
BLANK = " \t\r\n"


@dataclass(frozen=True, slots=True)
class Found:
    """One object of a list: its number from 1, its lines in the file, its source text and its value."""

    number: int
    first: int
    last: int
    text: str
    value: Any

    def origin(self, account: Account, *, uid: str = "", comment: str = "") -> Origin:
        """Where the object stands."""
        return Origin(account.digest, account.name, self.first, self.last, self.text, uid, comment)

    def fail(self, account: Account, reason: str, *points: str) -> None:
        """Nobody understood the object (see Account.fail)."""
        account.fail(self.number, self.text, reason, *points, line=self.first)


def objects(artefact: Artefact, key: str = "") -> list[Found]:
    """The objects of a list, or of the list that stands alone under `key`. Raises FormatError."""
    return _Reader(artefact).read(key)


def members(artefact: Artefact) -> dict[str, list[Found] | Any]:
    """The members of the one object that a file holds: a list as its numbered objects, anything else as its value.

    The objects of all lists are numbered through. Raises FormatError.
    """
    return _Reader(artefact).members()


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key comes twice in one object")
    return found


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON number")


class _Reader:
    def __init__(self, artefact: Artefact) -> None:
        self._name = artefact.name
        self._text = decode(artefact)
        self._at = 0
        self._decoder = json.JSONDecoder(object_pairs_hook=_once, parse_constant=_no_constant)
        self._line, self._counted = 1, 0

    def read(self, key: str) -> list[Found]:
        if key:
            self._expect("{")
            if self._value() != key:
                raise self._refused(f"the key {key!r} does not stand first")
            self._expect(":")
        found = self._list()
        if key:
            self._expect("}")
        self._end()
        return found

    def _end(self) -> None:
        self._skip()
        if self._at != len(self._text):
            raise self._refused(f"something follows the end of the list on line {self._line_at(self._at)}")

    def members(self) -> dict[str, list[Found] | Any]:
        self._expect("{")
        found: dict[str, list[Found] | Any] = {}
        counted = 0
        while self._peek() != "}":
            if found:
                self._expect(",")
            key = self._value()
            if not isinstance(key, str) or key in found:
                raise self._refused(f"{key!r} is no key, or comes twice")
            self._expect(":")
            if self._peek() == "[":
                found[key] = self._list(counted)
                counted += len(found[key])
            else:
                found[key] = self._value()
        self._expect("}")
        self._end()
        return found

    def _list(self, before: int = 0) -> list[Found]:
        self._expect("[")
        found: list[Found] = []
        if self._peek() == "]":
            self._at += 1
            return found
        while True:
            self._skip()
            start, first = self._at, self._line_at(self._at)
            value = self._value()
            number = before + len(found) + 1
            found.append(Found(number, first, self._line_at(self._at), self._text[start : self._at], value))
            if self._peek() != ",":
                self._expect("]")
                return found
            self._at += 1

    def _skip(self) -> None:
        while self._at < len(self._text) and self._text[self._at] in BLANK:
            self._at += 1

    def _peek(self) -> str:
        self._skip()
        return self._text[self._at : self._at + 1]

    def _expect(self, sign: str) -> None:
        if self._peek() != sign:
            if self._at >= len(self._text):
                raise FormatError(f"{self._name} is cut off", f"it ends where a {sign!r} must follow", AGAIN)
            raise self._refused(f"line {self._line_at(self._at)} has {self._text[self._at]!r}, not {sign!r}")
        self._at += 1

    def _value(self) -> Any:
        self._skip()
        try:
            value, self._at = self._decoder.raw_decode(self._text, self._at)
        except JSONDecodeError as problem:
            if problem.pos >= len(self._text) - 1 or "Unterminated" in problem.msg:
                why = f"it ends in the middle of a value on line {problem.lineno}"
                raise FormatError(f"{self._name} is cut off", why, AGAIN) from None
            raise self._refused(f"line {problem.lineno}: {problem.msg}") from None
        except RecursionError:
            raise self._refused("its values are nested too deeply") from None
        except ValueError as problem:
            raise self._refused(str(problem)) from None
        return value

    def _line_at(self, place: int) -> int:
        self._line += self._text.count("\n", self._counted, place)
        self._counted = max(self._counted, place)
        return self._line

    def _refused(self, why: str) -> FormatError:
        return FormatError(f"{self._name} is not the JSON it should be", why, AGAIN)
