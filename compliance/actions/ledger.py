"""The ledger's inbox: one row for each decision, in the decision's own transaction."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from django.conf import settings
from django.db import connection, models, transaction
from django.utils import timezone
from django.utils.module_loading import import_string

from compliance.actions.ledger_rows import Row, noted, taken
from compliance.ledger.context import current
from compliance.ledger.keys import Keys
from compliance.models import LedgerInbox, User
from compliance.models.approvals import canonical, content_hash

FORMAT: Final = 2  # of `data`; a reader of old rows looks here
ROWS_AN_ENTRY: Final = 500
WROTE: Final = "write"  # what no verb said: a password set anew, a second factor, a migration


def record(
    verb: str,
    obj: models.Model | None,
    *,
    by: User | None,
    at: datetime | None = None,
    before: Any = "",
    after: Any = "",
    because: str = "",
    **payload: Any,
) -> LedgerInbox:
    """Notes that `by` (None: Eastwest itself) did `verb` to `obj` (None: to no single record).

    `before` and `after` are hashed unless text.
    Must be called inside the transaction of the change itself: both are kept, or neither. What the transaction wrote
    to governed rows so far is said with it; what it writes later is said at its end.
    """
    if not transaction.get_connection().in_atomic_block:
        raise transaction.TransactionManagementError("a ledger row is written in the transaction of what it records")
    moment, uid = at or timezone.now(), uuid.uuid4()
    rows, altered = taken(uid)
    data = {
        "format": FORMAT,
        "uid": str(uid),
        "time": moment.isoformat(),
        "actor": actor(by, moment),
        "request": request(),
        "verb": verb,
        "object": {"type": obj._meta.label_lower, "id": obj.pk, "version": getattr(obj, "version", None)}
        if obj is not None
        else None,
        "before": before if isinstance(before, str) else content_hash(before),
        "after": after if isinstance(after, str) else content_hash(after),
        "because": because,
        "payload": payload,
        "rows": [list(row) for row in rows[:ROWS_AN_ENTRY]],
    }
    if altered:
        data["altered"] = [list(one) for one in altered]
    kept = keep(uid, data, created=moment, by=by, system=system_of(obj) if obj is not None else None)
    for part in parts(rows[ROWS_AN_ENTRY:]):
        say_rows(part, part_of=uid, by=by)
    if hasattr(connection, "pending"):
        connection.pending.last = (uid, by)
    return kept


def keep(
    uid: uuid.UUID, data: dict[str, Any], *, created: datetime, by: User | None, system: int | None = None
) -> LedgerInbox:
    """The row, with salt and MAC; once it is committed the sequencer is told, where the database lets many write."""
    salt, about = secrets.token_hex(16), data.get("object") or {}
    row = LedgerInbox.objects.create(
        uid=uid,
        data=data,
        created=created,
        salt=salt,
        mac=mac(uid, data, salt),
        verb=str(data["verb"])[:60],
        object_type=about.get("type") or "",
        object_id=about.get("id") if isinstance(about.get("id"), int) else None,
        actor=by,
        system_id=system,
    )
    pending = getattr(connection, "pending", None)
    if connection.vendor == "postgresql" and pending is not None and not pending.told:
        pending.told = True
        transaction.on_commit(import_string("compliance.actions.ledger_seal.soon"), robust=True)
    return row


def mac(uid: uuid.UUID, data: dict[str, Any], salt: str) -> str:
    """HMAC over a row that waits, so that nobody with only the database can slip one in."""
    return Keys(settings.KEYS).mac(canonical({"uid": str(uid), "salt": salt, "data": data}))


def say_rows(
    rows: list[Row],
    *,
    uid: uuid.UUID | None = None,
    part_of: uuid.UUID | None = None,
    altered: list[tuple[str, int]] | None = None,
    verb: str = WROTE,
    because: str = "",
    by: User | None = None,
) -> LedgerInbox:
    """An entry about rows alone: what no verb said, or what was too much for one entry (`part_of`)."""
    now, uid, where = timezone.now(), uid or uuid.uuid4(), current()
    who = by or (User.objects.filter(pk=where.person).first() if where.person else None)
    data: dict[str, Any] = {
        "format": FORMAT,
        "uid": str(uid),
        "time": now.isoformat(),
        "actor": actor(who, now),
        "request": request(),
        "verb": verb,
        "object": {"type": rows[0][0], "id": rows[0][1], "version": None} if len(rows) == 1 else None,
        "before": "",
        "after": "",
        "because": because,
        "payload": {},
        "rows": [list(row) for row in rows],
    }
    if part_of:
        data["part_of"] = str(part_of)
    if altered:
        data["altered"] = [list(one) for one in altered]
    return keep(uid, data, created=now, by=who)


def say_rest(wrapper: Any) -> None:
    """What a transaction that is about to commit wrote and did not say. Called by the database connection."""
    written, altered = wrapper.pending.take()
    uid = uuid.uuid4()
    rows = noted(written, uid)
    verb, by = wrapper.pending.last or (None, None)
    if rows or altered:
        say_rows(rows[:ROWS_AN_ENTRY], uid=uid, altered=altered, part_of=verb, by=by)
    for part in parts(rows[ROWS_AN_ENTRY:]):
        say_rows(part, part_of=verb or uid, by=by)


def parts(rows: list[Row]) -> Iterator[list[Row]]:
    """As many at once as one entry holds."""
    for start in range(0, len(rows), ROWS_AN_ENTRY):
        yield rows[start : start + ROWS_AN_ENTRY]


def actor(by: User | None, at: datetime) -> dict[str, Any]:
    """Who, in which roles at that moment, and how they had signed in (where it is their own request)."""
    if by is None:
        return {"id": None, "name": "Eastwest", "roles": [], "methods": [], "mfa": False, "confirmed_at": ""}
    where = current()
    own = where.person == by.pk
    return {
        "id": by.pk,
        "name": str(by),
        "roles": sorted(set(by.grants(at).values_list("role", flat=True))),
        "methods": sorted(where.methods) if own else [],
        "mfa": where.mfa if own else False,
        "confirmed_at": where.confirmed_at if own else "",
    }


def request() -> dict[str, str]:
    """From where: a page, a job or a command, and its id."""
    where = current()
    return {"via": where.via, "id": where.request}


def system_of(obj: Any) -> int | None:
    """The system an object belongs to, by itself or through what it is about; None for what spans systems or none."""
    if obj._meta.label_lower == "compliance.system":
        return int(obj.pk)
    for owner in (obj, *(getattr(obj, name, None) for name in ("change", "connection", "server", "source", "review"))):
        found = getattr(owner, "system_id", None)
        if found is not None:
            return int(found)
    return None
