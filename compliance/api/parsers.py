"""What the API takes in: JSON of bounded size and depth, and only text that every database can keep."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any, Final

from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser

LARGEST: Final = 1024 * 1024
DEEPEST: Final = 12


class PlainJson(JSONParser):
    """JSON without characters that are no text: a NUL or half a surrogate pair would fail in the database, not here."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """The object. Raises ParseError."""
        raw = stream.read(LARGEST + 1)
        if len(raw) > LARGEST:
            raise ParseError("The body holds more than 1 MiB; nothing that is asked for here is so long.")
        try:
            found = super().parse(_Again(raw), media_type, dict(parser_context or {}))
        except (RecursionError, UnicodeDecodeError) as error:
            raise ParseError("The body is no JSON text in UTF-8.") from error
        if not isinstance(found, dict):
            raise ParseError("The body must be one JSON object.")
        refuse_odd(found)
        return found


class _Again:
    """Bytes that were read already, as the stream the parser wants."""

    def __init__(self, raw: bytes) -> None:
        self.raw = raw

    def read(self, size: int = -1) -> bytes:
        raw, self.raw = self.raw, b""
        return raw


def refuse_odd(value: Any, depth: int = 0) -> None:
    """Raises ParseError for text that is none, and for nesting that nothing here has."""
    if depth > DEEPEST:
        raise ParseError(f"The body is nested more than {DEEPEST} deep.")
    if isinstance(value, str):
        if "\0" in value or any("\ud800" <= sign <= "\udfff" for sign in value):
            raise ParseError("A text holds a character that no text has.")
    elif isinstance(value, dict):
        for key, each in value.items():
            refuse_odd(key, depth + 1)
            refuse_odd(each, depth + 1)
    elif isinstance(value, list):
        for each in value:
            refuse_odd(each, depth + 1)
    elif isinstance(value, int) and abs(value) >= 2**63:
        raise ParseError("A number is larger than any that is kept here.")
