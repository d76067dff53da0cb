"""Flow logs: adding one, bringing its files, fetching it now, stopping and resuming it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, Any, Final

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from compliance.actions.jobs import enqueue
from compliance.actions.ledger import record
from compliance.errors import Refused
from compliance.models import System, User
from compliance.permissions import check
from compliance.traffic.addresses import parse
from evidence.actions.attempts import PAUSED, ask_due
from evidence.actions.flow_files import incoming, keep, note
from evidence.collectors.flow_table import FLOW_COLLECTORS
from evidence.flow_states import LOST
from evidence.models import FlowFile, FlowLog, FlowPull, Source

State = FlowPull.State
WAITING: Final = (State.QUEUED, State.RUNNING)


def add_flow_log(
    *,
    system: System,
    name: str,
    kind: str,
    by: User,
    config: Mapping[str, Any] | None = None,
    through: Source | None = None,
    watches: Sequence[str] = (),
    fresh_hours: int = 48,
    every_minutes: int = 60,
    at: datetime | None = None,
) -> FlowLog:
    """A flow log of a system, whose engineers look after it. It is fetched at once, unless a person brings its files.

    `watches`: prefixes of which the person states that whatever goes to or from them passes here.
    """
    moment = at or timezone.now()
    check(by, "add_source", system, at=moment)
    wrong = "The flow log was not added."
    if kind not in FlowLog.Kind.values:
        raise Refused(wrong, f"{kind} is no kind of it.", "Choose one of those offered.")
    if FlowLog.objects.filter(name=name.strip()).exists():
        raise Refused(wrong, f"There is one called {name} already.", "Open it instead.")
    if through is not None:
        check(by, "edit_source", through, at=moment)  # its secret is used
    with transaction.atomic():
        row = FlowLog.objects.create(
            system=system, name=name.strip(), kind=kind, config=dict(config or {}), through=through,
            watches=prefixes(watches), fresh_hours=fresh_hours, every_minutes=every_minutes, created_at=moment,
            next_at=moment + timedelta(minutes=every_minutes) if kind in FLOW_COLLECTORS else None,
        )  # fmt: skip
        record("add_flow_log", row, by=by, at=moment, after=kind, watches=row.watches)
        if kind in FLOW_COLLECTORS:
            ask(row, by=by, at=moment)
    return row


def prefixes(said: Iterable[str]) -> list[str]:
    """Prefixes as they are spelt everywhere. Raises Refused naming the one that is none."""
    found: list[str] = []
    for one in said:
        try:
            parse(one.strip())
        except ValueError as error:
            raise Refused("The flow log was not changed.", f"{one.strip()} is no network.", str(error)) from error
        found.append(one.strip())
    return list(dict.fromkeys(found))


def set_watches(log: FlowLog, *, watches: Sequence[str], because: str, by: User, at: datetime | None = None) -> FlowLog:
    """States which networks it sees all of: only there may something be called unused by what it does not show."""
    moment = at or timezone.now()
    check(by, "edit_source", log, at=moment)
    if not because.strip():
        raise Refused("The flow log was not changed.", "No reason was given.", "Say how you know what passes there.")
    with transaction.atomic():
        before = list(log.watches)
        log.watches = prefixes(watches)
        log.save(update_fields=["watches"])
        record("set_watches", log, by=by, at=moment, because=because.strip(), before=before, after=log.watches)
    return log


def upload(log: FlowLog, files: Iterable[tuple[str, IO[bytes]]], *, by: User, at: datetime | None = None) -> FlowPull:
    """Files brought by a person: each is kept under its hash before anything reads it, and read by a job of its own."""
    moment = at or timezone.now()
    check(by, "pull", log, at=moment)
    if log.kind != FlowLog.Kind.UPLOAD:
        raise Refused(
            f"Nothing was uploaded to {log.name}.",
            f"It is fetched from its {log.get_kind_display().lower()}.",
            "Put the files there, or add a flow log for uploaded files.",
        )
    kept: list[tuple[str, Path]] = []
    with tempfile.TemporaryDirectory(dir=incoming()) as folder:
        for number, (name, source) in enumerate(files):
            path = Path(folder) / str(number)
            with path.open("wb") as target:
                shutil.copyfileobj(source, target, 2**20)
            if not path.stat().st_size:
                raise Refused(f"{name} was not taken.", "It is empty, which no flow log is.", "Bring it again.")
            kept.append((name, path))
        if not kept:
            raise Refused("Nothing was uploaded.", "No file was chosen.", "Choose files of the flow log.")
        stored = [keep(name, path) for name, path in kept]
    with transaction.atomic():
        row = FlowPull.objects.create(log=log, queued_at=moment, finished_at=moment, state=State.OK, by=by)
        noted = [note(row, one, mark="", received=moment, at=moment) for one in stored]
        fresh = [one.file for one in noted if one.new]
        row.state, row.what = State.OK if fresh else State.UNCHANGED, said(len(fresh), len(noted))
        row.save(update_fields=["state", "what"])
        FlowLog.objects.filter(pk=log.pk).update(last_pull=row, last_seen_at=moment)
        brought = [{"name": one.file.name, "sha256": one.file.stored.sha256} for one in noted]
        record("upload", log, by=by, at=moment, files=brought)
    return row


def said(fresh: int, every: int) -> str:
    """How many files came, in a sentence."""
    known = every - fresh
    came = f"{fresh} {'file' if fresh == 1 else 'files'} came" if fresh else "Nothing new came"
    return f"{came}{f'; {known} were here already' if known > 1 else '; one was here already' if known else ''}."


def read_now(log: FlowLog, *, by: User, at: datetime | None = None) -> FlowPull:
    """Asks for a fetching now."""
    moment = at or timezone.now()
    check(by, "pull", log, at=moment)
    if log.kind not in FLOW_COLLECTORS:
        raise Refused(f"{log.name} cannot be fetched by itself.", "A person brings its files.", "Upload them.")
    if log.paused_code:
        why = PAUSED.get(log.paused_code, "It paused by itself.")
        raise Refused(f"{log.name} is paused and was not fetched.", why, "Mend the cause, then resume it.")
    if log.pulls.filter(state__in=WAITING).exists():
        raise Refused(f"{log.name} is being fetched already.", "", "Wait for it, then ask again.")
    with transaction.atomic():
        row = ask(log, by=by, at=moment)
        record("pull", log, by=by, at=moment)
    return row


def read_again(file: FlowFile, *, by: User, at: datetime | None = None) -> FlowFile:
    """Has a file that is not used (it could not be read, or was set aside) read once more: by a newer version, say."""
    moment = at or timezone.now()
    check(by, "pull", file.log, at=moment)
    with transaction.atomic():
        moved = FlowFile.objects.filter(pk=file.pk, state__in=[*LOST, FlowFile.State.ASIDE]).update(
            state=FlowFile.State.WAITING, what=""
        )
        if not moved:
            raise Refused(f"{file.name} was not read again.", "It is read, or waits for it.", "Look at it again.")
        file.refresh_from_db()
        key = f"roll_up_flows:{file.pk}:{moment.timestamp():.6f}"
        file.job = enqueue("roll_up_flows", key=key, args={"file": file.pk}, by=by)
        file.save(update_fields=["job"])
        record("read_again", file.log, by=by, at=moment, file=file.name, sha256=file.stored.sha256)
    return file


def pause(log: FlowLog, *, on: bool, because: str = "", by: User, at: datetime | None = None) -> FlowLog:
    """Stops or resumes its schedule. What nobody fetches becomes a gap, and that is said."""
    moment = at or timezone.now()
    check(by, "edit_source", log, at=moment)
    with transaction.atomic():
        after = moment + timedelta(minutes=log.every_minutes) if not on and log.kind in FLOW_COLLECTORS else None
        moved = FlowLog.objects.filter(pk=log.pk, enabled=on).update(
            enabled=not on, paused_code="", paused_at=moment if on else None, failures=0, next_at=after
        )
        if not moved:
            already = "paused" if on else "running"
            raise Refused(f"{log.name} was not changed.", f"It is {already} already.", "Look at its page again.")
        log.refresh_from_db()
        record("pause" if on else "resume", log, by=by, at=moment, because=because.strip())
        if not on and log.kind in FLOW_COLLECTORS and not log.pulls.filter(state__in=WAITING).exists():
            ask(log, by=by, at=moment)
    return log


def ask(log: FlowLog, *, by: User | None, at: datetime, key: str = "") -> FlowPull:
    """The fetching's row and its job, in the caller's transaction."""
    row = FlowPull.objects.create(log=log, queued_at=at, by=by)
    name = key or f"fetch_flows:{log.pk}:{row.pk}"
    row.job = enqueue("fetch_flows", key=name, args={"log": log.pk, "pull": row.pk}, by=by)
    row.save(update_fields=["job"])
    return row


def due(now: datetime) -> int:
    """Asks for the fetchings whose time has come, each once; gives how many."""
    waiting = FlowPull.objects.filter(log=OuterRef("pk"), state__in=WAITING)
    rows = FlowLog.objects.filter(~Exists(waiting), kind__in=FLOW_COLLECTORS)
    return ask_due(rows, now, lambda one, slot: ask(one, by=None, at=now, key=f"fetch_flows:{one.pk}:slot:{slot}"))
