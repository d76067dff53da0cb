"""Ids people use (CON-42) in addresses."""

from __future__ import annotations

from typing import Protocol


class Converter(Protocol):
    """What Django asks of a path converter."""

    regex: str

    def to_python(self, value: str) -> int: ...
    def to_url(self, value: int) -> str: ...


def converter(prefix: str) -> type[Converter]:
    """A path converter for ids with that prefix."""

    class Ref:
        regex = f"{prefix}-[1-9][0-9]{{0,17}}"

        def to_python(self, value: str) -> int:
            return int(value.removeprefix(f"{prefix}-"))

        def to_url(self, value: int) -> str:
            return f"{prefix}-{value}"

    return Ref
