"""What each template of templates/packs/print takes, between who reads the records and who sets the pages.

Values only, complete and already in the order to print. Times are aware; a count that was not measured is None and is
printed as such, never as 0. Sentences are plain text; templates escape everything.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from compliance.drawing.diagram import Diagram
from evidence.packs.course import NOTHING, Course


@dataclass(frozen=True, slots=True)
class System:
    """A system in scope as its owner states it. `stated_status`: implementation status in the owner's own words."""

    name: str
    owner: str
    deputy: str = ""
    authorising_officer: str = ""
    classification: str = ""
    boundary_in: str = ""
    boundary_out: str = ""
    inherited: str = ""
    stated_status: str = "not stated"


@dataclass(frozen=True, slots=True)
class Sealed:
    """The ledger's newest checkpoint as the pack was built: entries, root (hex), when, key, where it was published."""

    origin: str
    size: int
    root: str
    at: datetime
    key_sha256: str
    published_to: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Face:
    """What stands on the cover and on every page. `marking` is printed at the head and foot of each page.

    `compared` (verdicts in all), `exceptions` and `not_known` are set by binder.bind from the table of verdicts, so
    that cover, list and verifier agree; with nothing compared the cover says so instead of naming two zeroes.
    `zone` is a time zone name (Australia/Sydney); `built_at` and `as_of` are aware.
    """

    pack: str
    organisation: str
    systems: tuple[System, ...]
    marking: str
    since: date
    until: date
    as_of: datetime
    built_at: datetime
    zone: str
    servers: int
    zones: int
    connections: int
    shares: int
    prepared_for: str = "the assessor or auditor"
    profile: str = "full"
    sample: bool = False
    compared: int = 0
    exceptions: int = 0
    not_known: int = 0
    sealed: Sealed | None = None


# 3 Result, coverage and gaps (templates/packs/print/result.html)


@dataclass(frozen=True, slots=True)
class Month:
    """One month of the trend towards less: the three numbers as they were at its end."""

    label: str
    justified: int
    provisional: int
    beyond: int


@dataclass(frozen=True, slots=True)
class Coverage:
    """One kind of evidence: how many were in scope, how many were read in the period, which were not and why."""

    what: str
    in_scope: int
    read: int
    not_seen: str = ""

    @property
    def unread(self) -> int:
        """How many were not read."""
        return self.in_scope - self.read


@dataclass(frozen=True, slots=True)
class Unregistered:
    """An address seen in a server zone that the register does not know, and the reverse."""

    address: str
    where: str
    seen: str


@dataclass(frozen=True, slots=True)
class Inventory:
    """The register against what was seen: counts, and the addresses nobody registered."""

    registered: int
    seen: int
    never_seen: int
    unregistered: tuple[Unregistered, ...] = ()
    never_seen_names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Gap:
    """An open finding in one line. `verdict` is a name of the Verdict enum; `what` says it with the example."""

    finding: str
    verdict: str
    what: str
    owner: str
    due: date | None = None


@dataclass(frozen=True, slots=True)
class Absent:
    """Something this pack cannot hold: what, and in one sentence why or where it is instead."""

    what: str
    why: str


@dataclass(frozen=True, slots=True)
class Result:
    """The answer first. `verdicts` are (name, count) of the last comparison; `not_shown` are sentences."""

    lead: str
    justified: int
    provisional: int
    beyond: int
    trend: tuple[Month, ...]
    verdicts: tuple[tuple[str, int], ...]
    coverage: tuple[Coverage, ...]
    inventory: Inventory
    gaps: tuple[Gap, ...]
    gaps_total: int
    not_shown: tuple[str, ...]
    not_held: tuple[Absent, ...]
    not_read: tuple[str, ...]


# 4 Network diagram (templates/packs/print/diagram.html)


@dataclass(frozen=True, slots=True)
class Network:
    """The diagram and the sentence above it; `sites` need not be set: maps() splits by the zones' own site."""

    lead: str
    diagram: Diagram


# 5 Communication logs (templates/packs/print/logs.html)
# its values: evidence/packs/content_logs.py


# 6 Change records (templates/packs/print/changes.html)
@dataclass(frozen=True, slots=True)
class Decision:
    """Who decided on a change, in what capacity, when, how (approved, rejected) and why."""

    capacity: str
    person: str
    at: datetime | None
    decision: str
    because: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """One change record. `urgency` is routine or urgent; `state` a name of compliance.words.CHANGES."""

    id: str
    title: str
    urgency: str
    state: str
    requested_by: str
    requested_at: datetime
    necessity: str
    security_implications: str
    risk: str = ""
    data_carried: str = ""
    window: str = ""
    rollback: str = ""
    connections: tuple[str, ...] = ()
    decisions: tuple[Decision, ...] = ()
    implemented: str = ""
    seen: str = ""
    delta: str = ""
    policy: str = ""
    course: Course = NOTHING


