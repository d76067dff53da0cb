"""What the policy is asked about: both sides of a connection, its services, its share, its reasons. Plain values.

A side is a server, or a place outside. Servers that are alike to every rule are asked about together, so that a group
of a thousand costs no more than one server.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Final, Literal

from compliance.traffic import services
from compliance.traffic.addresses import Range
from compliance.traffic.boxes import FAMILIES, TOP
from compliance.traffic.services import Span

Outside = Literal["", "everyone", "internet", "party", "users"]
INTERNET: Final = "the internet"  # the name of all that is on it and that nobody named
NAMED: Final = 3  # names a sentence repeats before it counts the rest


@dataclass(frozen=True, slots=True)
class Side:
    """One end, or several servers that are alike. `outside`: "" for servers of the estate, else what lies there.

    everyone: every address there is; internet: addresses outside that no organisation answers for; party: those of a
    named organisation; users: a network of people. An empty role, zone or environment is one that nobody recorded.
    """

    names: tuple[str, ...]
    ranges: tuple[Range, ...]
    zone: str = ""
    environment: str = ""
    role: str = ""
    classification: str = ""
    system: str = ""
    outside: Outside = ""
    organisation: str = ""
    agreement: str = ""
    agreement_ends: date | None = None

    @property
    def server(self) -> bool:
        """Whether it is servers of the estate."""
        return not self.outside

    @property
    def place(self) -> str:
        """Its zone as the matrix names it: `outside` for what is not of the estate, "" where none is recorded."""
        return "outside" if self.outside else self.zone

    def __str__(self) -> str:
        """The names, and the role where it is known."""
        more = len(self.names) - NAMED
        shown = ", ".join(self.names[:NAMED]) + (f" and {more} more" if more > 0 else "")
        return f"{shown} ({self.role})" if self.role else shown

    def is_called(self, name: str) -> bool:
        """Whether `name` is its zone, its role, or (of one server) its name."""
        return name in ("*", self.place, self.role) or self.names == (name,)


@dataclass(frozen=True, slots=True)
class ShareAsked:
    """What is said of a file share."""

    protocol: str
    path: str
    access: str
    security: str


@dataclass(frozen=True, slots=True)
class Reasons:
    """The justification, and in how many other records the same need stands word for word."""

    need: str = ""
    security: str = ""
    data: str = ""
    repeated_in: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Asked:
    """A requested connection or share. `legs`: sources and destinations of each leg, in order."""

    legs: tuple[tuple[tuple[Side, ...], tuple[Side, ...]], ...]
    services: tuple[tuple[str, Span], ...]
    share: ShareAsked | None = None
    reasons: Reasons = field(default_factory=Reasons)
    ends_on: date | None = None


def alike(sides: Iterable[Side], apart: Container[str] = ()) -> tuple[Side, ...]:
    """The same ends with servers that no rule could tell apart as one, in the order of their first.

    `apart`: names that something speaks of by name; they are never put together with others.
    """
    found: dict[Side, list[Side]] = {}
    for side in sides:
        alone = side.names[0] if side.names[0] in apart else ""
        found.setdefault(replace(side, names=(alone,), ranges=()), []).append(side)
    return tuple(
        replace(
            kind,
            names=tuple(dict.fromkeys(name for one in held for name in one.names)),
            ranges=tuple(dict.fromkeys(each for one in held for each in one.ranges)),
        )
        for kind, held in found.items()
    )


def is_everyone(ranges: Iterable[Range], shortest: Mapping[int, int]) -> bool:
    """Whether an end is all addresses, or so wide that it comes to the same: a prefix shorter than `shortest`."""
    return any(one.high - one.low + 1 > 1 << (_bits(one) - shortest[one.family]) for one in ranges)


def _bits(one: Range) -> int:
    return TOP[one.family].bit_length()


def spans_of(texts: Iterable[str]) -> tuple[tuple[str, Span], ...]:
    """Services as written → their text and span. Raises ValueError that says what is wrong with one."""
    return tuple((one.text, one.span) for one in map(services.parse, texts))


EVERYWHERE: Final = tuple(Range(family, 0, TOP[family]) for family in FAMILIES)
