"""What people stated by the cut-off of duties that no rule shows: each with its tier, its file's hash and the host."""

from __future__ import annotations

from compliance.models import Server
from compliance.words import DUTIES as STATES
from evidence.attested import Standing, numbers, sentence, standings
from evidence.duties import DUTIES, OPEN, tier
from evidence.judgement import counted
from evidence.packs.section import Cell, Scope, Table

COLUMNS = (
    "server", "system", "duty", "state", "due", "stated_as_of", "in_order", "offline_copy", "statement", "stated_by",
    "stated_at", "evidence_tier", "file_sha256", "host_when_stated", "the_host_said_when_stated",
)  # fmt: skip
NAMED = 8  # servers of one duty that a line prints before it counts the rest


def held(scope: Scope) -> list[Standing]:
    """Every duty of the servers in scope, as stated by the cut-off."""
    servers = Server.objects.filter(system__name__in=scope.systems).select_related("system")
    return standings(servers.order_by("name"), scope.as_of, now=False)


def lines(rows: list[Standing]) -> tuple[str, ...]:
    """The paragraphs that are printed: how many stand how, then what is open, kind by kind."""
    if not rows:
        return ()
    found = numbers(rows)
    stated = found["all"] - found["open"]
    said = sentence(found)
    first = f"{counted(stated, 'duty', 'duties')} of {found['all']} stated as in order and not overdue"
    return (
        f"{first}{f'; {said}' if said else ''}. The files stay in Eastwest: their hashes are listed.",
        *open_ones(rows),
    )


def open_ones(rows: list[Standing]) -> list[str]:
    """A line for each kind with something open."""
    found = []
    for kind, duty in DUTIES.items():
        mine = [f"{row.server.name} ({STATES[row.state].label.lower()})" for row in rows
                if row.kind == kind and row.state in OPEN]  # fmt: skip
        more = f" and {len(mine) - NAMED} more" if len(mine) > NAMED else ""
        if mine:
            found.append(f"{duty.label}: {', '.join(mine[:NAMED])}{more}.")
    return found


def table(rows: list[Standing]) -> Table:
    """All of them, for data/."""
    return Table("attestations", COLUMNS, [line(row) for row in rows])


def line(row: Standing) -> tuple[Cell, ...]:
    """One duty as a row of the list."""
    begin = (row.server.name, row.server.system.name, DUTIES[row.kind].label, STATES[row.state].label, row.due)
    last = row.last
    if last is None:
        return (*begin, *[None] * 10)
    return (
        *begin, last.held_on, last.in_order, last.offline, last.says, str(last.attested_by), last.attested_at,
        ": ".join(tier(last.sha256)), last.sha256, last.host_sign, last.host_said,
    )  # fmt: skip
