"""The days of all flow logs, matched with the register of each day: kept, so that a comparison costs what is new.

What was authorised on the evening before and on the evening itself counts for a day: nobody is told of a use in the
morning of the day on which its connection ended.
"""

from __future__ import annotations

import hashlib
import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from compliance.models import Address, ConnectionVersion, Membership, PartyPrefix, ZonePrefix
from compliance.register import Entry, RegisterError, Wanted
from evidence.actions.flow_files import DAMAGED, EPOCH, day_path, days_folder, incoming, results_folder
from evidence.artefacts import place_of
from evidence.authorised import wanted_on
from evidence.flowlogs.child import rolled_in_child
from evidence.flowlogs.days import Places, key_of, live_path, places, spoken
from evidence.flowlogs.engine import Engine
from evidence.flowlogs.matching import VERSION, Matcher, Stored, stored_at
from evidence.models import FlowDay, FlowFile
from evidence.rules import FormatError

LONG: Final = 367  # days that are looked at: what is used yearly needs them
PARQUET: Final = b"PAR1"  # at both ends of each such file
LOST: Final = "What it was rolled up to is lost, and so are the bytes it came as, or they were altered."
IN_FORCE: Final[tuple[Any, ...]] = (ConnectionVersion, Address, Membership, ZonePrefix, PartyPrefix)


@dataclass(frozen=True, slots=True)
class FileDay:
    """One day of one file that counts. `rows` False: it only says that its places ran."""

    log: int
    sha256: str
    rows: bool
    file: int


@dataclass
class Days:
    """All days that count, put together. Days are numbers since 1970."""

    stored: dict[int, Stored] = field(default_factory=dict)
    spoken: dict[int, Path] = field(default_factory=dict)
    places: dict[int, dict[int, Places]] = field(default_factory=lambda: defaultdict(dict))  # log -> day -> its places
    used: set[Path] = field(default_factory=set)


def read_days(today: date) -> dict[int, list[FileDay]]:
    """Day -> the files that have it, of the last year. What a wrong clock put after today is in none."""
    first = today - timedelta(days=LONG - 1)
    rows = FlowDay.objects.filter(file__state=FlowFile.State.READ, day__gte=first, day__lte=today)
    found: dict[int, list[FileDay]] = {}
    wanted = rows.values_list("day", "file__log_id", "file__stored__sha256", "rows", "file_id")
    for day, log, sha256, any_rows, file in wanted:
        found.setdefault((day - EPOCH).days, []).append(FileDay(log, sha256, any_rows, file))
    return dict(sorted(found.items()))


def put_together(
    engine: Engine, files: Mapping[int, Sequence[FileDay]], wanted: Wanted, step: Callable[[str], None]
) -> Days:
    """Every day with its results; those that are kept are not made again. `wanted`: of today, where a past day's own
    register does not hold together."""
    lost = mend(files)
    files = {day: mine for day, several in files.items() if (mine := [one for one in several if one.file not in lost])}
    found, into, marks = Days(), results_folder(), fingerprints(files)
    matcher: tuple[str, Matcher] | None = None
    for day, several in files.items():
        rollups = [day_path(day, one.sha256) for one in several if one.rows]
        by_log: dict[int, list[FileDay]] = {}
        for one in several:
            by_log.setdefault(one.log, []).append(one)
        for log, mine in by_log.items():
            lives = [live_path(days_folder(), day, one.sha256) for one in mine]
            held = places(engine, [day_path(day, one.sha256) for one in mine if one.rows], lives, into)
            found.places[log][day] = held
            found.used.update(held)
        if not rollups:
            continue
        found.spoken[day] = spoken(engine, rollups, into)
        key = key_of((one.name for one in rollups), f"{VERSION}", marks[day])
        stored = stored_at(into, key)
        if not all(path.exists() for path in stored):
            step(f"Matching the flows of {EPOCH + timedelta(days=day)}")
            if matcher is None or matcher[0] != marks[day]:
                matcher = marks[day], Matcher(engine, in_force(day, wanted))
            stored = matcher[1].day(rollups, into, spoken=found.spoken[day], key=key)
        found.stored[day] = stored
        found.used |= {found.spoken[day], *stored}
    return found


