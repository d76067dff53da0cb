"""What a newer release of a framework changed: which statements read otherwise, which are gone, which are new. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Literal, NamedTuple, Protocol

Kind = Literal["reads otherwise", "new revision", "withdrawn", "gone", "new"]


class Text(Protocol):
    """What is compared of a control."""

    @property
    def statement(self) -> str:
        """Its official text."""

    @property
    def revision(self) -> str:
        """Its revision as published."""

    @property
    def withdrawn(self) -> bool:
        """Whether its publisher took it back."""


class Changed(NamedTuple):
    """One control: what became of it, its statement before and now ("" where there is none)."""

    control: str
    kind: Kind
    was: str
    now: str


def changed(
    before: Mapping[str, Text], now: Mapping[str, Text], only: Iterable[str] | None = None
) -> Iterator[Changed]:
    """What differs between two releases, by id; `only`: of these controls. Blanks and line ends are no difference."""
    wanted = sorted(before.keys() | now.keys()) if only is None else sorted(only)
    for control in wanted:
        old, new = before.get(control), now.get(control)
        if old is None and new is not None:
            yield Changed(control, "new", "", new.statement)
        elif old is not None and new is None:
            yield Changed(control, "gone", old.statement, "")
        elif old is not None and new is not None:
            kind = _kind(old, new)
            if kind is not None:
                yield Changed(control, kind, old.statement, new.statement)


def _kind(old: Text, new: Text) -> Kind | None:
    if new.withdrawn and not old.withdrawn:
        return "withdrawn"
    if old.statement.split() != new.statement.split():
        return "reads otherwise"
    return "new revision" if old.revision != new.revision else None
