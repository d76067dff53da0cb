"""Every enforcement point: how good its copy is, what it does by default, how its rules stand to what is authorised."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import Any, NamedTuple

from django.utils import timezone

from compliance.models.estate import day_of
from compliance.register import Entry, RegisterError, Wanted, wanted
from evidence import readings
from evidence.artefacts import Damaged
from evidence.attachments import is_fabric
from evidence.case import FORWARD, INPUT, OUTPUT, RETURN
from evidence.commands.rule_edits import for_people
from evidence.models import Comparison
from evidence.packs import content
from evidence.packs.section import Cell
from evidence.packs.sections.account_points import COUNTED_THERE, NOWHERE, AccountPoints, is_list, kind_of
from evidence.packs.sections.known import Read, standing_at
from evidence.packs.sections.uses import Uses, numbers, sentence
from evidence.packs.sections.uses import listed as uses_listed
from evidence.rule_counts import Counts, Ties, counted
from evidence.rules import FormatError, Reading

Tied = Mapping[tuple[str, str], set[str]]  # (host/point, rule) -> the connections it was found to let through
FILTERING = "first-match"
POINTS = (INPUT, OUTPUT)
ACCOUNT, WHOLE = "aws", "the account"
UNCOUNTED = "its rules were not counted: the reading or the register is not whole"
HOW = {
    "directory": "copied into a folder", "upload": "uploaded by a person", "local": "read from the system itself",
    "ssh": "read from the system itself over SSH", "cisco": "read from the device itself over SSH",
    "fortios": "read from the device itself over HTTPS", "panos": "read from the device itself over HTTPS",
    "git": "committed to a repository",
    "push": "pushed by the host itself", "aws": "read from the account itself",
}  # fmt: skip
NAMES = {"listeners": "listening services", "shares/nfs": "NFS shares", "shares/smb": "Samba shares"}
POINT_COLUMNS = ("host", "point", "read_at", "last_confirmed_at", "how", "tier", "default", "rules", "tied", "untied",
                 "any_any", "disabled", "shadowed", "zero_hits", "counted", "counters", "logging", "unread_lines",
                 "because")  # fmt: skip
UNTIED_COLUMNS = ("host", "point", "rule", "file", "line", "text", "comment")
SUMMED = ("rules", "tied", "untied", "any_any", "disabled", "shadowed", "zero_hits", "counted", "unread")


class Listed(NamedTuple):
    """The points, and rows of lists: the rules tied to nothing, and the counters of those in force, with what the pages
    say of them."""

    points: list[content.PointLine]
    untied: list[tuple[Cell, ...]]
    counters: list[tuple[Cell, ...]]
    said: str


def listed_points(reads: Mapping[str, Read], tied: Tied, held: Comparison | None) -> Listed:
    """Each point that was read and those that should have been, with their lists."""
    allowed = authorised(held)
    passing = Allowed(allowed) if allowed is not None else None
    points: list[content.PointLine] = []
    untied: list[tuple[Cell, ...]] = []
    counters: list[tuple[Cell, ...]] = []
    counting: list[Uses] = []
    for read in reads.values():
        reading = reading_of(read) if passing is not None else None
        measured, attached = measure(read, reading, passing) if reading and passing else Measured({}, {})
        uses = Uses.of(read) if measured else Uses()
        rows = {name: uses_listed(read.server.name, name, one.in_force, uses) for name, one in measured.items()}
        lines = lines_of(read, tied, held, measured, attached)
        points += [with_uses(line, rows[line.point], uses) if line.point in rows else line for line in lines]
        counters += [row for several in rows.values() for row in several]
        counting += [uses] if measured else []
        for name, counts in measured.items():
            untied += [
                (read.server.name, name, rule.id, rule.origin.name, rule.origin.first, for_people(rule.origin.text),
                 rule.origin.comment)
                for rule in counts.untied
            ]  # fmt: skip
    return Listed(points, untied, counters, sentence(counting, counters))


def with_uses(line: content.PointLine, rows: list[tuple[Cell, ...]], uses: Uses) -> content.PointLine:
    """The line of a point with what the counters of its rules say, or why nothing of them is known."""
    unused, known = numbers(rows)
    return replace(line, zero_hits=unused, counted=known, counters=uses.because)


def authorised(held: Comparison | None) -> Wanted | None:
    """What was authorised when the comparison was made; None when nothing was compared or the register did not hold."""
    if held is None:
        return None
    try:
        return wanted(standing_at(held.at), at=day_of(held.at))
    except RegisterError:
        return None


class Allowed:
    """What is authorised, ready to be asked at each point: what any host may forward is made ready once for all."""

    def __init__(self, asked: Wanted) -> None:
        self.wanted = asked
        self.at: dict[tuple[str, str], list[Entry]] = defaultdict(list)
        for entry in asked.entries:
            for place in entry.required:
                self.at[place].append(entry)
        self.forwarded = Ties(asked.entries)

    def ties(self, host: str, point: str) -> Ties:
        """What may pass a point of a host."""
        return self.forwarded if point == FORWARD else Ties(self.at.get((host, point), []))


class Measured(NamedTuple):
    """Counts by point, and of an account by list the interfaces that it stands in front of."""

    counts: Mapping[str, Counts]
    attached: Mapping[str, Sequence[str]]


def measure(read: Read, reading: Reading, allowed: Allowed) -> Measured:
    """The counts of each point that packets pass; of an account those of its lists."""
    if is_fabric(reading):
        account = AccountPoints(read.server.name, reading, allowed.wanted)
        return Measured(account.measured(), account.attached)
    counts = {
        point.name: counted(reading, point, allowed.ties(read.server.name, point.name))
        for point in reading.points
        if point.model == FILTERING
    }
    return Measured(counts, {})


def reading_of(read: Read) -> Reading | None:
    """The last reading of a server, fresh or not; None when there is none, or its stored bytes are not whole."""
    if read.snapshot is None:
        return None
    try:
        return readings.load(read.snapshot)
    except (Damaged, FileNotFoundError, FormatError):
        return None  # the list of raw files names it


def lines_of(
    read: Read,
    tied: Tied,
    held: Comparison | None,
    measured: Mapping[str, Counts],
    attached: Mapping[str, Sequence[str]],
) -> list[content.PointLine]:
    """The lines of one server: each point that was read, and those that should have been."""
    snapshot = read.snapshot
    points: list[dict[str, Any]] = list(snapshot.points) if snapshot else []
    present = {str(point["name"]) for point in points}
    why = read.because or f"no rules of this point are in what was read of {read.server.name}"
    lines = [line_of(read, point, tied, held, measured.get(str(point["name"]))) for point in points]
    if is_account(read, present):
        there = [of_account(line, attached) if measured else line for line in lines]
        return there or [not_read(read, WHOLE, why)]
    return lines + [not_read(read, name, why) for name in POINTS if name not in present]


def not_read(read: Read, name: str, why: str) -> content.PointLine:
    """A point that should have been read."""
    return content.PointLine(read.server.name, name, None, "", "", "not known", "not known", because=why)


def of_account(line: content.PointLine, attached: Mapping[str, Sequence[str]]) -> content.PointLine:
    """The line of a point of an account whose lists were counted."""
    if not is_list(line.point):
        because = "" if line.because == UNCOUNTED else line.because
        found = replace(line, again=True, tied=None, because=because, how=f"{line.how}, {COUNTED_THERE}")
        return replace(found, default_v4="", default_v6="") if line.point == RETURN else found  # it judges answers
    return line if line.point in attached else replace(line, how=f"{line.how}, {NOWHERE}")


def is_account(read: Read, present: AbstractSet[str]) -> bool:
    """Whether it is a cloud account and no server: it has lists and paths, and no INPUT of its own."""
    of_kind = read.source is not None and read.source.kind == ACCOUNT
    return (of_kind or RETURN in present) and not present & set(POINTS)


def line_of(
    read: Read, point: Mapping[str, Any], tied: Tied, held: Comparison | None, counts: Counts | None
) -> content.PointLine:
    """One point that was read. What was not measured stays None."""
    snapshot = read.snapshot
    name, host = str(point["name"]), read.server.name
    four, six = defaults(str(point.get("default", ""))) if filters(name) else ("", "")
    serving = sum(1 for place, _ in tied if place == f"{host}/{name}") if held else None
    shadowed = counts.shadowed if counts else None
    uncounted = held is not None and counts is None and (name in (*POINTS, FORWARD) or is_list(name))
    return content.PointLine(
        host=host,
        point=name,
        read_at=read.seen_at,
        how=how(read),
        tier=snapshot.tier if snapshot else "",
        default_v4=four,
        default_v6=six,
        rules=int(point["rules"]),
        tied=len(counts.tied) if counts else serving,
        untied=len(counts.untied) if counts else None,
        any_any=len(counts.any_any) if counts else None,
        disabled=counts.disabled if counts else None,
        shadowed=len(shadowed) if shadowed is not None else None,
        unread=int(point.get("unread", 0)),
        because=read.because or (UNCOUNTED if uncounted else ""),
    )


def how(read: Read) -> str:
    """How it was read, and since when the reading is the same."""
    snapshot, seen = read.snapshot, read.seen_at
    said = HOW.get(read.source.kind, read.source.kind) if read.source else ""
    if snapshot is None or seen is None or day_of(snapshot.observed_at) == day_of(seen):
        return said
    return f"{said}, unchanged since {timezone.localtime(snapshot.observed_at):%-d %B %Y}"


def filters(name: str) -> bool:
    """Whether packets pass it: what listens, is shared or is said has no default."""
    return name not in NAMES and ("/" not in name or name.endswith(("/in", "/out")))


def named(name: str) -> str:
    """A point in words: what a host says of itself is marked as its own word."""
    said = name.removeprefix("says/")
    return NAMES.get(name, name if said == name else f"{said}, as the server says")


def defaults(text: str) -> tuple[str, str]:
    """`permit` or `IPv4 deny, IPv6 permit` as a word for each family; one that is not named is not known."""
    if text in ("permit", "deny"):
        return text, text
    said = dict(part.split(" ", 1) for part in text.split(", ") if " " in part)
    return said.get("IPv4", "not known"), said.get("IPv6", "not known")


def sums(points: Iterable[content.PointLine]) -> tuple[content.PointSum, ...]:
    """One line for all points of a name, of an account for all of a kind; in the order in which they first come.

    Rules that come again at another point are not summed.
    """
    by_name: dict[str, list[content.PointLine]] = defaultdict(list)
    for line in points:
        by_name[kind_of(line.point) if line.again or is_list(line.point) else line.point].append(line)
    return tuple(
        content.PointSum(
            named(name),
            len(lines),
            sum(line.read_at is None or bool(line.because) for line in lines),
            sum(not {line.default_v4, line.default_v6} <= {"deny", ""} for line in lines),
            **{key: total(getattr(line, key) for line in lines if not line.again) for key in SUMMED},
        )
        for name, lines in by_name.items()
    )


def total(counts: Iterable[int | None]) -> int | None:
    """The sum of what was measured; None when nothing was."""
    measured = [count for count in counts if count is not None]
    return sum(measured) if measured else None


def pointed(read: Read, line: content.PointLine) -> tuple[Cell, ...]:
    """A point as a row of the list."""
    default = line.default_v4 if line.default_v4 == line.default_v6 else f"{line.default_v4}, {line.default_v6}"
    return (
        line.host, line.point, read.snapshot.observed_at if read.snapshot and line.read_at else None, line.read_at,
        line.how, line.tier, default,
        line.rules, line.tied, line.untied, line.any_any, line.disabled, line.shadowed, line.zero_hits, line.counted,
        line.counters, line.logging or None, line.unread, line.because,
    )  # fmt: skip