def in_force(day: int, wanted: Wanted) -> list[Entry]:
    """What was authorised on a day, in its morning or in its evening."""
    try:
        evening = EPOCH + timedelta(days=day)
        several = [wanted_on(evening - timedelta(days=1)), wanted_on(evening)]
    except RegisterError:
        several = [wanted]
    return list({(one.id, one.boxes): one for each in several for one in each.entries}.values())


def fingerprints(days: Iterable[int]) -> dict[int, str]:
    """Day -> a mark of every row of the register that stood on it or on the day before."""
    wanted = sorted(days)
    if not wanted:
        return {}
    marks = dict.fromkeys(range(wanted[0] - 1, wanted[-1] + 1), 0)
    changes: dict[int, int] = {}
    for model in IN_FORCE:
        ends = ["ends_on"] if model is ConnectionVersion else []
        for key, begins, *until in model.objects.values_list("pk", "valid_from", "valid_to", *ends):
            last = [number_of(one) for one in until if one is not None]
            said = f"{model.__name__} {key} {begins} {until}".encode()
            mark = int.from_bytes(hashlib.sha256(said).digest()[:16], "big")
            for at in (max(number_of(begins), wanted[0] - 1), min(last) + 1 if last else wanted[-1] + 1):
                changes[at] = changes.get(at, 0) ^ mark
    mark = 0
    for day in sorted({*marks, *changes}):
        mark ^= changes.get(day, 0)
        marks[day] = mark
    return {day: f"{marks[day - 1]:x} {marks[day]:x}" for day in wanted}


def number_of(moment: date | datetime) -> int:
    """The day since 1970."""
    day = moment.astimezone(UTC).date() if isinstance(moment, datetime) else moment
    return (day - EPOCH).days


def mend(days: Mapping[int, Sequence[FileDay]]) -> set[int]:
    """Rolls up again what is not there any more, or not as a whole, from the bytes that are kept.

    Gives the files it could not make again: they do not count from here on, and say so.
    """
    lost = {one.file for day, several in days.items() for one in several if not all(map(is_whole, made_of(day, one)))}
    given_up: set[int] = set()
    for file in FlowFile.objects.filter(pk__in=lost).select_related("stored"):
        try:
            brought = rolled_in_child(
                place_of(file.stored.sha256), days_folder(), name=file.name,
                received=int(file.received_at.timestamp()), others={}, scratch=incoming(),
            )  # fmt: skip
            whole = brought.rolled.sha256 == file.stored.sha256
        except FormatError:
            whole = False
        if not whole:
            given_up.add(file.pk)
    gone = FlowFile.objects.filter(pk__in=given_up, state=FlowFile.State.READ)
    gone.update(state=FlowFile.State.FAILED, what=LOST, next_step=DAMAGED)
    return given_up


def made_of(day: int, one: FileDay) -> list[Path]:
    """What a file was rolled up to on a day: the hours in which it was awake, and its rows where it has any."""
    return [live_path(days_folder(), day, one.sha256), *([day_path(day, one.sha256)] if one.rows else [])]


def is_whole(path: Path) -> bool:
    """Whether a Parquet file is there from its first bytes to its last, as far as its two ends tell."""
    try:
        with path.open("rb") as file:
            first = file.read(len(PARQUET))
            file.seek(-len(PARQUET), os.SEEK_END)
            return first == file.read() == PARQUET
    except OSError:
        return False


def forget_others(used: Iterable[Path]) -> None:
    """Removes results that no comparison asks for any more."""
    kept = {path.name for path in used}
    for path in results_folder().iterdir():
        if path.name not in kept:
            path.unlink(missing_ok=True)
