"""Dumps that a host pushes over HTTPS: a token for one source, shown once; what came is kept first and read by a job.

A pushed dump is the host's own word, and a token that was stolen speaks for the host: it opens this one source, ends
within a year, and each push says how many bytes of which digest came.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from compliance.actions.ledger import record
from compliance.actions.tokens import NOTED_EVERY, digest_of
from compliance.errors import Refused
from compliance.models import User
from compliance.permissions import check
from evidence.actions.sources import ask_for
from evidence.collectors.directory import LARGEST, MOST
from evidence.models import Pull, PushToken, Source
from evidence.models.push import LONGEST

PREFIX: Final = "ewp_"  # so that a token found in a log is known for what it is
NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,99}")
WAITING: Final = 3  # pushes of one source that may wait to be read
NOT_TAKEN: Final = "Nothing was taken."


def make_push_token(source: Source, *, until: datetime, by: User, at: datetime | None = None) -> tuple[PushToken, str]:
    """A token for this source until a moment within a year, and its text, which is shown once."""
    moment = at or timezone.now()
    check(by, "edit_source", source, at=moment)
    if source.kind != Source.Kind.PUSH:
        raise Refused("No token was made.", f"Nothing is pushed to {source.name}.", "Add a source of that kind.")
    if not moment < until <= moment + LONGEST:
        raise Refused("No token was made.", "A token ends within a year.", "Choose an end within a year.")
    token = PREFIX + secrets.token_urlsafe(32)
    with transaction.atomic():
        row = PushToken.objects.create(
            source=source, digest=digest_of(token), made_by=by, made_at=moment, expires_at=until
        )
        record("make_push_token", source, by=by, at=moment, until=until.isoformat(), number=row.pk)
    return row, token


def revoke_push_token(row: PushToken, *, because: str, by: User, at: datetime | None = None) -> PushToken:
    """It opens nothing from now on. What came with it stays."""
    moment = at or timezone.now()
    check(by, "edit_source", row.source, at=moment)
    with transaction.atomic():
        if not PushToken.objects.filter(pk=row.pk, revoked_at__isnull=True).update(revoked_at=moment):
            raise Refused("The token was not revoked.", "It was revoked already.", "There is nothing to do.")
        record("revoke_push_token", row.source, by=by, at=moment, because=because, number=row.pk)
    row.refresh_from_db()
    return row


def source_of(token: str, *, at: datetime | None = None) -> Source | None:
    """Which source it pushes to, if it still opens anything. Its use is noted, at most once a minute."""
    moment = at or timezone.now()
    if not token.startswith(PREFIX):
        return None
    row = PushToken.objects.filter(digest=digest_of(token)).select_related("source__server").first()
    if row is None or not row.holds_at(moment):
        return None
    unnoted = Q(last_used_at__isnull=True) | Q(last_used_at__lt=moment - NOTED_EVERY)
    PushToken.objects.filter(unnoted, pk=row.pk).update(last_used_at=moment)
    return row.source


@dataclass(frozen=True)
class Busy(Exception):
    """More pushes wait than are read: the host sends again in so many seconds."""

    seconds: int


def push(source: Source, files: Sequence[tuple[str, bytes]], *, at: datetime | None = None) -> Pull:
    """The dumps of the source's host, all of one moment: kept, and read by a job. Raises Refused, or Busy."""
    moment = at or timezone.now()
    if not source.enabled:
        raise Refused(NOT_TAKEN, f"{source.name} is paused.", "Resume it on its page, then push again.")
    if source.pulls.filter(state__in=[Pull.State.QUEUED, Pull.State.RUNNING]).count() >= WAITING:
        raise Busy(60)
    refuse_odd(files)
    return ask_for(source, files, by=None, at=moment)


def refuse_odd(files: Sequence[tuple[str, bytes]]) -> None:
    """Raises Refused for no file, too many, two of one name, a name that is no plain one, or one too large."""
    names = [name for name, _ in files]
    if not files:
        raise Refused(NOT_TAKEN, "No file came.", "Send the host's dumps as files of one multipart request.")
    if len(files) > MOST:
        raise Refused(NOT_TAKEN, f"{len(files)} files came; a host has at most {MOST}.", "Push one host's dumps only.")
    for name, content in files:
        if not NAME.fullmatch(name):
            raise Refused(NOT_TAKEN, f"{name[:80]!r} is no plain file name.", "Name it like iptables-save.txt.")
        if names.count(name) > 1:
            raise Refused(NOT_TAKEN, f"Two files are called {name}.", "Give each dump a name of its own.")
        if len(content) > LARGEST:
            size = len(content) // 2**20
            raise Refused(NOT_TAKEN, f"{name} holds {size} MB, more than a dump does.", "Look what it is.")
