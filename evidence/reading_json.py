"""A Reading as JSON and back without loss: how the parser child hands over its result, and how snapshots keep it.

Characters that are none (NUL, half of a surrogate pair) become their escapes: no database keeps them as they are.

The shape follows the dataclasses of evidence/rules.py: an object is a list of its fields in their order, preceded by
nothing; sets are sorted lists, times are ISO 8601. Fields that were added at the end, with a default, may be missing:
readings that were kept before still load. `load` trusts nothing: what has another shape is a FormatError.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from datetime import datetime
from enum import Enum
from functools import cache, partial
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from compliance.traffic.boxes import Box
from evidence.rules import FormatError, Reading

VERSION = 1
HALVES = re.compile("[\ud800-\udfff]")  # of a pair: such a sign is no text
FIRST_FIELDS = 10  # of a Reading, `families` the last of them


def dump(reading: Reading) -> bytes:
    """The reading as one line of ASCII JSON."""
    return json.dumps({"version": VERSION, "reading": _plain(reading)}, separators=(",", ":")).encode("ascii")


def load(data: bytes) -> Reading:
    """What `dump` wrote. Raises FormatError when it is anything else."""
    try:
        found = json.loads(data)
        if not isinstance(found, dict) or found.get("version") != VERSION:
            raise ValueError(f"it is not of version {VERSION}")
        reading = _typed(Reading, found.get("reading"))
    except (ValueError, TypeError, RecursionError) as problem:
        raise FormatError("The stored reading cannot be used", str(problem), "Read the raw dumps again.") from problem
    if not isinstance(reading, Reading):
        raise FormatError("The stored reading cannot be used", "it is no reading", "Read the raw dumps again.")
    return reading


def _plain(value: Any) -> Any:
    kind: type = type(value)
    return _writer(kind)(value)


@cache
def _writer(kind: type) -> Callable[[Any], Any]:
    """What makes JSON of a value of that class: found once a class, as for reading."""
    if is_dataclass(kind):
        names = [field.name for field in fields(kind)]
        return lambda value: [_plain(getattr(value, name)) for name in names]
    if issubclass(kind, Enum):
        return lambda value: value.value
    if issubclass(kind, (frozenset, set)):
        return lambda value: sorted(map(_plain, value))
    if kind is tuple:  # often a box: of some readings there are hundreds of thousands
        return lambda value: list(value) if _all_numbers(value) else [_plain(one) for one in value]
    if issubclass(kind, (tuple, list)):
        return lambda value: [_plain(one) for one in value]
    if issubclass(kind, Mapping):
        return lambda value: {_text(str(key)): _plain(one) for key, one in value.items()}
    if issubclass(kind, str):
        return _text
    return (lambda value: value.isoformat()) if issubclass(kind, datetime) else (lambda value: value)


def _text(value: str) -> str:
    """The same text wherever it is one."""
    if "\0" not in value and (value.isascii() or not HALVES.search(value)):
        return value
    return value.replace("\0", "\\x00").encode("utf-8", "backslashreplace").decode()


def _typed(kind: Any, value: Any) -> Any:
    """`value` as the type that a field is declared with. Raises ValueError."""
    return _reader(kind)(value)


@cache
def _reader(kind: Any) -> Callable[[Any], Any]:
    """What makes a value of that type out of JSON: found once a type, for a reading has a hundred thousand values."""
    origin = get_origin(kind)
    if isinstance(kind, type) and is_dataclass(kind):
        return partial(_dataclass, kind)
    if origin in {Union, UnionType}:
        return partial(_union, kind, get_args(kind))
    if origin is Literal:
        words = get_args(kind)
        return lambda value: _checked(value in words and not isinstance(value, bool), kind, value)
    if origin is tuple:
        return _tuple(kind)
    if origin is frozenset:
        one = _reader(get_args(kind)[0])
        return lambda value: frozenset(map(one, _list(value)))
    if origin is not None and issubclass(origin, Mapping):
        of = _reader(get_args(kind)[1])
        return lambda value: {key: of(each) for key, each in _checked(isinstance(value, dict), kind, value).items()}
    return _scalar(kind)


def _scalar(kind: Any) -> Callable[[Any], Any]:
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind
    if kind is datetime:
        return lambda value: datetime.fromisoformat(_checked(isinstance(value, str), kind, value))
    return lambda value: value if type(value) is kind else _checked(False, kind, value)


@cache
def _field_readers(kind: type) -> tuple[Callable[[Any], Any], ...]:
    hints = get_type_hints(kind)
    return tuple(_reader(hints[field.name]) for field in fields(kind))


def _dataclass(kind: type, value: Any) -> Any:
    readers, parts = _field_readers(kind), _list(value)
    if not _needed(kind) <= len(parts) <= len(readers):
        raise ValueError(f"{kind.__name__} has {len(readers)} fields, not {len(parts)}")
    return kind(*[read(part) for read, part in zip(readers, parts, strict=False)])


@cache
def _needed(kind: type) -> int:
    """How many fields have no default; of a reading every field counts that the first version had."""
    given = sum(field.default is MISSING and field.default_factory is MISSING for field in fields(kind))
    return FIRST_FIELDS if kind is Reading else given


def _union(kind: Any, choices: Sequence[Any], value: Any) -> Any:
    """`X | None`, or a box (a list) or a name (a text)."""
    for choice in choices:
        if choice is NoneType and value is None:
            return None
        if choice is str and isinstance(value, str):
            return value
        if choice not in {NoneType, str} and value is not None and not isinstance(value, str):
            return _typed(choice, value)
    texts = [choice for choice in choices if isinstance(choice, type) and issubclass(choice, (Enum, datetime))]
    if texts and isinstance(value, str):
        return _typed(texts[0], value)
    raise ValueError(f"{value!r} is none of {kind}")


def _tuple(kind: Any) -> Callable[[Any], tuple[Any, ...]]:
    of = get_args(kind)
    if len(of) == 2 and of[1] is Ellipsis:
        one = _reader(of[0])
        return lambda value: tuple([one(part) for part in _list(value)])
    readers, numbers = [_reader(each) for each in of], kind == Box

    def several(value: Any) -> tuple[Any, ...]:
        parts = _list(value)
        if len(readers) != len(parts):
            raise ValueError(f"{len(readers)} values were expected, not {len(parts)}")
        if numbers and _all_numbers(parts):
            return tuple(parts)
        return tuple([read(part) for read, part in zip(readers, parts, strict=True)])

    return several


def _all_numbers(values: Sequence[Any]) -> bool:
    return set(map(type, values)) == {int}


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError(f"a list was expected, not {type(value).__name__}")
    return value


def _checked(holds: bool, kind: Any, value: Any) -> Any:
    if not holds:
        raise ValueError(f"{value!r} is no {getattr(kind, '__name__', kind)}")
    return value
