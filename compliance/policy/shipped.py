"""The rules as shipped: titles, our own words why, what to do, the controls they support, and the first setting."""

from __future__ import annotations

import functools
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from compliance.policy.content import SEVERITIES, Cell, Policy, PolicyError, Setting

FILE: Final = Path(__file__).resolve().parents[1] / "catalogue" / "policy.toml"


@dataclass(frozen=True, slots=True)
class Described:
    """One rule in words. `pairs`: it is about two sides; else about the request as a whole."""

    id: str
    title: str
    why: str
    do: str
    controls: tuple[str, ...]
    pairs: bool
    shipped: Setting


@functools.cache
def described() -> tuple[Described, ...]:
    """Every rule there is, in the order people read them. Raises PolicyError for a malformed file."""
    return read(FILE.read_text("utf-8"))


def read(text: str) -> tuple[Described, ...]:
    """The rules of a TOML file."""
    try:
        return tuple(_rule(row) for row in tomllib.loads(text)["rule"])
    except (tomllib.TOMLDecodeError, KeyError, TypeError) as error:
        raise PolicyError([f"The shipped policy cannot be read: {error}."]) from error


def _rule(row: dict[str, Any]) -> Described:
    if row["severity"] not in SEVERITIES:
        raise PolicyError([f"{row['id']}: {row['severity']} is no severity."])
    parameters = {
        key: tuple(value) if isinstance(value, list) else value for key, value in row.get("parameters", {}).items()
    }
    setting = Setting(bool(row.get("on", True)), row["severity"], parameters)
    pairs = row["about"] == "ends"
    return Described(row["id"], row["title"], row["why"], row["do"], tuple(row["controls"]), pairs, setting)


def settings() -> dict[str, Setting]:
    """Rule → how it is set as shipped."""
    return {rule.id: rule.shipped for rule in described()}


def shipped() -> Policy:
    """The policy before anybody edited it: the rules as shipped, and a matrix that has not been filled in."""
    cells: tuple[Cell, ...] = ()
    return Policy(settings(), cells, "allowed", ())
