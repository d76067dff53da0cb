"""What every OSCAL file of a pack is made of: stable identifiers, metadata, files with their hashes, texts that fit.

An identifier is a UUIDv5 of what it stands for (CON-42 of this organisation), so that two packs speak of the same thing
by the same one. Nothing is printed in OSCAL that is not in the lists: it is made from them.
"""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any, Final
from zoneinfo import ZoneInfo

from evidence.packs.content import Face
from evidence.packs.lists import text
from evidence.packs.manifest import Member
from evidence.packs.section import Section

Json = dict[str, Any]
VERSION: Final = "1.1.3"
OURS: Final = "https://eastwest.invalid/ns/oscal"  # the namespace of our own properties
ROOT: Final = uuid.UUID("6a0f1c52-3b58-5c0e-9d47-7c1f6f6f1479")
CONTROL: Final = "ISM-1479"  # what findings of a pack are about
DEPTH: Final = 5  # of what stands on lines of its own: document, results, result, its lists, each thing of them
ODD: Final = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True, slots=True)
class Book:
    """The pack as the OSCAL files take it: its cover, its lists as rows of text by column, and its files by path.

    `paths`: those of the files in order; `connections`: the ids in the list of them.
    """

    face: Face
    lists: Mapping[str, Sequence[Mapping[str, str]]]
    files: Mapping[str, Member]
    paths: Sequence[str]
    connections: frozenset[str]

    def key(self, *parts: str) -> str:
        """The identifier of something at this organisation."""
        return str(uuid.uuid5(ROOT, "\x1f".join((self.face.organisation, *parts))))

    def moment(self, at: datetime | date) -> str:
        """A moment with its time zone; a day is its beginning where the organisation is."""
        if not isinstance(at, datetime):
            at = datetime.combine(at, time(), ZoneInfo(self.face.zone))
        return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")

    def rows(self, name: str) -> Sequence[Mapping[str, str]]:
        """A list, empty where the pack has none of the name."""
        return self.lists.get(name, ())


def book(face: Face, sections: Sequence[Section], members: Sequence[Member]) -> Book:
    """The pack's lists and files in one hand."""
    lists = {
        table.name: [dict(zip(table.columns, map(text, row), strict=True)) for row in table.rows]
        for section in sections
        for table in section.tables
    }
    files = {member.path: member for member in members}
    ids = frozenset(row["id"] for row in lists.get("connections", ()))
    return Book(face, lists, files, sorted(files), ids)


def metadata(pack: Book, title: str) -> Json:
    """Title, version and people. The same pack gives the same."""
    people = owners(pack)
    return {
        "title": title,
        "last-modified": pack.moment(pack.face.built_at),
        "version": pack.face.pack,
        "oscal-version": VERSION,
        "props": [prop("marking", pack.face.marking), prop("profile", pack.face.profile)],
        "roles": [{"id": "system-owner", "title": "System owner"}],
        "parties": [
            {"uuid": pack.key("organisation"), "type": "organization", "name": line(pack.face.organisation)},
            *({"uuid": key, "type": "person", "name": line(name)} for name, key in people.items()),
        ],
        "responsible-parties": [{"role-id": "system-owner", "party-uuids": list(people.values())}],
        "remarks": "Self-assessment by the organisation with Eastwest. It rates no control: an assessor decides.",
    }  # fmt: skip


def owners(pack: Book) -> dict[str, str]:
    """The owners of the systems, each once, with their identifiers."""
    return {system.owner: pack.key("person", system.owner) for system in pack.face.systems}


def prop(name: str, value: str) -> Json:
    """A property of our own; one that is empty says so."""
    return {"name": name, "ns": OURS, "value": line(value)}


def line(value: str, empty: str = "not stated") -> str:
    """A text that OSCAL takes where it wants one line: no blanks around it, none but blanks between, never empty."""
    return " ".join(value.split()) or empty


def token(value: str) -> str:
    """A text as an identifier of OSCAL."""
    plain = ODD.sub("-", value).strip("-.").lower()
    return plain if plain[:1].isalpha() or plain[:1] == "_" else f"_{plain}"


def control_id(control: str) -> str:
    """ISM-1479 as ASD's catalogue has it: ism-1479."""
    return token(control)


def resources(pack: Book, paths: Iterable[str]) -> list[Json]:
    """Back matter: those of these files that the pack has, with their hashes, in order of path."""
    return [
        {
            "uuid": pack.key("file", path),
            "title": path,
            "rlinks": [{
                "href": f"../{path}",
                "hashes": [{"algorithm": "SHA-256", "value": hashlib.sha256(pack.files[path].content).hexdigest()}],
            }],
        }
        for path in sorted(set(paths) & pack.files.keys())
    ]  # fmt: skip


def rests_on(pack: Book, said: str) -> list[str]:
    """The files behind `rests_on` of a row: its lists and the readings whose path begins so."""
    found = []
    for stem in said.split():
        place = bisect_left(pack.paths, stem) if stem.startswith(("rules/", "data/")) else len(pack.paths)
        for path in pack.paths[place:]:
            if not path.startswith(stem):
                break
            if path[len(stem) :][:1] in ("", "-", "."):
                found.append(path)
    return found


def written(document: Json) -> bytes:
    """The file: keys in order, so that the same pack gives the same bytes; each observation, risk and resource stands
    on a line of its own. Indented throughout, it takes four times as long to write, by the interpreter."""
    return (laid_out(document, DEPTH) + "\n").encode("utf-8", "backslashreplace")


def laid_out(value: Any, depth: int) -> str:
    """A value as JSON, its parts on lines of their own down to a depth."""
    if not depth or not value or not isinstance(value, (dict, list)):
        return json.dumps(value, sort_keys=True, ensure_ascii=False)
    if isinstance(value, list):
        below = depth - 1 if len(value) == 1 else 0  # one thing of several stands on one line
        return "[\n" + ",\n".join(laid_out(one, below) for one in value) + "\n]"
    named = (f"{json.dumps(key, ensure_ascii=False)}: {laid_out(value[key], depth - 1)}" for key in sorted(value))
    return "{\n" + ",\n".join(named) + "\n}"
