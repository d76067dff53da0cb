"""Firewall rules: every enforcement point and how good its copy is, the rules that need attention, the raw files."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from django.utils import timezone

from compliance.models.estate import day_of
from compliance.traffic.boxes import Family
from compliance.traffic.witness import describe
from evidence.models import Comparison, VerdictRow
from evidence.packs import content
from evidence.packs.section import Cell, Scope, Section, Table
from evidence.packs.section import State as Held
from evidence.packs.sections.known import Read, Standing, comparison, findings, last_reads, rows, served, servers
from evidence.packs.sections.raw import READING, Raw, raws
from evidence.packs.sections.words import packet
from evidence.rules import Verdict

TITLE = "Firewall rules"
PRINTED = 120
NAMED = 3  # boxes spelt out of a rule; the list has them all
POINTS = ("INPUT", "OUTPUT")
HOW = {"directory": "copied into a folder", "upload": "uploaded by a person", "local": "read from the system itself"}
RULE_COLUMNS = ("rule", "host", "point", "verdict", "certainty", "connections", "beyond", "example", "because", "text")
POINT_COLUMNS = ("host", "point", "read_at", "last_confirmed_at", "how", "tier", "default", "rules", "tied",
                 "unread_lines", "because")  # fmt: skip
WIDER = (Verdict.permits_more, Verdict.share_wider, Verdict.listener_unauthorised)


def build(scope: Scope) -> Section:
    """The section; partial where a server was not read, a line not understood or a file is damaged."""
    held = comparison(scope)
    reads = last_reads(servers(scope), scope.as_of)
    said = rows(scope, held)
    standing = [one for one in findings(scope, held) if one.finding.verdict in WIDER]
    tied = ties(said)
    points = [line for read in reads.values() for line in lines_of(read, tied, held)]
    judged = [ruled(one, tied) for one in standing]
    files = raws(scope)
    state, because = held_state(reads, files, compared=held is not None)
    kept = [raw for raw in files if raw.content is not None]
    data = content.Rules(
        lead=lead(reads, len(judged), compared=held is not None),
        points=tuple(points),
        rules=tuple(judged[:PRINTED]),
        total=len(judged),
        configurations=tuple(
            content.Configuration(raw.path, raw.host, raw.read_at, raw.sha256) for raw in kept if raw.name != READING
        ),
    )
    tables = (
        Table("rules", RULE_COLUMNS, [listed(one, tied) for one in standing]),
        Table("points", POINT_COLUMNS, [pointed(read, line) for read, line in paired(reads, points)]),
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


def lines_of(read: Read, tied: dict[tuple[str, str], set[str]], held: Comparison | None) -> list[content.PointLine]:
    """The lines of one server: each point that was read, and those that should have been."""
    snapshot = read.snapshot
    points: list[dict[str, Any]] = list(snapshot.points) if snapshot else []
    present = {str(point["name"]) for point in points}
    missing = [name for name in POINTS if name not in present]
    because = read.because
    found = [line_of(read, point, tied, held) for point in points]
    why = because or f"no rules of this point are in what was read of {read.server.name}"
    return found + [
        content.PointLine(read.server.name, name, None, "", "", "not known", "not known", because=why)
        for name in missing
    ]


def line_of(
    read: Read, point: dict[str, Any], tied: dict[tuple[str, str], set[str]], held: Comparison | None
) -> content.PointLine:
    """One point that was read. What this version does not measure stays None."""
    snapshot = read.snapshot
    name, host = str(point["name"]), read.server.name
    four, six = defaults(str(point.get("default", "")))
    serving = sum(1 for place, _ in tied if place == f"{host}/{name}")
    return content.PointLine(
        host=host,
        point=name,
        read_at=read.seen_at,
        how=how(read),
        tier=snapshot.tier if snapshot else "",
        default_v4=four,
        default_v6=six,
        rules=int(point["rules"]),
        tied=serving if held else None,
        unread=int(point.get("unread", 0)),
        because=read.because,
    )


def how(read: Read) -> str:
    """How it was read, and since when the reading is the same."""
    snapshot, seen = read.snapshot, read.seen_at
    said = HOW.get(read.source.kind, read.source.kind) if read.source else ""
    if snapshot is None or seen is None or day_of(snapshot.observed_at) == day_of(seen):
        return said
    return f"{said}, unchanged since {timezone.localtime(snapshot.observed_at):%-d %B %Y}"


def defaults(text: str) -> tuple[str, str]:
    """`permit` or `IPv4 deny, IPv6 permit` as a word for each family; one that is not named is not known."""
    if text in ("permit", "deny"):
        return text, text
    said = dict(part.split(" ", 1) for part in text.split(", ") if " " in part)
    return said.get("IPv4", "not known"), said.get("IPv6", "not known")


def paired(reads: dict[str, Read], points: Sequence[content.PointLine]) -> list[tuple[Read, content.PointLine]]:
    """Each line with the reading it is from."""
    return [(reads[line.host], line) for line in points]


def pointed(read: Read, line: content.PointLine) -> tuple[Cell, ...]:
    """A point as a row of the list."""
    default = line.default_v4 if line.default_v4 == line.default_v6 else f"{line.default_v4}, {line.default_v6}"
    return (
        line.host, line.point, read.snapshot.observed_at if read.snapshot and line.read_at else None, line.read_at,
        line.how, line.tier, default,
        line.rules, line.tied, line.unread, line.because,
    )  # fmt: skip


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
