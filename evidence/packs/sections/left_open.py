"""What is left open by decision at the cut-off: accepted risks and exceptions from the policy, in one list."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from compliance.exceptions import decided_by, is_decided
from compliance.models import RiskAcceptance
from compliance.models.estate import day_of
from compliance.traffic.witness import describe
from evidence.packs import content
from evidence.packs.section import Cell, Scope, Table
from evidence.packs.since import Since

SAID = 6  # sets of traffic that a line prints before it counts the rest
COLUMNS = (
    "id", "kind", "system", "about", "traffic", "rating", "reason", "alternate_control", "plan", "until",
    "asked_by", "decided_by", "in_place_of", "decided_at",
)  # fmt: skip
NO_EARLIER = Since()


@dataclass(frozen=True, slots=True)
class Record:
    """One of them, as the pages show it."""

    id: str
    kind: str
    about: str
    traffic: str
    rating: str
    reason: str
    control: str
    plan: str
    until: date
    asked_by: str
    decided_by: str


@dataclass(frozen=True, slots=True)
class Exceptions(content.Exceptions):
    """The findings, what moved since the pack before, what is left open by decision, and what people stated."""

    left_open: tuple[Record, ...] = ()
    stated: tuple[str, ...] = ()
    since: Since = NO_EARLIER


def records(scope: Scope) -> list[RiskAcceptance]:
    """Those that held at the cut-off for the systems of the pack: decided through Eastwest, sealed, not past."""
    rows = decided_by(scope.as_of).filter(system__name__in=scope.systems).order_by("pk")
    people = ("system", "requested_by", "decided_by", "decided_for")
    return [row for row in rows.select_related(*people) if is_decided(row)]


def printed(row: RiskAcceptance) -> Record:
    """A record as the pages show it."""
    place = f" in place of {row.decided_for}" if row.decided_for else ""
    return Record(
        row.ref, row.get_kind_display(), row.about, traffic(row), row.get_rating_display(), row.reason,
        row.alternate_control, row.plan, row.ends_on, str(row.requested_by or "not recorded"),
        f"{row.decided_by}{place}",
    )  # fmt: skip


def traffic(row: RiskAcceptance) -> str:
    """What it leaves open, in words; of a rule about the words of a request there is none."""
    if row.kind == RiskAcceptance.Kind.BASIS:
        names = [change.title.removeprefix("Baseline: ") for change in row.changes.order_by("pk")[:SAID]]
        more = len(row.extent) - len(names)
        return "; ".join(names) + (f"; and {more} more" if more > 0 else "")
    texts = [
        "{src} → {dst} {service}".format(**describe(6 if each["family"] == 6 else 4, tuple(each["box"])))
        for each in row.extent[:SAID]
    ]
    more = len(row.extent) - SAID
    return "; ".join(texts) + (f"; and {more} more" if more > 0 else "")


def table(rows: list[RiskAcceptance]) -> Table:
    """All of them, for data/."""
    return Table("accepted-risks", COLUMNS, [line(row) for row in rows])


def line(row: RiskAcceptance) -> tuple[Cell, ...]:
    """A record as a row of the list."""
    return (
        row.ref, row.kind, row.system.name, row.about, traffic(row), row.rating, row.reason, row.alternate_control,
        row.plan, row.ends_on, str(row.requested_by or ""), str(row.decided_by or ""), str(row.decided_for or ""),
        row.decided_at,
    )  # fmt: skip


def planned(row: RiskAcceptance) -> tuple[Cell, ...]:
    """A record as a row of the plan of action."""
    return (
        row.ref, row.get_kind_display(), row.system.name, row.about, row.reason, "ISM-1479", row.get_rating_display(),
        None, day_of(row.decided_at) if row.decided_at else None, str(row.requested_by or ""), row.plan or None, None,
        row.ends_on, "Accepted risk", str(row.decided_by or ""), row.alternate_control, "poor", row.ref,
    )  # fmt: skip
