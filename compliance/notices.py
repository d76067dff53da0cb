"""Messages to people: a row with a key in the decision's transaction, mailed once by the job `send`."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from django.utils import timezone

from compliance.actions.jobs import enqueue
from compliance.classification import is_reserved, ref_of
from compliance.models import Outbound, System, User

NEWS: Final = timedelta(days=2)  # what is older when it is written down is history: kept, not mailed


def tell(
    person: User,
    *,
    key: str,
    subject: str,
    body: str,
    path: str,
    at: datetime | None = None,
    about: Iterable[System] | None = None,
) -> Outbound:
    """Keeps one message for a person under a key; the same key again is the same message. Call it inside atomic().

    `path`: the page it points to, from the root of the site ("/inbox/CHG-42/"). `about`: the systems it is about. Where
    one of them is PROTECTED or above, and where nobody knows, the message carries the id and the link alone.
    """
    moment = at or timezone.now()
    if is_reserved(path, about):
        ref = ref_of(path)
        subject, body = f"{ref} in Eastwest" if ref else "News in Eastwest", "Open the page to read it."
    subject = " ".join(subject.split())  # one line: a title with a line end would be a message that cannot be sent
    row, fresh = Outbound.objects.get_or_create(
        key=key, defaults={"to": person, "subject": subject[:200], "body": body, "path": path, "created_at": moment}
    )
    if fresh and moment > timezone.now() - NEWS:
        enqueue("send", key=f"send:{key}"[:200], args={"outbound": row.pk})
    return row
