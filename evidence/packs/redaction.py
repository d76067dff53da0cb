"""The redacted profile (ISM-1178): a pack for a third party, without addresses, host names or raw configurations.

Pure. Everything a pack prints and lists is values (cover and sections), so one walk over them is enough: what is made
from them afterwards (pages, lists, drawings, OSCAL) holds nothing that is not in them. Hosts and parties outside get an
alias that stays the same from pack to pack; addresses, paths and configurations get none. What it takes out it says.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import is_dataclass, replace
from typing import Any, Final

from evidence.packs.content import Absent, Face, Result, Review, RuleLine, Rules
from evidence.packs.course import Moved
from evidence.packs.manifest import Member
from evidence.packs.section import Cell, Section, Table
from evidence.packs.walking import each_text

ADDRESS, PATH, WITHHELD = "[address]", "[path]", "[withheld]"
V4: Final = re.compile(r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?:/\d{1,2})?(?!\d|\.\d)|\bip(?:-\d{1,3}){4}\b")
COLONS: Final = re.compile(r"(?<![\w:.])[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f.]{0,15}){2,8}(?:%\w+)?(?:/\d{1,3})?(?![\w:])")
MAC: Final = re.compile(r"(?<![\w:-])[0-9A-Fa-f]{2}(?:[:-][0-9A-Fa-f]{2}){5}(?![\w:-])")
FOLDER: Final = re.compile(r"(?<![\w.)\]/-])/[\w.@$%+-]+(?:/[\w.@$%+-]*)*")
# What a program reads again, or is of a fixed set: never a name somebody gave
KEPT: Final = frozenset({"verdict", "certainty", "state", "slug", "template", "profile", "marking", "pack", "urgency",
                         "status", "kind", "how", "id", "severity", "proposed_tier", "evidence_is"})  # fmt: skip
# Columns that hold configuration, or names that nobody registered and no alias stands for
TAKEN_OUT: Final[Mapping[str, frozenset[str]]] = {
    "rules": frozenset({"text"}),
    "untied-rules": frozenset({"text", "comment"}),
    "change-rules": frozenset({"rule"}),
    "seen-not-registered": frozenset({"name", "where"}),
    "flow-files": frozenset({"object"}),
    "flow-gaps": frozenset({"place", "because"}),
    "attestations": frozenset({"the_host_said_when_stated"}),
}
FILES: Final = frozenset({"sampling.json"})  # ids and ranks alone in this profile
LEDGER: Final = frozenset({"ledger/checkpoint.txt", "ledger/key.pem"})
LEFT_OUT: Final = (
    Absent("Raw configurations and readings", "left out of this profile; rests_on still names them by alias"),
    Absent("Text of rules, comments and shared paths", "left out of this profile"),
    Absent("Minutes", "left out of this profile; their SHA-256 is printed, so they can be asked for"),
    Absent(
        "Ledger entries",
        "left out of this profile, for an entry without its names has no proof; the checkpoint is here",
    ),
    Absent(
        "Names nobody registered",
        "can still stand in what people wrote: names of hosts and parties in the register are replaced, and addresses",
    ),
)


class Aliases:
    """Names and what stands for each. A name of letters alone is replaced as a word, any other wherever it stands."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self.names = {name.casefold(): alias for name, alias in names.items() if name.strip()}
        given = [name for name in names if name.strip()]
        words = sorted((name for name in given if name.isalpha()), key=len, reverse=True)
        others = [name for name in given if not name.isalpha()]
        parts = [rf"(?<!\w)(?:{'|'.join(map(re.escape, words))})(?!\w)"] if words else []
        parts += [branches(others)] if others else []
        self.pattern = re.compile("|".join(parts), re.IGNORECASE) if parts else None
        self.done: dict[str, str] = {}

    def text(self, said: str) -> str:
        """A text without the names, addresses and paths."""
        if said not in self.done:
            self.done[said] = self._redacted(said)
        return self.done[said]

    def _redacted(self, said: str) -> str:
        plain = MAC.sub(ADDRESS, V4.sub(ADDRESS, said))
        plain = FOLDER.sub(PATH, COLONS.sub(six, plain))
        if self.pattern is None:
            return plain
        return self.pattern.sub(lambda found: self.names.get(found[0].casefold(), WITHHELD), plain)


