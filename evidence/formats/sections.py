"""Configurations in which what belongs to a statement stands indented below it: the lines, parted into sections.

Devices themselves go by modes and not by blanks, so `keeps` may say that a line at the margin still belongs to the open
section (`permit …` below `ip access-list …`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from evidence.formats.cursor import Account, Line

Keeps = Callable[["Section", list[str]], bool]


@dataclass(slots=True)
class Said:
    """One line with its words and how far it is indented."""

    line: Line
    words: list[str]
    depth: int


@dataclass(slots=True)
class Section:
    """A statement at the margin and what stands below it."""

    head: Said
    body: list[Said] = field(default_factory=list)

    @property
    def words(self) -> list[str]:
        """The words of the statement itself."""
        return self.head.words


def sections(lines: Iterable[Line], keeps: Keeps) -> list[Section]:
    """The sections in order. Empty lines and comments are to be left out before."""
    found: list[Section] = []
    for line in lines:
        text = line.text
        words = text.split()
        depth = len(text) - len(text.lstrip())
        said = Said(line, words, depth)
        if found and (depth or keeps(found[-1], words)):
            found[-1].body.append(said)
        else:
            found.append(Section(said))
    return found


def in_words(problem: Exception) -> str:
    """What was wrong with a line, for a person: Python's own words about a number or a missing word are for nobody."""
    said = f"{problem}"
    strange = isinstance(problem, IndexError) or said.startswith("invalid literal")
    return "it is not complete, or not of the form that is known" if strange else said


class Accounted:
    """A configuration whose sections go somewhere with all their lines."""

    account: Account

    def _ignore(self, section: Section) -> None:
        for said in (section.head, *section.body):
            self.account.ignore(said.line.number)

    def _consume(self, section: Section) -> None:
        for said in (section.head, *section.body):
            self.account.consume(said.line.number)

    def _unread(self, section: Section, why: str) -> None:
        for said in (section.head, *section.body):
            self.account.fail(said.line.number, said.line.text, why)
