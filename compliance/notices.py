"""Messages to people: a row with a key in the decision's transaction, mailed once by the job `send`."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from django.utils import timezone

from compliance.actions.jobs import enqueue
from compliance.models import Outbound, User

NEWS: Final = timedelta(days=2)  # what is older when it is written down is history: kept, not mailed


def tell(person: User, *, key: str, subject: str, body: str, path: str, at: datetime | None = None) -> Outbound:
    """Keeps one message for a person under a key; the same key again is the same message. Call it inside atomic().

    `path`: the page it points to, from the root of the site ("/inbox/CHG-42/").
    """
    moment = at or timezone.now()
    row, fresh = Outbound.objects.get_or_create(
        key=key, defaults={"to": person, "subject": subject[:200], "body": body, "path": path, "created_at": moment}
    )
    if fresh and moment > timezone.now() - NEWS:
        enqueue("send", key=f"send:{key}"[:200], args={"outbound": row.pk})
    return row
