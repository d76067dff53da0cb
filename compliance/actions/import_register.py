"""A register file on its way in: its zones, servers and groups are made, its connections and shares asked for.

The whole file is checked first, as `eastwest check` would read it, together with what is registered already. Nothing
is authorised by it: connections and shares become change records that two people approve.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import product
from typing import Any, Final, NamedTuple

from django.db import transaction

from compliance.actions.baseline import request_or_keep
from compliance.actions.import_requests import PROVISIONAL_DAYS, asked_before, ends_text
from compliance.actions.import_rows import Bad
from compliance.actions.material import DATES, ends_of
from compliance.actions.register_places import Cells, Done, Places, is_literal, listed_in, plain
from compliance.errors import Refused
from compliance.models import Endpoint, ImportedTable, System, User
from compliance.models.estate import day_of
from compliance.register import RegisterError, wanted
from compliance.register_file import lines_of, read_text
from compliance.standing import register_on

Material = dict[str, Any]

PLACES: Final = ("zones", "servers", "groups")  # in the order in which they can be made
OWN_SPACE: Final = "default"
PROBLEM: Final = re.compile(r"(\w+) row (\d+) \(")  # the beginning of a sentence of RegisterError


class Written(NamedTuple):
    """The line of a row in the file, what became of it ("new", "changed", "same", "kept"), and in words."""

    line: int
    what: str
    text: str


@dataclass
class RegisterRows:
    """The rows of a register file, written one by one. `placeholders` stays empty: every name must be known."""

    table: ImportedTable
    by: User
    at: datetime
    system: System | None = None
    placeholders: dict[str, list[int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        text = self.table.rows[0][1][0]
        self.register, self.lines = read_text(text), lines_of(text)
        self.places = Places(self.table.file, self.system, self.by, self.at)

    @property
    def count(self) -> int:
        """How many rows the file has."""
        return sum(len(listed_in(self.register, part)) for part in (*PLACES, "connections", "shares"))

    def problems(self) -> list[Bad]:
        """What is wrong with the file as a whole, each with its line; with one problem nothing is written."""
        space = self.register.get("space")
        if space not in (None, "", OWN_SPACE):
            return [Bad(0, "space", str(space), "Only the default address space is imported.", "Leave it out.")]
        try:
            wanted(together(self.register, register_on(day_of(self.at))), at=day_of(self.at))
        except RegisterError as error:
            return [bad for bad in map(self.bad, error.problems) if bad is not None]
        return []

    def bad(self, sentence: str) -> Bad | None:
        """A problem in the file; None for one of a row that came from the database: its own door tells it better."""
        found = PROBLEM.match(sentence)
        if found is None:
            return Bad(0, "", "", f"{sentence}.", "")
        part, number = found[1], int(found[2])
        if number > len(listed_in(self.register, part)):
            return None
        return Bad(self.line(part, number), part, "", f"{sentence}.", "")

    def line(self, part: str, number: int) -> int:
        """The line where a row begins; rows count from 1."""
        return self.lines.get((part, number), 0)

    def write(self) -> Iterator[Written | Bad]:
        """Row after row, each in a savepoint of its own: what became of it, or why it cannot be."""
        places = {"zones": self.places.zone, "servers": self.places.server, "groups": self.group}
        for part in PLACES:
            for number, row in enumerate(listed_in(self.register, part), 1):
                yield self.tried(self.line(part, number), part, places[part], row)
        for part, number, row in self.requests():
            yield self.tried(self.line(part, number), part, self.ask, row, part)

    def requests(self) -> list[tuple[str, int, Cells]]:
        """Connections and shares by the numbers of their ids, so that an empty register gives them out anew alike."""
        rows = [
            (part, number, row)
            for part in ("connections", "shares")
            for number, row in enumerate(listed_in(self.register, part), 1)
        ]
        return sorted(rows, key=lambda one: number_of(str(one[2]["id"])))

    def tried(self, line: int, part: str, write: Callable[..., Done], *row: Any) -> Written | Bad:
        """One row, all of it or none."""
        try:
            with transaction.atomic():
                what, text = write(*row)
        except Refused as refused:
            return Bad(line, part, "", f"{refused.what} {refused.why}".strip(), refused.next_step)
        return Written(line, what, text)

    def group(self, row: Cells) -> Done:
        """A group or an end outside the estate, with the members of the groups inside it."""
        return self.places.group(row, self.members_of(row["name"], ()))

    def ask(self, row: Cells, part: str) -> Done:
        """One change record for each pair of ends that is not authorised or asked for already."""
        origin = f"{self.table.file}, {row['id']}"
        materials = self.materials(part, row)
        known = [asked_before(one) for one in materials]
        fresh = [one for one, before in zip(materials, known, strict=True) if before is None]
        drafts = []
        for material in fresh:
            sources, destination = ends_of(material)
            _, stopped = request_or_keep(
                system=self.places.system_of(row, destination, *sources),
                material=material,
                justification=self.justification(row, origin),
                title=ends_text(material)[:200],
                ticket=str(row.get("change") or "")[:60],
                source_row={"file": self.table.file, **plain(row)},
                by=self.by,
                at=self.at,
            )
            drafts += [stopped] if stopped else []
        said = ", ".join(ends_text(one) for one in fresh or materials)
        other = any(one and terms(one) != terms(mine) for one, mine in zip(known, materials, strict=True))
        if not fresh and other:
            return "kept", f"{row['id']} {said} stands already with other dates or another use and stays so"
        return ("new" if fresh else "same"), "; ".join([f"{row['id']} {said}", *drafts])

    def materials(self, part: str, row: Cells) -> list[Material]:
        """What the row asks for, with how long, as change records say it."""
        how_long = self.terms(row)
        if part == "shares":
            protocol = row["protocol"]
            said = {
                "kind": "share",
                "server": self.end(row["server"]),
                "path": row["path"].strip(),
                "protocol": protocol,
                "access": row.get("access") or "ro",
                "clients": [self.end(text) for text in listed_in(row, "clients")],
                "security": row.get("security") or "",
                "squash": row.get("squash") or ("root" if protocol == "nfs" else ""),
                "users": listed_in(row, "users"),
            }
            return [said | how_long]
        ends = product(listed_in(row, "source"), listed_in(row, "destination"))
        via = [self.end(text) for text in listed_in(row, "via")]
        offered = listed_in(row, "services")
        return [
            {"kind": "network", "source": self.end(source), "destination": self.end(destination)}
            | {"services": offered, "via": via}
            | how_long
            for source, destination in ends
        ]

    def end(self, text: str) -> str:
        """The name of an end; an address or prefix without a name becomes an end outside the estate of its own."""
        name = text.strip()
        if not is_literal(name) or Endpoint.objects.filter(name=name).exists():
            return name
        named = f"network {name}"  # a name that is no address: the register would take that for itself
        self.places.party(named, [name])
        return named

    def terms(self, row: Cells) -> Material:
        """How often and how long, as the file says; what it does not say is provisional."""
        review = row.get("review_by") or day_of(self.at) + timedelta(days=PROVISIONAL_DAYS)
        return {
            "expected_use": row.get("expected_use") or "continuous",
            "basis": row.get("basis") or "provisional",
            "review_by": str(review),
            "ends_on": str(row["ends_on"]) if row.get("ends_on") else None,
        }

    def justification(self, row: Cells, origin: str) -> dict[str, str]:
        """The row's own reasons; where there are none, that is said."""
        none = f"Not given in {origin}: to be completed by the first review."
        return {
            "business_need": str(row.get("justification") or none),
            "security_implications": str(row.get("security_implications") or none),
            "data_carried": str(row.get("data") or ""),
        }

    def members_of(self, name: str, within: tuple[str, ...]) -> list[str]:
        """The members of a group of the file; those of a group inside it are its own."""
        rows = {row["name"]: row for row in listed_in(self.register, "groups")}
        found: list[str] = []
        for text in listed_in(rows[name], "members"):
            inner = text in rows and text not in within
            found += self.members_of(text, (*within, name)) if inner else [text]
        return list(dict.fromkeys(found))


def together(register: Mapping[str, Any], standing: Mapping[str, Any]) -> dict[str, Any]:
    """The file, and after its own rows the places that are registered already under other names."""
    joined = dict(register)
    for part in PLACES:
        rows = listed_in(register, part)
        if not isinstance(register.get(part, []), list | type(None)):
            continue
        named = {row.get("name") for row in rows if isinstance(row, Mapping)}
        also = [row for row in standing[part] if row["name"] not in named and (part != "servers" or row["addresses"])]
        joined[part] = [*rows, *also]
    return joined


def number_of(reference: str) -> tuple[int, str]:
    """What orders ids: the number at the end of CON-42."""
    digits = re.search(r"\d{1,18}$", reference)
    return (int(digits[0]) if digits else 10**18, reference)


def terms(material: Mapping[str, Any]) -> dict[str, Any]:
    """How often and how long."""
    return {key: material.get(key) for key in DATES}