def branches(names: Iterable[str]) -> str:
    """A pattern for any of these, the longest first, as a tree: as quick for ten thousand names as for ten."""
    tree: dict[str, Any] = {}
    for name in names:
        at = tree
        for sign in name:
            at = at.setdefault(sign, {})
        at[""] = {}
    return grown(tree)


def grown(tree: Mapping[str, Any]) -> str:
    """One level of the tree as a pattern; a name that is the beginning of another comes last."""
    found = [re.escape(sign) + grown(below) for sign, below in tree.items() if sign]
    if not found:
        return ""
    whole = found[0] if len(found) == 1 else f"(?:{'|'.join(found)})"
    return f"(?:{whole})?" if "" in tree else whole


def six(found: re.Match[str]) -> str:
    """An IPv6 address or prefix is taken out; a time of day is none."""
    text = found[0].partition("/")[0].partition("%")[0]
    try:
        ipaddress.IPv6Address(text.rstrip("."))
    except ValueError:
        return found[0]
    return ADDRESS


def redacted(face: Face, sections: Sequence[Section], aliases: Aliases) -> tuple[Face, list[Section]]:
    """Cover and sections as the profile has them."""
    return walked(face, aliases), [section(one, aliases) for one in sections]


def section(one: Section, aliases: Aliases) -> Section:
    """A section: sentence, data and lists without what the profile takes out; of its files those that name nothing."""
    return replace(
        one,
        because=aliases.text(one.because),
        data=without(walked(one.data, aliases)),
        tables=tuple(table(each, aliases) for each in one.tables),
        files=tuple(each for each in one.files if each[0] in FILES),
    )


def table(one: Table, aliases: Aliases) -> Table:
    """A list: every cell that is text, but for the columns that are kept or taken out."""
    out = TAKEN_OUT.get(one.name, frozenset())

    def cell(name: str, value: Cell) -> Cell:
        if name in out and value not in (None, ""):
            return WITHHELD
        return aliases.text(value) if isinstance(value, str) and name not in KEPT else value

    rows = [tuple(cell(name, value) for name, value in zip(one.columns, row, strict=True)) for row in one.rows]
    return replace(one, rows=rows)


def walked(value: Any, aliases: Aliases) -> Any:
    """A value with every text in it redacted, whatever it is made of."""
    return each_text(value, aliases.text, KEPT)


def without(data: Any) -> Any:
    """What is not for a third party even by alias: texts of rules, minutes; and what the pack says it leaves out."""
    if isinstance(data, Rules):
        return replace(data, rules=tuple(map(bare, data.rules)), files=0, hosts=0)
    if isinstance(data, Review):
        return replace(data, minutes="", agenda=(), decisions=())
    if isinstance(data, Result):
        return replace(data, not_held=(*data.not_held, *LEFT_OUT))
    if is_dataclass(data) and not isinstance(data, type) and hasattr(data, "changes"):
        return replace(data, changes=tuple(map(unruled, data.changes)))
    return data


def bare(rule: RuleLine) -> RuleLine:
    """A rule without its text."""
    return replace(rule, text=WITHHELD)


def unruled(change: Any) -> Any:
    """A change record without the rules that changed for it."""
    moved: tuple[Moved, ...] = change.course.moved
    return replace(change, course=replace(change.course, moved=tuple(replace(one, rule=WITHHELD) for one in moved)))


def ledger(members: Iterable[Member]) -> list[Member]:
    """Of the ledger's part only what names nothing."""
    return [one for one in members if one.path in LEDGER]
