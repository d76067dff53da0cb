"""One walk over the values of a pack: every text in them, whatever they are made of."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any, Final

from compliance.catalogue import Control

# The setter of pages looks at the whole rest of a word for every line of it: ten thousand letters without a blank took
# minutes. A place to break, which nobody sees, each forty letters of a word that is longer than any line.
LONGEST, STEP = 80, 40
LONG: Final = re.compile(rf"[^\s\u200b]{{{LONGEST + 1},}}")
BREAK: Final = "\u200b"
MOMENT: Final = re.compile(r"(\d{4}-\d\d-\d\dT)(?=\d\d:\d\d)")  # a narrow column has the day above the time


def each_text(value: Any, change: Callable[[str], str], kept: Collection[str] = ()) -> Any:
    """The value with `change` done to every text in it, but for fields of the names `kept` and our own catalogue."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Control):
        return value  # our own words, the same in every pack
    if is_dataclass(value) and not isinstance(value, type):
        said = {one.name: getattr(value, one.name) for one in fields(value) if one.name not in kept}
        made = {name: each_text(one, change, kept) for name, one in said.items()}
        moved = {name: one for name, one in made.items() if one is not said[name]}
        return replace(value, **moved) if moved else value
    if isinstance(value, tuple):
        return tuple(each_text(one, change, kept) for one in value)
    if isinstance(value, list):
        return [each_text(one, change, kept) for one in value]
    if isinstance(value, Mapping):
        return {each_text(key, change, kept): each_text(one, change, kept) for key, one in value.items()}
    return value


def breakable(text: str) -> str:
    """The text with places to break in words that no line holds, and between a day and its time."""
    text = MOMENT.sub(rf"\1{BREAK}", text)
    return LONG.sub(lambda found: BREAK.join(found[0][at : at + STEP] for at in range(0, len(found[0]), STEP)), text)
