"""Sources: adding one, bringing files, and asking for a reading."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from compliance.actions.jobs import enqueue
from compliance.actions.ledger import record
from compliance.errors import Refused
from compliance.models import Server, User
from compliance.permissions import check
from evidence.artefacts import keep
from evidence.collectors.directory import LARGEST, command
from evidence.models import Pull, PulledArtefact, Source


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
    """A source of one server. Its first reading is asked for at once, unless a person brings the files."""
    check(by, "add_source", server.system, at=at)
    if kind not in Source.Kind.values:
        raise Refused("The source was not added", f"{kind} is no kind of source.", "Choose one of those offered.")
    if Source.objects.filter(name=name).exists():
        raise Refused("The source was not added", f"There is a source called {name} already.", "Open it instead.")
    with transaction.atomic():
        source = Source.objects.create(
            system=server.system,
            server=server,
            kind=kind,
            name=name,
            config=config or {},
            fresh_hours=fresh_hours,
            every_minutes=every_minutes,
            created_at=at or timezone.now(),
        )
        record("add_source", source, by=by, at=at, after=kind)
        if kind != Source.Kind.UPLOAD:
            ask(source, by=by, at=at)
    return source


def read_now(source: Source, *, by: User, at: datetime | None = None) -> Pull:
    """Asks for a reading now."""
    check(by, "pull", source, at=at)
    if source.kind == Source.Kind.UPLOAD:
        raise Refused(f"{source.name} cannot be read by itself", "Its files are brought by a person.", "Upload them.")
    with transaction.atomic():
        row = ask(source, by=by, at=at)
        record("pull", source, by=by, at=at)
    return row


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
    kept = [(name, keep(content)) for name, content in brought]
    with transaction.atomic():
        row = Pull.objects.create(source=source, queued_at=moment, by=by)
        for name, stored in kept:
            PulledArtefact.objects.create(
                pull=row, stored=stored, name=name[:200], command=command(name), observed_at=moment
            )
        row.job = enqueue("pull", key=f"pull:{source.pk}:{row.pk}", args={"source": source.pk}, by=by)
        row.save(update_fields=["job"])
        record("upload", source, by=by, at=at, files=[{"name": name, "sha256": stored.sha256} for name, stored in kept])
    return row


def pause(source: Source, *, by: User, on: bool, at: datetime | None = None) -> Source:
    """Stops or resumes the schedule of a source. A paused one grows stale, and that is said."""
    check(by, "edit_source", source, at=at)
    with transaction.atomic():
        Source.objects.filter(pk=source.pk).update(enabled=not on)
        record("pause" if on else "resume", source, by=by, at=at)
    source.refresh_from_db()
    return source
