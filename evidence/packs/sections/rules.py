"""Firewall rules: every enforcement point and how good its copy is, the rules that need attention, the raw files."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from compliance.traffic.boxes import Family
from compliance.traffic.witness import describe
from evidence.models import VerdictRow
from evidence.packs import content
from evidence.packs.section import Cell, Scope, Section, Table
from evidence.packs.section import State as Held
from evidence.packs.sections.known import Read, Standing, comparison, findings, last_reads, rows, served, servers
from evidence.packs.sections.points import POINT_COLUMNS, UNTIED_COLUMNS, listed_points, named, pointed, sums
from evidence.packs.sections.raw import READING, Raw, raws
from evidence.packs.sections.uses import COLUMNS as COUNTER_COLUMNS
from evidence.packs.sections.words import packet
from evidence.rules import Verdict

TITLE = "Firewall rules"
PRINTED = 120
NAMED = 3  # boxes spelt out of a rule; the list has them all
POINTS_PRINTED = 60
RULE_COLUMNS = ("rule", "host", "point", "verdict", "certainty", "connections", "beyond", "example", "because", "text")
WIDER = (Verdict.permits_more, Verdict.share_wider, Verdict.listener_unauthorised)


def build(scope: Scope) -> Section:
    """The section; partial where a server was not read, a line not understood or a file is damaged."""
    held = comparison(scope)
    reads = last_reads(servers(scope), scope.as_of)
    said = rows(scope, held)
    standing = [one for one in findings(scope, held) if one.finding.verdict in WIDER]
    tied = ties(said)
    points, untied, counters, counted = listed_points(reads, tied, held)
    deviating = [line for line in points if line.deviates]
    judged = [ruled(one, tied) for one in standing]
    files = raws(scope)
    state, because = held_state(reads, files, compared=held is not None)
    kept = [raw for raw in files if raw.content is not None]
    data = content.Rules(
        lead=lead(reads, len(judged), compared=held is not None),
        sums=sums(points),
        points=tuple(replace(line, point=named(line.point)) for line in deviating[:POINTS_PRINTED]),
        deviating=len(deviating),
        points_total=len(points),
        rules=tuple(judged[:PRINTED]),
        total=len(judged),
        files=sum(raw.name != READING for raw in kept),
        hosts=len({raw.host for raw in kept}),
        counters=counted,
    )
    tables = (
        Table("rules", RULE_COLUMNS, [listed(one, tied) for one in standing]),
        Table("points", POINT_COLUMNS, [pointed(reads[line.host], line) for line in points]),
        Table("untied-rules", UNTIED_COLUMNS, untied),
        Table("rule-counters", COUNTER_COLUMNS, counters),
    )
    members = tuple((raw.path, raw.content) for raw in kept if raw.content is not None)
    return Section("rules", TITLE, served("rules"), state, because, "packs/print/rules.html", data, tables, members)


def held_state(reads: dict[str, Read], files: Sequence[Raw], *, compared: bool) -> tuple[Held, str]:
    """Held only when every server was read lately, every line understood, every file kept, and all compared."""
    read = [one for one in reads.values() if one.snapshot is not None]
    if not read:
        return "missing", "the rules of no server were read by the cut-off"
    old = sum(not one.fresh for one in reads.values())
    unread = sum(one.snapshot.lines_unread > 0 for one in read if one.snapshot)
    damaged = [raw for raw in files if raw.content is None]
    said = [
        f"{old} of {len(reads)} servers have no fresh reading" if old else "",
        f"lines of {unread} server{'' if unread == 1 else 's'} could not be read" if unread else "",
        f"{len(damaged)} raw files are not as they were stored ({damaged[0].problem})" if damaged else "",
        "" if compared else "nothing was compared by the cut-off",
    ]
    because = "; ".join(one for one in said if one)
    return ("partial", because) if because else ("held", "")


def lead(reads: dict[str, Read], wider: int, *, compared: bool) -> str:
    """The answer in two sentences."""
    read = sum(one.fresh for one in reads.values())
    servers_read = f"The rules of {read} of {len(reads)} servers were read and fresh at the cut-off."
    if not compared:
        return f"{servers_read} They were not compared with what is authorised."
    if not wider:
        return f"{servers_read} Of what was read and understood, none permits more than what is authorised."
    return f"{servers_read} {wider} {'rule permits' if wider == 1 else 'rules permit'} more than what is authorised."


def ties(said: Sequence[VerdictRow]) -> dict[tuple[str, str], set[str]]:
    """(host/point, rule) → the connections it was found to let through."""
    found: dict[tuple[str, str], set[str]] = defaultdict(set)
    for row in said:
        if row.connection and row.rule and row.verdict == Verdict.implemented:
            found[row.point, row.rule].add(row.connection.ref)
    return found


def ruled(one: Standing, tied: dict[tuple[str, str], set[str]]) -> content.RuleLine:
    """A rule (share, listener) that permits more, as the pages show it."""
    known, row = one.finding, one.row
    host, _, point = row.point.partition("/")
    where = f"{known.rule_file}, line {known.rule_line}" if known.rule_file else point
    return content.RuleLine(
        rule=row.rule or row.subject,
        host=host,
        where=where,
        text=known.rule_text or "the text of the rule was not kept",
        connections=tuple(sorted(tied.get((row.point, row.rule), ()))),
        permits=beyond(row),
        verdict=row.verdict,
        certainty=row.certainty,
        example=packet(row.witness),
    )


def beyond(row: VerdictRow) -> str:
    """What goes beyond the authorisation: the first boxes in words, and how many more."""
    family: Family = 6 if row.family == 6 else 4
    said = [" ".join(value for value in describe(family, tuple(box)).values() if value) for box in row.excess[:NAMED]]
    more = len(row.excess) - len(said)
    return "; ".join(said) + (f"; and {more} more" if more > 0 else "") if said else row.because


def listed(one: Standing, tied: dict[tuple[str, str], set[str]]) -> tuple[Cell, ...]:
    """A rule (share, listener) as a row of the list."""
    row = one.row
    host, _, point = row.point.partition("/")
    return (
        row.rule or row.subject, host, point, row.verdict, row.certainty,
        " ".join(sorted(tied.get((row.point, row.rule), ()))), beyond(row), packet(row.witness), row.because,
        one.finding.rule_text,
    )  # fmt: skip