@dataclass(frozen=True, slots=True)
class Unrecorded:
    """A change seen in the rules that no change record covers."""

    finding: str
    host: str
    point: str
    seen_at: datetime
    what: str


@dataclass(frozen=True, slots=True)
class Changes:
    """Change records of the period, those to print; `total` is how many data/changes.csv lists."""

    lead: str
    changes: tuple[Change, ...]
    total: int
    unrecorded: tuple[Unrecorded, ...] = ()


# 7 Firewall rules (templates/packs/print/rules.html)


@dataclass(frozen=True, slots=True)
class PointLine:
    """One enforcement point. `tier` as in manifest.Quality; counts are None when this version does not measure them;
    `default_v4`, `default_v6`: what happens to traffic no rule matches (permit, deny, not known; "": none passes);
    `again`: its rules are written, and counted, at another point; `counted`: rules whose counters are known."""

    host: str
    point: str
    read_at: datetime | None
    how: str
    tier: str
    default_v4: str
    default_v6: str
    rules: int | None = None
    tied: int | None = None
    untied: int | None = None
    any_any: int | None = None
    disabled: int | None = None
    shadowed: int | None = None
    zero_hits: int | None = None
    logging: str = ""
    unread: int | None = None
    because: str = ""
    again: bool = False
    counted: int | None = None
    counters: str = ""

    @property
    def deviates(self) -> bool:
        """Whether a person should look: not read or not fresh, not understood in full, open by default, or untidy."""
        closed = {self.default_v4, self.default_v6} <= {"deny", ""}
        return not closed or bool(self.because or self.unread or self.untied or self.any_any or self.shadowed)


@dataclass(frozen=True, slots=True)
class PointSum:
    """All points of one name: how many, how many of them were not read freshly or are not closed, and their sums."""

    point: str
    number: int
    not_read: int
    not_closed: int
    rules: int | None = None
    tied: int | None = None
    untied: int | None = None
    any_any: int | None = None
    disabled: int | None = None
    shadowed: int | None = None
    zero_hits: int | None = None
    unread: int | None = None
    counted: int | None = None


@dataclass(frozen=True, slots=True)
class RuleLine:
    """A rule against what authorises it: as written, where, what it permits, an example of what it lets through."""

    rule: str
    host: str
    where: str
    text: str
    connections: tuple[str, ...]
    permits: str
    verdict: str
    certainty: str
    example: str = ""


@dataclass(frozen=True, slots=True)
class Rules:
    """Enforcement points: sums over all, and of the `deviating` those to print; then the rules that need attention.

    `points_total` is the count of data/points.csv, `total` that of data/rules.csv. `files` of `hosts` lie in rules/.
    """

    lead: str
    sums: tuple[PointSum, ...]
    points: tuple[PointLine, ...]
    deviating: int
    points_total: int
    rules: tuple[RuleLine, ...]
    total: int
    files: int = 0
    hosts: int = 0
    counters: str = ""


# 8 Last review (templates/packs/print/review.html)


@dataclass(frozen=True, slots=True)
class Action:
    """An action of a review. `state` is a name of compliance.words.ACTIONS."""

    id: str
    what: str
    owner: str
    due: date | None
    state: str


@dataclass(frozen=True, slots=True)
class Review:
    """The last review held, with the ones that were missed. `minutes` is Markdown, cleaned before it is shown."""

    lead: str
    id: str = ""
    held_on: date | None = None
    chair: str = ""
    attendees: tuple[str, ...] = ()
    agenda: tuple[str, ...] = ()
    minutes: str = ""
    minutes_sha256: str = ""
    decisions: tuple[str, ...] = ()
    actions: tuple[Action, ...] = ()
    missed: tuple[str, ...] = ()


# 9 Exceptions and plan of action (templates/packs/print/exceptions.html)


@dataclass(frozen=True, slots=True)
class Accepted:
    """A risk somebody accepted until a day, with what is done instead."""

    by: str
    capacity: str
    rating: str
    control: str
    until: date
    plan: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding with its proof and what is planned. `state` is a name of compliance.words.FINDINGS."""

    id: str
    verdict: str
    certainty: str
    subject: str
    point: str
    because: str
    state: str
    owner: str
    opened_on: date
    example: str = ""
    proposal: str = ""
    due: date | None = None
    members: int = 0
    accepted: Accepted | None = None
    basis: str = ""


@dataclass(frozen=True, slots=True)
class Exceptions:
    """Findings open at the cut-off, those to print; `total` is how many data/findings.csv lists."""

    lead: str
    findings: tuple[Finding, ...]
    total: int
