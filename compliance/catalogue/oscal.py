"""A framework's catalogue as its publisher gives it out: OSCAL in JSON. Pure, and made for a file nobody vouches for.

ASD publishes the Information Security Manual so (namespaces 1.0, 2.0 and 3.0 of its own properties, ids in lower case),
NIST its SP 800-53. What is read is ids, statements and what belongs to them; nothing is followed or fetched.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

LARGEST: Final = 40 << 20  # bytes: ASD's catalogue has 2 MB, NIST's 10
DEEPEST: Final = 40  # groups and controls within each other
TITLES: Final = {"information security manual": "ASD ISM", "800-53": "NIST SP 800-53 r5"}
INSERTED: Final = re.compile(r"\{\{\s*insert:\s*param\s*,\s*([A-Za-z0-9_.-]+)\s*\}\}")
ENHANCEMENT: Final = re.compile(r"([A-Z]+-\d+)\.(\d+)")


class OscalError(ValueError):
    """This file is no catalogue that can be read; says what is wrong and where."""


@dataclass(frozen=True, slots=True)
class Official:
    """One control as published. `id` as people write it (ISM-1479, SC-7(5)); `statement` "" where it is withdrawn.

    `applies`: the markings or levels it is for, as published; `topic`: the headings it stands under.
    """

    id: str
    title: str
    statement: str
    revision: str
    updated: str
    applies: tuple[str, ...]
    topic: str
    withdrawn: bool


@dataclass(frozen=True, slots=True)
class Release:
    """A catalogue: the framework's short name as in our own catalogue, its version and day, and its controls by id."""

    framework: str
    version: str
    published: date
    oscal: str
    controls: Mapping[str, Official]


def read_oscal(data: bytes) -> Release:
    """The release in a file. Raises OscalError with a sentence for anything else."""
    if len(data) > LARGEST:
        raise OscalError(f"It has more than {LARGEST >> 20} MB, and no catalogue has.")
    try:
        catalog = json.loads(data.decode("utf-8-sig"))["catalog"]
        said = catalog["metadata"]
        title, version = str(said["title"]), str(said["version"]).strip()
        published = date.fromisoformat(str(said.get("published") or said["last-modified"])[:10])
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise OscalError(f"It is not JSON: {error}.") from error
    except (KeyError, TypeError, ValueError) as error:
        raise OscalError("It is JSON, and no OSCAL catalogue: title, version and date are looked for in it.") from error
    framework = next((short for words, short in TITLES.items() if words in title.lower()), "")
    if not framework:
        raise OscalError(f"It is “{title[:120]}”, which Eastwest maps no control of.")
    if not version or len(version) > 60:
        raise OscalError("Its version is empty or no version.")
    controls: dict[str, Official] = {}
    for one in _controls(catalog, (), 0):
        if one.id in controls:
            raise OscalError(f"{one.id} stands in it twice.")
        controls[one.id] = one
    if not controls:
        raise OscalError("No control stands in it. A profile or a baseline only names them: bring the catalogue.")
    return Release(framework, version, published, str(said.get("oscal-version", ""))[:20], controls)


def spelt(name: str) -> str:
    """An id as people write it: ism-1479 → ISM-1479, sc-7.5 → SC-7(5)."""
    upper = name.strip().upper()
    enhanced = ENHANCEMENT.fullmatch(upper)
    return f"{enhanced[1]}({int(enhanced[2])})" if enhanced else upper


def _controls(holder: Any, path: tuple[str, ...], depth: int) -> Iterator[Official]:
    if depth > DEEPEST:
        raise OscalError(f"Its groups stand deeper within each other than {DEEPEST}.")
    if not isinstance(holder, dict):
        raise OscalError("A group or a control in it is no object.")
    for group in _list(holder, "groups"):
        yield from _controls(group, (*path, _text(group, "title")), depth + 1)
    for control in _list(holder, "controls"):
        yield _official(control, path)
        yield from _controls(control, path, depth + 1)


def _official(control: Any, path: tuple[str, ...]) -> Official:
    name = _text(control, "id")
    if not name or len(name) > 40:
        raise OscalError(f"A control under “{' > '.join(path)[:200]}” has no id.")
    props = [(_text(one, "name"), _text(one, "value")) for one in _list(control, "props")]
    first = dict(reversed(props))
    parameters = {_text(one, "id"): _parameter(one) for one in _list(control, "params")}
    parts = [part for part in _list(control, "parts") if _text(part, "name") == "statement"]
    statement = "\n".join(line for part in parts for line in _prose(part, parameters, 0))
    return Official(
        id=spelt(name),
        title=_text(control, "title")[:300],
        statement=statement,
        revision=first.get("revision", "")[:20],
        updated=first.get("updated", "")[:20],
        applies=tuple(value for key, value in props if key == "applicability"),
        topic=" > ".join(path[-2:])[:300],
        withdrawn=first.get("status", "").lower() == "withdrawn",
    )


def _prose(part: Any, parameters: Mapping[str, str], depth: int) -> Iterator[str]:
    if depth > DEEPEST:
        raise OscalError("The parts of a statement stand too deep within each other.")
    label = next((_text(one, "value") for one in _list(part, "props") if _text(one, "name") == "label"), "")
    prose = INSERTED.sub(lambda found: f"[{parameters.get(found[1]) or 'to be set'}]", _text(part, "prose"))
    if prose:
        yield f"{'  ' * depth}{label + ' ' if label else ''}{prose}"
    for each in _list(part, "parts"):
        yield from _prose(each, parameters, depth + 1)


def _parameter(one: Any) -> str:
    choice = one.get("select") if isinstance(one, dict) else None
    offered = [str(text) for text in _list(choice, "choice")] if isinstance(choice, dict) else []
    return _text(one, "label") or "; ".join(INSERTED.sub("…", text) for text in offered)


def _list(holder: Any, name: str) -> list[Any]:
    if not isinstance(holder, dict):
        raise OscalError(f"What should hold {name} is no object.")
    found = holder.get(name, [])
    if not isinstance(found, list):
        raise OscalError(f"{name} in it is no list.")
    return found


def _text(holder: Any, name: str) -> str:
    found = holder.get(name, "") if isinstance(holder, dict) else ""
    return found.strip() if isinstance(found, str) else ""
