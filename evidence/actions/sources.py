"""Sources: adding one, bringing files, and asking for a reading."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from compliance.actions.jobs import enqueue
from compliance.actions.ledger import record
from compliance.errors import Refused
from compliance.models import Server, User
from compliance.permissions import check
from evidence.actions.attempts import PAUSED, ask_due
from evidence.artefacts import keep
from evidence.collectors.directory import LARGEST, command
from evidence.collectors.redaction import redacted, spans
from evidence.collectors.table import COLLECTORS
from evidence.gates import format_of
from evidence.models import ErrorCode, Pull, PulledArtefact, Source
from evidence.models.sources import OVER_HTTPS, OVER_SSH
from evidence.rules import Artefact

# An account is read when its secret is set, or then with what the machine itself has: both are ways to sign in. A
# device that takes a token is read when that is set; without one the reading says that there is none.
SIGNS_IN_LATER: dict[str, timedelta] = dict.fromkeys((Source.Kind.AWS, *OVER_HTTPS), timedelta(minutes=15))


def add_source(
    *,
    server: Server,
    kind: str,
    name: str,
    by: User,
    config: dict[str, Any] | None = None,
    fresh_hours: int = 48,
    every_minutes: int = 1440,
    at: datetime | None = None,
) -> Source:
    """A source of one server. Its first reading is asked for at once, unless a person brings the files or its way to
    sign in is still to be said."""
    check(by, "add_source", server.system, at=at)
    if kind not in Source.Kind.values:
        raise Refused("The source was not added", f"{kind} is no kind of source.", "Choose one of those offered.")
    if Source.objects.filter(name=name).exists():
        raise Refused("The source was not added", f"There is a source called {name} already.", "Open it instead.")
    moment, every = at or timezone.now(), timedelta(minutes=every_minutes)
    with transaction.atomic():
        source = Source.objects.create(
            system=server.system,
            server=server,
            kind=kind,
            name=name,
            config=config or {},
            fresh_hours=fresh_hours,
            every_minutes=every_minutes,
            created_at=moment,
            next_at=moment + SIGNS_IN_LATER.get(kind, every) if kind in COLLECTORS else None,
        )
        record("add_source", source, by=by, at=at, after=kind)
        if kind in COLLECTORS and kind not in OVER_SSH | SIGNS_IN_LATER.keys():  # SSH waits for its host's key
            ask(source, by=by, at=at)
    return source


def read_now(source: Source, *, by: User, at: datetime | None = None) -> Pull:
    """Asks for a reading now; refused where it could do harm: the source paused by itself, the device asked to wait."""
    check(by, "pull", source, at=at)
    if source.kind not in COLLECTORS:
        raise Refused(f"{source.name} cannot be read by itself", "Its files are brought by a person.", "Upload them.")
    if source.paused_code:
        why = PAUSED.get(source.paused_code, "It paused by itself.")
        raise Refused(f"{source.name} is paused and was not read.", why, "Mend the cause, then resume it.")
    moment = at or timezone.now()
    if asked_to_wait(source, moment):
        until = f"{timezone.localtime(source.next_at):%-d %B, %H:%M:%S}"
        why = "It said that it was asked too often, and for how long it wants to be left alone."
        raise Refused(f"{source.name} was not read.", why, f"It is read by itself at {until}.")
    with transaction.atomic():
        row = ask(source, by=by, at=at)
        record("pull", source, by=by, at=at)
    return row


def asked_to_wait(source: Source, at: datetime) -> bool:
    """Whether the device asked to be left alone, and the time is not over."""
    last = source.last_pull
    limited = last is not None and last.error_code == ErrorCode.RATE_LIMITED
    return limited and source.next_at is not None and at < source.next_at


def ask(source: Source, *, by: User | None, at: datetime | None, key: str = "", accepts: Pull | None = None) -> Pull:
    """The pull's row and its job, in the caller's transaction. `accepts`: a refused reading a person stands for."""
    row = Pull.objects.create(source=source, queued_at=at or timezone.now(), by=by, accepts=accepts)
    row.job = enqueue("pull", key=key or f"pull:{source.pk}:{row.pk}", args={"source": source.pk}, by=by)
    row.save(update_fields=["job"])
    return row


def upload(source: Source, files: Iterable[tuple[str, bytes]], *, by: User, at: datetime | None = None) -> Pull:
    """Files brought by a person: kept and hashed before anything reads them; read by a job."""
    check(by, "pull", source, at=at)
    moment = at or timezone.now()
    if source.kind != Source.Kind.UPLOAD:
        raise Refused(
            f"Nothing was uploaded to {source.name}",
            f"It is read from its {source.get_kind_display().lower()}; a file beside that would stand for the host.",
            "Add a source for uploaded files, or read this one again.",
        )
    brought = list(files)
    if not brought:
        raise Refused("Nothing was uploaded", "No file was chosen.", "Choose the dumps of the host.")
    for name, content in brought:
        if len(content) > LARGEST:
            size = len(content) // 2**20
            raise Refused(f"{name} was not taken", f"It holds {size} MB, more than a dump does.", "Look what it is.")
    return ask_for(source, brought, by=by, at=moment)


def ask_for(source: Source, files: Sequence[tuple[str, bytes]], *, by: User | None, at: datetime) -> Pull:
    """The reading of files that were brought, all of one moment: kept before anything else is written."""
    clean = [redacted(Artefact(name, content, command(name))) for name, content in files]
    kept = [(one.name, keep(one.content), spans(one.content), format_of(one)) for one in clean]
    with transaction.atomic():
        row = Pull.objects.create(source=source, queued_at=at, by=by)
        for name, stored, secrets, format_ in kept:
            PulledArtefact.objects.create(
                pull=row, stored=stored, name=name[:200], command=command(name), observed_at=at, redacted=secrets,
                format=format_,
            )  # fmt: skip
        row.job = enqueue("pull", key=f"pull:{source.pk}:{row.pk}", args={"source": source.pk}, by=by)
        row.save(update_fields=["job"])
        said = [{"name": name, "sha256": stored.sha256} for name, stored, *_ in kept]
        record("push" if by is None else "upload", source, by=by, at=at, files=said)
    return row


def pause(source: Source, *, by: User, on: bool, because: str = "", at: datetime | None = None) -> Source:
    """Stops or resumes the schedule of a source. A paused one grows stale, and that is said.

    Resuming forgets what it paused for and asks for a reading at once.
    """
    check(by, "edit_source", source, at=at)
    moment = at or timezone.now()
    with transaction.atomic():
        moved = Source.objects.filter(pk=source.pk, enabled=on).update(
            enabled=not on,
            paused_code="",
            paused_at=moment if on else None,
            failures=0,
            next_at=moment + timedelta(minutes=source.every_minutes) if not on and source.kind in COLLECTORS else None,
        )
        if not moved:
            already = "paused" if on else "running"
            raise Refused(f"{source.name} was not changed.", f"It is {already} already.", "Look at its page again.")
        source.refresh_from_db()
        record("pause" if on else "resume", source, by=by, at=at, because=because.strip())
        waiting = source.pulls.filter(state__in=[Pull.State.QUEUED, Pull.State.RUNNING]).exists()
        if not on and source.kind in COLLECTORS and not waiting:
            ask(source, by=by, at=at)
    return source


def due(now: datetime) -> int:
    """Asks for the readings whose time has come, each once; gives how many."""
    waiting = Pull.objects.filter(source=OuterRef("pk"), state__in=[Pull.State.QUEUED, Pull.State.RUNNING])
    rows = Source.objects.filter(~Exists(waiting), kind__in=COLLECTORS)
    return ask_due(rows, now, lambda one, slot: ask(one, by=None, at=now, key=f"pull:src{one.pk}:{slot}"))
