"""The dumps of the sample organisation's hosts: they arrive month by month in folders under var/, and are read."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.db import connection
from django.utils import timezone

from compliance.actions.jobs import claim
from compliance.actions.ledger import say_rest
from compliance.models import Server, User
from compliance.models.estate import day_of
from compliance.run import Run
from evidence.actions import compare, pulls, sources
from evidence.actions.deltas import note_deltas
from evidence.authorised import wanted_on
from evidence.models import Source
from reviews.sample.plan import HERE, MONTHS

MONTHLY_MINUTES = 30 * 24 * 60
FRESH_HOURS = 40 * 24  # the sample's dumps come once a month
GONE = "test-v6-01"  # its folder cannot be reached any more
PAUSED = "dev-old-01"  # its source has been paused since


def folder_of(host: str) -> Path:
    """Where the dumps of a host arrive."""
    return Path(settings.VAR) / "dumps" / host


def arrive(month: str, at: datetime, hosts: Iterable[str] | None = None) -> None:
    """The dumps of a month arrive at that moment: of all hosts, or of these."""
    for host in hosts or sorted(each.name for each in (HERE / "rules").iterdir()):
        place = folder_of(host)
        if place.exists():
            shutil.rmtree(place)
        place.mkdir(mode=0o700, parents=True)
        for dump in dumps_of(host, month).iterdir():
            (place / dump.name).write_bytes(dump.read_bytes())
            (place / dump.name).chmod(0o600)  # whatever the clone's own rights: evidence is nobody else's to write
            os.utime(place / dump.name, (at.timestamp(), at.timestamp()))


def dumps_of(host: str, month: str) -> Path:
    """The dumps of a host in a month: kept only where they differ from the month after."""
    later = MONTHS[MONTHS.index(month) :]
    return next(path for path in (HERE / "rules" / host / name for name in later) if path.exists())


def add_sources(engineer: User, at: datetime) -> None:
    """A folder source for each host. The job of its first reading is the one that `read_all` carries out."""
    for server in Server.objects.all():
        sources.add_source(
            server=server,
            kind=Source.Kind.DIRECTORY,
            name=f"{server.name} dumps",
            config={"path": str(folder_of(server.name))},
            fresh_hours=FRESH_HOURS,
            every_minutes=MONTHLY_MINUTES,
            by=engineer,
            at=at,
        )


def read_all(engineer: User, at: datetime, hosts: Iterable[str] | None = None) -> None:
    """Reads the sources (all enabled ones, or those of these hosts) as the monthly pull did at that moment."""
    rows = Source.objects.filter(enabled=True).select_related("server", "last_good")
    for source in rows.filter(server__name__in=list(hosts)) if hosts is not None else rows:
        row = source.pulls.filter(state="queued").select_related("job").first()
        row = row or sources.read_now(source, by=engineer, at=at)
        job = claim(timezone.now(), only=row.job_id)
        if job is None:
            raise RuntimeError(f"the reading of {source.name} is being carried out by somebody else")
        run = Run(job)
        pulls.take(source, row, run=run, publish=run.finish, at=at)


def month(name: str, engineer: User, at: datetime) -> None:
    """The dumps of a month arrive and are read."""
    arrive(name, at)
    read_all(engineer, at)


def compared(at: datetime) -> None:
    """The comparison of that night. The story is one transaction, so what was read is said in the ledger before.

    Otherwise the comparison would find rows of which the ledger knows nothing yet, and call them forged.
    """
    note_deltas(wanted_on(day_of(at)), at=at)
    say_rest(connection)
    compare.compare(at=at)


def pause(engineer: User, at: datetime) -> None:
    """The old server's source is paused: from then on its evidence only grows older."""
    sources.pause(Source.objects.get(server__name=PAUSED), on=True, by=engineer, at=at)


def lose() -> None:
    """The folder of one host is gone."""
    shutil.rmtree(folder_of(GONE), ignore_errors=True)
