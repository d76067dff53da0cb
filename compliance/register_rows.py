"""The rows of a register file: text, dates and lists read out of parsed YAML, each problem named with its row."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

SECTIONS = ("space", "servers", "groups", "zones", "connections", "shares")
_NOTES = ("comment", "description", "notes", "owner", "system", "organisation")
SERVER_KEYS = (
    "name", "addresses", "role", "zone", "environment", "status", "critical", "high_value", "classification", *_NOTES,
)  # fmt: skip
ADDRESS_KEYS = ("ip", "interface", "zone")
GROUP_KEYS = ("name", "members", "ceiling", "observed", *_NOTES)
ZONE_KEYS = ("name", "prefixes", "classification", "environment", *_NOTES)
_DECISION_KEYS = (
    "review_by", "ends_on", "expected_use", "basis", "justification", "security_implications", "data", "change",
    "agreement", *_NOTES,
)  # fmt: skip
CONNECTION_KEYS = ("id", "source", "destination", "services", "via", *_DECISION_KEYS)
SHARE_KEYS = (
    "id", "server", "path", "protocol", "access", "clients", "security", "squash", "users", "version", *_DECISION_KEYS,
)  # fmt: skip
EXPECTED_USES = ("continuous", "daily", "weekly", "monthly", "quarterly", "yearly", "standby")


@dataclass(slots=True)
class Problems:
    """What is wrong, one sentence each."""

    sentences: list[str] = field(default_factory=list)

    def add(self, where: str, what: str) -> None:
        """Note one problem and the row it stands in."""
        self.sentences.append(f"{where}: {what}")


@dataclass(frozen=True, slots=True)
class Row:
    """One mapping of a section, with its place (from 1) and its name or id."""

    section: str
    number: int
    name: str
    values_by_key: Mapping[str, Any]
    problems: Problems

    def problem(self, what: str) -> None:
        """Note a problem of this row."""
        self.problems.add(f"{self.section} row {self.number} ({self.name})", what)

    def text(self, key: str, *, required: bool = True) -> str:
        """A text; "" when it is absent (a problem if required) or no text."""
        value = self.values_by_key.get(key)
        if value is None or value == "":
            if required:
                self.problem(f"{key} is missing")
            return ""
        return self._text(key, value)

    def _text(self, key: str, value: object) -> str:
        if isinstance(value, str) and value.strip():
            return value.strip()
        self.problem(f"{key}: {value!r} is not text (put it in quotes)")
        return ""

    def texts(self, key: str, *, required: bool = True) -> list[str]:
        """A list of texts; a single text counts as a list of one."""
        found = [text for value in self.values(key) if (text := self._text(key, value))]
        if required and not self.values(key):
            self.problem(f"{key} is missing")
        return found

    def values(self, key: str) -> list[Any]:
        """What stands under the key as a list, whatever it is."""
        value = self.values_by_key.get(key)
        if value is None or value == "":
            return []
        return list(value) if isinstance(value, list | tuple) else [value]

    def choice(self, key: str, choices: Sequence[str], *, default: str | None = None) -> str:
        """One of the choices, or the default when the key is absent."""
        text = self.text(key, required=default is None)
        if not text:
            return default or choices[0]
        if text not in choices:
            self.problem(f"{key}: {text!r} is not one of {', '.join(choices)}")
            return default or choices[0]
        return text

    def day(self, key: str) -> date | None:
        """A date (2027-05-31), or None when absent."""
        value = self.values_by_key.get(key)
        if value is None or value == "":
            return None
        if isinstance(value, date) and not isinstance(value, datetime):
            return value
        if isinstance(value, str):
            try:
                return date.fromisoformat(value.strip())
            except ValueError:
                self.problem(f"{key}: {value!r} is not a date like 2027-05-31")
                return None
        self.problem(f"{key}: {value!r} is not a date like 2027-05-31")
        return None


def rows_of(
    register: Mapping[str, Any],
    section: str,
    name_key: str,
    keys: Sequence[str],
    problems: Problems,
    seen: set[str],
) -> Iterator[Row]:
    """The rows of a section that have a name not yet seen; everything else is a problem."""
    listed = register.get(section)
    if listed is None:
        return
    if not isinstance(listed, list | tuple):
        problems.add(section, "must be a list of rows")
        return
    for number, values in enumerate(listed, start=1):
        if not isinstance(values, Mapping):
            problems.add(f"{section} row {number}", f"{values!r} is not a row of keys and values")
            continue
        name = values.get(name_key)
        row = Row(section, number, name if isinstance(name, str) else "unnamed", values, problems)
        _check_keys(row, keys)
        if not row.text(name_key):
            continue
        if row.name in seen:
            row.problem(f"{name_key} {row.name} is used twice")
            continue
        seen.add(row.name)
        yield row


def _check_keys(row: Row, keys: Sequence[str]) -> None:
    """A key we do not know may be a misspelt limit (`end_on`): it is refused, never passed over."""
    for key in row.values_by_key:
        if key in keys:
            continue
        near = difflib.get_close_matches(str(key), keys, n=1)
        meant = f"; did you mean {near[0]}?" if near else f"; known are {', '.join(keys)}"
        row.problem(f"unknown key {key!r}{meant}")
