"""The ledger's inbox: one row for each decision, in the decision's own transaction."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any, Final

from django.db import models, transaction
from django.utils import timezone

from compliance.models import LedgerInbox, User
from compliance.models.approvals import content_hash

FORMAT: Final = 1  # of `data`; a reader of old rows looks here


def record(
    verb: str,
    obj: models.Model,
    *,
    by: User | None,
    at: datetime | None = None,
    before: Any = "",
    after: Any = "",
    because: str = "",
    **payload: Any,
) -> LedgerInbox:
    """Notes that `by` (None: Eastwest itself) did `verb` to `obj`. `before` and `after` are hashed unless text.

    Must be called inside the transaction of the change itself: both are kept, or neither.
    """
    if not transaction.get_connection().in_atomic_block:
        raise transaction.TransactionManagementError("a ledger row is written in the transaction of what it records")
    moment = at or timezone.now()
    uid = uuid.uuid4()
    data = {
        "format": FORMAT,
        "uid": str(uid),
        "time": moment.isoformat(),
        "actor": actor(by, moment),
        "verb": verb,
        "object": {"type": obj._meta.label_lower, "id": obj.pk, "version": getattr(obj, "version", None)},
        "before": before if isinstance(before, str) else content_hash(before),
        "after": after if isinstance(after, str) else content_hash(after),
        "because": because,
        "payload": payload,
    }
    return LedgerInbox.objects.create(uid=uid, data=data, created=moment)


def actor(by: User | None, at: datetime) -> dict[str, Any]:
    """Who, and in which roles at that moment."""
    if by is None:
        return {"id": None, "name": "Eastwest", "roles": []}
    return {"id": by.pk, "name": str(by), "roles": sorted(set(by.grants(at).values_list("role", flat=True)))}
