"""JSON of which every object knows where it stands in the file, however deep it is nested."""

from __future__ import annotations

import json
from bisect import bisect_right
from json import decoder, scanner
from json.decoder import JSONDecodeError
from typing import Any

from compliance.traffic.shares import Origin
from evidence.formats.cursor import decode, digest
from evidence.rules import Artefact, FormatError

AGAIN = "Take the answers again and give the whole output."
LONGEST = 2_000  # characters of an object that are repeated
NESTED = "its values are nested too deeply"


class Places(json.JSONDecoder):
    """Reads a file and keeps the place of each of its objects."""

    def __init__(self, artefact: Artefact) -> None:
        super().__init__(object_pairs_hook=_once, parse_constant=_no_constant)
        self._name, self._digest = artefact.name, digest(artefact)
        self._text = decode(artefact)
        self._starts = [0, *(place + 1 for place, sign in enumerate(self._text) if sign == "\n")]
        self._places: dict[int, tuple[int, int]] = {}
        self.parse_object: Any = self._object
        self.scan_once = scanner.py_make_scanner(self)  # type: ignore[attr-defined]

    def _object(self, given: tuple[str, int], *rest: Any) -> Any:
        value, end = decoder.JSONObject(given, *rest)  # type: ignore[attr-defined]
        self._places[id(value)] = (given[1] - 1, end)
        return value, end

    def value(self) -> Any:
        """What the file holds. Raises FormatError."""
        try:
            return self.decode(self._text)
        except JSONDecodeError as problem:
            if problem.pos >= len(self._text.rstrip()) - 1 or "Unterminated" in problem.msg:
                why = f"it ends in the middle of a value on line {problem.lineno}"
                raise FormatError(f"{self._name} is cut off", why, AGAIN) from None
            why = f"line {problem.lineno}: {problem.msg}"
        except RecursionError:
            why = NESTED
        except ValueError as problem:
            why = str(problem)
        raise FormatError(f"{self._name} is not the JSON it should be", why, AGAIN)

    def lines(self, value: Any) -> tuple[int, int]:
        """The first and last line of an object."""
        first, last = self._places.get(id(value), (0, 0))
        return bisect_right(self._starts, first), bisect_right(self._starts, max(first, last - 1))

    def text(self, value: Any) -> str:
        """An object as it is written, cut short."""
        first, last = self._places.get(id(value), (0, 0))
        return " ".join(self._text[first : min(last, first + LONGEST)].split())

    def origin(self, value: Any, *, uid: str = "", comment: str = "") -> Origin:
        """Where an object stands."""
        return Origin(self._digest, self._name, *self.lines(value), self.text(value), uid, comment)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key comes twice in one object")
    return found


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON number")
