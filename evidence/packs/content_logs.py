"""The values of the section about communication logs (templates/packs/print/logs.html)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True, slots=True)
class FlowLine:
    """One flow log: how many places it has, of how many of the days every hour is there, and the hours of each day."""

    name: str
    way: str
    places: int
    whole: int
    days: int
    hours: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class FlowGapLine:
    """Hours that a log does not show, from the beginning of the first to that of the last, and why."""

    log: str
    place: str
    first: datetime
    last: datetime
    because: str


@dataclass(frozen=True, slots=True)
class Talker:
    """Two ends that exchanged much, and the connection that authorises it."""

    source: str
    target: str
    service: str
    bytes: int
    flows: int
    days: int
    connection: str


@dataclass(frozen=True, slots=True)
class FlowPair:
    """What nobody authorised: whether it got through, whether the months before knew it, what was decided on it."""

    source: str
    target: str
    service: str
    outcome: str
    new: bool
    last: datetime
    decided: str


@dataclass(frozen=True, slots=True)
class CameIn:
    """Who came in to a server by a service of administration: `rests` is the connection that authorises it or its
    finding; `watched` of `hours` of all its addresses were watched."""

    server: str
    source: str
    service: str
    last: datetime
    rests: str
    watched: int
    hours: int


@dataclass(frozen=True, slots=True)
class Examined:
    """Who examined the logs of a system, when, of which days, and what they noted."""

    person: str
    at: datetime
    system: str
    since: date
    until: date
    noted: str


@dataclass(frozen=True, slots=True)
class Logs:
    """The communication logs. Without any: how many connections have no evidence of use, and what would change that.

    `new`: pairs that were not seen on the `before` days read of the three months before; None where none was.
    `came`: who came in by services of administration, others than bastions; `came_total` lines are in the list.
    """

    lead: str
    usage_unknown: int
    means: str
    next_step: str
    logs: tuple[FlowLine, ...] = ()
    first: date | None = None
    last: date | None = None
    gaps: tuple[FlowGapLine, ...] = ()
    gaps_total: int = 0
    talkers: tuple[Talker, ...] = ()
    pairs: tuple[FlowPair, ...] = ()
    pairs_total: int = 0
    new: int | None = None
    before: int = 0
    examined: tuple[Examined, ...] = ()
    came: tuple[CameIn, ...] = ()
    came_said: str = ""
    came_total: int = 0
