"""The control mapping as values: what each control asks, what this pack holds for it, how its owners say it stands."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from compliance.catalogue import Control, controls
from evidence.packs.section import Cell, Table

PRINTED = 3  # statements of one control that are printed one by one; more are counted
COMMENT = 180  # characters of a comment that are printed; the annex has it whole
NOT_STATED: Final = "not stated"
TITLES: Final[Mapping[str, str]] = {
    "result": "Result, coverage and gaps", "diagram": "1 Network diagram", "logs": "2 Communication logs",
    "changes": "3 Change records", "rules": "4 Firewall rules", "review": "5 Last review",
    "exceptions": "Exceptions and plan of action",
}  # fmt: skip
ANNEX: Final = (
    "system", "classification", "framework", "control", "revision", "updated", "topic", "applicability", "asks",
    "official_text", "implementation_status_as_stated", "comments", "stated_by", "stated_at", "text_read_with_it",
    "evidence_is", "what_this_pack_shows", "left_for_the_assessor", "reference_into_the_pack",
)  # fmt: skip
SOA: Final = (
    "system", "control", "title_in_our_words", "applicable_as_stated", "implementation_status_as_stated",
    "justification_as_stated", "stated_by", "stated_at", "evidence_is", "reference_into_the_pack",
)  # fmt: skip
ISO: Final = "ISO/IEC 27001:2022 Annex A"
NOT_APPLICABLE = "not_applicable"


@dataclass(frozen=True, slots=True)
class Said:
    """How a control stands at one system: `label` in words, by whom and when, and the release that was read with it."""

    system: str
    status: str
    label: str
    comment: str
    by: str
    at: datetime
    release: str = ""

    @property
    def short(self) -> str:
        """The comment as it is printed."""
        return self.comment if len(self.comment) <= COMMENT else f"{self.comment[:COMMENT].rstrip()} …"


@dataclass(frozen=True, slots=True)
class Official:
    """The publisher's text of a control in the newest release that was here by the cut-off."""

    revision: str
    updated: str
    topic: str
    applies: tuple[str, ...]
    statement: str
    release: str


@dataclass(frozen=True, slots=True)
class Line:
    """One control: what was stated at the systems in scope, and at how many of them nothing was."""

    control: Control
    said: tuple[Said, ...]
    silent: int

    @property
    def printed(self) -> tuple[Said, ...]:
        """The statements to print one by one; none where there are too many."""
        return self.said if len(self.said) <= PRINTED else ()

    @property
    def counted(self) -> str:
        """`Implemented 4, Planned 2` where they are too many to print."""
        found = Counter(one.label for one in self.said)
        return ", ".join(f"{label} {number}" for label, number in found.items()) if len(self.said) > PRINTED else ""


@dataclass(frozen=True, slots=True)
class ControlMap:
    """`frameworks`: name and lines; `silent` of `wanted` statements (a control at a system) were not made."""

    lead: str
    frameworks: tuple[tuple[str, tuple[Line, ...]], ...]
    not_served: tuple[Control, ...]
    attribution: str
    wanted: int
    silent: int


def mapped(said: Mapping[tuple[str, str], Sequence[Said]], systems: int) -> ControlMap:
    """The mapping of our whole catalogue. `said`: (framework, control) → the last statement of each system."""
    groups: dict[str, list[Line]] = {}
    for control in controls():
        if control.served == "none":
            continue
        known, mine = control.framework, tuple(said.get((control.framework.short, control.id), ()))
        name = f"{known.name}, catalogue {known.version}" if known.attribution else known.name
        groups.setdefault(name, []).append(Line(control, mine, systems - len(mine)))
    lines = [line for rows in groups.values() for line in rows]
    wanted, silent = len(lines) * systems, sum(line.silent for line in lines)
    return ControlMap(
        lead="What this pack shows for each control, in our own words, what is left for the assessor, and how the "
        f"control stands as its owners state it. The pack rates none. {wanted - silent} of {wanted} statements are "
        "made.",
        frameworks=tuple((name, tuple(rows)) for name, rows in groups.items()),
        not_served=tuple(one for one in controls() if one.served == "none"),
        attribution=next(one.framework.attribution for one in controls() if one.statement),
        wanted=wanted,
        silent=silent,
    )


def annex(
    systems: Iterable[tuple[str, str]],
    said: Mapping[tuple[str, str], Sequence[Said]],
    official: Mapping[tuple[str, str], Official],
) -> Table:
    """SSP annex rows: every control of our catalogue at every system (name, classification), stated or not."""
    rows: list[tuple[Cell, ...]] = []
    for name, classification in systems:
        for control in controls():
            key = control.framework.short, control.id
            text, one = official.get(key), own(said.get(key, ()), name)
            rows.append((
                name, classification, control.framework.short, control.id,
                text.revision if text else None, text.updated if text else None, text.topic if text else None,
                " ".join(text.applies) if text else "the publisher's catalogue was not loaded", control.title,
                text.statement if text else control.statement or None, one.label if one else NOT_STATED,
                one.comment if one else None, one.by if one else None, one.at if one else None,
                one.release or None if one else None, control.served, control.shows, control.remains,
                reference(control),
            ))  # fmt: skip
    return Table("ssp-annex", ANNEX, rows, workbook=True)


def applicability(systems: Iterable[tuple[str, str]], said: Mapping[tuple[str, str], Sequence[Said]]) -> Table:
    """Statement-of-Applicability rows: the controls of ISO/IEC 27001 Annex A we map, at every system."""
    rows: list[tuple[Cell, ...]] = []
    for name, _ in systems:
        for control in controls():
            if control.framework.short != ISO:
                continue
            one = own(said.get((ISO, control.id), ()), name)
            applies = NOT_STATED if one is None else "no" if one.status == NOT_APPLICABLE else "yes"
            rows.append((
                name, f"A {control.id}", control.title, applies, one.label if one else NOT_STATED,
                one.comment if one else None, one.by if one else None, one.at if one else None, control.served,
                reference(control),
            ))  # fmt: skip
    return Table("statement-of-applicability", SOA, rows, workbook=True)


def own(said: Iterable[Said], system: str) -> Said | None:
    """What was stated of one system."""
    return next((one for one in said if one.system == system), None)


def reference(control: Control) -> str:
    """The parts of the pack that hold what there is of it; a control that none serves says so."""
    return "; ".join(TITLES.get(part, part) for part in control.parts) or "nothing in this pack"
