"""Exceptions and plan of action: every finding that stood at the cut-off, with its proof and what is planned."""

from __future__ import annotations

from compliance.words import status
from evidence.packs import content, since
from evidence.packs.section import Cell, Scope, Section, Table
from evidence.packs.sections import left_open, stated
from evidence.packs.sections.basis import Basis, basis, hosts_of
from evidence.packs.sections.known import Standing, comparison, findings, last_reads, served, servers
from evidence.packs.sections.since_last import since_last
from evidence.packs.sections.words import packet

PRINTED = 120
TITLE = "Exceptions and plan of action"
COLUMNS = (
    "id", "verdict", "certainty", "severity", "state", "system", "subject", "point", "rule", "because", "example",
    "opened_on", "owner", "accepted_by", "accepted_until", "alternate_control", "proposed_tier", "rests_on",
)  # fmt: skip
PLAN = (
    "id", "weakness", "system", "about", "description", "control", "severity", "certainty", "opened_on", "owner",
    "planned_action", "proposed_by_eastwest", "due", "status", "accepted_by", "alternate_control", "proposed_tier",
    "rests_on",
)  # fmt: skip
CONTROL = "ISM-1479"


def build(scope: Scope) -> Section:
    """The findings open, acknowledged or accepted then. With nothing compared the section is missing: none is known."""
    held = comparison(scope)
    every = findings(scope, held)
    hosts = {name for one in every for name in hosts_of(one.row)}
    reads = last_reads([one for one in servers(scope) if one.name in hosts], scope.as_of)
    rests = [basis(one.row, reads, held) for one in every]
    both = list(zip(every, rests, strict=True))
    table = Table("findings", COLUMNS, [line(*one) for one in both])
    kept = left_open.records(scope)
    plan = Table(
        "plan-of-action", PLAN, [*(planned(*one) for one in both), *map(left_open.planned, kept)], workbook=True
    )
    said, shown = lead(every, compared=held is not None), tuple(printed(*one) for one in both[:PRINTED])
    duties = stated.held(scope)
    moved = since_last(scope, every)
    data = left_open.Exceptions(
        said, shown, len(every), tuple(map(left_open.printed, kept)), stated.lines(duties), moved
    )
    because = "" if held else "nothing was compared by the cut-off, so what differs is not known"
    return Section(
        "exceptions", TITLE, served("exceptions"), "held" if held else "missing", because,
        "packs/print/exceptions.html", data,
        (table, plan, since.table(moved), left_open.table(kept), stated.table(duties)),
    )  # fmt: skip


def lead(every: list[Standing], *, compared: bool) -> str:
    """The answer in one or two sentences."""
    if not compared:
        return "Nothing was compared by the cut-off. Whether there are exceptions is not known."
    accepted = sum(one.state == "accepted" for one in every)
    stood = "One finding stood" if len(every) == 1 else f"{len(every) or 'No'} findings stood"
    risks = f" The risk of {accepted} of them is accepted until a day." if accepted else ""
    return f"{stood} at the cut-off.{risks}"


def printed(one: Standing, on: Basis) -> content.Finding:
    """A finding as the pages show it, in the words of the last comparison by the cut-off."""
    known, row = one.finding, one.row
    return content.Finding(
        id=known.ref,
        verdict=row.verdict,
        certainty=row.certainty,
        subject=str(known.connection) if known.connection else row.subject,
        point=row.point if row.point != row.subject else "",
        because=row.because,
        state=one.state,
        owner=str(known.system.owner),
        opened_on=one.opened_on,
        example=packet(row.witness),
        due=known.accepted_until if one.state == "accepted" else None,
        accepted=accepted(one),
        proposal=mending(one),
        basis=on.said,
    )


def mending(one: Standing) -> str:
    """What would mend it, in the words of its finding: the first paragraph, not the commands below."""
    return one.finding.proposal.strip().partition("\n")[0]


def planned(one: Standing, on: Basis) -> tuple[Cell, ...]:
    """A finding as a row of the plan of action. What nobody planned stays empty: a proposal of ours is no plan."""
    known, row, risk = one.finding, one.row, accepted(one)
    return (
        known.ref, status("verdict", row.verdict).label, known.system.name, row.subject, row.because, CONTROL,
        known.severity, row.certainty, one.opened_on, str(known.system.owner), None, mending(one) or None,
        risk.until if risk else None, status("finding", one.state).label, risk.by if risk else None,
        risk.control if risk else None, on.tier, " ".join(on.rests_on),
    )  # fmt: skip


def accepted(one: Standing) -> content.Accepted | None:
    """The acceptance that held then."""
    known = one.finding
    if one.state != "accepted" or known.accepted_by is None or known.accepted_until is None:
        return None
    return content.Accepted(
        str(known.accepted_by), known.accepted_by.title or "who accepts risks", known.accepted_rating or "not rated",
        known.alternate_control or "nothing is stated", known.accepted_until,
    )  # fmt: skip


def line(one: Standing, on: Basis) -> tuple[Cell, ...]:
    """A finding as a row of the list."""
    known, row = one.finding, one.row
    risk = accepted(one)
    return (
        known.ref, row.verdict, row.certainty, known.severity, one.state, known.system.name, row.subject, row.point,
        row.rule, row.because, packet(row.witness), one.opened_on, str(known.system.owner),
        risk.by if risk else None, risk.until if risk else None, risk.control if risk else None,
        on.tier, " ".join(on.rests_on),
    )  # fmt: skip
