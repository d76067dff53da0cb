"""Who came in to servers by services of administration, as flow logs saw it: the page *Administration* in a pack."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Final

from django.utils import timezone

from evidence.flow_pictures import Picture
from evidence.judgement import counted as number
from evidence.models import AdminPathRow
from evidence.packs.content_logs import CameIn
from evidence.packs.section import Cell, Table

COLUMNS: Final = (
    "server", "bastion", "seen", "from", "service", "source", "destination", "first_seen", "last_seen", "days", "flows",
    "bytes", "who_began_is_known", "connection", "finding", "decided", "hours_watched", "hours", "more_not_listed",
)  # fmt: skip
NOT_KEPT: Final = "Who came in by services of administration was not kept by the comparison this pack rests on."
NOBODY_ASKED: Final = "nobody authorised it"
Servers = Iterable[Mapping[str, Any]]


def others(servers: Servers) -> list[CameIn]:
    """What came from others than bastions to servers that are none, newest first."""
    found = [
        CameIn(one["server"], line["from"], line["service"], line["last"], rests(line), one["watched"], one["hours"])
        for one in servers if not one["bastion"]
        for line in one["lines"] if line["kind"] == "others"
    ]  # fmt: skip
    return sorted(found, key=lambda one: (-one.last.timestamp(), one.server, one.source, one.service))


def rests(line: Mapping[str, Any]) -> str:
    """The connection that authorises it; else its finding, with what was decided on it."""
    if line["ref"]:
        return str(line["ref"])
    return f"{line['finding']}: {line['decided']}" if line["finding"] else NOBODY_ASKED


def sentence(seen: Picture) -> str:
    """How many servers it is said of, and of how many nothing is known."""
    if seen.came is None:
        return NOT_KEPT
    if not seen.came:
        return ""
    plain = Counter(one["from"] for one in seen.came if not one["bastion"])
    bastions = sum(bool(one["bastion"]) for one in seen.came)
    until = f"{timezone.localtime(seen.at):%-d %B %Y}"
    parts = [
        f"others than bastions came in to {number(plain['others'], 'server')}",
        f"bastions alone to {plain['bastions']}",
        f"to {plain['nobody']} nobody in the hours that were watched",
        f"of {plain['unknown']} no hour was watched, so that nothing is known",
    ]
    verb = "is" if bastions == 1 else "are"
    tail = f" {number(bastions, 'bastion')}, where people are meant to come in, {verb} not among them."
    return f"In the 31 days to {until}: {'; '.join(parts)}.{tail if bastions else ''}"


def table(seen: Picture) -> Table:
    """Everything that is kept of it; a server nobody was seen at has a row without an end."""
    rows: list[tuple[Cell, ...]] = []
    for one in seen.came or ():
        head = (one["server"], bool(one["bastion"]), AdminPathRow.Seen(one["from"]).label)
        tail = (one["watched"], one["hours"], one["more"])
        for line in one["lines"] or [None]:
            rows.append((*head, *(middle(line) if line else (None,) * 13), *tail))
    return Table("admin-flows", COLUMNS, rows)


def middle(line: Mapping[str, Any]) -> tuple[Cell, ...]:
    """One line of it."""
    return (
        line["from"], line["service"], line["src"], line["dst"], line["first"], line["last"], line["days"],
        line["flows"], line["bytes"], bool(line["sure"]), line["ref"], line["finding"], line["decided"],
    )  # fmt: skip
