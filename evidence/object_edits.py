"""Which object or group was edited where a rule's effect changed and its text did not: the root cause. Pure.

An edit of an object is a change on every rule that uses it. A rule names in its comment the objects it was made from,
each with the way to it (`from WEB > WEB-NEW`); what each holds as written stands in the statements on objects.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from compliance.traffic.shares import Origin
from evidence.judgement import listed
from evidence.rules import OBJECTS, Reading

FROM: Final = "from "  # before the objects in a comment (evidence/formats/entries.py)
MOST: Final = 2  # members that a sentence repeats


class Edited:
    """The objects that two readings of a device do not hold alike."""

    def __init__(self, before: Reading, now: Reading) -> None:
        old, new = _objects(before), _objects(now)
        names = dict.fromkeys((*old, *new)) if old and new else {}  # readings of before say nothing of objects
        self._edited = {
            name: _told(name, old.get(name), new.get(name)) for name in names if old.get(name) != new.get(name)
        }
        self._stood = _texts(before) & _texts(now) if self._edited else frozenset()

    def cause(self, origin: Origin | None) -> str:
        """The edits of objects that a rule's other effect comes of; "" where it is the rule's own."""
        if origin is None or origin.text.strip() not in self._stood:
            return ""
        used = used_by(origin)
        return "; ".join(told for name, told in self._edited.items() if _names(used, name))


def used_by(origin: Origin) -> str:
    """The objects a rule was made from, as its comment says them: `A, B > C`; "" where it names none."""
    return f"; {origin.comment}".rpartition(f"; {FROM}")[2] if FROM in origin.comment else ""


def _names(used: str, name: str) -> bool:
    """Whether a name is one of the objects, or of those on the way to them; names may hold blanks."""
    return re.search(rf"(?:^|, | > ){re.escape(name)}(?=$|, | > )", used) is not None


def _objects(reading: Reading) -> Mapping[str, tuple[str, ...]]:
    """Object -> its members as written."""
    return {
        one.subject: tuple(part for part in one.value.split("; ") if part)
        for one in reading.statements
        if one.about == OBJECTS
    }


def _texts(reading: Reading) -> frozenset[str]:
    return frozenset(rule.origin.text.strip() for chain in reading.chains for rule in chain.rules)


def _told(name: str, old: Iterable[str] | None, new: Iterable[str] | None) -> str:
    if old is None:
        return f"{name} was defined"
    if new is None:
        return f"{name} is no longer defined"
    before, after = list(old), list(new)
    come, gone = ([one for one in these if one not in those] for these, those in ((after, before), (before, after)))
    parts = [f"{word} {listed(some, most=MOST)}" for word, some in (("with", come), ("without", gone)) if some]
    return f"{name} was edited: now {' and '.join(parts) or 'in another order'}"


__all__ = ["Edited", "used_by"]
