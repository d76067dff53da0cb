"""The policy as a value: which rules are on, how severe, with which parameters; the zone matrix; dated exceptions.

From JSON (as a version keeps it) and back. What is not as it must be is refused, all of it at once, each in a sentence.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, Literal, cast

from compliance.policy.facts import Side, spans_of
from compliance.traffic.services import Span

Severity = Literal["block", "serious", "warn", "note"]
Decision = Literal["allowed", "reason", "never"]
SEVERITIES: Final[tuple[Severity, ...]] = ("block", "serious", "warn", "note")
DECISIONS: Final[tuple[Decision, ...]] = ("allowed", "reason", "never")
Value = int | bool | str | tuple[str, ...]
Parameters = Mapping[str, Value]


class PolicyError(ValueError):
    """The policy cannot be used. `problems`: a sentence for each thing that is wrong."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__(" ".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Setting:
    """How one rule is set."""

    on: bool
    severity: Severity
    parameters: Parameters

    def number(self, name: str) -> int:
        """A parameter that is a number."""
        return int(cast(int, self.parameters[name]))

    def flag(self, name: str) -> bool:
        """A parameter that is yes or no."""
        return bool(self.parameters[name])

    def texts(self, name: str) -> tuple[str, ...]:
        """A parameter that is a list."""
        return cast(tuple[str, ...], self.parameters[name])

    def word(self, name: str) -> str:
        """A parameter that is one word."""
        return str(self.parameters[name])


@dataclass(frozen=True, slots=True)
class Cell:
    """One line of the zone matrix. `*` is every zone, `outside` what is not of the estate; no services: all of them.

    The lines are read in order: for each service the first that speaks of it decides.
    """

    source: str
    destination: str
    decision: Decision
    services: tuple[str, ...] = ()

    @property
    def spans(self) -> tuple[Span, ...]:
        """Its services as spans; all there are where it names none."""
        return tuple(span for _, span in spans_of(self.services or ("any",)))


@dataclass(frozen=True, slots=True)
class Waiver:
    """A dated exception that stands in the policy itself: until that day the rule does not stop this traffic.

    `source` and `destination` are the names of a server, a zone or a role, or `*`.
    """

    rule: str
    source: str
    destination: str
    services: tuple[str, ...]
    until: date
    because: str

    def holds(self, rule: str, source: Side, destination: Side, on: date) -> bool:
        """Whether it speaks of this rule and these ends, and has not run out."""
        here = source.is_called(self.source) and destination.is_called(self.destination)
        return self.rule == rule and on <= self.until and here

    @property
    def spans(self) -> tuple[Span, ...]:
        """Its services as spans."""
        return tuple(span for _, span in spans_of(self.services or ("any",)))


@dataclass(frozen=True, slots=True)
class Policy:
    """All of it. `otherwise`: what the matrix says of a pair of zones that no line speaks of."""

    rules: Mapping[str, Setting]
    cells: tuple[Cell, ...]
    otherwise: Decision
    waivers: tuple[Waiver, ...]

    def as_json(self) -> dict[str, Any]:
        """The shape a version keeps; `from_json` reads it back."""
        return {
            "rules": {
                name: {
                    "on": one.on,
                    "severity": one.severity,
                    "parameters": {
                        key: list(value) if isinstance(value, tuple) else value for key, value in one.parameters.items()
                    },
                }
                for name, one in self.rules.items()
            },
            "matrix": {
                "otherwise": self.otherwise,
                "cells": [
                    {
                        "from": one.source, "to": one.destination, "decision": one.decision,
                        "services": list(one.services),
                    }
                    for one in self.cells
                ],
            },
            "exceptions": [
                {
                    "rule": one.rule, "source": one.source, "destination": one.destination,
                    "services": list(one.services), "until": one.until.isoformat(), "because": one.because,
                }
                for one in self.waivers
            ],
        }  # fmt: skip


