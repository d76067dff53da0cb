"""What a comparison saw in the flow logs, for the people of some systems: coverage, gaps, talkers, and pairs nobody
authorised, each with what was decided on it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from compliance.models import User
from evidence.actions.cases import fingerprint
from evidence.actions.flow_files import EPOCH, moment
from evidence.models import Comparison, Finding, FlowPicture
from evidence.rules import Verdict
from evidence.usage_verdicts import POINT

DAY_H: Final = 24
UNDECIDED: Final = "nothing yet"
MANY: Final = "outside → "  # what many strangers tried is one finding
LISTED: Final = 10  # pairs, and as many talkers, that the page of a server or a place lists


@dataclass(frozen=True, slots=True)
class Strip:
    """One flow log over the days of a picture: how many hours of each it wrote anything, and what is missing of it."""

    pk: int
    name: str
    kind: str
    places: int
    hours: tuple[int, ...]
    gaps: tuple[Mapping[str, Any], ...]
    gaps_more: int

    @property
    def whole(self) -> int:
        """Days of which every hour is there."""
        return sum(one == DAY_H for one in self.hours)


@dataclass(frozen=True, slots=True)
class Picture:
    """`days`: those it is about; `pairs` with their `decided`; `before`: how many of the months before were read.

    `came`: who came in to each server by services of administration in the 31 days to `at`; None: not kept.
    """

    at: datetime
    days: tuple[date, ...]
    logs: tuple[Strip, ...]
    talkers: tuple[Mapping[str, Any], ...]
    pairs: tuple[Mapping[str, Any], ...]
    pairs_more: int
    before: int
    missing: tuple[str, ...] = field(default=())
    came: tuple[Mapping[str, Any], ...] | None = None

    @property
    def new(self) -> int:
        """Pairs that the months before did not know."""
        return sum(bool(one["new"]) for one in self.pairs)


@dataclass(frozen=True, slots=True)
class Beside:
    """Who talked with a server or a place since `first`: `pairs` that nobody authorised, newest first, and `talkers`
    that somebody did. `more`: pairs beyond them; `cut`: not all pairs of the comparison were kept."""

    first: date
    pairs: tuple[Mapping[str, Any], ...]
    talkers: tuple[Mapping[str, Any], ...]
    more: int
    cut: bool


def beside(person: User, touches: Callable[[Mapping[str, Any]], bool]) -> Beside | None:
    """Of the last comparison the pairs that this is true of, as far as this person may see them; None where it saw no
    flow log."""
    comparison = Comparison.objects.filter(published=True).first()
    row = FlowPicture.objects.filter(comparison=comparison).first() if comparison else None
    if row is None:
        return None
    data, systems = row.data, person.system_ids()

    def mine(key: str) -> list[Mapping[str, Any]]:
        return [one for one in data[key] if concerns(one, systems) and touches(one)]

    pairs = sorted(mine("pairs"), key=lambda one: (-one["last"], one["subject"]))
    talkers = [spelt(one) for one in mine("talkers") if one["ref"]][:LISTED]
    listed = tuple(decided(pairs[:LISTED]))
    first = EPOCH + timedelta(days=data["first_day"])
    return Beside(first, listed, tuple(talkers), max(len(pairs) - LISTED, 0), bool(data["pairs_more"]))


def latest_picture(person: User) -> Picture | None:
    """Of the last comparison, as far as this person may see it; None where it saw no flow log."""
    comparison = Comparison.objects.filter(published=True).first()
    return picture_of(comparison, person.system_ids()) if comparison else None


def picture_of(
    comparison: Comparison, systems: Collection[int] | None, *, since: date | None = None, until: date | None = None
) -> Picture | None:
    """Of one comparison, cut to these systems (None: all) and days. None where no flow log of theirs was read."""
    row = FlowPicture.objects.filter(comparison=comparison).first()
    if row is None:
        return None
    data = row.data
    days, logs = strips(data, systems, since=since, until=until)
    mine = [one for one in data["pairs"] if concerns(one, systems) and within(one, days)]
    if not days or not (logs or mine):
        return None
    return Picture(
        at=comparison.at, days=days, logs=logs,
        talkers=tuple(spelt(one) for one in data["talkers"] if concerns(one, systems)),
        pairs=tuple(decided(mine)), pairs_more=data["pairs_more"], before=data["before"],
        came=came_in(data["came"], systems) if "came" in data else None,
    )  # fmt: skip


def came_in(every: Iterable[Mapping[str, Any]], systems: Collection[int] | None) -> tuple[Mapping[str, Any], ...]:
    """Who came in to the servers of these systems, each line with its moments and the finding it became."""
    mine = [one for one in every if systems is None or one["system"] in systems]
    open_ones = [{**line, "passed": True} for one in mine for line in one["lines"] if line["subject"]]
    found = {line["subject"]: line for line in decided(open_ones)}
    none = {"finding": "", "decided": ""}
    return tuple(
        {**one, "lines": [{**spelt(line), **none, **{key: found[line["subject"]][key] for key in none}}
                          if line["subject"] else {**spelt(line), **none} for line in one["lines"]]}
        for one in mine
    )  # fmt: skip


def strips(
    data: Mapping[str, Any], systems: Collection[int] | None, *, since: date | None = None, until: date | None = None
) -> tuple[tuple[date, ...], tuple[Strip, ...]]:
    """The days of a kept picture, and the flow logs of these systems (None: all) over them."""
    every = [EPOCH + timedelta(days=day) for day in range(data["first_day"], data["last_day"] + 1)]
    chosen = [at for at, day in enumerate(every) if (since is None or day >= since) and (until is None or day <= until)]
    days = tuple(every[at] for at in chosen)
    mine = (one for one in data["logs"] if systems is None or one["system"] in systems)
    return days, tuple(strip(one, chosen, days) for one in mine)


def concerns(one: Mapping[str, Any], systems: Collection[int] | None) -> bool:
    """Whether an end of it is of one of these systems."""
    return systems is None or bool(set(one["systems"]) & set(systems))


def within(one: Mapping[str, Any], days: tuple[date, ...]) -> bool:
    """Whether it was seen on any of these days."""
    first, last = (datetime.fromtimestamp(one[key], UTC).date() for key in ("first", "last"))
    return bool(days) and first <= days[-1] and last >= days[0]


def strip(one: Mapping[str, Any], chosen: list[int], days: tuple[date, ...]) -> Strip:
    """One flow log, cut to the days."""
    first, last = ((day - EPOCH).days * DAY_H for day in (days[0], days[-1])) if days else (0, 0)
    gaps = [gap for gap in one["gaps"] if gap["last"] >= first and gap["first"] < last + DAY_H]
    return Strip(
        one["pk"], one["name"], one["kind"], one["places"], tuple(one["strip"][at] for at in chosen),
        tuple({**gap, "first_at": moment(gap["first"]), "last_at": moment(gap["last"])} for gap in gaps),
        one["gaps_more"],
    )  # fmt: skip


def spelt(one: Mapping[str, Any]) -> dict[str, Any]:
    """With its moments as moments."""
    return {**one, "first": datetime.fromtimestamp(one["first"], UTC), "last": datetime.fromtimestamp(one["last"], UTC)}


def decided(pairs: Iterable[Mapping[str, Any]]) -> Iterable[dict[str, Any]]:
    """The pairs with what was decided on each: by the finding each became."""
    listed = list(pairs)
    marks: dict[str, list[str]] = {one["subject"]: marks_of(one) for one in listed}
    wanted = [mark for several in marks.values() for mark in several]
    found: dict[str, Finding] = {}
    for start in range(0, len(wanted), 500):
        found |= {row.fingerprint: row for row in Finding.objects.filter(fingerprint__in=wanted[start : start + 500])}
    for one in listed:
        row = next((found[mark] for mark in marks[one["subject"]] if mark in found), None)
        yield {**spelt(one), "decided": said(row), "finding": row.ref if row else ""}


def marks_of(one: Mapping[str, Any]) -> list[str]:
    """The fingerprints of the findings it can have become."""
    verdict = Verdict.used_outside if one["passed"] else Verdict.attempted
    many = f"{MANY}{one['dst']} {one['service']}"
    return [fingerprint(verdict, POINT, one["subject"]), fingerprint(Verdict.attempted, POINT, many)]


def said(row: Finding | None) -> str:
    """What was decided on a finding, in words."""
    if row is None or row.state == Finding.State.OPEN:
        return UNDECIDED
    if row.state == Finding.State.ACCEPTED and row.accepted_until:
        return f"accepted as a risk until {row.accepted_until:%-d %B %Y}"
    if row.state == Finding.State.CURED:
        return row.cured_because
    return row.get_state_display().lower()
