"""Messages to people: a row with a key in the decision's transaction, mailed at once by the job `send`, in the mail of
the day by `digest`, or in Eastwest only, as each person chose for its kind."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from django.utils import timezone

from compliance.actions.jobs import enqueue
from compliance.classification import is_reserved, ref_of
from compliance.models import How, Notice, NoticePreference, Outbound, System, User

NEWS: Final = timedelta(days=2)  # what is older when it is written down is history: kept, not mailed, not new


def tell(
    person: User,
    *,
    key: str,
    subject: str,
    body: str,
    path: str,
    kind: str = Notice.OUTCOME,
    at: datetime | None = None,
    about: Iterable[System] | None = None,
) -> Outbound:
    """Keeps one message for a person under a key; the same key again is the same message. Call it inside atomic().

    `kind`: what it is about (compliance/models/notices.py). `path`: the page it points to, from the root of the site
    ("/inbox/CHG-42/"). `about`: the systems it is about. Where
    one of them is PROTECTED or above, and where nobody knows, the message carries the id and the link alone.
    """
    moment = at or timezone.now()
    if is_reserved(path, about):
        ref = ref_of(path)
        subject, body = f"{ref} in Eastwest" if ref else "News in Eastwest", "Open the page to read it."
    subject = " ".join(subject.split())  # one line: a title with a line end would be a message that cannot be sent
    how = how_told(person, kind) if moment > timezone.now() - NEWS else How.IN_APP
    said = {"subject": subject[:200], "body": body, "path": path, "created_at": moment, "kind": kind, "how": how}
    said |= {"read_at": moment} if moment <= timezone.now() - NEWS else {}
    row, fresh = Outbound.objects.get_or_create(key=key, defaults={"to": person, **said})
    if fresh and how == How.AT_ONCE:
        enqueue("send", key=f"send:{key}"[:200], args={"outbound": row.pk})
    return row


def how_told(person: User, kind: str) -> str:
    """How this person wants to be told of this kind: by mail at once, where they did not choose."""
    chosen = NoticePreference.objects.filter(person=person, kind=kind).values_list("how", flat=True).first()
    return chosen or How.AT_ONCE