def from_json(data: Mapping[str, Any], defaults: Mapping[str, Setting]) -> Policy:
    """A policy from what a version keeps. `defaults`: every rule there is, as shipped.

    A rule that the version does not know (it is newer) stands as shipped; one that Eastwest does not know is refused.
    Raises PolicyError with everything that is wrong.
    """
    problems: list[str] = []
    rules = dict(defaults)
    for name, said in _mapping(data.get("rules", {}), "rules", problems).items():
        if name not in defaults:
            problems.append(f"There is no rule {name}.")
            continue
        setting = _setting(name, said, defaults[name], problems)
        if setting is not None:
            rules[name] = setting
    matrix = _mapping(data.get("matrix", {}), "matrix", problems)
    otherwise = matrix.get("otherwise", "allowed")
    if otherwise not in DECISIONS:
        problems.append(f"What holds for other pairs of zones is one of {', '.join(DECISIONS)}.")
    cells = tuple(_rows(matrix.get("cells", []), "matrix", _cell, problems))
    waivers = tuple(_rows(data.get("exceptions", []), "exceptions", _waiver, problems))
    problems += [f"There is no rule {one.rule} to except from." for one in waivers if one.rule not in defaults]
    if problems:
        raise PolicyError(problems)
    return Policy(rules, cells, otherwise, waivers)


def _mapping(value: Any, where: str, problems: list[str]) -> Mapping[str, Any]:
    if isinstance(value, Mapping):
        return value
    problems.append(f"The {where} of the policy are not named one by one.")
    return {}


def _rows(value: Any, where: str, read: Callable[[Mapping[str, Any]], Any], problems: list[str]) -> Iterator[Any]:
    if not isinstance(value, list):
        problems.append(f"The {where} of the policy are no list.")
        return
    for number, row in enumerate(value, start=1):
        try:
            yield read(row)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            problems.append(f"Line {number} of {where}: {error}.")


def _setting(name: str, said: Any, shipped: Setting, problems: list[str]) -> Setting | None:
    if not isinstance(said, Mapping) or said.get("severity") not in SEVERITIES or not isinstance(said.get("on"), bool):
        problems.append(f"{name}: say whether it is on, and one of {', '.join(SEVERITIES)}.")
        return None
    given = said.get("parameters", {})
    parameters: dict[str, Value] = {}
    for key, standard in shipped.parameters.items():
        value = given.get(key, standard)
        wrong = _wrong(key, value, standard)
        if wrong:
            problems.append(f"{name}: {wrong}")
        else:
            parameters[key] = tuple(value) if isinstance(value, list) else value
    problems += [f"{name} has no {key.replace('_', ' ')}." for key in given if key not in shipped.parameters]
    return Setting(said["on"], said["severity"], parameters) if set(parameters) == set(shipped.parameters) else None


def _wrong(key: str, value: Any, standard: Value) -> str:
    """What is wrong with a parameter; "" when nothing is. Parameters whose name ends in `services` hold services."""
    words = key.replace("_", " ")
    if isinstance(standard, bool) or isinstance(value, bool):
        return "" if isinstance(standard, bool) and isinstance(value, bool) else f"{words} is yes or no."
    if isinstance(standard, int):
        return "" if isinstance(value, int) and 0 <= value <= 65536 else f"{words} is a number from 0 to 65536."
    if isinstance(standard, str):
        return "" if isinstance(value, str) else f"{words} is one word."
    if not isinstance(value, list | tuple) or not all(isinstance(one, str) and one.strip() for one in value):
        return f"{words} is a list of words."
    try:
        if key == "roles_and_services":
            dict(role_services(value))
        elif key.endswith("services"):
            spans_of(value)
    except ValueError as error:
        return f"{words}: {error}."
    return ""


def role_services(texts: tuple[str, ...] | list[str]) -> Iterator[tuple[str, tuple[Span, ...]]]:
    """`mail relay: tcp/25 tcp/587` → the role and its services. Raises ValueError."""
    for text in texts:
        role, colon, listed = text.partition(":")
        if not colon or not role.strip() or not listed.split():
            raise ValueError(f"{text!r} is not written as ROLE: SERVICE SERVICE")
        yield role.strip(), tuple(span for _, span in spans_of(listed.split()))


def _text(value: Any, what: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{what} is missing")
    return value.strip()


def _services(value: Any) -> tuple[str, ...]:
    return tuple(text for text, _ in spans_of(value))


def _cell(row: Mapping[str, Any]) -> Cell:
    if row["decision"] not in DECISIONS:
        raise ValueError(f"{row['decision']!r} is none of {', '.join(DECISIONS)}")
    return Cell(
        _text(row["from"], "the zone it comes from"),
        _text(row["to"], "the zone it goes to"),
        row["decision"],
        _services(row.get("services", [])),
    )


def _waiver(row: Mapping[str, Any]) -> Waiver:
    return Waiver(
        _text(row["rule"], "the rule"),
        _text(row["source"], "the source"),
        _text(row["destination"], "the destination"),
        _services(row.get("services", [])),
        date.fromisoformat(row["until"]),
        _text(row["because"], "the reason"),
    )
